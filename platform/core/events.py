"""What happened: one row for each record an action changed, with the values before and after.

The audit log, the timeline, webhooks, processes and the live refresh of pages all read these rows. A workspace's role
may insert and select them, never update or delete.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import Index, inspect, text
from sqlalchemy import event as orm_event
from sqlalchemy.orm import Mapped, Session, UOWTransaction, mapped_column

from core.db import Base
from core.ids import new_id
from core.masking import unmasked
from core.outbox import dump, put
from core.records import KINDS, Record

if TYPE_CHECKING:
    from core.actor import Actor

Change = Literal["created", "changed", "deleted", "restored", "noted"]


class Event(Base):
    """`action` is what was asked for ("deal.win"); `change` is what that did to the record named by kind and id."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "record_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    action: Mapped[str]
    kind: Mapped[str]
    change: Mapped[str]
    record_id: Mapped[UUID]
    member_id: Mapped[UUID | None]
    via: Mapped[str]
    request_id: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    title: Mapped[str] = mapped_column(server_default="")
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class Changes:
    """What a transaction has changed so far: each record with its values before the first flush that touched it."""

    def __init__(self) -> None:
        self.before: dict[Record, dict[str, Any] | None] = {}

    def note(self, session: Session) -> None:
        for record in session.new:
            if isinstance(record, Record):
                self.before.setdefault(record, None)
        for record in session.dirty:
            if isinstance(record, Record) and session.is_modified(record):
                self.before.setdefault(record, values_before(record))

    def rows(self, actor: "Actor", action: str) -> tuple[list[dict[str, Any]], datetime | None]:
        """The events, and when the clock must look at what they changed."""
        found = [(record, row) for record, before in self.before.items() if (row := describe(record, before))]
        common = {
            "action": action,
            "member_id": actor.member.id,
            "via": actor.via,
            "request_id": actor.request_id,
            "address": actor.address,
        }
        wakes = [
            moment for record, row in found if (moment := record.wakes(row["after"].keys() | row["before"].keys()))
        ]
        return [{"id": new_id(), **common, **row} for _record, row in found], min(wakes, default=None)


def values_before(record: Record) -> dict[str, Any]:
    attributes = inspect(record).attrs
    return {name: (attributes[name].history.deleted or [value])[0] for name, value in record.values().items()}


def describe(record: Record, before: dict[str, Any] | None) -> dict[str, Any] | None:
    """The event of one record: only the values that differ, or nothing when none does."""
    after = record.values()
    if before is None:
        change: Change = "created"
        was: dict[str, Any] = {}
        now = {name: value for name, value in after.items() if value not in (None, [], {}, "")}
    else:
        was = {name: value for name, value in before.items() if value != after[name]}
        now = {name: after[name] for name in was}
        if not was:
            return None
        change = "changed"
        if "deleted_at" in was:
            change = "restored" if after["deleted_at"] is None else "deleted"
    return {
        "kind": record.kind,
        "change": change,
        "record_id": record.id,
        "title": record.title()[:200],
        "before": was,
        "after": now,
    }


def watching(session: Session) -> bool:
    """Whether an action is noting changes of this session already; an action inside another joins it."""
    return "changes" in session.info


@contextmanager
def watched(actor: "Actor", action: str) -> Iterator[None]:
    """Note what changes inside; at the end write the events and one pointer in the outbox, in the same transaction."""
    changes = actor.db.info["changes"] = Changes()
    try:
        with unmasked(actor.db):
            yield
            actor.db.flush()
    finally:
        del actor.db.info["changes"]
    rows, wakes = changes.rows(actor, action)
    if rows:
        kinds = sorted({row["kind"] for row in rows})
        bell = payload(actor, action, [row["id"] for row in rows], kinds, any(map(is_news, rows)), wakes)
        actor.db.connection().execute(WRITE, {"events": dump(rows), "bell": dump(bell)})


def is_news(row: Mapping[str, Any]) -> bool:
    """Whether somebody may have to be told: a column of the kind's `news` has a value, which is not the one who acts;
    or the event itself says whom to tell. Most events tell nobody, and wake no subscriber."""
    model, after = KINDS.get(row["kind"]), row["after"]
    by = row["member_id"] if row["via"] != "process" else None  # nobody does what a process does in their name
    named = model is not None and any(after.get(name) not in (None, by) for name in model.news)
    return named or "tell" in after


# Events and their pointer in one statement, of one shape for any number of them, so that it stays prepared. What a
# process of the workspace waits for (the table `awaited`) is marked in the pointer, and handed on as news is.
WRITE = text("""
with given as (
    select * from jsonb_to_recordset(cast(:events as jsonb)) as given (
        id uuid, action text, kind text, change text, record_id uuid, member_id uuid, via text, request_id text,
        address text, title text, before jsonb, after jsonb
    )
), written as (
    insert into event (id, action, kind, change, record_id, member_id, via, request_id, address, title, before, after)
    select id, action, kind, change, record_id, member_id, via, request_id, address, title, before, after from given
)
insert into bus.outbox (topic, queue, payload) select 'event', 'bell', cast(:bell as jsonb) || cast(case when exists (
    select from given join awaited on awaited.event in (given.action, given.kind || '.' || given.change)
    where awaited.field = '' or given.after ? awaited.field or given.before ? awaited.field
) then '{"awaited": true}' else '{}' end as jsonb)
""")


@orm_event.listens_for(Session, "before_flush")
def note_changes(session: Session, _context: UOWTransaction, _instances: object) -> None:
    changes = session.info.get("changes")
    if changes is not None:
        changes.note(session)


def note(
    actor: "Actor",
    action: str,
    kind: str,
    record_id: UUID,
    title: str,
    *,
    change: Change = "noted",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One event of its own, of what is no record here or changed none: a setting, a sign-in, an export. `tell` in
    `after` is the member who has to hear of it (crm.notifications)."""
    event_id = new_id()
    row = {
        "id": event_id, "action": action, "kind": kind, "change": change, "record_id": record_id,
        "member_id": actor.member.id, "via": actor.via, "request_id": actor.request_id, "address": actor.address,
        "title": title[:200], "before": before or {}, "after": after or {},
    }  # fmt: skip
    bell = payload(actor, action, [event_id], [kind], is_news(row))
    actor.db.connection().execute(WRITE, {"events": dump([row]), "bell": dump(bell)})


def note_by_itself(
    session: Session,
    action: str,
    kind: str,
    happened: Iterable[tuple[UUID, str, Mapping[str, Any]]],
    *,
    change: Change = "noted",
    via: str = "job",
) -> None:
    """Events that nobody did: a time has come, or work has ended. `happened` has the record's id, its title, and what
    goes into `after`, of each."""
    common: dict[str, Any] = {
        "action": action, "kind": kind, "change": change, "member_id": None, "via": via, "request_id": "",
        "address": "", "before": {},
    }  # fmt: skip
    rows = [
        {"id": new_id(), "record_id": record_id, "title": title[:200], "after": after, **common}
        for record_id, title, after in happened
    ]
    bell: dict[str, Any] = {"action": action, "events": [row["id"] for row in rows], "kinds": [kind], "request": ""}
    if any(is_news(row) for row in rows):
        bell["news"] = True
    if rows:
        session.connection().execute(WRITE, {"events": dump(rows), "bell": dump(bell)})


def announce(actor: "Actor", action: str, ids: list[UUID], kinds: list[str], *, news: bool = False) -> None:
    """Ring the bell for events that are written: once a transaction, whatever their number. With `news`, subscribers
    hear of them."""
    put(actor.db, "event", payload(actor, action, ids, kinds, news))


def payload(
    actor: "Actor", action: str, ids: list[UUID], kinds: list[str], news: bool = False, wakes: datetime | None = None
) -> dict[str, Any]:
    said: dict[str, Any] = {"action": action, "events": ids, "kinds": kinds, "request": actor.request_id}
    if news:
        said["news"] = True
    if wakes:
        said["wakes"] = wakes
    return said
