"""Durations, and how far they reach in the hours in which somebody works.

`PT15M` of working hours, begun on Friday at 16:50, ends on Monday at 8:05. Who has said no hours of their own works
from Monday to Friday, 8 to 17, in the zone of the workspace.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL: dict[str, list[str]] = {day: ["08:00", "17:00"] for day in DAYS[:5]}
DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)
LONGEST = timedelta(days=1100)
AHEAD = 1100  # days that are looked through for working hours


class NoDuration(ValueError):
    """This is no duration that is meant to be waited for."""


def parse_duration(text: str) -> timedelta:
    """ISO 8601 in weeks, days, hours, minutes and seconds: PT15M, P3D, P1DT4H; at most three years. Raises
    NoDuration."""
    match = DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()) or len(text) > 40:
        raise NoDuration(text[:40])
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if max(weeks, days, hours, minutes, seconds) > 10**8:
        raise NoDuration(text[:40])
    span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if span > LONGEST:
        raise NoDuration(text[:40])
    return span


def after(moment: datetime, span: timedelta, hours: Mapping[str, Any] | None, zone: ZoneInfo) -> datetime:
    """The moment at which so much working time has gone by; without `hours`, so much time. In whole days a working day
    counts as the hours it has: P1D from Friday at 10 ends on Monday at 10."""
    if hours is None:
        return moment + span
    whole, rest = span.days, span - timedelta(days=span.days)
    return worked(skipped(moment, whole, hours, zone), rest, hours, zone)


def skipped(moment: datetime, days: int, hours: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    """So many working days later, at the same hour."""
    local = moment.astimezone(zone)
    day = local.date()
    for _step in range(AHEAD):
        if not days:
            break
        day += timedelta(days=1)
        days -= hours_of(day, hours) is not None
    return datetime.combine(day, local.time(), zone).astimezone(UTC)


def worked(moment: datetime, rest: timedelta, hours: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    """The end of so much time within working hours, counted from the moment."""
    first = moment.astimezone(zone).date()
    for step in range(AHEAD):
        day = first + timedelta(days=step)
        span = hours_of(day, hours)
        if span is None:
            continue
        begins = max(datetime.combine(day, span[0], zone).astimezone(UTC), moment)
        ends = datetime.combine(day, span[1], zone).astimezone(UTC)
        if begins >= ends and not (begins == ends and not rest):
            continue
        if ends - begins >= rest:
            return begins + rest
        rest -= ends - begins
    return moment + rest


def hours_of(day: date, hours: Mapping[str, Any]) -> tuple[time, time] | None:
    """From when to when is worked on that day, or None."""
    span: Any = hours.get(DAYS[day.weekday()])
    try:
        begins, ends = time.fromisoformat(span[0]), time.fromisoformat(span[1])
    except (TypeError, ValueError, IndexError):
        return None
    return (begins, ends) if begins < ends else None
