"""Nobody answered a client in time: the head of the department is told at once, by the request's own deadline.

As with tasks (crm.tasks.telling) the deadline is a row of the outbox that waits for its time, and the request says then
whether anybody is still to be told.
"""

from collections.abc import Collection, Iterator
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.db import Workspace
from core.events import note_by_itself
from core.jobs import Place, job, once
from crm.absences.models import Absence
from crm.requests.actions import LATE
from crm.requests.models import Request
from tenants.backups.after import HOOKS
from tenants.members import asked_of, owners
from tenants.models import Department, Member

NOT_LONG_AGO = "7 days"


@job(LATE, queue="urgent")
def tell(place: Place, request_id: str) -> None:
    """Note the event "request.late" once for each deadline, with the member to be told as `tell`."""
    late = select(Request).where(
        Request.id == UUID(request_id),
        Request.first_contact_at.is_(None),
        Request.contact_by <= func.now(),
        Request.state.in_(("new", "taken", "converted")),
        Request.deleted_at.is_(None),
    )
    with place.database.workspace(place.here()) as session, session.begin():
        request = session.scalar(late.with_for_update())
        if request is None or request.contact_by is None:
            return
        if once(session, LATE, f"{request.id} {request.contact_by.timestamp():.0f}"):
            told = {"tell": whom(session, place.here(), request)}
            note_by_itself(session, LATE, "request", [(request.id, request.title(), told)])


def whom(session: Session, workspace: Workspace, request: Request) -> UUID | None:
    """Whom to tell: the nearest head above who is there and may see the request, else an owner who is."""
    asked = [*heads_above(session, request.assignee_id), *(owner.id for owner in owners(session))]
    away = set(session.scalars(select(Absence.member_id).where(Absence.state.in_(("taking", "away")))))
    people = asked_of(session, workspace, asked)
    fit = [one for one in asked if one in people and people[one].may("request", "view", request)]
    return next((one for one in fit if one not in away), next(iter(fit), None))


def heads_above(session: Session, member_id: UUID | None) -> Iterator[UUID]:
    """Who leads the member's department, then the one above it, and so on; nobody is their own head."""
    path = session.scalar(
        select(Department.path).join(Member, Member.department_id == Department.id).where(Member.id == member_id)
    )
    heads = select(Department.id, Department.head_id).where(
        Department.id.in_(path or []), Department.deleted_at.is_(None), Department.head_id.is_not(None)
    )
    led = {row.id: row.head_id for row in session.execute(heads)}
    for department_id in reversed(path or []):
        if led.get(department_id, member_id) != member_id:
            yield led[department_id]


def ask_anew(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
    """After a restore: for what waits for its time, and for what came lately and was not told in that state."""
    session.execute(ANEW, {"job": LATE})


HOOKS.append(ask_anew)
ANEW = text(f"""
insert into bus.outbox (topic, queue, payload, ready, next_at)
select 'job', 'urgent',
    jsonb_build_object('job', cast(:job as text), 'arguments', jsonb_build_object('request_id', id)),
    contact_by <= now(), contact_by
from request
where first_contact_at is null and state in ('new', 'taken', 'converted') and deleted_at is null
    and contact_by > now() - interval '{NOT_LONG_AGO}' and not exists (
        select from event where record_id = request.id and action = 'request.late' and event.at >= request.contact_by
    )
""")  # noqa: S608 (constants of this module)
