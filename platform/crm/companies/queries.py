"""Reads over companies: the list and what its page shows beside each name."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func

from core.actor import Actor
from core.listing import Filter, Listing, Sort, found
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.fields.filters import condition
from crm.related import Step, member_name, next_step, open_sums, step_of, sums_of
from crm.tasks.models import Task

LISTING = Listing(
    model=Company,
    sorts={
        "created": Sort(Company.id, UUID),
        "name": Sort(Company.sort_key, bytes),
        "city": Sort(Company.city, str),
        "updated": Sort(Company.updated_at, datetime),
    },
    default_sort="-created",
    filters={
        "owner_id": Filter(UUID, lambda _actor, value: Company.owner_id == value, "companies of this member"),
        "city": Filter(str, lambda _actor, value: Company.city == value, "exact city of the first address"),
        "label": Filter(str, lambda _actor, value: Company.labels.contains([value]), "companies with this label"),
        "email": Filter(str, lambda _actor, value: Company.match_keys.contains([value.lower()]), "exact e-mail"),
        "phone": Filter(str, lambda _actor, value: Company.match_keys.contains([value]), "exact phone in E.164"),
        "reg_no": Filter(str, lambda _actor, value: Company.reg_no == value, "exact registration number"),
        "created_after": Filter(
            datetime, lambda _actor, value: Company.created_at > value, "created after this moment"
        ),
        "mine": Filter(bool, lambda actor, value: (Company.owner_id == actor.member.id) == value, "own companies only"),
    },
    custom=condition,
)


@dataclass(frozen=True)
class Listed:
    """A row of the companies' list: how many people it has, sums of its open deals by currency."""

    id: UUID
    name: str
    people: int
    step: Step | None
    phone: str | None
    city: str
    sums: list[tuple[Decimal, str]]
    owner: str | None


def listed_columns(actor: Actor) -> tuple[Any, ...]:
    people = actor.visible(Contact, func.count()).where(Contact.company_id == Company.id).scalar_subquery()
    return (
        Company.id,
        Company.name,
        Company.city,
        Company.phones[0]["number"].astext.label("phone"),
        people.label("people"),
        next_step(actor, Company, Task.company_id, Deal.company_id).label("step"),
        open_sums(actor, Company, Deal.company_id).label("sums"),
        member_name(Company.owner_id).label("owner"),
    )


def listed(actor: Actor, row: Row[Any]) -> Listed:
    return Listed(
        id=row.id,
        name=row.name,
        people=row.people,
        step=step_of(actor, row.step),
        phone=row.phone,
        city=row.city,
        sums=sums_of(row.sums),
        owner=row.owner,
    )


def found_by(actor: Actor, q: str, most: int = 20) -> list[Row[Any]]:
    """(id, name, city) of the companies a picker offers for what was typed, by name."""
    query = actor.visible(Company, Company.id, Company.name, Company.city).where(*found(Company, q))
    return list(actor.db.execute(query.order_by(Company.sort_key, Company.id).limit(most)))
