"""Reads over processes: the lists of processes and of runs. What is seen of runs is in `following`."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import as_uuid
from core.errors import NotFound
from core.listing import Filter, Listing, Sort
from crm.processes.models import Instance, Process, Step, Version
from crm.tasks.models import Task

HERE = ("open", "arrived", "failed")  # states of a step that a run stands at
UNDER_WAY = ("running", "failed", "paused")
# A step of somebody is late when its task is, which may have been put off since.
DUE = func.coalesce(Task.due_at, Step.due_at)
LATE = and_(Step.kind == "user", Step.state == "open", func.now() > DUE)
STANDS = and_(Step.state.in_(HERE), Instance.status.in_(UNDER_WAY))


def late(late: bool) -> ColumnElement[bool]:
    """Whether a step of a run is late."""
    found = exists(
        select(Step.id)
        .outerjoin(Task, Task.id == Step.task_id)
        .where(Step.instance_id == Instance.id, LATE, Instance.status == "running")
        .correlate(Instance)
    )
    return found if late else ~found


def stands_at(element: str) -> ColumnElement[bool]:
    here = select(Step.id).where(Step.instance_id == Instance.id, Step.element == element, STANDS)
    return exists(here.correlate(Instance))


PROCESSES = Listing(
    model=Process,
    sorts={"created": Sort(Process.id, UUID)},
    default_sort="created",
    filters={"enabled": Filter(bool, lambda _actor, value: Process.enabled == value, "only those that are on, or off")},
    searched=False,
)
RUNS = Listing(
    model=Instance,
    sorts={"created": Sort(Instance.id, UUID)},
    default_sort="-created",
    filters={
        "process_id": Filter(UUID, lambda _actor, value: Instance.process_id == value, "runs of this process"),
        "record_id": Filter(UUID, lambda _actor, value: Instance.record_id == value, "runs about this record"),
        "status": Filter(str, lambda _actor, value: Instance.status == value, "runs in this state"),
        "late": Filter(bool, lambda _actor, value: late(value), "runs with a step that is late"),
        "element": Filter(str, lambda _actor, value: stands_at(value), "runs that stand at this element"),
    },
    searched=False,
)


def names_of_runs(session: Session, request_ids: Collection[str]) -> dict[str, str]:
    """By these marks of what runs did ("process:" and the run's id), the names of their processes."""
    ids = [one for mark in request_ids if (one := as_uuid(mark.removeprefix("process:")))]
    named = select(Instance.id, Process.name).join(Process, Process.id == Instance.process_id)
    rows = session.execute(named.where(Instance.id.in_(ids))) if ids else ()
    return {f"process:{row.id}": row.name for row in rows}


def latest_version(actor: Actor, process: Process) -> Version | None:
    newest = select(Version).where(Version.process_id == process.id).order_by(Version.number.desc())
    found: Version | None = actor.db.scalars(newest.limit(1)).first()
    return found


def version_numbered(actor: Actor, process: Process, number: int) -> Version:
    """Raises NotFound."""
    wanted = select(Version).where(Version.process_id == process.id, Version.number == number)
    found: Version | None = actor.db.scalars(wanted).first()
    if found is None:
        raise NotFound()
    return found


def overview(actor: Actor) -> list[Any]:
    """Every process that is no rule, with how many runs are under way, late and cannot go on, and when it was last
    published. Raises Forbidden."""
    actor.require(("process", "view"))
    runs = select(func.count()).where(Instance.process_id == Process.id).correlate(Process)
    published = select(func.max(Version.published_at)).where(Version.process_id == Process.id).correlate(Process)
    number = select(func.max(Version.number)).where(Version.process_id == Process.id).correlate(Process)
    columns = (
        Process.id, Process.name, Process.enabled,
        runs.where(Instance.status == "running").scalar_subquery().label("running"),
        runs.where(late(True)).scalar_subquery().label("late"),
        runs.where(Instance.status == "failed").scalar_subquery().label("failed"),
        published.scalar_subquery().label("published_at"), number.scalar_subquery().label("number"),
    )  # fmt: skip
    rows = actor.visible(Process, *columns).where(Process.rule.is_(None)).order_by(Process.name, Process.id)
    return list(actor.db.execute(rows))


def count_rules(actor: Actor) -> int:
    found: int = actor.db.scalar(actor.visible(Process, func.count()).where(Process.rule.is_not(None))) or 0
    return found


def rules(actor: Actor) -> list[Any]:
    """Every rule with how often it ran and when last, in the order that they were made. Raises Forbidden."""
    actor.require(("process", "view"))
    runs = select(func.count()).where(Instance.process_id == Process.id).correlate(Process)
    last = select(func.max(Instance.created_at)).where(Instance.process_id == Process.id).correlate(Process)
    failed = runs.where(Instance.status == "failed")
    columns = [
        Process.id, Process.name, Process.enabled, Process.rule, runs.scalar_subquery().label("runs"),
        last.scalar_subquery().label("last"), failed.scalar_subquery().label("failed"),
    ]  # fmt: skip
    return list(
        actor.db.execute(actor.visible(Process, *columns).where(Process.rule.is_not(None)).order_by(Process.id))
    )
