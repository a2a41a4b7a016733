"""Calls in the API."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from core.days import from_day, to_day
from core.listing import Filter, Listing, Sort
from crm.calls import actions, by_hand
from crm.calls.models import Call

State = Literal["asked", "ringing", "answered", "ended", "missed", "failed"]

LISTING = Listing(
    model=Call,
    sorts={"began": Sort(Call.began_at, datetime), "created": Sort(Call.id, UUID)},
    default_sort="-began",
    filters={
        "contact_id": Filter(UUID, lambda _actor, value: Call.contact_id == value, "calls with this contact"),
        "deal_id": Filter(UUID, lambda _actor, value: Call.deal_id == value, "calls about this deal"),
        "member_id": Filter(UUID, lambda _actor, value: Call.member_id == value, "calls of this member"),
        "direction": Filter(Literal["in", "out"], lambda _actor, value: Call.direction == value, "in or out"),
        "state": Filter(State, lambda _actor, value: Call.state == value, "ringing, answered, ended, missed ..."),
        "on_from": Filter(date, from_day(Call.began_at), "of this day of the workspace or later"),
        "on_to": Filter(date, to_day(Call.began_at), "of this day of the workspace or earlier"),
    },
    searched=False,
)


class CallOut(BaseModel):
    """`note_id` is the note that stands for it on the timeline. A call that was written down here has the `provider`
    "hand"."""

    id: UUID
    version: int
    provider: str
    direction: Literal["in", "out"]
    from_number: str
    to_number: str
    state: State
    began_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    member_id: UUID | None
    contact_id: UUID | None
    company_id: UUID | None
    deal_id: UUID | None
    about: str
    note_id: UUID | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="calls",
    model=Call,
    out=CallOut,
    listing=LISTING,
    create=by_hand.write_down,
    verbs={"log": actions.log},
    example={"direction": "out", "number": "602 114 873", "minutes": 4, "text": "Wants the quote by Friday"},
)
