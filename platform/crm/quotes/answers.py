"""What the client does with a quote, on the page behind its link: look, accept, decline, ask for another one.

No member acts, so the events name none: their `via` is "client", and whoever has the deal is told.
"""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from flask_babel import gettext as _
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from core import events
from core.actions import Input
from core.errors import Busy, Invalid
from crm.quotes.models import Quote

T = TypeVar("T", bound=Input)


class Accepted(Input):
    name: Annotated[str, Field(min_length=2, max_length=200)]


class Declined(Input):
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    name: Annotated[str, Field(max_length=200)] = ""


def accept(session: Session, quote: Quote, name: str, address: str) -> None:
    """Accepted as it stands; the name, the time and the address stay as proof. Twice is once. Raises Invalid, Busy."""
    said = parsed(Accepted, name=name)
    if quote.state == "accepted":
        return
    check_open(quote)
    quote.state, quote.answered_by = "accepted", said.name
    answer(session, "quote.accept", quote, address)


def decline(session: Session, quote: Quote, reason: str, name: str, address: str) -> None:
    said = parsed(Declined, reason=reason, name=name)
    if quote.state == "declined":
        return
    check_open(quote)
    quote.state, quote.reason, quote.answered_by = "declined", said.reason, said.name
    answer(session, "quote.decline", quote, address)


def ask_again(session: Session, quote: Quote) -> None:
    """The link is too old, and its client would like a new one."""
    if quote.state in ("expired", "withdrawn"):
        tell(session, "quote.ask_again", quote, {})


def see(session: Session, quote: Quote) -> None:
    """Note the first time that the client looks."""
    if quote.seen_at is None:
        quote.seen_at = datetime.now(UTC)
        tell(session, "quote.see", quote, {"seen_at": quote.seen_at}, silent=True)


def expire(session: Session, quote: Quote) -> None:
    """Its last day is over."""
    quote.state = "expired"
    tell(session, "quote.expire", quote, {"state": "expired"}, via="job", silent=True)


def answer(session: Session, action: str, quote: Quote, address: str) -> None:
    quote.answered_at, quote.answer_address = datetime.now(UTC), address
    kept = ("state", "answered_at", "answered_by", "answer_address", "reason")
    tell(session, action, quote, {name: getattr(quote, name) for name in kept if getattr(quote, name)})


def tell(
    session: Session, action: str, quote: Quote, after: dict[str, object], *, via: str = "client", silent: bool = False
) -> None:
    named = {"deal_id": quote.deal_id, **({} if silent or not quote.owner_id else {"tell": quote.owner_id})}
    session.flush()
    events.note_by_itself(session, action, "quote", [(quote.id, quote.title(), {**after, **named})], via=via)


def check_open(quote: Quote) -> None:
    if quote.state != "sent":
        raise Busy(_("This quote can be answered no more."))


def parsed(model: type[T], **values: str) -> T:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid.of(error) from None
