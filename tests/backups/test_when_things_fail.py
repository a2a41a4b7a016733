"""What may go wrong while a backup is made: a full disk, a killed worker, a bucket. The old ones stay whole."""

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.settings import Bucket
from core import files as kept_files
from core.db import database
from core.errors import Busy
from core.files import FolderFiles, Sink
from core.jobs import GiveUp, Place
from crm.backups import actions
from crm.backups import jobs as backup_jobs
from crm.backups.actions import Nothing, One
from tenants.backups import drill, keeping, making, restoring, vault
from tenants.backups.making import Quiet, Stopped
from tenants.backups.models import Backup
from tenants.models import Person
from tests.backups import holding
from tests.s3 import a_bucket
from tests.shop import Shop


def job(shop: Shop, backup: Backup, *, ours: bool = True) -> None:
    with shop.app.app_context():
        backup_jobs.make(Place(database(), None, 0, lambda: ours), str(backup.id))


def state(shop: Shop, backup: Backup) -> Backup:
    with shop.base.controlling() as control:
        return control.get_one(Backup, backup.id)


def test_a_backup_made_while_people_write_shows_one_moment(shop: Shop) -> None:
    """Each transaction of the writers keeps the sum of all minutes at nothing; so does the file."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("insert into contact (id, name) select gen_random_uuid(), 'x' from generate_series(1, 20000)")
        )
        made = "insert into note (id, at, minutes) select gen_random_uuid(), now(), 0 from generate_series(1, 50)"
        session.execute(text(made))
    stop = threading.Event()
    moves: list[int] = []

    def move() -> None:
        while not stop.is_set():
            with shop.base.workspace(shop.workspace) as session, session.begin():
                ids = session.execute(text("select id from note order by random() limit 2")).scalars().all()
                for note_id, more in zip(ids, (1, -1), strict=True):
                    changed = text("update note set minutes = minutes + :more where id = :id")
                    session.execute(changed, {"more": more, "id": note_id})
                session.execute(text("insert into contact (id, name) values (gen_random_uuid(), 'new')"))
                session.execute(text("insert into company (id, name) values (gen_random_uuid(), 'new')"))
            moves.append(1)

    writer = threading.Thread(target=move)
    writer.start()
    try:
        content = holding.zip_of(shop)
    finally:
        stop.set()
        writer.join()
    opened = holding.opened(content)
    said = {one.name: one for one in opened.manifest.tables}
    notes = [line.split(b"\t") for lines in opened.lines(said["note"]) for line in lines]
    assert sum(int(cells[said["note"].columns.index("minutes")]) for cells in notes) == 0
    assert said["contact"].rows - 20_000 == said["company"].rows
    assert moves


class Full:
    """A disk with room for so many bytes."""

    def __init__(self, room: int):
        self.room = room

    @contextmanager
    def writing(self, files: FolderFiles, key: str) -> Iterator[Sink]:
        with FolderFiles.__dict__["writing"](files, key) as out:
            disk = self

            class Part:
                def write(self, data: bytes) -> int:
                    disk.room -= len(data)
                    if disk.room < 0:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    return int(out.write(data))

            yield Part()


def test_a_full_disk_leaves_the_old_ones_whole_and_everybody_is_told(
    full: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = holding.made(full)
    disk = Full(old.size // 2)
    store = vault.store()
    assert isinstance(store, FolderFiles)

    class Disk(FolderFiles):
        def writing(self, key: str) -> Any:
            return disk.writing(self, key)

    monkeypatch.setattr(vault, "store", lambda: Disk(store.root))
    with full.acting() as actor:
        asked = actions.create(actor, Nothing())
    with pytest.raises(GiveUp):  # which keeps it in bus.failed, for the operator
        job(full, asked)
    monkeypatch.undo()
    failed = state(full, asked)
    assert (failed.state, failed.size, failed.verified_at) == ("failed", 0, None)
    assert "no room" in failed.error
    with pytest.raises(FileNotFoundError), store.open(failed.key):
        pass
    assert list(store.root.joinpath(failed.key).parent.glob("*.part")) == []
    (event,) = full.rows("select after from event where action = 'backup.failed'")
    assert "no room" in event.after["why"]
    keeping.verify(full.base, old.id)
    assert drill.drill(full.base, old.id)


def test_the_systems_own_word_of_a_full_disk_is_passed_on(full: Shop) -> None:
    with pytest.raises(OSError, match="No space"), Path("/dev/full").open("wb", buffering=0) as out:
        making.write(full.base, full.workspace.id, out, Quiet(lambda _done, _all: None))


def test_what_is_read_back_otherwise_is_not_listed(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that keeps another bit than it was given."""
    asked = holding.asked(full)
    real = vault.Sealer.send

    def bent(self: vault.Sealer, chunk: bytes, *, last: bool) -> None:
        real(self, chunk[:-1] + bytes([chunk[-1] ^ 1]), last=last)

    monkeypatch.setattr(vault.Sealer, "send", bent)
    with pytest.raises(GiveUp):
        job(full, asked)
    assert state(full, asked).state == "failed"
    with pytest.raises(FileNotFoundError), vault.store().open(asked.key):
        pass


def test_a_killed_worker_leaves_nothing_and_the_next_one_makes_it(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = holding.asked(full)

    def die(*_arguments: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(making, "write_files", die)
    with pytest.raises(SystemExit):
        job(full, asked)
    assert state(full, asked).state == "making"
    with pytest.raises(FileNotFoundError), vault.store().open(asked.key):
        pass
    monkeypatch.undo()
    job(full, asked)
    assert state(full, asked).state == "kept"
    job(full, asked)  # offered once more: it is done
    assert [one.id for one in holding.backups(full)] == [asked.id]


def test_stopped_by_a_person_or_a_lost_lease_nothing_stays(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "TOLD_EVERY", 0.0)
    with full.acting() as actor:
        asked = actions.create(actor, Nothing())
        with pytest.raises(Busy):
            actions.create(actor, Nothing())
        actions.stop(actor, One(id=asked.id))
    with full.base.controlling() as control:  # the worker had begun
        assert control.get_one(Backup, asked.id).state == "stopped"
    job(full, asked)
    lost = holding.asked(full)
    job(full, lost, ours=False)
    assert state(full, lost).state == "making", "another worker goes on with it"
    for one in (asked, lost):
        with pytest.raises(FileNotFoundError), vault.store().open(one.key):
            pass
    again = holding.asked(full)
    with full.base.controlling() as control:
        control.get_one(Backup, again.id).state = "stopped"
    with pytest.raises(Stopped):
        making.Noting(full.base, again.id, lambda _done, _all: None, lambda: True).step(1)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with a_bucket(monkeypatch) as place:
        yield place


def test_in_a_bucket_it_is_kept_read_restored_and_gone(
    full: Shop, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept_files.store_of(bucket)
    monkeypatch.setattr(vault, "store", lambda: store)
    monkeypatch.setattr(kept_files, "PART", 5 << 20)
    backup = holding.made(full)
    assert backup.state == "kept"
    assert all(one.equal for one in drill.drill(full.base, backup.id))
    with vault.reading(backup) as plain:
        content = plain.read()
    with full.base.controlling() as control:
        person = control.get_one(Person, full.owner_id)
    quiet = Quiet(lambda _done, _all: None)
    restoring.beside(full.base, holding.opened(content), person, f"{full.workspace.slug}-b", "", quiet)
    with store.writing("many-parts") as out:
        for _ in range(12):
            out.write(b"x" * (1 << 20))
    with store.reading("many-parts") as file:
        assert len(file.read()) == 12 << 20
    with pytest.raises(RuntimeError), store.writing("half"):
        raise RuntimeError
    with pytest.raises(FileNotFoundError), store.reading("half"):
        pass
    keeping.remove(full.base, backup)
    with pytest.raises(FileNotFoundError), store.reading(backup.key):
        pass
    assert io.BytesIO(content).read(2) == b"PK"
