"""What the telephone says: the way to it, whose extension is which, and each call.

A call is not a note, though both are about one conversation. The telephone tells of it before anybody has said a word,
of strangers too, and in whatever order its events arrive; a note is what a person wrote and may correct, and stands on
a record. So a call has a row of its own, and once it is over and we know whose it was, the note of the form "call" that
the timeline, exports and the API have always had (`note_id`): one conversation, one line.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.records import Record


class Telephone(Record):
    """A telephone exchange that tells us of calls, one of each provider at a time. `key` is the unguessable end of the
    address it tells them to; `secret` is sealed (core.sealing), and so is the `former` one, which holds until
    `former_until`. `place_url` takes our wish to call somebody; "" where calls are made by hand."""

    __tablename__ = "telephone"
    __table_args__ = (
        CheckConstraint("provider in ('generic', 'twilio')", name="provider"),
        Index("uq_telephone_provider", "provider", unique=True, postgresql_where=text("deleted_at is null")),
    )
    kind: ClassVar[str] = "telephone"
    derived: ClassVar[frozenset[str]] = frozenset({"key", "secret", "former"})
    owner_column: ClassVar[str | None] = None

    provider: Mapped[str]
    key: Mapped[str]
    secret: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": "''::bytea"})
    former: Mapped[bytes | None] = mapped_column(LargeBinary, info={"secret": "null::bytea"})
    former_until: Mapped[datetime | None]
    place_url: Mapped[str] = mapped_column(server_default="", default="")

    def title(self) -> str:
        return self.provider


class Extension(Base):
    """The number by which the telephone knows a member: "101", or a whole number in E.164."""

    __tablename__ = "extension"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)


class Call(Record):
    """`provider_id` is what the provider calls it. `from_number` and `to_number` are in E.164 where they are numbers.

    `state` follows from which moments are known (crm.calls.hearing), so that events may come in any order. `shown_to`
    are the members on whose pages the card stands now, `guessed` where no line was named. `member_id` is whose it is:
    at whose line alone it rings, who has answered, who is to call back."""

    __tablename__ = "call"
    __table_args__ = (
        CheckConstraint("direction in ('in', 'out')", name="direction"),
        CheckConstraint("state in ('asked', 'ringing', 'answered', 'ended', 'missed', 'failed')", name="state"),
        Index("uq_call_provider", "provider", "provider_id", unique=True),
        Index("ix_call_shown_to", "shown_to", postgresql_using="gin", postgresql_where=text("shown_to <> '{}'")),
        Index("ix_call_began", "began_at", "id"),
        Index("ix_call_contact", "contact_id", postgresql_where=text("contact_id is not null")),
    )
    kind: ClassVar[str] = "call"
    owner_column: ClassVar[str | None] = "member_id"

    provider: Mapped[str]
    provider_id: Mapped[str]
    direction: Mapped[str]
    from_number: Mapped[str] = mapped_column(server_default="", default="")
    to_number: Mapped[str] = mapped_column(server_default="", default="")
    state: Mapped[str] = mapped_column(server_default="ringing", default="ringing")
    began_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    shown_to: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"), default=list)
    guessed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="set null"))
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="set null"))
    deal_id: Mapped[UUID | None] = mapped_column(ForeignKey("deal.id", ondelete="set null"))
    about: Mapped[str] = mapped_column(server_default="", default="")
    error: Mapped[str] = mapped_column(server_default="", default="")
    note_id: Mapped[UUID | None] = mapped_column(ForeignKey("note.id", ondelete="set null"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id", ondelete="set null"))

    @property
    def number(self) -> str:
        """The other side's."""
        return self.from_number if self.direction == "in" else self.to_number

    @property
    def minutes(self) -> int | None:
        """How long it was spoken, begun minutes counted."""
        if self.answered_at is None or self.ended_at is None:
            return None
        return max(0, -int((self.answered_at - self.ended_at).total_seconds() // 60))

    def title(self) -> str:
        return self.number
