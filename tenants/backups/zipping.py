"""Writing a zip bit by bit to somewhere that cannot be sought in, at the speed of ISA-L's deflate.

All of it is ZIP64, so nothing need be known before it is written. The comment at the end is the SHA-256 of everything
before it, so that a reader sees any bit that was changed, in the directory too.
"""

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from isal import isal_zlib

from core.files import Sink

LEVEL = 1
VERSION, FLAGS, DEFLATED = 45, 0x0808, 8  # ZIP64; sizes follow the data, names are UTF-8
UNKNOWN = 0xFFFFFFFF
PIECE = 1 << 18  # bytes; what comes in rows is packed in pieces of about this size


@dataclass
class Member:
    """One file in the zip while it is written. `size` and `sha256` are of what was put in."""

    name: str
    offset: int
    out: "ZipWriter"
    size: int = 0
    packed: int = 0
    crc: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    waiting: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self.waiting += data
        if len(self.waiting) >= PIECE:
            self.pack()
        return len(data)

    def pack(self) -> None:
        piece = bytes(self.waiting)
        self.waiting.clear()
        self.size += len(piece)
        self.crc = isal_zlib.crc32(piece, self.crc)
        self.digest.update(piece)
        self.put(self.deflate.compress(piece))

    def put(self, packed: bytes) -> None:
        self.packed += len(packed)
        self.out.put(packed)

    def finish(self) -> None:
        self.pack()
        self.put(self.deflate.flush())


class ZipWriter:
    """`size` and `sha256` are of the whole zip, once it is closed."""

    def __init__(self, out: Sink, at: datetime):
        self.out = out
        self.date = (at.year - 1980) << 9 | at.month << 5 | at.day
        self.time = at.hour << 11 | at.minute << 5 | at.second // 2
        self.size = 0
        self.digest = hashlib.sha256()
        self.members: list[Member] = []

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()

    def put(self, data: bytes) -> None:
        self.out.write(data)
        self.digest.update(data)
        self.size += len(data)

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """One file of the zip, to be written to until the block ends."""
        member = Member(name, self.size, self)
        written, more = name.encode(), struct.pack("<HHQQ", 1, 16, 0, 0)
        self.put(
            struct.pack("<4s5H3L2H", b"PK\3\4", VERSION, FLAGS, DEFLATED, self.time, self.date, 0, UNKNOWN, UNKNOWN,
                        len(written), len(more)) + written + more
        )  # fmt: skip
        yield member
        member.finish()
        self.put(struct.pack("<4sLQQ", b"PK\7\x08", member.crc, member.packed, member.size))
        self.members.append(member)

    def close(self) -> None:
        """The directory, its end, and the comment."""
        start = self.size
        for member in self.members:
            self.put(self.entry(member))
        length, number = self.size - start, len(self.members)
        end = self.size
        self.put(
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, VERSION, VERSION, 0, 0, number, number, length, start)
            + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
            + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, UNKNOWN, UNKNOWN, 64)
        )
        self.put(self.sha256.encode())

    def entry(self, member: Member) -> bytes:
        written, more = member.name.encode(), struct.pack("<HHQQQ", 1, 24, member.size, member.packed, member.offset)
        return struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 3 << 8 | VERSION, VERSION, FLAGS, DEFLATED, self.time, self.date, member.crc,
            UNKNOWN, UNKNOWN, len(written), len(more), 0, 0, 0, 0o600 << 16, UNKNOWN,
        ) + written + more  # fmt: skip
