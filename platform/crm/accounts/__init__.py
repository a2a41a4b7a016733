"""Accounts of people: sign-up, log-in, the links that come by mail, and one's own account."""

from crm.accounts.pages import register

__all__ = ["register"]
