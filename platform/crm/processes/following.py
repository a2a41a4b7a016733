"""Following runs: where they stand and for whom they wait, how many stand where, and the way that one went."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select

from core.actor import Actor
from core.records import Record
from crm.processes.models import Instance, Process, Step, Version
from crm.processes.queries import DUE, HERE, LATE, STANDS, UNDER_WAY, late
from crm.tasks.models import Task
from tenants.models import Member


@dataclass(frozen=True)
class Wait:
    """A step where a run stands: for whom it waits, since when, until when."""

    id: UUID
    run_id: UUID
    element: str
    name: str
    kind: str
    state: str
    who: str | None
    since: datetime
    due: datetime | None
    late: bool
    task_id: UUID | None


def waits_of(actor: Actor, runs: Collection[UUID]) -> dict[UUID, list[Wait]]:
    """Where these runs stand, the steps of people first."""
    columns = (
        Step.id, Step.instance_id, Step.element, Step.name, Step.kind, Step.state, Member.name, Step.began_at, DUE,
        func.coalesce(LATE, False), Step.task_id,
    )  # fmt: skip
    rows = actor.db.execute(
        select(*columns)
        .outerjoin(Task, Task.id == Step.task_id)
        .outerjoin(Member, Member.id == func.coalesce(Task.assignee_id, Step.assignee_id))
        .where(Step.instance_id.in_(runs), Step.state.in_(HERE))
        .order_by(case((Step.kind == "user", 0), else_=1), Step.began_at, Step.id)
    )
    found: dict[UUID, list[Wait]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(Wait(*row))
    return found


@dataclass(frozen=True)
class Run:
    """A run as lists show it."""

    id: UUID
    process: str
    name: str
    status: str
    began: datetime
    ended: datetime | None
    error: str
    version: int
    waits: list[Wait]

    @property
    def late(self) -> bool:
        return any(wait.late for wait in self.waits)


RUN = (
    Instance.id,
    select(Process.name).where(Process.id == Instance.process_id).scalar_subquery(),
    Instance.name,
    Instance.status,
    Instance.created_at,
    Instance.ended_at,
    Instance.error,
    select(Version.number).where(Version.id == Instance.version_id).scalar_subquery(),
)


def runs_of(actor: Actor, rows: Collection[Any]) -> list[Run]:
    """What rows of the columns RUN say, with where each run stands."""
    waits = waits_of(actor, [row[0] for row in rows if row[3] in UNDER_WAY])
    return [Run(*(*row[: len(RUN)], waits.get(row[0], []))) for row in rows]


def runs_about(actor: Actor, record: Record) -> list[Run]:
    """The runs under way about a record in hand, which whoever sees the record may follow; the newest first."""
    about = select(*RUN).where(Instance.record_id == record.id, Instance.status.in_(UNDER_WAY))
    return runs_of(actor, actor.db.execute(about.order_by(Instance.id.desc()).limit(10)).all())


def ways_about(actor: Actor, record: Record) -> list[tuple[Instance, list[Step]]]:
    """The last twenty runs about a record in hand with all their steps, the newest run first."""
    runs = select(Instance).where(Instance.record_id == record.id).order_by(Instance.id.desc()).limit(20)
    return [(run, [step for step, _who in path_of(actor, run.id)]) for run in actor.db.scalars(runs).all()]


@dataclass(frozen=True)
class Place:
    """How many runs stand at an element, how many of them late or failed, since when the first."""

    element: str
    runs: int
    late: int
    failed: int
    since: datetime


def places(actor: Actor, process: Process) -> dict[str, Place]:
    rows = actor.db.execute(
        select(
            Step.element,
            func.count(),
            func.count().filter(LATE),
            func.count().filter(Step.state == "failed"),
            func.min(Step.began_at),
        )
        .join(Instance, Instance.id == Step.instance_id)
        .outerjoin(Task, Task.id == Step.task_id)
        .where(Instance.process_id == process.id, STANDS)
        .group_by(Step.element)
    )
    return {row[0]: Place(*row) for row in rows}


def tallies(actor: Actor, process: Process) -> dict[str, int]:
    """How many runs of a process are in each state, and how many are late."""
    own = Instance.process_id == process.id
    rows = actor.db.execute(select(Instance.status, func.count()).where(own).group_by(Instance.status))
    found = {row[0]: row[1] for row in rows}
    return {**found, "late": actor.db.scalar(select(func.count()).select_from(Instance).where(own, late(True))) or 0}


def versions_of(actor: Actor, process: Process) -> list[tuple[Version, str, int]]:
    """(version, who published it, how many runs are on it), the newest first."""
    on_it = select(func.count()).where(Instance.version_id == Version.id, Instance.status.in_(UNDER_WAY))
    rows = actor.db.execute(
        select(Version, Member.name, on_it.correlate(Version).scalar_subquery())
        .outerjoin(Member, Member.id == Version.publisher_id)
        .where(Version.process_id == process.id)
        .order_by(Version.number.desc())
        .limit(50)
    )
    return [(row[0], row[1] or "", row[2]) for row in rows]


def path_of(actor: Actor, run_id: UUID) -> list[tuple[Step, str]]:
    """(step, who did it or is to) of every step of a run in hand, in the order in which it came to them."""
    rows = actor.db.execute(
        select(Step, Member.name)
        .outerjoin(Member, Member.id == func.coalesce(Step.done_by_id, Step.assignee_id))
        .where(Step.instance_id == run_id)
        .order_by(Step.began_at, Step.id)
        .limit(1000)
    )
    return [(row[0], row[1] or "") for row in rows]
