"""Every change of a task."""

from collections.abc import Callable, Set
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from flask_babel import gettext as _
from pydantic import AfterValidator, AwareDatetime, Field

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.requests.contacted import note_contact
from crm.tasks.due import Due, instant
from crm.tasks.models import Task
from crm.tasks.telling import ask_to_tell
from tenants.members import sees
from tenants.models import Member

# Asked before a task is done, deleted or opened again: what a step of a process says to it (crm.processes.completing).
DOING: list[Callable[[Actor, Task, str], None]] = []

HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)


def checked_day(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(_("Write a year from %(first)s to %(last)s.", first=FIRST.year, last=LAST.year))
    return day


def checked_hour(hour: str) -> str:
    try:
        if len(hour) != 5:
            raise ValueError
        return time.fromisoformat(hour).strftime("%H:%M")
    except ValueError:
        raise ValueError(_("Write the hour as 14:30.")) from None


@cache
def zones() -> Set[str]:
    """Read from the disk once: it takes 40 ms."""
    return available_timezones()


def checked_zone(name: str) -> str:
    if name not in zones():
        raise ValueError(_("There is no such time zone. Write it as Europe/Prague."))
    return name


Day = Annotated[date, AfterValidator(checked_day)]
Hour = Annotated[str, AfterValidator(checked_hour), Field(json_schema_extra={"pattern": HOUR})]
Zone = Annotated[str, Field(max_length=60), AfterValidator(checked_zone)]


class TaskFields(Input):
    id: UUID | None = Field(None, description="Your own (UUID), so that sending it twice makes one task.")
    name: Annotated[str, Field(min_length=1, max_length=200)]
    todo: Literal["task", "call", "meeting", "email", "visit"] = "task"
    about: Annotated[str, Field(max_length=10_000)] = ""
    due_on: Day | None = Field(None, description="A day of the calendar: it is the same day in every time zone.")
    due_time: Hour | None = Field(None, description="Hour and minute of that day in `time_zone`; none: any time.")
    time_zone: Zone | None = Field(None, description="Zone of `due_time`, as Europe/Prague; your own, when left out.")
    assignee_id: UUID | None = Field(None, description="A member; the one who creates it, when left out.")
    contact_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None
    tell_id: UUID | None = Field(None, description="A member who is told if the task is not done by `tell_at`.")
    tell_at: AwareDatetime | None = None


class NewTask(TaskFields):
    pass


ChangedTask = changes_of(TaskFields, "ChangedTask")


class OneTask(Input):
    id: UUID
    version: int | None = None


class AssignedTask(OneTask):
    assignee_id: UUID


@action("task.create")
def create(actor: Actor, data: NewTask) -> Task:
    known = actor.repeated(Task, data.id)
    if known:
        return known
    given = data.model_dump(exclude_none=True)
    task = Task(**without_clock(given))
    task.assignee_id = task.assignee_id or actor.member.id
    set_due(actor, task, given)
    check_links(actor, task, given.keys())
    actor.db.add(task)
    set_telling(actor, task, given)
    return task


@action("task.edit", takes=ChangedTask)
def change(actor: Actor, data: Changes) -> Task:
    """A new day alone keeps the hour: what was at 9:00 is at 9:00, whatever the clocks did in between."""
    task = actor.take(Task, data.id, "edit", data.version)
    given = data.given()
    before = Due.seen(task.due_on, task.due_at, ZoneInfo(given.get("time_zone") or actor.member.time_zone))
    changed = {name: value for name, value in without_clock(given).items() if getattr(task, name) != value}
    for name, value in changed.items():
        setattr(task, name, value)
    if given.keys() & {"due_on", "due_time"}:
        set_due(actor, task, given, before)
    check_links(actor, task, changed.keys())
    set_telling(actor, task, changed)
    return task


@action("task.done", right=("task", "edit"))
def done(actor: Actor, data: OneTask) -> Task:
    task = actor.take(Task, data.id, "edit", data.version)
    if task.done_at is None:
        for ask in DOING:
            ask(actor, task, "done")
        task.done_at, task.done_by_id = datetime.now(UTC), actor.member.id
        note_contact(actor, task.contact_id, task.deal_id)
    return task


@action("task.reopen", right=("task", "edit"))
def reopen(actor: Actor, data: OneTask) -> Task:
    task = actor.take(Task, data.id, "edit", data.version)
    for ask in DOING:
        ask(actor, task, "reopen")
    task.done_at = task.done_by_id = None
    ask_to_tell(actor.db, task)
    return task


@action("task.assign")
def assign(actor: Actor, data: AssignedTask) -> Task:
    task = actor.take(Task, data.id, "assign", data.version)
    task.assignee_id = data.assignee_id
    check_links(actor, task, {"assignee_id"})
    return task


@action("task.delete")
def delete(actor: Actor, data: OneTask) -> Task:
    """Into the bin, from which `restore` brings it back."""
    task = actor.take(Task, data.id, "delete", data.version)
    for ask in DOING:
        ask(actor, task, "delete")
    task.deleted_at = datetime.now(UTC)
    return task


@action("task.restore", right=("task", "delete"))
def restore(actor: Actor, data: OneTask) -> Task:
    task = actor.take(Task, data.id, "delete", deleted=True)
    task.deleted_at = None
    ask_to_tell(actor.db, task)
    return task


def without_clock(given: dict[str, Any]) -> dict[str, Any]:
    """What the row keeps as it was given: all but the day and hour, which `set_due` understands together."""
    return {name: value for name, value in given.items() if name not in ("due_on", "due_time", "time_zone")}


def set_due(actor: Actor, task: Task, given: dict[str, Any], before: Due | None = None) -> None:
    """Take over the day and hour given; what was not given stays as it was `before`. Raises Invalid."""
    before = before or Due(None)
    day: date | None = given.get("due_on", before.day)
    hour = given.get("due_time", before.hour)
    if isinstance(hour, str):
        hour = time.fromisoformat(hour)
    if day is None and given.get("due_time"):
        raise Invalid(("due_on", _("Choose the day as well.")))
    if task.due_at is not None and (day, hour) == (before.day, before.hour):
        return
    zone = ZoneInfo(given.get("time_zone") or actor.member.time_zone)
    task.due_on = day
    task.due_at = instant(day, hour, zone) if day and hour else None


def set_telling(actor: Actor, task: Task, given: dict[str, Any]) -> None:
    """Who is told of a task that is late, and when: both or neither, so taking one away takes the other. Raises
    Invalid."""
    said = given.keys() & {"tell_id", "tell_at"}
    if not said:
        return
    if any(given[name] is None for name in said) and not any(given[name] for name in said):
        task.tell_id = task.tell_at = None
        return
    if task.tell_at is None:
        raise Invalid(("tell_at", _("Choose until when as well.")))
    if task.tell_id is None:
        raise Invalid(("tell_id", _("Choose who is told.")))
    if "tell_at" in said and task.tell_at <= datetime.now(UTC):
        raise Invalid(("tell_at", _("Choose a time to come.")))
    with actor.db.no_autoflush:
        if "tell_id" in said and not sees(actor.db, task.tell_id, task):
            raise Invalid(("tell_id", _("There is no such member, or they may not see this task.")))
    ask_to_tell(actor.db, task)


def check_links(actor: Actor, task: Task, changed: Set[str]) -> None:
    """Records newly named must be there and visible; a task for somebody else needs the right to assign."""
    for name, model in (("contact_id", Contact), ("company_id", Company), ("deal_id", Deal)):
        if name in changed:
            actor.linked(model, getattr(task, name), name)
    if "assignee_id" in changed and task.assignee_id != actor.member.id:
        actor.require(("task", "assign"), task)
        actor.linked(Member, task.assignee_id, "assignee_id", Member.state == "active")
