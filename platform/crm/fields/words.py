"""A business's own fields as documents and mails name them, `deal.custom.windows`, and what they say there."""

from collections.abc import Mapping

from sqlalchemy import select

from core.actor import Actor
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.fields.models import RECORD_KINDS, Field
from crm.fields.queries import fields_of
from crm.fields.values import said_of

Records = Mapping[str, Contact | Company | Deal | None]  # by their kind


def names_of(actor: Actor) -> dict[str, str]:
    """The label of each field that this actor may see, by its name."""
    return {f"{kind}.custom.{one.key}": one.label for kind in RECORD_KINDS for one in fields_of(actor, kind)}


def all_names(actor: Actor, *, removed: bool = False) -> set[str]:
    """The names of all fields, those too that this actor may not see: a template that has one goes on, and says nothing
    there. With those in the bin, if asked for."""
    query = select(Field.record_kind, Field.key)
    rows = actor.db.execute(query if removed else query.where(Field.deleted_at.is_(None)))
    return {f"{kind}.custom.{key}" for kind, key in rows}


def texts_of(actor: Actor, records: Records) -> dict[str, dict[str, str]]:
    """By kind and key what is said, as people read it in the present language; "" where nothing is, or may be seen."""
    texts: dict[str, dict[str, str]] = {kind: {} for kind in records}
    for name in all_names(actor):
        kind, _custom, key = name.split(".")
        texts.get(kind, {})[key] = ""
    for kind, record in records.items():
        if record:
            texts[kind] |= {one.key: said_of(one, record.custom.get(one.key)) for one in fields_of(actor, kind)}
    return texts
