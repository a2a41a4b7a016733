"""Starting: by an event, by the clock, by hand. And events that a waiting run goes on with.

An event that a published process waits for is handed on by the relay to `hear`. A run is unique by process and cause,
so that hearing twice starts once. Too many for one record, or processes that start one another without end, are not
started, and the publisher is told.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Workspace, as_uuid
from core.events import Event, note_by_itself
from core.ids import new_id
from core.jobs import Place, job, later, once
from core.outbox import subscribe
from core.records import KINDS, Record
from crm.deals.models import Stage
from crm.notifications.telling import tell_members
from crm.processes.bpmn import Definition, Unreadable, read
from crm.processes.context import plain, seen_by, visible
from crm.processes.ending import end_over
from crm.processes.expressions import Wrong, holds
from crm.processes.models import Instance, Process, Step, Version
from crm.processes.rights import narrowed
from crm.processes.running import advance
from crm.processes.triggers import Every, On, everies, triggers_of
from tenants.members import acting_in

BY_TIME = "process.by_time"
PER_HOUR = 20  # runs of a process about one record
DEEPEST = 10  # processes that start one another
MOST_AT_ONCE = 1000  # records whose day is near, at one time


@dataclass(frozen=True)
class Published:
    process: Process
    version: Version
    definition: Definition


@subscribe("processes")
def hear(place: Place, payload: dict[str, Any]) -> None:
    """What an outbox row of awaited events points to: runs begin and go on."""
    if not payload.get("awaited"):
        return
    workspace = place.here()
    with force_locale(workspace.language):
        with place.database.workspace(workspace) as session, session.begin():
            events = session.execute(
                select(*Event.__table__.columns).where(Event.id.in_(payload["events"])).order_by(Event.id)
            ).all()
            stages = dict(session.execute(select(Stage.id, Stage.name)).all()) if events else {}
            touched = [one for event in events for one in goes_on(session, workspace, event, stages)]
            for event in events:
                end_over(session, event, stages)
            for published in in_use(session):
                touched += starts(session, workspace, published, events, stages)
        for instance_id in dict.fromkeys(touched):
            advance(place.database, workspace, instance_id)


def in_use(session: Session) -> Iterable[Published]:
    """Every process that is on, with its active version."""
    rows = session.execute(
        select(Process, Version)
        .join(Version, Version.id == Process.active_id)
        .where(Process.enabled, Process.deleted_at.is_(None))
        .order_by(Process.id)
    )
    for process, version in rows:
        try:
            yield Published(process, version, read(version.xml))
        except Unreadable:
            continue


def starts(
    session: Session, workspace: Workspace, published: Published, events: Collection[Any], stages: dict[UUID, str]
) -> list[UUID]:
    """The runs that these events begin, or began when they were heard before."""
    definition = published.definition
    wanted = [
        (event, on) for event in events for on in triggers_of(definition, definition.start) if on.fits(event, stages)
    ]
    if not wanted:
        return []
    actor = acting_in(session, workspace, published.version.publisher_id, "process")
    if actor is None:
        return []
    actor = narrowed(actor, published.version.rights)
    begun = []
    for event, on in wanted:
        record = subject(actor, definition, event, on)
        cause = Cause(
            f"event:{event.id}", {"event": about(event)}, event.member_id if event.via != "process" else None, event
        )
        if fits(actor, on, record, cause):
            found = begin(session, published, workspace, record, cause)
            begun += [found] if found else []
    return begun


@dataclass(frozen=True)
class Cause:
    """What starts a run: its unique name, what the run knows at first, who did it, and the event, if it was one."""

    name: str
    data: dict[str, Any]
    by: UUID | None = None
    event: Any = None


def about(event: Any) -> dict[str, Any]:
    """An event as expressions see it."""
    return {
        "action": event.action, "kind": event.kind, "change": event.change, "record_id": str(event.record_id),
        "title": event.title,
        "by": str(event.member_id or ""), "before": plain(event.before), "after": plain(event.after),
    }  # fmt: skip


def subject(actor: Actor, definition: Definition, event: Any, on: On) -> Record | None:
    """The record that a run is about: the event's own, or the one it is linked to."""
    if not on.by:
        return visible(actor, event.kind, event.record_id)
    own = visible(actor, event.kind, event.record_id)
    linked = getattr(own, on.by, None) if own is not None else None
    linked = linked or as_uuid(str(event.after.get(on.by, "")))
    return visible(actor, definition.subject or on.by.removesuffix("_id"), linked)


def fits(actor: Actor, on: On, record: Record | None, cause: Cause) -> bool:
    """Whether the condition holds. One that cannot be computed for this record does not."""
    if record is None and cause.event is not None and cause.event.change != "noted":
        return False
    return holds_for(actor, on.condition, record, cause)


def holds_for(actor: Actor, condition: str, record: Record | None, cause: Cause) -> bool:
    if not condition:
        return True
    asked = Instance(data=cause.data, started_by_id=cause.by)
    try:
        return holds(condition, seen_by(actor, record, asked))
    except Wrong:
        return False


def begin(
    session: Session, published: Published, workspace: Workspace, record: Record | None, cause: Cause
) -> UUID | None:
    """A run that is about to go; the one that this cause began before; None where there are too many."""
    known = session.scalar(
        select(Instance.id).where(Instance.process_id == published.process.id, Instance.cause == cause.name)
    )
    if known is not None:
        return known
    depth = depth_of(session, cause)
    if depth > DEEPEST or too_many(session, published, record):
        flood(session, workspace, published, record, cause)
        return None
    instance_id, name = new_id(), record.title()[:200] if record is not None else ""
    whose: dict[str, Any] = {
        "record_kind": record.kind if record is not None else "", "record_id": record.id if record else None,
    }  # fmt: skip
    made = insert(Instance).values(
        id=instance_id, process_id=published.process.id, version_id=published.version.id, name=name, data=cause.data,
        started_by_id=cause.by, cause=cause.name, depth=depth, **whose,
    )  # fmt: skip
    if session.scalar(made.on_conflict_do_nothing().returning(Instance.id)) is None:
        return None
    title = f"{published.process.name}: {name}" if name else published.process.name
    note_by_itself(
        session, "process.started", "instance", [(instance_id, title, {**whose, "process": published.process.name})],
        change="created", via="process",
    )  # fmt: skip
    return instance_id


def depth_of(session: Session, cause: Cause) -> int:
    """How many runs stand behind the event that begins this one."""
    if cause.event is None or cause.event.via != "process":
        return 0
    before = as_uuid(cause.event.request_id.removeprefix("process:"))
    depth = session.scalar(select(Instance.depth).where(Instance.id == before)) if before else 0
    return (depth or 0) + 1


def too_many(session: Session, published: Published, record: Record | None) -> bool:
    said = published.definition.settings.get("perHour")
    most = min(int(said), 1000) if said.isdigit() else PER_HOUR
    hour = select(func.count()).where(
        Instance.process_id == published.process.id, Instance.created_at > func.now() - timedelta(hours=1)
    )
    if record is None:
        return False
    return (session.scalar(hour.where(Instance.record_id == record.id)) or 0) >= most


def flood(session: Session, workspace: Workspace, published: Published, record: Record | None, cause: Cause) -> None:
    """Once an hour for each record the publisher is told."""
    hour = session.scalar(select(func.date_trunc("hour", func.now())))
    named = uuid5(published.process.id, f"{record.id if record else cause.name} {hour}")
    title = f"{published.process.name}: {record.title()}" if record is not None else published.process.name
    tell_members(session, workspace, "process_flood", named, [published.version.publisher_id], title=title)


# What waiting runs go on with


def goes_on(session: Session, workspace: Workspace, event: Any, stages: dict[UUID, str]) -> list[UUID]:
    """The runs that waited for this event, or were reached by it when it was heard before."""
    names = [event.action, f"{event.kind}.{event.change}", f"{event.kind}.stage"]
    rows = session.execute(
        select(Step, Instance, Version)
        .join(Instance, Instance.id == Step.instance_id)
        .join(Version, Version.id == Instance.version_id)
        .where(Step.state.in_(("open", "arrived")), Step.waits_for.in_(names), Instance.status == "running")
        .where(Instance.record_id.in_(linked_to(session, event)))
        .order_by(Step.id)
    )
    found = []
    for step, instance, version in rows:
        if step.state == "arrived" or arrives(session, workspace, event, stages, step, instance, version):
            found.append(instance.id)
    return found


def arrives(
    session: Session, workspace: Workspace, event: Any, stages: dict[UUID, str], step: Step, instance: Instance,
    version: Version,
) -> bool:  # fmt: skip
    """Whether this is the event that the step waits for, which is then marked."""
    actor = acting_in(session, workspace, version.publisher_id, "process")
    try:
        definition = read(version.xml)
        on = next(iter(triggers_of(definition, definition.elements[step.element])), None)
    except (Unreadable, KeyError, ValueError):
        return False
    if actor is None or on is None or not on.fits(event, stages):
        return False
    actor = narrowed(actor, version.rights)
    record = visible(actor, instance.record_kind, instance.record_id)
    asked = Instance(data={**instance.data, "event": about(event)}, started_by_id=instance.started_by_id)
    try:
        if on.condition and not holds(on.condition, seen_by(actor, record, asked)):
            return False
    except Wrong:
        return False
    return mark_arrived(session, step.id, {"event": about(event)})


def mark_arrived(session: Session, step_id: UUID, values: dict[str, Any]) -> bool:
    came = update(Step).where(Step.id == step_id, Step.state == "open")
    marked = came.values(state="arrived", done_at=func.clock_timestamp(), values=values).returning(Step.id)
    return session.execute(marked).first() is not None


def linked_to(session: Session, event: Any) -> set[UUID]:
    """The record of an event, and every record that it is linked to."""
    values = [*event.after.items(), *event.before.items()]
    model = KINDS.get(event.kind)
    record = session.get(model, event.record_id) if model is not None else None
    if record is not None:
        values += record.values().items()
    named = {as_uuid(str(value)) for name, value in values if name.endswith("_id") and value}
    return {event.record_id, *(one for one in named if one)}


# By the clock


def plan_next(session: Session, workspace: Workspace, published: Published, moment: datetime) -> None:
    """Ask for the next time at which a process starts by itself."""
    zone = ZoneInfo(workspace.time_zone)
    times = [every.next(moment, zone) for every in everies(published.definition.start)]
    if times:
        due = min(times)
        later(session, BY_TIME, at=due, version_id=published.version.id, due=due.isoformat())


@job(BY_TIME)
def by_time(place: Place, version_id: str, due: str) -> None:
    """The hour has come: one run, and the next hour is asked for. A version that is not the active one any more, or a
    process that was switched off, ends the chain."""
    workspace, moment = place.here(), datetime.fromisoformat(due)
    with force_locale(workspace.language):
        with place.database.workspace(workspace) as session, session.begin():
            published = next((one for one in in_use(session) if str(one.version.id) == version_id), None)
            if published is None:
                return
            began = at_this_time(session, workspace, published, due)
            if once(session, BY_TIME, f"{published.process.id} {due}"):
                now = session.scalar(select(func.now())) or moment
                plan_next(session, workspace, published, max(moment, now))
        for instance_id in began:
            advance(place.database, workspace, instance_id)


def at_this_time(session: Session, workspace: Workspace, published: Published, due: str) -> list[UUID]:
    """The runs that begin now: one, and one for each record whose day is near."""
    moment, zone = datetime.fromisoformat(due), ZoneInfo(workspace.time_zone)
    began = []
    for every in everies(published.definition.start):
        if every.next(moment - timedelta(seconds=1), zone) != moment:
            continue
        if not every.field:
            began.append(begin(session, published, workspace, None, Cause(f"time:{due}", {"event": {"at": due}})))
            continue
        actor = acting_in(session, workspace, published.version.publisher_id, "process")
        if actor is not None:
            actor = narrowed(actor, published.version.rights)
            began += near(session, actor, published, every, moment.astimezone(zone).date())
    return [one for one in began if one]


def near(session: Session, actor: Actor, published: Published, every: Every, today: date) -> list[UUID | None]:
    """Runs about the records that the publisher may see and whose day comes within so many days. The day is part of the
    cause: a run begins once, also where the clock stood still, and again where the day was changed."""
    model = KINDS[published.definition.subject]
    day = getattr(model, every.field)
    rows = actor.visible(model).where(day >= today, day <= today + timedelta(days=every.before))
    began = []
    for record in session.scalars(rows.order_by(day, model.id).limit(MOST_AT_ONCE)).all():
        named = getattr(record, every.field).isoformat()
        cause = Cause(f"day:{record.id}:{named}", {"event": {"at": named}})
        known = select(Instance.id).where(Instance.process_id == published.process.id, Instance.cause == cause.name)
        if session.scalar(known) is None and holds_for(actor, every.condition, record, cause):
            began.append(begin(session, published, actor.workspace, record, cause))
    return began
