"""What a form can ask: each kind of field, where its answer goes, and how an answer is read.

An answer never makes a form lose what a client typed: what cannot be read is told beside its field, with all the rest
kept. A field that was taken out of the form while somebody was filling it in is kept among the answers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from core.people import checked_email

Shape = Literal["line", "text", "choice", "choices", "check", "file", "consent"]
OWN = "own"  # a field of the business's own (crm.forms.own)
MOST = 200  # characters of a line
MOST_TEXT = 10_000


@dataclass(frozen=True)
class Kind:
    """`goes` is where the answer is kept: a column of the request, "contact.x" or "deal.x" for what is made of it, or
    "" for the answers. `fill` is the browser's name for what it may fill in (autocomplete), `mode` of the keys that a
    telephone shows."""

    name: Any
    label: Any
    goes: str = ""
    shape: Shape = "line"
    type: str = "text"
    fill: str = "off"
    mode: str = ""
    read: Callable[[str], Any] = str


def read_email(typed: str) -> str:
    return checked_email(typed)


def read_phone(typed: str) -> str:
    if len(re.sub(r"\D", "", typed)) < 5:
        raise ValueError(_("Write a phone number with all its digits."))
    return typed


def read_amount(typed: str) -> str:
    written = re.sub(r"[\s\xa0\u202f]", "", typed).replace(",", ".")
    try:
        amount = Decimal(written)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount < 10**12:
        raise ValueError(_("Write a number, such as 12 500."))
    return str(amount.quantize(Decimal("0.01")))


def read_day(typed: str) -> str:
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError:
        raise ValueError(_("Choose a day.")) from None


KINDS: dict[str, Kind] = {
    "name": Kind(_l("Full name"), _l("Your name"), "name", fill="name"),
    "first_name": Kind(_l("First name"), _l("First name"), "contact.first_name", fill="given-name"),
    "last_name": Kind(_l("Last name"), _l("Last name"), "contact.last_name", fill="family-name"),
    "email": Kind(_l("E-mail"), _l("E-mail"), "email", type="email", fill="email", read=read_email),
    "phone": Kind(_l("Phone"), _l("Phone"), "phone", type="tel", fill="tel", read=read_phone),
    "company": Kind(_l("Company"), _l("Company"), "company", fill="organization"),
    "position": Kind(_l("Position"), _l("Position"), "contact.position", fill="organization-title"),
    "street": Kind(_l("Address: street"), _l("Street and number"), "address.street", fill="street-address"),
    "zip": Kind(_l("Address: ZIP"), _l("ZIP"), "address.zip", fill="postal-code"),
    "city": Kind(_l("Address: city"), _l("City"), "address.city", fill="address-level2"),
    "message": Kind(_l("What is asked for"), _l("How can we help?"), "text", "text"),
    "amount": Kind(_l("Deal: amount"), _l("Your budget"), "deal.amount", mode="decimal", read=read_amount),
    "day": Kind(_l("Deal: expected close"), _l("By when"), "deal.expected_close", type="date", read=read_day),
    "question": Kind(_p("form", "Question, one line"), ""),
    "long": Kind(_p("form", "Question, several lines"), "", shape="text"),
    "choice": Kind(_p("form", "Choice of several"), "", shape="choice"),
    "check": Kind(_p("form", "Box to tick"), "", shape="check"),
    "file": Kind(_p("form", "Files"), _l("Photos or drawings"), shape="file", type="file"),
    "consent": Kind(_p("form", "Consent"), _l("I agree to the processing of my data"), shape="consent"),
}
# Kinds that a form may have several of; of the others one.
MANY = frozenset({"question", "long", "choice", "check", "consent", OWN})


def read_answer(field: dict[str, Any], typed: str) -> Any:
    """An answer as it is kept. Raises ValueError, with words for the client."""
    kind = KINDS[field["kind"]]
    typed = typed.strip().replace("\0", "")
    if not typed:
        if field["required"]:
            raise ValueError(_("Tick this box.") if kind.shape in ("check", "consent") else _("Fill this in."))
        return ""
    if kind.shape == "choice" and typed not in field["options"]:
        raise ValueError(_("Choose one of the answers."))
    most = MOST_TEXT if kind.shape == "text" else MOST
    if len(typed) > most:
        raise ValueError(_("Too long: at most %(max_length)s characters.", max_length=most))
    return kind.read(typed)
