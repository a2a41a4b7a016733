"""An import of contacts from a file: how far it is, and what became of each row."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.records import Counted, Record

Duplicates = Literal["skip", "fill", "overwrite", "create"]

UNDO_FOR = timedelta(days=30)
STALLED_AFTER = timedelta(seconds=60)


class NoLongerOurs(Exception):
    """The import was stopped, or another worker goes on with it: nothing more of ours may be stored."""


class Import(Record):
    """`state` goes draft -> waiting -> running -> done (or stopped, full, failed, and on again) -> undoing -> undone.

    The four numbers created + changed + skipped + refused equal `rows` before the state may become done; rows with
    nothing in them are counted apart as `blank`. `line` is the last line of the file whose fate is stored, so that a
    job that died goes on after it.

    `format` is how the file is read (arguments of sheet.open_sheet, and what there was to choose from), `columns` its
    headings with two values and a guess each, `mapping` the field for each column by its number from 0, `checked` what
    the whole file would give under that mapping (crm.imports.check), `undone` what an undo did and what it left.
    """

    __tablename__ = "import"
    __table_args__ = (
        CheckConstraint(
            "state in ('draft', 'waiting', 'running', 'done', 'stopped', 'full', 'failed', 'undoing', 'undone')",
            name="state",
        ),
        CheckConstraint("duplicates in ('skip', 'fill', 'overwrite', 'create')", name="duplicates"),
        Index("ix_import_hash", "file_hash"),
    )
    kind: ClassVar[str] = "import"
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {"deleted_at": None}, by="file_size"),)
    derived: ClassVar[frozenset[str]] = frozenset({"file_key", "columns", "checked", "line"})
    owner_column: ClassVar[str | None] = "owner_id"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    file_name: Mapped[str]
    file_key: Mapped[str] = mapped_column(info={"file": True})
    file_hash: Mapped[str]
    file_size: Mapped[int] = mapped_column(server_default="0", default=0)
    format: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    checked: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    duplicates: Mapped[str] = mapped_column(server_default="skip", default="skip")
    state: Mapped[str] = mapped_column(server_default="draft", default="draft")
    rows: Mapped[int | None]
    line: Mapped[int] = mapped_column(server_default="0", default=0)
    created: Mapped[int] = mapped_column(server_default="0", default=0)
    changed: Mapped[int] = mapped_column(server_default="0", default=0)
    skipped: Mapped[int] = mapped_column(server_default="0", default=0)
    refused: Mapped[int] = mapped_column(server_default="0", default=0)
    blank: Mapped[int] = mapped_column(server_default="0", default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default="", default="")
    undone: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)

    def title(self) -> str:
        return self.file_name

    @property
    def headings(self) -> list[str]:
        return [column["heading"] for column in self.columns]

    @property
    def fields(self) -> dict[int, str]:
        """The mapping as rows.RowParser takes it."""
        return {int(column): field for column, field in self.mapping.items()}

    @property
    def taken(self) -> int:
        """Rows whose fate is stored."""
        return self.created + self.changed + self.skipped + self.refused

    @property
    def mark(self) -> str:
        """What the events of this import carry as their request, so that the undo finds them."""
        return f"import-{self.id}"

    @property
    def stalled(self) -> bool:
        """At work by its state, yet without a step for a minute: the worker is gone, and nobody has gone on."""
        return self.state in ("running", "undoing") and datetime.now(UTC) - self.updated_at > STALLED_AFTER

    @property
    def may_go_on(self) -> bool:
        return self.state in ("draft", "stopped", "full", "failed") or (self.state == "running" and self.stalled)

    @property
    def may_stop(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def may_undo(self) -> bool:
        fresh = self.started_at is not None and datetime.now(UTC) - self.started_at < UNDO_FOR
        return fresh and (
            self.state in ("done", "stopped", "full", "failed") or (self.state == "undoing" and self.stalled)
        )


class RefusedRow(Base):
    """A row of the file that was not taken, word for word. `reason` is a code of rows.REASONS, `field` a key of
    columns.FIELDS or "" for the row as a whole."""

    __tablename__ = "import_refused"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("import.id", ondelete="cascade"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    field: Mapped[str]
    reason: Mapped[str]
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))
