"""Plans, limits, entitlements and payments."""
