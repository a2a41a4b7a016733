"""When a task is due: a day, perhaps with an hour, in somebody's local time; and how a member in any zone sees that."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext

SOON = 7  # days

Group = Literal["late", "today", "soon", "later", "someday", "done"]


def instant(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks in the zone show this hour on this day.

    On the days when clocks change it is as RFC 5545, 3.3.5 has it: an hour that is skipped counts by the offset before
    the gap (02:30 is what then shows 03:30), an hour that comes twice is the first of the two.
    """
    return datetime.combine(day, hour, zone).astimezone(UTC)


@dataclass(frozen=True)
class Due:
    """A task's due day and hour as clocks in the zone of whoever looks show them. Without an hour the day is a day of
    the calendar, the same everywhere."""

    day: date | None
    hour: time | None = None

    @classmethod
    def seen(cls, due_on: date | None, due_at: datetime | None, zone: ZoneInfo) -> "Due":
        if due_at is None:
            return cls(due_on)
        local = due_at.astimezone(zone)
        return cls(local.date(), local.time().replace(second=0, microsecond=0))

    @property
    def clock(self) -> str:
        return self.hour.strftime("%H:%M") if self.hour else ""


def group(due_on: date | None, due_at: datetime | None, now: datetime) -> Group:
    """Where an open task stands for somebody whose local time is `now`. An hour is late once it has passed, a day once
    it is over."""
    if due_at is not None and due_at < now:
        return "late"
    day = due_at.astimezone(now.tzinfo).date() if due_at else due_on
    if day is None:
        return "someday"
    distance = (day - now.date()).days
    if distance < 0:
        return "late"
    if distance == 0:
        return "today"
    return "soon" if distance <= SOON else "later"


def lateness(due_on: date | None, due_at: datetime | None, now: datetime) -> str | None:
    """ "3 days late", "1 h 12 min late"; None for what is not late."""
    if group(due_on, due_at, now) != "late":
        return None
    day = due_at.astimezone(now.tzinfo).date() if due_at else due_on
    days = (now.date() - day).days if day else 0
    if due_at is None or days:
        return str(ngettext("%(num)s day late", "%(num)s days late", days))
    minutes = (now - due_at) // timedelta(minutes=1)
    if minutes < 60:
        return str(_("%(minutes)s min late", minutes=max(1, minutes)))
    return str(_("%(hours)s h %(minutes)s min late", hours=minutes // 60, minutes=minutes % 60))
