"""Text as people search and sort it: without accents and case, and in the alphabet of their language."""

import re
import unicodedata
from functools import cache
from urllib.parse import urlsplit

import icu
from flask_babel import gettext as _

PUNCTUATION = re.compile(r"[^\w\s]|_")
MARKS = re.compile(r"[̀-ͯ]")
# Letters that decompose into nothing, though people type them plain.
PLAIN = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"})


def plain(text: str) -> str:
    """Lower case without accents: "Šťastná" -> "stastna"."""
    if text.isascii():
        return text.lower()
    return MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).translate(PLAIN)


def searchable(text: str) -> str:
    """What `search` columns hold and are asked for: plain letters and digits. "Novák-Dvořák" and "jan.novak" are found
    with their signs and without, and an index by three letters finds what stands around a sign."""
    return PUNCTUATION.sub("", plain(text))


def sort_key(text: str, language: str) -> bytes:
    """Bytes that compare as the language's readers sort: in Czech č after c, ch after h. At most 255 bytes.

    Computed by ICU outside the database, since PostgreSQL may be built without it.
    """
    return bytes(collator(language).getSortKey(text.strip()[:120])).rstrip(b"\0")[:255]


@cache
def collator(language: str) -> icu.Collator:
    return icu.Collator.createInstance(icu.Locale(language))


def slug(text: str) -> str:
    """A workspace address from a business name: "Okna Horák s.r.o." -> "okna-horak-s-r-o"."""
    return re.sub(r"[^a-z0-9]+", "-", plain(text)).strip("-")[:40].strip("-")


def checked_website(value: str) -> str:
    """An address of the web with its scheme. Any other scheme could run something when it is clicked."""
    if not value:
        return ""
    address = value if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)", value) else f"https://{value}"
    wrong = ValueError(_("Write an address such as https://example.com."))
    try:
        parts = urlsplit(address)
    except ValueError:
        raise wrong from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "." not in host.strip(".") or re.search(r"[\s<>\"'\\]", address):
        raise wrong
    return address
