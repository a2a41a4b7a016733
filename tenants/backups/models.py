"""Shared tables: the backups there are of each workspace, and each return from one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import ControlBase
from core.ids import new_id


class Backup(ControlBase):
    """`state` goes waiting -> making -> kept, or failed with an `error`, or stopped by a person. Only a file that was
    read back and found equal is `kept`. `made_at` is the moment it shows, `size` and `sha256` are of the zip as it is
    downloaded, `counts` the rows by table, `newest_event` tells whether anything happened since. `done` of about `all`
    rows are written. `drilled_at` is when it was last restored for a trial, `drill_error` what was wrong then.
    """

    __tablename__ = "backup"
    __table_args__ = (
        CheckConstraint("kind in ('scheduled', 'by hand', 'safety', 'uploaded')", name="kind"),
        CheckConstraint("state in ('waiting', 'making', 'kept', 'failed', 'stopped')", name="state"),
        Index(None, "workspace_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"))
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting", default="waiting")
    size: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    sha256: Mapped[str] = mapped_column(server_default="", default="")
    key_id: Mapped[str] = mapped_column(server_default="", default="")
    version: Mapped[str] = mapped_column(server_default="", default="")
    newest_event: Mapped[UUID | None]
    done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    all: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    moved_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    verified_at: Mapped[datetime | None]
    drilled_at: Mapped[datetime | None]
    drill_error: Mapped[str] = mapped_column(server_default="", default="")
    expires_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default="", default="")

    @property
    def key(self) -> str:
        """Under which name its file is kept."""
        return f"backups/{self.workspace_id}/{self.id}"

    @property
    def at_work(self) -> bool:
        return self.state in ("waiting", "making")


class Restore(ControlBase):
    """A return from a backup that somebody asked for on the pages of `workspace_id`: into a new workspace (`slug` and
    `name` are its own), or in place. `state` goes waiting -> running -> done, failed with an `error`, or stopped.
    `identity_id` becomes the owner. `made_id` is the workspace that is being filled, `safety_id` the backup made before
    the present one gave way.
    """

    __tablename__ = "restore"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'stopped')", name="state"),
        Index(None, "workspace_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"))
    backup_id: Mapped[UUID] = mapped_column(ForeignKey("control.backup.id", ondelete="cascade"))
    identity_id: Mapped[UUID]
    in_place: Mapped[bool]
    slug: Mapped[str]
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting", default="waiting")
    done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    all: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    moved_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    made_id: Mapped[int | None] = mapped_column(BigInteger)
    safety_id: Mapped[UUID | None]
    error: Mapped[str] = mapped_column(server_default="", default="")
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    @property
    def at_work(self) -> bool:
        return self.state in ("waiting", "running")


class SchemaStep(ControlBase):
    """The SQL that brings a workspace's schema from the version before to this one, by its `number` in the history:
    what a backup of an older release is loaded and brought up by (migrations.script). Written by `okno db upgrade`."""

    __tablename__ = "schema_step"

    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(unique=True)
    body: Mapped[str]
