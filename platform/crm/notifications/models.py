"""What members were told, what they watch, how they want to be told, and where."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id


class Notification(Base):
    """One member is told of one thing. The unique key is what makes it once, however often the work is repeated.

    `event_id` is the event it tells of; what the clock tells of has one made from the record and its moment. `data` has
    identifiers alone (the note, how many): words and names are read when it is shown, with the rights the reader has
    then. `title` is only of what is no record here. A line without `in_app` is only mailed or pushed. Mail goes when
    `mail_at` has come, several together as `mail_id`; push goes at `push_at`.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("event_id", "member_id", "kind"),
        Index("ix_notification_list", "member_id", "id", postgresql_where=text("in_app")),
        Index("ix_notification_unread", "member_id", postgresql_where=text("in_app and read_at is null")),
        Index("ix_notification_mail", "mail_at", postgresql_where=text("mail_at is not null and mail_id is null")),
        Index("ix_notification_mail_id", "mail_id", postgresql_where=text("mail_id is not null")),
        Index("ix_notification_push", "push_at", postgresql_where=text("push_at is not null and pushed_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="cascade"))
    kind: Mapped[str]
    event_id: Mapped[UUID]
    record_kind: Mapped[str | None]
    record_id: Mapped[UUID | None]
    by_id: Mapped[UUID | None]
    title: Mapped[str] = mapped_column(server_default="", default="")
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    in_app: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    read_at: Mapped[datetime | None]
    mail_at: Mapped[datetime | None]
    mail_id: Mapped[UUID | None]
    mailed_at: Mapped[datetime | None]
    push_at: Mapped[datetime | None]
    pushed_at: Mapped[datetime | None]


class Watch(Base):
    """A member has said that they want to hear of a record, or that they do not. Whoever owns it, made it or wrote on
    it watches it without a row."""

    __tablename__ = "watch"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="cascade"), primary_key=True)
    record_kind: Mapped[str]
    watching: Mapped[bool]


class Choice(Base):
    """How somebody wants to be told (choices.Wish): a member, or the workspace for all who have not chosen. `whose` is
    the member's id, or the workspace's number as an id."""

    __tablename__ = "notify_choice"

    whose: Mapped[UUID] = mapped_column(primary_key=True)
    said: Mapped[dict[str, Any]]


class PushSubscription(Base):
    """A browser in which a member wants to be told. It is worth something only as long as the session in which they
    said so (`sign_in_id`), so that nothing shows where they have logged out. `server_key` is the public half of the key
    by which the browser knows us (push.Keys)."""

    __tablename__ = "push_subscription"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="cascade"), index=True)
    endpoint: Mapped[str] = mapped_column(unique=True)
    p256dh: Mapped[str]
    auth: Mapped[str]
    server_key: Mapped[str]
    sign_in_id: Mapped[UUID]
    device: Mapped[str] = mapped_column(server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class MailBlock(Base):
    """Mail to this member came back for good: none goes to that address any more."""

    __tablename__ = "mail_block"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="cascade"), primary_key=True)
    email: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
