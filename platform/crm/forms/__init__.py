"""Web forms: made in the settings, shown on any web site."""
