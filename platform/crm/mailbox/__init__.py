"""The local mailbox of the embedded run, shown to whoever tries Okno. In production these pages do not exist."""

from crm.mailbox.pages import register

__all__ = ["register"]
