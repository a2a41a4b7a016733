"""Ends of runs that are not at an end event: somebody cancels them, or what they are about is lost or deleted.

A run about a deal that is lost, or about a record that is deleted, has nothing more to do, and ends by itself, unless
its process listens for just that where it stands. What comes back later does not start it again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.events import note_by_itself
from crm.processes.bpmn import Definition, Unreadable, read
from crm.processes.models import Instance, Process, Step, Version
from crm.processes.triggers import Unclear, triggers_of
from crm.tasks.models import Task

UNDER_WAY = ("running", "failed", "paused")
WAITING = ("open", "arrived", "failed")


def awaited_ends(definition: Definition) -> set[tuple[str, str]]:
    """(event, field) of the events by which a version's runs end."""
    kinds = {definition.subject} if definition.subject else set[str]()
    if not kinds:
        try:
            kinds = {on.by.removesuffix("_id") or on.kind for on in triggers_of(definition, definition.start)}
        except Unclear:
            return set()
    return {(f"{kind}.deleted", "") for kind in kinds} | ({("deal.changed", "status")} if "deal" in kinds else set())


def why_over(event: Any) -> str:
    """Why runs about an event's record have nothing more to do, in words for whoever runs them; else nothing."""
    if event.change == "deleted":
        return str(_("What it was about was deleted."))
    if event.kind == "deal" and event.after.get("status") == "lost":
        return str(_("Its deal was lost."))
    return ""


def end_over(session: Session, event: Any, stages: Mapping[UUID, str]) -> None:
    """End the runs about the event's record, if that is over now."""
    why = why_over(event)
    if not why:
        return
    rows = session.execute(
        select(Instance, Version.xml, Process.name)
        .join(Version, Version.id == Instance.version_id)
        .join(Process, Process.id == Instance.process_id)
        .where(Instance.record_id == event.record_id, Instance.status.in_(UNDER_WAY))
        .where(Instance.created_at <= event.at)
        .order_by(Instance.id)
        .with_for_update(of=Instance)
    )
    for instance, xml, name in rows.all():
        if listens(session, instance, xml, event, stages):
            continue
        withdrawn = end(session, instance, event.at, why=why)
        gone = [(task.id, task.title(), {"deleted_at": event.at}) for task in withdrawn]
        note_by_itself(session, "process.withdraw", "task", gone, change="deleted", via="process")
        note_by_itself(session, *cancelled(instance, name), via="process")


def listens(session: Session, instance: Instance, xml: str, event: Any, stages: Mapping[UUID, str]) -> bool:
    """Whether the run waits for this event, or has gone on by it already."""
    try:
        elements = read(xml).elements
        waits = {
            element.id
            for element in elements.values()
            if element.tag != "startEvent" and any(on.fits(event, stages) for on in triggers_of(read(xml), element))
        }
    except (Unreadable, Unclear):
        return False
    here = select(Step.id).where(
        Step.instance_id == instance.id,
        Step.element.in_(waits),
        or_(Step.state.in_(("open", "arrived")), Step.done_at >= event.at),
    )
    return bool(waits) and session.scalar(here.limit(1)) is not None


def end(
    session: Session, instance: Instance, now: datetime, *, by: UUID | None = None, why: str = ""
) -> list[Task]:  # fmt: skip
    """A run that is held ends here, and its open tasks go. Returns those."""
    instance.status, instance.ended_at, instance.error = "cancelled", now, why
    waiting = select(Step).where(Step.instance_id == instance.id, Step.state.in_(WAITING))
    steps = list(session.scalars(waiting.order_by(Step.id)))
    named = [step.task_id for step in steps if step.task_id]
    # The task before its step, as whoever completes it holds them.
    asked = select(Task).where(Task.id.in_(named), Task.deleted_at.is_(None)).order_by(Task.id).with_for_update()
    tasks = list(session.scalars(asked)) if named else []
    for task in tasks:
        task.deleted_at = now
    for step in session.scalars(waiting.order_by(Step.id).with_for_update().execution_options(populate_existing=True)):
        step.state, step.done_at, step.done_by_id = "cancelled", now, by
    return tasks


def cancelled(instance: Instance, name: str) -> tuple[str, str, list[tuple[UUID, str, dict[str, Any]]]]:
    """The event by which timelines and pages hear of it, as core.events.note_by_itself takes it."""
    title = f"{name}: {instance.name}" if instance.name else name
    after = {
        "record_kind": instance.record_kind, "record_id": instance.record_id, "status": "cancelled", "process": name,
        "why": instance.error,
    }  # fmt: skip
    return "process.cancelled", "instance", [(instance.id, title, after)]
