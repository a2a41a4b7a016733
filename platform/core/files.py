"""Files, in a folder or an S3 bucket, each under <workspace schema>/<uuid>: no name that a person gave is a path.

A file is there before the row that names it: `put` returns only when the bytes are safe and their hash is known.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol

import boto3
from botocore.config import Config

from config.settings import Bucket, Folder, settings
from core.db import Workspace
from core.ids import new_id

CHUNK = 1 << 20
PART = 16 * CHUNK  # of an upload to a bucket, which takes at most 10,000 of them


@dataclass(frozen=True)
class Stored:
    """A file that is safe: its key, its size in bytes and its SHA-256 in hexadecimal."""

    key: str
    size: int
    sha256: str


class Sink(Protocol):
    """What can be written to, and no more."""

    def write(self, data: bytes, /) -> int: ...


class Files(Protocol):
    """Where files are kept. `open` and `reading` raise FileNotFoundError for an unknown key.

    `writing` takes a file of any size bit by bit; it is there when the block ends, and not at all if that fails.
    `reading` gives it from its beginning on, without a copy on this machine; `open` one in which can be sought. `under`
    are (key, bytes) of all files whose key begins with a workspace's schema and a slash.
    """

    def keep(self, key: str, path: Path) -> None: ...

    def writing(self, key: str) -> AbstractContextManager[Sink]: ...

    def open(self, key: str) -> AbstractContextManager[IO[bytes]]: ...

    def reading(self, key: str) -> AbstractContextManager[IO[bytes]]: ...

    def delete(self, key: str) -> None: ...

    def under(self, prefix: str) -> Iterator[tuple[str, int]]: ...


@dataclass(frozen=True)
class FolderFiles:
    root: Path

    def keep(self, key: str, path: Path) -> None:
        with path.open("rb") as content, self.writing(key) as kept:
            shutil.copyfileobj(content, kept, CHUNK)

    @contextmanager
    def writing(self, key: str) -> Iterator[Sink]:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        try:
            with part.open("wb") as written:
                yield written
                written.flush()
                os.fsync(written.fileno())
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def open(self, key: str) -> AbstractContextManager[IO[bytes]]:
        return (self.root / key).open("rb")

    def reading(self, key: str) -> AbstractContextManager[IO[bytes]]:
        return self.open(key)

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)

    def under(self, prefix: str) -> Iterator[tuple[str, int]]:
        folder = self.root / prefix
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield f"{prefix}{path.name}", path.stat().st_size


@dataclass(frozen=True)
class BucketFiles:
    bucket: Bucket
    client: Any

    def keep(self, key: str, path: Path) -> None:
        self.client.upload_file(str(path), self.bucket.name, self.bucket.prefix + key)

    @contextmanager
    def writing(self, key: str) -> Iterator[Sink]:
        """An upload in parts, of which the bucket shows nothing until it is completed."""
        place = {"Bucket": self.bucket.name, "Key": self.bucket.prefix + key}
        upload = {**place, "UploadId": self.client.create_multipart_upload(**place)["UploadId"]}
        parts = Parts(self.client, upload)
        try:
            yield parts
            parts.send()
            self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts.sent})
        except BaseException:
            self.client.abort_multipart_upload(**upload)
            raise

    @contextmanager
    def reading(self, key: str) -> Iterator[IO[bytes]]:
        try:
            body = self.client.get_object(Bucket=self.bucket.name, Key=self.bucket.prefix + key)["Body"]
        except self.client.exceptions.NoSuchKey:
            raise FileNotFoundError(key) from None
        try:
            yield body
        finally:
            body.close()

    def open(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """The object, brought into a temporary file so that it can be sought in."""
        local = tempfile.NamedTemporaryFile(prefix="okno-")  # noqa: SIM115 (the caller closes it)
        try:
            self.client.download_fileobj(self.bucket.name, self.bucket.prefix + key, local)
        except self.client.exceptions.ClientError as error:
            local.close()
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                raise FileNotFoundError(key) from None
            raise
        local.seek(0)
        return local

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket.name, Key=self.bucket.prefix + key)

    def under(self, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket.name, Prefix=self.bucket.prefix + prefix):
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(self.bucket.prefix), found["Size"]


@dataclass
class Parts:
    """The parts of an upload; bytes are collected until they fill one."""

    client: Any
    upload: dict[str, str]
    waiting: bytearray = field(default_factory=bytearray)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self.waiting += data
        if len(self.waiting) >= PART:
            self.send()
        return len(data)

    def send(self) -> None:
        number = len(self.sent) + 1
        answer = self.client.upload_part(**self.upload, PartNumber=number, Body=bytes(self.waiting))
        self.sent.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.waiting.clear()


@cache
def files() -> Files:
    """The store that the settings name."""
    return store_of(settings().files)


def store_of(kept: Folder | Bucket) -> Files:
    if isinstance(kept, Folder):
        return FolderFiles(kept.path)
    quick = Config(connect_timeout=3, read_timeout=30, retries={"max_attempts": 3, "mode": "standard"})
    return BucketFiles(kept, boto3.client("s3", endpoint_url=kept.endpoint, config=quick))


def put(workspace: Workspace, content: IO[bytes]) -> Stored:
    """Keep all of a stream as a new file of the workspace. The stream is read once, in chunks of 1 MB."""
    key = f"{workspace.schema}/{new_id()}"
    digest = hashlib.sha256()
    size = 0
    with tempfile.NamedTemporaryFile(prefix="okno-") as local:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            local.write(chunk)
        local.flush()
        files().keep(key, Path(local.name))
    return Stored(key, size, digest.hexdigest())
