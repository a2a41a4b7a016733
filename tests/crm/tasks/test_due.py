"""Days and hours over time zones and both days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.tasks.due import Due, group, instant

ZONES = (
    "Europe/Prague",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2000, 1, 1), date(2100, 12, 31))
hours = st.builds(time, st.integers(0, 23), st.integers(0, 59))
PRAGUE = ZoneInfo("Europe/Prague")


@pytest.mark.parametrize(
    ("day", "hour", "zone", "moment"),
    [
        ("2026-03-29", "01:59", "Europe/Prague", "2026-03-29T00:59Z"),
        ("2026-03-29", "02:30", "Europe/Prague", "2026-03-29T01:30Z"),  # skipped: clocks then show 03:30
        ("2026-03-29", "03:00", "Europe/Prague", "2026-03-29T01:00Z"),
        ("2026-10-25", "02:30", "Europe/Prague", "2026-10-25T00:30Z"),  # comes twice: the first
        ("2026-10-25", "03:00", "Europe/Prague", "2026-10-25T02:00Z"),
        ("2026-03-08", "02:30", "America/New_York", "2026-03-08T07:30Z"),
        ("2026-11-01", "01:30", "America/New_York", "2026-11-01T05:30Z"),
        ("2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03T15:45Z"),  # clocks move by half an hour
        ("2026-04-24", "00:15", "Africa/Cairo", "2026-04-23T22:15Z"),  # the day begins at one o'clock
    ],
)
def test_an_hour_is_one_instant_on_the_days_when_clocks_change(day: str, hour: str, zone: str, moment: str) -> None:
    found = instant(date.fromisoformat(day), time.fromisoformat(hour), ZoneInfo(zone))
    assert found == datetime.fromisoformat(moment)


@given(days, hours, zones)
def test_an_hour_is_shown_as_it_was_typed_or_just_after_its_gap(day: date, hour: time, zone: ZoneInfo) -> None:
    seen = Due.seen(day, instant(day, hour, zone), zone)
    typed, shown = datetime.combine(day, hour), datetime.combine(seen.day or day, seen.hour or hour)
    skipped = not exists(typed, zone)
    assert typed < shown <= typed + timedelta(days=1) if skipped else shown == typed


@given(days, hours, zones)
def test_later_hours_of_a_day_are_never_earlier_instants(day: date, hour: time, zone: ZoneInfo) -> None:
    """Except into the gap of spring, where an hour that is not there counts as one after it."""
    following = (datetime.combine(day, hour) + timedelta(hours=1)).time()
    if following > hour and exists(datetime.combine(day, hour), zone):
        assert instant(day, hour, zone) <= instant(day, following, zone)


@given(days, zones, zones)
def test_a_day_without_an_hour_is_the_same_day_everywhere(day: date, here: ZoneInfo, there: ZoneInfo) -> None:
    assert Due.seen(day, None, here) == Due.seen(day, None, there) == Due(day)


@given(days, hours, zones, zones)
def test_a_task_is_late_for_everybody_at_once_when_it_has_an_hour(
    day: date, hour: time, zone: ZoneInfo, elsewhere: ZoneInfo
) -> None:
    due = instant(day, hour, zone)
    assert group(day, due, (due + timedelta(seconds=1)).astimezone(elsewhere)) == "late"
    assert group(day, due, (due - timedelta(seconds=1)).astimezone(elsewhere)) in ("today", "soon")


@pytest.mark.parametrize(
    ("day", "expected"), [(22, "late"), (23, "today"), (24, "soon"), (30, "soon"), (31, "later"), (None, "someday")]
)
def test_days_fall_into_groups_by_the_members_calendar(day: int | None, expected: str) -> None:
    now = datetime(2026, 12, 22, 23, 30, tzinfo=UTC).astimezone(PRAGUE)  # the 23rd there
    assert group(date(2026, 12, day) if day else None, None, now) == expected


def exists(typed: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks of the zone ever show this."""
    return typed.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == typed
