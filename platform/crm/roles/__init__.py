"""Who may do what: the matrix of roles, seeing with another member's eyes, and why somebody may or may not."""
