"""Where clients pay online: the keys of the workspace's own Stripe account, and what is asked of it.

Not to be taken for billing.gateway, which is where the workspace itself pays for Okno: other keys, another account.
Both speak through the same client, and in the embedded run both may speak to the same test payments.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import stripe
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from stripe import StripeClient

from billing.amounts import major, minor
from billing.errors import NotSetUp
from billing.gateway import SECONDS, asking
from billing.standin.client import API_KEY, StandInClient
from billing.standin.embedded import standin_of
from config.settings import Settings
from core.actions import Input, action
from core.actor import Actor
from core.db import Workspace, as_uuid
from core.errors import Invalid
from core.letters import here
from core.sealing import Unreadable, seal, unseal
from crm.payments.models import ONLY, Till

SEALED = "client payments"


@dataclass(frozen=True)
class Paid:
    """A checkout that was paid: how much, for which quote, and by which payment at Stripe."""

    payment_id: str
    quote_id: UUID
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class ClientTill:
    """What Okno asks of the workspace's account. All of it raises NoAnswer, or NotSetUp for a key that is not taken."""

    client: StripeClient
    workspace: Workspace

    def check(self) -> None:
        """Whether the key opens what is needed."""
        with asking():
            self.client.v1.checkout.sessions.list({"limit": 1})

    def open_page(
        self, quote_id: UUID, what: str, amount: Decimal, currency: str, *, back: str, language: str, key: str
    ) -> tuple[str, str]:
        """(id, address) of a page of Stripe where this amount is paid. Asked twice under one key it is one page."""
        price: Any = {
            "currency": currency.lower(), "unit_amount": minor(amount, currency), "product_data": {"name": what[:250]},
        }  # fmt: skip
        with asking():
            page = self.client.v1.checkout.sessions.create(
                {
                    "mode": "payment", "line_items": [{"price_data": price, "quantity": 1}],
                    "success_url": f"{back}/paid", "cancel_url": back, "locale": "cs" if language == "cs" else "en",
                    "metadata": {"quote": str(quote_id), "workspace": str(self.workspace.id)},
                },
                {"idempotency_key": key},
            )  # fmt: skip
        return page.id, page.url or ""

    def close_page(self, checkout_id: str) -> None:
        """Make sure that the page cannot be paid on any more. Paid or expired already, it is closed anyway."""
        try:
            with asking():
                self.client.v1.checkout.sessions.expire(checkout_id)
        except stripe.InvalidRequestError:
            return

    def paid(self, checkout_id: str) -> Paid | None:
        """What was paid on the page, as Stripe says now; None while nothing is, or for a page that is not ours."""
        try:
            with asking():
                page = self.client.v1.checkout.sessions.retrieve(checkout_id)
        except stripe.InvalidRequestError:
            return None
        said: dict[str, str] = page.metadata.to_dict() if page.metadata else {}
        quote_id = as_uuid(str(said.get("quote", "")))
        ours = said.get("workspace") == str(self.workspace.id)
        if page.payment_status != "paid" or not ours or quote_id is None or not page.currency or not page.amount_total:
            return None
        currency = page.currency.upper()
        return Paid(str(page.payment_intent), quote_id, major(page.amount_total, currency), currency)


class TillFields(Input):
    """A key that is left empty stays as it is."""

    mode: Literal["off", "own", "test"]
    secret_key: Annotated[str, Field(max_length=300, pattern=r"^((sk|rk)_(live|test)_\w+)?$")] = ""
    webhook_secret: Annotated[str, Field(max_length=300, pattern=r"^(whsec_\w+)?$")] = ""


@action("till.edit", right=("settings", "edit"))
def change(actor: Actor, data: TillFields) -> Till:
    """Raises Invalid for a key that Stripe does not take."""
    if actor.db.get(Till, ONLY) is None:
        actor.db.add(Till(id=ONLY))
        actor.db.flush()
    shut = known_till(actor.db) is None  # by a return from a backup, which brings no keys
    till = actor.take(Till, ONLY, "edit", deleted=shut)
    till.deleted_at = None
    config, whose = here(), whose_of(actor.workspace)
    if data.secret_key:
        till.secret_key, till.ending = seal(config, SEALED, data.secret_key.encode(), whose), data.secret_key[-4:]
    if data.webhook_secret:
        till.webhook_secret = seal(config, SEALED, data.webhook_secret.encode(), whose)
    till.mode = data.mode
    if data.mode == "test" and config.payments != "test":
        raise Invalid(("mode", _("There are no test payments here.")))
    if data.mode == "own":
        open_till = till_of(config, actor.db, actor.workspace)
        if open_till is None:
            raise Invalid(("secret_key", _("Copy the secret key from the developers' page of your Stripe account.")))
        try:
            open_till.check()
        except NotSetUp:
            raise Invalid(("secret_key", _("Stripe does not take this key."))) from None
    return till


def till_of(config: Settings, session: Session, workspace: Workspace) -> ClientTill | None:
    """Where the clients of this workspace pay online; None where they do not."""
    till = known_till(session)
    if till is None or till.mode == "off":
        return None
    if till.mode == "test":
        if config.payments != "test":
            return None
        client = StripeClient(API_KEY, http_client=StandInClient(standin_of(config)), max_network_retries=0)
        return ClientTill(client, workspace)
    key = opened(config, workspace, till.secret_key)
    if not key:
        return None
    http = stripe.RequestsClient(timeout=SECONDS)
    return ClientTill(StripeClient(key, http_client=http, max_network_retries=0), workspace)


def webhook_of(config: Settings, session: Session, workspace: Workspace) -> tuple[str, bool] | None:
    """(secret, live) by which an event of the workspace's account is believed; None where none is."""
    till = known_till(session)
    if till is None or till.mode != "own":
        return None
    secret, key = (opened(config, workspace, sealed) for sealed in (till.webhook_secret, till.secret_key))
    return (secret, "_live_" in key) if secret and key else None


def known_till(session: Session) -> Till | None:
    return session.scalar(select(Till).where(Till.deleted_at.is_(None)))


def opened(config: Settings, workspace: Workspace, sealed: bytes) -> str:
    """A secret that was sealed here; "" for one that came out of a backup, or was sealed for somebody else."""
    if not sealed:
        return ""
    try:
        return unseal(config, SEALED, sealed, whose_of(workspace)).decode()
    except Unreadable:
        return ""


def whose_of(workspace: Workspace) -> bytes:
    return f"till of {workspace.id}".encode()
