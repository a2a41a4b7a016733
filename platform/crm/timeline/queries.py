"""Reads over what happened: the list of notes, and the timeline of a record, where notes and events stand together."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import pgettext
from markupsafe import Markup
from sqlalchemy import ARRAY, ColumnElement, Row, Select, Uuid, func, literal, or_, select, tuple_, union_all

from core.actor import Actor
from core.days import from_day, to_day
from core.errors import Invalid
from core.events import Event
from core.listing import Filter, Listing, Sort
from core.pages import highlight, long_day, today_of, zone_of
from core.records import Record
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.documents.models import Document
from crm.mails.models import Mail
from crm.payments.models import Payment
from crm.processes.models import Instance
from crm.quotes.models import Quote
from crm.requests.models import Request
from crm.requests.words import sources
from crm.tasks.models import Task
from crm.timeline.models import Note
from crm.timeline.sentences import RUNS, names_in, sentence
from tenants.departments import members_in
from tenants.models import Member

SHOWN = 30
MAIL_SHOWN = 600  # characters of a mail
LINKED = 500  # of each kind of record that hangs on the subject, the newest

LISTING = Listing(
    model=Note,
    sorts={"at": Sort(Note.at, datetime), "created": Sort(Note.id, UUID)},
    default_sort="-created",
    filters={
        "contact_id": Filter(UUID, lambda _actor, value: Note.contact_id == value, "notes on this contact"),
        "company_id": Filter(UUID, lambda _actor, value: Note.company_id == value, "notes on this company"),
        "deal_id": Filter(UUID, lambda _actor, value: Note.deal_id == value, "notes on this deal"),
        "author_id": Filter(UUID, lambda _actor, value: Note.author_id == value, "notes of this member"),
        "form": Filter(str, lambda _actor, value: Note.form == value, "note, call or process"),
        "nobodys": Filter(bool, lambda _actor, value: Note.author_id.is_(None) == value, "of nobody"),
        "department_id": Filter(UUID, lambda _actor, value: Note.author_id.in_(members_in(value)), "of its members"),
        "on_from": Filter(date, from_day(Note.at), "of this day of the workspace or later"),
        "on_to": Filter(date, to_day(Note.at), "of this day of the workspace or earlier"),
        "after": Filter(datetime, lambda _actor, value: Note.at > value, "written after this moment"),
    },
    searched=False,
)


@dataclass(frozen=True)
class Entry:
    """A line of the timeline. `said` by a person (`who`), with the note it is; or a machine's line with its `sign`."""

    at: datetime
    id: UUID
    line: Markup
    who: str | None = None
    sign: str = ""
    said: str = ""
    note: Row[Any] | None = None
    mail: Row[Any] | None = None
    may_edit: bool = False
    may_delete: bool = False
    request_id: UUID | None = None


@dataclass(frozen=True)
class Feed:
    """Entries, newest first, by the days of the reader's calendar; and the cursor of those before, if there are any."""

    days: list[tuple[str, list[Entry]]]
    older: str | None


def timeline_of(
    actor: Actor,
    contact: Contact | None = None,
    company: Company | None = None,
    deal: Deal | None = None,
    before: str = "",
) -> Feed:
    """What was said and done about one record and what hangs on it. Raises Invalid for a cursor that is none."""
    subject = contact or company or deal
    if subject is None:
        raise TypeError("a timeline is of a contact, a company or a deal")
    place = read_place(before) if before else None
    linked = linked_to(actor, subject)
    notes = actor.db.execute(notes_about(actor, linked, place)).all()
    mails = actor.db.execute(mails_about(actor, linked, place)).all()
    events = actor.db.execute(events_about(actor, subject, linked, place)).all()
    requests = actor.db.execute(requests_about(actor, linked, place)).all()
    names = names_in(actor, events)
    told = [
        Entry(e.at, e.id, line, sign=sign) for e in events for line, sign in [sentence(e, names, subject.id)] if line
    ]
    entries = sorted(
        [*(spoken(actor, note) for note in notes), *map(written, mails), *map(asked_for, requests), *told],
        key=lambda entry: (entry.at, entry.id),
        reverse=True,
    )
    kinds = (notes, mails, events, requests)
    ends = [(rows[SHOWN - 1].at, rows[SHOWN - 1].id) for rows in kinds if len(rows) > SHOWN]
    if not ends:
        return Feed(by_day(actor, entries), None)
    end = max(ends)  # beyond the last row of the fuller list nothing is known of the order
    return Feed(by_day(actor, [entry for entry in entries if (entry.at, entry.id) >= end]), write_place(*end))


def linked_to(actor: Actor, subject: Record) -> dict[str, list[UUID]]:
    """The records whose notes and tasks belong to the subject's timeline: itself, its deals, a company's people."""
    ids: dict[str, list[UUID]] = {"contact": [], "company": [], "deal": []}
    ids[subject.kind].append(subject.id)
    arms = []
    if isinstance(subject, Contact):
        arms = [known(actor, Deal).where(Deal.contact_id == subject.id)]
    elif isinstance(subject, Company):
        arms = [
            known(actor, Deal).where(Deal.company_id == subject.id),
            known(actor, Contact).where(Contact.company_id == subject.id),
        ]
    if arms:
        newest = [select(arm.order_by(arm.selected_columns.id.desc()).limit(LINKED).subquery()) for arm in arms]
        for kind, found in actor.db.execute(union_all(*newest)):
            ids[kind].append(found)
    return ids


def known(actor: Actor, model: type[Record]) -> Select[str, UUID]:
    """(kind, id) of records within the actor's scope, those in the bin too: their past is not gone."""
    return select(literal(model.kind).label("kind"), model.id.label("id")).where(actor.reach(model))


def about(model: type[Note] | type[Task] | type[Request], linked: dict[str, list[UUID]]) -> ColumnElement[bool]:
    columns = {"contact": model.contact_id, "company": model.company_id, "deal": model.deal_id}
    return or_(*(columns[kind].in_(ids) for kind, ids in linked.items() if ids))


def notes_about(actor: Actor, linked: dict[str, list[UUID]], place: tuple[datetime, UUID] | None) -> Select[Any]:
    """With the names of their authors and of the deals and contacts they stand on."""
    columns = (
        Note.id,
        Note.at,
        Note.version,
        Note.form,
        Note.text,
        Note.direction,
        Note.result,
        Note.minutes,
        Note.process,
        Note.author_id,
        Member.name.label("author"),
        Note.deal_id,
        Deal.name.label("deal"),
        Note.contact_id,
        Contact.name.label("contact"),
    )
    query = (
        actor.visible(Note, *columns)
        .outerjoin(Member, Member.id == Note.author_id)
        .outerjoin(Deal, Deal.id == Note.deal_id)
        .outerjoin(Contact, Contact.id == Note.contact_id)
        .where(about(Note, linked))
    )
    if place:
        query = query.where(tuple_(Note.at, Note.id) < tuple_(*map(literal, place)))
    return query.order_by(Note.at.desc(), Note.id.desc()).limit(SHOWN + 1)


def requests_about(actor: Actor, linked: dict[str, list[UUID]], place: tuple[datetime, UUID] | None) -> Select[Any]:
    """What clients asked for, in their own words."""
    columns = (Request.id, Request.created_at.label("at"), Request.name, Request.text, Request.source)
    query = actor.visible(Request, *columns).where(about(Request, linked))
    if place:
        query = query.where(tuple_(Request.created_at, Request.id) < tuple_(*map(literal, place)))
    return query.order_by(Request.created_at.desc(), Request.id.desc()).limit(SHOWN + 1)


def mails_about(actor: Actor, linked: dict[str, list[UUID]], place: tuple[datetime, UUID] | None) -> Select[Any]:
    """Mails to and from the contacts, and about the deals."""
    names = (
        Mail.id,
        Mail.at,
        Mail.direction,
        Mail.state,
        Mail.from_name,
        Mail.from_address,
        Mail.to_address,
        Mail.subject,
    )
    query = actor.visible(Mail, *names, func.left(Mail.text, MAIL_SHOWN).label("text")).where(
        or_(Mail.contact_id.in_(linked["contact"]), Mail.deal_id.in_(linked["deal"]))
    )
    if place:
        query = query.where(tuple_(Mail.at, Mail.id) < tuple_(*map(literal, place)))
    return query.order_by(Mail.at.desc(), Mail.id.desc()).limit(SHOWN + 1)


def events_about(
    actor: Actor, subject: Record, linked: dict[str, list[UUID]], place: tuple[datetime, UUID] | None
) -> Select[Any]:
    """Events of the subject, its deals, and the tasks linked to any of them; of notes that one went or came back."""
    records = union_all(
        select(func.unnest(literal([subject.id, *linked["deal"]], ARRAY(Uuid)))),
        select(known(actor, Task).where(about(Task, linked)).subquery().c.id),
        select(known(actor, Note).where(about(Note, linked)).subquery().c.id),
        *(
            select(known(actor, model).where(model.deal_id.in_(linked["deal"])).subquery().c.id)
            for model in (Quote, Payment, Document)
            if linked["deal"]
        ),
        select(known(actor, Request).where(about(Request, linked)).subquery().c.id),
        select(Instance.id).where(Instance.record_id.in_([subject.id, *linked["deal"]])),
    )
    query = select(Event).where(
        Event.record_id.in_(records),
        or_(Event.kind != "note", Event.change.in_(("deleted", "restored"))),
        or_(Event.kind != "instance", Event.action.in_(RUNS)),
        or_(Event.kind != "request", Event.change == "changed", Event.action == "request.late"),
    )
    if place:
        query = query.where(tuple_(Event.at, Event.id) < tuple_(*map(literal, place)))
    return query.with_only_columns(*Event.__table__.columns).order_by(Event.at.desc(), Event.id.desc()).limit(SHOWN + 1)


def spoken(actor: Actor, note: Row[Any]) -> Entry:
    who = note.process or note.author or _("Somebody")
    line = call_line(note, who) if note.form == "call" else highlight(_("%(who)s wrote"), {"who": who})
    written = Note(author_id=note.author_id)
    may_edit, may_delete = (actor.may("note", verb, written) for verb in ("edit", "delete"))
    return Entry(note.at, note.id, line, who, "", note.text, note, may_edit=may_edit, may_delete=may_delete)


def written(mail: Row[Any]) -> Entry:
    """ "Jana Dvořáková wrote to jan@example.com: Your quote"; what was not sent says so."""
    who = mail.from_name or mail.from_address or _("Somebody")
    if mail.direction == "out":
        line = highlight(_("%(who)s wrote to %(address)s"), {"who": who}, address=mail.to_address)
    else:
        line = highlight(_("%(who)s answered"), {"who": who})
    states = {"waiting": ("", _("on its way")), "failed": ("late", _("not sent"))}
    if mail.state in states:
        line = Markup('{}, <span class="{}">{}</span>').format(line, *states[mail.state])
    return Entry(mail.at, mail.id, line, who, said=mail.text or mail.subject or _("without a text"), mail=mail)


def asked_for(request: Row[Any]) -> Entry:
    line = highlight(_("%(who)s asked, %(how)s"), {"who": request.name}, how=sources()[request.source])
    return Entry(request.at, request.id, line, request.name, "", request.text, request_id=request.id)


def call_line(note: Row[Any], who: str) -> Markup:
    """ "Jana Dvořáková called, 4 min, answered": who and which way, then what is known of it."""
    inward = note.direction == "in"
    parts = [highlight(_("%(who)s was called") if inward else _("%(who)s called"), {"who": who})]
    if note.minutes:
        parts.append(Markup("{}").format(_("%(n)s min", n=note.minutes)))
    results = {
        "answered": ("good", _("answered")),
        "missed": ("late", pgettext("call from outside", "missed") if inward else pgettext("call of ours", "missed")),
        "voicemail": ("", _("voicemail")),
    }
    if note.result in results:
        parts.append(Markup('<span class="{}">{}</span>').format(*results[note.result]))
    return Markup(", ").join(parts)


def by_day(actor: Actor, entries: list[Entry]) -> list[tuple[str, list[Entry]]]:
    zone, today = zone_of(actor), today_of(actor)
    days = groupby(entries, key=lambda entry: entry.at.astimezone(zone).date())
    return [(day_name(day, today), list(group)) for day, group in days]


def day_name(day: date, today: date) -> str:
    """ "Today", "Yesterday", "Friday 20 November" in the reader's own order; the year only if it is another."""
    distance = (today - day).days
    if distance in (0, 1):
        return str(_("Yesterday") if distance else _("Today"))
    return long_day(day) if day.year == today.year else f"{long_day(day)} {day.year}"


def write_place(at: datetime, entry_id: UUID) -> str:
    return f"{at.isoformat()}~{entry_id}"


def read_place(before: str) -> tuple[datetime, UUID]:
    at, _tilde, entry_id = before.partition("~")
    try:
        place = datetime.fromisoformat(at), UUID(entry_id)
        if place[0].tzinfo is None:
            raise ValueError
    except ValueError:
        raise Invalid(("before", _("This place is not in the timeline. Start again without it."))) from None
    return place
