"""Connectors: how a call that somebody wants is asked of a telephone exchange.

One today: a webhook of the customer's own, in front of whatever exchange they have. Another is a class with `place`.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings, settings
from core import outbound
from core.jobs import Place, job, once
from crm.calls.hearing import ring, secrets_of
from crm.calls.models import Call, Telephone


@dataclass(frozen=True)
class Wish:
    """Ring at `extension` and connect it with `number`. What the exchange tells of this call bears `ref`."""

    ref: UUID
    extension: str
    number: str


class NotPlaced(Exception):
    """The exchange did not take the wish."""


class Connector(Protocol):
    """`place` raises NotPlaced."""

    def place(self, wish: Wish) -> None: ...


@dataclass(frozen=True)
class Webhook:
    """Posts {"ref", "extension", "number"} as JSON, signed as what comes from the exchange is."""

    config: Settings
    url: str
    secret: bytes

    def place(self, wish: Wish) -> None:
        body = orjson.dumps({"ref": str(wish.ref), "extension": wish.extension, "number": wish.number})
        stamp = str(int(datetime.now(UTC).timestamp()))
        signature = hmac.new(self.secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Okno-Timestamp": stamp, "Okno-Signature": signature}
        try:
            answer = outbound.post(self.config, self.url, body, headers)
        except outbound.Unreachable as error:
            raise NotPlaced(str(error)) from None
        if not 200 <= answer.status < 300:
            raise NotPlaced(f"status {answer.status}")


def connected(session: Session) -> Telephone | None:
    """The telephone that can be asked for a call."""
    there = select(Telephone).where(Telephone.deleted_at.is_(None), Telephone.place_url != "")
    return session.scalar(there.order_by(Telephone.id).limit(1))


def connector_of(telephone: Telephone) -> Connector:
    """Raises NotPlaced where the telephone's secret cannot be read."""
    secrets = secrets_of(settings(), telephone, datetime.now(UTC))
    if not secrets:
        raise NotPlaced("the telephone must be connected anew")
    return Webhook(settings(), telephone.place_url, secrets[0])


@job("calls.place", queue="urgent")
def place(place: Place, call_id: str) -> None:
    """Once at most, and that is marked first: a telephone that rings twice is worse than one that does not."""
    with place.database.workspace(place.here()) as session:
        with session.begin():
            call, telephone = session.get_one(Call, UUID(call_id)), connected(session)
            if call.state != "asked" or not once(session, "calls.place", call_id):
                return
        try:
            if telephone is None:
                raise NotPlaced("no telephone is connected")
            connector_of(telephone).place(Wish(call.id, call.from_number, call.to_number))
        except NotPlaced as error:
            with session.begin():
                call = session.get_one(Call, UUID(call_id), with_for_update=True, populate_existing=True)
                if call.state == "asked":
                    call.state, call.error = "failed", str(error)
                    ring(session, call.shown_to)
