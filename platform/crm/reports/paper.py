"""A report on paper: facts and tables of texts, typeset with the look of the business (documents/templates/report.typ).

Whoever writes one works out its numbers first and gives them as texts in the reader's language and zone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from core.actor import Actor
from core.pages import NBSP, in_czech
from crm.deals.pages import lasting
from crm.documents.actions import letterhead_of
from crm.documents.typeset import typeset
from crm.quotes.paper import logo_of

MOST = 300  # lines of a table


@dataclass(frozen=True)
class Fact:
    """A figure under its name; `more` stands below it, in red where it is `late`."""

    name: str
    value: str
    more: str = ""
    late: bool = False


@dataclass(frozen=True)
class Row:
    """`bar` is drawn beside the cells, as a share of the longest."""

    cells: tuple[str, ...]
    bar: float | None = None
    late: bool = False


@dataclass(frozen=True)
class Table:
    """The last `numbers` of its columns are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[Row]
    numbers: int = 0
    hint: str = ""


@dataclass(frozen=True)
class Report:
    title: str
    sub: str
    facts: list[Fact]
    tables: list[Table]


def dressed(actor: Actor, report: Report, at: datetime) -> dict[str, Any]:
    """What the template takes, in the present language. Tables that say nothing are left out."""
    letterhead = letterhead_of(actor.db, actor.workspace.name)
    return {
        "title": report.title,
        "sub": report.sub,
        "lang": get_locale().language,
        "foot": _("%(business)s, as of %(moment)s", business=actor.workspace.name, moment=moment(actor, at)),
        "facts": [[one.name, one.value, one.more, one.late] for one in report.facts],
        "tables": [asdict(shortened(one)) for one in report.tables if one.rows],
        "look": {"name": letterhead.name, "colour": letterhead.colour, "logo": list(logo_of(letterhead))},
    }


def shortened(table: Table) -> Table:
    """A paper of a thousand lines is read by nobody; what is left out is said."""
    left = len(table.rows) - MOST
    if left <= 0:
        return table
    hint = _("the first %(num)s, %(left)s more are in Okno", num=MOST, left=left)
    return Table(table.title, table.columns, table.rows[:MOST], table.numbers, hint)


def printed(data: dict[str, Any], at: datetime) -> bytes:
    """The PDF. Raises NotTypeset."""
    return typeset("report", data, at)


# Words for days and times, where there is no page whose reader could be asked.


def moment(actor: Actor, at: datetime | None) -> str:
    """ "26 Nov 2026, 14:05", where the member is."""
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(actor.member.time_zone))
    return f"{on(local.date())}, {local:%H:%M}"


def on(day: date | None) -> str:
    if day is None:
        return ""
    return str(format_date(day, f"d.{NBSP}M.{NBSP}y" if in_czech() else f"d{NBSP}MMM{NBSP}y"))


def took(length: timedelta | None) -> str:
    """ "18 min", "3 h", "5 days", or that it was less than a minute."""
    return "" if length is None else lasting(length) or str(_("under a minute"))


def bars(values: Sequence[float]) -> list[float]:
    longest = max(values, default=0) or 1
    return [value / longest for value in values]
