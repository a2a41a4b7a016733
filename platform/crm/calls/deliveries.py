"""What a telephone exchange delivers, proven and understood: from signed bytes to an event of ours.

Generic: JSON with the headers Okno-Timestamp (seconds since 1970) and Okno-Signature, the hexadecimal HMAC-SHA256 of
"<timestamp>.<body>" under the secret. Twilio: a form with X-Twilio-Signature, the Base64 HMAC-SHA1, under the Auth
Token, of the address as Twilio called it and every field in order of its name. Whatever is older than five minutes is
stale; a Twilio request that bears no time cannot be, and says nothing new when it comes again.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from werkzeug.datastructures import Headers, MultiDict

from core.errors import Forbidden, Invalid

FRESH = timedelta(minutes=5)
What = Literal["ringing", "answered", "ended"]
Text = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True)
class Delivery:
    """A request as it came in; `url` is the address as the provider knows it."""

    url: str
    headers: Headers
    body: bytes
    form: "MultiDict[str, str]"


class CallEvent(BaseModel):
    """`extension` is the line of ours at which it rings or was answered. `ref` is the call that we asked for."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    event: What
    direction: Literal["in", "out"] = "in"
    from_: Annotated[Text, Field(alias="from")] = ""
    to: Text = ""
    extension: Text = ""
    at: AwareDatetime | None = None
    ref: UUID | None = None


def read_generic(delivery: Delivery, secrets: Iterable[bytes], now: datetime) -> CallEvent:
    """Raises Forbidden for what is forged or stale, Invalid for what is signed and makes no sense."""
    stamp, signature = (delivery.headers.get(name, "") for name in ("Okno-Timestamp", "Okno-Signature"))
    signed = stamp.encode() + b"." + delivery.body
    proofs = (hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets)
    if not matches(proofs, signature) or not stamp.isdecimal() or len(stamp) > 11:
        raise Forbidden()
    at = datetime.fromtimestamp(int(stamp), UTC)
    check_fresh(at, now)
    try:
        event = CallEvent.model_validate_json(delivery.body)
    except ValidationError as error:
        raise Invalid.of(error) from None
    return event if event.at else event.model_copy(update={"at": at})


def read_twilio(delivery: Delivery, secrets: Iterable[bytes], now: datetime) -> CallEvent | None:
    """The same; None for a status that says nothing of the call as a whole. A leg that <Dial> opened (ParentCallSid)
    is the line of ours at which its parent rings: that it ends is no end of the call, and only such a leg, or the
    result of <Dial>, says that a person answered."""
    proofs = [
        base64.b64encode(hmac.new(secret, text_of(url, delivery.form).encode(), hashlib.sha1).digest()).decode()
        for secret in secrets
        for url in spellings(delivery.url)
    ]
    if not matches(proofs, delivery.headers.get("X-Twilio-Signature", "")):
        raise Forbidden()
    form, at = delivery.form, time_of(delivery.form, now)
    check_fresh(at, now)
    parent, inward = form.get("ParentCallSid", ""), not form.get("Direction", "").startswith("outbound-api")
    what = status_of(form, leg=bool(parent), inward=inward)
    if what is None:
        return None
    values = {
        "id": parent or form.get("CallSid", ""), "event": what, "direction": "in" if inward else "out", "at": at,
        "from": form.get("From", ""), "to": "" if parent else form.get("To", ""),
        "extension": form.get("To", "") if inward else form.get("From", ""),
    }  # fmt: skip
    try:
        return CallEvent.model_validate(values)
    except ValidationError as error:
        raise Invalid.of(error) from None


def status_of(form: "MultiDict[str, str]", *, leg: bool, inward: bool) -> What | None:
    status, dialled = form.get("CallStatus", ""), form.get("DialCallStatus", "")
    if dialled:
        return "answered" if dialled in ("completed", "answered") else None
    if status == "in-progress":
        return "answered" if leg or not inward else "ringing"
    if status in ("queued", "initiated", "ringing"):
        return "ringing"
    over = status in ("completed", "busy", "no-answer", "canceled", "failed")
    return "ended" if over and not leg else None


def time_of(form: "MultiDict[str, str]", now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(form["Timestamp"])
    except (KeyError, ValueError):
        return now
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def text_of(url: str, form: "MultiDict[str, str]") -> str:
    """What Twilio signs; of a field that is there more than once, each different value."""
    return url + "".join(name + value for name in sorted(form) for value in sorted(set(form.getlist(name))))


def spellings(url: str) -> tuple[str, ...]:
    """With the port and without: Twilio is known to sign both."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return tuple({url, parts._replace(netloc=f"{host}:{port}").geturl(), parts._replace(netloc=str(host)).geturl()})


def matches(proofs: Iterable[str], signature: str) -> bool:
    return any(hmac.compare_digest(proof.encode(), signature.encode()) for proof in proofs)


def check_fresh(at: datetime, now: datetime) -> None:
    if abs(now - at) > FRESH:
        raise Forbidden()
