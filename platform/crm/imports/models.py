"""An import of contacts from a file: how far it is, and what became of each row."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.records import Record


class Import(Record):
    """`state` goes draft -> waiting -> running -> done (or stopped, failed) -> undoing -> undone.

    The four numbers created + changed + skipped + refused equal `rows` before the state may become done. `line` is the
    last line of the file whose fate is stored, so that a job that died goes on after it.
    """

    __tablename__ = "import"
    __table_args__ = (
        CheckConstraint(
            "state in ('draft', 'waiting', 'running', 'done', 'stopped', 'failed', 'undoing', 'undone')", name="state"
        ),
    )
    kind: ClassVar[str] = "import"
    owner_column: ClassVar[str | None] = "owner_id"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    file_name: Mapped[str]
    file_key: Mapped[str]
    file_hash: Mapped[str]
    format: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    duplicates: Mapped[str] = mapped_column(server_default="skip", default="skip")
    state: Mapped[str] = mapped_column(server_default="draft", default="draft")
    rows: Mapped[int | None]
    line: Mapped[int] = mapped_column(server_default="0", default=0)
    created: Mapped[int] = mapped_column(server_default="0", default=0)
    changed: Mapped[int] = mapped_column(server_default="0", default=0)
    skipped: Mapped[int] = mapped_column(server_default="0", default=0)
    refused: Mapped[int] = mapped_column(server_default="0", default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default="", default="")

    def title(self) -> str:
        return self.file_name


class RefusedRow(Base):
    """A row of the file that was not taken, word for word, with the reason."""

    __tablename__ = "import_refused"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("import.id", ondelete="cascade"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    field: Mapped[str]
    reason: Mapped[str]
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))
