"""The form of a user step: which fields it has, and whether what was filled in fits them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext as _

from core.errors import Invalid
from crm.processes.bpmn import Element

FIELD_TYPES = ("text", "long", "number", "yesno", "date", "choice")
LONGEST = {"text": 500, "long": 10_000}
LARGEST = Decimal(10) ** 12


@dataclass(frozen=True)
class Field:
    """One line of `<okno:form>`: `<okno:field name="width" label="Width in mm" type="number" required="true"/>`."""

    name: str
    label: str
    type: str
    required: bool
    options: tuple[str, ...] = ()

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The options as pages offer them: (value, text)."""
        return [(option, option) for option in self.options]


def fields_of(element: Element) -> list[Field]:
    form = element.own("form")
    return [
        Field(
            name=one.get("name"),
            label=one.get("label") or one.get("name"),
            type=one.get("type") or "text",
            required=one.get("required") == "true",
            options=tuple(option for option in one.get("options").split("|") if option),
        )
        for one in (form.inner if form is not None else ())
        if one.name == "field"
    ]


def filled(fields: list[Field], given: dict[str, Any]) -> dict[str, Any]:
    """The values to keep, each of its type. Raises Invalid, which names what is missing or does not fit."""
    wrong: list[tuple[str, Any]] = [
        (name, _("There is no such field.")) for name in given.keys() - {f.name for f in fields}
    ]
    values: dict[str, Any] = {}
    for one in fields:
        value = given.get(one.name)
        if value is None or value == "":
            if one.required:
                wrong.append((one.name, _("Fill this in.")))
            continue
        try:
            values[one.name] = value_of(one, value)
        except ValueError as error:
            wrong.append((one.name, str(error)))
    if wrong:
        raise Invalid(*wrong)
    return values


def value_of(one: Field, value: Any) -> Any:
    """What was filled in, as it is kept: numbers with a fraction, since conditions compare them so."""
    if not isinstance(value, str | int | float | bool) or "\0" in str(value):
        raise ValueError(_("Write a text here."))
    match one.type:
        case "number":
            return number_of(value)
        case "yesno":
            if str(value).lower() not in ("true", "false", "yes", "no", "on"):
                raise ValueError(_("Choose yes or no."))
            return str(value).lower() in ("true", "yes", "on")
        case "date":
            try:
                return date.fromisoformat(str(value)).isoformat()
            except ValueError:
                raise ValueError(_("Write a date as 2026-12-31.")) from None
        case "choice" if str(value) not in one.options:
            raise ValueError(_("Choose one of: %(expected)s.", expected=", ".join(one.options)))
    text = str(value).strip()
    longest = LONGEST.get(one.type, 500)
    if len(text) > longest:
        raise ValueError(_("Too long: at most %(max_length)s characters.", max_length=longest))
    return text


def number_of(value: Any) -> float:
    try:
        number = Decimal(str(value).strip().replace(" ", "").replace(",", "."))
    except InvalidOperation:
        raise ValueError(_("Write a number.")) from None
    if isinstance(value, bool) or not number.is_finite() or abs(number) > LARGEST:
        raise ValueError(_("Write a number."))
    return float(number)
