"""Files in a folder and in a real S3 server: what was put is there, whole, and an unknown key says so."""

import io
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from config.settings import Folder
from core import files as kept_files
from core.db import Workspace
from core.files import Files
from tests.s3 import a_bucket

SHOP = Workspace(
    1, "shop", "Shop", "t_000001", "t_000001_r", "cs", "Europe/Prague", "CZ", "CZK", "nobody", "off", "free"
)
CONTENT = b"windows and doors\n" * 200_000


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    with a_bucket(monkeypatch) if request.param == "bucket" else nullcontext(Folder(tmp_path)) as place:
        monkeypatch.setattr(kept_files, "settings", lambda: type("Kept", (), {"files": place}))
        kept_files.files.cache_clear()
        yield kept_files.files()
        kept_files.files.cache_clear()


def test_what_was_put_is_there_whole(store: Files) -> None:
    stored = kept_files.put(SHOP, io.BytesIO(CONTENT))
    assert (stored.size, stored.key.split("/")[0]) == (len(CONTENT), SHOP.schema)
    with store.open(stored.key) as file:
        assert file.read() == CONTENT
    store.delete(stored.key)
    with pytest.raises(FileNotFoundError), store.open(stored.key):
        pass


def test_the_hash_is_of_what_was_read(store: Files) -> None:
    stored = kept_files.put(SHOP, io.BytesIO(b""))
    assert stored.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
