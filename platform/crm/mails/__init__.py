"""Mail: what members write to clients from the card, and what clients answer."""
