"""What a run does at an element: a task for somebody, a time to wait for, a piece of work."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import BaseModel
from sqlalchemy import select

from core.actions import ACTIONS
from core.errors import Invalid, Refusal
from core.events import watched
from core.ids import new_id
from core.jobs import later
from core.records import Record
from crm.notifications.telling import tell_members
from crm.processes.arguments import allowed
from crm.processes.bpmn import Element, Extension
from crm.processes.context import LINKED, owner_of
from crm.processes.decisions import decide, read_table
from crm.processes.expressions import Wrong, evaluate
from crm.processes.forms import fields_of
from crm.processes.hours import USUAL, NoDuration, after, parse_duration
from crm.processes.models import Step
from crm.processes.people import Asked, Working, whoever
from crm.processes.triggers import triggers_of
from crm.processes.walk import Token
from crm.processes.webhooks import WEBHOOK, asked_of
from crm.tasks import actions as tasks
from crm.tasks.models import Task
from tenants.models import Member

if TYPE_CHECKING:
    from crm.processes.running import Run

SHORTEST = timedelta(minutes=1)  # between two rounds of a timer that repeats
ROUNDS = 100  # of such a timer
LARGEST = 10_000  # characters of one value that a run keeps


def reach(run: "Run", token: Token) -> Step:
    """The run has come here and waits: a row for it, and whatever makes the wait end."""
    element = run.definition.elements[token.element]
    step = Step(
        instance_id=run.instance.id, token=token.id, element=element.id, kind=token.what, name=element.title,
        state="open", values={},
    )  # fmt: skip
    if token.what == "user":
        ask_somebody(run, element, step)
    elif element.own("webhook"):
        call(run, element, step)
    elif element.event == "timer":
        step.kind = "timer"
        wait_until(run, element, step)
    elif token.what == "event":
        step.kind = "message"
        step.waits_for = waits_for(run, element)
    run.actor.db.add(step)
    return step


def call(run: "Run", element: Element, step: Step) -> None:
    """A webhook is told by a job, after this transaction; the run waits for its answer."""
    step.kind, step.id = "webhook", new_id()
    step.values = asked_of(element, run.context())
    later(run.actor.db, WEBHOOK, step_id=step.id)


# User steps


def ask_somebody(run: "Run", element: Element, step: Step) -> None:
    """A task for whoever it is now, linked to what the run is about, with the day and hour it is due."""
    step.assignee_id = whoever(asked(run, element), element.all("assignee"))
    step.due_at = due_of(run, element, step.assignee_id)
    step.asks = bool(fields_of(element))
    said = element.own("task") or Extension("task", {})
    given: dict[str, Any] = {
        "name": text_of(run, said.get("name"), element.title)[:200],
        "about": text_of(run, said.get("about"), "")[:10_000],
        "todo": said.get("todo") or "task",
        "assignee_id": step.assignee_id,
        **{f"{kind}_id": one.id for kind in LINKED if (one := run.around.get(kind)) is not None},
    }
    if step.due_at is not None:
        zone = zone_of(run, step.assignee_id)
        local = (step.due_at + timedelta(seconds=59)).astimezone(zone)
        given |= {"due_on": local.date(), "due_time": local.strftime("%H:%M"), "time_zone": str(zone)}
    task = tasks.create(run.actor, tasks.create.parse(given))
    step.task_id = task.id
    tell_when_late(run, element, step, task)


def tell_when_late(run: "Run", element: Element, step: Step, task: Task) -> None:
    """Who is told if it is not done in time, by the task's own deadline; nobody, where they may not see it."""
    rules = element.all("late")
    to = whoever(asked(run, element), rules, default=False) if rules and step.due_at else None
    if to is None or step.due_at is None:
        return
    try:
        with run.actor.db.begin_nested():
            tasks.change(run.actor, tasks.change.parse({"id": task.id, "tell_id": to, "tell_at": step.due_at}))
    except Invalid:
        return


def due_of(run: "Run", element: Element, assignee_id: UUID | None) -> datetime | None:
    due = element.own("due")
    if due is None:
        return None
    return moment(run, due.get("after"), due.get("hours") or "working", assignee_id)


def asked(run: "Run", element: Element) -> Asked:
    return Asked(run.actor, run.instance, element.id, owner_of(run.record), run.context, run.people)


def who_did(step: Step) -> dict[str, Any]:
    who = step.done_by_id or step.assignee_id
    return {"by": str(who)} if who else {}


def text_of(run: "Run", expression: str, otherwise: str) -> str:
    return str(evaluate(expression, run.context()) or otherwise) if expression else otherwise


def withdraw(run: "Run", step: Step) -> None:
    """The run has left this place another way: its task is asked for no more."""
    step.state, step.done_at = "cancelled", run.now
    task = run.actor.db.scalar(select(Task).where(Task.id == step.task_id).with_for_update()) if step.task_id else None
    if task is not None and task.done_at is None and task.deleted_at is None:
        with watched(run.actor, "process.withdraw"):
            task.deleted_at = run.now


# Times and messages


def wait_until(run: "Run", element: Element, step: Step) -> None:
    """The moment it waits for, and a job that comes then."""
    timer = element.timer
    if timer is None:
        raise Wrong(_("%(name)s has no time.", name=element.title))
    value = timer.value
    if timer.what == "cycle":
        rounds, _slash, value = timer.value.rpartition("/")
        left = rounds.upper().removeprefix("R")
        step.values = {"left": min(int(left), ROUNDS) if left.isdigit() else ROUNDS}
    step.due_at = moment(run, value, timer.hours, assignee_beside(run, element))
    if timer.what == "cycle" and step.due_at < run.now + SHORTEST:
        step.due_at = run.now + SHORTEST
    later(run.actor.db, "process.advance", at=step.due_at, instance_id=run.instance.id)


def rearm(run: "Run", step: Step) -> bool:
    """Of a timer that repeats: whether it goes on, which is then set to its next time."""
    left = step.values.get("left", 0) if step.kind == "timer" else 0
    if left <= 1:
        return False
    element = run.definition.elements[step.element]
    wait_until(run, element, step)
    step.values = {"left": left - 1}
    return True


def moment(run: "Run", value: str, hours: str, assignee_id: UUID | None) -> datetime:
    """When that is: a duration from now, in working hours or by the clock, or a point in time; either may come of an
    expression. Raises Wrong."""
    found = literal(value)
    if found is None:
        computed = evaluate(value, run.context())
        found = literal(computed) if isinstance(computed, str) else computed
    if isinstance(found, int | float) and not isinstance(found, bool):  # a duration of CEL, in seconds
        found = timedelta(seconds=min(max(float(found), 0), 10**8))
    if isinstance(found, timedelta):
        working = hours_of(run, assignee_id) if hours == "working" else None
        return after(run.now, found, working, zone_of(run, assignee_id))
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(run.actor.workspace.time_zone))
    raise Wrong(_("%(text)s is no time to wait for.", text=value[:100]))


def literal(text: str) -> Any:
    """A duration or a point in time as ISO 8601 writes it, or None."""
    try:
        return parse_duration(text)
    except NoDuration:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def hours_of(run: "Run", member_id: UUID | None) -> dict[str, Any]:
    """The member's own working hours, else the usual ones."""
    return (member_id and working(run, member_id).hours) or dict(USUAL)


def zone_of(run: "Run", member_id: UUID | None) -> ZoneInfo:
    return ZoneInfo((member_id and working(run, member_id).zone) or run.actor.workspace.time_zone)


def working(run: "Run", member_id: UUID) -> Working:
    """When and where a member works, read once."""
    if member_id not in run.people:
        columns = select(Member.working_hours, Member.time_zone).where(Member.id == member_id)
        row = run.actor.db.execute(columns).first()
        run.people[member_id] = Working(row[0], row[1]) if row is not None else Working(None, "")
    return run.people[member_id]


def assignee_beside(run: "Run", element: Element) -> UUID | None:
    """Who does the step on whose border a timer sits."""
    if not element.host:
        return None
    beside = select(Step.assignee_id).where(Step.instance_id == run.instance.id, Step.element == element.host)
    found: UUID | None = run.actor.db.scalar(beside.order_by(Step.id.desc()).limit(1))
    return found


def waits_for(run: "Run", element: Element) -> str:
    """The event, or the message by its name."""
    found = triggers_of(run.definition, element)
    return found[0].event if found else f"message:{element.code}"


# Work


def writes(element: Element) -> bool:
    """Whether its work changes rows, and must then be all or nothing."""
    return any(one.name in ("action", "notify") for one in element.extensions)


def perform(run: "Run", element: Element) -> dict[str, Any]:
    """Do what a service step says, in the order of the file. Returns what it brought, for `steps.<element>`. Raises
    Refusal."""
    brought: dict[str, Any] = {}
    for one in element.extensions:
        match one.name:
            case "action":
                brought |= act(run, one)
            case "decisionTable":
                brought |= decide(read_table(one), run.context())
            case "notify":
                notify(run, element, one)
            case "set":
                keep(run, one.get("name"), evaluate(one.get("value") or one.text, run.context()))
    check_size(brought)
    return brought


def act(run: "Run", one: Extension) -> dict[str, Any]:
    """An action of the product, in the name of the process. A record that comes of it is known by its id."""
    name = one.get("name")
    if not allowed(name):
        raise Wrong(_("There is no action %(name)s.", name=name))
    action = ACTIONS[name]
    given = {arg.get("name"): evaluate(arg.get("value") or arg.text, run.context()) for arg in one.inner}
    made = action(run.actor, action.parse(given))
    run.around.forget()
    if isinstance(made, Record):
        return {"id": str(made.id), "kind": made.kind}
    return made.model_dump(mode="json") if isinstance(made, BaseModel) else {}


def notify(run: "Run", element: Element, one: Extension) -> None:
    to = whoever(asked(run, element), [one], default=False)
    words = text_of(run, one.get("text"), element.title)
    if to:
        step = next(iter(one_open(run, element)), None)
        tell_members(
            run.actor.db, run.actor.workspace, "process_said", step or run.instance.id, [to], title=words,
            place=[run.instance.record_kind, str(run.instance.record_id or "")],
        )  # fmt: skip


def one_open(run: "Run", element: Element) -> Iterable[UUID]:
    """The step's own row, which names the cause of what is told, so that it is told once."""
    rows = select(Step.id).where(Step.instance_id == run.instance.id, Step.element == element.id, Step.state == "open")
    return run.actor.db.scalars(rows.order_by(Step.id).limit(1))


def keep(run: "Run", name: str, value: Any) -> None:
    check_size(value)
    kept = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
    run.data = {**run.data, "data": {**run.data.get("data", {}), name: kept}}


def check_size(value: Any) -> None:
    if len(str(value)) > LARGEST:
        raise Refusal(_("This value is too large to be kept."))
