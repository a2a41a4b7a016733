"""A backup has all of a workspace, and what comes back is equal table by table."""

import io
import zipfile
from typing import Any

import pytest
from sqlalchemy import select, text

from core import files
from core.db import Database
from core.limits import truths
from crm.models import METADATA
from tenants.backups import drill, restoring, vault
from tenants.backups.making import Quiet
from tenants.backups.shape import LEFT_OUT
from tenants.directory import as_workspace
from tenants.models import Member, Person, WorkspaceRow
from tests.backups import holding
from tests.shop import Shop

# What a restore into a new workspace changes on purpose: who people are, and what opens it from outside.
SETTLED = {
    "member": ("identity_id", "state", "role_id", "name", "email"),
    "role": ("rights", "scopes"),
    "token": ("deleted_at",),
    "scim_token": ("deleted_at",),
    "telephone": ("deleted_at",),
    "connection": ("deleted_at",),
    "domain": ("proven_at",),
    "invitation": ("deleted_at",),
    "till": ("deleted_at",),
    "process": ("enabled",),
    "process_instance": ("status",),
}
WITHOUT = {(table, column) for table, columns in SETTLED.items() for column in (*columns, "version", "updated_at")}


def quiet() -> Quiet:
    return Quiet(lambda _done, _all: None)


def owner(shop: Shop) -> Person:
    with shop.base.controlling() as control:
        return control.get_one(Person, shop.owner_id)


def test_every_table_is_in_the_file_or_left_out_by_name(full: Shop) -> None:
    """A new table must be filled by these tests, and is then compared by those below."""
    found = holding.counts(full)
    empty = {name for name, number in found.items() if not number}
    assert empty == set(), "tests/backups/holding.py has no row for these"
    opened = holding.opened(holding.zip_of(full))
    assert opened.manifest.counts.keys() == METADATA.tables.keys() - LEFT_OUT
    assert opened.manifest.counts == {name: found[name] for name in opened.manifest.counts}


def test_what_comes_back_beside_is_equal_table_by_table(full: Shop) -> None:
    before = holding.tallies(full, without=WITHOUT)
    content = holding.zip_of(full)
    beside = restoring.beside(full.base, holding.opened(content), owner(full), f"{full.workspace.slug}-b", "", quiet())
    after = holding.tallies(full, beside, without=WITHOUT)
    # The log says where it came from.
    assert {name for name in before if before[name] != after[name]} == {"event"}
    assert len(holding.rows(full, "select 1 from event where action = 'backup.restore'", beside)) == 1
    assert (beside.name, beside.language, beside.currency) == ("Okna Horák", "en", "CZK")
    key = holding.rows(full, "select photo_key from member where photo_key is not null", beside)[0].photo_key
    assert key.startswith(f"{beside.schema}/")
    with files.files().open(key) as photo:
        assert photo.read() == holding.PHOTO
    with full.base.workspace(beside, reading=True) as session:
        counters = {row.name: row.value for row in session.execute(text("select name, value from counter"))}
        assert {name: counters[name] for name in truths(session)} == truths(session)


def test_nothing_that_opens_comes_with_it(full: Shop) -> None:
    content = holding.zip_of(full)
    unpacked = b"".join(
        zipfile.ZipFile(io.BytesIO(content)).read(name) for name in holding.opened(content).zip.namelist()
    )
    hashes = [row.hash for table in ("token", "scim_token") for row in holding.rows(full, f"select hash from {table}")]
    assert hashes
    assert not any(value.hex().encode() in unpacked for value in hashes)
    assert b"sealed".hex().encode() not in unpacked, "the secret of single sign-on"
    assert b"a secret answer" not in unpacked
    assert b"password" not in unpacked
    beside = restoring.beside(full.base, holding.opened(content), owner(full), f"{full.workspace.slug}-b", "", quiet())
    for table in ("token", "scim_token", "connection"):
        assert holding.rows(full, f"select 1 from {table} where deleted_at is null", beside) == []
    assert holding.rows(full, "select 1 from domain where proven_at is not null", beside) == []
    with full.base.workspace(beside, reading=True) as session:
        active = session.scalars(select(Member).where(Member.state == "active")).all()
        assert [(one.identity_id, one.role.key) for one in active] == [(full.owner_id, "owner")]


def test_a_kept_backup_is_sealed_and_opens_as_the_same_zip(full: Shop) -> None:
    backup = holding.made(full)
    with vault.store().open(backup.key) as file:
        sealed = file.read()
    assert len(sealed) == vault.HEADER + backup.size + vault.TAG * vault.chunks_of(backup.size)
    assert vault.plain_size(len(sealed)) == backup.size
    assert b"PK\3\4" not in sealed[: vault.HEADER + 4]
    assert b"contact.copy" not in sealed
    with vault.reading(backup) as plain:
        content = plain.read()
    assert len(content) == backup.size
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    opened = holding.opened(content)
    opened.verify()
    assert opened.manifest.counts == backup.counts


def test_a_trial_finds_a_good_backup_equal_and_leaves_nothing(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = holding.made(full)
    left: list[dict[str, int]] = []

    def give_back(base: Database, row: WorkspaceRow, *arguments: Any, **words: Any) -> None:
        left.append(holding.counts(full, as_workspace(row)))  # later anybody may have taken it out of the pool
        restoring.give_back(base, row, *arguments, **words)

    monkeypatch.setattr(drill, "give_back", give_back)
    found = drill.drill(full.base, backup.id)
    assert [one.table for one in found if not one.equal] == []
    assert {one.table: one.rows for one in found} == backup.counts
    assert [set(each.values()) for each in left] == [{0}]
    assert holding.backups(full)[0].drilled_at is not None


@pytest.mark.parametrize("size", [0, 1, vault.CHUNK - 1, vault.CHUNK, vault.CHUNK + 1, 3 * vault.CHUNK])
def test_any_size_is_sealed_and_opened(shop: Shop, size: int) -> None:
    backup = holding.asked(shop)
    backup.size = size
    content = bytes(range(256)) * (size // 256 + 1)
    with vault.writing(backup) as out:
        out.write(content[:size])
    with vault.reading(backup) as plain:
        assert plain.read() == content[:size]
    with vault.reading(backup, seeking=True) as plain:
        plain.seek(size // 2)
        assert plain.read() == content[size // 2 : size]
