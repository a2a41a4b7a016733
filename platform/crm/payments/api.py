"""Payments in the API."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from core.listing import Filter, Listing, Sort
from crm.payments import actions
from crm.payments.models import Payment


class PaymentOut(BaseModel):
    """`name` is the deal's."""

    id: UUID
    version: int
    name: str
    deal_id: UUID
    quote_id: UUID | None
    owner_id: UUID | None
    amount: Decimal
    currency: str
    paid_on: date
    how: Literal["transfer", "cash", "card", "online", "other"]
    note: str
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="payments",
    model=Payment,
    out=PaymentOut,
    listing=Listing(
        model=Payment,
        sorts={"created": Sort(Payment.id, UUID), "paid_on": Sort(Payment.paid_on, date)},
        default_sort="-created",
        filters={
            "deal_id": Filter(UUID, lambda _actor, value: Payment.deal_id == value, "payments for this deal"),
            "quote_id": Filter(UUID, lambda _actor, value: Payment.quote_id == value, "payments by this quote"),
            "paid_after": Filter(date, lambda _actor, value: Payment.paid_on > value, "paid after this day"),
        },
        searched=False,
    ),
    create=actions.receive,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore},
    example={"deal_id": "0190f2b4-0000-7000-8000-000000000001", "amount": "180169.00", "how": "transfer"},
)
