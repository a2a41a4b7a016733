"""By the clock: who is due, spread over the hour, only where something changed, kept as long as the plan says."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from config.plans import Backups
from crm.backups import schedule
from crm.contacts import actions as contacts
from tenants.backups import keeping, making, vault
from tenants.backups.models import Backup
from tenants.models import WorkspaceRow
from tests.backups import holding
from tests.shop import Shop

NOON = datetime(2026, 3, 4, 12, 2, tzinfo=UTC)


def row(shop: Shop) -> WorkspaceRow:
    with shop.base.controlling() as control:
        return control.get_one(WorkspaceRow, shop.workspace.id)


def test_two_thousand_workspaces_are_spread_over_the_hour_and_each_is_asked_once() -> None:
    times = [NOON.replace(minute=minute) for minute in range(2, 60, 5)]
    starts = [[number for number in range(1, 2001) if schedule.in_slot(number, at)] for at in times]
    assert sorted(number for some in starts for number in some) == list(range(1, 2001))
    assert max(map(len, starts)) <= 2000 // 12 + 1
    nights: dict[int, int] = {}
    for number in range(1, 2001):
        nights[number // schedule.SLOTS % schedule.NIGHT] = nights.get(number // schedule.SLOTS % schedule.NIGHT, 0) + 1
    assert nights.keys() == {0, 1, 2, 3}
    assert max(nights.values()) < 520


@pytest.mark.parametrize(
    ("every", "hours_ago", "tonight", "due"),
    [
        ("", None, True, False),
        ("day", None, False, True),
        ("day", 24, True, True),
        ("day", 24, False, False),
        ("day", 2, True, False),
        ("day", 31, False, True),
        ("hour", 1, False, True),
        ("hour", 0.5, False, False),
    ],
)
def test_who_is_due(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, every: Any, hours_ago: float | None, tonight: bool, due: bool
) -> None:
    monkeypatch.setattr(schedule, "wanted", lambda _control, _row: Backups(every, 30))
    workspace = row(shop)
    hour = workspace.id // schedule.SLOTS % schedule.NIGHT
    now = NOON.replace(hour=hour if tonight else 12)
    with shop.base.controlling() as control:
        if hours_ago is not None:
            at = now - timedelta(hours=hours_ago)
            control.add(Backup(workspace_id=workspace.id, kind="scheduled", state="kept", made_at=at))
        control.flush()
        assert schedule.is_due(control, workspace, now) == due


def test_where_nothing_changed_none_is_made(shop: Shop) -> None:
    assert schedule.ask_one(shop.base, shop.workspace)
    (asked,) = holding.backups(shop)
    making.make(shop.base, asked.id)
    assert not schedule.ask_one(shop.base, shop.workspace)
    with shop.acting() as actor:
        contacts.create(actor, contacts.create.parse({"first_name": "Jan", "last_name": "Novák"}))
    assert schedule.ask_one(shop.base, shop.workspace)


def test_off_means_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "settings", lambda: SimpleNamespace(backups_by_the_clock=False))
    assert schedule.ask(shop.base) == 0
    assert holding.backups(shop) == []


@pytest.fixture
def many(shop: Shop) -> list[Backup]:
    """Hourly ones of five days, then one by hand."""
    now = datetime.now(UTC).replace(minute=30)
    with shop.base.controlling() as control:
        made = [
            Backup(workspace_id=shop.workspace.id, kind="scheduled", state="kept", made_at=now - timedelta(hours=hour))
            for hour in range(1, 5 * 24)
        ]
        made.append(
            Backup(workspace_id=shop.workspace.id, kind="by hand", state="kept", made_at=now - timedelta(days=40))
        )
        control.add_all(made)
    return made


def test_hourly_ones_thin_out_to_one_a_day_and_the_newest_never_goes(shop: Shop, many: list[Backup]) -> None:
    with shop.base.controlling() as control:
        keeping.rotate(control, shop.workspace.id, 4)
    keeping.sweep(shop.base)
    left = holding.backups(shop)
    now = datetime.now(UTC)
    young = [one for one in left if now - one.made_at < keeping.ALL_FOR]
    old = [one for one in left if now - one.made_at >= keeping.ALL_FOR]
    assert len(young) in (47, 48)
    assert {one.kind for one in old} == {"scheduled"}, "the one by hand is over thirty days old"
    days = [one.made_at.date() for one in old]
    assert len(days) == len(set(days))
    assert all(now - one.made_at <= timedelta(days=4) for one in left)
    with shop.base.controlling() as control:
        keeping.rotate(control, shop.workspace.id, 0)
    keeping.sweep(shop.base)
    assert [one.made_at for one in holding.backups(shop)] == [max(one.made_at for one in many)]


def test_an_old_backup_that_was_uploaded_stays_its_week(shop: Shop) -> None:
    now = datetime.now(UTC)
    with shop.base.controlling() as control:
        old = {"made_at": now - timedelta(days=400), "expires_at": now + keeping.UPLOADED}
        control.add(Backup(workspace_id=shop.workspace.id, kind="uploaded", state="kept", **old))
        control.flush()
        keeping.rotate(control, shop.workspace.id, 30)
    keeping.sweep(shop.base)
    assert [one.kind for one in holding.backups(shop)] == ["uploaded"]


def test_what_expires_goes_with_its_file(shop: Shop) -> None:
    first, second = holding.made(shop, "scheduled"), holding.made(shop, "scheduled")
    with shop.base.controlling() as control:
        control.get_one(Backup, first.id).expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert keeping.sweep(shop.base) >= 1
    assert [one.id for one in holding.backups(shop)] == [second.id]
    with pytest.raises(FileNotFoundError), vault.store().open(first.key):
        pass
    keeping.verify(shop.base, second.id)
