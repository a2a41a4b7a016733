"""Settings of a workspace: its own particulars, and the API tokens of its members."""
