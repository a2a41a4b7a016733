"""What isolation, events and the outbox cost, and how soon a change is on the open pages."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import orjson
from redis import Redis
from sqlalchemy import text

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import ROOT
from bench.timing import Times, in_turn
from core.db import Workspace, make_engine
from crm.contacts.actions import change
from crm.contacts.models import Contact
from tenants.members import acting_identity

RATE = 200
SECONDS = 10


def prologue(grounds: Grounds) -> Iterator[Figure]:
    """A transaction that reads one contact by its id: in its workspace's role and path, and bare by a full name."""
    ground = grounds.few
    workspace = ground.workspace("size-1k", contacts=1_000)
    ids = some_ids(ground, workspace, 500)
    bare_engine = make_engine(ground.urls.owner)
    inside = ground.database.ws.execution_options(workspace=workspace)
    ours, bare = (
        text("select name from contact where id = :id"),
        text(f"select name from {workspace.schema}.contact where id = :id"),
    )

    def read(engine: object, statement: object, at: int) -> None:
        with engine.begin() as connection:  # type: ignore[attr-defined]
            connection.execute(statement, {"id": ids[at % len(ids)]}).one()

    floor, entered = in_turn(
        lambda at: read(bare_engine, bare, at), lambda at: read(inside, ours, at), times=2_000, warm=50
    )
    bare_engine.dispose()
    yield Figure("a workspace's transaction", str(entered), str(floor), entered.p50 / floor.p50, 1.5)


def event(grounds: Grounds) -> Iterator[Figure]:
    """A contact's position changed by the action, and by the same session without event and outbox.

    Then 200 such changes a second through the real relay: from the commit to the message in Valkey.
    """
    ground = grounds.few
    workspace = ground.workspace("size-1k", contacts=1_000)
    ids = some_ids(ground, workspace, 500)

    def with_event(at: int) -> None:
        with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor:
            change(actor, change.parse({"id": ids[at % len(ids)], "position": f"position {at}"}))

    def without(at: int) -> None:
        with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor, actor.transaction():
            contact = actor.take(Contact, ids[at % len(ids)], "edit")
            contact.position = f"bare {at}"
            contact.index(actor.workspace.language)

    bare, ours = in_turn(without, with_event, times=600, warm=20)
    yield Figure(
        "a change with event and outbox", f"{1000 / ours.p50:.0f}/s ({ours})", f"{1000 / bare.p50:.0f}/s ({bare})",
        bare.p50 / ours.p50, 0.6, at_least=True,
    )  # fmt: skip
    late = Times(sorted(delays(ground, workspace)))
    yield Figure(f"commit to subscriber at {RATE} changes/s", str(late), "-", late.p95, 50, unit=" ms")


def some_ids(ground: Ground, workspace: Workspace, number: int) -> list[UUID]:
    with ground.owner() as owner:
        rows = owner.execute(f"select id from {workspace.schema}.contact order by id limit {number}").fetchall()
    return [row[0] for row in rows]


def delays(ground: Ground, workspace: Workspace) -> list[float]:
    """Milliseconds from each commit to its message on the workspace's channel. Only the outbox rows are written, since
    what the changes themselves take is not the question."""
    committed: list[float] = []
    arrived: dict[str, float] = {}
    ended = threading.Event()
    with Redis.from_url(ground.settings.redis_url) as redis, relaying(ground), ground.owner() as owner:
        listening = redis.pubsub(ignore_subscribe_messages=True)
        listening.subscribe(f"live:{workspace.role}")

        def listen() -> None:
            while not ended.is_set():
                message = listening.get_message(timeout=0.2)
                if message:
                    arrived[orjson.loads(message["data"])["request"]] = time.perf_counter()

        def change_now(request: str) -> None:
            payload = {"action": "contact.edit", "events": [], "kinds": ["contact"], "request": request}
            owner.execute(
                "insert into bus.outbox (role, topic, queue, payload) values (%s, 'event', 'bell', %s)",
                (workspace.role, orjson.dumps(payload).decode()),
            )

        listener = threading.Thread(target=listen)
        listener.start()
        change_now("ready")
        deadline = time.monotonic() + 60
        while "ready" not in arrived and time.monotonic() < deadline:
            time.sleep(0.1)
        began = time.perf_counter()
        for number in range(RATE * SECONDS):
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            change_now(str(number))
            committed.append(time.perf_counter())
        time.sleep(1)
        ended.set()
        listener.join()
        redis.flushdb()
    if len(arrived) <= len(committed):
        raise RuntimeError(f"only {len(arrived) - 1} of {len(committed)} changes arrived")
    return [max(0.0, (arrived[str(number)] - at) * 1000) for number, at in enumerate(committed)]


@contextmanager
def relaying(ground: Ground) -> Iterator[None]:
    """The relay as `make run` starts it, with nothing left from before."""
    with ground.owner() as owner:
        owner.execute("truncate bus.outbox")
    command = [sys.executable, "-c", "from crm.cli import main; main()", "relay"]
    environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    with subprocess.Popen(command, env=environ) as relay:
        try:
            yield
        finally:
            relay.terminate()
