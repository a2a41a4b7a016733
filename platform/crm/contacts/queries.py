"""Reads over contacts: the list and what its page shows beside each name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from core.actor import Actor
from core.db import as_uuid
from core.listing import Filter, Listing, Sort, found
from core.pages import zone_of
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.fields.filters import condition
from crm.related import Step, member_name, next_step, open_sums, record_name, step_of, sums_of
from crm.tasks.models import Task
from tenants.models import Member

LISTING = Listing(
    model=Contact,
    sorts={
        "created": Sort(Contact.id, UUID),
        "name": Sort(Contact.sort_key, bytes),
        "city": Sort(Contact.city, str),
        "updated": Sort(Contact.updated_at, datetime),
    },
    default_sort="-created",
    filters={
        "owner_id": Filter(UUID, lambda _actor, value: Contact.owner_id == value, "contacts of this member"),
        "company_id": Filter(UUID, lambda _actor, value: Contact.company_id == value, "contacts of this company"),
        "city": Filter(str, lambda _actor, value: Contact.city == value, "exact city of the first address"),
        "label": Filter(str, lambda _actor, value: Contact.labels.contains([value]), "contacts with this label"),
        "email": Filter(str, lambda _actor, value: Contact.match_keys.contains([value.lower()]), "exact e-mail"),
        "phone": Filter(str, lambda _actor, value: Contact.match_keys.contains([value]), "exact phone in E.164"),
        "created_after": Filter(
            datetime, lambda _actor, value: Contact.created_at > value, "created after this moment"
        ),
        "mine": Filter(bool, lambda actor, value: (Contact.owner_id == actor.member.id) == value, "own contacts only"),
        "import_id": Filter(UUID, lambda _actor, value: Contact.import_id == value, "contacts made by this import"),
    },
    custom=condition,
)


@dataclass(frozen=True)
class Listed:
    """A row of the contacts' list: names (None where there is none, or where it may not be seen), sums by currency."""

    id: UUID
    name: str
    company: str | None
    step: Step | None
    phone: str | None
    email: str | None
    city: str
    sums: list[tuple[Decimal, str]]
    last_contact: date | None
    owner: str | None


def listed_columns(actor: Actor) -> tuple[Any, ...]:
    return (
        Contact.id,
        Contact.name,
        Contact.city,
        Contact.last_contact_at,
        Contact.phones[0]["number"].astext.label("phone"),
        Contact.emails[0]["address"].astext.label("email"),
        record_name(actor, Company, Contact.company_id).label("company"),
        next_step(actor, Contact, Task.contact_id, Deal.contact_id).label("step"),
        open_sums(actor, Contact, Deal.contact_id).label("sums"),
        member_name(Contact.owner_id).label("owner"),
    )


def listed(actor: Actor, row: Row[Any]) -> Listed:
    last = row.last_contact_at
    return Listed(
        id=row.id,
        name=row.name,
        company=row.company,
        step=step_of(actor, row.step),
        phone=row.phone,
        email=row.email,
        city=row.city,
        sums=sums_of(row.sums),
        last_contact=last.astimezone(zone_of(actor)).date() if last else None,
        owner=row.owner,
    )


def found_by(actor: Actor, q: str, most: int = 20) -> list[Row[Any]]:
    """(id, name, city) of the contacts a picker offers for what was typed, by name."""
    query = actor.visible(Contact, Contact.id, Contact.name, Contact.city).where(*found(Contact, q))
    return list(actor.db.execute(query.order_by(Contact.sort_key, Contact.id).limit(most)))


def of_company(actor: Actor, company_id: UUID, most: int = 100) -> list[Row[Any]]:
    """The people of a company, by name."""
    query = actor.visible(Contact, Contact.id, Contact.name, Contact.position, Contact.phones)
    return list(actor.db.execute(query.where(Contact.company_id == company_id).order_by(Contact.sort_key).limit(most)))


def owner_name(actor: Actor, member_id: UUID | None) -> str | None:
    """The member's name, though they left."""
    return actor.db.scalar(select(Member.name).where(Member.id == member_id)) if member_id else None


def company_names(actor: Actor, ids: Iterable[Any]) -> list[tuple[str, str]]:
    """(id, name) of those of the companies that are there and visible."""
    known = {found for text in ids if text and (found := as_uuid(str(text)))}
    if not known:
        return []
    rows = actor.db.execute(actor.visible(Company, Company.id, Company.name).where(Company.id.in_(known)))
    return [(str(row.id), row.name) for row in rows]
