"""Sessions of browsers: rows in PostgreSQL, found by the SHA-256 of a random cookie; they can be listed and ended."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from tenants.models import Person, SignIn

IDLE = "7 days"
LONGEST = "30 days"


@dataclass(frozen=True)
class SignedIn:
    """Who is behind a cookie. `id` names the session in lists, `since` is when the password was last given."""

    id: UUID
    identity_id: UUID
    email: str
    name: str
    language: str
    time_zone: str
    confirmed: bool
    since: datetime


def start(control: Session, identity_id: UUID, address: str, device: str) -> str:
    """A new session; returns the cookie's value, which is stored nowhere."""
    value = secrets.token_urlsafe(32)
    control.add(SignIn(key=key_of(value), identity_id=identity_id, address=address[:60], device=device[:300]))
    control.flush()
    return value


def find(control: Session, value: str) -> SignedIn | None:
    """Whose the cookie is, if its session is neither idle nor old. Noted as seen once a minute."""
    row = control.execute(
        select(
            SignIn.id,
            SignIn.identity_id,
            Person.email,
            Person.name,
            Person.language,
            Person.time_zone,
            Person.confirmed_at.is_not(None),
            SignIn.created_at,
            (SignIn.seen_at < func.now() - text("interval '1 minute'")).label("stale"),
        )
        .join(Person, Person.id == SignIn.identity_id)
        .where(
            SignIn.key == key_of(value),
            SignIn.seen_at > func.now() - text(f"interval '{IDLE}'"),
            SignIn.created_at > func.now() - text(f"interval '{LONGEST}'"),
        )
    ).first()
    if row is None:
        return None
    if row.stale:
        control.execute(update(SignIn).where(SignIn.id == row.id).values(seen_at=func.now()))
    return SignedIn(*row[:8])


def of_identity(control: Session, identity_id: UUID) -> list[SignIn]:
    """All sessions of a person, the last used first."""
    theirs = select(SignIn).where(SignIn.identity_id == identity_id)
    return list(control.scalars(theirs.order_by(SignIn.seen_at.desc())))


def end(control: Session, identity_id: UUID, session_id: UUID | None = None, *, keep: UUID | None = None) -> int:
    """End one session of a person, or all but `keep`. Returns how many ended."""
    doomed = delete(SignIn).where(SignIn.identity_id == identity_id)
    if session_id is not None:
        doomed = doomed.where(SignIn.id == session_id)
    if keep is not None:
        doomed = doomed.where(SignIn.id != keep)
    return control.execute(doomed).rowcount  # type: ignore[attr-defined, no-any-return]


def key_of(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
