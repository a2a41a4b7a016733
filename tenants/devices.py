"""Browsers that somebody has logged in with before, known by a cookie of their own that stays for a year.

A log-in by another one is told by mail, so that whoever has stolen a password does not go unnoticed.
"""

import hashlib
import re
import secrets
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from tenants.models import KnownDevice, Person

LIFE = timedelta(days=365)
NEW = timedelta(days=1)


def mark_of(cookie: str) -> str:
    """The browser's mark, a fresh one where it brings none."""
    return cookie if re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie) else secrets.token_urlsafe(32)


def recognise(control: Session, person: Person, mark: str) -> bool:
    """Whether this person has logged in with this browser before; from now on they have.

    The first browser of somebody who has just signed up counts as known.
    """
    key = hashlib.sha256(mark.encode()).digest()
    now = control.scalars(select(func.now())).one()
    theirs = select(KnownDevice.key, KnownDevice.seen_at).where(KnownDevice.identity_id == person.id)
    seen = {known.key: known.seen_at for known in control.execute(theirs)}
    row = insert(KnownDevice).values(identity_id=person.id, key=key, seen_at=now)
    control.execute(row.on_conflict_do_update(index_elements=["identity_id", "key"], set_={"seen_at": now}))
    if not seen:
        return person.created_at > now - NEW
    return key in seen and seen[key] > now - LIFE


def forget(control: Session, person: Person) -> None:
    """No browser is known any more."""
    control.execute(delete(KnownDevice).where(KnownDevice.identity_id == person.id))
