"""The client has heard of us: the first call, note, mail or task done on a request stops its clock."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Workspace
from core.events import watched
from crm.requests.models import Request
from tenants.members import acting_in


def note_contact(
    actor: Actor, contact_id: UUID | None = None, deal_id: UUID | None = None, at: datetime | None = None
) -> list[Request]:
    """Called, in its own transaction, by whatever reaches out to the client of these records. `at` is when it happened:
    what was before the request is no answer to it."""
    if actor.via in ("client", "process"):
        return []
    return stop_clock(actor.db, contact_id, deal_id, at, actor.member.id)


def note_told_contact(
    session: Session, workspace: Workspace, member_id: UUID | None, what: str, at: datetime,
    *, contact_id: UUID | None, deal_id: UUID | None,
) -> None:  # fmt: skip
    """The same where a machine tells of it: a mail that was sent, a call that the telephone knows of. `what` is the
    action that its events name; of a member who is not known, or works here no more, the clock stops without one."""
    actor = acting_in(session, workspace, member_id, "job") if member_id else None
    if actor is None:
        stop_clock(session, contact_id, deal_id, at, None)
        return
    with watched(actor, what):
        note_contact(actor, contact_id, deal_id, at)


def stop_clock(
    session: Session, contact_id: UUID | None, deal_id: UUID | None, at: datetime | None, member_id: UUID | None
) -> list[Request]:
    about: list[ColumnElement[bool]] = []
    if contact_id:
        about.append(Request.contact_id == contact_id)
    if deal_id:
        about.append(Request.deal_id == deal_id)
    if not about:
        return []
    moment = min(at or datetime.now(UTC), datetime.now(UTC))
    waiting = select(Request).where(
        or_(*about),
        Request.first_contact_at.is_(None),
        Request.created_at <= moment,
        Request.state.in_(("new", "taken", "converted")),
        Request.deleted_at.is_(None),
    )
    with session.no_autoflush:
        found = list(session.scalars(waiting.order_by(Request.id).with_for_update()))
    for request in found:
        answered(request, moment, member_id)
    return found


def answered(request: Request, moment: datetime, member_id: UUID | None) -> None:
    """The clock stops. What has its contact or deal already is converted by that; nobody's becomes whose deed it is."""
    request.first_contact_at = request.first_contact_at or moment
    request.assignee_id = request.assignee_id or member_id
    if request.state == "new":
        request.state = "taken"
    if request.state == "taken" and (request.contact_id or request.deal_id):
        request.state = "converted"
