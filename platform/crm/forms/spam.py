"""Telling clients from robots without a third party and without cookies.

Each page of a form carries a token: the id that its request will have, when it was made, and how much work its sending
costs, signed for this form alone. The browser does that work (a number whose hash begins with so many zero bits) while
the client types; under a flood it becomes more. Nothing is refused for a doubt: what a robot may have sent is kept to
be checked by a person, and only far beyond what people send is it turned away, with all that was typed.
"""

import hashlib
import time
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from config.settings import Settings, settings
from core.ids import new_id
from core.signing import sign, signed

QUICK = 2  # seconds in which nobody fills a form in
LIFE = 24 * 3600  # seconds after which a form has been open for long
BITS, MOST_BITS = 14, 19  # a second's part on any phone; some seconds
CALM = 10  # requests of one form in a minute that make nothing harder
MANY_HERE, TOO_MANY_HERE = 5, 60  # from one address in ten minutes: to be checked, and turned away
MANY, TOO_MANY = 60, 1200  # by one form in a minute
PATIENCE, TRY_AGAIN_AFTER = 0.25, 5.0  # seconds for an answer of Valkey, and without it


@dataclass(frozen=True)
class Ticket:
    """What a token says: the id of the request, when its page was made, in seconds, and the bits of work."""

    id: UUID
    at: int
    bits: int


@dataclass(frozen=True)
class Crowd:
    """How many were sent lately: from the same address and by the same form, this one included."""

    here: int = 0
    all: int = 0

    @property
    def too_many(self) -> bool:
        return self.here > TOO_MANY_HERE or self.all > TOO_MANY


def token(config: Settings, form_key: str, bits: int) -> str:
    said = f"{new_id().hex}.{int(time.time())}.{bits}"
    return f"{said}.{sign(config, f'form {form_key}', said)}"


def read(config: Settings, form_key: str, given: str) -> Ticket | None:
    """The token's ticket; None for one that is not ours or of another form."""
    said, _dot, signature = given.rpartition(".")
    if len(given) > 200 or not signed(config, f"form {form_key}", said, signature):
        return None
    identifier, at, bits = said.split(".")
    return Ticket(UUID(identifier), int(at), int(bits))


def proven(given: str, work: str, bits: int) -> bool:
    """Whether the work for this token was done."""
    if not work or len(work) > 20:
        return False
    digest = hashlib.sha256(f"{given}:{work}".encode()).digest()
    return int.from_bytes(digest) >> (256 - bits) == 0


def bits_for(crowd: int) -> int:
    """How much work a sending costs, when so many came by the form in this minute: twice as many, one bit more."""
    return min(MOST_BITS, BITS + (crowd // CALM).bit_length())


def doubts(ticket: Ticket, crowd: Crowd, *, trapped: bool, worked: bool) -> list[str]:
    """Why somebody should look at it first (crm.requests.words)."""
    age = time.time() - ticket.at
    found = {
        "honeypot": trapped,
        "quick": age < QUICK,
        "stale": age > LIFE,
        "unproven": not worked or ticket.bits < bits_for(crowd.all) - 2,  # kept from calmer times
        "many here": crowd.here > MANY_HERE,
        "many": crowd.all > MANY,
    }
    return [doubt for doubt, holds in found.items() if holds]


class Crowds:
    """Counts of all processes in Valkey; while it is away each process counts by itself."""

    def __init__(self, redis_url: str):
        self.redis = Redis.from_url(redis_url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self.away_until = 0.0
        self.own: dict[str, int] = {}

    def note(self, form_id: UUID, address: str) -> Crowd:
        """One more sending."""
        here, everywhere = keys(form_id, address)
        return Crowd(*self.counted({here: 1200, everywhere: 120}))

    def by_form(self, form_id: UUID) -> int:
        """How many came by the form in this minute."""
        key = keys(form_id, "")[1]
        if time.monotonic() >= self.away_until:
            try:
                found = self.redis.get(key)
                return int(found) if isinstance(found, bytes) else 0
            except RedisError:
                self.away_until = time.monotonic() + TRY_AGAIN_AFTER
        return self.own.get(key, 0)

    def counted(self, wanted: dict[str, int]) -> list[int]:
        """Each key one more; the seconds it is kept for."""
        if time.monotonic() >= self.away_until:
            try:
                with self.redis.pipeline(transaction=False) as pipe:
                    for key, seconds in wanted.items():
                        pipe.incr(key)
                        pipe.expire(key, seconds)
                    return [int(count) for count in pipe.execute()[::2]]
            except RedisError:
                self.away_until = time.monotonic() + TRY_AGAIN_AFTER
        if len(self.own) > 10_000:
            self.own.clear()
        for key in wanted:
            self.own[key] = self.own.get(key, 0) + 1
        return [self.own[key] for key in wanted]


def keys(form_id: UUID, address: str) -> tuple[str, str]:
    """Of one address in ten minutes and of a form in one. Valkey gets no addresses to keep."""
    now = int(time.time())
    whose = hashlib.sha256(f"{form_id} {address}".encode()).hexdigest()[:32]
    return f"form:here:{whose}:{now // 600}", f"form:all:{form_id}:{now // 60}"


@cache
def crowds() -> Crowds:
    return Crowds(settings().redis_url)
