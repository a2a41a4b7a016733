"""The people of a workspace: directory, invitations, departments and teams, and how one joins."""
