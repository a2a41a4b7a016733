"""Calls of the API by the minute: how many a workspace has made in the present one, and its highest of each day.

Counted in Valkey for all processes together. A call there for each call here would be a good part of what a list costs;
so a process tells Valkey of several at once: of each alone when the cap is near, of more the farther away it is, at
least twice a second. The cap may so be passed by a small part, and never before it is reached is anybody refused. While
Valkey is away each process counts by itself, so that nothing is closed.
"""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from threading import Lock
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from redis import Redis
from redis.exceptions import RedisError

from config.settings import settings
from core.errors import Refusal

TRY_AGAIN_AFTER = 5.0  # seconds without Valkey
PATIENCE = 0.25  # seconds for an answer
KEPT = 3 * 86_400  # seconds that a day's highest minutes are kept; the nightly check takes them over
TELL_EVERY = 0.5  # seconds
SHARE = 16  # of the calls that are left, one process makes a sixteenth before it tells
COUNT = f"""
local calls = redis.call('incrby', KEYS[1], ARGV[3])
redis.call('expire', KEYS[1], 180)
redis.call('zadd', KEYS[2], 'gt', math.min(calls, tonumber(ARGV[2])), ARGV[1])
redis.call('expire', KEYS[2], {KEPT})
return calls
"""


@dataclass(frozen=True)
class Minute:
    """The calls of a workspace in the present minute, this one included, under its cap; `ends_in` are seconds."""

    cap: int
    used: int
    ends_in: int

    @property
    def headers(self) -> dict[str, str]:
        left = max(0, self.cap - self.used)
        shown = {"RateLimit-Limit": self.cap, "RateLimit-Remaining": left, "RateLimit-Reset": self.ends_in}
        return {name: str(value) for name, value in shown.items()}


class TooManyCalls(Refusal):
    """The workspace has used up its calls of this minute."""

    status = 429
    title = _l("Too many calls this minute")

    def __init__(self, minute: Minute):
        self.minute = minute
        super().__init__(
            _("Your plan takes %(cap)s calls a minute. Go on in %(wait)s s.", cap=minute.cap, wait=minute.ends_in),
            limit="api_calls", used=minute.used, cap=minute.cap,
        )  # fmt: skip


@dataclass
class Seen:
    """What a process knows of a workspace's minute: calls of all processes as Valkey said at `asked_at`, and its own
    since."""

    minute: int
    cap: int
    known: int = 0
    own: int = 0
    asked_at: float = 0.0

    @property
    def used(self) -> int:
        return self.known + self.own

    def due(self, now: float) -> bool:
        return self.own > (self.cap - self.known) // SHARE or now - self.asked_at > TELL_EVERY


class Calls:
    """The counts of this process, and of all of them by Valkey."""

    def __init__(self, redis_url: str):
        self.redis = Redis.from_url(redis_url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self.script = self.redis.register_script(COUNT)
        self.away_until = 0.0
        self.seen: dict[int, Seen] = {}
        self.minute = 0
        self.lock = Lock()

    def note(self, workspace_id: int, cap: int) -> Minute:
        """One more call. Raises TooManyCalls."""
        number, second = divmod(int(time.time()), 60)
        self.turn(number)
        with self.lock:
            seen = self.seen.setdefault(workspace_id, Seen(number, cap))
            seen.cap, seen.own = cap, seen.own + 1
            due = seen.due(time.monotonic())
        if due:
            self.tell(workspace_id, seen)
        minute = Minute(cap, seen.used, 60 - second)
        if minute.used > cap:
            raise TooManyCalls(minute)
        return minute

    def turn(self, minute: int) -> None:
        """At the first call of a minute, tell what is left of the one before."""
        if minute == self.minute:
            return
        with self.lock:
            over, self.seen, self.minute = self.seen, {}, minute
        for workspace_id, seen in over.items():
            if seen.own:
                self.tell(workspace_id, seen)

    def tell(self, workspace_id: int, seen: Seen) -> None:
        with self.lock:
            told, seen.own = seen.own, 0
            seen.known += told
            seen.asked_at = time.monotonic()
            if seen.asked_at < self.away_until:
                return
        keys = [f"calls:{workspace_id}:{seen.minute}", day_key(datetime.fromtimestamp(seen.minute * 60, UTC).date())]
        try:
            total = int(self.script(keys, [workspace_id, seen.cap, told]))
        except RedisError:
            self.away_until = time.monotonic() + TRY_AGAIN_AFTER
            return
        with self.lock:
            seen.known = max(seen.known, total)

    def highest(self, day: date) -> dict[int, int]:
        """The highest minute of each workspace that called on that day (UTC); of none while Valkey is away."""
        try:
            found: Any = self.redis.zrange(day_key(day), 0, -1, withscores=True)
        except RedisError:
            return {}
        return {int(workspace_id): int(score) for workspace_id, score in found}


def day_key(day: date) -> str:
    return f"calls:highest:{day.isoformat()}"


@cache
def calls() -> Calls:
    return Calls(settings().redis_url)
