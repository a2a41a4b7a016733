"""Quotes: what a client is offered, sent, and answers on a page of their own."""
