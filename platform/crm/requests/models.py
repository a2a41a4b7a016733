"""A request: what a client asked for, by a web form, a mail, a call or in person."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, false
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.records import Counted, Record

SOURCES = ("form", "mail", "call", "hand")
STATES = ("new", "taken", "converted", "closed", "spam")
# Still to be seen to: nobody has finished it, or the client has not heard of us.
OPEN = "state in ('new', 'taken') or (state = 'converted' and first_contact_at is null)"


class Request(Record):
    """`state` goes new -> taken -> converted, or closed for a `reason`, or spam.

    The client must hear of us by `contact_by`; `first_contact_at` is when somebody first called, wrote or did a task.
    While there are `doubts` (crm.forms.spam) it waits to be looked at: nobody is told and no time runs. `answers` are
    [{"label", "value"}] as the form asked them, `fields` what of them is for {"contact", "deal"}, `consents` the texts
    agreed to, each with its hash and when; with `address` they are the proof. Its files take up room of the plan from
    when it is opened (`files_counted`), since what a client sends is never refused.
    """

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("source in ('form', 'mail', 'call', 'hand')", name="source"),
        CheckConstraint("state in ('new', 'taken', 'converted', 'closed', 'spam')", name="state"),
        Index("ix_request_open", "contact_by", "id", postgresql_where=sql(f"deleted_at is null and ({OPEN})")),
        Index("ix_request_contact", "contact_id", postgresql_where=sql("contact_id is not null")),
        Index("ix_request_company", "company_id", postgresql_where=sql("company_id is not null")),
        Index("ix_request_deal", "deal_id", postgresql_where=sql("deal_id is not null")),
        Index("ix_request_assignee", "assignee_id", "state", postgresql_where=sql("deleted_at is null")),
    )
    kind: ClassVar[str] = "request"
    owner_column: ClassVar[str | None] = "assignee_id"
    counted: ClassVar[tuple[Counted, ...]] = (Counted("storage", {"files_counted": True}, by="files_size"),)
    news: ClassVar[frozenset[str]] = frozenset({"assignee_id", "contact_by"})

    source: Mapped[str]
    form_id: Mapped[UUID | None] = mapped_column(ForeignKey("form.id", ondelete="set null"))
    name: Mapped[str]
    company: Mapped[str] = mapped_column(server_default="", default="")
    email: Mapped[str] = mapped_column(server_default="", default="")
    phone: Mapped[str] = mapped_column(server_default="", default="")
    text: Mapped[str] = mapped_column(server_default="", default="")
    answers: Mapped[list[dict[str, Any]]] = mapped_column(server_default=sql("'[]'"), default=list)
    fields: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"), default=dict)
    consents: Mapped[list[dict[str, Any]]] = mapped_column(server_default=sql("'[]'"), default=list)
    utm: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"), default=dict)
    page: Mapped[str] = mapped_column(server_default="", default="")
    address: Mapped[str] = mapped_column(server_default="", default="")
    doubts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=sql("'{}'"), default=list)
    state: Mapped[str] = mapped_column(server_default="new", default="new")
    reason: Mapped[str] = mapped_column(server_default="", default="")
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    contact_by: Mapped[datetime | None]
    first_contact_at: Mapped[datetime | None]
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="set null"))
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="set null"))
    deal_id: Mapped[UUID | None] = mapped_column(ForeignKey("deal.id", ondelete="set null"))
    files_size: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0, active_history=True)
    files_counted: Mapped[bool] = mapped_column(server_default=false(), default=False, active_history=True)

    def title(self) -> str:
        return self.name


class RequestFile(Base):
    """A file that a client sent along: given out only as an attachment. Without a key where a backup had no file."""

    __tablename__ = "request_file"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("request.id", ondelete="cascade"), index=True)
    file_key: Mapped[str | None] = mapped_column(info={"file": True})
    name: Mapped[str]
    type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
