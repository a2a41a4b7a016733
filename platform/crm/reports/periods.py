"""Periods of a report, in days of the workspace's calendar, and the parts that a chart divides them into."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import format_date
from flask_babel import gettext as _

from core.pages import in_czech

USUAL = "this_quarter"
DAYS = "days"  # from a day to a day
EARLIEST = date(2000, 1, 1)
AHEAD = timedelta(days=3660)
MONTHS = 36  # as many bars as a chart holds; a longer period is divided into years


@dataclass(frozen=True)
class Span:
    """From the day `first` to the day `last`, both of them included."""

    first: date
    last: date


@dataclass(frozen=True)
class Period(Span):
    """`key` is its name in the address."""

    key: str


def month_after(day: date, months: int = 1) -> date:
    """The first day of the month so many months after (or before) that of `day`."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def named(today: date) -> dict[str, Span]:
    """The periods that have a name, as they are today."""
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    quarter = month_after(month, -((today.month - 1) % 3))

    def span(first: date, months: int) -> Span:
        return Span(first, month_after(first, months) - timedelta(days=1))

    return {
        "this_month": span(month, 1),
        "last_month": span(month_after(month, -1), 1),
        "this_quarter": span(quarter, 3),
        "last_quarter": span(month_after(quarter, -3), 3),
        "this_year": span(year, 12),
        "last_year": span(month_after(year, -12), 12),
        "last_12_months": span(month_after(month, -11), 12),
    }


def chosen(asked: Mapping[str, str], today: date) -> Period:
    """What the address asks for: a `period` by its name, or the days `from` and `to`, one of them or both; where it
    can mean nothing, the usual one. Days are kept between 2000 and ten years from now."""
    spans, key = named(today), asked.get("period", "")
    first, last = as_day(asked.get("from", "")), as_day(asked.get("to", ""))
    if key not in spans and (first or last):
        last = max(min(last or max(today, first or today), today + AHEAD), EARLIEST)
        first = max(first or last.replace(day=1), EARLIEST)
        return Period(min(first, last), last, DAYS)
    span = spans.get(key, spans[USUAL])
    return Period(span.first, span.last, key if key in spans or key == DAYS else USUAL)


def as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parts(period: Span) -> list[Span]:
    """The months, or for a long period the years, that it has days of; the first and the last may be cut."""
    months = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    step = 1 if months <= MONTHS else 12
    start = period.first.replace(day=1) if step == 1 else period.first.replace(month=1, day=1)
    found = []
    while start <= period.last:
        after = month_after(start, step)
        found.append(Span(max(start, period.first), min(after - timedelta(days=1), period.last)))
        start = after
    return found


def called(part: Span, among: list[Span]) -> str:
    """ "Nov", with the year where the chart shows more than one; or the year alone."""
    years = {one.first.year for one in among}
    if any(one.last - one.first > timedelta(days=31) for one in among):
        return str(part.first.year)
    return str(format_date(part.first, "LLL" if len(years) == 1 else "LLL y"))


def spelled(span: Span) -> str:
    """ "1 Oct to 31 Dec 2026"."""
    pattern = "d. M." if in_czech() else "d MMM"
    first = format_date(span.first, pattern if span.first.year == span.last.year else f"{pattern} y")
    return str(_("%(first)s to %(last)s", first=first, last=format_date(span.last, f"{pattern} y")))


def names() -> list[tuple[str, str]]:
    """(key, words) of the periods to choose from."""
    return [
        ("this_month", _("This month")),
        ("last_month", _("Last month")),
        ("this_quarter", _("This quarter")),
        ("last_quarter", _("Last quarter")),
        ("this_year", _("This year")),
        ("last_year", _("Last year")),
        ("last_12_months", _("Last 12 months")),
        (DAYS, _("From a day to a day")),
    ]
