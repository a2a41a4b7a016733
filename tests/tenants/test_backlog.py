"""The operator sees what waits and what failed, and runs it again without doing anything twice."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from core import jobs
from core.jobs import GiveUp, Place, job, later, once
from crm.cli import cli
from tests.shop import Shop

BROKEN = {"yes": True}


@job("test.break_after_effect", queue="urgent")
def break_after_effect(place: Place) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "test.break_after_effect", place.work_id):
            session.execute(text("update member set name = name || '!'"))
    if BROKEN["yes"]:
        raise GiveUp("the printer is on fire")


@pytest.fixture
def work(shop: Shop) -> Iterator[int]:
    """The number of work that failed."""
    BROKEN["yes"] = True
    with shop.base.workspace(shop.workspace) as session, session.begin():
        later(session, "test.break_after_effect")
    with shop.base.controlling() as control:
        number = control.scalar(text("select id from bus.outbox where role = :role"), {"role": shop.workspace.role})
    assert number
    jobs.deliver(number)
    yield number
    with shop.base.controlling() as control:
        for table in ("outbox", "failed"):
            control.execute(text(f"delete from bus.{table} where role = :role"), {"role": shop.workspace.role})


def okno(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def of(shop: Shop, result: Result) -> list[dict[str, Any]]:
    """The JSON lines that speak of this workspace."""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return [row for row in found if row["workspace"] == shop.workspace.slug]


def test_failed_work_is_listed_and_shown_with_its_trace(shop: Shop, work: int) -> None:
    (row,) = of(shop, okno("jobs", "failed", "--json"))
    assert (row["id"], row["queue"], row["work"]) == (work, "urgent", "test.break_after_effect")
    assert row["error"].endswith("GiveUp: the printer is on fire")
    assert str(work) in okno("jobs", "failed").stdout
    shown = okno("jobs", "show", str(work)).stdout
    assert "Traceback" in shown
    assert "break_after_effect" in shown


def test_what_is_retried_is_done_to_its_end_and_nothing_twice(shop: Shop, work: int) -> None:
    assert okno("jobs", "retry", str(work)).exit_code == 0
    assert of(shop, okno("jobs", "failed", "--json")) == []
    (row,) = of(shop, okno("jobs", "waiting", "--json"))
    assert (row["queue"], row["due"]) == ("urgent", 1)
    BROKEN["yes"] = False
    jobs.deliver(work)
    assert of(shop, okno("jobs", "waiting", "--json")) == []
    assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková!"]


def test_what_is_dropped_is_gone_and_unknown_numbers_are_refused(shop: Shop, work: int) -> None:
    assert okno("jobs", "drop", str(work)).exit_code == 0
    assert of(shop, okno("jobs", "failed", "--json")) == []
    for command in ("show", "drop", "retry"):
        refused = okno("jobs", command, str(work))
        assert refused.exit_code == 1
        assert f"nothing that failed has the number {work}" in refused.stderr
    assert okno("jobs", "retry").exit_code == 2


def test_status_says_how_old_the_oldest_is_and_fails_after_a_minute(shop: Shop) -> None:
    with shop.base.workspace(shop.workspace) as session, session.begin():
        later(session, "test.break_after_effect")
    whose = {"role": shop.workspace.role}
    try:
        with shop.base.controlling() as control:
            control.execute(text("update bus.outbox set next_at = now() - interval '2 h' where role = :role"), whose)
        late = okno("status", "--json")
        ages = {row["queue"]: row["oldest"] for row in map(json.loads, late.stdout.splitlines())}
        assert ages["urgent"] >= 7200
        assert late.exit_code == 1
        assert "urgent" in late.stderr
    finally:
        with shop.base.controlling() as control:
            control.execute(text("delete from bus.outbox where role = :role"), whose)
