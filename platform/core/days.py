"""Days as a business counts them: from midnight to midnight where the workspace is, whoever looks from wherever.

Reports and the lists behind them ask by such days, so that a number and its list are of the same hours.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement

from core.actor import Actor

LAST = date(9999, 12, 30)


def midnight(actor: Actor, day: date) -> datetime:
    """The moment the day begins in the workspace."""
    return datetime.combine(day, time(), ZoneInfo(actor.workspace.time_zone))


def today_in_workspace(actor: Actor) -> date:
    return datetime.now(ZoneInfo(actor.workspace.time_zone)).date()


def from_day(column: Any) -> Callable[[Actor, date], ColumnElement[bool]]:
    """The condition of a filter: on this day or later."""
    return lambda actor, day: column >= midnight(actor, day)


def to_day(column: Any) -> Callable[[Actor, date], ColumnElement[bool]]:
    """The condition of a filter: on this day or earlier."""
    return lambda actor, day: column < midnight(actor, min(day, LAST) + timedelta(days=1))
