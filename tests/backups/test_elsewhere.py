"""Moving house: from one installation to another and back, by the owner's file and the command line; and up from an
older release."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData, text

from core.db import database
from core.files import files
from crm.cli import cli
from crm.models import METADATA
from migrations.runner import HERE, Urls, upgrade
from tenants import identities
from tenants.backups import drill, restoring
from tenants.backups.making import Quiet
from tenants.directory import locate
from tenants.models import Person
from tests.backups import holding
from tests.backups.conftest import Elsewhere
from tests.backups.test_there_and_back import WITHOUT
from tests.migrations.test_runner import REVISION, with_pets
from tests.shop import Shop


def run(*arguments: str, ok: bool = True) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert (done.exit_code == 0) == ok, (arguments, done.output, done.exception)
    return done.output


def account(email: str) -> None:
    with database().controlling() as control:
        identities.enrol(
            control, email=email, name="Jana Dvořáková", password="four-words-of-hers-and-more", language="en",
            time_zone="UTC",
        )  # fmt: skip


def test_to_another_installation_and_back_everything_is_equal(
    full: Shop, elsewhere: Callable[[], Elsewhere], tmp_path: Path
) -> None:
    there, back = tmp_path / "there.zip", tmp_path / "back.zip"
    before = holding.tallies(full, without=WITHOUT)
    (owner,) = full.rows("select email from member where identity_id = :id", id=full.owner_id)
    assert "sha256" in run("backup", "create", full.workspace.slug, "--out", str(there))

    other = elsewhere()
    slug = f"moved-{full.workspace.slug[-6:]}"
    assert "no account" in run("backup", "restore", str(there), "--slug", slug, "--owner", owner.email, ok=False)
    account(owner.email)
    assert run("backup", "restore", str(there), "--slug", slug, "--owner", owner.email).strip().endswith(f"/{slug}/")
    moved = locate(other.base, slug)
    assert moved is not None
    shop = Shop(other.app, moved, full.owner_id, other.base)
    after = holding.tallies(shop, without=WITHOUT)
    assert {name for name in before if before[name] != after[name]} == {"event"}
    (photo,) = shop.rows("select photo_key from member where photo_key is not null")
    with files().open(photo.photo_key) as kept:
        assert kept.read() == holding.PHOTO
    assert "taken" in run("backup", "restore", str(there), "--slug", slug, "--owner", owner.email, ok=False)
    run("backup", "create", slug, "--out", str(back))
    run("backup", "create", slug)
    assert "equal" in run("backups", "drill")
    (listed,) = run("backups", "list", "--slug", slug).splitlines()[1:]
    number = listed.split()[0]
    assert "whole" in run("backups", "verify", number)
    events = shop.rows("select id from event")

    with full.app.app_context():  # the first installation, whose connections the shop still holds
        content = back.read_bytes()
        person = owner_of(full)
        again = restoring.beside(
            full.base, holding.opened(content), person, f"{full.workspace.slug}-c", "", Quiet(lambda _d, _a: None)
        )
    assert len(holding.rows(full, "select id from event", again)) == len(events) + 1
    final = holding.tallies(full, again, without=WITHOUT)
    assert {name for name in before if before[name] != final[name]} == {"event"}


def owner_of(shop: Shop) -> Person:
    with shop.base.controlling() as control:
        return control.get_one(Person, shop.owner_id)


def test_a_sealed_file_opens_without_the_database_that_listed_it(full: Shop, tmp_path: Path) -> None:
    from tenants.backups import vault

    backup = holding.made(full)
    sealed, plain = tmp_path / "sealed", tmp_path / "plain.zip"
    with vault.store().open(backup.key) as kept:
        sealed.write_bytes(kept.read())
    run("backup", "unseal", str(sealed), "--out", str(plain))
    holding.opened(plain.read_bytes()).verify()
    sealed.write_bytes(sealed.read_bytes()[:-1])
    run("backup", "unseal", str(sealed), "--out", str(plain), ok=False)
    assert not plain.exists()


def test_what_cannot_be_restored_is_one_line_of_the_command_line(full: Shop, tmp_path: Path) -> None:
    (owner,) = full.rows("select email from member where identity_id = :id", id=full.owner_id)
    file = tmp_path / "cut.zip"
    file.write_bytes(holding.zip_of(full)[:-1])
    said = run("backup", "restore", str(file), "--slug", "never-made", "--owner", owner.email, ok=False)
    assert "cut off" in said
    assert "Traceback" not in said
    assert locate(full.base, "never-made") is None


# ---- an older release ----


@pytest.fixture
def following(elsewhere: Callable[[], Elsewhere], tmp_path: Path) -> Iterator[tuple[Elsewhere, Callable[[], None]]]:
    """The other installation, and what brings it to the release after this one: a column, an index, a table."""
    other = elsewhere()
    from config.settings import settings

    here = settings()
    urls = Urls(here.database_url, here.workspace_database_url, here.control_database_url)
    history = tmp_path / "history"
    for part in ("control", "tenant"):
        shutil.copytree(HERE / part, history / part, ignore=shutil.ignore_patterns("__pycache__"))
    following = REVISION.format(revision="next", before="0001").replace("%%", "%")
    (history / "tenant" / "versions" / "next.py").write_text(following, encoding="utf-8")

    def up(metadata: MetaData | None = None) -> None:
        upgrade(urls, metadata or with_pets(), pool=3, history=history, say=lambda _line: None)

    yield other, up
    with psycopg.connect(urls.owner, autocommit=True) as owner:  # as it was, for the tests after this
        for (schema,) in owner.execute("select schema_name from control.workspace where version = 'next'").fetchall():
            owner.execute(f"drop table {schema}.pet; alter table {schema}.contact drop column nickname".encode())
        owner.execute("update control.workspace set version = '0001'")
        owner.execute("delete from control.schema_step where version = 'next'")
    upgrade(urls, METADATA, pool=3, say=lambda _line: None)


def test_an_older_backup_is_loaded_at_its_release_and_brought_up(
    full: Shop, following: tuple[Elsewhere, Callable[[], None]]
) -> None:
    other, up = following
    content = holding.zip_of(full)
    email = "older@example.com"
    account(email)
    with other.base.controlling() as control:
        person = identities.account_of(control, email)
    assert person is not None
    up()
    opened = holding.opened(content)
    assert opened.manifest.version == "0001"
    assert [one.table for one in drill.compare(other.base, opened, Quiet(lambda _d, _a: None)) if not one.equal] == []
    with other.app.test_request_context("/"):
        made = restoring.beside(other.base, opened, person, "older-one", "", Quiet(lambda _d, _a: None))
    with other.base.controlling() as control:
        row = control.execute(text("select version, state from control.workspace where slug = 'older-one'")).one()
    assert tuple(row) == ("next", "open")
    shop = Shop(other.app, made, full.owner_id, other.base)
    assert {name for (name,) in shop.rows("select nickname from contact")} == {"Žofka"}
    shop.rows("insert into pet (id, name) values (1, 'Rek') returning id")
    before = holding.tallies(full, without=WITHOUT)
    after = holding.tallies(shop, without=WITHOUT | {("contact", "nickname")})
    assert {name for name in before if before[name] != after[name]} == {"event", "member"}, "its owner is somebody new"
    assert not shop.rows("select has_table_privilege(current_user, 'event', 'update') as may")[0].may
    with other.base.controlling() as control:
        control.execute(text("update control.workspace set state = 'replaced', slug = null where slug = 'older-one'"))
        control.execute(text("select control.discard(:id)"), {"id": made.id})


def test_a_backup_of_a_later_release_is_refused(full: Shop, following: tuple[Elsewhere, Callable[[], None]]) -> None:
    from tenants.backups.contents import Unfit
    from tests.backups.test_foreign_files import written

    content = written(holding.zip_of(full), manifest=lambda said: said.update(version="next"))
    with pytest.raises(Unfit, match="newer Okno"):
        restoring.beside(
            full.base, holding.opened(content), owner_of(full), "later-one", "", Quiet(lambda _d, _a: None)
        )
    assert locate(full.base, "later-one") is None
