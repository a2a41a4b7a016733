"""An import fills the plan to the last place, stops there, and goes on when there is room: each row once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.files import files
from core.full import LimitReached
from crm.contacts.models import Contact
from crm.imports import batches
from tests.crm.imports.importing import SIMPLE, brought, messy, numbers, press, row, send, sent, work
from tests.crm.limits.paying import cap, create, live, value
from tests.shop import Shop


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 40)


def table(rows: int, first: int = 0) -> bytes:
    return (SIMPLE + "".join(f"Osoba {at};osoba{at}@example.com;;\n" for at in range(first, first + rows))).encode()


def names(shop: Shop) -> list[str]:
    return [found.name for found in shop.rows("select name from contact where deleted_at is null order by id")]


def test_it_stops_at_the_row_where_the_plan_is_full_and_says_so_everywhere(shop: Shop) -> None:
    cap(shop, contacts=100)
    import_id = brought(shop, table(163))
    found = row(shop, import_id)
    assert (found.state, found.created, found.rows, found.error) == ("full", 100, 163, "")
    assert (live(shop), value(shop)) == (100, 100)
    assert names(shop) == [f"Osoba {at}" for at in range(100)]
    page = shop.browser().get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    assert "63 rows wait" in page
    shown = shop.api().get(f"/imports/{import_id}").json
    assert (shown["state"], shown["created"], shown["rows"]) == ("full", 100, 163)


def test_it_goes_on_after_an_upgrade_and_every_row_is_there_once(shop: Shop) -> None:
    cap(shop, contacts=100)
    import_id = brought(shop, table(163))
    cap(shop, contacts=150)
    press(shop.browser(), shop, import_id, "run")
    work(shop)
    assert (row(shop, import_id).state, live(shop)) == ("full", 150)
    cap(shop, contacts=None)
    press(shop.browser(), shop, import_id, "run")
    work(shop)
    assert row(shop, import_id).state == "done"
    assert numbers(shop, import_id) == {"created": 163, "changed": 0, "skipped": 0, "refused": 0}
    assert sorted(names(shop)) == sorted(f"Osoba {at}" for at in range(163))
    assert value(shop) == 163


def test_going_on_without_room_stops_again_and_changes_nothing(shop: Shop) -> None:
    cap(shop, contacts=10)
    import_id = brought(shop, table(30))
    press(shop.browser(), shop, import_id, "run")
    work(shop)
    assert (row(shop, import_id).state, live(shop), value(shop)) == ("full", 10, 10)


def test_the_cut_keeps_refused_blank_and_repeated_rows_with_their_numbers(shop: Shop) -> None:
    content, expected = messy(400)
    cap(shop, contacts=77)
    import_id = brought(shop, content)
    assert (row(shop, import_id).state, live(shop), value(shop)) == ("full", 77, 77)
    for more in (3, 100, None):
        cap(shop, contacts=None if more is None else live(shop) + more)
        press(shop.browser(), shop, import_id, "run")
        work(shop)
    found = row(shop, import_id)
    whole = numbers(shop, import_id)
    assert found.state == "done"
    assert sum(whole.values()) == found.rows == expected.rows
    assert value(shop) == live(shop) == whole["created"]


def test_a_stranger_to_limits_and_one_that_met_them_end_alike(shop: Shop, other: Shop) -> None:
    content, _expected = messy(300)
    free = brought(other, content, duplicates="fill")
    cap(shop, contacts=50)
    met = brought(shop, content, duplicates="fill")
    cap(shop, contacts=None)
    press(shop.browser(), shop, met, "run")
    work(shop)
    assert numbers(shop, met)["created"] == numbers(other, free)["created"]
    assert numbers(shop, met)["refused"] == numbers(other, free)["refused"]
    kept = "select name, emails, phones, labels from contact where deleted_at is null order by name, emails::text"
    assert shop.rows(kept) == other.rows(kept)


def test_undoing_gives_the_places_back(shop: Shop) -> None:
    cap(shop, contacts=20)
    import_id = brought(shop, table(30))
    press(shop.browser(), shop, import_id, "undo")
    work(shop)
    assert (row(shop, import_id).state, live(shop), value(shop)) == ("undone", 0, 0)
    create(shop)


def test_the_pages_before_say_how_many_fit(shop: Shop) -> None:
    cap(shop, contacts=10)
    browser = shop.browser()
    import_id = sent(browser, shop, table(16))
    said = browser.get(shop.path(f"/imports/{import_id}/columns")).get_data(as_text=True)
    assert "16 new contacts, room for 10" in said
    said = browser.get(shop.path(f"/imports/{import_id}/duplicates")).get_data(as_text=True)
    assert "16 new contacts, room for 10" in said
    assert "Bring in the first 10" in said
    cap(shop, contacts=None)
    said = browser.get(shop.path(f"/imports/{import_id}/duplicates")).get_data(as_text=True)
    assert "room for" not in said


def test_a_corrected_row_without_room_stays_refused_with_what_was_typed(shop: Shop) -> None:
    content = (SIMPLE + "Jana;jana@;;\nPetr;petr@example.com;;\n").encode()
    cap(shop, contacts=1)
    import_id = brought(shop, content)
    line = shop.rows("select line from import_refused")[0].line
    cells = {"cell-0": "Jana", "cell-1": "jana@example.com", "cell-2": "", "cell-3": ""}
    answer = press(shop.browser(), shop, import_id, "refused", line=line, **cells)
    assert answer.status_code == 402
    assert "jana@example.com" in answer.get_data(as_text=True)
    assert len(shop.rows("select line from import_refused")) == 1
    assert (live(shop), value(shop), row(shop, import_id).refused) == (1, 1, 1)


def test_writers_and_an_import_race_for_the_last_places(shop: Shop) -> None:
    """Whoever comes first: never one over, full at the end, and the import's numbers are what it stored."""
    cap(shop, contacts=100)
    import_id = sent(shop.browser(), shop, table(90))
    press(shop.browser(), shop, import_id, "duplicates", duplicates="skip")
    ended, stored = threading.Event(), []

    def write(number: int) -> None:
        at = 0
        while not ended.is_set() or at < 20:
            at += 1
            try:
                with shop.base.workspace(shop.workspace) as session, session.begin():
                    contact = Contact(
                        prefix="", first_name="", last_name=f"Writer {number}", suffix="", emails=[], phones=[],
                        addresses=[],
                    )  # fmt: skip
                    contact.index("cs")
                    session.add(contact)
                stored.append(number)
            except LimitReached:
                pass

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, number) for number in range(3)]
        work(shop)
        ended.set()
        for one_of_them in writing:
            one_of_them.result(60)
    found = row(shop, import_id)
    by_import = shop.rows("select count(*) from contact where import_id = :id", id=import_id)[0].count
    assert found.state in ("full", "done")
    assert found.created == by_import
    assert len(stored) + by_import == live(shop) == value(shop) == 100


def test_what_a_file_takes_up_is_given_back_with_its_draft(shop: Shop) -> None:
    browser = shop.browser()
    import_id = sent(browser, shop, table(16))
    assert value(shop, "storage") == len(table(16))
    press(browser, shop, import_id, "delete")
    assert value(shop, "storage") == 0


def test_a_file_without_room_is_refused_and_not_kept(shop: Shop) -> None:
    cap(shop, storage=100)
    answer = send(shop.browser(), shop, table(50))
    assert answer.status_code == 402
    assert "Your plan has room for" in answer.get_data(as_text=True)
    assert shop.rows("select id from import") == []
    root = files().root / shop.workspace.schema  # type: ignore[attr-defined]
    assert not root.exists() or not list(root.iterdir())
