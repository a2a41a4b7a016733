"""Reads over exports: the list, and how many rows one would have."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func

from core.actor import Actor
from core.listing import Ask, Filter, Listing, Sort
from crm.exports.kinds import KINDS, kinds_in
from crm.exports.models import Export
from crm.related import member_name

LISTING = Listing(
    model=Export,
    sorts={"created": Sort(Export.id, UUID)},
    default_sort="-created",
    filters={"state": Filter(str, lambda _actor, value: Export.state == value, "exports in this state")},
    searched=False,
)
SHOWN = (
    "id", "what", "format", "ask", "state", "rows", "gone", "file_name", "file_size", "owner_id", "created_at",
    "expires_at",
)  # fmt: skip


def page(actor: Actor, cursor: str) -> Any:
    columns = [*(getattr(Export, name) for name in SHOWN), member_name(Export.owner_id).label("owner")]
    return LISTING.page(actor, Ask(cursor=cursor), *columns)


def how_many(actor: Actor, what: str, ask: Ask) -> int:
    """How many rows an export of this would have now. Raises Invalid."""
    count = 0
    for one in kinds_in(what):
        kind = KINDS[one]
        query = kind.resource.listing.query(actor, ask, func.count())
        count += actor.db.scalar(query.where(actor.reach(kind.model, "export")) if kind.right else query) or 0
    return count


def is_mine(actor: Actor, found: Export | Row[Any]) -> bool:
    return bool(found.owner_id == actor.member.id)
