"""The pages of backups: for owners alone, after a fresh proof, and each download in the log."""

import hashlib
import io
import re
from collections.abc import Collection
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import Workspace
from core.jobs import Place
from crm.backups import jobs
from tenants.backups import after
from tenants.backups.cleaning import RULES
from tenants.backups.models import Restore
from tenants.directory import locate
from tests.backups import holding
from tests.crm.people import Desk
from tests.crm.roles.test_pages import stale
from tests.shop import Shop


def log(shop: Shop) -> list[str]:
    return [row.action for row in shop.rows("select action from event where kind = 'backup' order by id")]


def test_a_download_is_the_plain_zip_and_stands_in_the_log(shop: Shop) -> None:
    backup = holding.made(shop)
    answer = Desk.of(shop).send(f"/settings/backups/{backup.id}/download")
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == backup.size
    assert re.fullmatch(r'attachment; filename="shop-[0-9a-f]+-[0-9-]+\.zip"', answer.headers["Content-Disposition"])
    assert hashlib.sha256(answer.data).hexdigest() == backup.sha256
    assert log(shop) == ["backup.download"]


def test_without_a_fresh_proof_nothing_leaves(shop: Shop) -> None:
    backup = holding.made(shop)
    desk = Desk.of(shop)
    stale(shop)
    for path in ("download", "beside", "roll-back"):
        answer = desk.send(
            f"/settings/backups/{backup.id}/{path}", confirm=shop.workspace.slug, slug="a-copy", name="x"
        )
        assert answer.status_code == 401, path
    assert desk.get("/settings/backups/upload").status_code == 303
    assert log(shop) == []
    with shop.base.controlling() as control:
        assert control.query(Restore).filter(Restore.workspace_id == shop.workspace.id).count() == 0


@pytest.mark.parametrize("role", ["admin", "head", "sales", "field", "reader"])
def test_only_owners_see_and_hold_backups(shop: Shop, role: str) -> None:
    backup = holding.made(shop)
    desk = Desk.of(shop, shop.member(role))
    assert "/settings/backups" not in desk.page("/settings/")
    for path in ("/settings/backups", f"/settings/backups/{backup.id}", "/settings/backups/upload"):
        assert desk.get(path).status_code == 403, path
    for path in ("", f"/{backup.id}/download", f"/{backup.id}/beside", f"/{backup.id}/roll-back", "/upload"):
        assert desk.send(f"/settings/backups{path}", confirm=shop.workspace.slug).status_code == 403, path
    assert [one.id for one in holding.backups(shop)] == [backup.id]
    assert log(shop) == []


def test_a_role_with_the_special_right_may(shop: Shop) -> None:
    backup = holding.made(shop)
    identity = shop.member("sales")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        given = text(
            """update role set rights = rights || '{"backup": {"view": "all", "create": "all"}}' where key = 'sales'"""
        )
        session.execute(given)
    desk = Desk.of(shop, identity)
    assert "Back up now" in desk.page("/settings/backups")
    assert desk.send(f"/settings/backups/{backup.id}/download").status_code == 200
    assert desk.get(f"/settings/backups/{backup.id}").status_code == 403


def test_another_workspaces_backup_is_not_there(shop: Shop, other: Shop) -> None:
    theirs = holding.made(other)
    desk = Desk.of(shop)
    assert desk.get(f"/settings/backups/{theirs.id}").status_code == 404
    for path in ("download", "beside", "roll-back", "stop"):
        sent = desk.send(f"/settings/backups/{theirs.id}/{path}", confirm=shop.workspace.slug, slug="xyz-a", name="x")
        assert sent.status_code == 404, path
    assert [one.state for one in holding.backups(other)] == ["kept"]


def test_a_file_is_brought_checked_and_goes_into_a_new_workspace(shop: Shop) -> None:
    content = holding.zip_of(shop)
    desk = Desk.of(shop)
    refused = desk.send("/settings/backups/upload", file=(io.BytesIO(content[:-1]), "cut.zip"))
    assert refused.status_code == 422
    assert "cut off or changed" in refused.get_data(as_text=True)
    assert holding.backups(shop) == []
    taken = desk.send("/settings/backups/upload", file=(io.BytesIO(content), "backup.zip"))
    assert taken.status_code == 303
    (backup,) = holding.backups(shop)
    assert (backup.kind, backup.state, backup.sha256) == ("uploaded", "kept", hashlib.sha256(content).hexdigest())
    page = desk.page(f"/settings/backups/{backup.id}")
    assert "In place of what is here" not in page
    assert desk.send(f"/settings/backups/{backup.id}/roll-back", confirm=shop.workspace.slug).status_code == 409
    slug = f"{shop.workspace.slug}-up"
    asked = desk.send(f"/settings/backups/{backup.id}/beside", slug=slug, name="A copy")
    assert asked.status_code == 303
    with shop.app.app_context():
        jobs.restore(Place(shop.base, None, 0, lambda: True), asked.headers["Location"].rpartition("/")[2])
    assert "The new workspace is ready." in desk.page(asked.headers["Location"].partition(shop.workspace.slug)[2])
    assert locate(shop.base, slug) is not None
    taken_already = desk.send(f"/settings/backups/{backup.id}/beside", slug=slug, name="A copy")
    assert taken_already.status_code == 422
    assert log(shop) == ["backup.upload", "backup.restore"]


def test_a_stranger_may_not_send_a_large_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the log-in is looked at, a form is taken in: only as much of it as any other."""
    large = io.BytesIO(bytes(56 << 20))
    path = shop.path("/settings/backups/upload")
    assert shop.app.test_client().post(path, data={"file": (large, "x.zip")}).status_code == 413


def test_what_pages_rely_on_is_cleaned() -> None:
    """A link leads to a web page or nowhere; ways to reach somebody have their parts."""
    website = RULES["company", "website"]
    assert website("https://okna.cz/a?b=c") == "https://okna.cz/a?b=c"
    for wrong in ("javascript:alert(1)", "data:text/html,x", 'https://x" onclick=alert(1)', "ftp://x"):
        assert website(wrong) == ""
    emails = RULES["contact", "emails"]
    assert emails([{"kind": "work", "address": "a@b.cz"}]) == [{"kind": "work", "address": "a@b.cz"}]
    for strange in ([{"kind": "work"}], [{"kind": 1, "address": "a"}], [{"address": {"a": "b"}, "kind": "x"}]):
        with pytest.raises(ValueError, match="part is missing"):
            emails(strange)


def test_every_hook_of_a_restore_runs_in_its_transaction(shop: Shop) -> None:
    seen: list[UUID] = []

    def look(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
        seen.extend(session.execute(text("select id from member")).scalars())

    after.HOOKS.append(look)
    try:
        with shop.base.workspace(shop.workspace) as session, session.begin():
            after.after_restore(session, shop.workspace, set())
    finally:
        after.HOOKS.pop()
    assert len(seen) == 1
