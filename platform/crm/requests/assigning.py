"""Who gets a request that came by a form: by the form's rule, whoever is at work now and not away.

Two requests of one moment take turns by the lock of the form's row, so that nobody is skipped or given both; by load,
those who are chosen among are locked as well, since other forms give to them, too.
"""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, false, func, select, update

from core import hours
from core.actor import Actor
from crm.absences.plan import away_between
from crm.forms.models import Form
from crm.requests.models import Request
from tenants.models import Department, Member

Ring = list[Row[tuple[UUID, dict[str, list[str]], str]]]  # (id, working hours, time zone)

MINUTES = 15  # of working time until the first contact, where no form says otherwise


def deadline(actor: Actor, minutes: int, now: datetime) -> datetime:
    """So many minutes of the business's working time from now."""
    worked = actor.db.scalars(select(Member.working_hours).where(Member.state == "active"))
    return hours.after(now, minutes, hours.together(worked), ZoneInfo(actor.workspace.time_zone))


def assignee_for(actor: Actor, form: Form, now: datetime) -> UUID | None:
    """Whose turn it is; None where the rule names nobody, or nobody of those it names is there."""
    if form.rule == "nobody":
        return None
    turn = actor.db.scalar(select(Form.turn_id).where(Form.id == form.id).with_for_update(key_share=True))
    ring = after_turn(people(actor, form), turn)
    free = there(actor, ring, now)
    if not free:
        return None
    chosen = least_loaded(actor, free) if form.rule == "load" else free[0]
    kept = {"turn_id": chosen, "updated_at": Form.updated_at}
    actor.db.execute(update(Form).where(Form.id == form.id).values(kept).execution_options(synchronize_session=False))
    return chosen


def people(actor: Actor, form: Form) -> Ring:
    """The active members that the rule chooses among, in an order that stays: as they were listed, or by name."""
    query = select(Member.id, Member.working_hours, Member.time_zone).where(
        Member.state == "active", Member.deleted_at.is_(None), named_by(form)
    )
    if form.rule == "member" or form.among == "members":
        query = query.order_by(func.array_position(form.member_ids, Member.id))
    return list(actor.db.execute(query.order_by(func.lower(Member.name), Member.id)))


def named_by(form: Form) -> ColumnElement[bool]:
    if form.rule == "member":
        return Member.id.in_(form.member_ids[:1])
    if form.among == "role":
        return Member.role_id == form.role_id
    if form.among == "department":
        below = select(Department.id).where(
            Department.deleted_at.is_(None), Department.path.any_() == form.department_id
        )
        return Member.department_id.in_(below) if form.department_id else false()
    return Member.id.in_(form.member_ids)


def after_turn(ring: Ring, turn: UUID | None) -> Ring:
    """The ring from behind whoever had the last turn on."""
    at = next((number for number, one in enumerate(ring, 1) if one.id == turn), 0)
    return ring[at:] + ring[:at]


def there(actor: Actor, ring: Ring, now: datetime) -> list[UUID]:
    """Those at work now; outside of everybody's hours, those who will be back by themselves. Who has no hours works at
    any time."""
    today = now.astimezone(ZoneInfo(actor.workspace.time_zone)).date()
    away = away_between(actor, today, today)
    present = [one for one in ring if one.id not in away]
    at_work = [
        one.id
        for one in present
        if not one.working_hours or hours.at_work(one.working_hours, now, ZoneInfo(one.time_zone))
    ]
    return at_work or [one.id for one in present]


def least_loaded(actor: Actor, free: list[UUID]) -> UUID:
    """Who has the fewest open requests, the first in the ring among equals."""
    actor.db.execute(select(Member.id).where(Member.id.in_(free)).order_by(Member.id).with_for_update(key_share=True))
    held = select(Request.assignee_id, func.count().label("n")).where(
        Request.assignee_id.in_(free), Request.state.in_(("new", "taken")), Request.deleted_at.is_(None)
    )
    loads = {row.assignee_id: row.n for row in actor.db.execute(held.group_by(Request.assignee_id))}
    return min(free, key=lambda one: (loads.get(one, 0), free.index(one)))
