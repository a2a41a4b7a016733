"""One change of many records at once: ticked in a list, done in one transaction, taken back by one Undo."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from flask import request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from core import events
from core.actions import Action
from core.actor import Actor
from core.db import as_uuid
from core.errors import Forbidden, Invalid, NotFound
from core.events import Event
from core.pages import Answer, came_from, refused, say, see
from core.records import Record
from crm.absences.queries import to_choose
from tenants.members import colleagues

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
    before = [
        {"id": row.record_id, **row.before} for row in rows if row.change == "changed" and still(actor, model, row)
    ]
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


def bulk_page(actor: Actor, feature: str, model: Any, delete: Action[Any, Any], change: Action[Any, Any]) -> Answer:
    """The answer to a list's bulk form: its button `do` says give, label or delete. The list comes again, with Undo."""
    do = request.form.get("do") or ("label" if request.form.get("label", "").strip() else "")
    ids: list[UUID] = []
    try:
        ids = ticked(request.form.getlist("id"))
        if not ids or do not in ("give", "label", "delete"):
            return see(came_from(url_for(f"{feature}.index")))
        if do == "delete":
            outcome = each(actor, delete, ({"id": record_id} for record_id in ids))
            said = ngettext("%(num)s deleted", "%(num)s deleted", outcome.done)
        elif do == "give":
            owner_id = request.form.get("owner_id", "")
            name = dict(colleagues(actor)).get(as_uuid(owner_id))  # type: ignore[arg-type]
            if name is None:
                raise Invalid(("owner_id", _("Choose who gets them.")))
            outcome = each(actor, change, ({"id": record_id, "owner_id": owner_id} for record_id in ids))
            said = ngettext("%(num)s given to %(name)s", "%(num)s given to %(name)s", outcome.done, name=name)
        else:
            label = request.form.get("label", "").strip()
            if not label:
                raise Invalid(("label", _("Write the label.")))
            rows = actor.db.execute(actor.visible(model, model.id, model.labels).where(model.id.in_(ids))).all()
            outcome = each(actor, change, ({"id": row.id, "labels": with_label(row.labels, label)} for row in rows))
            said = ngettext("%(num)s labelled %(label)s", "%(num)s labelled %(label)s", outcome.done, label=label)
    except Invalid as error:
        values = {"feature": feature, "ids": ids, "do": do, "label": request.form.get("label", "")}
        return refused(
            actor, "bulk.html", error, members=to_choose(actor), back=came_from(""), active=feature, **values
        )
    if outcome.left:
        left = ngettext(
            "%(num)s stayed as it was, since you may not change it.",
            "%(num)s stayed as they were, since you may not change them.",
            outcome.left,
        )
        said = f"{said}. {left}" if outcome.done else left
    back = came_from(url_for(f"{feature}.index"))
    say(said, url_for(f"{feature}.undo", request=actor.request_id, next=back) if outcome.done else None)
    return see(back)


def with_label(labels: list[str], label: str) -> list[str]:
    return labels if label in labels else [*labels, label]


def undo_page(
    actor: Actor, feature: str, model: type[Record], restore: Action[Any, Any], change: Action[Any, Any]
) -> Answer:
    outcome = undo(actor, model, request.args.get("request", ""), restore, change)
    say(ngettext("%(num)s is as before", "%(num)s are as before", outcome.done))
    return see(came_from(url_for(f"{feature}.index")))
