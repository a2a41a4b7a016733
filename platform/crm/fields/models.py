"""A field that a business adds to its contacts, companies or deals."""

from typing import ClassVar, Literal, get_args

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record

RecordKind = Literal["contact", "company", "deal"]
RECORD_KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
FieldType = Literal["text", "lines", "number", "day", "choice", "choices", "yes", "link"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)


class Field(Record):
    """`key` is its name for programs, in the records' `custom` values and in processes, and never changes. `options`
    are what a choice offers. One that people removed keeps its values, and has them again when it comes back."""

    __tablename__ = "field"
    __table_args__ = (
        CheckConstraint("record_kind in ('contact', 'company', 'deal')", name="record_kind"),
        Index("uq_field_key", "record_kind", "key", unique=True),
    )
    kind: ClassVar[str] = "field"
    owner_column: ClassVar[str | None] = None

    record_kind: Mapped[RecordKind] = mapped_column(Text)
    key: Mapped[str]
    label: Mapped[str]
    type: Mapped[FieldType] = mapped_column(Text)
    options: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    hint: Mapped[str] = mapped_column(server_default="", default="")
    required: Mapped[bool] = mapped_column(server_default=false(), default=False)
    position: Mapped[int] = mapped_column(server_default="0", default=0)

    def title(self) -> str:
        return self.label
