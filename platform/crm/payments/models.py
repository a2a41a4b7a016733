"""A payment is money that came from a client, for a deal, often by a quote."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record
from crm.deals.models import OfDeal

ONLY = UUID("00000000-0000-7000-8000-000074696c6c")


class Till(Record):
    """Where clients pay online, one of each workspace, under the id ONLY: not at all (`off`), at the workspace's own
    Stripe account (`own`), or at the test payments of the embedded run (`test`). Keys are sealed (core.sealing);
    `ending` are the last letters of the one, to know it by."""

    __tablename__ = "till"
    __table_args__ = (CheckConstraint("mode in ('off', 'own', 'test')", name="mode"),)
    kind: ClassVar[str] = "till"
    derived: ClassVar[frozenset[str]] = frozenset({"secret_key", "webhook_secret"})
    owner_column: ClassVar[str | None] = None

    mode: Mapped[str] = mapped_column(server_default="off", default="off")
    secret_key: Mapped[bytes] = mapped_column(LargeBinary, default=b"", info={"secret": "''::bytea"})
    webhook_secret: Mapped[bytes] = mapped_column(LargeBinary, default=b"", info={"secret": "''::bytea"})
    ending: Mapped[str] = mapped_column(server_default="", default="")

    def title(self) -> str:
        return self.mode


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
