"""Reads over processes: lists, and the way that runs went."""

from uuid import UUID

from sqlalchemy import select

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
RUNS = Listing(
    model=Instance,
    sorts={"created": Sort(Instance.id, UUID)},
    default_sort="-created",
    filters={
        "process_id": Filter(UUID, lambda _actor, value: Instance.process_id == value, "runs of this process"),
        "record_id": Filter(UUID, lambda _actor, value: Instance.record_id == value, "runs about this record"),
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
