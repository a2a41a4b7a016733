"""Somebody is away or has left; and each record that another takes over from them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from core.records import Record
from tenants.models import Member

AT_WORK = ("taking", "returning", "undoing")
STALLED_AFTER = timedelta(seconds=60)


class Absence(Record):
    """From `starts_on` to `ends_on`, both included, by the workspace's calendar; who leaves has no end.

    `state` goes draft -> planned (begins later) -> taking -> away -> returning -> ended; or undoing -> undone. `rule`
    says how the work is divided and `takers` among whom: {"all": [ids]}, or by rule "kind" {"task": [id], ...} with
    the keys of duties.KEYS. The job acts as
    `decided_by_id`; `error` says why it could not go on: forbidden to that member, refused, or the absent one has left.
    """

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("reason in ('ill', 'holiday', 'other', 'left')", name="reason"),
        CheckConstraint("rule in ('one', 'several', 'department', 'kind')", name="rule"),
        CheckConstraint(
            "state in ('draft', 'planned', 'taking', 'away', 'returning', 'ended', 'undoing', 'undone')", name="state"
        ),
        CheckConstraint("(ends_on is null) = (reason = 'left') and ends_on >= starts_on", name="ends"),
        Index(
            "uq_absence_member",
            "member_id",
            unique=True,
            postgresql_where=text("state in ('taking', 'away', 'returning', 'undoing')"),
        ),
    )
    kind: ClassVar[str] = "absence"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"error"})

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    rule: Mapped[str]
    takers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    with_clients: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    state: Mapped[str] = mapped_column(server_default="draft", default="draft")
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default="", default="")

    member: Mapped[Member] = relationship(foreign_keys=[member_id], lazy="joined", innerjoin=True)

    def title(self) -> str:
        return self.member.name

    @property
    def leaving(self) -> bool:
        return self.reason == "left"

    @property
    def hands_clients_over(self) -> bool:
        return self.leaving or self.with_clients

    @property
    def mark(self) -> str:
        """What the events of this absence carry as their request, so that the timeline can say why."""
        return f"absence-{self.id}"

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def stalled(self) -> bool:
        """At work by its state, yet refused or without a step for a minute."""
        return self.at_work and (bool(self.error) or datetime.now(UTC) - self.updated_at > STALLED_AFTER)

    @property
    def may_change(self) -> bool:
        return self.state in ("draft", "planned")


class Handover(Base):
    """One record that goes from the absent member to `to_id`, and what became of it.

    `state`: waiting -> taken (or left where it was) -> back (or stayed with whoever has it). `why` it was left or
    stayed: finished, reassigned, gone, or forbidden to whoever decided. `client_id` is the company, else the contact
    the record is about, else the record itself: what belongs to one client stays together.
    """

    __tablename__ = "handover"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'taken', 'left', 'back', 'stayed')", name="state"),
        CheckConstraint("why in ('', 'finished', 'reassigned', 'gone', 'forbidden')", name="why"),
        Index("ix_handover_taker", "to_id", "absence_id", postgresql_where=text("state = 'taken'")),
        Index("ix_handover_record", "record_id"),
        Index("ix_handover_client", "client_id"),
    )

    absence_id: Mapped[UUID] = mapped_column(ForeignKey("absence.id", ondelete="cascade"), primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    from_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    to_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    client_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="waiting", default="waiting")
    why: Mapped[str] = mapped_column(server_default="", default="")
    taken_at: Mapped[datetime | None]
