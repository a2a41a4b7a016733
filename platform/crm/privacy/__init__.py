"""One person's data: taken out as a file, and erased from wherever it stands (GDPR, articles 15, 17 and 20)."""
