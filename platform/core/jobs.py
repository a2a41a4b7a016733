"""Jobs: what runs later, in a worker, inside the workspace that asked for it.

    @job("import.run", queue="bulk")
    def run(place: Place, import_id: str) -> None: ...

A job is asked for by `later(session, "import.run", import_id=...)` in the transaction it belongs to, or with `at=` for
a time to come; it then looks whether it is still wanted, so that what was moved or deleted needs no calling off. The
worker takes a lease on the outbox row and renews it while the job runs; a worker that dies loses the lease and another
goes on. A job must therefore be safe to start again: it writes its effect and its mark (`once`) in one transaction.

Queues: "urgent" for what somebody waits for (mail about accounts, reminders), "bulk" for what may take long (imports,
exports, backups), "default" for all else.
"""

import logging
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Database, Workspace, database
from core.outbox import LIMITS, SUBSCRIBERS, QueueName, put

log = logging.getLogger(__name__)

LEASE = 10.0  # seconds
RENEW = 3.0
PAUSES = (5, 30, 120, 600)  # seconds before the second to the fifth attempt
ATTEMPTS = len(PAUSES) + 1
CRASHES = 10  # attempts that took their worker with them
# What a job lets through that otherwise tells people why it failed: the database was away or too slow, and the work
# comes back by itself.
TRY_AGAIN = (OperationalError, InterfaceError, InternalError, PoolTimeout)
PAUSE_AWAY = 5  # seconds, where the database went away meanwhile
# Seconds after which a turn begins no further work, so that others have theirs.
TURN: dict[str, float] = {"urgent": 0.5, "default": 0.5, "bulk": 0.0}


class Done(Base):
    """Marks of effects that must happen once; written in the effect's own transaction."""

    __tablename__ = "done"

    subscriber: Mapped[str] = mapped_column(primary_key=True)
    work_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


@dataclass(frozen=True)
class Place:
    """Where a job works. `workspace` is None for work of the service itself, such as mail of the sign-up."""

    database: Database
    workspace: Workspace | None
    work_id: int
    still_ours: Callable[[], bool]

    def here(self) -> Workspace:
        if self.workspace is None:
            raise RuntimeError("this job was asked for outside any workspace")
        return self.workspace


class GiveUp(Exception):
    """Raised by a job whose work cannot succeed however often it is tried: it is kept in `bus.failed` at once."""


class OutOfTime(Exception):
    """The job ran longer than its limit."""


@dataclass(frozen=True)
class Terms:
    """How a job is treated. `pauses` are the seconds to wait before each further attempt after one that failed, `limit`
    those that one attempt may take."""

    queue: QueueName = "default"
    pauses: tuple[int, ...] = PAUSES
    limit: float = LIMITS["default"]


JOBS: dict[str, Callable[..., None]] = {}
TERMS: dict[str, Terms] = {}
LOCATORS: list[Callable[[str], Workspace | None]] = []


def job(
    name: str, pauses: tuple[int, ...] = PAUSES, *, queue: QueueName = "default", limit: float | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a job; see Terms. At most the queue's own limit is allowed, which is also what is left out."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        JOBS[name] = function
        TERMS[name] = Terms(queue, pauses, min(limit or LIMITS[queue], LIMITS[queue]))
        return function

    return declare


def later(session: Session, name: str, /, *, at: datetime | None = None, **arguments: str | int | UUID) -> None:
    """Ask for a job in the session's transaction, not before `at`: identifiers only, since rights and values are read
    when it runs."""
    if name not in JOBS:
        raise LookupError(f"no such job: {name}")
    put(session, "job", {"job": name, "arguments": arguments}, TERMS[name].queue, at)


def once(session: Session, subscriber: str, work_id: int | str | UUID) -> bool:
    """Whether this effect is still to be done; marks it as done in the session's transaction."""
    return bool(once_each(session, subscriber, [str(work_id)]))


def once_each(session: Session, subscriber: str, work_ids: Iterable[str]) -> set[str]:
    """Which of these effects are still to be done; marks them as `once` does."""
    return set(session.scalars(MARKS, {"subscriber": subscriber, "work_ids": sorted(work_ids)}))


MARKS = text("""
insert into done (subscriber, work_id) select :subscriber, unnest(cast(:work_ids as text[]))
on conflict do nothing returning work_id
""")


def along(place: Place, name: str, most: int) -> dict[int, dict[str, Any]]:
    """Further ready work of the same job in the same workspace, the arguments by its id: a job may do it in one
    transaction with its own, and call `went_along` after that."""
    which = {"queue": TERMS[name].queue, "role": place.here().role, "job": name, "most": most}
    with place.database.controlling() as control:
        return {row.id: row.arguments for row in control.execute(ALONG, which)}


ALONG = text("""
select id, payload->'arguments' as arguments from bus.outbox
where ready and queue = :queue and role = :role and payload->>'job' = :job order by id limit :most
""")


def went_along(place: Place, work_ids: Collection[int]) -> None:
    """That work is done. What another worker took meanwhile is left to it, and finds the marks."""
    if work_ids:
        briefly(place.database, WENT_ALONG, {"ids": list(work_ids)})


WENT_ALONG = text("delete from bus.outbox where ready and id = any(:ids) returning bus.unhurried()")


def turn(queue: str, roles: list[str]) -> None:
    """What RQ calls: the next ready work of each of these roles, round and round, until none is left or the time of a
    turn is over. What is left then the relay calls again."""
    base = database()
    base.control.connect().close()  # a fresh child's way to the database is none of the turn's time
    until, standing = time.monotonic() + TURN[queue], deque(roles)
    with renewing(base) as leases:
        while standing:
            role = standing.popleft()
            if attend(base, leases, NEXT, {"queue": queue, "role": role}):
                standing.append(role)
            if time.monotonic() >= until:
                break
        remove(base, leases)


def deliver(work_id: int) -> None:
    """Do the work of this outbox row now, unless somebody has it in hand."""
    base = database()
    with renewing(base) as leases:
        attend(base, leases, THIS, {"id": work_id})
        remove(base, leases)


@dataclass
class Lease:
    """On a row in hand. `until` is when it ends by the clock of this process: one that was stopped for longer knows
    that before anything was renewed."""

    work_id: int
    attempt: int
    until: float

    def holds(self) -> bool:
        return time.monotonic() < self.until

    def renew(self, base: Database) -> None:
        began = time.monotonic()
        try:
            kept = briefly(base, RENEWED, {"id": self.work_id, "attempt": self.attempt})
        except (DBAPIError, PoolTimeout) as error:
            log.warning("the lease of work %s was not renewed: %s", self.work_id, type(error).__name__)
        else:
            self.until = began + LEASE if kept else 0.0


NOTHING = Lease(0, 0, 0.0)
RENEWED = text(f"""
update bus.outbox set lease_until = now() + interval '{LEASE} seconds', next_at = now() + interval '{LEASE} seconds'
where id = :id and attempt = :attempt and lease_until > now() returning bus.unhurried()
""")  # noqa: S608 (constants of this module)


@contextmanager
def renewing(base: Database) -> Iterator[list[Lease]]:
    """What a turn has in hand: nothing, or one row that is being done or is done and goes with the next claim. Whatever
    stands in this list is renewed in the background."""
    ended, leases = threading.Event(), list[Lease]()

    def renew() -> None:
        while not ended.wait(RENEW):
            for lease in list(leases):
                lease.renew(base)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield leases
    finally:
        ended.set()
        thread.join()


CLAIM = f"""
with done as (delete from bus.outbox where id = :done and attempt = :done_attempt returning bus.unhurried())
update bus.outbox set attempt = attempt + 1, ready = false, holder = :holder,
    lease_until = now() + interval '{LEASE} seconds', next_at = now() + interval '{LEASE} seconds'
where id = any(array(select id from bus.outbox where %s for update skip locked))
returning id, role, topic, payload, attempt, crashes, bus.unhurried()
"""  # noqa: S608 (constants of this module)
NEXT = text(CLAIM % "ready and queue = :queue and role = :role order by id limit 1")
THIS = text(CLAIM % "id = :id and (lease_until is null or lease_until < now())")
# Who does the work here; core.worker gives each worker's child its name.
holder = ""


def attend(base: Database, leases: list[Lease], claim: TextClause, values: dict[str, Any]) -> bool:
    """Remove the row that is done and take the lease of the next, in one statement, and do its work. Returns whether
    there was one."""
    began, done = time.monotonic(), leases.pop() if leases else NOTHING
    gone = {"done": done.work_id, "done_attempt": done.attempt}
    row = briefly(base, claim, {**values, **gone, "holder": holder})
    if row is None:
        return False
    leases.append(lease := Lease(row.id, row.attempt, began + LEASE))
    terms = terms_of(row.topic, row.payload)
    try:
        if row.crashes >= CRASHES:
            raise GiveUp(f"its worker ended {row.crashes} times while it was at this work")
        with time_limit(terms.limit):
            workspace = None if row.role == "okno_control" else locate(row.role)
            perform(Place(base, workspace, row.id, lease.holds), row.topic, row.payload)
    except Exception as error:
        log.exception("work %s failed, attempt %s", row.id, row.attempt)
        if went_away(error):
            hand_back(base, row.id, row.attempt, PAUSE_AWAY)
        else:
            pauses = () if isinstance(error, GiveUp) else terms.pauses
            give_back(base, row.id, row.attempt, traceback.format_exc(), pauses)
        leases.clear()
    return True


def remove(base: Database, leases: list[Lease]) -> None:
    """The row that was done last, which no claim follows."""
    for done in leases:
        briefly(base, REMOVE, {"id": done.work_id, "attempt": done.attempt})


REMOVE = text("delete from bus.outbox where id = :id and attempt = :attempt returning bus.unhurried()")


def briefly(base: Database, statement: TextClause, values: dict[str, Any]) -> Row[Any] | None:
    """The first row of a statement that is a transaction of its own and, by bus.unhurried() in it, does not wait
    for the disk: were it lost in a crash of the server, the work would come again and find its marks."""
    with base.control.connect() as control:
        control.execution_options(isolation_level="AUTOCOMMIT")
        return control.execute(statement, values).first()


def terms_of(topic: str, payload: dict[str, Any]) -> Terms:
    return TERMS.get(payload["job"], Terms()) if topic == "job" else Terms()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime inside after so many seconds. In the main thread alone, as signals are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTime(f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


IDLE = "25P03"  # the server ended a transaction in which nothing came for too long: the machine was too slow


def went_away(error: Exception) -> bool:
    """Whether the database was lost or stopped, which is not the job's fault."""
    if isinstance(error, PoolTimeout):
        return True
    state = getattr(error.orig, "sqlstate", "") if isinstance(error, DBAPIError) else ""
    return state is None or state.startswith(("08", "57P", IDLE))


def locate(role: str) -> Workspace:
    for find in LOCATORS:
        workspace = find(role)
        if workspace is not None:
            return workspace
    raise RuntimeError("the workspace that asked for this work is gone")


def perform(place: Place, topic: str, payload: dict[str, Any]) -> None:
    if topic == "job":
        JOBS[payload["job"]](place, **payload["arguments"])
        return
    for subscriber in SUBSCRIBERS.values():
        subscriber(place, payload)


def give_back(base: Database, work_id: int, attempt: int, trace: str, pauses: tuple[int, ...] = PAUSES) -> None:
    """Let another attempt come after a pause; after the last, keep the work in `bus.failed` with its trace."""
    with base.controlling() as control:
        values = {"id": work_id, "attempt": attempt}
        failures = control.scalar(FAILED_AGAIN, values)
        if failures is not None and failures > len(pauses):
            control.execute(KEEP, {**values, "trace": trace[-20_000:]})
        elif failures is not None:
            control.execute(PAUSED, {**values, "pause": pauses[failures - 1]})


FAILED_AGAIN = text("""
update bus.outbox set failures = failures + 1 where id = :id and attempt = :attempt returning failures
""")
KEEP = text("""
with gone as (delete from bus.outbox where id = :id and attempt = :attempt returning *)
insert into bus.failed (id, role, topic, queue, payload, at, attempt, trace)
select id, role, topic, queue, payload, at, attempt, :trace from gone
""")
PAUSED = text("""
update bus.outbox set lease_until = null, holder = '', next_at = now() + make_interval(secs => :pause)
where id = :id and attempt = :attempt
""")


def hand_back(base: Database, work_id: int, attempt: int, pause: int) -> None:
    """Let somebody else go on after a pause; this attempt was nobody's failure."""
    with base.controlling() as control:
        control.execute(PAUSED, {"id": work_id, "attempt": attempt, "pause": pause})


def release(base: Database, name: str, *, crashed: bool) -> None:
    """End the lease of a holder that has ended, so that another goes on at once."""
    with base.controlling() as control:
        control.execute(RELEASE, {"holder": name, "crashed": int(crashed)})


RELEASE = text("""
update bus.outbox set lease_until = null, holder = '', ready = true, next_at = now(), crashes = crashes + :crashed
where holder = :holder and not ready
""")
