"""Reads of the Today page that are not tasks: the member's deals that nobody has planned anything for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from core.actor import Actor
from crm.deals.models import Deal, Stage
from crm.tasks.models import Task
from crm.timeline.models import Note


@dataclass(frozen=True)
class Stalled:
    """An open deal without a next step. `at` of `of` is its place in the pipeline, `quiet` the whole days since
    anything happened with it."""

    id: UUID
    name: str
    amount: Decimal | None
    currency: str
    at: int
    of: int
    quiet: int


def without_next_step(actor: Actor, most: int = 8) -> tuple[list[Stalled], int]:
    """The member's own such deals, the longest quiet first, and how many there are in all."""
    mate = aliased(Stage)
    in_pipeline = select(func.count()).where(mate.pipeline_id == Deal.pipeline_id, mate.deleted_at.is_(None))
    planned = select(Task.id).where(Task.deal_id == Deal.id, Task.done_at.is_(None), Task.deleted_at.is_(None))
    last = last_activity()
    query = (
        actor.visible(
            Deal,
            Deal.id,
            Deal.name,
            Deal.amount,
            Deal.currency,
            last.label("last"),
            func.count().over().label("all"),
            in_pipeline.where(mate.position < Stage.position).scalar_subquery().label("at"),
            in_pipeline.scalar_subquery().label("of"),
        )
        .join(Stage, Stage.id == Deal.stage_id)
        .where(Deal.status == "open", Deal.owner_id == actor.member.id, ~planned.exists())
        .order_by(last, Deal.id)
        .limit(most)
    )
    rows = actor.db.execute(query).all()
    now = datetime.now(UTC)
    found = [
        Stalled(row.id, row.name, row.amount, row.currency, row.at, row.of, max(0, (now - row.last).days))
        for row in rows
    ]
    return found, rows[0].all if rows else 0


def last_activity() -> ColumnElement[datetime]:
    """When something last happened with a deal: it was changed, written on, or a task of it was done."""
    return func.greatest(
        Deal.updated_at,
        select(func.max(Note.at)).where(Note.deal_id == Deal.id, Note.deleted_at.is_(None)).scalar_subquery(),
        select(func.max(Task.done_at)).where(Task.deal_id == Deal.id, Task.deleted_at.is_(None)).scalar_subquery(),
    )
