"""Calls of the API by the minute: how many a workspace has made in the present one, and its highest of each day.

Counted in Valkey for all processes together, by one short script. While Valkey is away each process counts by itself,
so that nothing is closed; the highest minutes of that time are not noted.
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
COUNT = f"""
local calls = redis.call('incr', KEYS[1])
if calls == 1 then redis.call('expire', KEYS[1], 120) end
local highest = math.min(calls, tonumber(ARGV[2]))
redis.call('zadd', KEYS[2], 'gt', highest, ARGV[1])
if calls == 1 then redis.call('expire', KEYS[2], {KEPT}) end
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


class Calls:
    """The counts of this process's Valkey, or its own while that is away."""

    def __init__(self, redis_url: str):
        self.redis = Redis.from_url(redis_url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self.script = self.redis.register_script(COUNT)
        self.away_until = 0.0
        self.own: dict[int, int] = {}
        self.own_minute = 0
        self.lock = Lock()

    def note(self, workspace_id: int, cap: int) -> Minute:
        """One more call. Raises TooManyCalls."""
        now = time.time()
        number, second = divmod(int(now), 60)
        minute = Minute(cap, self.noted(workspace_id, cap, number), 60 - second)
        if minute.used > cap:
            raise TooManyCalls(minute)
        return minute

    def noted(self, workspace_id: int, cap: int, minute: int) -> int:
        if time.monotonic() >= self.away_until:
            try:
                keys = [f"calls:{workspace_id}:{minute}", day_key(datetime.fromtimestamp(minute * 60, UTC).date())]
                return int(self.script(keys, [workspace_id, cap]))
            except RedisError:
                self.away_until = time.monotonic() + TRY_AGAIN_AFTER
        return self.noted_here(workspace_id, minute)

    def noted_here(self, workspace_id: int, minute: int) -> int:
        with self.lock:
            if minute != self.own_minute:
                self.own, self.own_minute = {}, minute
            self.own[workspace_id] = self.own.get(workspace_id, 0) + 1
            return self.own[workspace_id]

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
