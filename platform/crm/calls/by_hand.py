"""A call that no telephone told of: somebody, or their program, writes down that it was."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AwareDatetime, Field

from core.actions import Input, action
from core.actor import Actor
from core.errors import Invalid
from core.ids import new_id
from crm.calls.actions import own_line
from crm.calls.hearing import find_caller, spoken, write_note
from crm.calls.models import Call
from crm.contacts.models import Contact
from crm.deals.models import Deal

HAND = "hand"  # as a provider


class WrittenCall(Input):
    """With `number`, the other side's, its contact is found; or `contact_id` says whose it was."""

    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one call.")] = None
    direction: Literal["in", "out"] = "out"
    number: Annotated[str, Field(max_length=60)] = ""
    result: Literal["answered", "missed"] = "answered"
    began_at: Annotated[AwareDatetime | None, Field(description="Now less its minutes, when left out.")] = None
    minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 0
    text: Annotated[str, Field(max_length=20_000)] = ""
    contact_id: UUID | None = None
    deal_id: UUID | None = None


@action("call.create")
def write_down(actor: Actor, data: WrittenCall) -> Call:
    """The actor's own call, over already; it stands on the timeline of whom it was with."""
    known = actor.repeated(Call, data.id)
    if known:
        return known
    if not (data.number or data.contact_id or data.deal_id):
        raise Invalid(("number", _("Say with which number or contact it was, or about which deal.")))
    actor.linked(Contact, data.contact_id, "contact_id")
    actor.linked(Deal, data.deal_id, "deal_id")
    call = written(actor, data)
    if call.contact_id is None:
        find_caller(actor.db, call)
    else:
        contact = actor.find(Contact, call.contact_id)
        call.company_id = contact.company_id
    actor.db.add(call)
    actor.db.flush()
    write_note(actor.db, call)
    return call


def written(actor: Actor, data: WrittenCall) -> Call:
    lasted = timedelta(minutes=data.minutes)
    now = datetime.now(UTC)
    began = data.began_at or now - lasted
    if began + lasted > now:
        raise Invalid(("began_at", _("This call would still go on. Write it down when it is over.")))
    other, ours = spoken(data.number, actor.workspace.country), own_line(actor) or ""
    answered = data.result == "answered"
    call_id = data.id or new_id()
    return Call(
        id=call_id, provider=HAND, provider_id=str(call_id), direction=data.direction, about=data.text,
        from_number=other if data.direction == "in" else ours, to_number=ours if data.direction == "in" else other,
        state="ended" if answered else "missed", began_at=began, answered_at=began if answered else None,
        ended_at=began + lasted, member_id=actor.member.id, contact_id=data.contact_id, deal_id=data.deal_id,
        shown_to=[],
    )  # fmt: skip
