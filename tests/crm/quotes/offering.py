"""Quotes in the hands of a test: made of a priced deal, sent, and opened as their client does."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from sqlalchemy import text

from config.settings import settings
from core import jobs, mail
from core.actor import Actor
from core.db import database
from core.letters import here
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.deals import pricing
from crm.deals.models import Deal
from crm.quotes import actions, links
from crm.quotes.models import Quote
from tests.shop import Shop

ITEMS = (
    {"name": "Wooden window", "quantity": "3", "unit": "pcs", "unit_price": "27820", "discount": "10"},
    {"name": "Montage", "quantity": "2.5", "unit": "h", "unit_price": "680", "vat_rate": "12"},
)


def priced_deal(actor: Actor, *items: dict[str, Any], **values: Any) -> Deal:
    deal = deals.create(actor, deals.create.parse({"name": "Windows for a flat", **values}))
    return pricing.price(actor, pricing.price.parse({"id": deal.id, "items": list(items or ITEMS)}))


def client(actor: Actor) -> UUID:
    emails = [{"address": "petr.cerny@example.com"}]
    addresses = [{"street": "Lidická 24", "zip": "602 00", "city": "Brno"}]
    given = {"first_name": "Petr", "last_name": "Černý", "emails": emails, "addresses": addresses}
    return contacts.create(actor, contacts.create.parse(given)).id


def draft(actor: Actor, **values: Any) -> Quote:
    deal = priced_deal(actor, contact_id=client(actor))
    return actions.create(actor, actions.create.parse({"deal_id": deal.id, **values}))


def sent(actor: Actor, to: str | None = None, **values: Any) -> Quote:
    quote = draft(actor, **values)
    return actions.send(actor, actions.SentQuote(id=quote.id, to=to))


def page_of(shop: Shop, quote_id: UUID) -> str:
    """The path of the client's page."""
    with shop.acting() as actor:
        return f"/quote/{links.link_of(here(), shop.workspace, actor.db.get_one(Quote, quote_id))}"


def work(shop: Shop, name: str) -> None:
    """Do what this workspace has asked for by this name, whenever it is due."""
    with database().controlling() as control:
        asked = text("select id from bus.outbox where role = :role and payload ->> 'job' = :name order by id")
        found = list(control.scalars(asked, {"role": shop.workspace.role, "name": name}))
    with shop.app.test_request_context("/"):
        for work_id in found:
            jobs.deliver(work_id)


def failed(shop: Shop) -> list[str]:
    with database().controlling() as control:
        asked = text("select trace from bus.failed where role = :role")
        return list(control.scalars(asked, {"role": shop.workspace.role}))


def mailed_to(address: str) -> list[EmailMessage]:
    found = (message_from_bytes(bytes(one), policy=policy.default) for one in mail.local_mailbox(settings()))
    return [one for one in found if one["To"] == address]
