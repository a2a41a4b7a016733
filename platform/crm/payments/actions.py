"""Payments recorded by hand, corrected and taken back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from core.ids import new_id
from crm.deals.models import Deal
from crm.payments.models import Payment
from crm.quotes.actions import today_in, visible_deal
from crm.quotes.models import Quote

Sum = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]


class PaymentFields(Input):
    amount: Annotated[Sum, Field(description="In the currency of its quote, else of its deal.")]
    paid_on: Annotated[date | None, Field(description="Today, when left out.")] = None
    how: Literal["transfer", "cash", "card", "other"] = "transfer"
    note: Annotated[str, Field(max_length=1_000)] = ""


class NewPayment(PaymentFields):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one payment.")] = None
    deal_id: UUID
    quote_id: Annotated[UUID | None, Field(description="A quote of the same deal.")] = None


ChangedPayment = changes_of(PaymentFields, "ChangedPayment")


class OnePayment(Input):
    id: UUID
    version: int | None = None


@action("payment.receive", right=("payment", "create"))
def receive(actor: Actor, data: NewPayment) -> Payment:
    """Money came. The deal's stage and state stay: what follows is for people, or a process, to say."""
    known = actor.repeated(Payment, data.id)
    if known:
        return known
    deal = visible_deal(actor, data.deal_id)
    actor.linked(Quote, data.quote_id, "quote_id", Quote.deal_id == deal.id)
    quote = actor.db.get(Quote, data.quote_id) if data.quote_id else None
    payment = payment_of(deal, quote, data.amount, data.how, data.paid_on or today_in(actor))
    payment.id, payment.note = data.id or new_id(), data.note
    check_day(actor, payment)
    actor.require(("payment", "create"), payment)
    actor.db.add(payment)
    return payment


@action("payment.edit", takes=ChangedPayment)
def change(actor: Actor, data: Changes) -> Payment:
    payment = actor.take(Payment, data.id, "edit", data.version)
    if payment.stripe_id is not None:
        raise Invalid(("amount", _("This payment came online, and is as Stripe says.")))
    for name, value in data.given().items():
        if value is not None and getattr(payment, name) != value:
            setattr(payment, name, value)
    check_day(actor, payment)
    return payment


@action("payment.delete")
def delete(actor: Actor, data: OnePayment) -> Payment:
    """Taken back, as one recorded by mistake."""
    payment = actor.take(Payment, data.id, "delete", data.version)
    payment.deleted_at = datetime.now(UTC)
    return payment


@action("payment.restore", right=("payment", "delete"))
def restore(actor: Actor, data: OnePayment) -> Payment:
    payment = actor.take(Payment, data.id, "delete", deleted=True)
    payment.deleted_at = None
    return payment


def payment_of(deal: Deal, quote: Quote | None, amount: Decimal, how: str, paid_on: date) -> Payment:
    return Payment(
        deal_id=deal.id,
        owner_id=deal.owner_id,
        name=deal.name,
        quote_id=quote.id if quote else None,
        currency=quote.currency if quote else deal.currency,
        amount=amount,
        how=how,
        paid_on=paid_on,
    )


def check_day(actor: Actor, payment: Payment) -> None:
    today = today_in(actor)
    if not today - timedelta(days=3650) <= payment.paid_on <= today:
        raise Invalid(("paid_on", _("Choose the day it came: today or before.")))
