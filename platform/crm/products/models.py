"""A product is what the business sells, goods or work, at a price without VAT."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, LargeBinary, Numeric, text, true
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record
from core.text import searchable, sort_key


class Product(Record):
    """`price` is of one `unit` ("pcs", "m²"), without VAT, in `currency`; `vat_rate` is in percent. What is not
    `active` stays in what it was sold with and is offered no more."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("vat_rate between 0 and 100", name="vat_rate"),
        Index("ix_product_sort", "sort_key", "id", postgresql_where=text("deleted_at is null")),
        Index("ix_product_search", "search", postgresql_using="gin", postgresql_ops={"search": "ext.gin_trgm_ops"}),
        Index("uq_product_code", "code", unique=True, postgresql_where=text("deleted_at is null and code <> ''")),
    )
    kind: ClassVar[str] = "product"
    derived: ClassVar[frozenset[str]] = frozenset({"search", "sort_key"})
    owner_column: ClassVar[str | None] = None

    name: Mapped[str]
    code: Mapped[str] = mapped_column(server_default="", default="")
    unit: Mapped[str] = mapped_column(server_default="", default="")
    price: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    currency: Mapped[str]
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    about: Mapped[str] = mapped_column(server_default="", default="")
    search: Mapped[str] = mapped_column(server_default="", default="")
    sort_key: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''::bytea"), default=b"")

    def title(self) -> str:
        return self.name

    def index(self, language: str) -> None:
        """Bring the derived columns in line with the rest."""
        self.search = searchable(f"{self.name} {self.code}")[:2000]
        self.sort_key = sort_key(self.name, language)
