"""A business's own fields as documents and mails name them, `deal.custom.windows`, and what they say there."""

from collections.abc import Mapping

from core.actor import Actor
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.fields.models import RECORD_KINDS
from crm.fields.queries import fields_of
from crm.fields.values import said_of

Records = Mapping[str, Contact | Company | Deal | None]  # by their kind


def names_of(actor: Actor) -> dict[str, str]:
    """The label of each field that this actor may see, by its name."""
    return {f"{kind}.custom.{one.key}": one.label for kind in RECORD_KINDS for one in fields_of(actor, kind)}


def texts_of(actor: Actor, records: Records) -> dict[str, dict[str, str]]:
    """By kind and key what is said, as people read it in the present language; "" where nothing is."""
    return {
        kind: {one.key: said_of(one, record.custom.get(one.key)) if record else "" for one in fields_of(actor, kind)}
        for kind, record in records.items()
    }
