"""A contact: a person the business deals with."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.people import Reachable, Ways, match_keys, reachable_indexes, search_text
from core.records import Counted, Owned, Record
from core.text import sort_key


class Contact(Reachable, Owned, Record):
    __tablename__ = "contact"
    __table_args__ = (
        *reachable_indexes("contact"),
        Index("ix_contact_company", "company_id", postgresql_where=text("company_id is not null")),
        Index("ix_contact_import", "import_id", postgresql_where=text("import_id is not null")),
    )
    kind: ClassVar[str] = "contact"
    counted: ClassVar[tuple[Counted, ...]] = (Counted("contacts", {"deleted_at": None}),)
    derived: ClassVar[frozenset[str]] = frozenset(
        {"name", "search", "sort_key", "match_keys", "city", "last_contact_at"}
    )

    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(server_default="", default="")
    first_name: Mapped[str] = mapped_column(server_default="", default="")
    last_name: Mapped[str] = mapped_column(server_default="", default="")
    suffix: Mapped[str] = mapped_column(server_default="", default="")
    position: Mapped[str] = mapped_column(server_default="", default="")
    about: Mapped[str] = mapped_column(server_default="", default="")
    source: Mapped[str] = mapped_column(server_default="", default="")
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="set null"))
    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("import.id", ondelete="set null"))
    last_contact_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.name

    def index(self, language: str) -> None:
        """Bring the derived columns in line with the rest."""
        derived = derived_values(
            self.prefix,
            self.first_name,
            self.last_name,
            self.suffix,
            self.emails,
            self.phones,
            self.addresses,
            language,
        )
        for name, value in derived.items():
            setattr(self, name, value)


def derived_values(
    prefix: str, first: str, last: str, suffix: str, emails: Ways, phones: Ways, addresses: Ways, language: str
) -> dict[str, Any]:
    """The columns computed from the others. Sorted by last name first, as a Czech register is."""
    name = spoken_name(prefix, first, last, suffix, emails, phones)
    written = written_name(name, first, last)
    city = addresses[0]["city"] if addresses else ""
    return {
        "name": name,
        "city": city,
        "search": search_text(*written, emails=emails, phones=phones, city=city),
        "sort_key": sort_key(written[0], language),
        "match_keys": match_keys(emails, phones),
    }


def spoken_name(prefix: str, first: str, last: str, suffix: str, emails: Ways, phones: Ways) -> str:
    """The name as people say it, titles and all; the first e-mail or phone where no name is known."""
    said = " ".join(part for part in (prefix, first, last) if part)
    if said:
        return f"{said}, {suffix}" if suffix else said
    ways = [e["address"] for e in emails] + [p["number"] for p in phones]
    return ways[0] if ways else ""


def written_name(name: str, first: str, last: str) -> tuple[str, str]:
    """(last first, first last): sorted by the first, found by both. A contact without a last name goes by its name."""
    return (f"{last} {first}".strip(), f"{first} {last}") if last else (first or name, "")
