"""Rows of text with separators (CSV): which encoding, which separator, and records that survive bad quotation marks."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from flask_babel import lazy_gettext as _l

from .source import Row

# The first of each is what we offer when nothing speaks for another.
ENCODINGS: dict[str, str] = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1250": "Windows-1250",
    "iso-8859-2": "ISO 8859-2",
}
SEPARATORS: dict[str, Any] = {";": _l("semicolons"), ",": _l("commas"), "\t": _l("tabs")}
BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

CHUNK = 1 << 20
MAX_LINE = 1_000_000  # characters of one physical line that are ever held
MAX_RECORD_LINES = 200  # a quoted cell of more lines is a quotation mark that somebody forgot to close
MAX_RECORD = 300_000  # characters, for the same reason

ASCII = bytes(range(128))
UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def guess_encoding(file: BinaryIO) -> str | None:
    """One of ENCODINGS, or None when the bytes are no text at all. Reads the file in pieces, at most three times."""
    file.seek(0)
    head = file.read(65_536)
    for bom, encoding in BOMS.items():
        if head.startswith(bom):
            return encoding
    if head.count(0) > 0.05 * len(head):
        return utf16_by_zeros(head)
    if is_control_heavy(head):
        return None
    return "utf-8" if is_utf8(file) else guess_eight_bit(file)


def utf16_by_zeros(head: bytes) -> str | None:
    """Latin text in UTF-16 has a zero in every second byte, always on the same side."""
    head = head[: len(head) // 2 * 2]
    even, odd, half = head[::2].count(0), head[1::2].count(0), len(head) / 2
    if odd > 0.4 * half and even < 0.02 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.02 * half:
        return "utf-16-be"
    return None


def is_control_heavy(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, bytes(range(1, 9)) + bytes(range(14, 32))))
    return controls > 0.02 * len(head)


def is_utf8(file: BinaryIO) -> bool:
    """True also when a few bytes are broken in a text that is UTF-8 otherwise: its rows are refused one by one."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return mostly_utf8(file)
    return True


def mostly_utf8(file: BinaryIO) -> bool:
    high = letters = 0
    file.seek(0)
    while high < 20_000 and (chunk := file.read(CHUNK)):
        high += len(chunk.translate(None, ASCII))
        letters += sum(map(len, UTF8_LETTER.findall(chunk)))
    return letters > 0.9 * high


def guess_eight_bit(file: BinaryIO) -> str:
    """Windows-1250 or ISO 8859-2: they differ in Š š Ť ť Ž ž, which the former keeps where the latter has controls."""
    isolated = 0
    file.seek(0)
    while chunk := file.read(CHUNK):
        high = chunk.translate(None, ASCII)
        if len(high.translate(None, bytes(range(0x80, 0xA0)))) < len(high):
            return "cp1250"
        isolated += sum(high.count(letter) for letter in "ŠšŽž".encode("iso-8859-2"))
    return "iso-8859-2" if isolated else "cp1250"


def open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Text from the file's start, after its byte order mark. What cannot be decoded becomes U+FFFD and is refused
    with its row. The caller must detach() the wrapper if the file shall stay open."""
    file.seek(0)
    head = file.read(3)
    file.seek(next((len(bom) for bom, name in BOMS.items() if name == encoding and head.startswith(bom)), 0))
    return io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")


def guess_separator(sample: str) -> str:
    """The separator by which most rows of the sample get as many cells as the first one, and the most of them."""
    if declared := declared_separator(sample.partition("\n")[0]):
        return declared
    scores = {separator: evenness(sample, separator) for separator in SEPARATORS}
    return max(scores, key=lambda separator: scores[separator])


def declared_separator(line: str) -> str | None:
    """Excel's own first line: "sep=;"."""
    line = line.rstrip("\r\n")
    return line[4] if len(line) == 5 and line.lower().startswith("sep=") and line[4] in SEPARATORS else None


def evenness(sample: str, separator: str) -> tuple[float, int]:
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    widths = [len(cells) for cells in rows if any(cells)][:200]
    if not widths:
        return 0.0, 0
    # A title above the table is narrower than the table, so the commonest width counts, not the first.
    width, times = Counter(widths).most_common(1)[0]
    return (times / len(widths), width) if width > 1 else (0.0, 0)


class UnclosedError(Exception):
    """A record went on for longer than any cell may."""


class OverlongError(Exception):
    """A physical line longer than MAX_LINE."""


class Lines:
    """Physical lines for csv.reader, kept until the record they make is whole, so that they can be read again."""

    def __init__(self, stream: TextIO):
        self.readline = stream.readline
        self.taken: list[str] = []
        self.again: list[str] = []

    def __iter__(self) -> Iterator[str]:
        taken, again, readline = self.taken, self.again, self.readline
        size = 0
        while True:
            fresh = not again
            line = readline(MAX_LINE) if fresh else again.pop()
            if not line:
                return
            taken.append(line)
            if len(line) >= MAX_LINE and line[-1] not in "\r\n":
                if fresh:
                    self.skip_line()
                raise OverlongError
            if len(taken) == 1:
                size = 0
            else:
                size += len(line)
                if size > MAX_RECORD or len(taken) > MAX_RECORD_LINES:
                    raise UnclosedError
            yield line

    def skip_line(self) -> None:
        while (piece := self.readline(MAX_LINE)) and piece[-1] not in "\r\n":
            pass

    def give_back(self) -> str:
        """The record's first line; the rest will be read again as records of their own."""
        first, *rest = self.taken
        self.taken.clear()
        self.again.extend(reversed(rest))
        return first


def records(stream: TextIO, separator: str) -> Iterator[Row]:
    """Every row of the text, blank ones too. A row whose quotation marks do not pair has a fault and does not take
    its neighbours with it: reading goes on at the next line."""
    lines, number = Lines(stream), 0
    while True:
        try:
            for cells in csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True):
                number += 1
                lines.taken.clear()
                yield Row(number, cells)
        except (csv.Error, UnclosedError, OverlongError) as error:
            number += 1
            long = isinstance(error, OverlongError) or "field limit" in str(error)
            yield faulty(number, lines.give_back(), separator, "long" if long else "quotes")
        else:
            return


def faulty(number: int, line: str, separator: str, fault: str) -> Row:
    return Row(number, line.rstrip("\r\n")[:2_000].split(separator), fault)
