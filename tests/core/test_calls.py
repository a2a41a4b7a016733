"""Calls of the API by the minute: for all processes together, by each alone without Valkey, by nobody without plans."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import settings
from core import calls as counting
from core import limits
from core.calls import Calls, TooManyCalls
from tenants.directory import directory
from tests.shop import Shop


@pytest.fixture(autouse=True)
def within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not over the turn of one."""
    now = time.time() // 60 * 60 + 20
    monkeypatch.setattr("core.calls.time.time", lambda: now)


@pytest.fixture
def selling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OKNO_PAYMENTS", "test")
    settings.cache_clear()
    directory.forget()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def few_calls(selling: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm import doors

    monkeypatch.setattr(doors, "calls_a_minute", lambda _plan: 3)


def test_beyond_the_plans_calls_a_program_is_told_when_to_go_on(shop: Shop, few_calls: None) -> None:
    api = shop.api()
    answers = [api.get("/contacts") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    last = answers[-1]
    assert last.content_type == "application/problem+json"
    assert (last.headers["RateLimit-Limit"], last.headers["Retry-After"]) == ("3", "40")
    assert (last.json["limit"], last.json["cap"], last.json["used"]) == ("api_calls", 3, 4)


def test_a_refused_call_changes_nothing(shop: Shop, few_calls: None) -> None:
    api = shop.api()
    answers = [api.post("/contacts", {"last_name": str(number)}).status_code for number in range(5)]
    assert answers == [201, 201, 201, 429, 429]
    assert len(shop.rows("select id from contact")) == 3


def test_another_workspace_has_its_own_calls(shop: Shop, other: Shop, few_calls: None) -> None:
    api = shop.api()
    assert [api.get("/contacts").status_code for _ in range(4)][-1] == 429
    assert other.api().get("/contacts").status_code == 200


def test_a_stranger_with_a_wrong_token_uses_up_nobodys_calls(shop: Shop, few_calls: None) -> None:
    api = shop.api()
    token, api.token = api.token, api.token[:-1] + "x"
    for _ in range(5):
        assert api.get("/contacts").status_code == 401
    api.token = token
    assert api.get("/contacts").status_code == 200


def test_without_payments_nobody_counts(shop: Shop) -> None:
    answer = shop.api().get("/contacts")
    assert "RateLimit-Limit" not in answer.headers
    assert counting.calls().highest(datetime.now(UTC).date()).get(shop.workspace.id) is None


def test_the_days_highest_minute_is_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    known, now = Calls(settings().redis_url), time.time()
    for minute, times in enumerate((2, 5, 3)):
        monkeypatch.setattr("core.calls.time.time", lambda at=now + 60 * minute: at)
        for _ in range(times):
            known.note(shop.workspace.id, 1_000)
    monkeypatch.setattr("core.calls.time.time", lambda: now + 240)
    known.note(shop.workspace.id + 1, 1_000)  # anybody's first call of another minute tells of the last
    assert known.highest(datetime.fromtimestamp(now, UTC).date())[shop.workspace.id] == 5


def test_without_valkey_a_process_counts_by_itself_and_waits_once(shop: Shop) -> None:
    known = Calls("redis://127.0.0.1:1")
    known.note(shop.workspace.id, 2)
    began = time.perf_counter()
    known.note(shop.workspace.id, 2)
    with pytest.raises(TooManyCalls):
        known.note(shop.workspace.id, 2)
    known.note(shop.workspace.id + 1, 2)
    assert time.perf_counter() - began < 0.05
    assert known.highest(datetime.now(UTC).date()) == {}


def test_the_plans_say_how_many(selling: None) -> None:
    assert [limits.calls_a_minute(plan) for plan in ("free", "team", "business", "gone")] == [120, 600, 3000, 120]


def test_two_processes_share_one_minute(shop: Shop) -> None:
    first, second = Calls(settings().redis_url), Calls(settings().redis_url)
    used: list[Any] = [one.note(shop.workspace.id, 10).used for one in (first, second, first)]
    assert used == [1, 2, 3]


def test_far_from_the_cap_valkey_is_asked_seldom_and_near_it_always(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Calls(settings().redis_url)
    script, asked = known.script, list[int]()

    def ask(keys: list[str], values: list[int]) -> Any:
        asked.append(known.seen[shop.workspace.id].used)
        return script(keys, values)

    monkeypatch.setattr(known, "script", ask)
    refused = 0
    for _ in range(1_100):
        try:
            known.note(shop.workspace.id, 1_000)
        except TooManyCalls:
            refused += 1
    assert refused == 100
    assert len([used for used in asked if used <= 900]) < 60
    assert len([used for used in asked if used > 990]) >= 100


def test_many_processes_pass_the_cap_by_a_small_part_at_most(shop: Shop) -> None:
    processes = [Calls(settings().redis_url) for _ in range(4)]
    stored = 0
    for at in range(1_400):
        try:
            processes[at % 4].note(shop.workspace.id, 1_000)
            stored += 1
        except TooManyCalls:
            pass
    assert 1_000 <= stored <= 1_100
