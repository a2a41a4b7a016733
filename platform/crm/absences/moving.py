"""The jobs that move work: from the absent member to those who take over, and back.

A step is one transaction: some records of one kind, an event for each, and what became of them. It is done only while
the absence is in the state that asks for it and the lease of the work is ours, so a job that was killed goes on after
its last step, and two never both move a record.
"""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from core import events
from core.actor import Actor
from core.errors import Forbidden, Refusal
from core.jobs import Place, job, later
from core.records import Record
from crm.absences.actions import DECIDE, begin, check_member, now, one_at_a_time, write_down
from crm.absences.duties import BY_KIND, Duty
from crm.absences.models import AT_WORK, Absence, Handover
from crm.absences.plan import plan_of, today_in
from tenants.directory import catalogue, on_its_own
from tenants.members import acting_member

log = logging.getLogger(__name__)

STEP = 200


class NoLongerOurs(Exception):
    """Another worker goes on with it, or there is nothing more to do."""


@job("absence.by_the_clock")
def by_the_clock(place: Place) -> None:
    """Begin the absences whose first day has come and end those whose last has passed, in every workspace."""
    with place.database.controlling() as control:
        rows = [row for row in catalogue(control) if row.state == "open"]
    for one in rows:
        with on_its_own(one) as workspace, place.database.workspace(workspace) as session, session.begin():
            for row in session.execute(CLAIM, {"today": today_in(workspace.time_zone)}).all():
                later(session, "absence.move", absence_id=row.id, member_id=row.decided_by_id)


CLAIM = text("""
update absence set state = case state when 'planned' then 'taking' else 'returning' end, version = version + 1,
    updated_at = now()
where deleted_at is null and (
    (state = 'away' and ends_on < :today)
    or (state = 'planned' and starts_on <= :today and not exists (
        select 1 from absence as other where other.member_id = absence.member_id and (
            other.state in ('taking', 'away', 'returning', 'undoing')
            or (other.state = 'planned' and other.deleted_at is null and other.starts_on < absence.starts_on)
        )
    ))
)
returning id, decided_by_id
""")


@job("absence.move")
def move(place: Place, absence_id: str, member_id: str) -> None:
    """Take over or give back, whichever the absence's state asks for, as this member."""
    try:
        while step(place, UUID(absence_id), UUID(member_id)):
            pass
    except NoLongerOurs:
        log.info("absence %s is no longer ours", absence_id)
    except Refusal as refusal:
        halt(place, UUID(absence_id), refusal)


def step(place: Place, absence_id: UUID, member_id: UUID) -> bool:
    """One transaction of the work; whether there is more."""
    mark = f"absence-{absence_id}"
    with acting_member(place.database, place.here(), member_id, "job", mark) as actor:
        actor.require(DECIDE)
        with actor.transaction():
            absence = actor.db.scalar(select(Absence).where(Absence.id == absence_id).with_for_update(of=Absence))
            if absence is None or absence.state not in AT_WORK or absence.decided_by_id != member_id:
                raise NoLongerOurs()
            taking = absence.state == "taking"
            with events.watched(actor, "absence.take_over" if taking else "absence.give_back"):
                more = take_over(actor, absence) if taking else give_back(actor, absence)
            actor.db.execute(text("update absence set updated_at = now() where id = :id"), {"id": absence_id})
            if not place.still_ours():
                raise NoLongerOurs()
    return more


def take_over(actor: Actor, absence: Absence) -> bool:
    if absence.began_at is None:  # its first day has come
        one_at_a_time(actor)
        check_member(actor, absence)
        begin(actor, absence, plan_of(actor, absence))
        return True
    rows = next_rows(actor, absence, "waiting")
    if rows:
        for row, record, _holder in with_records(actor, rows, BY_KIND[rows[0].kind]):
            row.why = why_not(actor, row, record, row.from_id)
            row.state = "left" if row.why else "taken"
            if not row.why:
                hand(record, row.to_id)
                row.taken_at = func.now()
        return True
    late = plan_of(actor, absence) if absence.leaving else None
    if late and late.given:  # given to the leaving member by somebody just while they left
        write_down(actor, absence, late)
        return True
    absence.state = "away"
    return False


def give_back(actor: Actor, absence: Absence) -> bool:
    """To the member, but for what is finished or was given to somebody else meanwhile. Those not taken yet stay."""
    gone = absence.member.state != "active"
    rows = [] if gone else next_rows(actor, absence, "taken")
    if not rows:
        if gone:
            absence.error = "left"
        leave_waiting(actor, absence)
        absence.state = "undone" if absence.state == "undoing" else "ended"
        absence.ended_at = now(actor)
        return False
    for row, record, holder in with_records(actor, rows, BY_KIND[rows[0].kind]):
        owner = getattr(record, record.owner_column or "") if record else None
        row.why = "" if owner == row.from_id else why_not(actor, row, record, holder)
        row.state = "stayed" if row.why else "back"
        if not row.why:
            hand(record, row.from_id)
    return True


def leave_waiting(actor: Actor, absence: Absence) -> None:
    """An undo may come before everything was taken over: the rest never left the member."""
    waiting = update(Handover).where(Handover.absence_id == absence.id, Handover.state == "waiting")
    actor.db.execute(waiting.values(state="back"))


def next_rows(actor: Actor, absence: Absence, state: str) -> list[Handover]:
    """The next of one kind. One kind at a time, in the order of ids, so that two jobs cannot wait for each other."""
    query = select(Handover).where(Handover.absence_id == absence.id, Handover.state == state)
    rows = list(actor.db.scalars(query.order_by(Handover.kind, Handover.record_id).limit(STEP)))
    return [row for row in rows if row.kind == rows[0].kind]


def with_records(actor: Actor, rows: list[Handover], duty: Duty) -> Iterable[tuple[Handover, Any, UUID]]:
    """Each row with its record, held until the end of the transaction, and with whom it should be now: with the taker,
    or with whoever took over from the taker since."""
    model, ids = duty.model, [row.record_id for row in rows]
    query = select(model).where(model.id.in_(ids)).order_by(model.id)
    held = actor.db.scalars(query.with_for_update(of=model).execution_options(populate_existing=True))
    records = {record.id: record for record in held}
    onward: dict[UUID, list[Any]] = {}
    since = select(Handover.record_id, Handover.from_id, Handover.to_id).where(
        Handover.record_id.in_(ids), Handover.absence_id != rows[0].absence_id, Handover.state == "taken"
    )
    for one in actor.db.execute(since.order_by(Handover.taken_at)):
        onward.setdefault(one.record_id, []).append(one)
    for row in rows:
        holder = row.to_id
        for one in onward.get(row.record_id, ()):
            holder = one.to_id if one.from_id == holder else holder
        yield row, records.get(row.record_id), holder


def why_not(actor: Actor, row: Handover, record: Record | None, holder: UUID) -> str:
    """Why a record is left with whoever has it; "" where it may be moved."""
    if record is None or record.deleted_at is not None:
        return "gone"
    duty = BY_KIND[row.kind]
    if not duty.is_open(record):
        return "finished"
    if getattr(record, record.owner_column or "") != holder:
        return "reassigned"
    return "" if actor.may(row.kind, "view", record) and actor.may(row.kind, "assign", record) else "forbidden"


def hand(record: Any, to_id: UUID) -> None:
    setattr(record, record.owner_column, to_id)


def halt(place: Place, absence_id: UUID, refusal: Refusal) -> None:
    """It cannot go on by trying again: its page says why. One that could not begin is a draft again."""
    why = "forbidden" if isinstance(refusal, Forbidden) else "refused"
    with place.database.workspace(place.here()) as session, session.begin():
        session.execute(HALT, {"id": absence_id, "why": why})


HALT = text("""
update absence set error = :why, state = case when state = 'taking' and began_at is null then 'draft' else state end,
    version = version + 1, updated_at = now()
where id = :id and state in ('taking', 'returning', 'undoing')
""")
