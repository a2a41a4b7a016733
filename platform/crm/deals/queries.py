"""Reads over deals: the list, the board, and what a card tells of a deal."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Row, Select, and_, any_, case, func, join, literal, null, or_, select, true
from sqlalchemy.orm import aliased

from core.actor import Actor
from core.days import from_day, to_day
from core.db import as_uuid
from core.errors import NotFound
from core.events import Event
from core.listing import Ask, Filter, Listing, Sort
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline, Stage
from crm.deals.money import Sums
from crm.fields.filters import condition
from crm.tasks.models import Task
from tenants.departments import members_in
from tenants.models import Member

Status = Literal["open", "won", "lost"]
FIRST = 30  # cards of a lane at first, several screens of them
MORE = 200  # cards of a lane that was asked for more; beyond it the list is the better view


def has_next_step(actor: Actor) -> ColumnElement[bool]:
    """An open task that the actor may see."""
    return actor.visible(Task, Task.id).where(Task.deal_id == Deal.id, Task.done_at.is_(None)).correlate(Deal).exists()


def without_next_step(actor: Actor, without: bool) -> ColumnElement[bool]:
    return ~has_next_step(actor) if without else has_next_step(actor)


def reached(_actor: Actor, stage_id: UUID) -> ColumnElement[bool]:
    """Ever in this stage or in a later one of its pipeline; whoever is won has passed them all."""
    asked, later = aliased(Stage), aliased(Stage)
    path = select(later.id).join(asked, asked.pipeline_id == later.pipeline_id)
    path = path.where(asked.id == stage_id, later.position >= asked.position)
    return or_(Deal.status == "won", func.coalesce(Deal.furthest_id, Deal.stage_id).in_(path))


def of_source(actor: Actor, source: str) -> ColumnElement[bool]:
    """Its own source, else that of its contact, as far as that may be seen."""
    contacts = actor.visible(Contact, Contact.id).where(Contact.source == source)
    return or_(Deal.source == source, and_(Deal.source == "", Deal.contact_id.in_(contacts)))


def without_source(actor: Actor, without: bool) -> ColumnElement[bool]:
    """Without one of its own, and without a contact or with one whose source is not known."""
    contacts = actor.visible(Contact, Contact.id).where(Contact.source != "")
    return or_(Deal.source != "", func.coalesce(Deal.contact_id.in_(contacts), False)) != without


LISTING = Listing(
    model=Deal,
    sorts={
        "created": Sort(Deal.id, UUID),
        "name": Sort(Deal.sort_key, bytes),
        "amount": Sort(func.coalesce(Deal.amount, 0), Decimal),
        "expected_close": Sort(func.coalesce(Deal.expected_close, literal(date.max, Date)), date),
        "updated": Sort(Deal.updated_at, datetime),
    },
    default_sort="-created",
    filters={
        "owner_id": Filter(UUID, lambda _actor, value: Deal.owner_id == value, "deals of this member"),
        "mine": Filter(bool, lambda actor, value: (Deal.owner_id == actor.member.id) == value, "own deals only"),
        "pipeline_id": Filter(UUID, lambda _actor, value: Deal.pipeline_id == value, "deals of this pipeline"),
        "stage_id": Filter(UUID, lambda _actor, value: Deal.stage_id == value, "deals in this stage"),
        "status": Filter(Status, lambda _actor, value: Deal.status == value, "open, won or lost"),
        "contact_id": Filter(UUID, lambda _actor, value: Deal.contact_id == value, "deals with this contact"),
        "company_id": Filter(UUID, lambda _actor, value: Deal.company_id == value, "deals with this company"),
        "no_next_step": Filter(bool, without_next_step, "without an open task"),
        "closes_before": Filter(date, lambda _actor, value: Deal.expected_close < value, "expected before this day"),
        "nobodys": Filter(bool, lambda _actor, value: Deal.owner_id.is_(None) == value, "of nobody"),
        "department_id": Filter(UUID, lambda _actor, value: Deal.owner_id.in_(members_in(value)), "of its members"),
        "created_from": Filter(date, from_day(Deal.created_at), "created on this day of the workspace or later"),
        "created_to": Filter(date, to_day(Deal.created_at), "created on this day of the workspace or earlier"),
        "closed_from": Filter(date, from_day(Deal.closed_at), "won or lost on this day or later"),
        "closed_to": Filter(date, to_day(Deal.closed_at), "won or lost on this day or earlier"),
        "expected_from": Filter(date, lambda _actor, value: Deal.expected_close >= value, "expected then or later"),
        "expected_to": Filter(date, lambda _actor, value: Deal.expected_close <= value, "expected then or earlier"),
        "no_expected": Filter(bool, lambda _actor, value: Deal.expected_close.is_(None) == value, "without a day"),
        "currency": Filter(str, lambda _actor, value: Deal.currency == value, "amounts in this currency (ISO 4217)"),
        "lost_reason": Filter(str, lambda _actor, value: Deal.lost_reason == value, "lost for just this reason"),
        "no_reason": Filter(bool, lambda _actor, value: (Deal.lost_reason == "") == value, "without a reason"),
        "source": Filter(str, of_source, "that came from here, themselves or their contact"),
        "no_source": Filter(bool, without_source, "of which it is not known where they came from"),
        "reached": Filter(UUID, reached, "that came to this stage, or past it, in its pipeline"),
    },
    custom=condition,
)


class Card(NamedTuple):
    """A deal as board and list show it. The client is the company, else the contact; nobody, and no next step, where
    there is none or the member may not see it."""

    id: UUID
    name: str
    stage_id: UUID
    status: str
    amount: Decimal | None
    currency: str
    expected_close: date | None
    owner: str | None
    client: str | None
    step: str | None
    due_on: date | None
    due_at: datetime | None


@dataclass(frozen=True)
class Totals:
    """How many deals, their amounts, and those weighted by probability: what may be expected of them."""

    count: int = 0
    sums: Sums = field(default_factory=Sums)
    expected: Sums = field(default_factory=Sums)


@dataclass(frozen=True)
class Lane:
    stage: Stage
    totals: Totals
    cards: list[Card]

    @property
    def left(self) -> int:
        """How many cards are not shown."""
        return max(0, self.totals.count - len(self.cards))


def pipelines(actor: Actor) -> list[Pipeline]:
    """Every pipeline with its stages, in their order."""
    return list(actor.db.scalars(actor.visible(Pipeline).order_by(Pipeline.position, Pipeline.id)))


def board(actor: Actor, pipeline: Pipeline, ask: Ask, more: Collection[UUID] = ()) -> list[Lane]:
    """The lanes of a pipeline, each with its first cards: 30, or 200 in the stages of `more`. `ask` filters them as it
    does the list, so that the two never tell different numbers."""
    open_here = in_pipeline(pipeline, ask)
    first = (
        LISTING.query(actor, open_here, Deal.id)
        .where(Deal.stage_id == Stage.id)
        .order_by(Deal.rank, Deal.id)
        .limit(case((Stage.id.in_(more), MORE), else_=FIRST) if more else FIRST)
        .lateral("first")
    )
    here = select(first.c.id).select_from(join(Stage, first, true()))
    here = here.where(Stage.pipeline_id == pipeline.id, Stage.deleted_at.is_(None))
    shown: dict[UUID, list[Card]] = {stage.id: [] for stage in pipeline.stages}
    for card in read_cards(actor, here, Deal.rank, Deal.id):
        shown[card.stage_id].append(card)
    found = totals_by_stage(actor, open_here, pipeline.stages)
    return [Lane(stage, found.get(stage.id, Totals()), shown[stage.id]) for stage in pipeline.stages]


def in_pipeline(pipeline: Pipeline, ask: Ask, status: str = "open") -> Ask:
    """The same question of this pipeline alone, and of its deals of one status ("" asks for all)."""
    filters = {**ask.filters, "pipeline_id": str(pipeline.id), "status": status}
    return replace(ask, filters={name: value for name, value in filters.items() if value})


def cards(actor: Actor, ids: Sequence[UUID]) -> list[Card]:
    """Cards of these deals, in this order."""
    found = {card.id: card for card in read_cards(actor, actor.visible(Deal, Deal.id).where(Deal.id.in_(ids)))}
    return [found[one] for one in ids if one in found]


def read_cards(actor: Actor, ids: Select[Any], *order: Any) -> list[Card]:
    """Cards of the deals that `ids` finds. Names are looked up row by row, not joined: for the few rows of a page that
    is what an index is for, and a join may read the whole table. For the same reason the ids are an array."""
    company = actor.visible(Company, Company.name).where(Company.id == Deal.company_id).scalar_subquery()
    contact = actor.visible(Contact, Contact.name).where(Contact.id == Deal.contact_id).scalar_subquery()
    step = (
        actor.visible(Task, Task.name, Task.due_on, Task.due_at)
        .where(Task.deal_id == Deal.id, Task.done_at.is_(None))
        .order_by(Task.due_on, Task.due_at)
        .limit(1)
        .lateral("step")
    )
    query = (
        select(
            Deal.id,
            Deal.name,
            Deal.stage_id,
            Deal.status,
            Deal.amount,
            Deal.currency,
            Deal.expected_close,
            Member.name.label("owner"),
            func.coalesce(company, contact).label("client"),
            step.c.name.label("step"),
            step.c.due_on,
            step.c.due_at,
        )
        .select_from(Deal)
        .outerjoin(Member, Member.id == Deal.owner_id)
        .outerjoin(step, true())
        .where(Deal.id == any_(func.array(ids.correlate(None).scalar_subquery())))
        .order_by(*order)
    )
    return [Card._make(row) for row in actor.db.connection().execute(query).all()]


def totals_by_stage(actor: Actor, ask: Ask, stages: Iterable[Stage]) -> dict[UUID, Totals]:
    """Totals of what `ask` finds, by stage; a deal without a probability of its own counts with its stage's.

    Mostly all of them are in the workspace's currency and none has such a probability. That is seen on the way, and
    costs a third less, since the board's index has the deals in the order of their stages.
    """
    own = literal(actor.workspace.currency)
    numbers = (func.count().label("deals"), func.sum(Deal.amount).label("sum"))
    alike = (Deal.stage_id, own.label("currency"), null().label("probability"))
    others = func.bool_or(or_(Deal.currency != own, Deal.probability.is_not(None))).label("others")
    query = LISTING.query(actor, ask, *alike, *numbers, others).group_by(Deal.stage_id)
    rows = actor.db.connection().execute(query).all()
    if any(row.others for row in rows):
        kinds = (Deal.stage_id, Deal.currency, Deal.probability)
        query = LISTING.query(actor, ask, *kinds, *numbers).group_by(*kinds)
        rows = actor.db.connection().execute(query).all()
    usual = {stage.id: stage.probability for stage in stages}
    by_stage = groupby(sorted(rows, key=lambda row: row.stage_id), key=lambda row: row.stage_id)
    return {stage_id: totalled(list(found), usual.get(stage_id, 0)) for stage_id, found in by_stage}


def totalled(rows: list[Row[Any]], usual: int) -> Totals:
    said = [usual if row.probability is None else row.probability for row in rows]
    expected = [(row.currency, (row.sum or 0) * share / Decimal(100)) for row, share in zip(rows, said, strict=True)]
    return Totals(sum(row.deals for row in rows), Sums.of((row.currency, row.sum) for row in rows), Sums.of(expected))


def total(parts: Iterable[Totals]) -> Totals:
    """Several totals as one."""
    parts = list(parts)
    return Totals(
        sum(part.count for part in parts),
        Sums.of(pair for part in parts for pair in part.sums.amounts.items()),
        Sums.of(pair for part in parts for pair in part.expected.amounts.items()),
    )


def time_in_stages(actor: Actor, deal: Deal, until: datetime | None = None) -> dict[UUID, timedelta]:
    """How long the deal has been in each stage, from its events; in the present one until it closed, or until `until`,
    which is now where nothing is said. In the order in which it first came there."""
    stage = Event.after["stage_id"].astext
    found = actor.db.execute(
        select(Event.at, stage).where(Event.record_id == deal.id, stage.is_not(None)).order_by(Event.id)
    )
    moves: list[tuple[datetime, str]] = [(at, stage_id) for at, stage_id in found]
    moves = moves or [(deal.stage_since, str(deal.stage_id))]
    ends = [*(since for since, _ in moves[1:]), deal.closed_at or until or datetime.now(UTC)]
    spent: dict[UUID, timedelta] = defaultdict(timedelta)
    for (since, stage_id), left in zip(moves, ends, strict=True):
        spent[UUID(stage_id)] += left - since
    return spent


@dataclass(frozen=True)
class Around:
    """What stands around a deal on its card; None for what there is not, or what the member may not see."""

    contact: Contact | None
    company: Company | None
    owner: str | None


def around(actor: Actor, deal: Deal) -> Around:
    return Around(
        contact=actor.db.scalar(actor.visible(Contact).where(Contact.id == deal.contact_id)),
        company=actor.db.scalar(actor.visible(Company).where(Company.id == deal.company_id)),
        owner=actor.db.scalar(select(Member.name).where(Member.id == deal.owner_id)),
    )


def known(actor: Actor, deal_id: UUID) -> Deal:
    """The deal, though it be in the bin. Raises NotFound."""
    deal = actor.db.scalar(select(Deal).where(Deal.id == deal_id, actor.reach(Deal)))
    if deal is None:
        raise NotFound()
    return deal


def deals_in(actor: Actor, pipeline: Pipeline) -> dict[UUID, int]:
    """How many deals, open or closed, stand in each stage that has any: all there are, whoever may see them."""
    here = (Deal.pipeline_id == pipeline.id, Deal.deleted_at.is_(None))
    rows = actor.db.execute(select(Deal.stage_id, func.count().label("deals")).where(*here).group_by(Deal.stage_id))
    return {row.stage_id: row.deals for row in rows}


def called(actor: Actor, deal: Deal) -> str:
    """What people call the deal: by its client where it has one."""
    return cards(actor, [deal.id])[0].client or deal.name


def stage_name(actor: Actor, stage_id: UUID) -> str:
    return actor.db.scalar(select(Stage.name).where(Stage.id == stage_id)) or ""


def named(actor: Actor, model: Any, *ids: str) -> list[tuple[str, str]]:
    """(id, name) of those of these records that are there and visible."""
    wanted = [found for found in map(as_uuid, ids) if found]
    if not wanted:
        return []
    rows = actor.db.execute(actor.visible(model, model.id, model.name).where(model.id.in_(wanted)))
    return [(str(row.id), row.name) for row in rows]
