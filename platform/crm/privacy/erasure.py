"""Erasing one person: from the contact, from what is about them, and from whatever mentions them.

What must stay stays without the person: that something happened, when and by whom, and what deals were worth. The
contact itself is blanked last, since by it the person is recognised; so an erasure that was killed goes on. It ends
with a line in the ledger `control.erased`, by which it is done again after an older backup is restored.
"""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, LargeBinary, Table, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.actions import Input, action
from core.actor import Actor
from core.db import Base, Workspace, database
from core.events import Event
from core.files import files
from core.ids import new_id
from core.jobs import Place, job, later
from core.records import KINDS
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.exports.models import Export
from crm.exports.run import drop_files
from crm.imports.models import Import
from crm.imports.opening import opened
from crm.imports.sheet import SheetError
from crm.mails.models import MailFile
from crm.privacy.person import Person, person_of
from crm.privacy.rules import MENTIONS, ROWS
from crm.requests.models import Request, RequestFile
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.backups.after import HOOKS
from tenants.models import Erased

SPAN = 50_000  # rows looked through by one statement
INDEXED = ("company", "deal", "product")  # kinds whose search and order are computed from what may mention somebody
NOTHING: dict[str, Any] = {
    "prefix": "", "first_name": "", "last_name": "", "suffix": "", "position": "", "about": "", "source": "",
    "emails": [], "phones": [], "addresses": [], "labels": [], "custom": {}, "name": "", "city": "", "search": "",
    "sort_key": b"", "match_keys": [], "last_contact_at": None,
}  # fmt: skip

# Of a request, with the proof of what was agreed to.
NO_WORDS: dict[str, Any] = {
    "company": "", "email": "", "phone": "", "text": "", "answers": [], "fields": {}, "consents": [], "utm": {},
    "page": "", "address": "",
}  # fmt: skip


class OnePerson(Input):
    id: UUID


@action("privacy.begin", right=("privacy", "edit"))
def begin(actor: Actor, data: OnePerson) -> Contact:
    """Take the contact out of sight at once, and erase the person by the job "privacy.erase"."""
    contact = actor.find(Contact, data.id)
    contact.deleted_at = actor.db.scalar(select(func.now()))
    later(actor.db, "privacy.erase", contact_id=contact.id, member_id=actor.member.id)
    return contact


@job("privacy.erase", queue="bulk")
def erase(place: Place, contact_id: str, member_id: str) -> None:
    workspace = place.here()
    with place.database.workspace(workspace) as session, session.begin(), force_locale(workspace.language):
        erase_person(session, UUID(contact_id), UUID(member_id))


def replay_erasures(session: Session, workspace: Workspace, pasts: Collection[int]) -> int:
    """Erase again whoever was erased, after an older state came out of a backup. `session` works inside the restored
    workspace and is committed by the caller; `pasts` are the numbers of the workspaces that it may have been, whose
    ledgers count. Returns how many people were found again."""
    with database().controlling() as control:
        known = select(Erased).where(Erased.workspace_id.in_(pasts)).order_by(Erased.at)
        ledger = [(row.record_id, row.by) for row in control.scalars(known)]
    with force_locale(workspace.language):
        return sum(erase_person(session, record_id, by) for record_id, by in ledger)


HOOKS.append(replay_erasures)


def erase_person(session: Session, contact_id: UUID, by: UUID | None) -> bool:
    """All of it, in the session's transaction. False where there is no such contact, or nothing left of the person."""
    contact = session.get(Contact, contact_id, with_for_update=True)
    if contact is None or is_blank(contact):
        return False
    person = person_of(session, contact)
    drop_exports(session)
    drop_import_files(session, person, contact.import_id)
    drop_mails(session, person, contact_id)
    for name, columns in ROWS.items():
        drop_rows(session, person, Base.metadata.tables[name], columns)
    blank_around(session, contact_id)
    for name, columns in MENTIONS.items():
        take_out(session, person, Base.metadata.tables[name], columns)
    blank_mentioning_events(session, person)
    for column, nothing in NOTHING.items():
        setattr(contact, column, nothing)
    contact.deleted_at = contact.deleted_at or session.scalar(select(func.now()))
    session.flush()
    session.execute(
        text("select control.erase_events(:id, 'contact', :by, :mark)"), {"id": contact_id, "by": by, "mark": new_id()}
    )
    return True


def is_blank(contact: Contact) -> bool:
    """Whether this contact was erased: nobody else is without name, e-mail and phone."""
    return not contact.name and contact.deleted_at is not None


def drop_exports(session: Session) -> None:
    """Files that were taken along may hold anybody."""
    for found in session.scalars(select(Export).where(Export.state != "expired").with_for_update()):
        drop_files(found)


def drop_import_files(session: Session, person: Person, origin: UUID | None) -> None:
    """Tables that were brought in and hold the person: the file, and the rows of it that were shown."""
    for found in session.scalars(select(Import).where(Import.file_key != "").order_by(Import.id).with_for_update()):
        if found.id == origin or is_in_file(person, found):
            files().delete(found.file_key)
            found.file_key, found.file_size, found.checked = "", 0, {}
            found.columns = [{**column, "values": []} for column in found.columns]
            if found.state == "draft":
                found.deleted_at = session.scalar(select(func.now()))
    session.flush()


def is_in_file(person: Person, found: Import) -> bool:
    try:
        with opened(found) as sheet:
            return any(person.mentioned(" ".join(row.cells)) for row in sheet.rows())
    except (SheetError, FileNotFoundError):
        return True  # who can tell


def drop_mails(session: Session, person: Person, contact_id: UUID) -> None:
    """Mails to and from the contact, from whatever address, and those that mention the person; their files first."""
    table = Base.metadata.tables["mail"]
    said = person.stands_in(*(written(table.c[name]) for name in ROWS["mail"]))
    theirs = or_(table.c.contact_id == contact_id, said)
    gone = or_(MailFile.mail_id.in_(select(table.c.id).where(theirs)), person.stands_in(MailFile.name))
    for key in session.scalars(select(MailFile.file_key).where(gone, MailFile.file_key != "")):
        files().delete(key)
    session.execute(delete(table).where(theirs))


def drop_rows(session: Session, person: Person, table: Table, columns: tuple[str, ...]) -> None:
    session.execute(delete(table).where(person.stands_in(*(written(table.c[name]) for name in columns))))


def written(column: Any) -> Any:
    """A column as the text in which somebody may be mentioned: cells of a row stand beside each other."""
    if isinstance(column.type, ARRAY):
        return func.array_to_string(column, " ")
    return func.convert_from(column, "UTF8") if isinstance(column.type, LargeBinary) else column


def blank_around(session: Session, contact_id: UUID) -> None:
    """What is about the person: notes and calls, tasks, deals, and those of the deals. Their dates and sums stay."""
    deals = select(Deal.id).where(Deal.contact_id == contact_id).scalar_subquery()
    about: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
        (Note, or_(Note.contact_id == contact_id, Note.deal_id.in_(deals)), {"text": ""}),
        (Task, or_(Task.contact_id == contact_id, Task.deal_id.in_(deals)), {"name": _("Task"), "about": ""}),
        (
            Request,
            or_(Request.contact_id == contact_id, Request.deal_id.in_(deals)),
            {"name": _("Request"), **NO_WORDS},
        ),
        (Deal, Deal.contact_id == contact_id, {"name": _("Deal"), "about": "", "custom": {}}),
    )
    for model, condition, nothing in about:
        for record in session.scalars(select(model).where(condition).with_for_update()):
            for column, value in nothing.items():
                setattr(record, column, value)
            if isinstance(record, Deal):
                record.index(language_of(session))
            if isinstance(record, Request):
                drop_request_files(session, record)
            blank_events(session, record.id, record.kind)
    session.flush()


def drop_request_files(session: Session, request: Request) -> None:
    """What the person sent along."""
    for found in session.scalars(select(RequestFile).where(RequestFile.request_id == request.id)):
        if found.file_key:
            files().delete(found.file_key)
        session.delete(found)
    request.files_size = 0


def blank_events(session: Session, record_id: UUID, kind: str, pattern: str = "") -> None:
    """Every event of a record that is no person itself, or those in which the pattern is found."""
    given = {"id": record_id, "kind": kind, "mark": new_id(), "pattern": pattern}
    session.execute(text("select control.erase_events(:id, :kind, null, :mark, :pattern)"), given)


def take_out(session: Session, person: Person, table: Table, columns: tuple[str, ...]) -> None:
    """Mentions in free text. What is computed from it is computed anew."""
    key = table.c.id
    found = select(key, *(table.c[name] for name in columns)).where(
        key != person.record_id, person.stands_in(*(written(table.c[name]) for name in columns))
    )
    for span in spans(session, key):
        for row in session.execute(found.where(span)).mappings().all():
            values: dict[str, Any] = {name: person.without(row[name]) for name in columns}
            bumped = {"version": table.c.version + 1} if "version" in table.c else {}
            session.execute(update(table).where(key == row["id"]).values({**values, **bumped}))
            if table.name in INDEXED:
                record: Any = session.get_one(KINDS[table.name], row["id"], populate_existing=True)
                record.index(language_of(session))
    session.flush()


def spans(session: Session, key: Any) -> Iterator[ColumnElement[bool]]:
    """Parts of a table, each small enough to be looked through by one statement."""
    after = UUID(int=0)
    while True:
        part = select(key).where(key > after).order_by(key).limit(SPAN).subquery()
        last = session.scalar(select(part.c[0]).order_by(part.c[0].desc()).limit(1))
        if last is None:
            return
        yield (key > after) & (key <= last)
        after = last


def language_of(session: Session) -> str:
    workspace: Workspace = session.connection().get_execution_options()["workspace"]
    return workspace.language


def blank_mentioning_events(session: Session, person: Person) -> None:
    """Events of other records in which the person stands."""
    mentioning = select(Event.record_id, Event.kind).distinct()
    for span in spans(session, Event.id):
        there = person.stands_in(Event.title, Event.before, Event.after)
        for record_id, kind in session.execute(mentioning.where(span, there)).all():
            blank_events(session, record_id, kind, person.pattern)
