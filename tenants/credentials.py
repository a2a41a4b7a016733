"""What opens an account and how it is changed: password, e-mail address, sessions, tokens.

Every change is paid for with the present password, or with a link sent to the address; it ends what was open before.
"""

from datetime import UTC, datetime
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.db import Database
from core.errors import Invalid
from core.ids import new_id
from tenants import devices, factors, identities, links, locks, passwords, sessions
from tenants.directory import workspaces_of
from tenants.models import MailedLink, Member, Person, Token


def prove(database: Database, identity_id: UUID, password: str, address: str, field: str) -> Person:
    """The person, who has just given the present password. Raises Invalid for the field, or locks.TooMany."""
    with database.controlling() as control:
        person = control.get_one(Person, identity_id)
    attempt = locks.note(database, person.email, address)
    if passwords.matching(password, [person.password_hash], 1) is None:
        raise Invalid((field, _("This is not your present password.")))
    with database.controlling() as control:
        locks.forget(control, attempt)
    return person


def change_password(control: Session, person: Person, password: str, session_id: UUID) -> None:
    """A new password that has passed `passwords.check`; all sessions but this one end, and all links."""
    control.merge(person).password_hash = passwords.hashed(password)
    sessions.end(control, person.id, keep=session_id)
    links.void(control, person.id)


def reset_password(database: Database, link: MailedLink, password: str) -> Person:
    """A new password by the link sent to the address, which confirms the address too; every session ends.

    The second factor stays and is asked for at the next log-in. But who had not confirmed before may have found an
    account that somebody else prepared: its tokens, passkeys and app end as well.
    Raises links.StaleLink, Invalid for a weak password.
    """
    with database.controlling() as control:
        person = control.get_one(Person, link.identity_id)
    passwords.check(password, identities.known_words(database, person))
    if person.confirmed_at is None:
        revoke_tokens(database, person.id)
    kept = passwords.hashed(password)
    with database.controlling() as control:
        identities.lock_address(control, link.email)
        account = identities.account_of(control, link.email)
        links.use(control, link)
        person = control.get_one(Person, link.identity_id)
        if person.email != link.email or (account and account.id != person.id):
            raise links.StaleLink()
        if person.confirmed_at is None:
            factors.remove_all(control, person.id)
            devices.forget(control, person)
        person.password_hash = kept
        person.confirmed_at = person.confirmed_at or control.scalar(select(func.now()))
        sessions.end(control, person.id)
        locks.forgive(control, person.email)
        return person


def ask_for_email(control: Session, person: Person, email: str) -> MailedLink:
    """A link for the new address. Whether somebody has an account there is told to the new address alone."""
    if email.lower() == person.email:
        raise Invalid(("email", _("This is your address already.")))
    links.void(control, person.id)
    return links.make(control, "email", person, email.lower(), new_id())


def change_email(database: Database, link: MailedLink, session_id: UUID | None) -> tuple[Person, str]:
    """The address the link was sent to is the account's from now on, and confirmed; other sessions end.

    Returns the person and the former address, or "" where that had never been confirmed. Raises links.StaleLink,
    Invalid where the address has an account of its own.
    """
    with database.controlling() as control:
        check_free(control, link.email)
    identities.copy_to_members(database, link.identity_id, email=link.email)
    with database.controlling() as control:
        identities.lock_address(control, link.email)
        check_free(control, link.email)
        links.use(control, link)
        person = control.get_one(Person, link.identity_id)
        former = person.email if person.confirmed_at else ""
        person.email = link.email
        person.confirmed_at = person.confirmed_at or control.scalar(select(func.now()))
        sessions.end(control, person.id, keep=session_id)
        return person, former


def check_free(control: Session, email: str) -> None:
    if identities.account_of(control, email):
        raise Invalid(("", _("This address has an account of its own. Log in there, or choose another address.")))


def revoke_tokens(database: Database, identity_id: UUID) -> None:
    """No token that this person made, in any workspace, opens anything from now on."""
    with database.controlling() as control:
        workspaces = workspaces_of(control, identity_id)
    theirs = select(Member.id).where(Member.identity_id == identity_id).scalar_subquery()
    for workspace in workspaces:
        with database.workspace(workspace) as session, session.begin():
            session.execute(
                update(Token)
                .where(Token.member_id == theirs, Token.deleted_at.is_(None))
                .values(deleted_at=datetime.now(UTC))
            )
