"""Passwords: how good one must be, and how it is kept.

Kept as Argon2id with the least cost OWASP names (19 MiB, two passes). Each check takes some 30 ms of a core and 19 MiB,
so only a few run at once. How easily a password is guessed is estimated by zxcvbn, which knows 30,000 common passwords,
words, names, dates, keyboard walks and their spellings with digits; the words that belong to the person are added.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from zxcvbn_rs_py import zxcvbn

from core.errors import Invalid, Refusal
from core.text import plain

SHORTEST = 12
LONGEST = 128
GUESSES = 9.0  # power of ten; who has stolen the hash needs a core for a year, at 30 ms a guess
LOOKED_AT = 48  # characters; zxcvbn needs ever longer for more
AT_ONCE = 2
PATIENCE = 5.0  # seconds to wait for a turn

PRODUCT = ("okno", "crm")
# What Czech people take first; zxcvbn's own lists are English.
CZECH = (
    "heslo",
    "ahoj",
    "nazdar",
    "slunicko",
    "milacek",
    "laska",
    "kocicka",
    "kocka",
    "pejsek",
    "beruska",
    "broucek",
    "zlaticko",
    "maminka",
    "tatinek",
    "praha",
    "brno",
    "ostrava",
    "plzen",
    "cesko",
    "slavie",
    "slavia",
    "sparta",
    "banik",
    "hokej",
    "fotbal",
    "skoda",
    "firma",
    "obchod",
    "prodej",
    "tajneheslo",
    "mojeheslo",
    "nevim",
    "dovolena",
    "martin",
    "tomas",
    "honza",
    "petr",
    "pavel",
    "jirka",
    "lucie",
    "lenka",
    "petra",
    "katka",
    "tereza",
    "veronika",
)


class Overloaded(Refusal):
    """So many passwords are being checked that this one did not get its turn."""

    status = 503
    title = _l("Too many people log in just now")

    def __init__(self) -> None:
        super().__init__(_l("Try again in a moment."))


hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
turns = BoundedSemaphore(AT_ONCE)


def check(password: str, about: Iterable[str] = (), field: str = "password") -> None:
    """Raises Invalid for the field when the password is too short, too long or too easily guessed.

    `about` is what others know of the person: name, e-mail, business, address.
    """
    if len(password) < SHORTEST:
        sentence = _("%(n)s characters are too few, take at least 12. Three words in a row work well.", n=len(password))
        raise Invalid((field, sentence if password else _("Choose a password of at least 12 characters.")))
    if len(password) > LONGEST:
        raise Invalid((field, _("Too long: at most %(max_length)s characters.", max_length=LONGEST)))
    if easily_guessed(password, about):
        raise Invalid((field, _("Too easy to guess: common, in a row, or made of your own names. Take three words.")))


def easily_guessed(password: str, about: Iterable[str]) -> bool:
    known = [*PRODUCT, *CZECH, *words(about)]
    text = plain(password)[:LOOKED_AT]
    run = re.sub(r"[\W_]+", "", text)
    # Spaces and dots between words cost a guesser nothing, so that the letters alone must do.
    readings = [text, run] if len(run) * 4 >= len(text) * 3 else [text]
    return any(zxcvbn(reading, known).guesses_log10 < GUESSES for reading in readings)


def words(about: Iterable[str]) -> set[str]:
    """The words of the texts, and each text as one word."""
    found: set[str] = set()
    for text in about:
        pieces = re.findall(r"\w+", plain(text))
        found |= {piece for piece in [*pieces, "".join(pieces)] if len(piece) > 2}
    return found


def hashed(password: str) -> str:
    with turn():
        return hasher.hash(same(password))


def matching(password: str, hashes: Sequence[str], at_least: int) -> int | None:
    """The place of the hash the password belongs to, or None.

    All are tried, and at least so many, so that the time does not tell how many there were.
    """
    found = None
    for place in range(max(at_least, len(hashes))):
        if fits(password, hashes[place] if place < len(hashes) else nobodys()) and found is None:
            found = place
    return found


def fits(password: str, kept: str) -> bool:
    with turn():
        try:
            return hasher.verify(kept, same(password))
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether the hash was made at another cost than today's and is to be made anew."""
    return hasher.check_needs_rehash(kept)


@cache
def nobodys() -> str:
    """A hash that no password has."""
    return hasher.hash(secrets.token_urlsafe(32))


def same(password: str) -> str:
    """The same characters typed on another keyboard are the same password (Unicode NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one of the few places. Raises Overloaded."""
    if not turns.acquire(timeout=PATIENCE):
        raise Overloaded()
    try:
        yield
    finally:
        turns.release()
