"""The way to a provider of single sign-on and back: who was sent there, and what the provider said while they decide.

The state is random and goes both ways: to the provider, which returns it, and into a cookie of this browser. Only who
has both comes in, so that nobody's answer can be slipped into another's browser. Each state is good for one return,
within ten minutes; what the provider said waits as long for the person to link it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.orm import Session

from core.db import Workspace
from tenants.models import SignOnTrip
from tenants.provider import Departure, Said
from tenants.sessions import key_of

LIFE = "10 minutes"


@dataclass(frozen=True)
class Trip:
    """Somebody came back. `proves` is the session that they prove once more."""

    connection_id: UUID
    nonce: str
    verifier: str
    to: str
    proves: UUID | None


@dataclass(frozen=True)
class Offer:
    """What the provider said, which may be linked with the member who is there."""

    connection_id: UUID
    issuer: str
    subject: str
    email: str
    to: str


def begin(
    control: Session, workspace: Workspace, connection_id: UUID, departure: Departure, to: str, proves: UUID | None
) -> None:
    control.add(
        SignOnTrip(
            key=key_of(departure.state), workspace_id=workspace.id, connection_id=connection_id,
            nonce=departure.nonce, verifier=departure.verifier, to=to, proves=proves,
        )
    )  # fmt: skip


def end(control: Session, workspace: Workspace, state: str) -> Trip | None:
    """The trip that this state belongs to; nobody can return by it again."""
    returned = (
        update(SignOnTrip)
        .where(
            *of_state(workspace, state),
            SignOnTrip.returned_at.is_(None),
            SignOnTrip.created_at > func.now() - text(f"interval '{LIFE}'"),
        )
        .values(returned_at=func.now())
        .returning(SignOnTrip.connection_id, SignOnTrip.nonce, SignOnTrip.verifier, SignOnTrip.to, SignOnTrip.proves)
    )
    row = control.execute(returned).first()
    return Trip(*row) if row else None


def keep(control: Session, workspace: Workspace, state: str, said: Said) -> None:
    """Let what the provider said wait for the person's word."""
    control.execute(
        update(SignOnTrip)
        .where(*of_state(workspace, state))
        .values(issuer=said.issuer, subject=said.subject, email=said.email)
    )


def offered(control: Session, workspace: Workspace, state: str) -> Offer | None:
    row = control.execute(
        select(SignOnTrip.connection_id, SignOnTrip.issuer, SignOnTrip.subject, SignOnTrip.email, SignOnTrip.to).where(
            *of_state(workspace, state),
            SignOnTrip.subject != "",
            SignOnTrip.returned_at > func.now() - text(f"interval '{LIFE}'"),
        )
    ).first()
    return Offer(*row) if row else None


def forget(control: Session, workspace: Workspace, state: str) -> bool:
    """Whether the trip was there; it is no more."""
    gone = delete(SignOnTrip).where(*of_state(workspace, state)).returning(SignOnTrip.key)
    return control.scalar(gone) is not None


def of_state(workspace: Workspace, state: str) -> tuple[ColumnElement[bool], ...]:
    return SignOnTrip.key == key_of(state), SignOnTrip.workspace_id == workspace.id
