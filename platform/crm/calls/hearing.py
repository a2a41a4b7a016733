"""Hearing: an event of the telephone becomes part of its call, whose card pops up where it rings.

Events arrive late, twice, and in any order, by several requests at once. So each only adds a moment to the one row of
its call, which is locked meanwhile, and the state is read from the moments that are known.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.settings import Settings
from core.db import Database, Workspace
from core.errors import Forbidden
from core.events import note_by_itself
from core.ids import new_id
from core.jobs import later
from core.outbox import put
from core.people import e164
from core.sealing import Unreadable, unseal
from crm.calls.deliveries import CallEvent, Delivery, read_generic, read_twilio
from crm.calls.models import Call, Extension, Telephone
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.requests.contacted import note_told_contact
from crm.timeline.actions import remember_contact
from crm.timeline.models import Note
from tenants.directory import locate_number
from tenants.models import Member

PURPOSE = "telephone"
READERS = {"generic": read_generic, "twilio": read_twilio}
WITHIN = timedelta(days=1)  # how far the provider's clock may be from ours to be believed
OVERTAKEN = timedelta(seconds=10)  # how long an end waits for an answer that it overtook


def take(config: Settings, base: Database, address: str, delivery: Delivery) -> None:
    """What came to a telephone's address. Raises Forbidden where it is not proven to be of that telephone's, and then
    nothing is stored."""
    number, _dash, key = address.partition("-")
    workspace = locate_number(base, int(number)) if number.isdecimal() and len(number) < 12 else None
    if workspace is None:
        raise Forbidden()
    with base.workspace(workspace) as session, session.begin():
        telephone = session.scalar(select(Telephone).where(Telephone.key == key, Telephone.deleted_at.is_(None)))
        if telephone is None:
            raise Forbidden()
        now = datetime.now(UTC)
        event = READERS[telephone.provider](delivery, secrets_of(config, telephone, now), now)
        if event is not None:
            hear(session, workspace, telephone.provider, event, now)


def secrets_of(config: Settings, telephone: Telephone, now: datetime) -> list[bytes]:
    """The present one, and the one before while it holds; none where they cannot be read, which proves nothing."""
    sealed = [telephone.secret]
    if telephone.former and telephone.former_until and telephone.former_until > now:
        sealed.append(telephone.former)
    try:
        return [unseal(config, PURPOSE, one, telephone.id.bytes) for one in sealed]
    except Unreadable:
        return []


def hear(session: Session, workspace: Workspace, provider: str, event: CallEvent, now: datetime) -> Call:
    """The call with what the event adds to it, in the session's transaction."""
    call = call_of(session, provider, event)
    before = call.state
    add_moment(call, event, now)
    fill_numbers(call, event, workspace)
    call.state = state_of(call)
    if call.contact_id is None and call.company_id is None:
        find_caller(session, call)
    rings = set(call.shown_to)
    show(session, workspace, call, event)
    session.flush()
    if call.state != before or event.event == "ringing":
        ring(session, rings | set(call.shown_to))
    if call.state != before:
        became(session, workspace, call)
    return call


def call_of(session: Session, provider: str, event: CallEvent) -> Call:
    """The event's own call, locked: the one that we asked for, else the one with this id, which is made if need be."""
    if event.ref:
        asked = select(Call).where(Call.id == event.ref, Call.provider == provider, Call.direction == "out")
        call = session.scalar(asked.with_for_update())
        if call is not None:
            call.provider_id = event.id if call.provider_id == str(call.id) else call.provider_id
            return call
    row = insert(Call).values(
        id=new_id(), provider=provider, provider_id=event.id, direction=event.direction, began_at=func.now()
    )
    made = session.scalar(row.on_conflict_do_nothing().returning(Call.id))
    same = select(Call).where(Call.provider == provider, Call.provider_id == event.id)
    call = session.scalars(same.with_for_update().execution_options(populate_existing=True)).one()
    if made:
        call.state = "asked"  # nothing is known of it yet; `state_of` says the rest
    return call


def add_moment(call: Call, event: CallEvent, now: datetime) -> None:
    """The earliest of each kind counts, so that a repeat changes nothing."""
    at = event.at if event.at and abs(event.at - now) < WITHIN else now
    if call.state == "asked" or at < call.began_at:
        call.began_at = at
    if event.event == "answered":
        call.answered_at = min(at, call.answered_at or at)
    if event.event == "ended":
        call.ended_at = min(at, call.ended_at or at)


def state_of(call: Call) -> str:
    if call.ended_at:
        return "ended" if call.answered_at else "missed"
    return "answered" if call.answered_at else "ringing"


def fill_numbers(call: Call, event: CallEvent, workspace: Workspace) -> None:
    call.from_number = call.from_number or spoken(event.from_, workspace.country)
    call.to_number = call.to_number or spoken(event.to, workspace.country)


def spoken(number: str, country: str) -> str:
    """A number in E.164 however it was spelled ("sip:+420602114873@pbx", "00420 602 114 873"), else as it came."""
    bare = number.strip()
    for scheme in ("sip:", "sips:", "tel:", "client:"):
        bare = bare.removeprefix(scheme)
    bare = bare.partition("@")[0].partition(";")[0].strip()
    if bare.isascii() and bare.isdecimal() and not is_number(bare, country) and is_number(f"+{bare}", None):
        bare = f"+{bare}"  # as some exchanges write it: with the code of the country and without the plus
    return e164(bare, country) or bare[:60]


def is_number(text: str, country: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, country))
    except phonenumbers.NumberParseException:
        return False


def find_caller(session: Session, call: Call) -> None:
    """Who has this number: of several contacts the one spoken with last; else the company. And the one open deal."""
    if not call.number.startswith("+"):
        return
    known = [call.number]
    contact = session.execute(
        select(Contact.id, Contact.company_id)
        .where(Contact.match_keys.overlap(known), Contact.deleted_at.is_(None))
        .order_by(Contact.last_contact_at.desc().nulls_last(), Contact.id.desc())
        .limit(1)
    ).first()
    if contact is not None:
        link(session, call, contact.id, contact.company_id)
        return
    company = select(Company.id).where(Company.match_keys.overlap(known), Company.deleted_at.is_(None))
    call.company_id = session.scalar(company.order_by(Company.id.desc()).limit(1))


def link(session: Session, call: Call, contact_id: UUID, company_id: UUID | None) -> None:
    call.contact_id, call.company_id = contact_id, company_id
    if call.deal_id is None:
        about = select(Deal.id).where(Deal.contact_id == contact_id, Deal.status == "open", Deal.deleted_at.is_(None))
        deals = session.scalars(about.limit(2)).all()
        call.deal_id = deals[0] if len(deals) == 1 else None


def show(session: Session, workspace: Workspace, call: Call, event: CallEvent) -> None:
    """On whose pages the card stands: while it rings, of all at whose lines it does, else of who has answered."""
    line = spoken(event.extension, workspace.country)
    at_line = session.scalar(select(Extension.member_id).where(Extension.number == line)) if line else None
    if event.event == "answered" and at_line:
        call.member_id = at_line
    if call.state == "ringing" and event.event == "ringing" and call.direction == "in":
        if at_line:
            known = [] if call.guessed else call.shown_to
            call.shown_to, call.guessed = list(dict.fromkeys([*known, at_line])), False
        elif not call.shown_to:
            call.shown_to, call.guessed = everybody_who_may(session, call), True
        call.member_id = call.shown_to[0] if len(call.shown_to) == 1 else None
    elif call.state == "answered":
        call.shown_to = [call.member_id] if call.member_id else []
    elif call.state == "missed":
        call.shown_to = []


def everybody_who_may(session: Session, call: Call) -> list[UUID]:
    """Where the telephone does not say at whose line it rings: the contact's owner, else all who have a line."""
    owner = session.scalar(select(Contact.owner_id).where(Contact.id == call.contact_id)) if call.contact_id else None
    return [owner] if owner else with_lines(session)


def with_lines(session: Session) -> list[UUID]:
    """The active members who have an extension."""
    found = select(Extension.member_id).join(Member, Member.id == Extension.member_id)
    return list(session.scalars(found.where(Member.state == "active").order_by(Extension.member_id)))


def ring(session: Session, members: Collection[UUID]) -> None:
    """Let the open pages of these members look again at what rings; nobody else's do."""
    if members:
        said: dict[str, Any] = {"action": "call.ring", "events": [], "kinds": ["call"], "request": ""}
        put(session, "event", {**said, "members": sorted(members)})


def became(session: Session, workspace: Workspace, call: Call) -> None:
    """What follows from a new state: its event, by which processes begin; the note of a call that is over. Whoever was
    called, or spoken with, has been contacted."""
    values = {"state": call.state, "number": call.number, "contact_id": call.contact_id}
    note_by_itself(session, f"call.{call.state}", "call", [(call.id, call.title(), values)], via="telephone")
    if call.state == "missed" and call.direction == "in":
        later(session, "calls.missed", at=datetime.now(UTC) + OVERTAKEN, call_id=call.id)
    if call.state in ("ended", "missed"):
        write_note(session, call)
    if call.direction == "out" or call.answered_at:
        note_told_contact(
            session, workspace, call.member_id, "call.told", call.answered_at or call.began_at,
            contact_id=call.contact_id, deal_id=call.deal_id,
        )  # fmt: skip


def write_note(session: Session, call: Call) -> None:
    """The call's line on the timeline of whom it was with, brought in line with what is known now."""
    if not (call.contact_id or call.company_id or call.deal_id):
        return
    note = session.get(Note, call.note_id, with_for_update=True) if call.note_id else None
    if note is None:
        note = Note(id=new_id(), form="call", text=call.about, at=call.began_at, direction=call.direction)
        note.contact_id, note.company_id, note.deal_id = call.contact_id, call.company_id, call.deal_id
        session.add(note)
        session.flush()
        call.note_id = note.id
        note_by_itself(session, "note.create", "note", [(note.id, note.title(), {"form": "call"})], change="created")
    note.author_id = note.author_id or call.member_id
    note.minutes = call.minutes
    note.result = "answered" if call.answered_at else "missed" if call.ended_at else ""
    session.flush()
    remember_contact(session, note.contact_id, note.deal_id)
