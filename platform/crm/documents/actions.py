"""Every change of the letterhead."""

import re
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum import iban as ibans

from core.actions import Input, action
from core.actor import Actor
from core.people import checked_email
from crm.documents.models import ONLY, Letterhead

LOGO = (900, 360)  # pixels at most
READABLE = 4.5


def known_iban(value: str) -> str:
    """An account number, checked by its two digits and the form of its country (ISO 13616)."""
    if value and not ibans.is_valid(value):
        raise ValueError(_("This is no IBAN. It begins with the country, such as CZ65 0800 0000 1920 0014 5399."))
    return ibans.compact(value)


def known_colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(_("Choose a colour."))
    if contrast_with_white(value) < READABLE:
        raise ValueError(_("White words could not be read on this colour. Choose a darker one."))
    return value.lower()


def contrast_with_white(colour: str) -> float:
    """From 1 to 21, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


Line = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=5_000)]


class LetterheadFields(Input):
    version: int | None = None
    name: Line = ""
    address: Annotated[str, Field(max_length=500)] = ""
    reg_no: Line = ""
    vat_no: Line = ""
    email: Annotated[str, AfterValidator(lambda value: checked_email(value) if value else "")] = ""
    phone: Line = ""
    website: Line = ""
    iban: Annotated[str, Field(max_length=60), AfterValidator(known_iban)] = ""
    colour: Annotated[str, AfterValidator(known_colour)] = "#2f6b4f"
    header: Annotated[str, Field(max_length=1_000)] = ""
    footer: Annotated[str, Field(max_length=1_000)] = ""
    terms: Words = ""
    valid_days: Annotated[int, Field(ge=1, le=365)] = 14


class Logo(Input):
    logo_key: str | None
    logo_size: int = 0


@action("letterhead.edit", right=("settings", "edit"))
def change(actor: Actor, data: LetterheadFields) -> Letterhead:
    letterhead = taken(actor, data.version)
    for name, value in data.model_dump(exclude_unset=True, exclude={"version"}).items():
        setattr(letterhead, name, value)
    return letterhead


@action("letterhead.picture", right=("settings", "edit"))
def picture(actor: Actor, data: Logo) -> Letterhead:
    """Another logo, or none."""
    letterhead = taken(actor)
    letterhead.logo_key, letterhead.logo_size = data.logo_key, data.logo_size
    return letterhead


def taken(actor: Actor, version: int | None = None) -> Letterhead:
    """The letterhead, locked to be changed; the first time, a new one."""
    if actor.db.scalar(select(Letterhead.id)) is None:
        made = Letterhead(id=ONLY, name=actor.workspace.name, logo_size=0)
        actor.db.add(made)
        actor.db.flush()
        return made
    return actor.take(Letterhead, ONLY, "edit", version)


def letterhead_of(session: Session, business: str) -> Letterhead:
    """How papers look now, for printing; where nobody has said, by the name of the business alone."""
    found = session.get(Letterhead, ONLY)
    if found is not None:
        return found
    texts = dict.fromkeys(
        ("address", "reg_no", "vat_no", "email", "phone", "website", "iban", "header", "footer", "terms"), ""
    )
    return Letterhead(id=UUID(int=0), name=business, colour="#2f6b4f", valid_days=14, logo_key=None, **texts)
