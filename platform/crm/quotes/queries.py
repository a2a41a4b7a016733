"""Reads over quotes, and what has been paid by them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from core.actor import Actor
from core.errors import NotFound
from core.listing import Filter, Listing, Sort
from crm.deals.models import Deal
from crm.payments.models import Payment
from crm.quotes.models import Quote

LISTING = Listing(
    model=Quote,
    sorts={
        "created": Sort(Quote.id, UUID),
        "valid": Sort(Quote.valid_until, date),
        "gross": Sort(Quote.gross, Decimal),
    },
    default_sort="-created",
    filters={
        "state": Filter(str, lambda _actor, value: Quote.state == value, "draft, sent, accepted ..."),
        "deal_id": Filter(UUID, lambda _actor, value: Quote.deal_id == value, "quotes of this deal"),
        "number": Filter(str, lambda _actor, value: Quote.number == value, "exact number"),
    },
    searched=False,
)


@dataclass(frozen=True)
class OfDeal:
    """What a deal's card shows beside its price. Money of other currencies than the deal's is not in `paid`."""

    quotes: list[Quote]
    payments: list[Payment]
    paid: Decimal


def of_deal(actor: Actor, deal: Deal) -> OfDeal:
    quotes = actor.visible(Quote).where(Quote.deal_id == deal.id).order_by(Quote.id.desc()).limit(50)
    payments = actor.visible(Payment).where(Payment.deal_id == deal.id).order_by(Payment.paid_on.desc(), Payment.id)
    came = list(actor.db.scalars(payments.limit(200)))
    paid = sum((one.amount for one in came if one.currency == deal.currency), Decimal(0))
    return OfDeal(list(actor.db.scalars(quotes)), came, paid)


def paid_by(actor: Actor, quote: Quote) -> Decimal:
    paid = actor.visible(Payment, func.coalesce(func.sum(Payment.amount), 0)).where(
        Payment.quote_id == quote.id, Payment.currency == quote.currency
    )
    return Decimal(actor.db.scalar(paid) or 0)


def known(actor: Actor, quote_id: UUID) -> Quote:
    """The quote, though it be in the bin. Raises NotFound."""
    quote = actor.db.scalar(select(Quote).where(Quote.id == quote_id, actor.reach(Quote)))
    if quote is None:
        raise NotFound()
    return quote
