"""How the papers of a business look and what they say of it; templates of its own, and documents made of them."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from core.records import Counted, Record
from crm.deals.models import OfDeal

ONLY = UUID("00000000-0000-7000-8000-0000006c6574")


class Letterhead(Record):
    """One of each workspace, under the id ONLY. `colour` is #rrggbb; `valid_days` is how long a new quote holds."""

    __tablename__ = "letterhead"
    __table_args__ = (CheckConstraint("valid_days between 1 and 365", name="valid_days"),)
    kind: ClassVar[str] = "letterhead"
    derived: ClassVar[frozenset[str]] = frozenset({"logo_size"})
    owner_column: ClassVar[str | None] = None
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {}, by="logo_size"),)

    name: Mapped[str] = mapped_column(server_default="", default="")
    address: Mapped[str] = mapped_column(server_default="", default="")
    reg_no: Mapped[str] = mapped_column(server_default="", default="")
    vat_no: Mapped[str] = mapped_column(server_default="", default="")
    email: Mapped[str] = mapped_column(server_default="", default="")
    phone: Mapped[str] = mapped_column(server_default="", default="")
    website: Mapped[str] = mapped_column(server_default="", default="")
    iban: Mapped[str] = mapped_column(server_default="", default="")
    colour: Mapped[str] = mapped_column(server_default="#2f6b4f", default="#2f6b4f")
    header: Mapped[str] = mapped_column(server_default="", default="")
    footer: Mapped[str] = mapped_column(server_default="", default="")
    terms: Mapped[str] = mapped_column(server_default="", default="")
    valid_days: Mapped[int] = mapped_column(server_default="14", default=14)
    logo_key: Mapped[str | None] = mapped_column(info={"file": True})
    logo_size: Mapped[int] = mapped_column(server_default="0", default=0)

    def title(self) -> str:
        return self.name


class DocumentTemplate(Record):
    """A .docx with placeholders (crm.documents.placeholders), of which `used` are those it asks for. `about` is the
    kind of record that documents are made for."""

    __tablename__ = "document_template"
    __table_args__ = (CheckConstraint("about in ('deal')", name="about"),)
    kind: ClassVar[str] = "document_template"
    derived: ClassVar[frozenset[str]] = frozenset({"file_size"})
    owner_column: ClassVar[str | None] = None
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {}, by="file_size"),)

    name: Mapped[str]
    about: Mapped[str] = mapped_column(server_default="deal", default="deal")
    used: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    file_key: Mapped[str] = mapped_column(info={"file": True})
    file_size: Mapped[int]

    def title(self) -> str:
        return self.name


class Document(OfDeal, Record):
    """What was made of a template for a deal, kept as it was made."""

    __tablename__ = "document"
    __table_args__ = (
        Index("ix_document_deal", "deal_id"),
        Index("ix_document_owner", "owner_id", "id", postgresql_where=text("deleted_at is null")),
    )
    kind: ClassVar[str] = "document"
    derived: ClassVar[frozenset[str]] = frozenset({"file_size"})
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {}, by="file_size"),)

    template_id: Mapped[UUID | None] = mapped_column(ForeignKey("document_template.id", ondelete="set null"))
    name: Mapped[str]
    file_key: Mapped[str] = mapped_column(info={"file": True})
    file_size: Mapped[int]

    def title(self) -> str:
        return self.name
