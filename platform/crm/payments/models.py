"""A payment is money that came from a client, for a deal, often by a quote."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record
from crm.deals.models import OfDeal

HOW = ("transfer", "cash", "card", "online", "other")


class Payment(OfDeal, Record):
    """`name` is its deal's. `stripe_id` is the payment at Stripe by which it
    came; such a payment is recorded once."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("how in ('transfer', 'cash', 'card', 'online', 'other')", name="how"),
        Index("ix_payment_deal", "deal_id"),
        Index("ix_payment_quote", "quote_id", postgresql_where=text("quote_id is not null")),
        Index("ix_payment_owner", "owner_id", "id", postgresql_where=text("deleted_at is null")),
        Index("uq_payment_stripe_id", "stripe_id", unique=True),
    )
    kind: ClassVar[str] = "payment"

    quote_id: Mapped[UUID | None] = mapped_column(ForeignKey("quote.id", ondelete="set null"))
    name: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    currency: Mapped[str]
    paid_on: Mapped[date]
    how: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="", default="")
    stripe_id: Mapped[str | None]

    def title(self) -> str:
        return self.name
