"""The shape of the database: what is common (control, bus), what each workspace has, and the runner for thousands of them."""
