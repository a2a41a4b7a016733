"""What a value of a process may be taken from, in the words of whoever draws: the deal, its client, the time.

The designer writes them into expressions and shows an expression that it wrote by these words again; what earlier steps
bring it reads from the drawing itself (assets/src/bpmn/values.ts).
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from core.actor import Actor
from crm.fields.models import FieldType
from crm.fields.queries import fields_of
from crm.processes import forms
from crm.processes.bpmn import BPMN, Element, extensions, parsed
from crm.processes.words import SUBJECTS


@dataclass(frozen=True)
class Known:
    """`raw` is its CEL, `text` how it is written within a text, `guard` when it is there. `type` is text, number, date,
    moment, member, or the kind of a record."""

    raw: str
    words: Any
    type: str = "text"
    text: str = ""
    guard: str = ""


KNOWN: dict[str, tuple[Known, ...]] = {
    "deal": (
        Known("deal.id", _l("The deal"), "deal"),
        Known("deal.name", _l("Name of the deal")),
        Known(
            "deal.amount",
            _l("Amount of the deal"),
            "number",
            "money(deal.amount, deal.currency)",
            "deal.amount != null",
        ),
        Known("deal.currency", _l("Currency of the deal")),
        Known("deal.stage", _l("Stage of the deal")),
        Known("deal.stage_id", _l("The stage of the deal"), "stages"),
        Known("deal.owner_id", _l("Whoever the deal belongs to"), "members", guard="deal.owner_id != null"),
        Known("deal.expected_close", _l("Expected close"), "date", guard="deal.expected_close != null"),
        Known("deal.probability", _l("Probability"), "number", guard="deal.probability != null"),
        Known("deal.source", _l("Source of the deal")),
        Known("deal.about", _l("Description of the deal")),
    ),
    "contact": (
        Known("contact.id", _l("The contact"), "contact"),
        Known("contact.name", _l("Name of the contact")),
        Known("contact.first_name", _l("First name")),
        Known("contact.last_name", _l("Last name")),
        Known("contact.emails[0].address", _l("E-mail of the contact"), guard="size(contact.emails) > 0"),
        Known("contact.phones[0].number", _l("Phone of the contact"), guard="size(contact.phones) > 0"),
        Known("contact.position", _l("Position")),
        Known("contact.source", _l("Source of the contact")),
        Known("contact.owner_id", _l("Whoever the contact belongs to"), "members", guard="contact.owner_id != null"),
    ),
    "company": (
        Known("company.id", _l("The company"), "company"),
        Known("company.name", _l("Name of the company")),
        Known("company.reg_no", _l("Registration number")),
        Known("company.vat_no", _l("VAT number")),
        Known("company.emails[0].address", _l("E-mail of the company"), guard="size(company.emails) > 0"),
        Known("company.phones[0].number", _l("Phone of the company"), guard="size(company.phones) > 0"),
        Known("company.owner_id", _l("Whoever the company belongs to"), "members", guard="company.owner_id != null"),
    ),
    "": (
        Known("today", _l("Today"), "date"),
        Known("now", _l("Now"), "moment", "string(now)"),
        Known("started_by", _l("Whoever started it"), "members", guard='started_by != ""'),
    ),
}


# Types of values, by the types of a business's own fields; several choices are no one value.
OWN: dict[FieldType, str] = {
    "text": "text", "lines": "text", "link": "text", "choice": "text", "number": "number", "day": "date",
    "yes": "yesno",
}  # fmt: skip


def known(actor: Actor) -> list[dict[str, Any]]:
    """For the page: each with the kind of record it is of."""
    return [
        {**{key: value for key, value in asdict(one).items() if value}, "words": str(one.words), "of": kind,
         "group": str(SUBJECTS.get(kind, _l("The process")))}
        for kind, one in all_known(actor)
    ]  # fmt: skip


def all_known(actor: Actor) -> Iterator[tuple[str, Known]]:
    """What there always is, and the business's own fields, each with the kind of record it is of."""
    for kind, usual in KNOWN.items():
        yield from ((kind, one) for one in usual)
        for field in fields_of(actor, kind):
            raw = f"{kind}.custom.{field.key}"
            if field.type in OWN:
                yield kind, Known(raw, field.label, OWN[field.type], guard=f"has({raw}) && {raw} != null")


# Types of what can be looked at, by the types of values and of fields in forms.
LOOKED_AT = {"text": "text", "long": "text", "choice": "text", "number": "number", "yesno": "yesno", "date": "date"}


def to_look_at(actor: Actor, xml: str) -> list[dict[str, str]]:
    """What a decision table of this process may look at: {group, words, kind, expression}. What is not there is
    nothing, and no reason to stop."""
    root = parsed(xml.encode())
    settings = next((one for node in root.iter(f"{{{BPMN}}}process") for one in extensions(node)), None)
    subject = settings.get("subject") if settings is not None else ""
    found = [
        {
            "group": str(SUBJECTS.get(kind, _l("The process"))), "words": str(one.words), "kind": one.type,
            "expression": one.raw if kind in ("", subject) and one.raw.count(".") < 2 else asked(kind, one),
        }
        for kind, one in all_known(actor)
        if one.type in LOOKED_AT
    ]  # fmt: skip
    for node in root.iter(f"{{{BPMN}}}userTask", f"{{{BPMN}}}manualTask"):
        step = Element(node.get("id") or "", "userTask", node.get("name") or "", extensions=tuple(extensions(node)))
        here = f"steps.{step.id}"
        found += [
            {
                "group": step.title, "words": one.label, "kind": LOOKED_AT.get(one.type, "text"),
                "expression": f"has({here}) && has({here}.{one.name}) ? {here}.{one.name} : null",
            }
            for one in forms.fields_of(step)
            if step.id.isidentifier()
        ]  # fmt: skip
    return found


def asked(kind: str, one: Known) -> str:
    """The value, or null where the run has none: it may be about something without a client."""
    field = re.match(r"\w+\.\w+", one.raw)
    guard = " && ".join(filter(None, (f"has({field[0]})" if field else "", one.guard)))
    return f"{guard} ? {one.raw} : null" if kind else one.raw
