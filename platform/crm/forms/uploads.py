"""Files that clients send along: known by their content, named anew, never shown in a page."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from core import files
from core.db import Workspace

MOST_FILES, MOST_BYTES, MOST_ALL = 8, 10 * 1024**2, 25 * 1024**2
BODY = MOST_ALL + 2 * 1024**2  # with all that is typed
# The beginning of a file -> its type and the endings it may have, the usual one first.
TYPES: tuple[tuple[bytes, int, str, tuple[str, ...]], ...] = (
    (b"%PDF-", 0, "application/pdf", (".pdf",)),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", (".png",)),
    (b"\xff\xd8\xff", 0, "image/jpeg", (".jpg", ".jpeg")),
    (b"GIF8", 0, "image/gif", (".gif",)),
    (b"WEBP", 8, "image/webp", (".webp",)),
    (b"ftyphei", 4, "image/heic", (".heic", ".heif")),
    (b"ftypmif1", 4, "image/heic", (".heic", ".heif")),
    (b"PK\x03\x04", 0, "application/zip", (".docx", ".xlsx", ".odt", ".ods")),
    (b"AC10", 0, "image/vnd.dwg", (".dwg",)),
)
ACCEPT = ",".join(ending for *_rest, endings in TYPES for ending in endings)


def checked(sent: Iterable[FileStorage]) -> list[tuple[FileStorage, str, str]]:
    """(file, type, name) of each. Raises ValueError, with words for the client."""
    found = [one for one in sent if one.filename]
    if len(found) > MOST_FILES:
        raise ValueError(_("At most %(count)s files can be sent at once.", count=MOST_FILES))
    known = []
    total = 0
    for one in found:
        size = size_of(one)
        total += size
        if size > MOST_BYTES or total > MOST_ALL:
            raise ValueError(_("A file may have at most 10 MB, all together 25 MB."))
        known.append((one, *typed(one)))
    return known


def size_of(sent: FileStorage) -> int:
    size = sent.stream.seek(0, 2)
    sent.stream.seek(0)
    return size


def typed(sent: FileStorage) -> tuple[str, str]:
    head = sent.stream.read(16)
    sent.stream.seek(0)
    name = plain_name(sent.filename or "")
    ending = PurePosixPath(name).suffix.lower()
    for magic, at, kind, endings in TYPES:
        if head[at : at + len(magic)] == magic and (ending in endings or kind != "application/zip"):
            return kind, name if ending in endings else f"{name}{endings[0]}"
    raise ValueError(_("%(name)s is of a kind that cannot be sent. Pictures, PDF and office documents can.", name=name))


def plain_name(given: str) -> str:
    """The last part of a path, without what could be a path or a command."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    plain = re.sub(r"[^\w.,() -]", "_", last).strip(". ") or "file"
    return plain if len(plain) <= 100 else plain[:80] + plain[-20:]


def keep(workspace: Workspace, sent: Iterable[tuple[FileStorage, str, str]]) -> list[dict[str, Any]]:
    """Store them; as crm.requests.actions.SentFile takes them."""
    kept: list[dict[str, Any]] = []
    try:
        for one, kind, name in sent:
            stored = files.put(workspace, one.stream)
            kept.append({"file_key": stored.key, "name": name, "type": kind, "size": stored.size})
    except BaseException:
        drop(kept)
        raise
    return kept


def drop(kept: Iterable[dict[str, Any]]) -> None:
    for one in kept:
        files.files().delete(one["file_key"])
