"""Backups at rest: sealed, so that whoever holds the disk or the bucket holds nothing.

A file reads <OKNOBAK1><its id><its key, sealed><chunks>. The key is random and of this file alone; it is sealed by
OKNO_BACKUP_KEY, or by the secret key where there is none, neither of which is in the database (core.sealing). So the
file and that key are enough to read it, though all else be lost. Each chunk of 1 MB is AES-256-GCM with its number and
whether it is the last as associated data: one that is cut, changed, moved, or brought from another file does not open.
"""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import IO, TYPE_CHECKING
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.settings import Settings, settings
from core.files import Files, Sink, store_of
from core.sealing import NAME, NONCE, seal_by, unseal_by
from tenants.backups.models import Backup

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAGIC = b"OKNOBAK1"
PURPOSE = "backup"
CHUNK, TAG, KEY, ID = 1 << 20, 16, 32, 16
SEALED_KEY = NAME + NONCE + KEY + TAG
HEADER = len(MAGIC) + ID + SEALED_KEY


class Damaged(Exception):
    """A sealed file was cut or changed, or is another's. What was read of it before is not to be used."""


@cache
def store() -> Files:
    """Where backups are kept."""
    return store_of(settings().backups)


@contextmanager
def writing(backup: Backup) -> Iterator["Sealer"]:
    """Keep what is written as the backup's file, sealed. It is there when the block ends; if that fails, not at all."""
    with store().writing(backup.key) as out:
        sealer = Sealer(out, backup.id, settings())
        yield sealer
        sealer.close()


@contextmanager
def reading(backup: Backup, *, seeking: bool = False) -> Iterator[IO[bytes]]:
    """The backup as a plain zip. Raises Damaged while it is read, FileNotFoundError, Unreadable for a lost key.

    With `seeking` one may go to and fro in it, for which a bucket's object is first brought here.
    """
    opening = store().open(backup.key) if seeking else store().reading(backup.key)
    with opening as sealed:
        yield io.BufferedReader(Unsealed(sealed, backup.size, settings(), backup.id), CHUNK)


@dataclass
class Sealer:
    out: Sink
    id: UUID
    config: Settings
    number: int = 0
    waiting: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        key = os.urandom(KEY)
        self.cipher = AESGCM(key)
        sealed = seal_by(self.config.backup_keys[0], PURPOSE, key, self.id.bytes)
        self.key_id = sealed[:NAME].hex()
        self.out.write(MAGIC + self.id.bytes + sealed)

    def write(self, data: bytes) -> int:
        self.waiting += data
        while len(self.waiting) > CHUNK:  # what fills a chunk just so may be the last
            self.send(bytes(self.waiting[:CHUNK]), last=False)
            del self.waiting[:CHUNK]
        return len(data)

    def send(self, chunk: bytes, *, last: bool) -> None:
        self.out.write(self.cipher.encrypt(nonce_of(self.number), chunk, said(self.id, self.number, last)))
        self.number += 1

    def close(self) -> None:
        self.send(bytes(self.waiting), last=True)


class Unsealed(io.RawIOBase):
    """The plain content of a sealed file, of `size` bytes, from a stream or from something that can be sought in.
    Which backup it must be, `wanted` says, unless any will do."""

    def __init__(self, sealed: IO[bytes], size: int, config: Settings, wanted: UUID | None = None):
        self.sealed, self.size, self.at = sealed, size, 0
        header = exactly(sealed, HEADER)
        self.id = UUID(bytes=header[len(MAGIC) : len(MAGIC) + ID])
        if header[: len(MAGIC)] != MAGIC or wanted not in (None, self.id):
            raise Damaged()
        key = unseal_by(config.backup_keys, PURPOSE, header[len(MAGIC) + ID :], self.id.bytes)
        self.cipher = AESGCM(key)
        self.next = 0  # the chunk that the stream stands before
        self.present: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.sealed.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: "Buffer") -> int:
        number, within = divmod(self.at, CHUNK)
        if self.at >= self.size:
            return 0
        piece = self.chunk(number)[within : within + len(memoryview(buffer))]
        memoryview(buffer)[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)

    def chunk(self, number: int) -> bytes:
        if self.present[0] == number:
            return self.present[1]
        if self.next != number:
            self.sealed.seek(HEADER + number * (CHUNK + TAG))
        last = number == chunks_of(self.size) - 1
        length = self.size - number * CHUNK if last else CHUNK
        sealed = exactly(self.sealed, length + TAG)
        if last and self.sealed.read(1):
            raise Damaged()
        try:
            plain = self.cipher.decrypt(nonce_of(number), sealed, said(self.id, number, last))
        except InvalidTag:
            raise Damaged() from None
        self.next = number + 1 if not last else -1
        self.present = (number, plain)
        return plain


def exactly(stream: IO[bytes], length: int) -> bytes:
    """So many bytes. Raises Damaged where there are fewer."""
    found = b""
    while len(found) < length and (more := stream.read(length - len(found))):
        found += more
    if len(found) < length:
        raise Damaged()
    return found


def chunks_of(size: int) -> int:
    return max(1, -(-size // CHUNK))


def plain_size(sealed_size: int) -> int:
    """How much is in a sealed file of that size."""
    body = sealed_size - HEADER
    return body - TAG * -(-body // (CHUNK + TAG))


def nonce_of(number: int) -> bytes:
    return number.to_bytes(NONCE)


def said(file_id: UUID, number: int, last: bool) -> bytes:
    return file_id.bytes + struct.pack(">Q?", number, last)
