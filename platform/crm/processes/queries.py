"""Reads over processes: lists, and the way that runs went."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from core.actor import Actor
from core.listing import Filter, Listing, Sort
from core.records import Record
from crm.processes.models import Instance, Process, Step

PROCESSES = Listing(
    model=Process,
    sorts={"created": Sort(Process.id, UUID)},
    default_sort="created",
    filters={"enabled": Filter(bool, lambda _actor, value: Process.enabled == value, "only those that are on, or off")},
    searched=False,
)
# Under way, with something that is not done though its time has come. A timer's time is when it goes on, no deadline.
LATE = and_(
    Instance.status == "running",
    select(Step.id)
    .where(
        Step.instance_id == Instance.id,
        Step.kind == "user",
        Step.state.in_(("open", "arrived", "failed")),
        Step.due_at < func.now(),
    )
    .exists(),
)


def by_state(_actor: Actor, value: str) -> ColumnElement[bool]:
    """A status, or "late", which is a part of what runs."""
    return LATE if value == "late" else Instance.status == value


RUNS = Listing(
    model=Instance,
    sorts={"created": Sort(Instance.id, UUID)},
    default_sort="-created",
    filters={
        "process_id": Filter(UUID, lambda _actor, value: Instance.process_id == value, "runs of this process"),
        "record_id": Filter(UUID, lambda _actor, value: Instance.record_id == value, "runs about this record"),
        "state": Filter(str, by_state, "running, late, done, failed, cancelled or paused"),
        "status": Filter(str, lambda _actor, value: Instance.status == value, "runs in this state"),
    },
    searched=False,
)


def path_of(actor: Actor, run_id: UUID) -> list[Step]:
    """Every step of a run, in the order in which it came to them. Raises NotFound."""
    instance = actor.find(Instance, run_id)
    return steps_of(actor, instance.id)


def runs_about(actor: Actor, record: Record) -> list[tuple[Instance, list[Step]]]:
    """The runs about a record in hand, which whoever sees the record may follow; the newest first, the last twenty."""
    runs = select(Instance).where(Instance.record_id == record.id).order_by(Instance.id.desc()).limit(20)
    return [(instance, steps_of(actor, instance.id)) for instance in actor.db.scalars(runs).all()]


def steps_of(actor: Actor, instance_id: UUID) -> list[Step]:
    rows = select(Step).where(Step.instance_id == instance_id).order_by(Step.began_at, Step.id).limit(1000)
    return list(actor.db.scalars(rows))
