"""Requests in the API."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.requests import actions, opening
from crm.requests.models import Request
from crm.requests.queries import LISTING


class RequestOut(BaseModel):
    """`state` is new, taken, converted, closed (for a `reason`) or spam. The client must hear of us by `contact_by`, in
    working time; `first_contact_at` is when they did. One with `doubts` waits to be checked."""

    id: UUID
    version: int
    source: str
    form_id: UUID | None
    name: str
    company: str
    email: str
    phone: str
    text: str
    answers: list[dict[str, str]]
    utm: dict[str, str]
    page: str
    doubts: list[str]
    state: str
    reason: str
    assignee_id: UUID | None
    contact_by: datetime | None
    first_contact_at: datetime | None
    contact_id: UUID | None
    company_id: UUID | None
    deal_id: UUID | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="requests",
    model=Request,
    out=RequestOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={
        "take": actions.take,
        "assign": actions.assign,
        "accept": actions.accept,
        "contacted": actions.contacted,
        "convert": opening.convert,
        "close": actions.close,
        "spam": actions.mark_spam,
        "reopen": actions.reopen,
        "restore": actions.restore,
    },
    example={"name": "Jan Novák", "phone": "602 114 873", "text": "Six windows for a flat in Brno"},
)
