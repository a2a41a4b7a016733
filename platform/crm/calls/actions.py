"""Every change of a call by a person, and how the telephone is set up."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import delete, select

from core import events, outbound
from core.actions import Input, action
from core.actor import Actor
from core.errors import Busy, Invalid, NotFound
from core.ids import new_id
from core.jobs import later
from core.letters import here
from core.people import Phone
from core.sealing import seal
from crm.calls.connectors import connected
from crm.calls.hearing import PURPOSE, find_caller, link, ring, spoken, write_note
from crm.calls.models import Call, Extension, Telephone
from crm.contacts import actions as contacts
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.requests.contacted import note_contact
from crm.timeline import actions as notes
from tenants.models import Member

BOTH_HOLD = timedelta(days=1)  # how long the former secret holds after a new one was made


class PlacedCall(Input):
    number: Annotated[str, Field(min_length=1, max_length=60)]
    contact_id: UUID | None = None
    deal_id: UUID | None = None


@action("call.place", right=("call", "create"))
def place(actor: Actor, data: PlacedCall) -> Call:
    """Have the telephone ring at the actor's extension and connect it with the number, by the job "calls.place". Raises
    Busy where there is no telephone that can."""
    actor.linked(Contact, data.contact_id, "contact_id")
    actor.linked(Deal, data.deal_id, "deal_id")
    telephone = connected(actor.db)
    line = own_line(actor)
    if telephone is None or line is None:
        raise Busy(_("Calls are dialled by hand here: no telephone is connected, or you have no extension."))
    number = spoken(data.number, actor.workspace.country)
    if not number.startswith("+"):
        raise Invalid(("number", _("This is not a telephone number.")))
    call = Call(
        id=new_id(), provider=telephone.provider, direction="out", from_number=line, to_number=number, state="asked",
        began_at=datetime.now(UTC), member_id=actor.member.id, contact_id=data.contact_id, deal_id=data.deal_id,
        shown_to=[actor.member.id],
    )  # fmt: skip
    call.provider_id = str(call.id)
    if call.contact_id is None:
        find_caller(actor.db, call)
    actor.db.add(call)
    later(actor.db, "calls.place", call_id=call.id)
    ring(actor.db, [actor.member.id])
    return call


def own_line(actor: Actor) -> str | None:
    return actor.db.scalar(select(Extension.number).where(Extension.member_id == actor.member.id))


class LoggedCall(Input):
    id: UUID
    text: Annotated[str, Field(max_length=20_000)] = ""
    result: Literal["", "answered", "missed", "voicemail"] = ""
    contact_id: UUID | None = None
    deal_id: UUID | None = None


@action("call.log", right=("call", "edit"))
def log(actor: Actor, data: LoggedCall) -> Call:
    """What was said, and with whom where the telephone did not know. The note of the call says it from then on."""
    call = actor.take(Call, data.id, "edit")
    for name, model in (("contact_id", Contact), ("deal_id", Deal)):
        actor.linked(model, getattr(data, name), name)
    if data.contact_id:
        call.contact_id = data.contact_id
        call.company_id = actor.db.scalar(select(Contact.company_id).where(Contact.id == data.contact_id))
    call.deal_id = data.deal_id or call.deal_id
    call.about = data.text
    if call.note_id is None:
        write_note(actor.db, call)
    if call.note_id is not None:
        said = {"id": call.note_id, "text": data.text, **({"result": data.result} if data.result else {})}
        notes.change(actor, notes.change.parse(said))
    if call.direction == "out" or call.answered_at:
        note_contact(actor, call.contact_id, call.deal_id, call.answered_at or call.began_at)
    put_away(actor, call)
    return call


class CallersName(Input):
    id: UUID
    first_name: Annotated[str, Field(max_length=100)] = ""
    last_name: Annotated[str, Field(max_length=100)] = ""


@action("call.name", right=("call", "edit"))
def name(actor: Actor, data: CallersName) -> Contact:
    """A new contact with the number of a call from somebody unknown; the call is theirs."""
    call = actor.take(Call, data.id, "edit")
    if call.contact_id is not None:
        raise Busy(_("This call is somebody's already."))
    if not (data.first_name or data.last_name):
        raise Invalid(("last_name", _("Write the name.")))
    phones = [Phone(number=call.number)] if call.number else []
    named = contacts.NewContact(first_name=data.first_name, last_name=data.last_name, phones=phones)
    contact = contacts.create(actor, named)
    link(actor.db, call, contact.id, contact.company_id)
    if call.state in ("ended", "missed"):
        write_note(actor.db, call)
    return contact


class OneCall(Input):
    id: UUID


@action("call.hide", right=("call", "view"))
def hide(actor: Actor, data: OneCall) -> None:
    """Take the card off the actor's own pages."""
    call = actor.db.scalar(
        select(Call).where(Call.id == data.id, Call.shown_to.contains([actor.member.id])).with_for_update()
    )
    if call is None:
        raise NotFound()
    put_away(actor, call)


def put_away(actor: Actor, call: Call) -> None:
    if actor.member.id in call.shown_to:
        call.shown_to = [one for one in call.shown_to if one != actor.member.id]
        ring(actor.db, [actor.member.id])


# Setting the telephone up


class NewTelephone(Input):
    """`token` is Twilio's Auth Token; for any other exchange we make a secret ourselves."""

    provider: Literal["generic", "twilio"]
    token: Annotated[str, Field(max_length=200)] = ""


@action("telephone.connect", right=("settings", "edit"))
def connect(actor: Actor, data: NewTelephone) -> tuple[Telephone, str]:
    """The telephone and its secret, which is shown once. Where one is connected it gets a new secret, and the former
    holds for a day, so that nothing is lost in between."""
    if data.provider == "twilio" and not data.token:
        raise Invalid(("token", _("Copy the Auth Token from Twilio's console.")))
    secret = data.token or secrets.token_urlsafe(32)
    telephone = present(actor, data.provider)
    if telephone is None:
        telephone = Telephone(id=new_id(), provider=data.provider, key=new_key())
        actor.db.add(telephone)
    else:
        telephone.former, telephone.former_until = telephone.secret, datetime.now(UTC) + BOTH_HOLD
    telephone.secret = seal(here(), PURPOSE, secret.encode(), telephone.id.bytes)
    return telephone, secret


def new_key() -> str:
    """160 bits in small letters and digits."""
    return base64.b32encode(secrets.token_bytes(20)).decode().lower()


def present(actor: Actor, provider: str) -> Telephone | None:
    there = select(Telephone).where(Telephone.provider == provider, Telephone.deleted_at.is_(None))
    return actor.db.scalar(there.with_for_update())


class OneTelephone(Input):
    id: UUID


@action("telephone.disconnect", right=("settings", "edit"))
def disconnect(actor: Actor, data: OneTelephone) -> None:
    """Nothing is heard from it any more; its calls stay."""
    actor.take(Telephone, data.id, "edit").deleted_at = datetime.now(UTC)


class Placing(OneTelephone):
    place_url: Annotated[str, Field(max_length=1000)] = ""


@action("telephone.place_by", right=("settings", "edit"))
def place_by(actor: Actor, data: Placing) -> Telephone:
    """Where a call is asked of it; "" for nowhere."""
    telephone = actor.take(Telephone, data.id, "edit")
    if data.place_url:
        try:
            outbound.place_of(here(), data.place_url)
        except outbound.Unreachable:
            raise Invalid(("place_url", _("Write an address that begins with https://."))) from None
    telephone.place_url = data.place_url
    return telephone


class Line(Input):
    member_id: UUID
    number: Annotated[str, Field(max_length=60)] = ""


class Lines(Input):
    lines: Annotated[list[Line], Field(max_length=1000)] = []


@action("telephone.lines", right=("settings", "edit"))
def set_lines(actor: Actor, data: Lines) -> None:
    """Whose extension is which; nobody has one who is not named."""
    wanted = {one.member_id: spoken(one.number, actor.workspace.country) for one in data.lines if one.number}
    known = set(actor.db.scalars(select(Member.id).where(Member.id.in_(wanted), Member.state == "active")))
    seen: set[str] = set()
    for place, one in enumerate(data.lines):
        number = wanted.get(one.member_id, "")
        if one.number and one.member_id not in known:
            raise Invalid((f"lines-{place}-number", _("There is no such member.")))
        if number in seen:
            raise Invalid((f"lines-{place}-number", _("Somebody else has this extension.")))
        seen.update([number] if number else [])
    before = dict(actor.db.execute(select(Extension.member_id, Extension.number)).all())
    if before == wanted:
        return
    actor.db.execute(delete(Extension))
    actor.db.flush()
    actor.db.add_all(Extension(member_id=member_id, number=number) for member_id, number in wanted.items())
    said = {"lines": {str(key): value for key, value in wanted.items()}}
    was = {"lines": {str(key): value for key, value in before.items()}}
    events.note(
        actor, "telephone.lines", "settings", UUID(int=actor.workspace.id), actor.workspace.name,
        change="changed", before=was, after=said,
    )  # fmt: skip
