"""Working time: the hours of a week, and what minutes mean when only those are counted.

`Hours` maps mon .. sun to ["08:00", "16:30"]; a day that is not there is free. The hours are those that clocks in a
time zone show, so that a day on which the clocks change is as long as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = Mapping[str, Sequence[str]]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL: Hours = dict.fromkeys(DAYS[:5], ("08:00", "17:00"))
AHEAD = 366  # days that are looked through for working time


def at_work(hours: Hours, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the moment is within the hours."""
    day = moment.astimezone(zone).date()
    return any(begins <= moment < ends for begins, ends in span_of(hours, day, zone))


def after(start: datetime, minutes: int, hours: Hours, zone: ZoneInfo) -> datetime:
    """The moment by which so many minutes of working time have passed. Without any hours, all time is working time."""
    left = timedelta(minutes=minutes)
    for begins, ends in spans(hours, start, zone):
        from_here = max(begins, start)
        if ends - from_here >= left:
            return from_here + left
        left -= ends - from_here
    return start + timedelta(minutes=minutes)


def together(people: Iterable[Hours]) -> Hours:
    """When a business is at work: on each day from the first who begins to the last who goes; the usual hours where
    nobody has said theirs."""
    found: dict[str, list[str]] = {}
    for hours in people:
        for day, (begins, ends) in hours.items():
            known = found.setdefault(day, [begins, ends])
            known[:] = [min(known[0], begins), max(known[1], ends)]
    return found or USUAL


def spans(hours: Hours, start: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The working time from a moment on, day by day."""
    first = start.astimezone(zone).date()
    for number in range(AHEAD):
        yield from (span for span in span_of(hours, first + timedelta(days=number), zone) if span[1] > start)


def span_of(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    span = hours.get(DAYS[day.weekday()])
    if span:
        begins, ends = (datetime.combine(day, time.fromisoformat(hour), zone).astimezone(UTC) for hour in span)
        yield begins, ends
