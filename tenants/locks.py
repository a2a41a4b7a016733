"""Locks against guessing passwords and codes, kept in PostgreSQL: they hold while Valkey is away.

Ten wrong passwords in five minutes for one account, known or not, or from one address close that account or address
until the oldest of them is five minutes old. Codes of a second factor have six digits and fewer attempts: five in five
minutes, twenty in an hour, fifty in a day, counted for the account wherever a code is asked. An attempt is noted as
wrong before it is looked at, so that a hundred at once are not more than a hundred one by one; the right password or
code takes its own note away, and no other.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.db import Database
from core.errors import Refusal
from tenants.models import FailedCode, FailedSignIn

At = InstrumentedAttribute[datetime]

PASSWORDS = ((10, timedelta(minutes=5)),)
CODES = ((5, timedelta(minutes=5)), (20, timedelta(hours=1)), (50, timedelta(days=1)))


class TooMany(Refusal):
    """Too many attempts; `wait` says for how many seconds nothing is looked at."""

    status = 429
    title = _l("Too many attempts")

    def __init__(self, wait: float):
        self.wait = max(1, math.ceil(wait))
        minutes = math.ceil(self.wait / 60)
        super().__init__(
            ngettext("Try again in a minute.", "Try again in %(num)s minutes.", minutes), retry_after=self.wait
        )


def note(database: Database, email: str, address: str) -> UUID:
    """Count a password as wrong until `forget` says otherwise. Raises TooMany, and then counts nothing."""
    with database.controlling() as control:
        take_turn(control, f"sign-in {email}")
        check(control, FailedSignIn.at, FailedSignIn.email == email, PASSWORDS)
        check(control, FailedSignIn.at, FailedSignIn.address == address, PASSWORDS)
        attempt = FailedSignIn(email=email, address=address)
        control.add(attempt)
        control.flush()
        return attempt.id


def note_code(database: Database, identity_id: UUID) -> UUID:
    """Count a code as wrong until `forget_code` says otherwise. Raises TooMany, and then counts nothing."""
    with database.controlling() as control:
        take_turn(control, f"code {identity_id}")
        check(control, FailedCode.at, FailedCode.identity_id == identity_id, CODES)
        attempt = FailedCode(identity_id=identity_id)
        control.add(attempt)
        control.flush()
        return attempt.id


def take_turn(control: Session, whose: str) -> None:
    """One at a time counts the attempts of an account."""
    control.execute(text("select pg_advisory_xact_lock(hashtext(:whose))"), {"whose": whose})


def check(control: Session, at: At, whose: ColumnElement[bool], limits: tuple[tuple[int, timedelta], ...]) -> None:
    now = control.scalars(select(func.now())).one()
    for attempts, within in limits:
        recent = select(at).where(whose, at > now - within).order_by(at.desc()).limit(attempts)
        found: list[datetime] = list(control.scalars(recent))
        if len(found) == attempts:
            raise TooMany((found[-1] + within - now).total_seconds())


def forget(control: Session, attempt: UUID) -> None:
    """This attempt had the right password."""
    control.execute(delete(FailedSignIn).where(FailedSignIn.id == attempt))


def forget_code(control: Session, attempt: UUID) -> None:
    """This attempt had a right code."""
    control.execute(delete(FailedCode).where(FailedCode.id == attempt))


def forgive(control: Session, email: str) -> None:
    """The account's owner has shown the mail sent there: what was tried before counts no more."""
    control.execute(delete(FailedSignIn).where(FailedSignIn.email == email))
