"""A file may come from anybody. What is not a whole backup is refused with the reason, before anything is touched."""

import io
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from core.db import database
from core.errors import Invalid
from core.files import files
from core.sealing import Unreadable
from tenants.backups import contents, restoring, vault
from tenants.backups.contents import Unfit
from tenants.backups.making import Quiet
from tenants.backups.manifest import NAME
from tenants.backups.zipping import ZipWriter
from tenants.models import Person, WorkspaceRow
from tests.backups import holding
from tests.shop import Shop

STEP = 64 << 10


def quiet() -> Quiet:
    return Quiet(lambda _done, _all: None)


def owner(shop: Shop) -> Person:
    with shop.base.controlling() as control:
        return control.get_one(Person, shop.owner_id)


def restore(shop: Shop, content: bytes, slug: str = "") -> Any:
    """As the job and the command line do it: open, verify, restore."""
    opened = holding.opened(content)
    opened.verify()
    return restoring.beside(shop.base, opened, owner(shop), slug or f"{shop.workspace.slug}-b", "", quiet())


def refused(shop: Shop, content: bytes) -> str:
    """Why it is refused; and nothing of it is in the database."""
    slug = f"refused-{shop.workspace.slug}"
    before = holding.tallies(shop)
    with pytest.raises(Unfit) as refusal:
        restore(shop, content, slug)
    assert holding.tallies(shop) == before
    with database().controlling() as control:
        assert control.scalar(select(WorkspaceRow.id).where(WorkspaceRow.slug == slug)) is None
    return str(refusal.value.detail)


@pytest.fixture
def content(full: Shop) -> bytes:
    return holding.zip_of(full)


def test_a_file_cut_anywhere_is_refused(full: Shop, content: bytes) -> None:
    places = [*range(0, len(content), STEP), *random.Random(1).sample(range(len(content)), 60), len(content) - 1]
    for place in places:
        with pytest.raises(Unfit):
            holding.opened(content[:place]).verify()
    refused(full, content[: len(content) // 2])


def test_one_flipped_bit_anywhere_is_refused(full: Shop, content: bytes) -> None:
    for place in [*range(0, len(content), 997), *range(len(content) - 200, len(content))]:
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        with pytest.raises(Unfit):
            holding.opened(bytes(changed)).verify()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    assert "cut off or changed" in refused(full, bytes(changed))


def test_a_sealed_file_that_was_cut_changed_or_moved_does_not_open(full: Shop) -> None:
    backup = holding.asked(full)
    plain = random.Random(2).randbytes(3 * vault.CHUNK + 17)
    with vault.writing(backup) as out:
        out.write(plain)
    backup.size = len(plain)
    with vault.store().open(backup.key) as file:
        sealed = file.read()
    chunk = vault.CHUNK + vault.TAG
    first = vault.HEADER
    swapped = sealed[:first] + sealed[first + chunk : first + 2 * chunk] + sealed[first : first + chunk]
    twisted = [sealed[:place] for place in range(0, len(sealed), STEP)]
    twisted += [sealed[:-1], sealed + b"x", swapped + sealed[first + 2 * chunk :], sealed[: first + 3 * chunk]]
    for place in [*range(0, first, 5), *range(first, len(sealed), 300_007), len(sealed) - 1]:
        changed = bytearray(sealed)
        changed[place] ^= 1
        twisted.append(bytes(changed))
    for one in twisted:
        with vault.store().writing(backup.key) as again:
            again.write(one)
        with pytest.raises((vault.Damaged, Unreadable)), vault.reading(backup) as read:
            read.read()


def test_a_sealed_file_of_another_backup_does_not_open(full: Shop) -> None:
    one, other = holding.made(full), holding.made(full)
    with vault.store().open(one.key) as file, vault.store().writing(other.key) as out:
        out.write(file.read())
    other.size = one.size
    with pytest.raises(vault.Damaged), vault.reading(other):
        pass


def written(
    content: bytes,
    manifest: Callable[[dict[str, Any]], None] = lambda _said: None,
    members: Callable[[dict[str, bytes]], None] = lambda _members: None,
) -> bytes:
    """The same backup written anew by somebody who knows how, with a right hash over all that they changed."""
    opened = holding.opened(content)
    unpacked = {name: opened.zip.read(name) for name in opened.zip.namelist() if name != NAME}
    members(unpacked)
    said = orjson.loads(opened.zip.read(NAME))
    out = io.BytesIO()
    zipped = ZipWriter(out, datetime.now(UTC))
    for name, value in unpacked.items():
        with zipped.member(name) as member:
            member.write(value)
        for one in said["tables"]:
            if f"tables/{one['name']}.copy" == name:
                one.update(size=len(value), rows=value.count(b"\n"), sha256=member.sha256)
    manifest(said)
    with zipped.member(NAME) as member:
        member.write(orjson.dumps(said))
    zipped.close()
    return out.getvalue()


def table(said: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in said["tables"] if one["name"] == name)


def replaced(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        assert old in members[f"tables/{name}.copy"], (name, old, members[f"tables/{name}.copy"][:300])
        members[f"tables/{name}.copy"] = members[f"tables/{name}.copy"].replace(old, new, 1)

    return change


def test_what_we_wrote_ourselves_anew_is_taken(full: Shop, content: bytes) -> None:
    """Otherwise the refusals below would prove nothing."""
    restore(full, written(content))


def drop(said: dict[str, Any], name: str) -> None:
    said["tables"].remove(table(said, name))


STRANGE_FILE = {"id": "01a214b3-7ef7-7335-83c7-2512a269faf9", "size": 1, "sha256": "0" * 64}
LIES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "a later release": ("newer", lambda said: said.update(version="9999")),
    "a later format": ("newer", lambda said: said.update(format=2)),
    "more than there is": ("newer", lambda said: said.update(more="x")),
    "a table that is a statement": ("newer", lambda said: table(said, "task").update(name='task"; drop table task')),
    "a member that is not named": ("not a backup", lambda said: drop(said, "task")),
    "a column of the system": ("columns", lambda said: table(said, "contact")["columns"].__setitem__(0, "xmin")),
    "a column twice": ("columns", lambda said: table(said, "role")["columns"].append("id")),
    "a file that is not there": ("not a backup", lambda said: said["files"].append(STRANGE_FILE)),
    "fewer rows": ("cut off", lambda said: table(said, "contact").update(rows=0)),
    "another hash": ("cut off", lambda said: table(said, "contact").update(sha256="0" * 64)),
    "another size": ("cut off", lambda said: table(said, "contact").update(size=1)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_refused(full: Shop, content: bytes, lie: str) -> None:
    why, change = LIES[lie]
    assert why in refused(full, written(content, manifest=change))


def test_a_table_that_no_release_has_is_refused(full: Shop, content: bytes) -> None:
    def more(members: dict[str, bytes]) -> None:
        members["tables/pg_authid.copy"] = b"1\n"

    def said(manifest: dict[str, Any]) -> None:
        row = dict(table(manifest, "task"), name="pg_authid", columns=["id"], rows=1, size=2)
        row["sha256"] = "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"
        manifest["tables"].append(row)

    assert "tables" in refused(full, written(content, manifest=said, members=more))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("deal", b"open\t", b"stolen\t"),
        ("contact", b"\t1\t", b"\tone\t"),
        ("role", b"owner", b"admin"),
        ("member", b"\n", b"\n\\.\n"),
    ],
)
def test_rows_that_the_database_would_not_take_are_refused(
    full: Shop, content: bytes, name: str, old: bytes, new: bytes
) -> None:
    assert name in refused(full, written(content, members=replaced(name, old, new)))


def test_a_row_that_names_another_workspaces_file_gets_one_of_its_own(full: Shop, other: Shop, content: bytes) -> None:
    """The photo of another business must not come along by its name."""
    holding.fill_photo(other)
    (theirs,) = holding.rows(other, "select photo_key from member where photo_key is not null")
    (ours,) = holding.rows(full, "select photo_key from member where photo_key is not null")
    change = replaced("member", ours.photo_key.encode(), theirs.photo_key.encode())
    beside = restore(full, written(content, members=change))
    (key,) = holding.rows(full, "select photo_key from member where photo_key is not null", beside)
    assert key.photo_key == f"{beside.schema}/{theirs.photo_key.split('/')[1]}"
    with pytest.raises(FileNotFoundError), files().open(key.photo_key):
        pass
    for wrong in (b"../../etc/passwd", b"t_000001/../x"):
        refused(full, written(content, members=replaced("member", ours.photo_key.encode(), wrong)))


def test_rights_that_there_are_not_are_left_out_and_owners_have_them_all(full: Shop, content: bytes) -> None:
    wrong = b'"root": {"all": "all"}, "deal": {"edit": "everywhere", "x": "all"'
    change = replaced("role", b'"deal": {"edit": "all"', wrong)
    beside = restore(full, written(content, members=change))
    for row in holding.rows(full, "select key, rights, scopes from role", beside):
        assert "root" not in row.rights
        assert "x" not in row.rights["deal"]
        assert row.rights["deal"].get("edit") != "everywhere"
        if row.key == "owner":
            assert row.rights["backup"]["restore"] == "all"


def zipped(members: list[tuple[str, bytes]]) -> bytes:
    """A zip with any members, and the right hash in its comment."""
    out = io.BytesIO()
    zipped = ZipWriter(out, datetime.now(UTC))
    for name, value in members:
        with zipped.member(name) as member:
            member.write(value)
    zipped.close()
    return out.getvalue()


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _zip: b"",
    "a picture": lambda _zip: b"\x89PNG\r\n" + b"x" * 1000,
    "another zip": lambda _zip: zipped([("hello.txt", b"hello")]),
    "zip slip": lambda _zip: zipped([("../../etc/cron.d/x", b"x"), (NAME, b"{}")]),
    "an absolute name": lambda _zip: zipped([("/etc/passwd", b"x"), (NAME, b"{}")]),
    "two of a name": lambda _zip: zipped([(NAME, b"{}"), (NAME, b"{}")]),
    "no manifest": lambda _zip: zipped([("tables/contact.copy", b"")]),
    "a manifest that is none": lambda _zip: zipped([(NAME, b"[" * 100_000)]),
    "a bomb": lambda _zip: zipped([("tables/contact.copy", bytes(200 << 20)), (NAME, b"{}")]),
    "a manifest that is a bomb": lambda _zip: zipped([(NAME, b" " * (contents.MOST_MANIFEST + 1))]),
    "a zip before the zip": lambda good: b"PK\3\4" + good,
    "something after it": lambda good: good + b"x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_zips_are_refused(full: Shop, content: bytes, name: str) -> None:
    refused(full, HOSTILE[name](content))


def test_an_overlapping_member_is_refused(full: Shop, content: bytes) -> None:
    """Of two members over the same bytes a small zip can unpack to petabytes."""
    found = zipfile.ZipFile(io.BytesIO(content))
    members = found.infolist()
    members[1].header_offset = members[0].header_offset
    with pytest.raises(Unfit):
        contents.check_members(found, len(content))


def test_an_address_that_is_taken_is_refused_and_nothing_is_made(full: Shop, content: bytes) -> None:
    before = holding.tallies(full)
    with pytest.raises(Invalid):
        restore(full, content, slug=full.workspace.slug)
    assert holding.tallies(full) == before
