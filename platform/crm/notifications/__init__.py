"""Who is told of what, and how: a line in the app, a mail, a push to the browser, a digest in the morning."""
