"""The shape of the database: what is shared (control, bus), what each workspace has, and the runner for thousands."""
