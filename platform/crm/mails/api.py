"""Mails in the API."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from core.listing import Filter, Listing, Sort
from crm.mails import actions
from crm.mails.models import Mail

LISTING = Listing(
    model=Mail,
    sorts={"at": Sort(Mail.at, datetime), "created": Sort(Mail.id, UUID)},
    default_sort="-at",
    filters={
        "contact_id": Filter(UUID, lambda _actor, value: Mail.contact_id == value, "mails with this contact"),
        "deal_id": Filter(UUID, lambda _actor, value: Mail.deal_id == value, "mails about this deal"),
        "thread_id": Filter(UUID, lambda _actor, value: Mail.thread_id == value, "mails of this thread"),
        "member_id": Filter(UUID, lambda _actor, value: Mail.member_id == value, "mails of this member"),
        "direction": Filter(Literal["in", "out"], lambda _actor, value: Mail.direction == value, "in or out"),
        "state": Filter(str, lambda _actor, value: Mail.state == value, "waiting, sent, failed or received"),
    },
    searched=False,
)


class MailOut(BaseModel):
    """`text` is what was written; HTML that came is shown on its page alone. `checked` is what the server that received
    it says of its sender, a claim."""

    id: UUID
    version: int
    thread_id: UUID
    direction: Literal["in", "out"]
    state: Literal["waiting", "sent", "failed", "received"]
    error: str
    from_name: str
    from_address: str
    to_address: str
    subject: str
    text: str
    at: datetime
    checked: str
    member_id: UUID | None
    contact_id: UUID | None
    deal_id: UUID | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="mails",
    model=Mail,
    out=MailOut,
    listing=LISTING,
    create=actions.send,
    verbs={"again": actions.send_again},
    example={
        "contact_id": "0190f2b4-0000-7000-8000-000000000001", "to": "petr.cerny@example.com", "subject": "Your windows",
        "body": "Dear Mr Černý, the quote follows tomorrow.",
    },
)  # fmt: skip
