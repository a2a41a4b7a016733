"""Sessions of browsers: rows in PostgreSQL, found by the SHA-256 of a random cookie; they can be listed and ended.

Whoever has given the password and is asked for a second factor has no session yet: they wait, for five minutes, in a
row of the same kind that opens nothing. A session that a workspace's single sign-on began is bound to that workspace:
its provider vouches for people there and nowhere else.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from tenants.models import Person, SignIn, WaitingSignIn

# With what a session was begun: the password alone, the password and a second factor, a passkey alone, or a workspace's
# own provider.
Proof = Literal["password", "second factor", "passkey", "single sign-on"]

IDLE = "7 days"
LONGEST = "30 days"
FRESH = "15 minutes"
WAITS = "5 minutes"


@dataclass(frozen=True)
class SignedIn:
    """Who is behind a cookie. `id` names the session in lists; `fresh` says that they proved who they are lately.

    With a `workspace_id` the session is of single sign-on and worth nothing outside that workspace.
    """

    id: UUID
    identity_id: UUID
    email: str
    name: str
    language: str
    time_zone: str
    confirmed: bool
    fresh: bool
    workspace_id: int | None


@dataclass(frozen=True)
class Waiting:
    """Who has given the password, where they want to go, and whether they stay logged in."""

    identity_id: UUID
    to: str
    stay: bool


def start(
    control: Session,
    identity_id: UUID,
    address: str,
    device: str,
    proof: Proof = "password",
    workspace_id: int | None = None,
) -> str:
    """A new session, of one workspace alone if one is named; returns the cookie's value, which is stored nowhere."""
    value = secrets.token_urlsafe(32)
    row = SignIn(key=key_of(value), identity_id=identity_id, address=address[:60], device=device[:300], proof=proof)
    row.workspace_id = workspace_id
    control.add(row)
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
            SignIn.proven_at > func.now() - text(f"interval '{FRESH}'"),
            SignIn.workspace_id,
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
    return SignedIn(*row[:9])


def prove(control: Session, session_id: UUID) -> None:
    """The person has just proved once more who they are."""
    control.execute(update(SignIn).where(SignIn.id == session_id).values(proven_at=func.now()))


def of_identity(control: Session, identity_id: UUID) -> list[SignIn]:
    """All sessions of a person, the last used first."""
    theirs = select(SignIn).where(SignIn.identity_id == identity_id)
    return list(control.scalars(theirs.order_by(SignIn.seen_at.desc())))


def end(control: Session, identity_id: UUID, session_id: UUID | None = None, *, keep: UUID | None = None) -> int:
    """End one session of a person, or all but `keep`, and then who waits to get in too. Returns how many ended."""
    if session_id is None:
        control.execute(delete(WaitingSignIn).where(WaitingSignIn.identity_id == identity_id))
    doomed = delete(SignIn).where(SignIn.identity_id == identity_id)
    if session_id is not None:
        doomed = doomed.where(SignIn.id == session_id)
    if keep is not None:
        doomed = doomed.where(SignIn.id != keep)
    return control.execute(doomed).rowcount  # type: ignore[attr-defined, no-any-return]


def end_bound(control: Session, workspace_id: int) -> None:
    """End every session that this workspace's single sign-on has begun."""
    control.execute(delete(SignIn).where(SignIn.workspace_id == workspace_id))


def wait(control: Session, identity_id: UUID, to: str, stay: bool) -> str:
    """The password was right, the second factor is asked for; returns the value of a cookie that opens nothing."""
    value = secrets.token_urlsafe(32)
    control.add(WaitingSignIn(key=key_of(value), identity_id=identity_id, to=to, stay=stay))
    return value


def waiting(control: Session, value: str) -> Waiting | None:
    """Who waits with this cookie."""
    row = control.execute(
        select(WaitingSignIn.identity_id, WaitingSignIn.to, WaitingSignIn.stay).where(
            WaitingSignIn.key == key_of(value),
            WaitingSignIn.created_at > func.now() - text(f"interval '{WAITS}'"),
        )
    ).first()
    return Waiting(*row) if row else None


def stop_waiting(control: Session, value: str) -> bool:
    """The second factor was given. False where the same cookie has been used already."""
    used = delete(WaitingSignIn).where(WaitingSignIn.key == key_of(value))
    return control.scalar(used.returning(WaitingSignIn.key)) is not None


def key_of(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
