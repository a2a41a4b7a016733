"""A missed call becomes a task: for whom it rang at, else the contact's owner, else each in turn who has a line."""

from datetime import date
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Workspace
from core.jobs import Place, job, once
from core.pages import today_of
from core.people import shown_phone
from crm.absences.models import Absence
from crm.absences.plan import today_in
from crm.calls.hearing import find_caller, with_lines, write_note
from crm.calls.models import Call
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.notifications.telling import tell_members
from crm.tasks import actions as tasks
from crm.tasks.models import Task
from crm.timeline.actions import FIRST
from tenants.members import acting_member, asked_of, owners


@job("calls.missed", queue="urgent")
def missed(place: Place, call_id: str) -> None:
    """Some seconds after the end, so that an answer it overtook has come. Told and to be done once a call."""
    workspace = place.here()
    with place.database.workspace(workspace) as session:
        call = session.get(Call, UUID(call_id))
        if call is None or call.state != "missed":
            return
        find_caller(session, call)
        member_id = who_calls_back(session, workspace, call)
        session.rollback()
    if member_id is None:
        return
    with (
        acting_member(place.database, workspace, member_id, "job") as actor,
        force_locale(actor.member.language),
        actor.transaction(),
    ):
        call = actor.db.get_one(Call, UUID(call_id), with_for_update=True)
        if call.state == "missed" and once(actor.db, "calls.missed", call_id):
            if call.contact_id is None and call.company_id is None:
                find_caller(actor.db, call)
            call.member_id = member_id
            write_note(actor.db, call)
            ask_to_call_back(actor, call)


def who_calls_back(session: Session, workspace: Workspace, call: Call) -> UUID | None:
    """Whoever of these is here and may have a task; the owners of the workspace where nobody else is."""
    asked = [call.member_id, session.scalar(select(Contact.owner_id).where(Contact.id == call.contact_id))]
    in_turn = [*(one for one in asked if one), *by_turns(session), *(owner.id for owner in owners(session))]
    people = asked_of(session, workspace, set(in_turn))
    able = {one for one, person in people.items() if person.may("task", "create")}
    today = today_in(workspace.time_zone)
    away = set(session.scalars(select(Absence.member_id).where(*course_of(today))))
    return next((one for one in in_turn if one in able - away), next((one for one in in_turn if one in able), None))


def course_of(today: date) -> list[ColumnElement[bool]]:
    """Absences that this day is one of."""
    return [
        Absence.deleted_at.is_(None),
        Absence.state.in_(("planned", "taking", "away")),
        Absence.starts_on <= today,
        Absence.ends_on >= today,
    ]


def by_turns(session: Session) -> list[UUID]:
    """Those who have a line, whoever was given a missed call longest ago first."""
    lines = with_lines(session)
    given = select(Call.member_id, func.max(Task.created_at)).join(Task, Task.id == Call.task_id)
    rows = session.execute(given.where(Call.member_id.in_(lines)).group_by(Call.member_id))
    last = {member_id: at for member_id, at in rows if member_id}
    return sorted(lines, key=lambda one: last.get(one, FIRST))


def ask_to_call_back(actor: Actor, call: Call) -> None:
    """The task, linked to what its member may see, and a word of it."""
    contact = actor.db.scalar(actor.visible(Contact).where(Contact.id == call.contact_id))
    deal = actor.db.scalar(actor.visible(Deal, Deal.id).where(Deal.id == call.deal_id))
    said = contact.name if contact else shown_phone(call.number) or _("a hidden number")
    values = {
        "name": _("Call back %(who)s", who=said)[:200], "todo": "call", "due_on": today_of(actor),
        "contact_id": contact.id if contact else None, "deal_id": deal,
    }  # fmt: skip
    task = tasks.create(actor, tasks.create.parse(values))
    call.task_id = task.id
    data = {"record_kind": "task", "record_id": task.id}
    tell_members(actor.db, actor.workspace, "call_missed", call.id, [actor.member.id], title=said, **data)
