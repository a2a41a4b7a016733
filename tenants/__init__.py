"""Workspaces and the people in them: sign-up, provisioning, isolation, identities, sessions, members, tokens."""
