"""The limits of plans hold exactly: whoever writes, however many at once, whatever is taken back."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.settings import settings
from core import limits
from core.db import Database
from core.full import LimitReached
from core.ids import new_id
from crm.contacts import actions
from crm.contacts.models import Contact
from tests.crm.limits.paying import asked, cap, create, live, one, value
from tests.shop import Shop


def test_a_new_workspace_counts_its_owner_and_has_no_caps_without_payments(shop: Shop) -> None:
    rows = {row.name: (row.value, row.cap) for row in shop.rows("select * from counter")}
    assert rows == {"contacts": (0, None), "mails": (0, None), "processes": (0, None), "storage": (0, None),
                    "users": (1, None)}  # fmt: skip


def test_the_cap_refuses_the_next_and_stores_nothing_of_it(shop: Shop) -> None:
    cap(shop, contacts=1)
    create(shop)
    before = len(shop.rows("select id from event"))
    with pytest.raises(LimitReached) as refused:
        create(shop)
    assert (refused.value.limit, refused.value.used, refused.value.cap) == ("contacts", 1, 1)
    assert refused.value.extra == {"limit": "contacts", "used": 1, "cap": 1}
    assert (live(shop), value(shop)) == (1, 1)
    assert len(shop.rows("select id from event")) == before


def test_deleting_makes_room_and_coming_back_needs_it(shop: Shop) -> None:
    cap(shop, contacts=1)
    first = create(shop)
    with shop.acting() as actor:
        actions.delete(actor, one(first))
    create(shop)
    with shop.acting() as actor, pytest.raises(LimitReached):
        actions.restore(actor, one(first))
    assert (live(shop), value(shop)) == (1, 1)


def test_a_change_of_something_else_counts_nothing(shop: Shop) -> None:
    contact = create(shop)
    before = shop.rows("select xmin::text from counter where name = 'contacts'")
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": contact.id, "position": "joiner"}))
    assert shop.rows("select xmin::text from counter where name = 'contacts'") == before


def test_what_is_made_and_deleted_in_one_transaction_counts_nothing(shop: Shop) -> None:
    cap(shop, contacts=0)
    with shop.acting() as actor, actor.transaction():
        contact = actions.create(actor, actions.create.parse({"last_name": "Beneš"}))
        actor.db.flush()
        contact.deleted_at = datetime.now(UTC)
    assert (live(shop), value(shop)) == (0, 0)


def test_a_failed_transaction_and_a_savepoint_taken_back_count_nothing(shop: Shop) -> None:
    def add(session: Session, name: str) -> None:
        session.add(bare(name))
        session.flush()

    with shop.base.workspace(shop.workspace) as session:
        add(session, "never")
        session.rollback()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        add(session, "kept")
        taken_back = session.begin_nested()
        add(session, "taken back")
        with session.begin_nested():
            add(session, "taken back with it")
        taken_back.rollback()
        with session.begin_nested():
            add(session, "kept too")
            with session.begin_nested():
                add(session, "kept as well")
        lost = session.begin_nested()
        add(session, "lost with its savepoint")
        broken = bare("broken")
        broken.owner_id = new_id()
        session.add(broken)
        with pytest.raises(IntegrityError):
            session.flush()
        lost.rollback()
    assert (live(shop), value(shop)) == (3, 3)


def test_a_session_that_goes_on_after_a_rollback_counts_from_nothing(shop: Shop) -> None:
    with shop.acting() as actor:
        actor.db.add(bare("never"))
        actor.db.flush()
        actor.db.rollback()
        actions.create(actor, actions.create.parse({"last_name": "kept"}))
    assert (live(shop), value(shop)) == (1, 1)


def test_a_record_changed_after_a_rollback_is_counted_by_what_stood_there(shop: Shop) -> None:
    contact = create(shop)
    with shop.base.workspace(shop.workspace) as session:
        found = session.get_one(Contact, contact.id)
        session.rollback()  # its values are unknown from now on
        found.deleted_at = datetime.now(UTC)
        session.commit()
    assert (live(shop), value(shop)) == (0, 0)


def race(shop: Shop, writers: int, each: int, write: Callable[[int], Any]) -> tuple[int, int]:
    """How many writes were stored and refused, all writers beginning at once."""
    start = threading.Barrier(writers)
    stored = refused = 0
    lock = threading.Lock()

    def run(number: int) -> None:
        nonlocal stored, refused
        start.wait()
        for at in range(each):
            try:
                write(number * each + at)
                with lock:
                    stored += 1
            except LimitReached:
                with lock:
                    refused += 1

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(run, range(writers)))
    return stored, refused


def add_bare(shop: Shop, name: str, base: Database | None = None) -> None:
    with (base or shop.base).workspace(shop.workspace) as session, session.begin():
        session.add(bare(name))


def bare(name: str) -> Contact:
    contact = Contact(prefix="", first_name="", last_name=name, suffix="", emails=[], phones=[], addresses=[])
    contact.index("cs")
    return contact


@pytest.fixture
def connections() -> Iterator[list[Database]]:
    """32 connections: each of these has eight."""
    here = settings()
    made = [Database(here.workspace_database_url, here.control_database_url) for _ in range(4)]
    yield made
    for one_of_them in made:
        one_of_them.dispose()


def test_32_writers_at_once_fill_the_plan_to_the_last_place_and_no_further(
    shop: Shop, connections: list[Database]
) -> None:
    cap(shop, contacts=100)
    outcome = race(shop, 32, 5, lambda at: add_bare(shop, f"Writer {at}", connections[at // 5 % 4]))
    assert outcome == (100, 60)
    assert (live(shop), value(shop)) == (100, 100)


def test_a_place_held_by_whoever_rolls_back_is_free_for_the_next(shop: Shop) -> None:
    """The next one waits for the row; it is not refused, since the place was never taken."""
    cap(shop, contacts=1)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with shop.base.workspace(shop.workspace) as session:
            limits.bump(session, "contacts", 1)
            holding.set()
            done.wait(5)
            session.rollback()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(hold)
        holding.wait(5)
        adding = pool.submit(add_bare, shop, "Beneš")
        threading.Timer(0.3, done.set).start()
        adding.result(10)
    assert (live(shop), value(shop)) == (1, 1)


def test_a_lower_cap_leaves_what_is_there_and_lets_it_be_deleted(shop: Shop) -> None:
    made = [create(shop) for _ in range(3)]
    cap(shop, contacts=1)
    assert live(shop) == 3
    with shop.acting() as actor:
        actions.delete(actor, one(made[0]))
    with pytest.raises(LimitReached):
        create(shop)
    assert (live(shop), value(shop)) == (2, 2)


def test_a_higher_cap_holds_at_once(shop: Shop) -> None:
    cap(shop, contacts=0)
    with pytest.raises(LimitReached):
        create(shop)
    cap(shop, contacts=None)
    create(shop)
    assert value(shop) == 1


def test_another_workspace_has_its_own_numbers(shop: Shop, other: Shop) -> None:
    cap(shop, contacts=0)
    create(other)
    assert (value(shop), value(other)) == (0, 1)


def test_mails_begin_anew_with_the_month(shop: Shop) -> None:
    cap(shop, mails=2)

    def send() -> None:
        with shop.base.workspace(shop.workspace) as session, session.begin():
            limits.count(session, "mails", 1)

    send()
    send()
    with pytest.raises(LimitReached):
        send()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update counter set since = since - interval '1 month' where name = 'mails'"))
    with shop.acting() as actor:
        assert {row.name: row.room for row in limits.usage(actor)}["mails"] == 2
    send()
    assert value(shop, "mails") == 1
    this_month = "date_trunc('month', now() at time zone 'utc')::date"
    assert shop.rows(f"select 1 from counter where name = 'mails' and since = {this_month}")


def told(shop: Shop) -> list[dict[str, Any]]:
    """The letters that were asked for, oldest first."""
    return asked(shop, "limits.tell")


def test_owners_are_told_of_each_level_once_though_the_number_swings(shop: Shop) -> None:
    cap(shop, contacts=5)
    made = [create(shop) for _ in range(4)]
    assert [row["level"] for row in told(shop)] == [80]
    for _ in range(3):
        made.append(create(shop))
        with shop.acting() as actor:
            actions.delete(actor, one(made.pop()))
    create(shop)
    assert [(row["limit"], row["level"]) for row in told(shop)] == [("contacts", 80), ("contacts", 100)]
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update counter set told_at = told_at - interval '1 month' where name = 'contacts'"))
    with shop.acting() as actor:
        actions.delete(actor, one(made.pop()))
    create(shop)
    assert [row["level"] for row in told(shop)] == [80, 100, 100]


def test_a_change_of_the_plan_tells_anew(shop: Shop) -> None:
    cap(shop, contacts=1)
    create(shop)
    cap(shop, contacts=2)
    create(shop)
    assert [row["level"] for row in told(shop)] == [100, 100]
