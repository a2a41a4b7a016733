"""One change of many records at once: ticked in a list, done in one transaction, taken back by one Undo."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from flask_babel import gettext as _
from sqlalchemy import select

from core import events
from core.actions import Action
from core.actor import Actor
from core.db import as_uuid
from core.errors import Forbidden, Invalid, NotFound
from core.events import Event
from core.records import Record

MOST = 200
UNDO_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Outcome:
    """How many records were changed, and how many were left: gone meanwhile, or not the actor's to change."""

    done: int
    left: int


def ticked(ids: Iterable[str]) -> list[UUID]:
    """The records a list's form names. Raises Invalid for more than 200."""
    found = list(dict.fromkeys(record_id for text in ids if (record_id := as_uuid(text))))
    if len(found) > MOST:
        raise Invalid(("id", _("Select at most %(most)s at once.", most=MOST)))
    return found


def each(actor: Actor, action: Action[Any, Any], inputs: Iterable[dict[str, Any]]) -> Outcome:
    """The action for each input: stored together, with an event for every record and one bell for the open pages."""
    done = left = 0
    actor.require(action.right)
    parsed = [action.parse(values) for values in inputs]
    with actor.transaction(), events.watched(actor, action.name):
        for data in parsed:
            try:
                action(actor, data)
                done += 1
            except (NotFound, Forbidden):
                left += 1
    return Outcome(done, left)


def undo(
    actor: Actor, model: type[Record], request_id: str, restore: Action[Any, Any], change: Action[Any, Any]
) -> Outcome:
    """Take back what the actor's request did to records of this kind. What somebody changed since stays as it is."""
    since = UUID(int=int((datetime.now(UTC) - UNDO_WITHIN).timestamp() * 1000) << 80)
    query = select(Event).where(
        Event.id > since, Event.request_id == request_id, Event.member_id == actor.member.id, Event.kind == model.kind
    )
    rows = actor.db.scalars(query.order_by(Event.id.desc()).limit(MOST)).all()
    deleted = [{"id": row.record_id} for row in rows if row.change == "deleted"]
    before = [{"id": row.record_id, **row.before} for row in rows if row.change == "changed" and still(actor, model, row)]
    with actor.transaction():
        brought, put_back = each(actor, restore, deleted), each(actor, change, before)
    return Outcome(brought.done + put_back.done, len(rows) - brought.done - put_back.done)


def still(actor: Actor, model: type[Record], event: Event) -> bool:
    """Whether the record has the values that the event left in it."""
    record: Any = actor.db.scalar(actor.visible(model).where(model.id == event.record_id))
    return record is not None and all(in_event(getattr(record, name)) == value for name, value in event.after.items())


def in_event(value: Any) -> Any:
    """A value as an event, which is JSON, holds it."""
    return orjson.loads(orjson.dumps(value, default=str))
