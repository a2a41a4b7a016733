"""An export: what was asked for, how far it is, and where its file is until it expires."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record

What = Literal["contacts", "companies", "deals", "tasks", "requests", "notes", "everything", "files"]
Format = Literal["csv", "xlsx", "json", "zip"]

KEPT = timedelta(days=7)
STALLED_AFTER = timedelta(seconds=60)


class NoLongerOurs(Exception):
    """The export was stopped, or another worker goes on with it: nothing more of ours may be stored."""


class Export(Record):
    """`state` goes waiting -> running -> done (or stopped, failed, and on again) -> expired, when the file is gone.

    Which rows belong to it is fixed in one moment: `list_key` is a file of their ids, 16 bytes each, `plan` how many of
    each kind stand in it, in order, and which fields of the business's own they have. Of `rows` in all, `done` are
    gathered into `parts`, small files of up to a step each, and `written` into the file itself; `gone` were deleted
    between the moment and their turn.

    `ask` is what the list was narrowed to and sorted by; `standing` the rights and hidden fields it was begun with,
    which must hold for every step and each download.
    """

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'stopped', 'failed', 'expired')", name="state"),
        CheckConstraint("format in ('csv', 'xlsx', 'json', 'zip')", name="format"),
        Index("ix_export_expires", "expires_at", postgresql_where=text("expires_at is not null")),
    )
    kind: ClassVar[str] = "export"
    derived: ClassVar[frozenset[str]] = frozenset({
        "standing", "list_key", "plan", "parts", "rows", "done", "written", "gone", "file_key", "file_name",
        "file_size", "file_hash", "started_at", "finished_at", "expires_at", "error",
    })  # fmt: skip
    owner_column: ClassVar[str | None] = "owner_id"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    what: Mapped[str]
    format: Mapped[str]
    ask: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    standing: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    state: Mapped[str] = mapped_column(server_default="waiting", default="waiting")
    list_key: Mapped[str | None]
    plan: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    rows: Mapped[int | None]
    done: Mapped[int] = mapped_column(server_default="0", default=0)
    written: Mapped[int] = mapped_column(server_default="0", default=0)
    gone: Mapped[int] = mapped_column(server_default="0", default=0)
    file_key: Mapped[str | None]
    file_name: Mapped[str] = mapped_column(server_default="", default="")
    file_size: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    file_hash: Mapped[str] = mapped_column(server_default="", default="")
    error: Mapped[str] = mapped_column(server_default="", default="")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    def title(self) -> str:
        return f"{self.what}.{self.format}"

    @property
    def steps(self) -> tuple[int, int]:
        """How many rows are done of how many, gathering and writing one being half of the work each."""
        return (self.done + self.written) // 2, self.rows or 0

    @property
    def stored(self) -> list[str]:
        """The keys of every file it has at present."""
        return [key for key in (self.list_key, self.file_key, *(part["key"] for part in self.parts)) if key]

    @property
    def stalled(self) -> bool:
        return self.state == "running" and datetime.now(UTC) - self.updated_at > STALLED_AFTER

    @property
    def may_go_on(self) -> bool:
        return self.state in ("stopped", "failed") or self.stalled

    @property
    def may_stop(self) -> bool:
        return self.state in ("waiting", "running")
