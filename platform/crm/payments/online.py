"""Payments that clients make online: the page at Stripe, and the money that came.

Nothing that a browser or an event says is believed: both are reasons to ask Stripe, whose answer is recorded once, by
the payment's own id. Whoever pays and never comes back is asked about by the clock.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import stripe
from flask import Blueprint, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.events import TOLERANCE, NotBelieved, NotUnderstood
from config.settings import Settings
from core import events
from core.db import Database, Workspace, database
from core.errors import Busy, NotFound
from core.jobs import Place, job, later, once
from core.letters import here
from core.pages import Answer
from crm.deals.models import Deal
from crm.payments.models import Payment
from crm.payments.tills import Paid, till_of, webhook_of
from crm.quotes.models import Quote
from tenants.directory import locate_number

clients = Blueprint("client_payments", __name__)

SETTLE = "payment.settle"
ASK_AFTER = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=25))  # a page is open for a day
LARGEST_EVENT = 1024 * 1024
TOLD = ("checkout.session.completed", "checkout.session.async_payment_succeeded")


def open_page(config: Settings, base: Database, workspace: Workspace, quote: Quote, back: str) -> str:
    """The address where the client pays what is left of an accepted quote. A page opened before is closed first, so
    that nothing is paid twice. Raises Busy where nothing is to be paid, NoAnswer."""
    if quote.checkout_id:
        settle_checkout(config, base, workspace, quote.checkout_id)
    with base.workspace(workspace) as session:
        till, rest, former = till_of(config, session, workspace), rest_of(session, quote), quote.checkout_id
    if till is None or quote.state != "accepted" or rest <= 0:
        raise Busy()
    if former:
        till.close_page(former)
    what, key = f"{quote.number} {quote.name}", f"quote {workspace.id} {quote.id} {former or 'first'} {rest}"
    checkout_id, url = till.open_page(
        quote.id, what, rest, quote.currency, back=back, language=quote.language, key=key
    )  # fmt: skip
    with base.workspace(workspace) as session, session.begin():
        session.get_one(Quote, quote.id, with_for_update=True).checkout_id = checkout_id
        for wait in ASK_AFTER:
            later(session, SETTLE, at=datetime.now(UTC) + wait, checkout_id=checkout_id)
    return url


def rest_of(session: Session, quote: Quote) -> Decimal:
    """What is still to be paid."""
    paid = select(func.coalesce(func.sum(Payment.amount), 0)).where(
        Payment.quote_id == quote.id, Payment.currency == quote.currency, Payment.deleted_at.is_(None)
    )
    return quote.gross - Decimal(session.scalar(paid) or 0)


def settle_checkout(config: Settings, base: Database, workspace: Workspace, checkout_id: str) -> None:
    """Ask Stripe about a page, and record what was paid on it. Raises NoAnswer."""
    with base.workspace(workspace, reading=True) as session:
        till = till_of(config, session, workspace)
    paid = till.paid(checkout_id) if till else None
    if paid is not None:
        with base.workspace(workspace) as session, session.begin():
            record(session, paid)


def record(session: Session, paid: Paid) -> None:
    """The payment, once. Whoever has the deal is told."""
    quote = session.get(Quote, paid.quote_id, with_for_update=True)
    known = session.scalar(select(Payment.id).where(Payment.stripe_id == paid.payment_id))
    if quote is None or known is not None:
        return
    deal = session.get_one(Deal, quote.deal_id)
    payment = Payment(
        deal_id=deal.id, owner_id=deal.owner_id, name=deal.name, quote_id=quote.id, amount=paid.amount,
        currency=paid.currency, how="online", paid_on=datetime.now(UTC).date(), stripe_id=paid.payment_id,
    )  # fmt: skip
    session.add(payment)
    session.flush()
    after = {
        "deal_id": deal.id,
        "quote_id": quote.id,
        "amount": paid.amount,
        "currency": paid.currency,
        "how": "online",
    }
    told = {"tell": deal.owner_id} if deal.owner_id else {}
    happened = [(payment.id, deal.name, {**after, **told})]
    events.note_by_itself(session, "payment.receive", "payment", happened, change="created", via="client")


@job(SETTLE)
def settle(place: Place, checkout_id: str) -> None:
    settle_checkout(here(), place.database, place.here(), checkout_id)


@clients.post("/stripe/clients/<int:number>")
def event(number: int) -> Answer:
    """Stripe's word that something happened in the account of a workspace: believed only when signed with its own
    secret, and then only a reason to ask. Answered when that is certain to be done."""
    request.max_content_length = LARGEST_EVENT
    workspace = locate_number(database(), number)
    if workspace is None:
        raise NotFound()
    body = request.get_data()
    with database().workspace(workspace) as session, session.begin():
        told = believed(session, workspace, body, request.headers.get("Stripe-Signature", ""))
        if told["type"] in TOLD and once(session, "stripe client event", str(told["id"])):
            later(session, SETTLE, checkout_id=str(told["data"]["object"]["id"]))
    return "stored\n"


def believed(session: Session, workspace: Workspace, body: bytes, signature: str) -> Any:
    """The event. Raises NotBelieved, NotUnderstood."""
    known = webhook_of(here(), session, workspace)
    if known is None:
        raise NotBelieved("Nobody has told us the secret of this account.")
    secret, live = known
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError, IndexError):
        raise NotBelieved("The signature is not Stripe's, or too old.") from None
    try:
        told = orjson.loads(body)
        _parts = str(told["id"]), str(told["type"]), str(told["data"]["object"]["id"])
        if bool(told["livemode"]) != live:
            raise NotBelieved("This event is of another mode than our key.")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise NotUnderstood("This is no event.") from None
    return told
