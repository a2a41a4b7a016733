"""The nightly check: a counter that is wrong is reported and mended, one that is right is left, and days are kept."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import limits
from core.calls import calls
from core.jobs import Place
from core.limits import usage
from tenants import counting
from tenants.models import WorkspaceRow
from tests.core.test_limits import bare
from tests.crm.limits.paying import cap, create, value
from tests.crm.test_demo import okno
from tests.shop import Shop

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def check(shop: Shop, highest: int = 0) -> list[counting.Found]:
    with shop.base.controlling() as control:
        row = control.get_one(WorkspaceRow, shop.workspace.id)
    return counting.check_one(shop.base, row, YESTERDAY, highest)


def change(shop: Shop, sql: str, **values: Any) -> None:
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text(sql), values)


def drifts(shop: Shop) -> list[tuple[str, int, int]]:
    with shop.base.controlling() as control:
        rows = control.execute(
            text("select name, was, truth from control.drift where workspace_id = :id order by name"),
            {"id": shop.workspace.id},
        )
        return [(row.name, row.was, row.truth) for row in rows]


def test_what_is_right_is_left_as_it_is(shop: Shop) -> None:
    create(shop)
    before = shop.rows("select name, value, cap, told, xmin::text from counter order by name")
    assert check(shop) == []
    assert shop.rows("select name, value, cap, told, xmin::text from counter order by name") == before
    assert drifts(shop) == []


def test_a_drift_is_mended_reported_and_listed(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    create(shop)
    change(shop, "update counter set value = 7 where name = 'contacts'")
    change(shop, "update counter set value = 3 where name = 'users'")
    change(shop, "delete from counter where name = 'storage'")
    found = {(one.name, one.was, one.truth) for one in check(shop)}
    assert found == {("contacts", 7, 1), ("users", 3, 1), ("storage", None, 0)}
    assert (value(shop), value(shop, "users"), value(shop, "storage")) == (1, 1, 0)
    assert drifts(shop) == [("contacts", 7, 1), ("storage", 0, 0), ("users", 3, 1)]
    assert any("contacts was 7, in truth 1" in record.message for record in caplog.records)
    listed = okno("limits", "drift")
    assert listed.returncode == 0
    assert f"{shop.workspace.slug}  contacts" in listed.stdout


def test_whoever_commits_meanwhile_is_counted(shop: Shop) -> None:
    """The check waits for a counter that somebody holds, and sees what they stored."""
    with shop.base.workspace(shop.workspace) as session:
        session.add(bare("Meanwhile"))
        session.flush()
        limits.bump(session, "contacts", 1)
        session.info.pop("counted")
        found: list[Any] = []
        checking = threading.Thread(target=lambda: found.extend(check(shop)))
        checking.start()
        checking.join(0.3)
        assert checking.is_alive()
        session.commit()
    checking.join(10)
    assert found == []
    assert value(shop) == 1


def test_the_day_is_kept_for_400_days_and_shown_for_30(shop: Shop) -> None:
    create(shop)
    cap(shop, contacts=10, mails=5)
    for days in (500, 50, 3):
        change(shop, "insert into usage (name, day, value) values ('contacts', current_date - :days, 1)", days=days)
    check(shop, highest=42)
    check(shop, highest=12)
    kept = shop.rows("select day from usage where name = 'contacts' order by day")
    assert len(kept) == 3
    assert shop.rows("select value from usage where name = 'api_calls'")[0].value == 42
    with shop.acting() as actor:
        found = {one.name: one for one in usage(actor)}
    assert list(found) == ["users", "contacts", "storage", "mails", "api_calls", "processes"]
    contacts = found["contacts"]
    assert (contacts.value, contacts.cap, contacts.room) == (1, 10, 9)
    assert [number for _day, number in contacts.history] == [1, 1]
    assert contacts.history[-1][0] == YESTERDAY
    assert (found["users"].value, found["users"].cap, found["users"].room) == (1, None, None)
    assert (found["api_calls"].value, found["api_calls"].cap) == (42, None)


def test_every_open_workspace_is_checked_and_progress_is_told(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = (shop.workspace.id, other.workspace.id)  # those of other tests have their own numbers
    monkeypatch.setattr(counting, "catalogue", lambda control: [control.get_one(WorkspaceRow, one) for one in ids])
    change(other, "update counter set value = 9 where name = 'contacts'")
    calls().redis.zadd(f"calls:highest:{YESTERDAY}", {str(shop.workspace.id): 17})
    told: list[tuple[int, int]] = []
    found = counting.check_all(shop.base, lambda done, all_of_them: told.append((done, all_of_them)))
    assert {one.workspace for one in found} == {other.workspace.slug}
    assert value(other) == 0
    assert told == [(1, 2), (2, 2)]
    assert shop.rows("select value from usage where name = 'api_calls'")[0].value == 17
    counting.check(Place(shop.base, None, 0, lambda: True))
