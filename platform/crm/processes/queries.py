"""Reads over processes: the lists of processes and of runs. What is seen of runs is in `following`."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select

from core.listing import Filter, Listing, Sort
from crm.processes.models import Instance, Process, Step
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
        .join(Task, Task.id == Step.task_id)
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
