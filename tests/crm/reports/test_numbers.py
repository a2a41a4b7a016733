"""The reports' numbers are what plain Python counts over the same records, for whoever sees however much of them."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median_low
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from core.actor import Actor
from core.days import today_in_workspace
from core.events import Event
from core.ids import new_id
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline, Stage
from crm.reports import queries
from crm.reports.view import View, view_of
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Department, Member
from tests.shop import Shop, open_shop

PRAGUE = ZoneInfo("Europe/Prague")
ROLES = {"head": "head", "mate": "sales", "outside": "field"}
# Moments beside the borders of days, months and summer time where the workspace is, and where UTC would put them.
EDGES = [
    datetime(2026, 3, 31, 23, 30, tzinfo=PRAGUE), datetime(2026, 4, 1, 0, 30, tzinfo=PRAGUE),
    datetime(2026, 3, 29, 1, 59, tzinfo=PRAGUE), datetime(2025, 12, 31, 23, 59, tzinfo=PRAGUE),
    datetime(2026, 1, 1, tzinfo=PRAGUE), datetime(2026, 6, 30, 23, 59, 59, tzinfo=PRAGUE),
]  # fmt: skip


@dataclass
class Sale:
    """A deal as the test knows it: (stage, when it came there), and the rest."""

    owner: str
    path: list[tuple[int, datetime]]
    status: str
    closed: datetime | None
    currency: str
    amount: Decimal | None
    probability: int | None
    expected: date | None
    reason: str
    source: str
    own: str


@dataclass
class House:
    shop: Shop
    members: dict[str, tuple[UUID, UUID]] = field(default_factory=dict)  # (identity, member)

    def sees(self, who: str) -> set[str]:
        """Whose records each of them may see: all, the department's, their own."""
        return {"owner": {*self.members, "nobody"}, "head": {"head", "mate"}, "mate": {"head", "mate"}}.get(who, {who})

    def id(self, who: str) -> UUID | None:
        return self.members[who][1] if who in self.members else None


@pytest.fixture(scope="module")
def house(app: Flask) -> House:
    with app.test_request_context("/"):
        found = House(open_shop(app))
    identities = {name: found.shop.member(role, name) for name, role in ROLES.items()}
    identities["owner"] = found.shop.owner_id
    with found.shop.base.workspace(found.shop.workspace) as session, session.begin():
        ours, theirs = new_id(), new_id()
        session.add_all(Department(id=one, name=str(one), path=[one]) for one in (ours, theirs))
        session.flush()
        for name, identity in identities.items():
            member = session.scalars(select(Member).where(Member.identity_id == identity)).one()
            member.department_id = {"head": ours, "mate": ours, "outside": theirs}.get(name)
            found.members[name] = (identity, member.id)
    return found


def moment(rng: random.Random) -> datetime:
    if rng.random() < 0.3:
        return rng.choice(EDGES).astimezone(UTC)  # or Python would count hours by the wall clock
    return datetime(2025, 11, 1, tzinfo=UTC) + timedelta(minutes=rng.randint(0, 400 * 24 * 60))


def sale(rng: random.Random, stages: int, today: date) -> Sale:
    at = moment(rng)
    path = [(rng.randrange(stages), at)]
    for _ in range(rng.randint(0, 4)):
        at += timedelta(minutes=rng.randint(1, 30_000))
        path.append((rng.choice([s for s in range(stages) if s != path[-1][0]]), at))
    status = rng.choice(("open", "won", "lost"))
    return Sale(
        owner=rng.choice(["owner", *ROLES, "nobody"]),
        path=path,
        status=status,
        closed=None
        if status == "open"
        else rng.choice([at + timedelta(hours=rng.randint(0, 500)), max(at, moment(rng))]),
        currency=rng.choice(("CZK", "CZK", "EUR")),
        amount=rng.choice([None, Decimal(0), Decimal(rng.randint(1, 10**7)) / 100]),
        probability=rng.choice([None, 0, 35, 100]),
        expected=rng.choice([None, today, today + timedelta(days=rng.randint(-40, 500))]),
        reason=rng.choice(("Too expensive", "Chose another firm", "")) if status == "lost" else "",
        source=rng.choice(("Web", "Fair", "", "none at all")),
        own=rng.choice(("", "", "Fair", "Friend")),
    )


def store(house: House, rng: random.Random, sales: list[Sale], stages: int) -> UUID:
    """The sales in a pipeline of their own, by events as actions write them. Returns the pipeline."""
    with house.shop.base.workspace(house.shop.workspace) as session, session.begin():
        pipeline = Pipeline(name="The one counted", position=9)
        session.add(pipeline)
        session.flush()
        path = [Stage(pipeline_id=pipeline.id, name=str(n), position=n, probability=n * 20) for n in range(stages)]
        session.add_all(path)
        contacts = {name: Contact(name=name, first_name=name, source=name) for name in ("Web", "Fair", "")}
        session.add_all(contacts.values())
        session.flush()
        for one in sales:
            contact = contacts.get(one.source)
            if contact is not None:
                contact.owner_id = house.id("owner")
            deal = Deal(
                name="A deal", pipeline_id=pipeline.id, stage_id=path[one.path[0][0]].id, rank=1.0, status=one.status,
                amount=one.amount, currency=one.currency, probability=one.probability, expected_close=one.expected,
                closed_at=one.closed, lost_reason=one.reason, source=one.own, owner_id=house.id(one.owner),
                contact_id=contact.id if contact else None, created_at=one.path[0][1],
                deleted_at=None,
            )  # fmt: skip
            session.add(deal)
            session.flush()
            for number, (stage, at) in enumerate(one.path):
                if number:
                    deal.come_to(path[stage])
                action, change = ("deal.move", "changed") if number else ("deal.create", "created")
                after = {"stage_id": str(path[stage].id)}
                session.add(
                    Event(
                        at=at, action=action, kind="deal", record_id=deal.id, via="page", change=change, before={},
                        after=after,
                    )
                )  # fmt: skip
                session.flush()
        return pipeline.id


# What a second process costs, and how little it is not worth while for.
TWO = ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size", "min_parallel_index_scan_size")


def view(actor: Actor, large: bool, asked: dict[str, str]) -> View:
    """Where `large`, these few rows are read by two processes, as many are."""
    found = view_of(actor, asked)
    for name in TWO if large else ():
        actor.db.execute(text(f"set local {name} = 0"))
    return found


def day_of(at: datetime) -> date:
    return at.astimezone(PRAGUE).date()


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    who=st.sampled_from(["owner", *ROLES]),
    of=st.sampled_from(["", "mate"]),
    large=st.booleans(),
)
def test_deals(house: House, seed: int, who: str, of: str, large: bool) -> None:
    rng = random.Random(seed)
    with house.shop.acting(house.members[who][0]) as actor:
        today = today_in_workspace(actor)
    sales = [sale(rng, 4, today) for _ in range(rng.randint(0, 30))]
    pipeline = store(house, rng, sales, 4)
    first, last = sorted(rng.choice([day_of(moment(rng)) for _ in range(3)]) for _ in range(2))
    seen = [one for one in sales if one.owner in house.sees(who) and (not of or one.owner == of)]
    made = [one for one in seen if first <= day_of(one.path[0][1]) <= last]
    closed = [one for one in seen if one.closed and first <= day_of(one.closed) <= last]
    asked = {"from": str(first), "to": str(last), **({"who": str(house.id(of))} if of else {})}
    with house.shop.acting(house.members[who][0]) as actor:
        here = view(actor, large, {"pipeline_id": str(pipeline), **asked})
        assert (here.period.first, here.period.last) == (first, last)
        check_funnel(queries.funnel(actor, here), made)
        check_outcomes(house, queries.outcomes(actor, here), closed)
        lost = Counter(one.reason for one in closed if one.status == "lost")
        assert {line.name: line.count for line in queries.reasons(actor, here)} == lost
        check_forecast(queries.forecast(actor, here), [one for one in seen if one.status == "open"], today)
        known = {line.name: (line.count, line.won) for line in queries.sources(actor, here)}
        sources = by_source(made, who)
        assert known == {name: (len(same), sum(one.status == "won" for one in same)) for name, same in sources.items()}
        won = by_source([one for one in closed if one.status == "won"], who)
        assert {line.name: (line.won, found.amounts) for line, found in queries.won_sources(actor, here)} == {
            name: (len(same), sums_of(same)) for name, same in won.items()
        }


def by_source(sales: list[Sale], who: str) -> dict[str, list[Sale]]:
    """By the deal's own source, else that of its contact; the contacts are the owner's."""
    found: dict[str, list[Sale]] = defaultdict(list)
    for one in sales:
        found[one.own or ("" if one.source == "none at all" or who != "owner" else one.source)].append(one)
    return found


def sums_of(sales: list[Sale]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in sales:
        if one.amount:
            sums[one.currency] += one.amount
    return sums


def check_funnel(found: queries.Funnel, made: list[Sale]) -> None:
    def reached(one: Sale) -> int:
        return 3 if one.status == "won" else max(stage for stage, _at in one.path)

    assert [step.count for step in found.steps] == [sum(reached(one) >= n for one in made) for n in range(4)]
    assert (found.made, found.won) == (len(made), sum(one.status == "won" for one in made))
    stays: dict[int, list[timedelta]] = defaultdict(list)
    for one in made:
        for (stage, came), (_next, left) in zip(one.path, [*one.path[1:], (0, one.closed)], strict=True):
            if left is not None:
                stays[stage].append(left - came)
    assert [step.median for step in found.steps] == [median_low(stays[n]) if stays[n] else None for n in range(4)]


def check_outcomes(house: House, found: queries.Outcomes, closed: list[Sale]) -> None:
    def expected(of: list[Sale]) -> tuple[int, int, dict[str, Decimal]]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for one in of:
            if one.status == "won" and one.amount:
                sums[one.currency] += one.amount
        return sum(one.status == "won" for one in of), sum(one.status == "lost" for one in of), sums

    def told(outcome: queries.Outcome) -> tuple[int, int, dict[str, Decimal]]:
        return outcome.won, outcome.lost, outcome.sums.amounts

    assert told(found.total) == expected(closed)
    for span, outcome in found.months:
        assert told(outcome) == expected(
            [o for o in closed if o.closed and span.first <= day_of(o.closed) <= span.last]
        )
    owners = {one.owner for one in closed}
    assert {who: told(one) for who, one in found.people.items()} == {
        house.id(owner): expected([one for one in closed if one.owner == owner]) for owner in owners
    }


def check_forecast(found: list[queries.Due], still_open: list[Sale], today: date) -> None:
    def place(one: Sale) -> tuple[str, Any, str]:
        if one.expected is None:
            return "none", None, one.currency
        if one.expected < today:
            return "late", None, one.currency
        months = (one.expected.year - today.year) * 12 + one.expected.month - today.month
        return ("later", None, one.currency) if months >= 12 else ("month", one.expected.replace(day=1), one.currency)

    sums: dict[tuple[str, Any, str], list[Sale]] = defaultdict(list)
    for one in still_open:
        sums[place(one)].append(one)
    assert {
        (due.key, due.month, due.currency): (due.count, due.amount, due.expected) for due in found if due.count
    } == {
        key: (
            len(same),
            sum(one.amount or 0 for one in same),
            sum(
                (one.amount or 0) * Decimal(one.path[-1][0] * 20 if one.probability is None else one.probability) / 100
                for one in same
            ),
        )
        for key, same in sums.items()
    }


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), who=st.sampled_from(["owner", *ROLES]), large=st.booleans())
def test_what_people_did(house: House, seed: int, who: str, large: bool) -> None:
    rng = random.Random(seed)
    expected: dict[UUID | None, Counter[str]] = defaultdict(Counter)
    first, last = date(2026, 1, 1), date(2026, 6, 30)
    now, today = datetime.now(UTC), datetime.now(PRAGUE).date()
    with house.shop.base.workspace(house.shop.workspace) as session, session.begin():
        session.execute(text("delete from note"))
        session.execute(text("delete from task"))
        for _ in range(40):
            owner, at = rng.choice(["owner", *ROLES, "nobody"]), moment(rng)
            counted = expected[house.id(owner)] if owner in house.sees(who) else Counter()
            inside = first <= day_of(at) <= last
            if rng.random() < 0.5:
                form = rng.choice(("note", "call"))
                session.add(Note(form=form, text="Said", at=at, author_id=house.id(owner)))
                counted["calls" if form == "call" else "notes"] += inside
                continue
            due_at = rng.choice([None, at + timedelta(minutes=rng.randint(-3000, 3000))])
            due_on = due_at.date() if due_at else rng.choice([None, day_of(at) + timedelta(days=rng.randint(-2, 2))])
            done = rng.choice([None, at])
            session.add(Task(name="Do", assignee_id=house.id(owner), due_on=due_on, due_at=due_at, done_at=done))
            if done:
                late = done > due_at if due_at else due_on is not None and day_of(done) > due_on
                # A day ends at midnight sharp, which is the next day already.
                counted["done"] += inside
                counted["done_late"] += inside and late
            else:
                counted["overdue"] += due_at < now if due_at else due_on is not None and due_on < today
    with house.shop.acting(house.members[who][0]) as actor:
        found = queries.doings(actor, view(actor, large, {"from": str(first), "to": str(last)}))
    told = {one: +Counter(vars(doing)) for one, doing in found.items()}
    assert {k: v for k, v in told.items() if v} == {k: +v for k, v in expected.items() if +v}
