"""Absences: who is away or has left, and who takes over what is theirs."""
