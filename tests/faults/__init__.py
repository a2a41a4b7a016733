"""Okno under faults: what was acknowledged is stored, and what follows from it happens once.

`running` starts a real Okno, `clients` write to it and keep what was acknowledged in files of their own, `run` kills,
stops and restarts its parts while they do, and compares at the end. `python -m tests.faults` is the long form.
"""
