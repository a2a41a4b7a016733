"""The order of cards in a lane of the board: each has a rank, and a card put between two others takes their middle.

Whoever gives out ranks in a lane holds its stage locked (`actions.stage_locked`).
"""

from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select, tuple_, update
from sqlalchemy.orm.attributes import set_committed_value

from core.actor import Actor
from crm.deals.models import Deal, Stage

STEP = 1.0


def in_lane(stage: Stage) -> tuple[ColumnElement[bool], ...]:
    """The cards of a lane, whoever may see them: as the board's index has it."""
    return (
        Deal.pipeline_id == stage.pipeline_id,
        Deal.stage_id == stage.id,
        Deal.status == "open",
        Deal.deleted_at.is_(None),
    )


def top(actor: Actor, stage: Stage) -> float:
    """A rank above every card of the lane."""
    first = actor.db.scalar(select(func.min(Deal.rank)).where(*in_lane(stage)))
    return 0.0 if first is None else first - STEP


def bottom(actor: Actor, stage: Stage) -> float:
    """A rank below every card of the lane."""
    last = actor.db.scalar(select(func.max(Deal.rank)).where(*in_lane(stage)))
    return 0.0 if last is None else last + STEP


def between(actor: Actor, stage: Stage, card: UUID, before: UUID | None, after: UUID | None) -> float:
    """A rank for `card` directly below the card `after`, else directly above `before`, else at the top.

    A neighbour that has left the lane meanwhile counts as not named.
    """
    for neighbour, below in ((after, True), (before, False)):
        gap = gap_beside(actor, stage, card, neighbour, below)
        if gap and not gap[0] < sum(gap) / 2 < gap[1]:
            spread(actor, stage)
            gap = gap_beside(actor, stage, card, neighbour, below)
        if gap:
            return sum(gap) / 2
    return top(actor, stage)


def gap_beside(
    actor: Actor, stage: Stage, card: UUID, neighbour: UUID | None, below: bool
) -> tuple[float, float] | None:
    """The ranks of `neighbour` and of whoever stands next to it on that side, `card` itself left out."""
    others = select(Deal.rank).where(*in_lane(stage), Deal.id != card)
    here = actor.db.scalar(others.where(Deal.id == neighbour))
    if here is None:
        return None
    place, there = tuple_(Deal.rank, Deal.id), tuple_(literal(here), literal(neighbour))
    if below:
        next_one = actor.db.scalar(others.where(place > there).order_by(Deal.rank, Deal.id).limit(1))
        return here, here + 2 * STEP if next_one is None else next_one
    next_one = actor.db.scalar(others.where(place < there).order_by(Deal.rank.desc(), Deal.id.desc()).limit(1))
    return here - 2 * STEP if next_one is None else next_one, here


def spread(actor: Actor, stage: Stage) -> None:
    """Number the lane anew in its present order, once two ranks are so near that nothing fits between them."""
    order = func.row_number().over(order_by=(Deal.rank, Deal.id)).label("place")
    numbered = select(Deal.id, order).where(*in_lane(stage)).subquery()
    actor.db.execute(
        update(Deal)
        .where(Deal.id == numbered.c.id)
        .values(rank=numbered.c.place * STEP, updated_at=Deal.updated_at)
        .execution_options(synchronize_session=False)
    )


def put(actor: Actor, deal: Deal, rank: float) -> None:
    """Store another place in the same lane. The order is no part of the deal: nobody's edit conflicts with it."""
    actor.db.execute(
        update(Deal)
        .where(Deal.id == deal.id)
        .values(rank=rank, updated_at=Deal.updated_at)
        .execution_options(synchronize_session=False)
    )
    set_committed_value(deal, "rank", rank)


def neighbours(actor: Actor, deal: Deal) -> tuple[UUID | None, UUID | None]:
    """The cards around a deal, (the one below it, the one above it): where a move is undone to."""
    place, here = tuple_(Deal.rank, Deal.id), tuple_(literal(deal.rank), literal(deal.id))
    others = select(Deal.id).where(*in_lane(deal.stage))
    below = actor.db.scalar(others.where(place > here).order_by(Deal.rank, Deal.id).limit(1))
    above = actor.db.scalar(others.where(place < here).order_by(Deal.rank.desc(), Deal.id.desc()).limit(1))
    return below, above
