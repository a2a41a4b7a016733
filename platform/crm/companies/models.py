"""A company: an organisation that contacts work for and deals are made with."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.people import Reachable, match_keys, reachable_indexes, search_text
from core.records import Owned, Record
from core.text import sort_key


class Company(Reachable, Owned, Record):
    __tablename__ = "company"
    __table_args__ = (
        *reachable_indexes("company"),
        Index("ix_company_import", "import_id", postgresql_where=text("import_id is not null")),
    )
    kind: ClassVar[str] = "company"
    derived: ClassVar[frozenset[str]] = frozenset({"search", "sort_key", "match_keys", "city"})

    name: Mapped[str]
    reg_no: Mapped[str] = mapped_column(server_default="", default="")
    vat_no: Mapped[str] = mapped_column(server_default="", default="")
    website: Mapped[str] = mapped_column(server_default="", default="")
    about: Mapped[str] = mapped_column(server_default="", default="")
    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("import.id", ondelete="set null"))

    def title(self) -> str:
        return self.name

    def index(self, language: str) -> None:
        """Bring the derived columns in line with the rest."""
        self.city = self.addresses[0]["city"] if self.addresses else ""
        self.search = search_text(self.name, self.reg_no, emails=self.emails, phones=self.phones, city=self.city)
        self.sort_key = sort_key(self.name, language)
        self.match_keys = match_keys(self.emails, self.phones)
