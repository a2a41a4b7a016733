"""What people see of the limits of plans: what waits for room, and letters about it."""
