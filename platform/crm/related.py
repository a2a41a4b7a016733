"""What lists and cards show beside a contact or a company: the next step, the open deals, the names of others.

Each is a column or a query that starts from what the actor may see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, ScalarSelect, Text, case, cast, func, select, union_all
from sqlalchemy.orm import aliased

from core.actor import Actor
from core.pages import zone_of
from core.records import Record
from crm.deals.models import Deal, Stage
from crm.tasks.due import group
from crm.tasks.models import Task
from crm.tasks.queries import DUE
from tenants.models import Member


@dataclass(frozen=True)
class Step:
    """The earliest open task. `tone` is "late", "soon" (today) or ""."""

    name: str
    tone: str


@dataclass(frozen=True)
class RelatedDeal:
    """A deal on the card of its contact or company. Stage `at` of `of`, from 0."""

    id: UUID
    name: str
    status: str
    amount: Decimal | None
    currency: str
    stage: str
    at: int
    of: int
    day: date | None


def member_name(link: Any) -> ScalarSelect[Any]:
    return select(Member.name).where(Member.id == link).scalar_subquery()


def record_name(actor: Actor, model: Any, link: Any) -> ScalarSelect[Any]:
    """The name of the record linked, or null where it is in the bin or out of the actor's sight."""
    return actor.visible(model, model.name).where(model.id == link).scalar_subquery()


def next_step(actor: Actor, model: type[Record], of_task: Any, of_deal: Any) -> ScalarSelect[Any]:
    """Name, day and hour of the earliest open task of each row of `model`, its open deals' tasks included; as JSON."""
    tasks = actor.visible(Task, Task.name, Task.due_on, Task.due_at, DUE.label("due")).where(Task.done_at.is_(None))
    own = tasks.where(of_task == model.id)
    on_deals = tasks.join(Deal, Deal.id == Task.deal_id).where(
        of_deal == model.id, Deal.status == "open", Deal.deleted_at.is_(None)
    )
    open_tasks = union_all(*(arm.correlate(model) for arm in (own, on_deals))).subquery()
    found = open_tasks.c
    step = func.jsonb_build_object("name", found.name, "due_on", found.due_on, "due_at", found.due_at)
    return select(step).order_by(found.due).limit(1).scalar_subquery()


def step_of(actor: Actor, found: dict[str, Any] | None) -> Step | None:
    """What `next_step` found, as the actor's clock and calendar see it."""
    if found is None:
        return None
    due_on = date.fromisoformat(found["due_on"]) if found["due_on"] else None
    due_at = datetime.fromisoformat(found["due_at"]) if found["due_at"] else None
    tones = {"late": "late", "today": "soon"}
    return Step(found["name"], tones.get(group(due_on, due_at, datetime.now(zone_of(actor))), ""))


def open_sums(actor: Actor, model: type[Record], of_deal: Any) -> ScalarSelect[Any]:
    """The amounts of the open deals of each row of `model`, summed by currency; as JSON, null where there is none."""
    sums = (
        actor.visible(Deal, Deal.currency, func.sum(Deal.amount).label("amount"))
        .where(of_deal == model.id, Deal.status == "open", Deal.amount.is_not(None))
        .group_by(Deal.currency)
        .correlate(model)
        .subquery()
    )
    return select(func.jsonb_object_agg(sums.c.currency, cast(sums.c.amount, Text))).scalar_subquery()


def sums_of(found: dict[str, str] | None) -> list[tuple[Decimal, str]]:
    """(amount, currency), the greatest first."""
    return sorted(((Decimal(amount), currency) for currency, amount in (found or {}).items()), reverse=True)


def deals_of(actor: Actor, condition: ColumnElement[bool], most: int = 50) -> list[RelatedDeal]:
    """The deals of a card: open ones by their expected close, then the others, the latest first."""
    current, sibling = aliased(Stage), aliased(Stage)
    siblings = select(func.count()).where(sibling.pipeline_id == Deal.pipeline_id, sibling.deleted_at.is_(None))
    before = siblings.where(current.id == Deal.stage_id, sibling.position < current.position)
    columns = (
        Deal.id,
        Deal.name,
        Deal.status,
        Deal.amount,
        Deal.currency,
        Deal.expected_close,
        Deal.closed_at,
        select(Stage.name).where(Stage.id == Deal.stage_id).scalar_subquery().label("stage"),
        before.scalar_subquery().label("at"),
        siblings.scalar_subquery().label("of"),
    )
    query = actor.visible(Deal, *columns).where(condition)
    opened = case((Deal.status == "open", 0), else_=1)
    order = (opened, Deal.closed_at.desc(), Deal.expected_close.asc().nulls_last(), Deal.id.desc())
    return related(actor, actor.db.execute(query.order_by(*order).limit(most)))


def related(actor: Actor, rows: Iterable[Row[Any]]) -> list[RelatedDeal]:
    zone = zone_of(actor)
    return [
        RelatedDeal(
            row.id,
            row.name,
            row.status,
            row.amount,
            row.currency,
            row.stage,
            row.at,
            row.of,
            row.closed_at.astimezone(zone).date() if row.closed_at else row.expected_close,
        )
        for row in rows
    ]
