"""What records say in a business's own fields: checked when it is given, and shown as people read it.

    text, lines    text (lines may have several)
    number         a number, at most 15 digits before the point and 6 behind it
    day            text as 2026-12-31
    choice         one of the field's options
    choices        a list of them
    yes            true; not there for no
    link           an address of the web

A value that is nothing is not kept.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from flask_babel import format_date, format_decimal
from flask_babel import gettext as _
from pydantic import Field as Described

from core.actor import Actor
from core.errors import WORDS, Invalid
from core.numbers import number_text, written_number
from core.text import checked_website
from crm.fields.models import Field, FieldType
from crm.fields.queries import fields_of

CUSTOM = "What it says in fields of your own, by their key (see fields); null for nothing. Those left out stay."
Custom = Annotated[dict[str, Any], Described(max_length=200, description=CUSTOM)]

LARGEST = 10**15


def settle(actor: Actor, kind: str, given: dict[str, Any], known: Mapping[str, Any] | None = None) -> None:
    """Put into `given` the whole `custom` of a record that has `known` now; of a new record None. A field that is left
    out stays as it is: a required one must not be said to be nothing, as forms do that show it. Raises Invalid, each
    message at `custom.<key>`."""
    said: Mapping[str, Any] = given.pop("custom", None) or {}
    if not said:
        return
    fields = {field.key: field for field in fields_of(actor, kind)}
    wrong: list[tuple[str, str]] = []
    values = dict(known or {})
    for key, value in said.items():
        try:
            values[key] = checked(fields.get(key), value, values.get(key))
        except Invalid as error:
            wrong += [(f"custom.{key}", message) for _field, message in error.fields]
        else:
            if fields[key].required and is_nothing(values[key]):
                wrong.append((f"custom.{key}", _("Fill this in.")))
    if wrong:
        raise Invalid(*wrong)
    given["custom"] = said_in(values)


def said_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that say something."""
    return {key: value for key, value in values.items() if not is_nothing(value)}


def is_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [])


def checked(field: Field | None, value: Any, known: Any = None) -> Any:
    """The value as it is kept; None for nothing. An option that was taken away may stay where it is (`known`). Raises
    Invalid."""
    if field is None:
        raise Invalid(("", _("There is no such field.")))
    if value is None or value == "":
        return None
    return KEPT[field.type](field, value, known)


def as_text(value: Any, most: int = 1000) -> str:
    if not isinstance(value, str):
        raise Invalid(("", WORDS["string_type"]))
    if "\0" in value:
        raise Invalid(("", _("Leave out the zero bytes.")))
    if len(value) > most:
        raise Invalid(("", _("Write at most %(most)s characters.", most=most)))
    return value.strip()


def as_number(value: Any) -> int | float:
    if isinstance(value, str):
        value = written_number(value, "", decimals=6)
    number: int | float | Decimal = value if type(value) in (int, float, Decimal) else LARGEST
    if not -LARGEST < number < LARGEST:
        raise Invalid(("", _("Write a number, such as %(example)s.", example=number_text(Decimal("1480.50")))))
    return int(number) if number == int(number) else round(float(number), 6)


def as_day(value: Any) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except (ValueError, AttributeError):
        raise Invalid(("", WORDS["date_parsing"])) from None


def as_yes(value: Any) -> bool:
    said = str(value).strip().lower() if isinstance(value, str | bool) else ""
    if said not in YES + NO:
        raise Invalid(("", WORDS["bool_parsing"]))
    return said in YES


YES, NO = ("yes", "true", "1"), ("no", "false", "0")


def as_option(field: Field, value: str, kept: list[Any]) -> str:
    if value not in field.options and value not in kept:
        raise Invalid(("", _("Choose one of: %(options)s.", options=", ".join(field.options))))
    return value


def as_link(value: str) -> str:
    try:
        return checked_website(value)
    except ValueError as error:
        raise Invalid(("", str(error))) from None


def listed(known: Any) -> list[Any]:
    return known if isinstance(known, list) else []


def lines_of(value: Any) -> list[str]:
    """The choices of a list, or of a text with one a line."""
    found = value.split("\n") if isinstance(value, str) else value
    if not isinstance(found, list) or len(found) > 200:
        raise Invalid(("", WORDS["list_type"]))
    return list(dict.fromkeys(text for one in found if (text := as_text(one))))


KEPT: Mapping[FieldType, Callable[[Field, Any, Any], Any]] = {
    "text": lambda _field, value, _known: as_text(value),
    "lines": lambda _field, value, _known: as_text(value, 10_000),
    "number": lambda _field, value, _known: as_number(value),
    "day": lambda _field, value, _known: as_day(value),
    "choice": lambda field, value, known: as_option(field, as_text(value), [known]),
    "choices": lambda field, value, known: [as_option(field, one, listed(known)) for one in lines_of(value)],
    "yes": lambda _field, value, _known: as_yes(value),
    "link": lambda _field, value, _known: as_link(as_text(value)),
}


def text_of(value: Any) -> str:
    """A value as a form shows it, and as `checked` takes it."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, int | float):
        return number_text(Decimal(str(value)), "0.######")
    return str(value)


def said_of(field: Field, value: Any) -> str:
    """A value as people read it; "" for none."""
    if is_nothing(value):
        return ""
    if field.type == "yes":
        return str(_("Yes"))
    if field.type == "day" and isinstance(value, str):
        return str(format_date(date.fromisoformat(value), "medium"))
    if field.type == "number" and isinstance(value, int | float):
        return str(format_decimal(Decimal(str(value)), "#,##0.######"))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
