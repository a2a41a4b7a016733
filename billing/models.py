"""Shared tables of payments: what Stripe last said of each workspace, its events, and what was asked of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import ControlBase


def workspace_key(**options: Any) -> Mapped[Any]:
    return mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"), **options)


class Account(ControlBase):
    """A workspace that has been at the till. The columns from `subscription_id` on are what Stripe said at
    `fetched_at`, and are changed by billing.accounts.store alone.

    `live` says with which kind of keys the customer was made; `checkout_id` is the page of payment that is open.
    `given_plan` is a plan by the operator's grace; `told` is what the owners were written about the present trouble.
    `now` is the time of a Stripe test clock, where the customer lives by one.
    """

    __tablename__ = "billing_account"

    workspace_id: Mapped[int] = workspace_key(primary_key=True)
    live: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    customer_id: Mapped[str | None] = mapped_column(unique=True)
    checkout_id: Mapped[str | None]
    tried_at: Mapped[datetime | None]
    given_plan: Mapped[str | None]
    given_seats: Mapped[int] = mapped_column(server_default="0", default=0)
    told: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)

    subscription_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="", default="")
    plan: Mapped[str] = mapped_column(server_default="", default="")
    period: Mapped[str] = mapped_column(server_default="", default="")
    currency: Mapped[str] = mapped_column(server_default="", default="")
    seats: Mapped[int] = mapped_column(server_default="0", default=0)
    addons: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    period_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    unpaid_since: Mapped[datetime | None]
    card: Mapped[str] = mapped_column(server_default="", default="")
    discount: Mapped[str] = mapped_column(server_default="", default="")
    now: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]


class Order(ControlBase):
    """Something that was asked of Stripe for a workspace, once however often the form is sent: its id is the form's,
    and with the number of refusals the Idempotency-Key. `answer` is missing while nobody knows what came of it."""

    __tablename__ = "billing_order"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = workspace_key(index=True)
    kind: Mapped[str]
    asked: Mapped[dict[str, Any]]
    refusals: Mapped[int] = mapped_column(server_default="0", default=0)
    answer: Mapped[dict[str, Any] | None]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class StripeEvent(ControlBase):
    """An event as Stripe sent it, stored before anything is done about it."""

    __tablename__ = "stripe_event"
    __table_args__ = (Index(None, "received_at"), Index(None, "customer_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    customer_id: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(server_default="")


class Notice(ControlBase):
    """Something about money that the operator should look at: a dispute, a refund, a difference that was mended."""

    __tablename__ = "billing_notice"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    workspace_id: Mapped[int | None] = workspace_key()
    kind: Mapped[str]
    said: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
