"""Links sent by mail: each is a row, used once, and good for a while.

The link reads <row's number in hexadecimal><signature>. The signature is computed from the row by our signing key, so a
copy of the database opens nothing, and whoever has neither the mail nor the key cannot write a link.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from config.settings import Settings
from core.errors import Refusal
from core.signing import sign, signed
from tenants.models import MailedLink, Person

Purpose = Literal["confirm", "email", "reset"]

LIVES: dict[str, timedelta] = {
    "confirm": timedelta(days=3),
    "email": timedelta(minutes=30),
    "reset": timedelta(minutes=30),
}
SHAPE = re.compile(r"([0-9a-f]{32})([A-Za-z0-9_-]{43})")


class StaleLink(Refusal):
    """No such link, or it was used, replaced or is too old: the same answer for all."""

    status = 410


def make(control: Session, purpose: Purpose, person: Person, email: str, link_id: UUID) -> MailedLink:
    """The link's row; the same one where a job that is started again asks for the same id."""
    known = control.get(MailedLink, link_id)
    if known:
        return known
    expires = datetime.now(UTC) + LIVES[purpose]
    link = MailedLink(id=link_id, purpose=purpose, identity_id=person.id, email=email, expires_at=expires)
    control.add(link)
    control.flush()
    return link


def address(link: MailedLink, config: Settings) -> str:
    """The URL to put into the mail, from the settings and never from the request."""
    return f"{config.url}/{link.purpose}/{link.id.hex}{sign(config, 'mailed link', said(link))}"


def find(control: Session, purpose: Purpose, text: str, config: Settings) -> MailedLink:
    """The row of a link that may still be used. Raises StaleLink."""
    shape = SHAPE.fullmatch(text)
    link = control.scalar(select(MailedLink).where(MailedLink.id == UUID(shape[1]), usable())) if shape else None
    if not (shape and link and link.purpose == purpose and signed(config, "mailed link", said(link), shape[2])):
        raise StaleLink()
    return link


def use(control: Session, link: MailedLink) -> None:
    """Use the link up, and every other of the same person with it. Raises StaleLink where another was first."""
    used = update(MailedLink).where(MailedLink.id == link.id, usable()).values(used_at=func.now())
    if control.execute(used.returning(MailedLink.id)).first() is None:
        raise StaleLink()
    void(control, link.identity_id)


def void(control: Session, identity_id: UUID) -> None:
    """No link that was sent to this person works any more."""
    theirs = update(MailedLink).where(MailedLink.identity_id == identity_id, usable())
    control.execute(theirs.values(used_at=func.now()))


def usable() -> ColumnElement[bool]:
    return MailedLink.used_at.is_(None) & (MailedLink.expires_at > func.now())


def said(link: MailedLink) -> str:
    return f"{link.id.hex} {link.purpose} {link.identity_id.hex} {link.email}"
