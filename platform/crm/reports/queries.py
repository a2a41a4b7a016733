"""The numbers of the reports: each a statement over what the member may see, grouped in the database.

They count only what `actor.visible` shows, through the same filters as the lists (crm.reports.view). Sums are by
currency and never added to each other. Who may not see amounts gets none, since they read as nothing (core.masking).
Times and months are those of the workspace, so a number does not change with whoever looks.

There is no rollup by day: one would have to know every scope, share, owner and deletion after the fact, to tell the
same numbers as the lists do. Indexes that cover a report's columns make it one scan without touching the table, by two
processes where it is of hundreds of thousands of rows (`view_of`); only how far a deal ever came would need its whole
past, and stands on the deal (`furthest_id`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, DateTime, Select, Uuid, case, cast, func, literal, outerjoin, select
from sqlalchemy.dialects.postgresql import ARRAY

from core.actor import Actor
from core.days import midnight, today_in_workspace
from core.events import Event
from crm.contacts.models import Contact
from crm.deals import queries as deals
from crm.deals.models import Deal, Stage
from crm.deals.money import Sums
from crm.reports.periods import Span, month_after, parts
from crm.reports.view import Filters, View, ask
from crm.tasks import queries as tasks
from crm.tasks.models import Task
from crm.timeline import queries as notes
from crm.timeline.models import Note

TIMED = 5_000  # deals whose way through the stages is read for the times, the newest
LINES = 100  # reasons or sources of which a report shows the numbers, the largest
AHEAD = 12  # months of the forecast, this one included


@dataclass(frozen=True)
class Step:
    """A stage of the funnel: how many deals came to it, which share of those at the stage before, and how long they
    stayed (None where none has left it yet)."""

    stage: Stage
    count: int
    share: Decimal | None
    median: timedelta | None


@dataclass(frozen=True)
class Funnel:
    """`made` deals, of which `won` are won now. `timed` is how many of them the times are of."""

    steps: list[Step]
    made: int
    won: int
    timed: int


def funnel(actor: Actor, view: View) -> Funnel:
    """How far the deals created in the period have come in the pipeline they are in now.

    A deal counts in a stage once, if it ever was in that stage or in a later one: one that skips a stage counts in it
    too, one that goes back or comes again still counts once, as far as it ever came. A won deal counts in every stage,
    from whichever it was won. A lost one counts as far as it came. What a deal reached in another pipeline before it
    changed to this one does not count. So no stage has more than the one before.
    """
    stages = view.pipeline.stages
    place = func.coalesce(Deal.furthest_id, Deal.stage_id).label("place")
    wins = func.count().filter(Deal.status == "won").label("won")
    query = deals.LISTING.query(actor, ask(view.made()), place, func.count().label("deals"), wins)
    rows = actor.db.connection().execute(query.group_by(place)).all()
    made, won = sum(row.deals for row in rows), sum(row.won for row in rows)
    at = {stage.id: number for number, stage in enumerate(stages)}
    counts = [won] * len(stages)
    for row in rows:
        for number in range(at.get(row.place, -1) + 1):
            counts[number] += row.deals - row.won
    times = medians(actor, view)
    steps = [
        Step(stage, count, share(count, counts[number - 1]) if number else None, times.get(stage.id))
        for number, (stage, count) in enumerate(zip(stages, counts, strict=True))
    ]
    return Funnel(steps, made, won, min(made, TIMED))


def made(actor: Actor, view: View) -> int:
    """How many deals were created in the period."""
    query = deals.LISTING.query(actor, ask(view.made()), func.count())
    return actor.db.scalar(query) or 0


def share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / whole if whole else None


def medians(actor: Actor, view: View) -> dict[UUID, timedelta]:
    """The median stay in each stage, of the deals created in the period (the newest 5,000).

    A stay begins with the event by which a deal came to the stage (it was created there, moved there, or put there
    when its stage was removed), and ends with the event by which it left, or when it was won or lost; stays that still
    last do not count. Each stay of a deal that returns counts by itself. A stage that was skipped has no stay.
    """
    found = deals.LISTING.query(actor, ask(view.made()), Deal.id, Deal.closed_at)
    cohort = found.order_by(Deal.created_at.desc(), Deal.id.desc()).limit(TIMED).cte("cohort")
    stage = Event.after["stage_id"].astext
    left = func.lead(Event.at).over(partition_by=Event.record_id, order_by=Event.id)
    stays = (
        select(stage.label("stage"), Event.at.label("came"), func.coalesce(left, cohort.c.closed_at).label("left"))
        .select_from(cohort)
        .join(Event, Event.record_id == cohort.c.id)
        .where(Event.kind == "deal", stage.is_not(None))
        .cte("stays")
    )
    stay = func.percentile_disc(0.5).within_group(stays.c.left - stays.c.came)
    query = select(cast(stays.c.stage, Uuid), stay).where(stays.c.left.is_not(None)).group_by(stays.c.stage)
    return {row[0]: row[1] for row in actor.db.connection().execute(query)}


@dataclass(frozen=True)
class Outcome:
    """Deals won and lost, and the money of the won ones."""

    won: int = 0
    lost: int = 0
    sums: Sums = field(default_factory=Sums)


@dataclass(frozen=True)
class Outcomes:
    """What was won and lost in the period: all together, by month, and by the member whose deals they were."""

    total: Outcome
    months: list[tuple[Span, Outcome]]
    people: dict[UUID | None, Outcome]
    currencies: list[str]


def outcomes(actor: Actor, view: View) -> Outcomes:
    """By the moment of winning or losing. A deal that was opened again counts when it closes again, and only then."""
    spans = parts(view.period)
    starts = literal([midnight(actor, span.first) for span in spans], ARRAY(DateTime(timezone=True)))
    part = func.width_bucket(Deal.closed_at, starts).label("part")
    by = (Deal.status, part, Deal.owner_id, Deal.currency)
    query = deals.LISTING.query(
        actor, ask(view.closed()), *by, func.count().label("deals"), func.sum(Deal.amount).label("sum")
    ).where(Deal.status.in_(("won", "lost")))
    rows = actor.db.connection().execute(query.group_by(*by)).all()
    return Outcomes(
        outcome(rows),
        [(span, outcome([row for row in rows if row.part == n])) for n, span in enumerate(spans, 1)],
        {owner: outcome([row for row in rows if row.owner_id == owner]) for owner in {row.owner_id for row in rows}},
        sorted({row.currency for row in rows if row.status == "won" and row.sum}),
    )


def outcome(rows: Sequence[Any]) -> Outcome:
    won = [row for row in rows if row.status == "won"]
    return Outcome(
        sum(row.deals for row in won),
        sum(row.deals for row in rows if row.status == "lost"),
        Sums.of((row.currency, row.sum) for row in won),
    )


@dataclass(frozen=True)
class Line:
    """A reason or a source with its deals, and how many of these are won. An empty name is "not known"."""

    name: str
    count: int
    won: int = 0


def reasons(actor: Actor, view: View) -> list[Line]:
    """Why deals were lost in the period, the commonest first."""
    query = deals.LISTING.query(
        actor, ask(view.closed(status="lost")), Deal.lost_reason.label("name"), func.count().label("deals")
    )
    query = query.group_by(Deal.lost_reason).order_by(func.count().desc(), Deal.lost_reason).limit(LINES)
    return [Line(row.name, row.deals) for row in actor.db.connection().execute(query)]


def sources(actor: Actor, view: View) -> list[Line]:
    """Where the deals created in the period came from: their own source, else that of their contact, as far as that may
    be seen.

    Deals are counted by contact first, since a contact has one source however many deals they have.
    """
    won = func.count().filter(Deal.status == "won").label("won")
    by = (Deal.contact_id, Deal.source)
    found = deals.LISTING.query(actor, ask(view.made()), *by, func.count().label("deals"), won).group_by(*by)
    name, counted, with_contacts = by_source(actor, found)
    total = func.sum(counted.c.deals).label("deals")
    query = (
        select(name, total, func.sum(counted.c.won).label("won"))
        .select_from(with_contacts)
        .group_by(name)
        .order_by(total.desc(), name)
        .limit(LINES)
    )
    return [Line(row.name, int(row.deals), int(row.won)) for row in actor.db.connection().execute(query)]


def won_sources(actor: Actor, view: View) -> list[tuple[Line, Sums]]:
    """Where the deals that were won in the period had come from, and what they brought; the most deals first."""
    by = (Deal.contact_id, Deal.source, Deal.currency)
    found = deals.LISTING.query(
        actor, ask(view.closed(status="won")), *by, func.count().label("deals"), func.sum(Deal.amount).label("sum")
    ).group_by(*by)
    name, counted, with_contacts = by_source(actor, found)
    kinds = (name, counted.c.currency)
    query = select(*kinds, func.sum(counted.c.deals).label("deals"), func.sum(counted.c.sum).label("sum"))
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in actor.db.connection().execute(query.select_from(with_contacts).group_by(*kinds)):
        rows[row.name].append(row)
    lines = [
        (Line(name, won := int(sum(row.deals for row in same)), won), Sums.of((row.currency, row.sum) for row in same))
        for name, same in rows.items()
    ]
    return sorted(lines, key=lambda line: (-line[0].count, line[0].name))[:LINES]


def by_source(actor: Actor, found: Select[Any]) -> tuple[Any, CTE, Any]:
    """Of rows with a deal's `source` and `contact_id`: the name of the source, the rows, and what to select from."""
    counted = found.cte("counted")
    known = actor.visible(Contact, Contact.id, Contact.source.label("source")).subquery("known")
    name = func.coalesce(func.nullif(counted.c.source, ""), known.c.source, "").label("name")
    return name, counted, outerjoin(counted, known, known.c.id == counted.c.contact_id)


@dataclass(frozen=True)
class Due:
    """Open deals expected to close in one stretch of time, in one currency. `filters` find them in the list."""

    key: str
    month: date | None
    currency: str
    count: int
    amount: Decimal
    expected: Decimal
    filters: Filters


def forecast(actor: Actor, view: View) -> list[Due]:
    """Open deals by the month they are expected to close in, each amount x probability (its own, else the stage's).

    Those expected before today are "late", those beyond the twelfth month "later", those without a day "none". Months
    without a deal are there where a later one has some.
    """
    today = today_in_workspace(actor)
    month = func.date_trunc("month", cast(Deal.expected_close, DateTime))
    late = case((Deal.expected_close < today, True), else_=False).label("late")
    by = (month.label("month"), late, Deal.currency, Deal.stage_id, Deal.probability)
    query = deals.LISTING.query(
        actor, ask(view.open()), *by, func.count().label("deals"), func.sum(Deal.amount).label("sum")
    )
    rows = actor.db.connection().execute(query.group_by(month, *by[1:])).all()
    usual = {stage.id: stage.probability for stage in view.pipeline.stages}
    found: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.currency][stretch_of(row, today)].append(row)
    stretches = stretches_from(today)
    return [
        Due(
            key,
            month,
            currency,
            sum(row.deals for row in by_stretch[number]),
            sum((row.sum or Decimal() for row in by_stretch[number]), Decimal()),
            sum((expected(row, usual) for row in by_stretch[number]), Decimal()),
            {**filters, "currency": currency},
        )
        for currency, by_stretch in sorted(found.items())
        for number, (key, month, filters) in enumerate(stretches)
        if number in by_stretch or (key == "month" and any(number < other <= AHEAD for other in list(by_stretch)))
    ]


def expected(row: Any, usual: dict[UUID, int]) -> Decimal:
    percent = usual.get(row.stage_id, 0) if row.probability is None else row.probability
    return (row.sum or Decimal()) * percent / Decimal(100)


def stretch_of(row: Any, today: date) -> int:
    if row.month is None:
        return AHEAD + 2
    if row.late:
        return 0
    months = (row.month.year - today.year) * 12 + row.month.month - today.month
    return int(min(months, AHEAD)) + 1


def stretches_from(today: date) -> list[tuple[str, date | None, Filters]]:
    """(key, month, filters) of the late ones, each month, the later ones and those without a day."""
    months = [month_after(today, number) for number in range(AHEAD + 1)]
    return [
        ("late", None, {"closes_before": str(today)}),
        *(
            ("month", first, {"expected_from": str(max(first, today)), "expected_to": str(after - timedelta(days=1))})
            for first, after in pairwise(months)
        ),
        ("later", None, {"expected_from": str(months[-1])}),
        ("none", None, {"no_expected": "true"}),
    ]


@dataclass
class Doing:
    """What one member did in the period, and which of their tasks are late now."""

    notes: int = 0
    calls: int = 0
    done: int = 0
    done_late: int = 0
    overdue: int = 0


def doings(actor: Actor, view: View) -> dict[UUID | None, Doing]:
    """By member: notes and calls by who wrote them, tasks by whose they are. Three statements."""
    found: dict[UUID | None, Doing] = defaultdict(Doing)
    for row in written(actor, view):
        doing = found[row.author_id]
        if row.form == "call":
            doing.calls += row.notes
        else:
            doing.notes += row.notes
    late = func.count().filter(tasks.done_late(actor)).label("late")
    period = {"done_from": view.period.first, "done_to": view.period.last}
    done = tasks.LISTING.query(
        actor, ask(view.of("assignee_id", done="true", **period)), Task.assignee_id, func.count().label("tasks"), late
    )
    for row in actor.db.connection().execute(done.group_by(Task.assignee_id)):
        found[row.assignee_id].done, found[row.assignee_id].done_late = row.tasks, row.late
    overdue = tasks.LISTING.query(
        actor, ask(view.of("assignee_id", overdue="true")), Task.assignee_id, func.count().label("tasks")
    )
    for row in actor.db.connection().execute(overdue.group_by(Task.assignee_id)):
        found[row.assignee_id].overdue = row.tasks
    return dict(found)


def written(actor: Actor, view: View) -> Iterable[Any]:
    filters = view.of("author_id", on_from=view.period.first, on_to=view.period.last)
    query = notes.LISTING.query(actor, ask(filters), Note.author_id, Note.form, func.count().label("notes"))
    return actor.db.connection().execute(query.group_by(Note.author_id, Note.form)).all()
