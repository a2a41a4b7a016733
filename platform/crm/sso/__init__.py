"""Single sign-on of a workspace: its settings, and the log-in by its provider."""
