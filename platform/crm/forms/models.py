"""A web form: what it asks, how it looks, and what becomes of what is sent by it."""

import secrets
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text, Uuid, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record


def new_key() -> str:
    """128 random bits, which nobody guesses, in 22 characters of a URL."""
    return secrets.token_urlsafe(16)


class Form(Record):
    """`key` stands in its public address. `fields` are, in their order, {"id", "kind", "label", "required", "hint",
    "options", "text", "of"} (crm.forms.fields, crm.forms.own); `look` is {"colour", "button", "done", "redirect"}.

    What is sent gets a contact and a deal in `stage_id` at once if `opens`, and must be answered within `minutes` of
    working time. `rule` says who gets it: nobody, the one member, in turns, or by load; `among` whom: members, a role
    or a department. `turn_id` is who got the last one. `origins` are the sites that may show it in a frame.
    """

    __tablename__ = "form"
    __table_args__ = (
        CheckConstraint("rule in ('nobody', 'member', 'turns', 'load')", name="rule"),
        CheckConstraint("among in ('members', 'role', 'department')", name="among"),
        CheckConstraint("minutes between 1 and 10080", name="minutes"),
    )
    kind: ClassVar[str] = "form"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"turn_id"})

    key: Mapped[str] = mapped_column(unique=True, default=new_key)
    name: Mapped[str]
    heading: Mapped[str] = mapped_column(server_default="", default="")
    intro: Mapped[str] = mapped_column(server_default="", default="")
    fields: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    look: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    opens: Mapped[bool] = mapped_column(server_default=true(), default=True)
    pipeline_id: Mapped[UUID | None] = mapped_column(ForeignKey("pipeline.id", ondelete="set null"))
    stage_id: Mapped[UUID | None] = mapped_column(ForeignKey("stage.id", ondelete="set null"))
    minutes: Mapped[int] = mapped_column(server_default="15", default=15)
    rule: Mapped[str] = mapped_column(server_default="nobody", default="nobody")
    among: Mapped[str] = mapped_column(server_default="members", default="members")
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"), default=list)
    role_id: Mapped[UUID | None] = mapped_column(ForeignKey("role.id"))
    department_id: Mapped[UUID | None] = mapped_column(ForeignKey("department.id"))
    turn_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    origins: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)

    def title(self) -> str:
        return self.name
