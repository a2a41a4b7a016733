"""The product: one folder a feature, and app.py that wires all."""
