"""Payments of clients."""
