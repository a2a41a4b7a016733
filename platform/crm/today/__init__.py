"""Today: what waits for one member now."""
