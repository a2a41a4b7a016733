"""Processes in reports: what runs, what is late, and where the time goes."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core.actor import Actor
from core.days import midnight
from crm.processes.models import Instance, Process, Step
from crm.processes.queries import RUNS, late
from crm.reports.periods import Span
from crm.reports.view import ask


@dataclass(frozen=True)
class Slow:
    """A step by its element, how often it was passed in the period, and the median and the longest time in it."""

    name: str
    element: str
    times: int
    median: timedelta
    longest: timedelta


@dataclass(frozen=True)
class Runs:
    """`running`, `late` and `failed` are now, `done` is in the period; `steps` are slowest first."""

    id: UUID
    name: str
    running: int
    late: int
    failed: int
    done: int
    median: timedelta | None
    steps: list[Slow]


def runs_of(actor: Actor, period: Span) -> list[Runs]:
    """Of every process. Three statements. Raises Forbidden."""
    actor.require(("process", "view"))
    counts = counted(actor, period)
    steps = slow_steps(actor, period)
    rows = actor.db.execute(actor.visible(Process, Process.id, Process.name).order_by(Process.name, Process.id))
    return [runs(row, counts.get(row.id), steps[row.id]) for row in rows]


def runs(process: Any, count: Any, steps: list[Slow]) -> Runs:
    if count is None:
        return Runs(process.id, process.name, 0, 0, 0, 0, None, steps)
    return Runs(process.id, process.name, count.running, count.late, count.failed, count.done, count.median, steps)


def counted(actor: Actor, period: Span) -> dict[UUID, Any]:
    ended = (Instance.status == "done") & within(actor, Instance.ended_at, period)
    query = RUNS.query(
        actor,
        ask({}),
        Instance.process_id,
        func.count().filter(Instance.status == "running").label("running"),
        func.count().filter(late(True)).label("late"),
        func.count().filter(Instance.status == "failed").label("failed"),
        func.count().filter(ended).label("done"),
        func.percentile_disc(0.5).within_group(Instance.ended_at - Instance.created_at).filter(ended).label("median"),
    )
    return {row.process_id: row for row in actor.db.connection().execute(query.group_by(Instance.process_id))}


def slow_steps(actor: Actor, period: Span) -> dict[UUID, list[Slow]]:
    """By process: the steps that runs went on from in the period; without timers, which wait because they shall."""
    spent = Step.done_at - Step.began_at
    median = func.percentile_disc(0.5).within_group(spent).label("median")
    query = (
        select(
            Instance.process_id, Step.element, func.max(Step.name).label("name"), func.count().label("times"), median,
            func.max(spent).label("longest"),
        )
        .join(Step, Step.instance_id == Instance.id)
        .where(actor.reach(Instance), Instance.deleted_at.is_(None))
        .where(Step.state == "done", Step.kind != "timer", within(actor, Step.done_at, period))
        .group_by(Instance.process_id, Step.element)
        .order_by(median.desc(), Step.element)
    )  # fmt: skip
    found: dict[UUID, list[Slow]] = defaultdict(list)
    for row in actor.db.connection().execute(query):
        found[row.process_id].append(Slow(row.name or row.element, row.element, row.times, row.median, row.longest))
    return found


def within(actor: Actor, column: Any, period: Span) -> Any:
    after = midnight(actor, period.last + timedelta(days=1))
    return (column >= midnight(actor, period.first)) & (column < after)
