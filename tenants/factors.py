"""The second factor: what a person shows besides the password. An app's code, a passkey, or a recovery code.

Ten recovery codes are made with the first factor and go with the last. They are as passwords are: kept as Argon2id,
shown once, and each is used once. Where a workspace asks its members for a second factor, who has none comes into no
page of it and by no token, until they have set one up.
"""

import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from config.settings import Settings
from core.actor import Member
from core.db import Database, Workspace
from core.errors import Forbidden, Invalid
from tenants import locks, passwords, sessions, totp
from tenants.models import Passkey, Person, RecoveryCode, Totp

CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
LENGTH = 10  # letters: 49 bits

# What a workspace's setting says -> the roles that must have a second factor; None is everybody.
MUST: dict[str, frozenset[str] | None] = {
    "nobody": frozenset(),
    "admins": frozenset({"owner", "admin"}),
    "everybody": None,
}


class NeedsSecondFactor(Forbidden):
    """The workspace asks this member for a second factor, and there is none."""

    title = _l("This workspace asks you for a second factor")

    def __init__(self) -> None:
        super().__init__(_l("Set one up in your account, then come back."))


@dataclass(frozen=True)
class Factors:
    """What a person has."""

    app: Totp | None
    passkeys: list[Passkey]
    codes: int

    def __bool__(self) -> bool:
        return bool(self.app or self.passkeys)


def of_identity(control: Session, identity_id: UUID) -> Factors:
    codes = select(func.count()).where(RecoveryCode.identity_id == identity_id)
    keys = select(Passkey).where(Passkey.identity_id == identity_id).order_by(Passkey.id)
    return Factors(control.get(Totp, identity_id), list(control.scalars(keys)), control.scalar(codes) or 0)


def has(control: Session, identity_id: UUID) -> bool:
    """Whether this person has a second factor."""
    app = select(Totp.identity_id).where(Totp.identity_id == identity_id).exists()
    key = select(Passkey.id).where(Passkey.identity_id == identity_id).exists()
    return bool(control.scalar(select(or_(app, key))))


def check_demanded(database: Database, workspace: Workspace, member: Member) -> None:
    """Raises NeedsSecondFactor where the workspace asks this member for what they do not have. Who has no password
    either, since the workspace's single sign-on made them, shows a second factor to the provider."""
    must = MUST[workspace.second_factor]
    if must is not None and member.role not in must:
        return
    with database.controlling() as control:
        person = control.get(Person, member.identity_id)
        if not has(control, member.identity_id) and not (person and person.workspace_id == workspace.id):
            raise NeedsSecondFactor()


def check_code(database: Database, config: Settings, identity_id: UUID, code: str, field: str) -> None:
    """The code is the app's present one or a recovery code, and is used up. Raises Invalid, or locks.TooMany."""
    typed = re.sub(r"[\s-]", "", code).lower()[:100]
    attempt = locks.note_code(database, identity_id)
    if re.fullmatch(r"[0-9]{6}", typed):
        with database.controlling() as control:
            right = totp.accept(control, config, identity_id, typed)
    else:
        right = use_recovery_code(database, identity_id, typed)
    if not right:
        raise Invalid((field, _("This code is wrong, too old, or was used before.")))
    with database.controlling() as control:
        locks.forget_code(control, attempt)


def use_recovery_code(database: Database, identity_id: UUID, code: str) -> bool:
    with database.controlling() as control:
        kept = list(control.scalars(select(RecoveryCode).where(RecoveryCode.identity_id == identity_id)))
    place = passwords.matching(code, [one.hash for one in kept], CODES)
    if place is None:
        return False
    used = delete(RecoveryCode).where(RecoveryCode.id == kept[place].id).returning(RecoveryCode.id)
    with database.controlling() as control:
        return control.scalar(used) is not None


def set_up_app(
    database: Database, config: Settings, identity_id: UUID, secret: str, code: str, session_id: UUID
) -> list[str]:
    """The app that shows the proposed secret's code is the person's from now on. Returns as `first` does.

    Raises Invalid for the field `code`, or locks.TooMany.
    """
    attempt = locks.note_code(database, identity_id)
    with database.controlling() as control:
        if not totp.turn_on(control, config, identity_id, secret, re.sub(r"\s", "", code)[:100]):
            raise Invalid(("code", _("This is not the code that belongs to the picture. Take the one shown now.")))
        locks.forget_code(control, attempt)
        return first(control, identity_id, session_id)


def first(control: Session, identity_id: UUID, session_id: UUID) -> list[str]:
    """With the first factor: recovery codes, and other browsers, let in by the password alone, are logged out.

    Returns the codes, which are shown now and never again; none where there were some already.
    """
    if of_identity(control, identity_id).codes:
        return []
    sessions.end(control, identity_id, keep=session_id)
    return new_recovery_codes(control, identity_id)


def new_recovery_codes(control: Session, identity_id: UUID) -> list[str]:
    """Ten new ones in place of those that were left, as "abcde-fghjk"."""
    control.execute(delete(RecoveryCode).where(RecoveryCode.identity_id == identity_id))
    codes = ["".join(secrets.choice(LETTERS) for _place in range(LENGTH)) for _code in range(CODES)]
    control.add_all(RecoveryCode(identity_id=identity_id, hash=passwords.hashed(code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def remove_app(control: Session, identity_id: UUID) -> None:
    control.execute(delete(Totp).where(Totp.identity_id == identity_id))
    tidy(control, identity_id)


def remove_passkey(control: Session, identity_id: UUID, passkey_id: UUID) -> None:
    control.execute(delete(Passkey).where(Passkey.identity_id == identity_id, Passkey.id == passkey_id))
    tidy(control, identity_id)


def remove_all(control: Session, identity_id: UUID) -> None:
    control.execute(delete(Passkey).where(Passkey.identity_id == identity_id))
    remove_app(control, identity_id)


def tidy(control: Session, identity_id: UUID) -> None:
    """Without a factor there is nothing that recovery codes could stand in for."""
    if not has(control, identity_id):
        control.execute(delete(RecoveryCode).where(RecoveryCode.identity_id == identity_id))
