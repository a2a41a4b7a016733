"""Reads over the fields that a business has added."""

from uuid import UUID

from sqlalchemy import select

from core.actor import Actor
from core.errors import NotFound
from core.listing import Filter, Listing, Sort
from crm.fields.models import Field, RecordKind

LISTING = Listing(
    model=Field,
    sorts={"created": Sort(Field.id, UUID), "position": Sort(Field.position, int)},
    default_sort="position",
    filters={
        "record_kind": Filter(
            RecordKind, lambda _actor, value: Field.record_kind == value, "fields of contacts, companies or deals"
        )
    },
    searched=False,
)


def fields_of(actor: Actor, kind: str) -> list[Field]:
    """The fields in use of contacts, companies or deals, in their order; none for who may not see them. Whoever works
    with the records, be it a token or a process of few rights, needs no further right for what they are made of."""
    if "custom" in actor.hidden(kind):
        return []
    query = (
        select(Field).where(Field.record_kind == kind, Field.deleted_at.is_(None)).order_by(Field.position, Field.id)
    )
    return list(actor.db.scalars(query))


def known(actor: Actor, field_id: UUID) -> Field:
    """The field, though it be in the bin. Raises NotFound."""
    field = actor.db.scalar(select(Field).where(Field.id == field_id, actor.reach(Field)))
    if field is None:
        raise NotFound()
    return field


def removed(actor: Actor) -> list[Field]:
    """The fields in the bin, the last removed first."""
    query = select(Field).where(Field.deleted_at.is_not(None), actor.reach(Field)).order_by(Field.deleted_at.desc())
    return list(actor.db.scalars(query))
