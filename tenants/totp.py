"""Codes of an app (TOTP, RFC 6238): app and server share a secret and compute six digits from it each 30 seconds.

The secret is sealed (core.sealing), so that a copy of the database makes no codes. One step before and after the
present one is taken too, since clocks differ. A code is taken once: nothing up to the step of the last one taken counts
any more, so whoever looked over a shoulder comes too late.
"""

import hmac
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

import pyotp
import segno
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.settings import Settings
from core.errors import Invalid
from core.sealing import Unreadable, seal, unseal
from tenants.models import Person, Totp

log = logging.getLogger(__name__)

STEP = 30  # seconds
CLOCKS_DIFFER = 1  # steps


@dataclass(frozen=True)
class Proposal:
    """A secret for an app, before its first code: as a picture, as letters to type, and sealed for the form."""

    picture: str
    secret: str
    kept: str


def propose(config: Settings, person: Person, kept: str = "") -> Proposal:
    """A new secret, or the one of the form that came back. Nothing is stored until the app has shown a code."""
    secret = proposed(config, person.id, kept) if kept else pyotp.random_base32()
    sealed = kept or urlsafe_b64encode(seal(config, "totp proposal", secret.encode(), person.id.bytes)).decode()
    address = pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name="Okno")
    return Proposal(segno.make_qr(address).png_data_uri(scale=5), secret, sealed)


def proposed(config: Settings, identity_id: UUID, kept: str) -> str:
    """The secret in a form. Raises Invalid where it is not of ours or not this person's."""
    try:
        return unseal(config, "totp proposal", urlsafe_b64decode(kept), identity_id.bytes).decode()
    except (Unreadable, ValueError):
        raise Invalid(("", _("This page is too old. Load it again and scan the new picture."))) from None


def turn_on(control: Session, config: Settings, identity_id: UUID, secret: str, code: str) -> bool:
    """Whether the app shows this secret's codes; if so, it is the person's app from now on, and no other."""
    step = step_of(control, secret, code, 0)
    if step:
        sealed = seal(config, "totp", secret.encode(), identity_id.bytes)
        control.merge(Totp(identity_id=identity_id, secret=sealed, last_step=step, created_at=func.now()))
    return bool(step)


def accept(control: Session, config: Settings, identity_id: UUID, code: str) -> bool:
    """Whether the app shows this code now, and it was not used yet. It is used up."""
    row = control.scalar(select(Totp).where(Totp.identity_id == identity_id).with_for_update())
    if row is None:
        return False
    try:
        secret = unseal(config, "totp", row.secret, identity_id.bytes).decode()
    except Unreadable:
        log.error("the app of a person cannot be checked: OKNO_SECRET_KEY_FALLBACKS lacks a former secret key")
        return False
    step = step_of(control, secret, code, row.last_step)
    if step:
        row.last_step = step
        row.secret = seal(config, "totp", secret.encode(), identity_id.bytes)  # by the present key from now on
    return bool(step)


def step_of(control: Session, secret: str, code: str, after: int) -> int:
    """The step whose code this is, or 0. Steps up to `after` are used up."""
    now = control.scalars(select(func.now())).one()
    present = int(now.timestamp()) // STEP
    steps = range(max(after + 1, present - CLOCKS_DIFFER), present + CLOCKS_DIFFER + 1)
    app = pyotp.TOTP(secret)
    return next((step for step in steps if hmac.compare_digest(app.generate_otp(step), code)), 0)
