"""A mail from outside as we keep it: whatever it is made of, something readable comes of it and nothing runs.

Parsed by the lenient policy and decoded by ourselves, since the modern one raises on headers that are broken enough.
What is too deep, too much or no mail at all is read as plain text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from html import unescape

import nh3

LARGEST = 25 * 1024 * 1024  # bytes of a mail
MOST_PARTS, DEEPEST, MOST_FILES = 100, 20, 30
LONGEST_TEXT = 200_000  # characters of a body
LONGEST_HEADER = 2000
MOST_HEADERS = 65_536  # bytes
ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
ALLOWED = (nh3.ALLOWED_TAGS - {"map", "area"}) | {"center", "font"}
ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "img": {"src", "alt", "width", "height"}, "font": {"color", "size"}}
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
DEEPEST_HTML = 1000
SCHEMES = {"http", "https", "mailto", "tel"}


@dataclass(frozen=True)
class File:
    name: str
    content: bytes


@dataclass
class Reading:
    """`html` is clean. `to` are the texts in which our own address may stand."""

    subject: str = ""
    from_name: str = ""
    from_address: str = ""
    to: list[str] = field(default_factory=list)
    text: str = ""
    html: str = ""
    message_id: str = ""
    automatic: bool = False
    checked: str = ""
    files: list[File] = field(default_factory=list)


def read(written: bytes) -> Reading:
    """Never raises for what is in the mail."""
    try:
        found = headers_of(BytesHeaderParser().parsebytes(written[:MOST_HEADERS]))
    except Exception:  # noqa: BLE001 (whatever a parser does not survive)
        return Reading(text=as_text(written))
    try:
        fill(found, message_from_bytes(written))
    except Exception:  # noqa: BLE001 (the same)
        found.text, found.html, found.files = as_text(written), "", []
    return found


def headers_of(message: Message) -> Reading:
    sender, address = parseaddr(header(message, "From"))
    automatic = header(message, "Auto-Submitted").lower()
    return Reading(
        subject=header(message, "Subject")[:500],
        from_name=sender[:200],
        from_address=address[:254],
        to=[decoded(value) for name in ADDRESSED for value in message.get_all(name, [])[:20]],
        message_id=header(message, "Message-ID")[:500],
        automatic=automatic not in ("", "no") or header(message, "Precedence").lower() in ("bulk", "junk", "list"),
        checked=header(message, "Authentication-Results")[:500],
    )


def header(message: Message, name: str) -> str:
    return decoded(message.get(name, ""))


def decoded(value: object) -> str:
    """A header as people read it, in one line, without what no database or page takes."""
    raw = str(value)[:LONGEST_HEADER]
    try:
        parts = [unpacked(part, charset) for part, charset in decode_header(raw)]
    except (HeaderParseError, ValueError, LookupError):
        parts = [raw]
    return clean_line("".join(parts))


def unpacked(part: bytes | str, charset: str | None) -> str:
    return part if isinstance(part, str) else in_charset(part, charset)


def in_charset(content: bytes, charset: str | None) -> str:
    """Decoded as it says, else as UTF-8, else as what takes every byte."""
    for name in (charset, "utf-8"):
        try:
            return content.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def fill(found: Reading, message: Message) -> None:
    """The first body of each kind, and the files. Raises ValueError for what is too deep or too much."""
    html = ""
    for part in leaves(message):
        kind, name = part.get_content_type(), decoded(part.get_filename() or "")
        attached = bool(name) or part.get_content_disposition() == "attachment"
        content = bytes_of(part)
        if kind == "text/plain" and not attached and not found.text:
            found.text = clean_text(in_charset(content, charset_of(part)))
        elif kind == "text/html" and not attached and not html:
            html = in_charset(content, charset_of(part))[:LONGEST_TEXT]
        elif content and len(found.files) < MOST_FILES:
            found.files.append(File(file_name(name), content))
    found.html = "" if too_deep(html) else cleaned(html)
    if html and not found.text:
        found.text = clean_text(text_in(found.html or html))


def leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts that hold something; a mail within the mail is one of them."""
    waiting, seen = [(message, depth)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_PARTS:
            raise ValueError("too many parts")
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting += [(one, depth + 1) for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield part


def bytes_of(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):
        return b"".join(one.as_bytes() for one in inner if isinstance(one, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def charset_of(part: Message) -> str | None:
    charset = part.get_param("charset")
    return charset if isinstance(charset, str) else None


def file_name(name: str) -> str:
    """What stands before it is no way to anywhere."""
    last = re.split(r"[\\/]", name)[-1].strip(". ")
    return last[:150] or "file"


def cleaned(html: str, *, pictures: bool = True) -> str:
    """HTML in which nothing runs. Without `pictures`, nothing is asked of anybody either."""
    tags = ALLOWED if pictures else ALLOWED - {"img"}
    return nh3.clean(html, tags=tags, attributes=ATTRIBUTES, url_schemes=SCHEMES).strip()


def too_deep(html: str) -> bool:
    """Whether so much in it is open at once that cleaning it would take long: the time grows with the square."""
    opened, depth = dict[str, int](), 0
    for tag in TAG.finditer(html):
        name, was = tag[2].lower(), opened.get(tag[2].lower(), 0)
        if name not in VOID:
            opened[name] = max(0, was - 1) if tag[1] else was + 1
            depth += opened[name] - was
        if depth > DEEPEST_HTML:
            return True
    return False


def text_in(html: str) -> str:
    spaced = re.sub(r"(?i)<(?:br|/p|/div|/tr|/li|/h[1-6])\b", "\n<", html)
    return unescape(re.sub(r"<[^<>]*>", "", spaced))


def as_text(written: bytes) -> str:
    return clean_text(written[:LONGEST_TEXT].decode("utf-8", "replace"))


def clean_text(text: str) -> str:
    """Without zero bytes and lone surrogates, in short lines of our kind."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return whole.encode("utf-8", "replace").decode()[:LONGEST_TEXT].strip()


def clean_line(text: str) -> str:
    return " ".join(clean_text(text).split())
