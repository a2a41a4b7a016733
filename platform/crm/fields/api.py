"""The fields of a business's own in the API."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.fields import actions
from crm.fields.models import Field, FieldType, RecordKind
from crm.fields.queries import LISTING


class FieldOut(BaseModel):
    """`key` is the field's name in the `custom` of contacts, companies or deals. Their lists are narrowed by it with
    `custom.<key>=value`; by a number or day also with `>value` and `<value`."""

    id: UUID
    version: int
    record_kind: RecordKind
    key: str
    label: str
    type: FieldType
    options: list[str]
    hint: str
    required: bool
    position: int
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="fields",
    model=Field,
    out=FieldOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore, "move": actions.move},
    example={"record_kind": "deal", "label": "Windows", "type": "number"},
)
