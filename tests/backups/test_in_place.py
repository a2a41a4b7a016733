"""A return to an older state: what is newer goes, and can come back; who may not enter does not enter by it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core import jobs as core_jobs
from core.db import database
from core.errors import Busy, Forbidden, Invalid
from core.files import files
from core.jobs import Place
from crm.backups import actions
from crm.backups import jobs as backup_jobs
from crm.backups.actions import Beside, InPlace, Nothing, One
from crm.contacts import actions as contacts
from tenants import staff, tokens
from tenants.backups import keeping, restoring
from tenants.backups.making import Stopped
from tenants.backups.models import Restore
from tenants.directory import directory, locate
from tenants.models import Member, Role
from tests.backups import holding
from tests.backups.test_there_and_back import WITHOUT
from tests.shop import Shop


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What processes remember is forgotten by hand, so nobody needs to wait for it."""
    monkeypatch.setattr(restoring, "REMEMBERED", -1.0)


def place(work_id: int = 0, ours: bool = True) -> Place:
    return Place(database(), None, work_id, lambda: ours)


def roll_back(shop: Shop, backup_id: UUID, identity_id: UUID | None = None) -> Restore:
    with shop.acting(identity_id) as actor:
        row = actions.roll_back(actor, InPlace(id=backup_id, confirm=shop.workspace.slug))
    with shop.app.app_context():
        backup_jobs.restore(place(), str(row.id))
    return again(shop, row.id)


def again(shop: Shop, restore_id: UUID) -> Restore:
    with shop.base.controlling() as control:
        return control.get_one(Restore, restore_id)


def here(shop: Shop) -> Any:
    directory.forget()
    found = locate(shop.base, shop.workspace.slug)
    assert found is not None
    return found


def test_everything_is_as_it_was_and_what_was_newer_is_in_the_safety_backup(full: Shop) -> None:
    backup = holding.made(full)
    before = holding.tallies(full, without=WITHOUT)
    with full.acting() as actor:
        contacts.create(actor, contacts.create.parse({"first_name": "Later", "last_name": "Novák"}))
    with full.base.workspace(full.workspace) as session, session.begin():
        session.execute(text("delete from task"))
        session.execute(text("update company set name = 'Changed', updated_at = now()"))
        assert restoring.newer(session, backup.made_at)["contact"] == (1, 0)
        assert restoring.newer(session, backup.made_at)["company"][1] >= 1
    done = roll_back(full, backup.id)
    assert (done.state, done.error) == ("done", "")
    now = here(full)
    assert now.id == full.workspace.id
    assert now.schema != full.workspace.schema
    after = holding.tallies(full, now, without=WITHOUT)
    assert {name for name in before if before[name] != after[name]} == {"event"}
    assert [one.kind for one in holding.backups(full)] == ["safety", "by hand"]
    full.workspace = now
    back = roll_back(full, holding.backups(full)[0].id)
    assert back.state == "done"
    assert len(holding.rows(full, "select 1 from contact where first_name = 'Later'", here(full))) == 1


def test_who_may_enter_stays_as_it_is_now(full: Shop) -> None:
    """Somebody who was shut out since is not let in by an older state, keys stay what they are, and roles too."""
    fired, demoted = full.member("sales", "Fired"), full.member("admin", "Demoted")
    token = full.token()
    backup = holding.made(full)
    later = full.member("sales", "Later")
    with full.acting() as actor:
        by_identity = {one.identity_id: one for one in actor.db.query(Member)}
        reader = actor.db.query(Role).filter(Role.key == "reader").one()
        staff.leave(actor, staff.OneMember(id=by_identity[fired].id))
        staff.give_role(actor, staff.GivenRole(id=by_identity[demoted].id, role_id=reader.id))
        revoked = tokens.create(actor, tokens.NewToken(name="later"))[0]
        tokens.revoke(actor, tokens.OneToken(id=revoked.id))
    assert roll_back(full, backup.id).state == "done"
    now = here(full)
    people = {
        row.identity_id: (row.state, row.key)
        for row in holding.rows(full, "select identity_id, state, key from member join role on role.id = role_id", now)
    }
    assert people[fired][0] == "left"
    assert people[demoted] == ("active", "reader")
    assert later not in people
    with full.base.controlling() as control:
        entering = control.execute(
            text("select identity_id from control.membership where workspace_id = :id"), {"id": now.id}
        ).scalars()
        assert set(entering) == {full.owner_id, demoted}
    answer = full.app.test_client().get("/api/v1/contacts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_a_wrong_address_or_a_stranger_changes_nothing(full: Shop) -> None:
    backup = holding.made(full)
    schema = full.workspace.schema
    with full.acting() as actor, pytest.raises(Invalid):
        actions.roll_back(actor, InPlace(id=backup.id, confirm="something else"))
    admin = full.member("admin", "Admin")
    with full.acting(admin) as actor:
        for forbidden in (
            lambda: actions.create(actor, Nothing()),
            lambda: actions.download(actor, One(id=backup.id)),
            lambda: actions.roll_back(actor, InPlace(id=backup.id, confirm=full.workspace.slug)),
            lambda: actions.beside(actor, Beside(id=backup.id, slug="a-copy", name="A copy")),
            lambda: actions.receive(actor, None, 0),  # type: ignore[arg-type]
        ):
            with pytest.raises(Forbidden):
                forbidden()
    assert here(full).schema == schema
    assert len(holding.backups(full)) == 1


def test_a_return_that_fails_in_the_middle_leaves_all_as_it_was(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = holding.made(full)
    with full.acting() as actor:
        contacts.create(actor, contacts.create.parse({"first_name": "Later", "last_name": "Novák"}))
    before = holding.tallies(full)

    def broken(*_arguments: Any) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr(restoring, "exchange", broken)
    with pytest.raises(core_jobs.GiveUp):
        roll_back(full, backup.id)
    assert here(full).schema == full.workspace.schema
    after = holding.tallies(full)
    assert {name for name in before if before[name] != after[name]} == {"event"}, "that it was asked for"
    with full.base.controlling() as control:
        row = control.query(Restore).filter(Restore.workspace_id == full.workspace.id, Restore.slug != "never").one()
        assert row.state == "failed"
        states = control.execute(text("select state from control.workspace where id = :id"), {"id": row.made_id})
        assert states.scalar_one() == "replaced"


def test_a_killed_return_is_done_anew(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker dies while the workspace is closed; the second opens it, begins anew and ends well."""
    backup, token = holding.made(full), full.token()
    real = restoring.close

    def die(base: Any, workspace_id: int) -> None:
        real(base, workspace_id)
        raise SystemExit

    monkeypatch.setattr(restoring, "close", die)
    monkeypatch.setattr(restoring, "give_back", lambda *_a, **_k: None)
    monkeypatch.setattr(directory, "forget", lambda: None)
    with full.acting() as actor:
        row = actions.roll_back(actor, InPlace(id=backup.id, confirm=full.workspace.slug))
    with full.app.app_context(), pytest.raises(SystemExit):
        backup_jobs.restore(place(), str(row.id))
    with full.base.controlling() as control:  # as a kill would leave it
        control.execute(
            text("update control.workspace set state = 'restoring' where id = :id"), {"id": full.workspace.id}
        )
    first = again(full, row.id)
    assert first.state == "running"
    assert full.browser().get(full.path("/contacts/")).status_code == 503
    closed = full.app.test_client().get("/api/v1/contacts", headers={"Authorization": f"Bearer {token}"})
    assert (closed.status_code, closed.headers["Retry-After"]) == (503, "5")
    monkeypatch.undo()
    monkeypatch.setattr(restoring, "REMEMBERED", -1.0)
    with full.app.app_context():
        backup_jobs.restore(place(), str(row.id))
    second = again(full, row.id)
    assert second.state == "done"
    assert second.made_id != first.made_id
    assert full.browser().get(f"/{here(full).slug}/contacts/").status_code == 200


def test_what_gave_way_is_done_away_with_after_a_day(full: Shop) -> None:
    backup = holding.made(full)
    row = roll_back(full, backup.id)
    assert row.state == "done"
    old = full.workspace.schema
    with full.base.controlling() as control:
        gone = text("update control.workspace set taken_at = now() - interval '2 days' where schema_name = :name")
        control.execute(gone, {"name": old})
    keeping.sweep(full.base)
    with full.base.controlling() as control:
        assert control.execute(text("select to_regnamespace(:name) is null"), {"name": old}).scalar_one()
        role = control.execute(
            text("select count(*) from pg_roles where rolname = :name"), {"name": full.workspace.role}
        )
        assert role.scalar_one() == 0
    (key,) = holding.rows(full, "select photo_key from member where photo_key is not null", here(full))
    with files().open(key.photo_key) as photo:
        assert photo.read() == holding.PHOTO


def test_stopped_while_it_loads_nothing_stays(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = holding.made(full)
    with full.acting() as actor:
        row = actions.beside(actor, Beside(id=backup.id, slug=f"{full.workspace.slug}-b", name="A copy"))
        actions.stop_restore(actor, One(id=row.id))
    with full.app.app_context():
        backup_jobs.restore(place(), str(row.id))  # its job finds it stopped
    assert again(full, row.id).state == "stopped"

    def halt(*_arguments: Any, **_named: Any) -> Iterator[None]:
        raise Stopped

    monkeypatch.setattr(restoring, "load", halt)
    with full.acting() as actor:
        row = actions.beside(actor, Beside(id=backup.id, slug=f"{full.workspace.slug}-b", name="A copy"))
    with full.app.app_context():
        backup_jobs.restore(place(), str(row.id))
    assert again(full, row.id).state == "stopped"
    with full.base.controlling() as control:
        state = control.execute(
            text("select state from control.workspace where id = :id"), {"id": again(full, row.id).made_id}
        )
        assert state.scalar_one() == "ready"
    assert locate(full.base, f"{full.workspace.slug}-b") is None


def test_a_member_who_is_invited_gets_their_records_again(full: Shop) -> None:
    from tenants import invitations

    colleague = full.member("sales", "Petr")
    backup = holding.made(full)
    with full.acting() as actor:
        row = actions.beside(actor, Beside(id=backup.id, slug=f"{full.workspace.slug}-b", name="A copy"))
    with full.app.app_context():
        backup_jobs.restore(place(), str(row.id))
    beside = locate(full.base, f"{full.workspace.slug}-b")
    assert beside is not None
    copy = Shop(full.app, beside, full.owner_id, full.base)
    (before,) = copy.rows("select id, email from member where name = 'Petr'")
    with copy.acting() as actor:
        with pytest.raises(Busy):
            staff.come_back(actor, staff.OneMember(id=before.id))
        role = actor.db.query(Role).filter(Role.key == "sales").one()
        (invitation,) = invitations.invite(
            actor, invitations.invite.parse({"emails": [before.email], "role_id": role.id})
        )
        link = invitations.address(full.app.config["OKNO"], beside, invitation).rpartition("/")[2]
    opened = invitations.find(full.base, link, full.app.config["OKNO"])
    assert opened.account is not None
    with full.app.test_request_context("/"):
        invitations.accept(full.base, opened, opened.account, "")
    (after,) = copy.rows("select id, state, identity_id from member where name = 'Petr'")
    assert (after.id, after.state, after.identity_id) == (before.id, "active", colleague)
    assert datetime.now(UTC) > backup.made_at


def test_whoever_asks_in_the_very_moment_is_not_told_that_there_is_nothing(
    full: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed when the workspace was looked for, and open when it was asked why."""
    monkeypatch.setattr("crm.doors.locate", lambda _base, _slug: None)
    answer = full.browser().get(full.path("/contacts/"))
    assert (answer.status_code, "opens by itself" in answer.get_data(as_text=True)) == (503, True)
