"""The outbox: work that must follow a change, written in the change's own transaction.

`bus.outbox` is the queue and Valkey only its bell. A row is ready, or waits until `next_at`: for its due time, for the
next attempt, or for the end of a lease. The relay finds which workspaces have something ready and sees that a turn for
each stands in the line of its queue at RQ (core.jobs.turn): never more than one, however many rows wait, so that a
hundred thousand of one workspace delay nobody else's. What Valkey forgets is called again in the next round.

Rows of the queue "bell" are events: the relay itself rings the pages that are open in that workspace (crm.stream).
Only those that are news, or that a process waits for (core.events), go on to the subscribers, since a worker's turn for
every change would cost more than the change. A row may say when its workspace `wakes`: the relay keeps the earliest
such moment of each workspace in `bus.wake`, and the clock asks that table alone, however many workspaces there are
(crm.notifications.timed).
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import orjson
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, MetaData, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from core.db import Database, names, types
from core.ids import new_id

log = logging.getLogger(__name__)

POLL = 0.03  # seconds between rounds that found nothing
BATCH = 1000  # rows made ready, and bells rung, in one round
TOGETHER = 20  # workspaces of one turn
AGAIN = 0.15  # seconds after which a turn that was just taken out of the line may be called again
# What a line of RQ does not tell apart from a hang, which its worker then ends (seconds).
LIMITS: dict[str, int] = {"urgent": 120, "default": 600, "bulk": 6 * 3600}
QUEUES = tuple(LIMITS)  # in the order in which workers look at them

QueueName = Literal["urgent", "default", "bulk"]
Topic = Literal["event", "wake", "job"]
Pair = tuple[str, str]
SUBSCRIBERS: dict[str, Callable[..., Any]] = {}


class BusBase(DeclarativeBase):
    """Tables through which workspaces hand work over, in the schema `bus`. Workspaces may only insert."""

    metadata = MetaData(schema="bus", naming_convention=names)
    type_annotation_map = types


class Outbox(BusBase):
    """`next_at` is when a row became ready or will. `attempt` counts every start and is the fence, `failures` counts
    those that ended with an error, `crashes` those whose worker ended. `holder` is the worker that has the lease."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("queue in ('bell', 'urgent', 'default', 'bulk')", name="queue"),
        Index("ix_outbox_ready", "queue", "role", "id", postgresql_where=text("ready")),
        Index("ix_outbox_waiting", "next_at", postgresql_where=text("not ready")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    role: Mapped[str] = mapped_column(server_default=text("current_user"))
    topic: Mapped[str]
    queue: Mapped[str] = mapped_column(server_default="default")
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ready: Mapped[bool] = mapped_column(server_default=true())
    next_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    attempt: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    crashes: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    holder: Mapped[str] = mapped_column(server_default="")


class Failed(BusBase):
    """Work given up after its last attempt, with the trace, to be looked at and run again."""

    __tablename__ = "failed"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    role: Mapped[str]
    topic: Mapped[str]
    queue: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
    attempt: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    trace: Mapped[str]


class Wake(BusBase):
    """When a workspace wants to be looked at by the clock. `stamp` counts the wishes, so that whoever looks does not
    overwrite one that came meanwhile."""

    __tablename__ = "wake"
    __table_args__ = (Index(None, "at"),)

    role: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    stamp: Mapped[int] = mapped_column(BigInteger, server_default="1")


def put(
    session: Session, topic: Topic, payload: dict[str, Any], queue: QueueName | None = None, due: datetime | None = None
) -> None:
    """Add a row within the session's transaction. The database itself notes whose it is.

    Topics: "event" (written by actions), "wake" (only a moment at which the clock must look at the workspace), both
    for the relay itself; "job" ({"job": name, ...arguments by name}; see core.jobs), which names its queue. With `due`,
    it is not looked at before that time.
    """
    session.execute(PUT, {"topic": topic, "queue": queue or "bell", "payload": dump(payload), "due": due})


PUT = text("""
insert into bus.outbox (topic, queue, payload, ready, next_at)
values (:topic, :queue, cast(:payload as jsonb), cast(:due as timestamptz) is null,
    coalesce(cast(:due as timestamptz), now()))
""")


def dump(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def wake(session: Session, at: datetime) -> None:
    """Let the clock look at the session's workspace at this moment, or soon after."""
    put(session, "wake", {"wakes": at})


def subscribe(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a subscriber to news: `function(place, payload)`, called by a job for each outbox row, at least once."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        SUBSCRIBERS[name] = function
        return function

    return declare


def relay(database: Database, redis: Redis, stopping: Callable[[], bool]) -> None:
    """Make due rows ready, ring and call, until asked to stop. Two relays at once do no harm; none means later, never
    lost."""
    seen: dict[Pair, float] = {}
    while not stopping():
        try:
            done = offer(database, redis, seen)
        except (RedisError, DBAPIError) as error:
            log.warning("the relay waits: %s", type(error).__name__)
            time.sleep(1)
            continue
        if not done:
            time.sleep(POLL)


def offer(database: Database, redis: Redis, seen: dict[Pair, float] | None = None) -> int:
    """One round. Returns how many rows became ready, bells were rung and turns called. `seen` is what the relay
    remembers from round to round: when a turn of each queue and role last stood in the line."""
    with database.controlling() as control:
        woken = len(control.execute(WAKE).all())
        pairs: list[Pair] = [(row.queue, row.role) for row in control.execute(READY)]
    rung = ring(database, redis, [role for queue, role in pairs if queue == "bell"])
    return woken + rung + call(redis, [pair for pair in pairs if pair[0] != "bell"], {} if seen is None else seen)


WAKE = text(f"""
update bus.outbox set ready = true, crashes = crashes + (lease_until is not null)::int, lease_until = null, holder = ''
where id = any(array(
    select id from bus.outbox where not ready and next_at <= now() order by next_at limit {BATCH}
    for update skip locked
)) returning id
""")  # noqa: S608 (constants of this module)

# The queues and roles that have ready rows, jumping along the index from one pair to the next: what it costs grows with
# the pairs, not with the rows.
READY = text("""
with recursive pair as (
    (select queue, role from bus.outbox where ready order by queue, role limit 1)
    union all
    select further.queue, further.role from pair cross join lateral (
        select queue, role from bus.outbox where ready and (queue, role) > (pair.queue, pair.role)
        order by queue, role limit 1
    ) further
)
select queue, role from pair
""")


def ring(database: Database, redis: Redis, roles: list[str]) -> int:
    """Tell the open pages of these workspaces what changed. A row that was rung goes on to the subscribers, or goes."""
    if not roles:
        return 0
    with database.controlling() as control:
        bells = control.execute(BELLS, {"roles": roles, "each": max(1, BATCH // len(roles))}).all()
        with redis.pipeline(transaction=False) as pipe:
            for row in bells:
                if row.topic == "event":
                    bell = {name: row.payload[name] for name in ("kinds", "request", "members") if name in row.payload}
                    pipe.publish(f"live:{row.role}", orjson.dumps(bell))
            pipe.execute()
        wishes = [(row.role, row.payload["wakes"]) for row in bells if "wakes" in row.payload]
        if wishes:
            roles, moments = map(list, zip(*wishes, strict=True))
            control.execute(WISH, {"roles": roles, "moments": moments})
        news = [row.id for row in bells if row.payload.get("news") or row.payload.get("awaited")] if SUBSCRIBERS else []
        control.execute(HEARD, {"ids": news})
        control.execute(GONE, {"ids": [row.id for row in bells if row.id not in set(news)]})
    return len(bells)


WISH = text("""
insert into bus.wake (role, at)
select role, min(at) from unnest(cast(:roles as text[]), cast(:moments as timestamptz[])) as given (role, at)
group by role order by role
on conflict (role) do update set at = least(wake.at, excluded.at), stamp = wake.stamp + 1
""")


BELLS = text("""
select bell.* from unnest(cast(:roles as text[])) as listed (role) cross join lateral (
    select id, role, topic, payload from bus.outbox where ready and queue = 'bell' and role = listed.role
    order by id limit :each for update skip locked
) bell
""")
HEARD = text("update bus.outbox set queue = 'default' where id = any(:ids)")
GONE = text("delete from bus.outbox where id = any(:ids)")


def call(redis: Redis, pairs: list[Pair], seen: dict[Pair, float]) -> int:
    """See that a turn of each queue and role stands in the line. Returns how many turns were called."""
    now = time.monotonic()
    called = 0
    for name in dict.fromkeys(queue for queue, _role in pairs):
        queue = Queue(name, connection=redis, serializer=JSONSerializer)
        standing = {(name, role) for turn in queue.get_job_ids() for role in roles_of(turn)}
        seen.update(dict.fromkeys(standing, now))
        missing = [pair for pair in pairs if pair[0] == name and now - seen.get(pair, -AGAIN) >= AGAIN]
        size = 1 if name == "bulk" else TOGETHER
        for at in range(0, len(missing), size):
            enqueue(queue, [role for _queue, role in missing[at : at + size]])
            called += 1
        seen.update(dict.fromkeys(missing, now))
    return called


def enqueue(queue: Any, roles: list[str]) -> None:
    """A turn, named by its workspaces, so that the line itself says who stands in it."""
    queue.enqueue(
        "core.jobs.turn", queue.name, roles, job_id="-".join([*roles, new_id().hex]),
        job_timeout=LIMITS[queue.name], result_ttl=0, failure_ttl=60,
    )  # fmt: skip


def roles_of(turn: str) -> list[str]:
    return turn.split("-")[:-1]
