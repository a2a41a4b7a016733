"""Passkeys (WebAuthn): a device keeps the private key and asks its owner for a finger, a face or a PIN.

The browser signs a challenge of ours together with the address it is at, so a passkey is worth nothing on another site.
A challenge is a row that goes with its answer, whatever the answer is; it is good for five minutes, for one purpose and
one person (at the log-in for nobody in particular), and for the browser that asked for it, which brings it back.
"""

from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import generate_challenge, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from config.settings import Settings
from core.db import Database
from core.errors import Invalid
from tenants.models import Passkey, PasskeyChallenge, Person

Purpose = Literal["add", "log in", "prove"]

LIFE = "5 minutes"
MOST = 20  # passkeys of a person
REQUIRED = UserVerificationRequirement.REQUIRED


def ask_to_add(control: Session, config: Settings, person: Person) -> tuple[bytes, str]:
    """The challenge, and what the browser is told to make a passkey with, as JSON. Raises Invalid where all is full."""
    known = descriptors(control, person.id)
    if len(known) >= MOST:
        raise Invalid(("", _("You have %(most)s passkeys. Remove one that you do not use.", most=MOST)))
    challenge = remember(control, "add", person.id)
    options = generate_registration_options(
        rp_id=rp_id(config),
        rp_name="Okno",
        user_id=person.id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=known,
    )
    return challenge, options_to_json(options)


def ask(control: Session, config: Settings, purpose: Purpose, identity_id: UUID | None = None) -> tuple[bytes, str]:
    """The challenge, and what the browser is told to sign it with, as JSON: by one of the person's, if one is named."""
    challenge = remember(control, purpose, identity_id)
    options = generate_authentication_options(
        rp_id=rp_id(config),
        challenge=challenge,
        allow_credentials=descriptors(control, identity_id) if identity_id else None,
        user_verification=REQUIRED,
    )
    return challenge, options_to_json(options)


def add(database: Database, config: Settings, identity_id: UUID, challenge: bytes, answer: str, name: str) -> Passkey:
    """The passkey that the browser has made. Raises Invalid."""
    with database.controlling() as control:
        take(control, challenge, "add", identity_id)
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id(config),
            expected_origin=config.url,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 (a hostile answer fails in many ways, and all of them are refusals)
        raise not_taken() from None
    with database.controlling() as control:
        if control.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)):
            raise not_taken()
        passkey = Passkey(
            identity_id=identity_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name,
        )
        control.add(passkey)
        control.flush()
        return passkey


def check(
    database: Database,
    config: Settings,
    purpose: Purpose,
    challenge: bytes,
    answer: str,
    identity_id: UUID | None = None,
) -> Person:
    """Whose passkey has signed the challenge; it must be this person's, if one is named. Raises Invalid."""
    with database.controlling() as control:
        take(control, challenge, purpose, identity_id)
    said = read(answer)
    with database.controlling() as control:
        named = select(Passkey).where(Passkey.credential_id == said.raw_id)
        passkey = control.scalar(named.with_for_update())
        if passkey is None or identity_id not in (None, passkey.identity_id):
            raise not_taken()
        # Whose it is, the device says itself; it may leave that out where we have named whose passkey we ask for.
        if said.response.user_handle != passkey.identity_id.bytes and (said.response.user_handle or not identity_id):
            raise not_taken()
        try:
            signed = verify_authentication_response(
                credential=said,
                expected_challenge=challenge,
                expected_rp_id=rp_id(config),
                expected_origin=config.url,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 (as above)
            raise not_taken() from None
        passkey.sign_count = signed.new_sign_count
        passkey.used_at = control.scalar(select(func.now()))
        return control.get_one(Person, passkey.identity_id)


def find(control: Session, identity_id: UUID, passkey_id: UUID) -> Passkey | None:
    """One passkey of this person."""
    return control.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.identity_id == identity_id))


def remember(control: Session, purpose: Purpose, identity_id: UUID | None) -> bytes:
    challenge = generate_challenge()
    control.add(PasskeyChallenge(value=challenge, purpose=purpose, identity_id=identity_id))
    return challenge


def take(control: Session, challenge: bytes, purpose: Purpose, identity_id: UUID | None) -> None:
    """Use the challenge up. Raises Invalid where it was not asked for this, or is used or too old."""
    used = delete(PasskeyChallenge).where(
        PasskeyChallenge.value == challenge,
        PasskeyChallenge.purpose == purpose,
        PasskeyChallenge.identity_id.is_not_distinct_from(identity_id),
        PasskeyChallenge.created_at > func.now() - text(f"interval '{LIFE}'"),
    )
    if control.scalar(used.returning(PasskeyChallenge.value)) is None:
        raise not_taken()


def descriptors(control: Session, identity_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    known = control.scalars(select(Passkey.credential_id).where(Passkey.identity_id == identity_id))
    return [PublicKeyCredentialDescriptor(id=one) for one in known]


def read(answer: str) -> AuthenticationCredential:
    """What the browser says; nothing is believed of it yet. Raises Invalid."""
    try:
        return parse_authentication_credential_json(answer)
    except Exception:  # noqa: BLE001 (as above)
        raise not_taken() from None


def rp_id(config: Settings) -> str:
    """The host that our passkeys are for, from the settings and never from the request."""
    return urlsplit(config.url).hostname or ""


def not_taken() -> Invalid:
    return Invalid(("", _("This passkey was not taken. Try once more, or go another way.")))
