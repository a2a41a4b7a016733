"""A task: something to do, for one member, by a day or an hour. A deal's earliest open task is its next step."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record

OPEN = text("done_at is null and deleted_at is null")
REMINDED = frozenset({"due_on", "due_at", "assignee_id", "done_at", "deleted_at"})  # what the reminder depends on
DONE = text("done_at is not null and deleted_at is null")


class Task(Record):
    """`due_on` is a day of the calendar, the same everywhere; `due_at` is the instant, when an hour was given. The
    member `tell_id` is told if it is not done by `tell_at` (crm.tasks.telling)."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("due_at is null or due_on is not null", name="due"),
        CheckConstraint("(tell_id is null) = (tell_at is null)", name="tell"),
        Index("ix_task_assignee", "assignee_id", "due_on", "due_at", "id", postgresql_where=OPEN),
        Index("ix_task_contact", "contact_id", "due_on", postgresql_where=OPEN),
        Index("ix_task_company", "company_id", "due_on", postgresql_where=OPEN),
        Index("ix_task_deal", "deal_id", "due_on", "due_at", postgresql_where=OPEN),
        Index("ix_task_done", "assignee_id", "done_at", postgresql_where=DONE, postgresql_include=["due_on", "due_at"]),
        Index("ix_task_deal_all", "deal_id", postgresql_where=text("deal_id is not null")),
    )
    kind: ClassVar[str] = "task"
    owner_column: ClassVar[str | None] = "assignee_id"
    news: ClassVar[frozenset[str]] = frozenset({"assignee_id"})

    name: Mapped[str]
    todo: Mapped[str] = mapped_column(server_default="task", default="task")
    about: Mapped[str] = mapped_column(server_default="", default="")
    due_on: Mapped[date | None]
    due_at: Mapped[datetime | None]
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="cascade"))
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="cascade"))
    deal_id: Mapped[UUID | None] = mapped_column(ForeignKey("deal.id", ondelete="cascade"))
    tell_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    tell_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.name

    def wakes(self, changed: Collection[str]) -> datetime | None:
        """When it is due; a day without an hour begins first where the clocks are 14 hours before UTC."""
        if self.done_at or self.deleted_at or not REMINDED.intersection(changed):
            return None
        if self.due_at or self.due_on is None:
            return self.due_at
        return datetime.combine(self.due_on, time(), UTC) - timedelta(hours=14)
