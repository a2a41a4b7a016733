"""A quote is a frozen copy of a deal's items, offered to a client until a day."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.records import Counted, Record
from crm.deals.models import OfDeal

STATES = ("draft", "sent", "accepted", "declined", "expired", "withdrawn")


class Quote(OfDeal, Record):
    """`name` is the deal's, `number` ("2026-0007") is drawn when it is sent; `client` and `items` stay as they were
    then, and so does the PDF (`file_key`). `message` is what the mail said above the link.

    `link` counts the links to the client's page: a new one ends the former. Of the answer the name typed, the time and
    the address it came from are kept as proof. `checkout_id` is the latest page at Stripe where it can be paid.
    """

    __tablename__ = "quote"
    __table_args__ = (
        CheckConstraint("state in ('draft', 'sent', 'accepted', 'declined', 'expired', 'withdrawn')", name="state"),
        CheckConstraint("(number is null) = (sent_at is null)", name="number"),
        CheckConstraint("language in ('en', 'cs')", name="language"),
        Index("ix_quote_deal", "deal_id"),
        Index("ix_quote_owner", "owner_id", "id", postgresql_where=text("deleted_at is null")),
        Index("uq_quote_number", "number", unique=True),
    )
    kind: ClassVar[str] = "quote"
    derived: ClassVar[frozenset[str]] = frozenset({"file_size", "seen_at"})
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {}, by="file_size"),)

    name: Mapped[str]
    number: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="draft", default="draft")
    language: Mapped[str]
    currency: Mapped[str]
    client: Mapped[dict[str, Any]]
    items: Mapped[list[dict[str, Any]]]
    net: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    gross: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    valid_until: Mapped[date]
    note: Mapped[str] = mapped_column(server_default="", default="")
    sent_at: Mapped[datetime | None]
    sent_to: Mapped[str] = mapped_column(server_default="", default="")
    sent_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    message: Mapped[str] = mapped_column(server_default="", default="")
    link: Mapped[int] = mapped_column(server_default="1", default=1)
    seen_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(server_default="", default="")
    answer_address: Mapped[str] = mapped_column(server_default="", default="")
    reason: Mapped[str] = mapped_column(server_default="", default="")
    checkout_id: Mapped[str | None]
    file_key: Mapped[str | None] = mapped_column(info={"file": True})
    file_size: Mapped[int] = mapped_column(server_default="0", default=0)

    def title(self) -> str:
        return f"{self.number} {self.name}" if self.number else self.name


class QuoteCounter(Base):
    """The last number given out in a year. Its row is held until the quote that has the number is stored, so that there
    is neither a gap nor the same number twice."""

    __tablename__ = "quote_counter"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
