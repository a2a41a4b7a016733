"""One person's data as an archive: JSON for programs, and a page that anybody can read. All that is about them, seen
with the rights of whoever takes it out."""

import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
from flask import render_template
from sqlalchemy import or_, select

from core import events
from core.actions import action
from core.actor import Actor
from core.api import Resource
from core.events import Event
from core.masking import unmasked
from crm.contacts import api as contacts
from crm.contacts.models import Contact
from crm.deals import api as deals
from crm.deals.models import Deal
from crm.imports.models import Import, RefusedRow
from crm.imports.opening import opened
from crm.imports.sheet import SheetError
from crm.privacy.erasure import OnePerson
from crm.privacy.person import Person, person_of
from crm.requests import api as requests
from crm.requests.models import Request
from crm.tasks import api as tasks
from crm.tasks.models import Task
from crm.timeline import api as notes
from crm.timeline.models import Note

MOST = 10_000  # rows of each kind


@action("privacy.take", right=("privacy", "view"))
def note_taken(actor: Actor, data: OnePerson) -> Contact:
    """That a person's data was taken out is an event of theirs."""
    contact = actor.find(Contact, data.id)
    events.note(actor, "privacy.take", "contact", contact.id, contact.name)
    return contact


def write_person(actor: Actor, contact: Contact, file: BinaryIO) -> None:
    """The archive, into a binary file that stays open."""
    said = everything_of(actor, contact)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", orjson.dumps(said, option=orjson.OPT_INDENT_2, default=str))
        archive.writestr("person.html", render_template("privacy/person.html", said=said, actor=actor))


def everything_of(actor: Actor, contact: Contact) -> dict[str, Any]:
    theirs = select(Deal.id).where(Deal.contact_id == contact.id).scalar_subquery()
    found = {
        "contact": listed(actor, contacts.RESOURCE, Contact.id == contact.id)[0],
        "deals": listed(actor, deals.DEALS, Deal.contact_id == contact.id),
        "tasks": listed(actor, tasks.RESOURCE, or_(Task.contact_id == contact.id, Task.deal_id.in_(theirs))),
        "requests": listed(
            actor, requests.RESOURCE, or_(Request.contact_id == contact.id, Request.deal_id.in_(theirs))
        ),
        "notes": listed(actor, notes.RESOURCE, or_(Note.contact_id == contact.id, Note.deal_id.in_(theirs))),
    }
    with unmasked(actor.db):
        person = person_of(actor.db, contact)
    return {
        "workspace": actor.workspace.name,
        "taken_at": datetime.now(UTC),
        **found,
        "events": list(events_of(actor, contact)),
        "imported_rows": list(imported_rows(actor, contact, person)),
        "refused_rows": list(refused_rows(actor, person)),
    }


def listed(actor: Actor, resource: Resource, condition: Any) -> list[Any]:
    """The records as the API would answer them."""
    *_bookkeeping, json = resource.selected_for(actor)
    query = actor.visible(resource.model, json).where(condition).order_by(resource.model.id).limit(MOST)
    return [orjson.loads(row[0]) for row in actor.db.execute(query)]


def events_of(actor: Actor, contact: Contact) -> Iterator[dict[str, Any]]:
    columns = (Event.at, Event.action, Event.change, Event.before, Event.after)
    query = select(*columns).where(Event.record_id == contact.id).order_by(Event.id).limit(MOST)
    for row in actor.db.execute(query):
        yield dict(row._mapping)


def imported_rows(actor: Actor, contact: Contact, person: Person) -> Iterator[dict[str, Any]]:
    """Rows of the table that the contact came from in which they stand."""
    found = actor.db.scalar(actor.visible(Import).where(Import.id == contact.import_id, Import.file_key != ""))
    if found is None:
        return
    with suppress(SheetError, FileNotFoundError), opened(found) as sheet:
        for row in sheet.rows():
            if person.mentioned(" ".join(row.cells)):
                yield {"file": found.file_name, "row": row.number, "cells": row.cells}


def refused_rows(actor: Actor, person: Person) -> Iterator[dict[str, Any]]:
    mine = actor.visible(Import, Import.id).scalar_subquery()
    rows = select(RefusedRow.line, RefusedRow.cells, RefusedRow.reason).where(RefusedRow.import_id.in_(mine))
    for row in actor.db.execute(rows.execution_options(yield_per=1_000)):
        if person.mentioned(" ".join(row.cells)):
            yield {"row": row.line, "cells": row.cells, "reason": row.reason}
