"""Telling somebody of a task that is not done by a time.

The deadline is a row of the outbox that waits for its time. When it comes, the task itself says whether anybody is
still to be told: one that was moved, done or deleted meanwhile needs no calling off. Who is away then is stood in for
by whoever took over their work.
"""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.db import Workspace
from core.events import note_by_itself
from core.jobs import Place, along, job, later, once_each, went_along
from crm.absences.models import Absence
from crm.tasks.models import Task
from tenants.backups.after import HOOKS
from tenants.members import asked_of, sees

TELL = "task.tell"
NOT_LONG_AGO = "7 days"
TOGETHER = 500
AWAY = Absence.state.in_(("taking", "away"))


def ask_to_tell(session: Session, task: Task) -> None:
    """Look at the task when its time has come; now, where it has come already."""
    if task.tell_at is not None:
        session.flush()  # a new task has no id before
        later(session, TELL, at=task.tell_at, task_id=task.id)


def ask_anew(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
    """After a restore: for what waits for its time, and for what came lately and was not told in that state."""
    session.execute(ANEW, {"job": TELL})


HOOKS.append(ask_anew)
ANEW = text(f"""
insert into bus.outbox (topic, queue, payload, ready, next_at)
select 'job', 'urgent', jsonb_build_object('job', cast(:job as text), 'arguments', jsonb_build_object('task_id', id)),
    tell_at <= now(), tell_at
from task
where done_at is null and deleted_at is null and tell_at > now() - interval '{NOT_LONG_AGO}' and not exists (
    select from event where record_id = task.id and action = 'task.late' and event.at >= task.tell_at
)
""")  # noqa: S608 (constants of this module)


@job(TELL, queue="urgent")
def tell(place: Place, task_id: str) -> None:
    """Note the event "task.late" once for each time that was set, with the member to be told as `tell`. Others whose
    time has come go along, so that thousands of one moment are told within seconds of it."""
    others = along(place, TELL, TOGETHER)
    ids = {UUID(task_id), *(UUID(arguments["task_id"]) for arguments in others.values())}
    late = select(Task).where(
        Task.id.in_(ids), Task.done_at.is_(None), Task.deleted_at.is_(None), Task.tell_at <= func.now()
    )
    with place.database.workspace(place.here()) as session, session.begin():
        tasks = {mark(task): task for task in session.scalars(late.order_by(Task.id).with_for_update())}
        untold = once_each(session, TELL, tasks)
        late_ones = [task for marked, task in tasks.items() if marked in untold]
        told = zip(late_ones, whom(session, place.here(), late_ones), strict=True)
        note_by_itself(session, "task.late", "task", [(task.id, task.title(), {"tell": to}) for task, to in told])
    went_along(place, others)


def mark(task: Task) -> str:
    return f"{task.id} {task.tell_at.timestamp() if task.tell_at else 0:.0f}"


def whom(session: Session, workspace: Workspace, tasks: list[Task]) -> Iterator[UUID | None]:
    """Whom to tell of each task, or nobody where the one named may not see it, or works here no more."""
    named = {task.tell_id for task in tasks if task.tell_id}
    people = asked_of(session, workspace, named)
    away = set(session.scalars(select(Absence.member_id).where(Absence.member_id.in_(named), AWAY)))
    for task in tasks:
        if task.tell_id in away:
            yield next((one for one in instead(session, task) if sees(session, one, task)), None)
        else:
            person = people.get(task.tell_id) if task.tell_id else None
            yield task.tell_id if person and person.may("task", "view", task) else None


def instead(session: Session, task: Task) -> Iterator[UUID]:
    """Whom to tell, the first who may see the task: of those away, whoever stands in for them before themselves."""
    asked: list[UUID] = []

    def of(member_id: UUID | None) -> Iterator[UUID]:
        if member_id is None or member_id in asked:
            return
        asked.append(member_id)
        for taker in takers(session, member_id, task):
            yield from of(taker)
        yield member_id

    yield from of(task.tell_id)


def takers(session: Session, member_id: UUID, task: Task) -> list[UUID]:
    """Who took over from a member who is away: first who has this very task, then this client, then the most."""
    absence = session.scalar(select(Absence).where(Absence.member_id == member_id, AWAY))
    if absence is None:
        return []
    about = [one for one in (task.company_id, task.contact_id, task.deal_id) if one]
    given: list[Any] = list(session.scalars(TAKERS, {"absence": absence.id, "task": task.id, "about": about}))
    return given + [UUID(taker) for ids in absence.takers.values() for taker in ids]


TAKERS = text("""
select to_id from handover where absence_id = :absence group by to_id
order by bool_or(record_id = :task) desc, bool_or(client_id = any(cast(:about as uuid[]))) desc, count(*) desc, to_id
""")
