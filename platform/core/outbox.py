"""The outbox: work that must follow a change, written in the change's own transaction.

`bus.outbox` is the queue and Valkey only its bell. The relay offers each row to RQ and forgets nothing: a row goes when
its effect is committed, not when it was handed over, and a row that was offered 60 s ago and is still there is offered
again. Rows of topic "event" also ring the pages that are open in that workspace (crm.stream); only those that are news
(core.events) go on to the subscribers, since a worker's child for every change would cost more than the change.

A row may say when its workspace `wakes`: the relay keeps the earliest such moment of each workspace in `bus.wake`, and
the clock asks that table alone, however many workspaces there are (crm.notifications.timed).
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import BigInteger, Identity, Index, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from core.db import Database, names, types

log = logging.getLogger(__name__)

BATCH = 100
OFFER_AGAIN = "60 seconds"
POLL = 0.03

SUBSCRIBERS: dict[str, Callable[..., Any]] = {}


class BusBase(DeclarativeBase):
    """Tables through which workspaces hand work over, in the schema `bus`. Workspaces may only insert."""

    metadata = MetaData(schema="bus", naming_convention=names)
    type_annotation_map = types


class Outbox(BusBase):
    __tablename__ = "outbox"
    __table_args__ = (Index(None, "next_at", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    role: Mapped[str] = mapped_column(server_default=text("current_user"))
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    next_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    attempt: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]


class Failed(BusBase):
    """Work given up after its last attempt, with the trace, to be looked at and run again."""

    __tablename__ = "failed"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    role: Mapped[str]
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
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


def put(session: Session, topic: str, payload: dict[str, Any]) -> None:
    """Add a row within the session's transaction. The database itself notes whose it is.

    Topics: "event" (written by actions), "job" ({"job": name, ...arguments by name}; see core.jobs), "wake" (only a
    moment at which the clock must look at the workspace).
    """
    session.execute(
        text("insert into bus.outbox (topic, payload) values (:topic, cast(:payload as jsonb))"),
        {"topic": topic, "payload": orjson.dumps(payload, default=str).decode()},
    )


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
    """Offer rows to RQ until asked to stop. Two relays at once do no harm; none means later, never lost."""
    while not stopping():
        try:
            offered = offer(database, redis)
        except (RedisError, OperationalError) as error:
            log.warning("the relay waits: %s", type(error).__name__)
            time.sleep(1)
            continue
        if not offered:
            time.sleep(POLL)


CLAIM = text(f"""
update bus.outbox set next_at = now() + interval '{OFFER_AGAIN}'
where id in (
    select id from bus.outbox where next_at <= now() order by next_at, id limit {BATCH} for update skip locked
) returning id, role, topic, payload
""")  # noqa: S608 (constants of this module)


def offer(database: Database, redis: Redis) -> int:
    """Claim one batch, ring the open pages, hand the rest to RQ. Returns how many rows were claimed."""
    with database.controlling() as control:
        rows = control.execute(CLAIM).all()
    if not rows:
        return 0
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    done, wakes = [], []
    with redis.pipeline() as pipe:
        pipe.multi()  # before the first command, or RQ refuses the pipeline
        for row in rows:
            if row.topic == "event":
                bell = {name: row.payload[name] for name in ("kinds", "request", "members") if name in row.payload}
                pipe.publish(f"live:{row.role}", orjson.dumps(bell))
            if "wakes" in row.payload:
                wakes.append((row.role, row.payload["wakes"]))
            if row.topic == "wake" or (row.topic == "event" and not row.payload.get("news")):
                done.append(row.id)
                continue
            queue.enqueue(
                "core.jobs.deliver", row.id, job_id=f"outbox-{row.id}", pipeline=pipe, result_ttl=0, job_timeout=3600
            )
        pipe.execute()
    if done or wakes:
        with database.controlling() as control:
            if wakes:
                roles, moments = zip(*wakes, strict=True)
                control.execute(WAKE, {"roles": list(roles), "moments": list(moments)})
            control.execute(text("delete from bus.outbox where id = any(:ids)"), {"ids": done})
    return len(rows)


WAKE = text("""
insert into bus.wake (role, at)
select role, min(at) from unnest(cast(:roles as text[]), cast(:moments as timestamptz[])) as given (role, at)
group by role order by role
on conflict (role) do update set at = least(wake.at, excluded.at), stamp = wake.stamp + 1
""")
