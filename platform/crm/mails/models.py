"""Mails, their files, the templates they are written from; and how far the mailbox of replies has been read."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, ControlBase
from core.ids import new_id
from core.records import Record


class MailTemplate(Record):
    """`subject` and `body` have placeholders by their keys: {{first_name}} (crm.mails.placeholders)."""

    __tablename__ = "mail_template"
    kind: ClassVar[str] = "mail_template"
    owner_column: ClassVar[str | None] = None

    name: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="", default="")
    body: Mapped[str] = mapped_column(server_default="", default="")

    def title(self) -> str:
        return self.name


class Mail(Record):
    """One mail, ours or a client's. Those of a thread have the id of its first as `thread_id`, which the address for
    replies names. `member_id` is who wrote it, or whose thread it came into. `html` is already cleaned. `source` is
    where a mail lay, so that it comes in once. `checked` is what the receiving server says of the sender: a claim."""

    __tablename__ = "mail"
    __table_args__ = (
        CheckConstraint("direction in ('in', 'out')", name="direction"),
        CheckConstraint("state in ('waiting', 'sent', 'failed', 'received')", name="state"),
        Index("uq_mail_source", "source", unique=True, postgresql_where=sql("source <> ''")),
        Index("ix_mail_thread", "thread_id", "at"),
        Index("ix_mail_contact", "contact_id", "at", postgresql_where=sql("contact_id is not null")),
        Index("ix_mail_deal", "deal_id", "at", postgresql_where=sql("deal_id is not null")),
    )
    kind: ClassVar[str] = "mail"
    owner_column: ClassVar[str | None] = "member_id"
    derived: ClassVar[frozenset[str]] = frozenset({"text", "html"})

    thread_id: Mapped[UUID]
    direction: Mapped[str]
    state: Mapped[str]
    error: Mapped[str] = mapped_column(server_default="", default="")
    from_name: Mapped[str] = mapped_column(server_default="", default="")
    from_address: Mapped[str] = mapped_column(server_default="", default="")
    to_address: Mapped[str] = mapped_column(server_default="", default="")
    subject: Mapped[str] = mapped_column(server_default="", default="")
    text: Mapped[str] = mapped_column(server_default="", default="")
    html: Mapped[str] = mapped_column(server_default="", default="")
    at: Mapped[datetime]
    message_id: Mapped[str] = mapped_column(server_default="", default="")
    answers: Mapped[str] = mapped_column(server_default="", default="")
    automatic: Mapped[bool] = mapped_column(server_default=sql("false"), default=False)
    checked: Mapped[str] = mapped_column(server_default="", default="")
    source: Mapped[str] = mapped_column(server_default="", default="")
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="cascade"))
    deal_id: Mapped[UUID | None] = mapped_column(ForeignKey("deal.id", ondelete="cascade"))

    def title(self) -> str:
        return self.subject[:80]


class MailFile(Base):
    """A file that came with a mail."""

    __tablename__ = "mail_file"
    __table_args__ = (Index(None, "mail_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    mail_id: Mapped[UUID] = mapped_column(ForeignKey("mail.id", ondelete="cascade"))
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    file_key: Mapped[str] = mapped_column(info={"file": True})


class MailPlace(ControlBase):
    """How far a mailbox was read: to `uid`, as its `uidvalidity` counts."""

    __tablename__ = "mail_place"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class StrayMail(ControlBase):
    """A mail that belongs to no thread. It lies in the mailbox still; `why` says what was wrong with it."""

    __tablename__ = "stray_mail"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    uid: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    why: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
