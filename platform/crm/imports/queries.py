"""Reads over imports: the list, the same file brought in before, the rows refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from core import limits
from core.actor import Actor
from core.listing import Filter, Listing, Sort
from crm.imports.models import Import, RefusedRow
from tenants.models import Member

LISTING = Listing(
    model=Import,
    sorts={"created": Sort(Import.id, UUID), "updated": Sort(Import.updated_at, datetime)},
    default_sort="-created",
    filters={
        "state": Filter(str, lambda _actor, value: Import.state == value, "imports in this state"),
        "owner_id": Filter(UUID, lambda _actor, value: Import.owner_id == value, "imports of this member"),
        "file_hash": Filter(
            str, lambda _actor, value: Import.file_hash == value, "imports of the file with this SHA-256"
        ),
    },
    searched=False,
)


def same_file(actor: Actor, found: Import) -> Import | None:
    """The newest other import of the very same file that brought something in and was not undone."""
    query = (
        actor.visible(Import)
        .where(Import.file_hash == found.file_hash, Import.id != found.id, Import.state.not_in(("draft", "undone")))
        .order_by(Import.id.desc())
        .limit(1)
    )
    return actor.db.scalar(query)  # type: ignore[no-any-return]


def owner_names(actor: Actor, rows: list[Row[Any]]) -> dict[UUID, str]:
    ids = {row.owner_id for row in rows if row.owner_id}
    query = actor.visible(Member, Member.id, Member.name).where(Member.id.in_(ids))
    return {row.id: row.name for row in actor.db.execute(query)} if ids else {}


def refused_rows(actor: Actor, found: Import, after: int = 0, limit: int = 1_000) -> list[RefusedRow]:
    """The refused rows of an import in hand, in the file's order."""
    query = (
        select(RefusedRow)
        .where(RefusedRow.import_id == found.id, RefusedRow.line > after)
        .order_by(RefusedRow.line)
        .limit(limit)
    )
    return list(actor.db.scalars(query))


@dataclass(frozen=True)
class Fits:
    """How many new contacts a checked file has, and how many there is room for."""

    new: int
    room: int


def fits(actor: Actor, found: Import) -> Fits | None:
    """Where not all of them fit into the plan. How duplicates are treated is not asked: at least these are new."""
    numbers = found.checked
    room = limits.room(actor.db, "contacts")
    if room is None or not numbers.get("done"):
        return None
    new = numbers["rows"] - numbers["refused"] - numbers["in_workspace"] - numbers["in_file"]
    return Fits(new, room) if new > room else None
