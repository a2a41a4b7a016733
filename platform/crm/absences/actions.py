"""Every change of an absence: it is written down, confirmed, prolonged, ended, undone. The moving is a job (moving)."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import func, insert, select

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Conflict, Invalid
from core.jobs import later
from crm.absences.duties import KEYS
from crm.absences.models import Absence, Handover
from crm.absences.plan import Plan, plan_of, takers_of, today_in
from crm.tasks.actions import Day
from tenants import staff
from tenants.models import Member

DECIDE = ("member", "edit")
MOST_TAKERS = 100


def known_keys(takers: dict[str, list[UUID]]) -> dict[str, list[UUID]]:
    unknown = takers.keys() - {"all", *KEYS}
    if unknown:
        raise ValueError(_("There is no such kind of work: %(kind)s.", kind=min(unknown)[:40]))
    return takers


class AbsenceFields(Input):
    """Days are those of the workspace's calendar, both included. `takers` are {"all": [ids]}, by rule "kind" {"task":
    [id], "deal": [id], "client": [id]}, by rule "department" none."""

    member_id: UUID
    reason: Literal["ill", "holiday", "other", "left"] = "ill"
    starts_on: Day
    ends_on: Annotated[Day | None, Field(description="The last day; none for one who leaves.")] = None
    rule: Literal["one", "several", "department", "kind"] = "one"
    takers: Annotated[dict[str, Annotated[list[UUID], Field(max_length=MOST_TAKERS)]], AfterValidator(known_keys)] = {}
    with_clients: Annotated[bool, Field(description="Contacts and companies too; of one who leaves, always.")] = False


ChangedAbsence = changes_of(AbsenceFields, "ChangedAbsence")


class OneAbsence(Input):
    id: UUID
    version: int | None = None


class Confirmed(OneAbsence):
    plan: Annotated[str, Field(description="Mark of the plan that was seen (plan.Plan.mark).")] = ""


class Prolonged(OneAbsence):
    ends_on: Day


@action("absence.create", right=DECIDE)
def create(actor: Actor, data: AbsenceFields) -> Absence:
    """A draft: nothing is changed until it is confirmed."""
    absence = Absence(state="draft")
    fill(actor, absence, data.model_dump(mode="json"), data)
    actor.db.add(absence)
    return absence


@action("absence.change", right=DECIDE, takes=ChangedAbsence)
def change(actor: Actor, data: Changes) -> Absence:
    absence = actor.take(Absence, data.id, "edit", data.version)
    if not absence.may_change:
        raise Busy(_("The takeover has begun. Undo it and decide again."))
    whole = AbsenceFields.model_validate({**stored(absence), **data.given()})
    absence.error, absence.state = "", "draft"
    fill(actor, absence, whole.model_dump(mode="json"), whole)
    return absence


@action("absence.delete", right=DECIDE)
def delete(actor: Actor, data: OneAbsence) -> Absence:
    """Thrown away before it began."""
    absence = actor.take(Absence, data.id, "edit", data.version)
    if not absence.may_change:
        raise Busy(_("The takeover has begun. Undo it."))
    absence.deleted_at = now(actor)
    return absence


@action("absence.confirm", right=DECIDE)
def confirm(actor: Actor, data: Confirmed) -> Absence:
    """As it was seen in the preview: at once, or by the clock on its first day. Raises Conflict where the preview would
    be another now."""
    one_at_a_time(actor)
    absence = actor.take(Absence, data.id, "edit", data.version)
    if absence.state != "draft":
        raise Busy(_("This is decided already."))
    check_member(actor, absence)
    plan = plan_of(actor, absence)
    if data.plan and data.plan != plan.mark:
        raise Conflict(absence.version)
    absence.decided_by_id, absence.error = actor.member.id, ""
    if absence.starts_on > today_in(actor.workspace.time_zone):
        absence.state = "planned"
    else:
        begin(actor, absence, plan)
        ask(actor, absence)
    return absence


@action("absence.prolong", right=DECIDE)
def prolong(actor: Actor, data: Prolonged) -> Absence:
    """Another last day, sooner or later."""
    absence = actor.take(Absence, data.id, "edit", data.version)
    if absence.state not in ("planned", "taking", "away") or absence.leaving:
        raise Busy(_("Only an absence that lasts can be prolonged."))
    if data.ends_on < max(absence.starts_on, today_in(actor.workspace.time_zone)):
        raise Invalid(("ends_on", _("The last day must not be in the past.")))
    absence.ends_on = data.ends_on
    return absence


@action("absence.end", right=DECIDE)
def end(actor: Actor, data: OneAbsence) -> Absence:
    """The member is back, before the last day or on it: what was taken over goes back to them."""
    absence = actor.take(Absence, data.id, "edit", data.version)
    if absence.state != "away" or absence.leaving:
        raise Busy(_("Only somebody who is away can come back."))
    absence.state, absence.decided_by_id, absence.error = "returning", actor.member.id, ""
    ask(actor, absence)
    return absence


@action("absence.undo", right=DECIDE)
def undo(actor: Actor, data: OneAbsence) -> Absence:
    """Take the takeover back. Who had left works here again."""
    absence = actor.take(Absence, data.id, "edit", data.version)
    if absence.state not in ("taking", "away"):
        raise Busy(_("There is nothing to undo."))
    if absence.leaving:
        staff.come_back(actor, staff.OneMember(id=absence.member_id))
    absence.state, absence.decided_by_id, absence.error = "undoing", actor.member.id, ""
    ask(actor, absence)
    return absence


@action("absence.go_on", right=DECIDE)
def go_on(actor: Actor, data: OneAbsence) -> Absence:
    """Go on with what stopped half way, from now on by this actor's rights."""
    absence = actor.take(Absence, data.id, "edit", data.version)
    if not absence.stalled:
        raise Busy(_("It is under way or finished."))
    absence.decided_by_id, absence.error = actor.member.id, ""
    ask(actor, absence)
    return absence


def fill(actor: Actor, absence: Absence, values: dict[str, Any], data: AbsenceFields) -> None:
    """Take the fields over and check them together. Raises Invalid."""
    member = actor.db.scalar(
        actor.visible(Member).where(Member.id == data.member_id, Member.state == "active").with_for_update(of=Member)
    )
    if member is None:
        raise Invalid(("member_id", _("There is no such member here. Choose somebody else.")))
    if data.reason == "left":
        if member.id == actor.member.id:
            raise Invalid(("member_id", _("You cannot remove yourself. Ask another administrator.")))
    elif data.ends_on is None:
        raise Invalid(("ends_on", _("Choose the last day. It can be moved later.")))
    elif data.ends_on < max(data.starts_on, today_in(actor.workspace.time_zone)):
        raise Invalid(("ends_on", _("The last day must not be before the first, nor in the past.")))
    absence.member, absence.member_id = member, member.id
    absence.reason, absence.starts_on, absence.rule = data.reason, data.starts_on, data.rule
    absence.ends_on = None if data.reason == "left" else data.ends_on
    absence.with_clients = data.with_clients or data.reason == "left"
    absence.takers = {} if data.rule == "department" else values["takers"]
    with actor.db.no_autoflush:
        takers_of(actor, absence)


def stored(absence: Absence) -> dict[str, Any]:
    """An absence as its input has it."""
    return {name: getattr(absence, name) for name in AbsenceFields.model_fields}


def check_member(actor: Actor, absence: Absence) -> None:
    """Raises Busy where the member has left, or is away on these days already. Who leaves while away ends that."""
    if absence.member.state != "active":
        raise Busy(_("%(name)s has left already.", name=absence.member.name))
    for other in others(actor, absence):
        if absence.leaving and other.state in ("planned", "away"):
            other.state, other.ended_at = "ended", now(actor)
        elif overlap(absence, other):
            raise Busy(_("%(name)s is away on these days already. Prolong or undo that.", name=absence.member.name))


def others(actor: Actor, absence: Absence) -> list[Absence]:
    query = actor.visible(Absence).where(
        Absence.member_id == absence.member_id,
        Absence.id != absence.id,
        Absence.state.in_(("planned", "taking", "away", "returning", "undoing")),
    )
    return list(actor.db.scalars(query.with_for_update(of=Absence)))


def overlap(one: Absence, other: Absence) -> bool:
    if other.state in ("returning", "undoing"):
        return True
    last = date.max
    return one.starts_on <= (other.ends_on or last) and other.starts_on <= (one.ends_on or last)


def one_at_a_time(actor: Actor) -> None:
    """Two decided at once could name each other's absent people."""
    actor.db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"absences of {actor.workspace.schema}"))))


def begin(actor: Actor, absence: Absence, plan: Plan) -> None:
    """From now on the member is away; what goes to whom is written down, and a job does it."""
    absence.state, absence.began_at = "taking", now(actor)
    actor.db.flush()
    write_down(actor, absence, plan)
    if absence.leaving:
        staff.leave(actor, staff.OneMember(id=absence.member_id))


def write_down(actor: Actor, absence: Absence, plan: Plan) -> None:
    rows = [
        {
            "absence_id": absence.id,
            "record_id": one.id,
            "kind": one.kind,
            "from_id": absence.member_id,
            "to_id": to_id,
            "client_id": one.client_id,
        }
        for one, to_id in plan.given
    ]
    if rows:
        actor.db.execute(insert(Handover), rows)


def ask(actor: Actor, absence: Absence) -> None:
    later(actor.db, "absence.move", absence_id=absence.id, member_id=actor.member.id)


def now(actor: Actor) -> datetime:
    return actor.db.scalar(select(func.now())) or datetime.now(UTC)
