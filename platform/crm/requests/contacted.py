"""The client has heard of us: the first call, note, mail or task done on a request stops its clock."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from core.actor import Actor
from crm.requests.models import Request


def note_contact(
    actor: Actor, contact_id: UUID | None = None, deal_id: UUID | None = None, at: datetime | None = None
) -> list[Request]:
    """Called, in its own transaction, by whatever reaches out to the client of these records. `at` is when it happened:
    what was before the request is no answer to it."""
    about: list[ColumnElement[bool]] = []
    if contact_id:
        about.append(Request.contact_id == contact_id)
    if deal_id:
        about.append(Request.deal_id == deal_id)
    if not about or actor.via == "client":
        return []
    moment = min(at or datetime.now(UTC), datetime.now(UTC))
    waiting = select(Request).where(
        or_(*about),
        Request.first_contact_at.is_(None),
        Request.created_at <= moment,
        Request.state.in_(("new", "taken", "converted")),
        Request.deleted_at.is_(None),
    )
    with actor.db.no_autoflush:
        found = list(actor.db.scalars(waiting.order_by(Request.id).with_for_update()))
    for request in found:
        answered(actor, request, moment)
    return found


def answered(actor: Actor, request: Request, moment: datetime) -> None:
    """The clock stops. What has its contact or deal already is converted by that; nobody's becomes the actor's."""
    request.first_contact_at = request.first_contact_at or moment
    request.assignee_id = request.assignee_id or actor.member.id
    if request.state == "new":
        request.state = "taken"
    if request.state == "taken" and (request.contact_id or request.deal_id):
        request.state = "converted"
