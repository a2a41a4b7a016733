"""What people said and did: notes and calls, written by hand on a contact, a company or a deal."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record


class Note(Record):
    """A call has a direction (in, out), a result (answered, missed, voicemail) and minutes. What a process wrote names
    it, and belongs to whoever has the record it is about."""

    __tablename__ = "note"
    __table_args__ = (
        CheckConstraint("form in ('note', 'call', 'process')", name="form"),
        Index("ix_note_at", "at", postgresql_where=text("deleted_at is null")),
        Index("ix_note_author", "author_id", "form", "at", postgresql_where=text("deleted_at is null")),
        Index("ix_note_contact", "contact_id", "at", postgresql_where=text("contact_id is not null")),
        Index("ix_note_company", "company_id", "at", postgresql_where=text("company_id is not null")),
        Index("ix_note_deal", "deal_id", "at", postgresql_where=text("deal_id is not null")),
    )
    kind: ClassVar[str] = "note"
    owner_column: ClassVar[str | None] = "author_id"
    news: ClassVar[frozenset[str]] = frozenset({"at", "text"})

    form: Mapped[str] = mapped_column(server_default="note", default="note")
    text: Mapped[str] = mapped_column(server_default="", default="")
    at: Mapped[datetime]
    direction: Mapped[str] = mapped_column(server_default="", default="")
    result: Mapped[str] = mapped_column(server_default="", default="")
    minutes: Mapped[int | None]
    process: Mapped[str] = mapped_column(server_default="", default="")
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="cascade"))
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="cascade"))
    deal_id: Mapped[UUID | None] = mapped_column(ForeignKey("deal.id", ondelete="cascade"))

    def title(self) -> str:
        return self.text.split("\n", 1)[0][:80]
