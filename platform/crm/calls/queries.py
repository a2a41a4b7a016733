"""Reads over calls: what stands on a member's pages now, and the list of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select

from core.actor import Actor
from crm.calls.connectors import connected
from crm.calls.models import Call, Extension
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from tenants.models import Member

RINGS_FOR = timedelta(minutes=3)  # after which nobody believes a telephone whose exchange fell silent
STAYS_FOR = timedelta(minutes=15)  # for the result of a call that has ended
SHOWN = 100


@dataclass(frozen=True)
class Shown:
    """A call with whom it is with, as far as its reader may see them. `known` says that it is somebody's at all."""

    call: Call
    contact: Contact | None
    company: Company | None
    deals: Sequence[Row[tuple[UUID, str]]]
    known: bool


def standing(actor: Actor) -> list[Shown]:
    """The calls whose card stands on the actor's pages: what rings, is spoken, or has just ended."""
    now = func.now()
    lately = or_(
        and_(Call.state.in_(("asked", "ringing", "failed")), Call.began_at > now - RINGS_FOR),
        Call.state == "answered",
        and_(Call.state == "ended", Call.ended_at > now - STAYS_FOR),
    )
    found = select(Call).where(Call.shown_to.contains([actor.member.id]), lately)
    return [shown(actor, call) for call in actor.db.scalars(found.order_by(Call.began_at.desc()).limit(3))]


def shown(actor: Actor, call: Call) -> Shown:
    contact = actor.db.scalar(actor.visible(Contact).where(Contact.id == call.contact_id)) if call.contact_id else None
    company = actor.db.scalar(actor.visible(Company).where(Company.id == call.company_id)) if call.company_id else None
    deals: Sequence[Row[tuple[UUID, str]]] = []
    if contact is not None:
        open_ones = actor.visible(Deal, Deal.id, Deal.name).where(Deal.contact_id == contact.id, Deal.status == "open")
        deals = actor.db.execute(open_ones.order_by(Deal.id.desc()).limit(3)).all()
    return Shown(call, contact, company, deals, bool(call.contact_id or call.company_id))


def listed(actor: Actor) -> list[Row[tuple[Call, str | None, str | None]]]:
    """The newest calls that the actor may see, each with the names of its contact and of its member."""
    seen = actor.visible(Contact, Contact.id, Contact.name).subquery()
    query = (
        actor.visible(Call)
        .outerjoin(seen, seen.c.id == Call.contact_id)
        .outerjoin(Member, Member.id == Call.member_id)
        .add_columns(seen.c.name.label("contact"), Member.name.label("member"))
    )
    return list(actor.db.execute(query.order_by(Call.began_at.desc(), Call.id.desc()).limit(SHOWN)).all())


def may_place(actor: Actor) -> bool:
    """Whether a click can call, rather than a program that knows tel: links."""
    if not actor.may("call", "create") or connected(actor.db) is None:
        return False
    return actor.db.scalar(select(Extension.number).where(Extension.member_id == actor.member.id)) is not None
