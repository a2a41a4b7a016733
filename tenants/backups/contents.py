"""Opening a backup, which may come from anybody: nothing of it is believed before it was checked.

First what a zip can be wrong in: its bits (the comment is the SHA-256 of all before it), the names, number, order and
sizes of its members. Then the manifest, typed, against the members; then each member's own size, rows and hash, read
once through. Nothing is taken out of the zip by a name that stands in it, and nothing is held whole.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from flask_babel import lazy_gettext as _l
from pydantic import ValidationError

from core.errors import Refusal
from core.files import CHUNK
from tenants.backups import manifest
from tenants.backups.manifest import FileSaid, Manifest, TableSaid
from tenants.backups.vault import Damaged

COMMENT = 64  # bytes: a SHA-256 in hexadecimal
MEMBER = re.compile(
    r"manifest\.json|tables/[a-z_][a-z0-9_]{0,62}\.copy|files/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
MOST_MEMBERS = 500_000
MOST_MANIFEST = 256 << 20  # bytes
MOST_RATIO = 300  # unpacked bytes for a packed one, over the whole
SMALL = 64 << 20  # bytes unpacked for which no ratio is too much
LOCAL = 30  # bytes: the least before a member's data


class Unfit(Refusal):
    """The file is not a whole backup of ours, or not one that can be restored here."""

    status = 422
    title = _l("This file cannot be restored")


CUT = _l("It was cut off or changed since it was made. Download it once more, and leave it as it is.")
STRANGE = _l("It is not a backup that Okno made.")
TOO_MUCH = _l("There is more in it than a backup can hold.")


@dataclass(frozen=True)
class Contents:
    """A backup that is open and whose frame is sound. `verify` before anything is done with it."""

    zip: zipfile.ZipFile
    manifest: Manifest

    def verify(self, advance: Callable[[int], None] = lambda _bytes: None) -> None:
        """Read everything once. `advance` is told how many bytes were read. Raises Unfit."""
        for said in self.manifest.members_of_zip:
            digest, size, rows = hashlib.sha256(), 0, 0
            for block in self.blocks(said):
                digest.update(block)
                size += len(block)
                rows += block.count(b"\n")
                advance(len(block))
            right = (size, digest.hexdigest()) == (said.size, said.sha256)
            if not right or (isinstance(said, TableSaid) and rows != said.rows):
                raise Unfit(CUT)

    def blocks(self, said: TableSaid | FileSaid) -> Iterator[bytes]:
        """What is in a member, in blocks of at most 1 MB, and never more than it said. Raises Unfit."""
        left = said.size
        try:
            with self.zip.open(said.member) as content:
                while block := content.read(min(CHUNK, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise Unfit(CUT)
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, Damaged):
            raise Unfit(CUT) from None

    def lines(self, said: TableSaid) -> Iterator[list[bytes]]:
        """The rows of a table, some hundreds at a time, each without its newline."""
        rest = b""
        for block in self.blocks(said):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield lines
        if rest:
            raise Unfit(CUT)


def opened(file: IO[bytes], size: int) -> Contents:
    """Check the frame of a file in which can be sought, and read its manifest. Raises Unfit."""
    check_comment(file, size)
    try:
        found = zipfile.ZipFile(file)
        check_members(found, size)
        with found.open(manifest.NAME) as member:
            written = member.read(MOST_MANIFEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, Damaged):
        raise Unfit(CUT) from None
    return Contents(found, checked_manifest(written, found))


def check_comment(file: IO[bytes], size: int) -> None:
    """The last 64 bytes are the hash of all that stands before them: nothing was cut, changed or added since."""
    file.seek(0, os.SEEK_SET)
    if file.read(4) != b"PK\3\4":
        raise Unfit(STRANGE)
    file.seek(0, os.SEEK_SET)
    digest, left = hashlib.sha256(), size - COMMENT
    try:
        while left > 0 and (block := file.read(min(CHUNK, left))):
            digest.update(block)
            left -= len(block)
        end = file.read(COMMENT)
    except Damaged:
        raise Unfit(CUT) from None
    if left or end != digest.hexdigest().encode():
        raise Unfit(CUT)
    file.seek(0, os.SEEK_SET)


def check_members(found: zipfile.ZipFile, size: int) -> None:
    """Only members as we write them, one after the other, none over another, none too large. Raises Unfit."""
    members = sorted(found.infolist(), key=lambda member: member.header_offset)
    names = {member.filename for member in members}
    if len(members) > MOST_MEMBERS:
        raise Unfit(TOO_MUCH)
    if len(names) != len(members) or manifest.NAME not in names or not all(map(MEMBER.fullmatch, names)):
        raise Unfit(STRANGE)
    free = 0
    for member in members:
        if member.header_offset < free or member.flag_bits & 1 or member.compress_type != zipfile.ZIP_DEFLATED:
            raise Unfit(STRANGE)
        free = member.header_offset + LOCAL + member.compress_size
    unpacked = sum(member.file_size for member in members)
    if free > size or (unpacked > SMALL and unpacked > MOST_RATIO * size):
        raise Unfit(TOO_MUCH)
    if found.getinfo(manifest.NAME).file_size > MOST_MANIFEST:
        raise Unfit(TOO_MUCH)


def checked_manifest(written: bytes, found: zipfile.ZipFile) -> Manifest:
    """The manifest, and that it and the members speak of the same. Raises Unfit."""
    try:
        said = Manifest.model_validate_json(written)
    except ValidationError:
        raise Unfit(_l("What it says of itself cannot be read. It may be of a newer Okno; upgrade first.")) from None
    named = said.members_of_zip
    sizes = {one.member: one.size for one in named}
    if len(sizes) != len(named) or sizes.keys() | {manifest.NAME} != set(found.namelist()):
        raise Unfit(STRANGE)
    if any(found.getinfo(name).file_size != size for name, size in sizes.items()):
        raise Unfit(CUT)
    return said
