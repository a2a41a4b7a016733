"""What features owe a workspace that came out of a backup: who was erased stays erased, and nobody is forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from core import events
from core.db import Workspace, database
from core.jobs import Place
from crm.notifications import timed
from crm.notifications.models import Choice, Notification
from crm.tasks import actions as tasks
from tenants import erasure
from tenants.backups import restoring, vault
from tests.backups import holding
from tests.backups.test_foreign_files import owner, quiet, replaced, restore, written
from tests.backups.test_in_place import here, roll_back
from tests.crm.people import contact
from tests.crm.test_closing import close, time_over
from tests.crm.test_privacy import erased
from tests.shop import Shop

NAMES = "select name, emails from contact where id = :id"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "REMEMBERED", -1.0)


def beside(shop: Shop, content: bytes) -> Workspace:
    with shop.app.app_context():
        return restoring.beside(
            shop.base, holding.opened(content), owner(shop), f"{shop.workspace.slug}-b", "", quiet()
        )


def test_whoever_was_erased_stays_erased_in_place_and_beside(shop: Shop) -> None:
    gone, stays = (contact(shop, last_name=name, emails=[{"address": f"{name}@example.com"}]).id for name in "XY")
    backup, content = holding.made(shop), holding.zip_of(shop)
    erased(shop, gone)
    assert roll_back(shop, backup.id).state == "done"
    for where in (here(shop), beside(shop, content)):
        (row,) = holding.rows(shop, NAMES, where, id=gone)
        assert (row.name, row.emails) == ("", [])
        (row,) = holding.rows(shop, NAMES, where, id=stays)
        assert row.name == "Jan Y"


def test_nobody_else_erases_by_a_ledger_of_their_own(shop: Shop, other: Shop) -> None:
    """The other business has a contact of the same number, and erases it."""
    known = contact(shop, last_name="Novák").id
    backup = holding.made(shop)
    theirs = contact(other, id=known, last_name="Copy")
    erased(other, theirs.id)
    assert roll_back(shop, backup.id).state == "done"
    (row,) = holding.rows(shop, NAMES, here(shop), id=known)
    assert row.name == "Jan Novák"


def deadline(shop: Shop, name: str, at: datetime) -> UUID:
    with shop.acting() as actor:
        task = tasks.create(actor, tasks.create.parse({"name": name}))
        task.tell_id, task.tell_at = actor.member.id, at
        actor.db.commit()
        return task.id


def asked(role: str) -> dict[str, Any]:
    with database().controlling() as control:
        rows = control.execute(text("select payload, next_at from bus.outbox where role = :r"), {"r": role}).all()
    return {row.payload["arguments"]["task_id"]: row.next_at for row in rows if row.payload.get("job") == "task.tell"}


def test_deadlines_wait_in_what_came_back_and_what_was_told_is_not_told_again(shop: Shop) -> None:
    now = datetime.now(UTC)
    waits = deadline(shop, "Waits", now + timedelta(hours=3))
    missed = deadline(shop, "Missed", now - timedelta(hours=1))
    told = deadline(shop, "Told", now - timedelta(hours=1))
    deadline(shop, "Long ago", now - timedelta(days=30))
    with shop.acting() as actor:
        events.note(actor, "task.late", "task", told, "Told", after={"tell": actor.member.id})
        actor.db.commit()
    backup = holding.made(shop)
    assert roll_back(shop, backup.id).state == "done"
    found = asked(here(shop).role)
    assert found == {str(waits): now + timedelta(hours=3), str(missed): now - timedelta(hours=1)}
    assert asked(shop.workspace.role) == {}


def test_what_an_older_state_had_not_mailed_is_not_mailed_and_the_clock_looks_soon(shop: Shop) -> None:
    with shop.acting() as actor:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        line = Notification(member_id=actor.member.id, kind="task_due", event_id=uuid4(), mail_at=soon, push_at=soon)
        actor.db.add(line)
        actor.db.add(Choice(whose=UUID(int=shop.workspace.id), said={"digest": "07:30"}))
        actor.db.commit()
    made = beside(shop, holding.zip_of(shop))
    (row,) = holding.rows(shop, "select mail_at, push_at from notification where mail_id is null", made)
    assert (row.mail_at, row.push_at) == (None, None)
    (choice,) = holding.rows(shop, "select whose, said from notify_choice", made)
    assert (choice.whose, choice.said["digest"]) == (UUID(int=made.id), "07:30")
    with database().controlling() as control:
        wishes = control.execute(text("select payload from bus.outbox where role = :r"), {"r": made.role}).scalars()
        assert any("wakes" in payload for payload in wishes)
    timed.look(Place(database(), made, 0, lambda: True))


def test_browsers_are_still_reached_after_a_return_in_place_and_nowhere_else(full: Shop) -> None:
    backup, content = holding.made(full), holding.zip_of(full)
    assert b"push.example.com" not in content
    assert roll_back(full, backup.id).state == "done"
    assert holding.rows(full, "select endpoint from push_subscription", here(full)) == [("https://push.example.com/1",)]
    assert holding.rows(full, "select endpoint from push_subscription", beside(full, content)) == []


def test_lines_and_choices_that_nobody_could_have_made_do_no_harm(full: Shop) -> None:
    (line,) = holding.rows(full, "select id from notification limit 1")
    with full.base.workspace(full.workspace) as session, session.begin():
        session.execute(text("update notification set data = '{\"n\": 3}'"))
    content = holding.zip_of(full)
    strange = orjson.dumps({"n": "x", "note": "not an id", "path": "//evil.example.com"})
    change = replaced("notification", b'{"n": 3}', strange)
    wishes = replaced("notify_choice", b'"digest": "07:00"', b'"digest": "99:99"')

    def both(members: dict[str, bytes]) -> None:
        change(members)
        wishes(members)

    made = restore(full, written(content, members=both))
    assert holding.rows(full, "select data from notification where id = :id", made, id=line.id) == [({},)]
    assert holding.rows(full, "select said from notify_choice", made) == [({},)]


def test_backups_go_with_the_workspace_that_is_erased(shop: Shop) -> None:
    kept = holding.made(shop)
    holding.asked(shop)
    with vault.store().open(kept.key):
        pass
    close(shop)
    time_over(shop)
    erasure.erase_one(Place(database(), None, 0, lambda: True), shop.workspace.id)
    with pytest.raises(FileNotFoundError), vault.store().open(kept.key):
        pass
    with database().controlling() as control:
        of_it = {"id": shop.workspace.id}
        assert control.scalar(text("select count(*) from control.backup where workspace_id = :id"), of_it) == 0
        said = control.scalar(text("select said from control.certificate where workspace_id = :id"), of_it)
    assert said["elsewhere"]["backups"] == 2
