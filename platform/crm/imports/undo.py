"""Undoing an import: its new contacts go to the bin, the changed ones get back what stood there before, from the
events' before-values. What somebody edited or used since is left as it is, and named.

Each step is one transaction, and doing a step again does nothing, so a job that was killed starts from the beginning.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import Row, insert, select, text

from config.plans import Limit
from core import limits
from core.actor import Actor
from core.errors import Forbidden
from core.events import Event, announce, describe
from core.ids import new_id
from core.jobs import Place
from core.masking import unmasked
from crm.contacts.models import Contact
from tenants.members import acting_member

from .models import Import, NoLongerOurs
from .store import changed_row, event_of, write_changes
from .values import TAKEN, Values

log = logging.getLogger(__name__)

STEP = 2_000
NAMED = 200  # of the contacts left, how many are named in the report
MARGIN = timedelta(minutes=10)  # by which the clocks of two machines may differ

# A record that the import made and nobody has edited or used since.
UNTOUCHED = """
not exists (select 1 from event where event.record_id = made.id and event.request_id <> :mark)
and not exists (select 1 from deal where deal.{kind}_id = made.id)
and not exists (select 1 from task where task.{kind}_id = made.id)
and not exists (select 1 from note where note.{kind}_id = made.id)
"""
REMOVE = """
update {kind} set deleted_at = now(), version = version + 1, updated_at = now()
where id in (
    select made.id from {kind} as made
    where made.import_id = :id and made.deleted_at is null and {untouched} limit :step
) returning id
"""
REMOVE_CONTACTS = text(REMOVE.format(kind="contact", untouched=UNTOUCHED.format(kind="contact")))
WITHOUT_PEOPLE = """
and not exists (select 1 from contact where contact.company_id = made.id and contact.deleted_at is null)
"""
REMOVE_COMPANIES = text(REMOVE.format(kind="company", untouched=UNTOUCHED.format(kind="company") + WITHOUT_PEOPLE))


def undo_import(place: Place, import_id: UUID, member_id: UUID) -> None:
    """Undo what the import stored, as this member. It stays "undoing", with an error, when that cannot be finished."""
    try:
        with acting_member(place.database, place.here(), member_id, "import", f"undo-{import_id}") as actor:
            actor.require(("contact", "import"))
            actor.require(("contact", "delete"))
            found = actor.db.get(Import, import_id)
            if found is None or found.state != "undoing":
                return
            begin_step(actor)
            remove(place, actor, found, REMOVE_CONTACTS, "contacts")
            left = restore_all(place, actor, found)
            remove(place, actor, found, REMOVE_COMPANIES)
            finish(place, actor, found, left)
    except NoLongerOurs:
        log.info("the undo of import %s is no longer ours", import_id)
    except Forbidden:
        with place.database.workspace(place.here()) as session:
            with force_locale(
                session.scalar(text("select language from member where id = :id"), {"id": member_id}) or "en"
            ):
                said = _("The member who started the undo may no longer do it.")
            session.execute(text("update import set error = :said where id = :id"), {"said": said, "id": import_id})
            session.commit()


def begin_step(actor: Actor) -> None:
    actor.db.execute(text("set local statement_timeout = '120s'"))


def end_step(place: Place, actor: Actor, import_id: UUID) -> None:
    """Commit, if the work is still ours, and begin the next step."""
    if not place.still_ours():
        raise NoLongerOurs()
    announce(actor, "import.undo", [], ["import", "contact", "company"])
    actor.db.execute(text("update import set updated_at = now() where id = :id"), {"id": import_id})
    actor.db.commit()
    begin_step(actor)


def remove(place: Place, actor: Actor, found: Import, statement: Any, limit: Limit | None = None) -> None:
    while removed := actor.db.execute(statement, {"id": found.id, "mark": found.mark, "step": STEP}).all():
        if limit:
            limits.count(actor.db, limit, -len(removed))
        end_step(place, actor, found.id)


def restore_all(place: Place, actor: Actor, found: Import) -> dict[str, list[str]]:
    """Give the changed contacts their values back. By contact, the fields left since somebody edited them after."""
    left: dict[str, list[str]] = {}
    after = UUID(int=0)
    while ids := changed_contacts(actor, found, after):
        left |= restore(actor, found, ids)
        after = ids[-1]
        end_step(place, actor, found.id)
    return left


def events_since(found: Import) -> UUID:
    """A lower bound of the ids of the import's events: UUID version 7 begins with the milliseconds since 1970."""
    start = (found.started_at or found.created_at) - MARGIN
    return UUID(int=int(start.timestamp() * 1000) << 80)


def changed_contacts(actor: Actor, found: Import, after: UUID) -> list[UUID]:
    query = (
        select(Event.record_id)
        .distinct()
        .join(Contact, Contact.id == Event.record_id)
        .where(
            Event.id >= events_since(found), Event.request_id == found.mark, Event.kind == "contact",
            Event.record_id > after, Contact.import_id.is_distinct_from(found.id), Contact.deleted_at.is_(None),
        )
        .order_by(Event.record_id)
        .limit(STEP)
    )  # fmt: skip
    return list(actor.db.scalars(query))


def restore(actor: Actor, found: Import, ids: list[UUID]) -> dict[str, list[str]]:
    told = actor.db.execute(
        select(Event.record_id, Event.before, Event.after)
        .where(Event.record_id.in_(ids), Event.request_id == found.mark)
        .order_by(Event.id)
    )
    before, after = first_and_last(told)
    columns = [getattr(Contact, name) for name in TAKEN]
    query = select(Contact.id, Contact.name, *columns).where(Contact.id.in_(ids)).order_by(Contact.id)
    rows, events, left = [], [], dict[str, list[str]]()
    with unmasked(actor.db):  # they are stored again with what this actor does not see of them
        contacts = actor.db.execute(query.with_for_update()).mappings().all()
    for row in contacts:
        present = as_json(dict(row))
        was, became = before[row["id"]], after[row["id"]]
        edited = [name for name in was if present[name] not in (was[name], became[name])]
        if edited:
            left[str(row["id"])] = edited
        back = {name: value for name, value in was.items() if name not in edited and present[name] != value}
        if back:
            rows.append(changed_row({**present, **back}, actor.workspace.language))
            event = event_of(actor, found.id, rows[-1], {name: present[name] for name in back}, back)
            events.append({**event, "action": "import.undo", "request_id": actor.request_id})
    write_changes(actor, rows, events)
    return left


def first_and_last(told: Iterable[Row[Any]]) -> tuple[dict[UUID, Values], dict[UUID, Values]]:
    """By contact, each field as it stood before the import first touched it, and as the import left it."""
    before: dict[UUID, Values] = {}
    after: dict[UUID, Values] = {}
    for event in told:
        before[event.record_id] = {**event.before, **before.get(event.record_id, {})}
        after.setdefault(event.record_id, {}).update(event.after)
    return before, after


def as_json(values: Values) -> Values:
    """Values as an event keeps them."""
    return orjson.loads(orjson.dumps(values, default=str))  # type: ignore[no-any-return]


def finish(place: Place, actor: Actor, found: Import, edited: dict[str, list[str]]) -> None:
    """Say what was done, counted in the database, and what was left."""
    made = select(Contact.id, Contact.name).where(Contact.import_id == found.id, Contact.deleted_at.is_(None))
    kept = [[str(row.id), row.name, []] for row in actor.db.execute(made.order_by(Contact.id))]
    ids = [UUID(contact_id) for contact_id in edited]
    names = {row.id: row.name for row in actor.db.execute(select(Contact.id, Contact.name).where(Contact.id.in_(ids)))}
    kept += [[contact_id, names[UUID(contact_id)], fields] for contact_id, fields in edited.items()]
    counted = actor.db.execute(
        text("""
        select (select count(*) from contact where import_id = :id and deleted_at is not null) as removed,
            (select count(*) from company where import_id = :id and deleted_at is not null) as companies,
            (select count(distinct record_id) from event where id >= :since and request_id = :mark and kind = 'contact')
            as restored
        """),
        {"id": found.id, "since": events_since(found), "mark": actor.request_id},
    ).one()
    found = actor.db.execute(
        select(Import).where(Import.id == found.id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    before = found.values()
    found.state, found.error = "undone", ""
    found.undone = {**counted._mapping, "left": len(kept), "contacts": kept[:NAMED]}
    told = describe(found, before)
    if told:
        common = {
            "action": "import.undo",
            "member_id": actor.member.id,
            "via": "import",
            "request_id": actor.request_id,
        }
        actor.db.execute(insert(Event), [{"id": new_id(), **common, **told}])
    end_step(place, actor, found.id)
