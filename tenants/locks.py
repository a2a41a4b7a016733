"""Locks against guessing passwords, kept in PostgreSQL: they hold while Valkey is away.

Ten wrong passwords in five minutes for one account, known or not, or from one address close that account or address
until the oldest of them is five minutes old. An attempt is noted as wrong before it is looked at, so that a hundred at
once are not more than a hundred one by one; the right password takes its own note away, and no other.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import Session

from core.db import Database
from core.errors import Refusal
from tenants.models import FailedSignIn

ATTEMPTS = 10
WITHIN = timedelta(minutes=5)


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
    """Count an attempt as wrong until `forget` says otherwise. Raises TooMany, and then counts nothing."""
    with database.controlling() as control:
        control.execute(text("select pg_advisory_xact_lock(hashtext(:email))"), {"email": f"sign-in {email}"})
        check(control, FailedSignIn.email == email)
        check(control, FailedSignIn.address == address)
        attempt = FailedSignIn(email=email, address=address)
        control.add(attempt)
        control.flush()
        return attempt.id


def check(control: Session, condition: ColumnElement[bool]) -> None:
    now = control.scalars(select(func.now())).one()
    recent = select(FailedSignIn.at).where(condition, FailedSignIn.at > now - WITHIN).order_by(FailedSignIn.at.desc())
    found: list[datetime] = list(control.scalars(recent.limit(ATTEMPTS)))
    if len(found) == ATTEMPTS:
        raise TooMany((found[-1] + WITHIN - now).total_seconds())


def forget(control: Session, attempt: UUID) -> None:
    """This attempt had the right password."""
    control.execute(delete(FailedSignIn).where(FailedSignIn.id == attempt))


def forgive(control: Session, email: str) -> None:
    """The account's owner has shown the mail sent there: what was tried before counts no more."""
    control.execute(delete(FailedSignIn).where(FailedSignIn.email == email))
