"""What members do with quotes: make one from a deal's items, change it, send it, withdraw it.

    draft -> sent -> accepted | declined | expired | withdrawn

What the client does is in `answers`. A number is drawn when a quote is sent, in the same transaction and last of all,
so that drafts have none and there are no gaps.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import text

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Invalid
from core.ids import new_id
from core.jobs import later
from core.people import EmailAddress, address_line
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.items import totals
from crm.deals.models import Deal
from crm.documents.actions import letterhead_of
from crm.quotes.models import Quote

FARTHEST = timedelta(days=3650)
DELIVER, EXPIRE = "quote.deliver", "quote.expire"


class QuoteFields(Input):
    valid_until: Annotated[date | None, Field(description="The last day; by the letterhead's, when left out.")] = None
    language: Annotated[Literal["en", "cs"] | None, Field(description="The workspace's, when left out.")] = None
    note: Annotated[str, Field(max_length=5_000)] = ""


class NewQuote(QuoteFields):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one quote.")] = None
    deal_id: UUID


class ChangedFields(QuoteFields):
    again: Annotated[bool, Field(description="Take the deal's items and client anew.")] = False


ChangedQuote = changes_of(ChangedFields, "ChangedQuote")


class OneQuote(Input):
    id: UUID
    version: int | None = None


class SentQuote(OneQuote):
    to: Annotated[EmailAddress | None, Field(description="Whom to mail the link and the PDF; nobody, if left out.")] = (
        None
    )
    message: Annotated[str, Field(max_length=2_000, description="What the mail says above the link.")] = ""


@action("quote.create")
def create(actor: Actor, data: NewQuote) -> Quote:
    """A draft with the deal's items as they are now. Raises Invalid for a deal without a price."""
    known = actor.repeated(Quote, data.id)
    if known:
        return known
    deal = visible_deal(actor, data.deal_id)
    quote = Quote(
        id=data.id or new_id(), deal_id=deal.id, owner_id=deal.owner_id, state="draft", note=data.note, link=1
    )
    quote.number, quote.sent_at, quote.file_size = None, None, 0
    quote.language = data.language or ("cs" if actor.workspace.language == "cs" else "en")
    days = timedelta(days=letterhead_of(actor.db, actor.workspace.name).valid_days)
    quote.valid_until = data.valid_until or today_in(actor) + days
    copy_deal(actor, quote, deal)
    check_day(actor, quote)
    actor.require(("quote", "create"), quote)
    actor.db.add(quote)
    return quote


@action("quote.edit", takes=ChangedQuote)
def change(actor: Actor, data: Changes) -> Quote:
    """Of a draft; what was sent stays as the client has it."""
    quote = actor.take(Quote, data.id, "edit", data.version)
    check_state(quote, "draft", _("This quote is sent, and stays as the client has it. Make a new one."))
    given = data.given()
    if given.pop("again", False):
        copy_deal(actor, quote, visible_deal(actor, quote.deal_id))
    for name, value in given.items():
        if value is not None and getattr(quote, name) != value:
            setattr(quote, name, value)
    check_day(actor, quote)
    return quote


@action("quote.send", right=("quote", "edit"))
def send(actor: Actor, data: SentQuote) -> Quote:
    """From now on it has a number, and its client can answer. Sent again, it is mailed again as it is."""
    quote = actor.take(Quote, data.id, "edit", data.version)
    if quote.state not in ("draft", "sent"):
        raise Busy(_("This quote is answered or withdrawn. Make a new one."))
    check_day(actor, quote)
    check_price(quote)
    if data.to or quote.file_key is None:
        later(actor.db, DELIVER, quote_id=quote.id, key=new_id(), mailed=int(bool(data.to)))
    if data.to:
        quote.sent_to, quote.sent_by_id, quote.message = data.to, actor.member.id, data.message
    if quote.state == "draft":
        later(actor.db, EXPIRE, at=ends_at(actor.workspace.time_zone, quote.valid_until), quote_id=quote.id)
        number = next_number(actor)
        quote.state, quote.sent_at, quote.number = "sent", datetime.now(UTC), number
    return quote


@action("quote.withdraw", right=("quote", "edit"))
def withdraw(actor: Actor, data: OneQuote) -> Quote:
    """The client can accept it no more. Its number stays taken."""
    quote = actor.take(Quote, data.id, "edit", data.version)
    if quote.state in ("accepted", "declined"):
        raise Busy(_("The client has answered this quote already."))
    check_state(quote, ("sent", "expired", "withdrawn"), _("This quote is a draft. Delete it instead."))
    quote.state = "withdrawn"
    return quote


@action("quote.relink", right=("quote", "edit"))
def relink(actor: Actor, data: OneQuote) -> Quote:
    """A new link to the client's page; those sent before open nothing any more."""
    quote = actor.take(Quote, data.id, "edit", data.version)
    quote.link += 1
    return quote


@action("quote.delete")
def delete(actor: Actor, data: OneQuote) -> Quote:
    """Of a draft. One that has a number is withdrawn, so that no number is missing."""
    quote = actor.take(Quote, data.id, "delete", data.version)
    check_state(quote, "draft", _("This quote has a number. Withdraw it instead."))
    quote.deleted_at = datetime.now(UTC)
    return quote


@action("quote.restore", right=("quote", "delete"))
def restore(actor: Actor, data: OneQuote) -> Quote:
    quote = actor.take(Quote, data.id, "delete", deleted=True)
    quote.deleted_at = None
    return quote


def visible_deal(actor: Actor, deal_id: UUID) -> Deal:
    """Raises Invalid."""
    actor.linked(Deal, deal_id, "deal_id")
    return actor.db.get_one(Deal, deal_id, populate_existing=True)


def copy_deal(actor: Actor, quote: Quote, deal: Deal) -> None:
    """What a deal says now: its items, what they come to, and for whom."""
    if not deal.items:
        raise Invalid(("deal_id", _("This deal has no price yet. Work it out first.")))
    sums = totals(deal.items)
    quote.name, quote.currency, quote.items = deal.name, deal.currency, deal.items
    quote.net, quote.gross = sums.net, sums.gross
    quote.client = client_of(actor, deal)
    check_price(quote)


def client_of(actor: Actor, deal: Deal) -> dict[str, Any]:
    """Whom a deal is with, as papers name them: the company with its contact, or the contact alone."""
    contact = actor.db.get(Contact, deal.contact_id) if deal.contact_id else None
    company = actor.db.get(Company, deal.company_id) if deal.company_id else None
    first: Contact | Company | None = company or contact
    emails = [*(contact.emails if contact else ()), *(company.emails if company else ())]
    return {
        "name": company.name if company else contact.name if contact else "",
        "person": contact.name if contact and company else "",
        "address": address_line(first.addresses[0]) if first and first.addresses else "",
        "reg_no": company.reg_no if company else "",
        "vat_no": company.vat_no if company else "",
        "email": emails[0]["address"] if emails else "",
    }


def check_price(quote: Quote) -> None:
    if quote.gross <= 0:
        raise Invalid(("deal_id", _("A quote needs a price. Work out the deal's first.")))


def check_day(actor: Actor, quote: Quote) -> None:
    today = today_in(actor)
    if not today <= quote.valid_until <= today + FARTHEST:
        raise Invalid(("valid_until", _("Choose a day that is still to come.")))


def check_state(quote: Quote, known: str | tuple[str, ...], words: str) -> None:
    if quote.state not in (known if isinstance(known, tuple) else (known,)):
        raise Busy(words)


def today_in(actor: Actor) -> date:
    """The day it is for the business."""
    return datetime.now(ZoneInfo(actor.workspace.time_zone)).date()


def ends_at(zone: str, day: date) -> datetime:
    """When a day is over for the business."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))


def next_number(actor: Actor) -> str:
    """ "2026-0007". Whoever draws one holds the year's counter until they commit; others wait for that moment."""
    year = today_in(actor).year
    return f"{year}-{actor.db.scalar(NEXT, {'year': year}):04}"


NEXT = text("""
insert into quote_counter as counter (year, last) values (:year, 1)
on conflict (year) do update set last = counter.last + 1 returning last
""")
