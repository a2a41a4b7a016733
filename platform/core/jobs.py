"""Jobs: what runs later, in a worker, inside the workspace that asked for it.

    @job("import.run")
    def run(place: Place, import_id: str) -> None: ...

A job is asked for by `later(session, "import.run", import_id=...)` in the transaction it belongs to. The worker takes
a lease on the outbox row and renews it while the job runs; a worker that dies loses the lease and another goes on. A
job must therefore be safe to start again: it writes its effect and its mark (`once`) in one transaction.
"""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Database, Workspace, database
from core.outbox import SUBSCRIBERS, put

log = logging.getLogger(__name__)

LEASE = "10 seconds"
OFFER_AFTER_DEATH = "12 seconds"
RENEW = 3.0
PAUSES = (5, 30, 120, 600)  # seconds before the second to the fifth attempt
ATTEMPTS = len(PAUSES) + 1


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


JOBS: dict[str, Callable[..., None]] = {}
PATIENCE: dict[str, tuple[int, ...]] = {}
LOCATORS: list[Callable[[str], Workspace | None]] = []


def job(name: str, pauses: tuple[int, ...] = PAUSES) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a job. `pauses` are the seconds to wait before each further attempt after one that failed."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        JOBS[name] = function
        PATIENCE[name] = pauses
        return function

    return declare


def later(session: Session, name: str, /, **arguments: str | int | UUID) -> None:
    """Ask for a job in the session's transaction: identifiers only, since rights and values are read when it runs."""
    if name not in JOBS:
        raise LookupError(f"no such job: {name}")
    put(session, "job", {"job": name, "arguments": arguments})


def once(session: Session, subscriber: str, work_id: int | str | UUID) -> bool:
    """Whether this effect is still to be done; marks it as done in the session's transaction."""
    mark = insert(Done).values(subscriber=subscriber, work_id=str(work_id)).on_conflict_do_nothing()
    return session.execute(mark.returning(Done.work_id)).first() is not None


def deliver(work_id: int) -> None:
    """What RQ calls with the number of an outbox row: take the lease, do the work, remove the row."""
    base = database()
    with base.controlling() as control:
        row = control.execute(
            text(f"""
            update bus.outbox set attempt = attempt + 1, lease_until = now() + interval '{LEASE}',
                next_at = now() + interval '{OFFER_AFTER_DEATH}'
            where id = :id and (lease_until is null or lease_until < now())
            returning id, role, topic, payload, attempt
            """),  # noqa: S608 (constants of this module)
            {"id": work_id},
        ).first()
    if row is None:
        return
    try:
        with lease(base, row.id, row.attempt) as still_ours:
            workspace = None if row.role == "okno_control" else locate(row.role)
            perform(Place(base, workspace, row.id, still_ours), row.topic, row.payload)
    except Exception as error:
        log.exception("work %s failed, attempt %s", row.id, row.attempt)
        pauses = () if isinstance(error, GiveUp) else PATIENCE.get(row.payload.get("job"), PAUSES)
        give_back(base, row.id, row.attempt, traceback.format_exc(), pauses)
        return
    with base.controlling() as control:
        control.execute(
            text("delete from bus.outbox where id = :id and attempt = :attempt"), {"id": row.id, "attempt": row.attempt}
        )


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


@contextmanager
def lease(base: Database, work_id: int, attempt: int) -> Iterator[Callable[[], bool]]:
    """Renew the lease in the background. The function yielded tells whether the work is still ours."""
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not ended.wait(RENEW):
            try:
                with base.controlling() as control:
                    kept = control.execute(
                        text(f"""
                        update bus.outbox set lease_until = now() + interval '{LEASE}',
                            next_at = now() + interval '{OFFER_AFTER_DEATH}'
                        where id = :id and attempt = :attempt and lease_until > now() returning id
                        """),  # noqa: S608 (constants of this module)
                        {"id": work_id, "attempt": attempt},
                    ).first()
            except DBAPIError as error:
                log.warning("the lease of work %s was not renewed: %s", work_id, type(error).__name__)
                continue
            if kept is None:
                lost.set()
                return

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield lambda: not lost.is_set()
    finally:
        ended.set()
        thread.join()


def give_back(base: Database, work_id: int, attempt: int, trace: str, pauses: tuple[int, ...] = PAUSES) -> None:
    """Let another attempt come after a pause; after the last, keep the work in `bus.failed` with its trace."""
    with base.controlling() as control:
        if attempt > len(pauses):
            control.execute(
                text("""
                with gone as (delete from bus.outbox where id = :id and attempt = :attempt returning *)
                insert into bus.failed (id, role, topic, payload, at, trace)
                select id, role, topic, payload, at, :trace from gone
                """),
                {"id": work_id, "attempt": attempt, "trace": trace[-20_000:]},
            )
        else:
            control.execute(
                text("""
                update bus.outbox set lease_until = null, next_at = now() + make_interval(secs => :pause)
                where id = :id and attempt = :attempt
                """),
                {"id": work_id, "attempt": attempt, "pause": pauses[attempt - 1]},
            )
