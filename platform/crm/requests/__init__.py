"""Requests: what a client asked for, by any channel, until somebody has seen to it."""
