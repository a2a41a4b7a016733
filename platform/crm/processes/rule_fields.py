"""What rules may ask about and set: fields of the deal, its contact and company, the business's own among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.actor import Actor
from crm.fields.models import Field, FieldType
from crm.fields.queries import fields_of

Op = Literal["is", "is_not", "more", "less", "contains", "filled", "empty"]
Type = Literal["text", "number", "stage", "member", "list", "choice", "yes", "day"]


@dataclass(frozen=True)
class Known:
    """A field that a rule asks about or sets: its words, the kind of its value, and of a choice what there is."""

    words: Any
    type: Type
    options: tuple[str, ...] = ()

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(option, option) for option in self.options]


ASKED: dict[str, Known] = {
    "deal.amount": Known(_l("the amount of the deal"), "number"),
    "deal.stage_id": Known(_l("the stage of the deal"), "stage"),
    "deal.owner_id": Known(_l("the owner of the deal"), "member"),
    "deal.probability": Known(_l("the probability of the deal"), "number"),
    "deal.name": Known(_l("the name of the deal"), "text"),
    "deal.about": Known(_l("the description of the deal"), "text"),
    "contact.source": Known(_l("the source of the contact"), "text"),
    "contact.labels": Known(_l("the labels of the contact"), "list"),
    "contact.name": Known(_l("the name of the contact"), "text"),
    "company.name": Known(_l("the name of the company"), "text"),
    "company.labels": Known(_l("the labels of the company"), "list"),
}
OPS: dict[Type, tuple[Op, ...]] = {
    "text": ("is", "is_not", "contains", "filled", "empty"),
    "number": ("is", "more", "less", "filled", "empty"),
    "stage": ("is", "is_not"),
    "member": ("is", "is_not"),
    "list": ("contains", "filled", "empty"),
    "choice": ("is", "is_not", "filled", "empty"),
    "yes": ("is",),
    "day": ("filled", "empty"),
}
SET: dict[str, Known] = {
    "owner_id": Known(_l("the owner of the deal"), "member"),
    "amount": Known(_l("the amount of the deal"), "number"),
    "probability": Known(_l("the probability of the deal"), "number"),
    "about": Known(_l("the description of the deal"), "text"),
}
OF_OWN: Mapping[FieldType, Type] = {
    "text": "text", "lines": "text", "link": "text", "number": "number", "day": "day", "choice": "choice",
    "choices": "list", "yes": "yes",
}  # fmt: skip
OF = {"deal": _l("%(field)s of the deal"), "contact": _l("%(field)s of the contact"),
      "company": _l("%(field)s of the company")}  # fmt: skip


@dataclass(frozen=True)
class Fields:
    asked: Mapping[str, Known]
    settable: Mapping[str, Known]

    @classmethod
    def of(cls, actor: Actor) -> "Fields":
        own = {kind: [(field.key, known_of(field)) for field in fields_of(actor, kind)] for kind in OF}
        asked = {f"{kind}.custom.{key}": known for kind, found in own.items() for key, known in found}
        settable = {f"custom.{key}": known for key, known in own["deal"] if known.type not in ("list", "day")}
        return cls(ASKED | asked, SET | settable)


def known_of(field: Field) -> Known:
    words = str(OF[field.record_kind]) % {"field": field.label}
    return Known(words, OF_OWN[field.type], tuple(field.options))


def gone() -> Known:
    """In the place of a field that was removed since the rule was written."""
    return Known(_("a field that is gone"), "text")
