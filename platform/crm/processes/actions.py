"""Every change of processes and runs that a person makes."""

from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select

from core.actions import Input, action
from core.actor import Actor
from core.errors import Busy, Invalid, NotFound
from core.events import note
from core.ids import new_id
from core.jobs import later
from core.outbox import dump
from core.records import KINDS
from crm.processes import completing, ending, starting
from crm.processes.bpmn import Definition, Problem, Unreadable, read, sketched
from crm.processes.checks import problems
from crm.processes.forms import fields_of
from crm.processes.models import Instance, Process, Step, Trigger, Version
from crm.processes.moving import moved_state
from crm.processes.rights import rights_of
from crm.processes.running import ADVANCE
from crm.processes.starting import Cause, Published
from crm.processes.steps import LARGEST
from crm.processes.triggers import Unclear, triggers_of
from crm.processes.webhooks import WEBHOOK
from crm.requests.contacted import note_contact
from crm.tasks import actions as tasks
from crm.tasks.models import Task
from tenants.models import Member

MOST = 200  # processes of a workspace

Xml = Annotated[str, Field(min_length=1, max_length=1024 * 1024, description="BPMN 2.0.")]


class NewProcess(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one process.")] = None
    xml: Xml
    name: Annotated[str, Field(max_length=200, description="That of the file, when left out.")] = ""


class ChangedProcess(Input):
    id: UUID
    version: int | None = None
    xml: Xml | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class OneProcess(Input):
    id: UUID
    version: int | None = None


class Start(Input):
    """Of the active version, about one record of the kind that the process is about. `key` is what makes it unique:
    sent twice, it starts once."""

    process_id: UUID
    record_id: UUID | None = None
    key: Annotated[str, Field(max_length=100)] = ""
    data: dict[str, Any] = {}


class OneRun(Input):
    id: UUID


class OneStep(Input):
    """A step of the run `id`."""

    id: UUID
    step_id: UUID


class MovedRuns(Input):
    """Runs of the process on other versions move to the version `version_id`, by default the active one."""

    id: UUID
    version_id: UUID | None = None


class Stayed(BaseModel):
    """A run that cannot move, and the elements that the version does not have."""

    id: UUID
    name: str
    missing: list[str]


class Moving(BaseModel):
    moved: int
    stayed: list[Stayed]


class AssignedStep(OneStep):
    assignee_id: UUID


class Completed(Input):
    """A task that is a step, done with its form filled in."""

    id: UUID
    values: dict[str, Any] = {}


class Message(Input):
    """Something that runs about this record wait for by name."""

    record_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=200)]
    values: dict[str, Any] = {}


# Drafts and versions


@action("process.create")
def create(actor: Actor, data: NewProcess) -> Process:
    """A draft out of a file, which need not be right yet, but must be BPMN. Raises Invalid."""
    known = actor.repeated(Process, data.id)
    if known:
        return known
    if (actor.db.scalar(select(func.count()).where(Process.deleted_at.is_(None))) or 0) >= MOST:
        raise Busy(_("There are as many processes as there may be: %(most)s.", most=MOST))
    key, name = sketch(data.xml)
    process = Process(name=data.name or name, key=free_key(actor, key), draft=data.xml)
    if data.id:
        process.id = data.id
    actor.db.add(process)
    return process


@action("process.edit")
def change(actor: Actor, data: ChangedProcess) -> Process:
    """The draft or the name. What is published, and what runs, stays as it is."""
    process = actor.take(Process, data.id, "edit", data.version)
    if data.xml is not None:
        sketch(data.xml)
        process.draft, process.rule = data.xml, None
    if data.name is not None:
        process.name = data.name
    return process


@action("process.publish", right=("process", "edit"))
def publish(actor: Actor, data: OneProcess) -> Process:
    """The draft becomes a version: new runs take it, those under way stay on theirs. It acts with the rights of whoever
    publishes it. Raises Invalid, naming each element that is not right."""
    process = actor.take(Process, data.id, "edit", data.version)
    definition = readable(process.draft)
    found = problems(actor, definition)
    if found:
        raise wrong(found)
    number = actor.db.scalar(select(func.max(Version.number)).where(Version.process_id == process.id)) or 0
    version = Version(
        id=new_id(), process_id=process.id, number=number + 1, xml=process.draft, rights=rights_of(actor, definition),
        publisher_id=actor.member.id,
    )  # fmt: skip
    actor.db.add(version)
    actor.db.flush()
    process.active_id, process.enabled = version.id, True
    await_events(actor, process, version, definition)
    plan(actor, process, version, definition)
    return process


@action("process.switch_off", right=("process", "edit"))
def switch_off(actor: Actor, data: OneProcess) -> Process:
    """No new runs. Those under way go on to their end."""
    process = actor.take(Process, data.id, "edit", data.version)
    process.enabled = False
    return process


@action("process.switch_on", right=("process", "edit"))
def switch_on(actor: Actor, data: OneProcess) -> Process:
    """New runs again, and paused ones go on, in the name of whoever switches it on."""
    process = actor.take(Process, data.id, "edit", data.version)
    version = actor.db.get(Version, process.active_id) if process.active_id else None
    if version is None:
        raise Busy(_("Publish %(name)s first.", name=process.name))
    definition = readable(version.xml)
    process.enabled = True
    paused = list(
        actor.db.scalars(select(Instance).where(Instance.process_id == process.id, Instance.status == "paused"))
    )
    for version_id in {version.id, *(one.version_id for one in paused)}:
        own = actor.db.get_one(Version, version_id)
        own.publisher_id, own.rights = actor.member.id, rights_of(actor, readable(own.xml))
    for instance in paused:
        instance.status = "running"
        wake_up(actor, instance)
    await_events(actor, process, version, definition)
    plan(actor, process, version, definition)
    return process


@action("process.move_runs", right=("process", "edit"))
def move_runs(actor: Actor, data: MovedRuns) -> Moving:
    """Runs under way go on by another version, each from where it stands. One that has been where the version has
    nothing stays on its own, and is named."""
    process = actor.take(Process, data.id, "edit")
    wanted = data.version_id or process.active_id
    version = actor.db.get(Version, wanted) if wanted else None
    if version is None or version.process_id != process.id:
        raise Invalid(("version_id", _("There is no such version.")))
    new, old, moving = readable(version.xml), dict[UUID, Definition](), Moving(moved=0, stayed=[])
    for instance in others_under_way(actor, process, version):
        if instance.version_id not in old:
            old[instance.version_id] = readable(actor.db.get_one(Version, instance.version_id).xml)
        steps = waiting(actor, instance)
        state, missing = moved_state(instance, steps, old[instance.version_id], new)
        if missing:
            moving.stayed.append(Stayed(id=instance.id, name=instance.name, missing=missing))
            continue
        for step in steps:
            step.asks = bool(fields_of(new.elements[step.element])) and step.kind == "user"
        instance.version_id, instance.state = version.id, state
        moving.moved += 1
    return moving


@action("process.delete")
def delete(actor: Actor, data: OneProcess) -> Process:
    """Into the bin. Its runs are cancelled first, by hand."""
    process = actor.take(Process, data.id, "delete", data.version)
    under_way = select(Instance.id).where(Instance.process_id == process.id, Instance.status.in_(("running", "failed")))
    if actor.db.scalar(under_way.limit(1)):
        raise Busy(_("Runs of %(name)s are under way. Cancel them first.", name=process.name))
    process.enabled, process.deleted_at = False, actor.db.scalar(select(func.now()))
    actor.db.execute(delete_rows(Trigger).where(Trigger.version_id.in_(versions_of(process))))
    return process


@action("process.restore", right=("process", "delete"))
def restore(actor: Actor, data: OneProcess) -> Process:
    """Out of the bin, switched off."""
    process = actor.take(Process, data.id, "delete", deleted=True)
    process.key, process.deleted_at = free_key(actor, process.key), None
    return process


# Runs


@action("process.start", right=("process", "view"))
def start(actor: Actor, data: Start) -> Instance:
    """A run by hand. Raises Busy where the process is off or there are too many for the record."""
    actor.linked(Process, data.process_id, "process_id")
    process = actor.find(Process, data.process_id)
    version = actor.db.get(Version, process.active_id) if process.enabled and process.active_id else None
    if version is None:
        raise Busy(_("%(name)s is switched off.", name=process.name))
    definition = readable(version.xml)
    record = None
    if definition.subject:
        model = KINDS.get(definition.subject)
        if model is None or data.record_id is None:
            raise Invalid(("record_id", _("Choose what the process is about.")))
        actor.linked(model, data.record_id, "record_id")
        record = actor.find(model, data.record_id)
    check_kept("data", data.data)
    cause = Cause(f"hand:{data.key or new_id()}", {"data": data.data}, actor.member.id)
    found = starting.begin(actor.db, Published(process, version, definition), actor.workspace, record, cause)
    if found is None:
        raise Busy(_("%(name)s was started too often for this record within the hour.", name=process.name))
    later(actor.db, ADVANCE, instance_id=found)
    return actor.db.get_one(Instance, found)


@action("process.cancel", right=("process", "edit"))
def cancel(actor: Actor, data: OneRun) -> Instance:
    """The run ends here; its open tasks go."""
    instance = actor.take(Instance, data.id, "edit")
    if instance.status in ("done", "cancelled"):
        raise Busy(_("This run has ended."))
    ending.end(actor.db, instance, actor.db.scalars(select(func.now())).one(), by=actor.member.id)
    name = actor.db.scalars(select(Process.name).where(Process.id == instance.process_id)).one()
    action_name, kind, ((run_id, title, after),) = ending.cancelled(instance, name)
    note(actor, action_name, kind, run_id, title, after=after)
    return instance


@action("process.retry", right=("process", "edit"))
def retry(actor: Actor, data: OneRun) -> Instance:
    """A run that failed tries again what it could not do."""
    instance = actor.take(Instance, data.id, "edit")
    if instance.status != "failed":
        raise Busy(_("This run has not failed."))
    instance.status, instance.error, instance.passed = "running", "", 0
    for step in waiting(actor, instance):
        if step.state == "failed":
            step.state, step.error, step.done_at = "open", "", None
            step.values = {name: value for name, value in step.values.items() if name != "error"}
        if step.kind == "webhook" and "url" in step.values:
            later(actor.db, WEBHOOK, step_id=step.id)
    wake_up(actor, instance)
    return instance


@action("process.skip", right=("process", "edit"))
def skip(actor: Actor, data: OneStep) -> Instance:
    """The run goes on as if this step were done: a task nobody will do, work that cannot succeed, a time not waited
    for."""
    step, instance = step_taken(actor, data)
    step.state, step.done_by_id, step.error = "arrived", actor.member.id, ""
    step.done_at = actor.db.scalar(select(func.clock_timestamp()))
    step.values = {**step.values, "skipped": True}
    task = actor.db.get(Task, step.task_id) if step.task_id else None
    if task is not None and task.done_at is None:
        task.deleted_at = task.deleted_at or actor.db.scalar(select(func.now()))
    if instance.status == "failed":
        instance.status, instance.error = "running", ""
    later(actor.db, ADVANCE, instance_id=instance.id)
    return instance


@action("process.reassign", right=("process", "edit"))
def reassign(actor: Actor, data: AssignedStep) -> Instance:
    """Another member does the step."""
    step, instance = step_taken(actor, data)
    actor.linked(Member, data.assignee_id, "assignee_id", Member.state == "active")
    step.assignee_id = data.assignee_id
    if step.task_id:
        tasks.assign(actor, tasks.AssignedTask(id=step.task_id, assignee_id=data.assignee_id))
    return instance


@action("process.complete", right=("task", "edit"))
def complete(actor: Actor, data: Completed) -> Task:
    """The step that this task is, with what was filled in. Raises Invalid for what is missing."""
    task = actor.take(Task, data.id, "edit")
    step = completing.step_of(actor, task)
    if step is None:
        raise NotFound()
    completing.complete(actor, step, data.values)
    task.done_at, task.done_by_id = step.done_at, actor.member.id
    note_contact(actor, task.contact_id, task.deal_id)
    return task


@action("process.message", right=("process", "edit"))
def message(actor: Actor, data: Message) -> None:
    """Runs about the record that wait for a message of this name go on."""
    check_kept("values", data.values)
    rows = actor.db.execute(
        select(Step.id, Step.instance_id)
        .join(Instance, Instance.id == Step.instance_id)
        .where(Step.state == "open", Step.waits_for == f"message:{data.name}", Instance.record_id == data.record_id)
        .where(Instance.status == "running")
        .order_by(Step.id)
    )
    for row in rows.all():
        if starting.mark_arrived(actor.db, row.id, data.values):
            later(actor.db, ADVANCE, instance_id=row.instance_id)


# Details


def sketch(xml: str) -> tuple[str, str]:
    """Key and name of what may be half drawn. Raises Invalid, naming what is not supported."""
    try:
        return sketched(xml)
    except Unreadable as error:
        raise wrong(error.problems) from None


def readable(xml: str) -> Definition:
    """Raises Invalid, naming what is not supported."""
    try:
        return read(xml)
    except Unreadable as error:
        raise wrong(error.problems) from None


def wrong(found: list[Problem]) -> Invalid:
    return Invalid(*((problem.element or "xml", problem.words) for problem in found))


def check_kept(name: str, values: dict[str, Any]) -> None:
    """Whether a run can keep this. Raises Invalid."""
    written = dump(values)
    if len(written) > LARGEST:
        raise Invalid((name, _("This value is too large to be kept.")))
    if "\\u0000" in written:
        raise Invalid((name, _("Leave out the zero bytes.")))


def free_key(actor: Actor, key: str) -> str:
    taken = set(actor.db.scalars(select(Process.key).where(Process.deleted_at.is_(None), Process.key.startswith(key))))
    return next(one for one in (key, *(f"{key}-{number}" for number in range(2, MOST + 3))) if one not in taken)


def versions_of(process: Process) -> Any:
    return select(Version.id).where(Version.process_id == process.id)


def await_events(actor: Actor, process: Process, version: Version, definition: Definition) -> None:
    """Let the events be handed on that this version starts or goes on with; and no more those of versions that nothing
    runs on."""
    under_way = select(Instance.version_id).where(Instance.process_id == process.id, Instance.status == "running")
    gone = Trigger.version_id.in_(versions_of(process)) & Trigger.version_id.not_in(under_way)
    actor.db.execute(delete_rows(Trigger).where(gone | (Trigger.version_id == version.id)))
    wanted = ending.awaited_ends(definition)
    for element in definition.elements.values():
        try:
            wanted |= {pair for on in triggers_of(definition, element) for pair in on.awaited()}
        except Unclear as error:
            raise wrong([Problem(element.id, str(error))]) from None
    actor.db.add_all(Trigger(event=event, field=name, version_id=version.id) for event, name in sorted(wanted))


def plan(actor: Actor, process: Process, version: Version, definition: Definition) -> None:
    now = actor.db.scalar(select(func.now()))
    if now is not None:
        starting.plan_next(actor.db, actor.workspace, Published(process, version, definition), now)


def waiting(actor: Actor, instance: Instance) -> list[Step]:
    rows = select(Step).where(Step.instance_id == instance.id, Step.state.in_(("open", "arrived", "failed")))
    return list(actor.db.scalars(rows.order_by(Step.id).with_for_update()))


def wake_up(actor: Actor, instance: Instance) -> None:
    """Look at the run now, and again when each of its times comes."""
    later(actor.db, ADVANCE, instance_id=instance.id)
    for step in waiting(actor, instance):
        if step.kind == "timer" and step.due_at is not None:
            later(actor.db, ADVANCE, at=step.due_at, instance_id=instance.id)


def others_under_way(actor: Actor, process: Process, version: Version) -> list[Instance]:
    """The runs on other versions of the process, held."""
    rows = select(Instance).where(
        Instance.process_id == process.id, Instance.version_id != version.id, Instance.status.in_(ending.UNDER_WAY)
    )
    return list(actor.db.scalars(rows.order_by(Instance.id).with_for_update()))


def step_taken(actor: Actor, data: OneStep) -> tuple[Step, Instance]:
    """A step where a run waits or failed, and the run, both held. Raises NotFound, Busy."""
    instance = actor.take(Instance, data.id, "edit")
    own = select(Step).where(Step.id == data.step_id, Step.instance_id == instance.id)
    step = actor.db.scalar(own.with_for_update())
    if step is None:
        raise NotFound()
    if step.state not in ("open", "failed") or instance.status not in ("running", "failed"):
        raise Busy(_("The run has gone on from this step."))
    return step, instance
