"""Durations in the hours in which somebody works."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm.processes.hours import USUAL, NoDuration, after, parse_duration

PRAGUE = ZoneInfo("Europe/Prague")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PRAGUE).astimezone(UTC)


@pytest.mark.parametrize(
    ("begun", "span", "ends"),
    [
        ("2026-11-20 16:50", "PT15M", "2026-11-23 08:05"),  # over a weekend
        ("2026-11-20 10:00", "PT15M", "2026-11-20 10:15"),
        ("2026-11-21 10:00", "PT15M", "2026-11-23 08:15"),  # begun on a Saturday
        ("2026-11-23 06:00", "PT1H", "2026-11-23 09:00"),
        ("2026-11-23 19:00", "PT1H", "2026-11-24 09:00"),
        ("2026-11-20 10:00", "P1D", "2026-11-23 10:00"),
        ("2026-11-20 10:00", "PT20H", "2026-11-24 12:00"),
        ("2026-10-23 16:30", "PT1H", "2026-10-26 08:30"),  # the clocks go back in between
    ],
)
def test_working_time_stands_still_when_nobody_works(begun: str, span: str, ends: str) -> None:
    assert after(at(begun), parse_duration(span), USUAL, PRAGUE) == at(ends)


def test_time_by_the_clock_does_not() -> None:
    assert after(at("2026-11-20 16:50"), parse_duration("PT15M"), None, PRAGUE) == at("2026-11-20 17:05")


def test_who_never_works_is_not_waited_for_without_end() -> None:
    assert after(at("2026-11-20 10:00"), timedelta(minutes=5), {"mon": ["x"]}, PRAGUE) == at("2026-11-20 10:05")


@pytest.mark.parametrize("text", ["", "P", "PT", "soon", "P1Y", "-PT5M", "PT5", "P9999999D", "PT1.5H", "P1D" * 30])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(NoDuration):
        parse_duration(text)
