"""Identifiers: UUID version 7 (RFC 9562), which need no sequence, sort by time and survive restores."""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A fresh identifier, greater than all those this process made before."""
    return uuid_utils.compat.uuid7()


def time_of(identifier: UUID) -> datetime:
    """The moment, to the millisecond, at which `new_id` made the identifier."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
