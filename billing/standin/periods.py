"""Periods of a subscription, counted from its anchor as Stripe does: the 31st is the 30th in a month that has no more,
and the 31st again in the next. All moments are seconds of UTC."""

import calendar
from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, interval: str, count: int, steps: int) -> int:
    """The anchor moved by so many intervals of `count` days, weeks, months or years."""
    if interval in DAYS:
        return anchor + steps * count * DAYS[interval] * DAY
    return months_later(anchor, steps * count * MONTHS[interval])


def months_later(moment: int, months: int) -> int:
    at = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return int(at.replace(year=year, month=month + 1, day=min(at.day, last)).timestamp())


def end_of_period(anchor: int, interval: str, count: int, moment: int) -> int:
    """The first boundary after the moment; the anchor itself may lie behind or before it."""
    shortest = timedelta(days=DAYS.get(interval, 0) or MONTHS[interval] * 28).total_seconds()
    longest = timedelta(days=DAYS.get(interval, 0) or MONTHS[interval] * 31).total_seconds()
    distance = moment - anchor
    steps = int(distance // ((longest if distance > 0 else shortest) * count))
    while boundary(anchor, interval, count, steps) <= moment:
        steps += 1
    return boundary(anchor, interval, count, steps)
