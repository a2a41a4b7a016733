"""Quick find: contacts, companies and deals by a part of a name, an e-mail or a phone, one query each."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from markupsafe import Markup, escape
from sqlalchemy import Row, Select, and_, or_, select

from core.actor import Actor
from core.db import plan_for_values
from core.listing import found
from core.records import Record
from core.text import searchable
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal, Stage
from crm.related import record_name

SHOWN = 8
LOOKED_AT = 200  # matches among which the best are chosen; a common word has a hundred thousand


@dataclass(frozen=True)
class Hits:
    contacts: list[Row[Any]]
    companies: list[Row[Any]]
    deals: list[Row[Any]]


def find(actor: Actor, q: str) -> Hits:
    """What matches, the names that begin with the first word first. Nothing for an empty question.

    Deals of the contacts and companies found come too: people remember whom a deal was with.
    """
    if not searchable(q).strip():
        return Hits([], [], [])
    plan_for_values(actor.db)
    contacts = best(actor, q, contacts_found(actor, q), Contact)
    companies = best(actor, q, companies_found(actor, q), Company)
    deals = best(actor, q, deals_found(actor, q, [row.id for row in contacts], [row.id for row in companies]), Deal)
    return Hits(contacts, companies, deals)


def contacts_found(actor: Actor, q: str) -> Select[Any]:
    columns = (
        Contact.id,
        Contact.name,
        Contact.search,
        Contact.sort_key,
        Contact.city,
        Contact.phones[0]["number"].astext.label("phone"),
        Contact.emails[0]["address"].astext.label("email"),
        record_name(actor, Company, Contact.company_id).label("company"),
    )
    return actor.visible(Contact, *columns).where(*found(Contact, q))


def companies_found(actor: Actor, q: str) -> Select[Any]:
    columns = (Company.id, Company.name, Company.search, Company.sort_key, Company.city, Company.reg_no)
    return actor.visible(Company, *columns).where(*found(Company, q))


def deals_found(actor: Actor, q: str, contact_ids: list[UUID], company_ids: list[UUID]) -> Select[Any]:
    columns = (
        Deal.id,
        Deal.name,
        Deal.search,
        Deal.sort_key,
        Deal.status,
        record_name(actor, Contact, Deal.contact_id).label("contact"),
        record_name(actor, Company, Deal.company_id).label("company"),
        select(Stage.name).where(Stage.id == Deal.stage_id).scalar_subquery().label("stage"),
    )
    with_them = (Deal.contact_id.in_(contact_ids), Deal.company_id.in_(company_ids))
    return actor.visible(Deal, *columns).where(or_(and_(*found(Deal, q)), *with_them))


def best(actor: Actor, q: str, query: Select[Any], model: type[Record]) -> list[Row[Any]]:
    looked_at: Any = query.limit(LOOKED_AT).subquery(model.kind)
    first = searchable(q).split()[0]
    begins = or_(
        looked_at.c.search.startswith(first, autoescape=True), looked_at.c.search.contains(" " + first, autoescape=True)
    )
    ordered = select(looked_at).order_by(begins.desc(), looked_at.c.sort_key, looked_at.c.id)
    return list(actor.db.execute(ordered.limit(SHOWN)))


def marked(text: str, q: str) -> Markup:
    """The text with the parts that were asked for in <mark>, accents and case aside."""
    letters = [(letter, at) for at, original in enumerate(text) for letter in searchable(original)]
    flat = "".join(letter for letter, _at in letters)
    hit = {
        at
        for word in searchable(q).split()
        for match in re.finditer(re.escape(word), flat)
        for at in range(letters[match.start()][1], letters[match.end() - 1][1] + 1)
    }
    parts, at = [], 0
    while at < len(text):
        end = at
        while end < len(text) and (end in hit) == (at in hit):
            end += 1
        part = escape(text[at:end])
        parts.append(Markup("<mark>{}</mark>").format(part) if at in hit else part)
        at = end
    return Markup("").join(parts)
