"""Columns of a file that are a contact's own fields: which there are, and how a cell of each type is read.

Their keys are `custom.<key>`, beside those of columns.FIELDS.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flask_babel import format_date, format_decimal
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid
from core.text import plain
from crm.fields.models import Field, FieldType
from crm.fields.queries import fields_of
from crm.fields.values import checked

from .columns import plain_heading
from .rows import Change, ParsedContact, Take, UnfitError, date_of

PREFIX = "custom."
# What a person who keeps tables writes for yes and for no, in plain letters.
YES = frozenset({"ano", "a", "yes", "y", "true", "pravda", "1", "x"})
NO = frozenset({"ne", "n", "no", "nie", "false", "nepravda", "0"})
WRONG: Mapping[FieldType, str] = {
    "text": "too_long", "lines": "too_long", "number": "number", "day": "date", "choice": "option", "choices": "option",
    "yes": "yes", "link": "link",
}  # fmt: skip


def own_fields(actor: Actor) -> dict[str, Field]:
    """The fields in use of contacts by their keys here; none for who may not see or change them. They belong to no
    session, since rows are read beside it."""
    if "custom" in actor.locked("contact"):
        return {}
    return {f"{PREFIX}{one.key}": alone(one) for one in fields_of(actor, "contact")}


def alone(field: Field) -> Field:
    return Field(record_kind="contact", key=field.key, label=field.label, type=field.type, options=[*field.options])


def headings_of(fields: Mapping[str, Field]) -> dict[str, str]:
    """How the heading of a column names each field: by its label or its key, in plain letters."""
    by_key = {plain_heading(field.key): key for key, field in fields.items()}
    return by_key | {plain_heading(field.label): key for key, field in fields.items()}


def takers(fields: Mapping[str, Field], language: str) -> dict[str, Take]:
    """For each key what takes a cell into a contact. `language` is the workspace's, by which 1,480 is told."""
    return {key: taker(field, language) for key, field in fields.items()}


def taker(field: Field, language: str) -> Take:
    read = READ[field.type]

    def take(contact: ParsedContact, key: str, value: str) -> None:
        try:
            kept = checked(field, read(field, value, language))
        except Invalid:
            raise UnfitError(WRONG[field.type]) from None
        if kept is not None:
            contact.custom = {**(contact.custom or {}), field.key: kept}
            if field.type in ("choice", "choices") and written(kept) != written(value.split("\n")):
                contact.changes.append(Change(key, value, written(kept)))

    return take


def number_of(_field: Field, typed: str, language: str) -> Decimal:
    """ "1 480,50", "1.480,50", "1,480.50" or "1480.5"; a comma alone is decimal, unless English groups by it."""
    compact = "".join(typed.split())
    if re.fullmatch(r"-?\d{1,3}(\.\d{3})+,\d+|-?\d{1,3}(\.\d{3}){2,}", compact):
        compact = compact.replace(".", "")
    elif re.fullmatch(r"-?\d{1,3}(,\d{3})+\.\d+|-?\d{1,3}(,\d{3}){2,}", compact) or (
        language == "en" and re.fullmatch(r"-?\d{1,3},\d{3}", compact)
    ):
        compact = compact.replace(",", "")
    compact = compact.replace(",", ".")
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,30})?", compact):
        raise UnfitError("number")
    return Decimal(compact)


def yes_of(_field: Field, typed: str, _language: str) -> bool:
    said = plain(typed)
    if said not in YES | NO:
        raise UnfitError("yes")
    return said in YES


def option_of(field: Field, typed: str, _language: str = "") -> str:
    """The option that is written so, letter for letter or in plain letters."""
    if typed in field.options:
        return typed
    return next((one for one in field.options if plain(one) == plain(typed)), typed)


def options_of(field: Field, typed: str, _language: str) -> list[str]:
    """One a line, as our own exports have them, or between commas or semicolons."""
    if option_of(field, typed) in field.options:
        return [option_of(field, typed)]
    parts = typed.split("\n") if "\n" in typed else re.split("[,;|]", typed)
    return [option_of(field, part.strip()) for part in parts if part.strip()]


def one_line(_field: Field, typed: str, _language: str) -> str:
    return " ".join(typed.split())


READ: Mapping[FieldType, Callable[[Field, str, str], Any]] = {
    "text": one_line,
    "lines": lambda _field, typed, _language: typed,
    "number": number_of,
    "day": lambda _field, typed, _language: date_of(typed).isoformat(),
    "choice": option_of,
    "choices": options_of,
    "yes": yes_of,
    "link": one_line,
}


def written(value: Any) -> str:
    """A value as the check of a file keeps it to be looked at: in no language, so that each reader has it in theirs."""
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def said(field: Field, text: str) -> str:
    """What `written` kept, as people read it."""
    if field.type == "day" and text:
        return str(format_date(date_of(text), "medium"))
    if field.type == "number" and text:
        return str(format_decimal(Decimal(text), "#,##0.######"))
    if field.type == "yes" and text:
        return str(_("yes") if text == "True" else _("no"))
    return text
