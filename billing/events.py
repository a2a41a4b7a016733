"""Stripe's word that something happened: believed only when signed, stored before anything is done, done by a job.

An event is no news but a reason to ask: the job fetches the customer's present state (billing.accounts), so it does not
matter in what order events come, how late, or how often.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import orjson
import stripe
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import accounts
from billing.amounts import major
from billing.gateway import BillingGateway, gateway_of
from billing.models import Account, StripeEvent
from billing.standin.embedded import standin_of
from config.settings import Settings, Stripe
from core.db import Database
from core.errors import Forbidden, Refusal
from core.jobs import Place, job, later
from core.letters import here

log = logging.getLogger(__name__)

TOLERANCE = 300  # seconds that a signature may be old
# What makes us ask for the customer's state; any other kind is stored and ignored.
HEARD = ("customer.", "checkout.session.", "invoice.", "payment_method.", "charge.", "setup_intent.")
CLOCK = "test_helpers.test_clock.ready"
HANDLE = "billing.handle_event"


class NotBelieved(Forbidden):
    """The signature is missing, forged or too old, or nobody has told us the secret."""

    def __init__(self, why: str) -> None:
        super().__init__(why)


class NotUnderstood(Refusal):
    """The body is no event of Stripe."""


def receive(base: Database, config: Settings, body: bytes, signature: str) -> None:
    """Store an event and ask for its job. Raises NotBelieved, NotUnderstood. An event that is known changes nothing."""
    check_signature(config, body, signature)
    try:
        told = orjson.loads(body)
        event_id, kind, live, thing = str(told["id"]), str(told["type"]), bool(told["livemode"]), told["data"]["object"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise NotUnderstood("This is no event.") from None
    if live != is_live(config):
        raise NotBelieved(f"This event is of {'live' if live else 'test'} mode, and our keys are of the other.")
    with base.controlling() as control:
        stored = insert(StripeEvent).values(id=event_id, type=kind, customer_id=customer_in(kind, thing), body=told)
        if control.scalar(stored.on_conflict_do_nothing().returning(StripeEvent.id)):
            later(control, HANDLE, event_id=event_id)


def check_signature(config: Settings, body: bytes, signature: str) -> None:
    """Raises NotBelieved. Two secrets hold while one is being replaced; without any, nothing is believed."""
    for secret in secrets_of(config):
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
        except (stripe.SignatureVerificationError, ValueError, IndexError):
            continue
        return
    raise NotBelieved("The signature is not Stripe's, or too old.")


def secrets_of(config: Settings) -> tuple[str, ...]:
    match config.payments:
        case Stripe() as keys:
            return keys.webhook_secrets
        case "test":
            return (standin_of(config).webhook_secret,)
    return ()


def is_live(config: Settings) -> bool:
    return isinstance(config.payments, Stripe) and config.payments.live


def customer_in(kind: str, thing: Any) -> str | None:
    """The customer that an event is about, as far as it says."""
    if not isinstance(thing, dict):
        return None
    named = thing.get("id") if thing.get("object") == "customer" else thing.get("customer")
    return str(named) if kind.startswith(HEARD) and isinstance(named, str) else None


@job(HANDLE)
def handle(place: Place, event_id: str) -> None:
    config = here()
    if config.payments is not None:
        handle_event(place.database, gateway_of(config), event_id)


def handle_event(base: Database, gateway: BillingGateway, event_id: str) -> None:
    """Do what an event asks for, unless that was done. Raises NoAnswer, so that the job is tried again."""
    with base.controlling() as control:
        event = control.get(StripeEvent, event_id)
        if event is None or event.handled_at:
            return
        watch(control, gateway, event)
        workspace_ids = concerned(control, event)
    for workspace_id in workspace_ids:
        accounts.sync(base, gateway, workspace_id)
    with base.controlling() as control:
        outcome = "asked" if workspace_ids else "ignored"
        control.execute(
            update(StripeEvent).where(StripeEvent.id == event_id).values(handled_at=func.now(), outcome=outcome)
        )


def concerned(control: Session, event: StripeEvent) -> list[int]:
    """The workspaces whose state at Stripe may have changed."""
    query = select(Account.workspace_id).where(Account.customer_id == event.customer_id)
    if event.type == CLOCK:
        query = select(Account.workspace_id).where(Account.customer_id.is_not(None), Account.live.is_(False))
    elif event.customer_id is None:
        return []
    return list(control.scalars(query.order_by(Account.workspace_id)))


def watch(control: Session, gateway: BillingGateway, event: StripeEvent) -> None:
    """Show the operator money that goes back or is fought for."""
    if not event.type.startswith(("charge.dispute.", "charge.refunded", "refund.failed")):
        return
    thing = event.body["data"]["object"]
    if event.customer_id is None and thing.get("charge"):
        event.customer_id = gateway.customer_of_charge(str(thing["charge"]))
    workspace_id = control.scalar(select(Account.workspace_id).where(Account.customer_id == event.customer_id))
    currency = str(thing.get("currency", "")).upper()
    amount = major(int(thing.get("amount_refunded") or thing.get("amount") or 0), currency)
    reason = thing.get("reason") or thing.get("status") or ""
    said = f"{event.type}: {amount} {currency}, {reason}, {thing.get('id')}, customer {event.customer_id}"
    accounts.note(control, event.id, workspace_id, event.type.removeprefix("charge."), said)


def replay(base: Database, event_id: str) -> bool:
    """Handle a stored event once more. False where there is none."""
    with base.controlling() as control:
        again = update(StripeEvent).where(StripeEvent.id == event_id).values(handled_at=None, outcome="")
        known = control.scalar(again.returning(StripeEvent.id))
        if known:
            later(control, HANDLE, event_id=event_id)
    return known is not None


def newest(control: Session, most: int, *, waiting: bool) -> list[StripeEvent]:
    """The last events, or only those nothing was done about yet."""
    query = select(StripeEvent).order_by(StripeEvent.received_at.desc(), StripeEvent.id).limit(most)
    if waiting:
        query = query.where(StripeEvent.handled_at.is_(None))
    return list(control.scalars(query))


def day_of(event: StripeEvent) -> datetime:
    """When it happened, as Stripe says."""
    return datetime.fromtimestamp(int(event.body.get("created", 0)), UTC)
