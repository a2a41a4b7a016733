"""An import that is killed, stopped, doubled or forbidden half way: every row has one fate, and none is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core import jobs
from core.db import database
from core.jobs import Place
from crm.imports import batches, check
from crm.imports import run as runner
from crm.imports.actions import Choices, OneImport, receive, run
from tests.crm.imports.importing import SIMPLE, brought, contacts, messy, numbers, press, row, sent, work
from tests.shop import Shop

ROOT = Path(__file__).parents[3]


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing is tidied up."""


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 100)


def started(shop: Shop, content: bytes, **said: Any) -> tuple[UUID, UUID]:
    """An import that waits for a worker; with the member who started it."""
    import io

    with shop.acting() as actor:
        found = receive(actor, io.BytesIO(content), "zakaznici.csv", Choices(**said))
        run(actor, OneImport(id=found.id))
        return found.id, actor.member.id


def work_of(shop: Shop, name: str = "import.run") -> int:
    with database().controlling() as control:
        return int(
            control.execute(
                text("select id from bus.outbox where role = :role and payload->>'job' = :name"),
                {"role": shop.workspace.role, "name": name},
            ).scalar_one()
        )


def lease_runs_out(work_id: int) -> None:
    with database().controlling() as control:
        control.execute(
            text("update bus.outbox set lease_until = now() - interval '1 s' where id = :id"), {"id": work_id}
        )


def place_of(shop: Shop, still_ours: bool = True) -> Place:
    return Place(database(), shop.workspace, 0, lambda: still_ours)


def whole(shop: Shop, import_id: UUID, expected: dict[str, int]) -> None:
    assert numbers(shop, import_id) == expected
    assert row(shop, import_id).state == "done"
    assert len(contacts(shop)) == expected["created"]
    assert shop.rows("select count(*) from import_refused")[0][0] == expected["refused"]


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
def test_killed_between_two_steps_it_goes_on_after_the_last_stored_batch(
    shop: Shop, small_batches: None, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    content, expected = messy(1_000)
    import_id, _member = started(shop, content)
    commit, commits = runner.Run.commit, []

    def killing(self: runner.Run, actor: Any) -> None:
        commits.append(1)
        if len(commits) == 5 and when == "before the commit":
            raise Killed
        commit(self, actor)
        if len(commits) == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(runner.Run, "commit", killing)
        with pytest.raises(Killed):
            jobs.deliver(work_of(shop))
    found = row(shop, import_id)
    assert found.state == "running"
    assert 0 < found.created + found.changed + found.skipped + found.refused < expected.rows
    assert len(contacts(shop)) == found.created
    jobs.deliver(work_of(shop))  # the lease still holds: nobody may go on yet
    assert row(shop, import_id).line == found.line
    lease_runs_out(work_of(shop))
    jobs.deliver(work_of(shop))
    whole(shop, import_id, expected.numbers())


@pytest.mark.slow
def test_a_worker_killed_by_signal_9_loses_and_doubles_nothing(shop: Shop) -> None:
    content, expected = messy(6_000)
    import_id, _member = started(shop, content)
    work_id = work_of(shop)
    code = (
        "import crm.features, sys; from crm.imports import batches; from core.jobs import deliver; "
        "batches.BATCH = 100; deliver(int(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    for _attempt in range(3):
        line = row(shop, import_id).line
        worker = subprocess.Popen([sys.executable, "-c", code, str(work_id)], env=environment)
        deadline = time.monotonic() + 60
        while row(shop, import_id).line == line and time.monotonic() < deadline and worker.poll() is None:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert row(shop, import_id).state == "running"
        assert row(shop, import_id).line > line
        lease_runs_out(work_id)
    jobs.deliver(work_id)
    whole(shop, import_id, expected.numbers())


def test_stopped_it_stays_where_it_is_and_goes_on_from_there(
    shop: Shop, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, expected = messy(1_000)
    browser = shop.browser()
    import_id = sent(browser, shop, content)
    press(browser, shop, import_id, "duplicates", duplicates="skip")
    page = browser.get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    assert "Waiting for a worker" in page
    advance, seen = runner.store_batch, []

    def stopping(*arguments: Any) -> None:
        seen.append(1)
        advance(*arguments)
        if len(seen) == 3:
            assert press(browser, shop, import_id, "stop").status_code == 303

    with monkeypatch.context() as patch:
        patch.setattr(runner, "store_batch", stopping)
        work(shop)
    found = row(shop, import_id)
    assert found.state == "stopped"
    assert len(contacts(shop)) == found.created < expected.new
    page = browser.get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    assert "Go on" in page
    assert "Undo the import" in page
    assert press(browser, shop, import_id, "stop").status_code == 409
    assert press(browser, shop, import_id, "run").status_code == 303
    work(shop)
    whole(shop, import_id, expected.numbers())
    assert press(browser, shop, import_id, "run").status_code == 409


def test_stopped_before_its_first_batch_it_is_a_draft_again(shop: Shop) -> None:
    import_id, member_id = started(shop, (SIMPLE + "Jan;jan@a.cz;;\n").encode())
    press(shop.browser(), shop, import_id, "stop")
    runner.run_import(place_of(shop), import_id, member_id)
    assert row(shop, import_id).state == "draft"
    assert contacts(shop) == []


def test_a_worker_that_lost_its_lease_stores_nothing(shop: Shop, small_batches: None) -> None:
    content, _expected = messy(300)
    import_id, member_id = started(shop, content)
    before = row(shop, import_id)
    runner.run_import(place_of(shop, still_ours=False), import_id, member_id)
    assert row(shop, import_id) == before
    assert contacts(shop) == []


def test_two_workers_with_the_same_import_never_both_advance(shop: Shop, small_batches: None) -> None:
    content, expected = messy(2_000)
    import_id, member_id = started(shop, content)
    workers = [
        threading.Thread(target=runner.run_import, args=(place_of(shop), import_id, member_id)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    runner.run_import(place_of(shop), import_id, member_id)
    whole(shop, import_id, expected.numbers())


def test_two_imports_at_once_make_each_person_once(shop: Shop, small_batches: None) -> None:
    content, expected = messy(1_500)
    both = [started(shop, content) for _ in range(2)]
    workers = [threading.Thread(target=runner.run_import, args=(place_of(shop), *one)) for one in both]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    got = [numbers(shop, import_id) for import_id, _member in both]
    assert [row(shop, import_id).state for import_id, _member in both] == ["done", "done"]
    assert all(sum(one.values()) == expected.rows for one in got)
    assert len(contacts(shop)) == sum(one["created"] for one in got)
    twice = shop.rows("select key from contact, unnest(match_keys) key group by key having count(*) > 1")
    assert twice == []


def test_a_member_who_lost_the_right_meanwhile_stops_it(
    shop: Shop, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, _expected = messy(500)
    import_id, _member = started(shop, content)
    advance, seen = runner.store_batch, []

    def demoting(*arguments: Any) -> None:
        advance(*arguments)
        seen.append(1)
        if len(seen) == 2:
            with database().workspace(shop.workspace) as session, session.begin():
                session.execute(text("update member set role_id = (select id from role where key = 'reader')"))

    monkeypatch.setattr(runner, "store_batch", demoting)
    work(shop)
    found = row(shop, import_id)
    assert (found.state, len(seen)) == ("stopped", 2)
    assert "may no longer" in found.error
    assert len(contacts(shop)) == found.created


def test_a_file_that_is_gone_fails_with_a_sentence(shop: Shop) -> None:
    import_id, _member = started(shop, (SIMPLE + "Jan;jan@a.cz;;\n").encode())
    from core.files import files

    files().delete(row(shop, import_id).file_key)
    work(shop)
    assert (row(shop, import_id).state, row(shop, import_id).error) == (
        "failed",
        "The file is no longer there. Bring it in anew.",
    )


def test_numbers_that_do_not_add_up_are_never_called_done(shop: Shop) -> None:
    import_id, _member = started(shop, (SIMPLE + "Jan;jan@a.cz;;\nEva;eva@a.cz;;\n").encode())
    with database().workspace(shop.workspace) as session, session.begin():
        session.execute(text("update import set rows = 3"))
    work(shop)
    assert row(shop, import_id).state == "failed"
    assert "do not add up" in row(shop, import_id).error


def test_a_large_file_is_checked_by_a_job_with_progress(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "AT_ONCE", {"csv": 0, "xlsx": 0})
    content, expected = messy(1_000)
    browser = shop.browser()
    import_id = sent(browser, shop, content)
    page = browser.get(shop.path(f"/imports/{import_id}/columns")).get_data(as_text=True)
    assert "Waiting for a worker to check the whole file" in page
    assert row(shop, import_id).rows is None
    work(shop)
    found = row(shop, import_id)
    assert (found.rows, found.checked["refused"], found.checked["in_file"]) == (
        expected.rows, expected.refused, expected.duplicates,
    )  # fmt: skip
    assert "can be imported" in browser.get(shop.path(f"/imports/{import_id}/columns")).get_data(as_text=True)


def test_started_before_the_check_is_done_the_job_counts_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "AT_ONCE", {"csv": 0, "xlsx": 0})
    content, expected = messy(700, kind="xlsx")
    import_id, member_id = started(shop, content)
    runner.run_import(place_of(shop), import_id, member_id)
    whole(shop, import_id, expected.numbers())
    work(shop)  # the check that was asked for has nothing to say any more
    assert not row(shop, import_id).checked["done"]


@pytest.mark.slow
def test_a_hundred_thousand_rows_come_in_within_300_mb(shop: Shop) -> None:
    content, expected = messy(100_000)
    import_id, _member = started(shop, content)
    # Its own high-water mark: ru_maxrss would count the memory of the process that started it.
    code = (
        "import crm.features, pathlib, re, sys; from core.jobs import deliver; deliver(int(sys.argv[1])); "
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    command = [sys.executable, "-c", code, str(work_of(shop))]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    whole(shop, import_id, expected.numbers())
    assert int(said.stdout) <= 300


def test_new_contacts_are_told_by_one_event_and_open_pages_are_rung(shop: Shop) -> None:
    content, expected = messy(500)
    import_id = brought(shop, content)
    events = shop.rows("select * from event where action = 'import.run' and via = 'import'")
    assert [(e.kind, e.record_id) for e in events] == [("import", import_id)]
    assert events[0].after["created"] == expected.new
    with database().controlling() as control:
        bells = list(control.scalars(
            text("select payload->'kinds' from bus.outbox where role = :role and topic = 'event'"),
            {"role": shop.workspace.role},
        ))  # fmt: skip
    assert any("contact" in kinds for kinds in bells)
