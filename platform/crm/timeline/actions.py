"""Every change of a note or a call."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, AwareDatetime, Field
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.processes.queries import names_of_runs
from crm.requests.contacted import note_contact
from crm.timeline.models import Note

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=10)  # how far a sender's clock may run before ours


def checked_past(moment: datetime) -> datetime:
    if not FIRST <= moment <= datetime.now(UTC) + AHEAD:
        raise ValueError(_("Write when it happened; what is still to come is a task."))
    return moment


Past = Annotated[AwareDatetime, AfterValidator(checked_past)]
Minutes = Annotated[int, Field(ge=0, le=1440)]


class NoteFields(Input):
    """What was said. It stands on a contact, a company or a deal, or on several of them at once."""

    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one note.")] = None
    form: Literal["note", "call"] = "note"
    text: Annotated[str, Field(max_length=20_000)] = ""
    at: Annotated[Past | None, Field(description="When; now, if left out.")] = None
    direction: Annotated[Literal["", "in", "out"], Field(description="Of a call: who called.")] = ""
    result: Annotated[Literal["", "answered", "missed", "voicemail"], Field(description="Of a call: how it went.")] = ""
    minutes: Annotated[Minutes | None, Field(description="Of a call: how long it took.")] = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None


class NewNote(NoteFields):
    pass


ChangedNote = changes_of(NoteFields, "ChangedNote")


class OneNote(Input):
    id: UUID
    version: int | None = None


@action("note.create")
def create(actor: Actor, data: NewNote) -> Note:
    known = actor.repeated(Note, data.id)
    if known:
        return known
    given = {"at": datetime.now(UTC), **data.model_dump(exclude_none=True)}
    note = Note(**given, author_id=actor.member.id)
    check(actor, note, data.model_fields_set)
    if actor.via == "process":
        note.form = "process" if note.form == "note" else note.form
        note.process = names_of_runs(actor.db, [actor.request_id]).get(actor.request_id, "")
        note.author_id = owner_of(actor, note) or note.author_id
    actor.db.add(note)
    remember_contact(actor.db, note.contact_id, note.deal_id)
    if note.direction != "in" or note.result == "answered":
        note_contact(actor, note.contact_id, note.deal_id, note.at)
    return note


def owner_of(actor: Actor, note: Note) -> UUID | None:
    """Who has the record that the note is about: the deal before the contact before the company."""
    about: tuple[tuple[Any, UUID | None], ...] = (
        (Deal, note.deal_id), (Contact, note.contact_id), (Company, note.company_id),
    )  # fmt: skip
    return next((actor.db.get_one(model, record_id).owner_id for model, record_id in about if record_id), None)


@action("note.edit", takes=ChangedNote)
def change(actor: Actor, data: Changes) -> Note:
    note = actor.take(Note, data.id, "edit", data.version)
    given = {name: value for name, value in data.given().items() if value != getattr(note, name)}
    if given.get("at", note.at) is None:
        del given["at"]
    before = (note.contact_id, note.deal_id)
    for name, value in given.items():
        setattr(note, name, value)
    check(actor, note, given)
    remember_contact(actor.db, note.contact_id, note.deal_id)
    if before != (note.contact_id, note.deal_id):
        remember_contact(actor.db, *before)
    return note


@action("note.delete")
def delete(actor: Actor, data: OneNote) -> Note:
    """Into the bin, from which `restore` brings it back."""
    note = actor.take(Note, data.id, "delete", data.version)
    note.deleted_at = datetime.now(UTC)
    remember_contact(actor.db, note.contact_id, note.deal_id)
    return note


@action("note.restore", right=("note", "delete"))
def restore(actor: Actor, data: OneNote) -> Note:
    note = actor.take(Note, data.id, "delete", deleted=True)
    note.deleted_at = None
    remember_contact(actor.db, note.contact_id, note.deal_id)
    return note


def check(actor: Actor, note: Note, given: Any) -> None:
    """A note needs words and something it is about; the records named must be there and visible."""
    if note.form != "call" and not note.text:
        raise Invalid(("text", _("Write what happened.")))
    if note.form != "call" and (note.direction or note.result or note.minutes is not None):
        raise Invalid(("form", _("Direction, result and minutes belong to a call.")))
    if not (note.contact_id or note.company_id or note.deal_id):
        raise Invalid(("", _("Say which contact, company or deal it is about.")))
    for name, model in (("contact_id", Contact), ("company_id", Company), ("deal_id", Deal)):
        if name in given:
            actor.linked(model, getattr(note, name), name)


def remember_contact(session: Session, contact_id: UUID | None, deal_id: UUID | None) -> None:
    """Bring the last contact of the contact, and of the deal's contact, in line with all that people noted.

    By an UPDATE of that column alone: the contact's version stays, so that nobody who edits it meets a conflict.
    """
    session.flush()
    of_deal = session.scalar(select(Deal.contact_id).where(Deal.id == deal_id)) if deal_id else None
    latest = select(func.max(Note.at)).where(Note.deleted_at.is_(None), Note.form != "process")
    own = latest.where(Note.contact_id == Contact.id).scalar_subquery()
    of_deals = latest.join(Deal, Deal.id == Note.deal_id).where(Deal.contact_id == Contact.id).scalar_subquery()
    session.execute(
        update(Contact)
        .where(Contact.id.in_({contact_id, of_deal} - {None}))
        .values(last_contact_at=func.greatest(own, of_deals), updated_at=Contact.updated_at)
        .execution_options(synchronize_session=False)
    )
