"""How the papers of a business look and what they say of it."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Counted, Record

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
