"""What a browser is told to ask its passkeys for, and the answer that comes back in a form.

The browser brings the challenge back in the signed cookie of its forms, so that an answer is worth nothing in another
browser; the challenge itself is a row that is used once (tenants.passkeys).
"""

from uuid import UUID

from flask import Response, request
from flask import session as form_session

from core.db import database
from core.letters import here
from tenants import passkeys
from tenants.models import Passkey, Person
from tenants.passkeys import Purpose

CHALLENGE = "challenge"


def ask(purpose: Purpose, identity_id: UUID | None = None) -> Response:
    """JSON for the browser: sign this with a passkey of this person, or of whoever is there."""
    with database().controlling() as control:
        return told(*passkeys.ask(control, here(), purpose, identity_id))


def ask_to_add(identity_id: UUID) -> Response:
    """JSON for the browser: make a passkey for this person."""
    with database().controlling() as control:
        return told(*passkeys.ask_to_add(control, here(), control.get_one(Person, identity_id)))


def told(challenge: bytes, options: str) -> Response:
    form_session[CHALLENGE] = challenge
    return Response(options, content_type="application/json")


def check(purpose: Purpose, identity_id: UUID | None = None, field: str = "passkey") -> Person:
    """Whose passkey has signed what this browser was told. Raises Invalid."""
    return passkeys.check(database(), here(), purpose, taken(), request.form.get(field, ""), identity_id)


def add(identity_id: UUID, name: str) -> Passkey:
    """The passkey that this browser was told to make. Raises Invalid."""
    return passkeys.add(database(), here(), identity_id, taken(), request.form.get("passkey", ""), name)


def taken() -> bytes:
    challenge = form_session.pop(CHALLENGE, None)
    return challenge if isinstance(challenge, bytes) else b""
