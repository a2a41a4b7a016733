"""A process and its published versions; an instance is one run of a version; a step is where a run waited or did
something."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.records import Record


class Process(Record):
    """`draft` is the BPMN XML that is being worked on, `active_id` the version that new instances run on while the
    process is `enabled`. Where `rule` is there, the draft was written from it (crm.processes.rules)."""

    __tablename__ = "process"
    __table_args__ = (Index("uq_process_key", "key", unique=True, postgresql_where=text("deleted_at is null")),)
    kind: ClassVar[str] = "process"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"draft", "rule"})

    name: Mapped[str]
    key: Mapped[str]
    draft: Mapped[str] = mapped_column(server_default="", default="")
    enabled: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    active_id: Mapped[UUID | None] = mapped_column(ForeignKey("process_version.id", use_alter=True))
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    def title(self) -> str:
        return self.name


class Version(Base):
    """What was published: never changed, since instances run on it. It acts as `publisher_id`, with the rights that
    member has now, and of those only the ones in `rights`."""

    __tablename__ = "process_version"
    __table_args__ = (UniqueConstraint("process_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    process_id: Mapped[UUID] = mapped_column(ForeignKey("process.id", ondelete="cascade"))
    number: Mapped[int]
    xml: Mapped[str]
    rights: Mapped[dict[str, Any]]
    publisher_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    published_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Instance(Record):
    """One run, of a version, about one record. `state` is where its tokens are (crm.processes.walk), `data` what it
    knows; `cause` names what started it, so that it is started once. `passed` counts the elements it went through,
    `depth` how many processes started one another before it."""

    __tablename__ = "process_instance"
    __table_args__ = (
        CheckConstraint("status in ('running', 'done', 'failed', 'cancelled', 'paused')", name="status"),
        UniqueConstraint("process_id", "cause"),
        Index("ix_process_instance_status", "process_id", "status", "id"),
        Index("ix_process_instance_record", "record_id", "id"),
        Index("ix_process_instance_version", "version_id", postgresql_where=text("status = 'running'")),
    )
    kind: ClassVar[str] = "instance"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"state", "data", "passed"})

    process_id: Mapped[UUID] = mapped_column(ForeignKey("process.id", ondelete="cascade"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("process_version.id", ondelete="cascade"))
    name: Mapped[str] = mapped_column(server_default="", default="")
    status: Mapped[str] = mapped_column(server_default="running", default="running")
    record_kind: Mapped[str] = mapped_column(server_default="", default="")
    record_id: Mapped[UUID | None]
    started_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    cause: Mapped[str]
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    passed: Mapped[int] = mapped_column(server_default="0", default=0)
    depth: Mapped[int] = mapped_column(server_default="0", default=0)
    error: Mapped[str] = mapped_column(server_default="", default="")
    ended_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.name


class Step(Base):
    """An element that a run has reached. `state`: `open` while it waits, `arrived` when what it waited for is there,
    `done` when the run has gone on from it; or `failed`, `skipped`, `cancelled`. `token` is the run's own name of the
    place. A user step that people see is the task `task_id`, which `asks` where it has a form; a timer's time is
    `due_at`."""

    __tablename__ = "process_step"
    __table_args__ = (
        CheckConstraint("state in ('open', 'arrived', 'done', 'failed', 'skipped', 'cancelled')", name="state"),
        UniqueConstraint("instance_id", "token", "element"),
        Index("ix_process_step_task", "task_id", postgresql_where=text("task_id is not null")),
        Index("ix_process_step_open", "instance_id", postgresql_where=text("state in ('open', 'arrived', 'failed')")),
        Index("ix_process_step_message", "waits_for", postgresql_where=text("state = 'open' and waits_for <> ''")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    instance_id: Mapped[UUID] = mapped_column(ForeignKey("process_instance.id", ondelete="cascade"))
    token: Mapped[UUID]
    element: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="", default="")
    state: Mapped[str] = mapped_column(server_default="open", default="open")
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id", ondelete="set null"))
    asks: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    waits_for: Mapped[str] = mapped_column(server_default="", default="")
    due_at: Mapped[datetime | None]
    values: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    error: Mapped[str] = mapped_column(server_default="", default="")
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))


class Trigger(Base):
    """An event that a published version starts or goes on with: `event` is "deal.created" or an action's name. What is
    in here counts as news, so that the relay hands it on (core.events)."""

    __tablename__ = "awaited"
    __table_args__ = (Index(None, "version_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    event: Mapped[str]
    field: Mapped[str] = mapped_column(server_default="", default="")
    version_id: Mapped[UUID] = mapped_column(ForeignKey("process_version.id", ondelete="cascade"))
