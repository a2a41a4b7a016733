"""Notes and calls in the API."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.timeline import actions
from crm.timeline.models import Note
from crm.timeline.queries import LISTING


class NoteOut(BaseModel):
    id: UUID
    version: int
    form: str
    text: str
    at: datetime
    direction: str
    result: str
    minutes: int | None
    process: str
    author_id: UUID | None
    contact_id: UUID | None
    company_id: UUID | None
    deal_id: UUID | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="notes",
    model=Note,
    out=NoteOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore},
    example={
        "form": "call",
        "text": "Wants oak frames.",
        "direction": "in",
        "result": "answered",
        "minutes": 4,
        "contact_id": "0198c5a0-7e5f-7c33-9d0c-3f4f5ad0b1c2",
    },
)
