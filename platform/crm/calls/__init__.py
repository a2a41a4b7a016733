"""Telephone: calls as the telephone tells of them, whose card pops up, and what is written of them."""
