"""Bringing contacts in from a file: read it, guess its columns, check its rows, report what was refused."""
