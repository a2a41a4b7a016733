"""The weekly report: what the dashboard says of the week that ended, by mail, and as a PDF with the year behind it.

The same queries as the dashboard, as the reader, so that nobody reads here what they may not see there. The week are
the seven days before the day it is sent on, in days of the workspace.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from flask_babel import format_decimal, format_percent, ngettext, pgettext
from flask_babel import gettext as _

from core import mail
from core.actor import Actor
from core.jobs import Place, job
from core.letters import Item, Letter
from core.mail import Attached
from core.pages import today_of
from crm.deals.money import Sums
from crm.notifications.letters import envelope, post, reading, url
from crm.quotes.paper import cents
from crm.reports import first_contact, paper, periods, queries
from crm.reports.first_contact import Answered
from crm.reports.paper import Fact, Report, Row, Table
from crm.reports.periods import Period
from crm.reports.queries import Doing, Funnel, Outcome, Outcomes
from crm.reports.subscribing import NAME
from crm.reports.view import View, view_of
from tenants.members import NotAMember


@job("report.weekly", mail.PAUSES)
def send(place: Place, member_id: str, day: str) -> None:
    """One that could not be sent on its day is not sent, and nobody gets one who may see no deals."""
    try:
        with reading(place, member_id) as actor:
            if not actor.may("deal", "view") or today_of(actor) != date.fromisoformat(day):
                return
            week = week_of(actor, date.fromisoformat(day))
            at = datetime.now(UTC)
            data = paper.dressed(actor, on_paper(week), at)
            sealed = envelope(place, actor, letter(actor, week), uuid5(actor.member.id, f"weekly {day}"), {NAME})
            name = f"{pgettext('file', 'report')}-{day}.pdf"
    except NotAMember:
        return
    if sealed:
        post(place, sealed, (Attached(name, "application", "pdf", paper.printed(data, at)),))


@dataclass(frozen=True)
class Path:
    """A pipeline: what was won and lost in the week, and the year behind it."""

    name: str
    week: Outcomes
    made: int
    open: int
    expected: Sums
    funnel: Funnel
    year: Outcomes


@dataclass(frozen=True)
class Week:
    period: Period
    paths: list[Path]
    doings: dict[UUID | None, Doing]
    answers: dict[UUID | None, Answered]
    people: list[tuple[UUID, str]]

    @property
    def total(self) -> Outcome:
        return together([path.week.total for path in self.paths])


def together(outcomes: list[Outcome]) -> Outcome:
    money = Sums.of(pair for one in outcomes for pair in one.sums.amounts.items())
    return Outcome(sum(one.won for one in outcomes), sum(one.lost for one in outcomes), money)


def week_of(actor: Actor, day: date) -> Week:
    """Every pipeline in which there is anything."""
    first, last = day - timedelta(days=7), day - timedelta(days=1)
    week = view_of(actor, {"from": str(first), "to": str(last)})
    year = view_of(actor, {"period": "last_12_months"})
    paths = [path_of(actor, replace(week, pipeline=one), replace(year, pipeline=one)) for one in week.pipelines]
    there = [path for path in paths if path.funnel.made or path.open or path.year.total.won or path.year.total.lost]
    return Week(week.period, there, queries.doings(actor, week), first_contact.by_person(actor, week), week.people)


def path_of(actor: Actor, week: View, year: View) -> Path:
    dues = queries.forecast(actor, week)
    return Path(
        name=week.pipeline.name,
        week=queries.outcomes(actor, week),
        made=queries.made(actor, week),
        open=sum(due.count for due in dues),
        expected=Sums.of((due.currency, due.expected) for due in dues),
        funnel=queries.funnel(actor, year),
        year=queries.outcomes(actor, year),
    )


def letter(actor: Actor, week: Week) -> Letter:
    """The main numbers; the rest is in the PDF and behind the button."""
    subject = _("Your week in numbers, %(days)s", days=periods.spelled(week.period))
    items = [f"{one.name}: {one.value}{f' ({one.more})' if one.more else ''}" for one in facts(week)]
    path = f"/reports/?from={week.period.first}&to={week.period.last}"
    section = ("", tuple(Item(line) for line in items))
    return Letter(subject, (), _("Open the reports"), url(actor, path), sections=(section,), heading=subject)


def on_paper(week: Week) -> Report:
    return Report(
        _("The week in numbers"),
        periods.spelled(week.period),
        facts(week),
        [people(week), contacted(week), *(table for path in week.paths for table in (funnel(path), *months(path)))],
    )


def facts(week: Week) -> list[Fact]:
    total, made = week.total, sum(path.made for path in week.paths)
    expected = Sums.of(pair for path in week.paths for pair in path.expected.amounts.items())
    open_now = sum(path.open for path in week.paths)
    decided = total.won + total.lost
    rate = format_percent(Decimal(total.won) / decided) if decided else "–"
    overdue = sum(doing.overdue for doing in week.doings.values())
    done = sum(doing.done for doing in week.doings.values())
    return [
        Fact(_("Won"), str(total.sums) or str(total.won), ngettext("%(num)s deal", "%(num)s deals", total.won)),
        Fact(_("Lost"), str(total.lost), _("win rate %(rate)s", rate=rate)),
        Fact(_("New deals"), str(made)),
        Fact(
            _("Expected"), str(expected) or str(open_now),
            ngettext("from %(num)s open, by probability", "from %(num)s open, by probability", open_now),
        ),
        Fact(_("Tasks done"), str(done)),
        Fact(_("Late now"), ngettext("%(num)s task", "%(num)s tasks", overdue)),
    ]  # fmt: skip


def people(week: Week) -> Table:
    columns = (
        _("Who"), _("Calls"), _("Notes"), _("Tasks done"), _("of them late"), _("Late now"), _("Deals won"),
        _("Deals lost"),
    )  # fmt: skip
    rows = []
    for one in week.doings.keys() | {owner for path in week.paths for owner in path.week.people}:
        doing = week.doings.get(one, Doing())
        outcome = together([path.week.people[one] for path in week.paths if one in path.week.people])
        counts = (doing.calls, doing.notes, doing.done, doing.done_late, doing.overdue, outcome.won, outcome.lost)
        rows.append(Row((called(week, one), *map(str, counts))))
    return Table(_("What people did"), columns, by_name(rows), 7)


def contacted(week: Week) -> Table:
    columns = (_("Who"), _("Requests"), _("In time"), _("too late"), _("Median time to it"), _("Average"))
    rows = [
        Row((called(week, one), str(found.count), str(found.kept), str(found.missed), paper.took(found.median),
             paper.took(found.average)))
        for one, found in week.answers.items()
    ]  # fmt: skip
    return Table(_("First contact after requests"), columns, by_name(rows), 5)


def called(week: Week, member_id: UUID | None) -> str:
    names: dict[UUID | None, str] = {**dict(week.people), None: str(_("Nobody"))}
    return names.get(member_id) or str(_("somebody else"))


def by_name(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.cells[0].lower())


def funnel(path: Path) -> Table:
    """Of the deals that came in the year."""
    found = path.funnel
    last = found.steps[-1].count if found.steps else 0
    won = queries.share(found.won, last)
    lines = [(step.stage.name, step.count, step.share, paper.took(step.median)) for step in found.steps]
    lines.append((_("Won"), found.won, won, ""))
    shares = paper.bars([line[1] for line in lines])
    rows = [
        Row((name, str(count), "" if share is None else format_percent(share), stay), bar)
        for (name, count, share, stay), bar in zip(lines, shares, strict=True)
    ]
    columns = (_("Stage"), _("Deals"), _("Of those before"), _("Median stay"))
    return Table(_("How far new deals came: %(pipeline)s", pipeline=path.name), columns, rows if found.made else [], 3,
                 _("the last 12 months"))  # fmt: skip


def months(path: Path) -> list[Table]:
    """Won and lost by month; then each currency's revenue, never added to another's."""
    year = path.year
    spans = [span for span, _outcome in year.months]
    names = [periods.called(span, spans) for span in spans]
    found = [outcome for _span, outcome in year.months]
    some = year.total.won or year.total.lost
    rows = [Row((name, str(one.won), str(one.lost))) for name, one in zip(names, found, strict=True)] if some else []
    tables = [Table(_("Won and lost: %(pipeline)s", pipeline=path.name), (_("Month"), _("Won"), _("Lost")), rows, 2)]
    for currency in year.currencies:
        amounts = [one.sums.amounts.get(currency, Decimal()) for one in found]
        shares = paper.bars([float(amount) for amount in amounts])
        lines = [
            Row((name, cents(amount) if amount % 1 else format_decimal(amount, "#,##0")), share)
            for name, amount, share in zip(names, amounts, shares, strict=True)
        ]
        title = _("Revenue by month: %(pipeline)s", pipeline=path.name)
        tables.append(Table(title, (_("Month"), currency), lines, 1))
    return tables
