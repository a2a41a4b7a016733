"""Quotes in the API."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.deals.items import Item
from crm.quotes import actions
from crm.quotes.models import Quote
from crm.quotes.queries import LISTING


class QuoteOut(BaseModel):
    """`net` is without VAT, `gross` with it. `answered_by` is the name that the client typed."""

    id: UUID
    version: int
    number: str | None
    name: str
    state: Literal["draft", "sent", "accepted", "declined", "expired", "withdrawn"]
    deal_id: UUID
    owner_id: UUID | None
    language: Literal["en", "cs"]
    currency: str
    client: dict[str, Any]
    items: list[Item]
    net: Decimal
    gross: Decimal
    valid_until: date
    note: str
    sent_at: datetime | None
    sent_to: str
    answered_at: datetime | None
    answered_by: str
    reason: str
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="quotes",
    model=Quote,
    out=QuoteOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={
        "send": actions.send,
        "withdraw": actions.withdraw,
        "relink": actions.relink,
        "restore": actions.restore,
    },
    example={"deal_id": "0190f2b4-0000-7000-8000-000000000001", "note": "Montage included."},
)
