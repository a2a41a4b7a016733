"""People who sign in: how an identity begins, is recognised and becomes the account of its e-mail address.

An address is only claimed until its owner opens the link sent there. Every sign-up therefore makes an identity of its
own, whoever else has named the same address, so that the answer is the same for a new address and a known one. One
identity at most has confirmed an address: that one is its account. Where the owner of an account has signed up again,
confirming moves the new workspaces into the account. Nobody can prepare an account on another's address and wait in
it: confirming takes the mail and also the password or session of the sign-up, and whoever has the mail alone sets a new
password, which ends everything older (tenants.credentials).

Whom a workspace's single sign-on or provisioning has made lives in that workspace alone. They count for nothing where
an address asks for its account: no password is tried on them, none is reset, and nothing is ever joined with them.
"""

from uuid import UUID

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from core.db import Database, Workspace
from core.errors import Refusal
from tenants import links, locks, members, passwords, sessions
from tenants.directory import workspaces_of
from tenants.models import MailedLink, Member, Person, Role

# Identities of one address that a password is tried on: the account and the newest claims. Always as many hashes are
# computed, so that the time tells nothing.
TRIED = 3


class WrongPassword(Refusal):
    """No such account, or another password: the same answer for both."""

    status = 422

    def __init__(self) -> None:
        super().__init__(_l("The e-mail or the password is wrong."))


def sign_up(control: Session, *, email: str, name: str, password: str, language: str, time_zone: str) -> Person:
    """A new identity that claims the address. The password has passed `passwords.check`."""
    person = Person(
        email=email.lower(), name=name, password_hash=passwords.hashed(password), language=language, time_zone=time_zone
    )
    control.add(person)
    control.flush()
    return person


def enrol(control: Session, *, email: str, name: str, password: str, language: str, time_zone: str) -> Person:
    """The account of the address; where there is none, a confirmed one with this password.

    For the command line, where the operator vouches for the address. Raises Invalid for a password that is too weak.
    """
    known = account_of(control, email)
    if known:
        return known
    passwords.check(password, (email, name))
    person = sign_up(control, email=email, name=name, password=password, language=language, time_zone=time_zone)
    person.confirmed_at = control.scalar(select(func.now()))
    control.flush()
    return person


def account_of(control: Session, email: str) -> Person | None:
    """Who has confirmed this address, if anybody."""
    return control.scalar(select(Person).where(*of_address(email), Person.confirmed_at.is_not(None)))


def owner_of(control: Session, email: str) -> Person | None:
    """Whom a forgotten password of this address means: its account, else the first who claimed it."""
    return control.scalar(
        select(Person).where(*of_address(email)).order_by(Person.confirmed_at.is_(None), Person.id).limit(1)
    )


def of_address(email: str) -> tuple[ColumnElement[bool], ...]:
    """Those who sign in with this address and a proof of their own."""
    return Person.email == email.lower(), Person.workspace_id.is_(None)


def resident(
    control: Session, workspace: Workspace, *, email: str, name: str, language: str = "", time_zone: str = ""
) -> Person:
    """The identity of this address that lives in the workspace alone; made where there is none. The workspace has
    proven the address's domain. There is no password, and none can be set."""
    lock_address(control, f"{workspace.id} {email.lower()}")
    known = control.scalar(select(Person).where(Person.workspace_id == workspace.id, Person.email == email.lower()))
    if known:
        return known
    person = Person(
        email=email.lower(), name=name, password_hash="", language=language or workspace.language,
        time_zone=time_zone or workspace.time_zone, workspace_id=workspace.id,
        confirmed_at=control.scalar(select(func.now())),
    )  # fmt: skip
    control.add(person)
    control.flush()
    return person


def sign_in(database: Database, email: str, password: str, address: str) -> Person:
    """Who has this e-mail and password. Raises WrongPassword, or locks.TooMany without looking at the password."""
    attempt = locks.note(database, email.lower(), address)
    person = recognise(database, email, password)
    if person is None:
        raise WrongPassword()
    with database.controlling() as control:
        locks.forget(control, attempt)
        if passwords.outdated(person.password_hash):
            control.merge(person).password_hash = passwords.hashed(password)
    return person


def returning(database: Database, email: str, password: str, address: str) -> Person | None:
    """Who signs up again with an e-mail and password they have already; None for everybody else.

    A wrong password for a known e-mail counts as at the log-in, so that this is no way around the locks.
    """
    with database.controlling() as control:
        known = owner_of(control, email) is not None
    try:
        if known:
            return sign_in(database, email, password, address)
    except WrongPassword:
        return None
    except locks.TooMany:
        pass
    passwords.matching(password, [], TRIED)
    return None


def recognise(database: Database, email: str, password: str) -> Person | None:
    """The identity with this e-mail whose password it is. Takes as long for an unknown e-mail as for a known one."""
    with database.controlling() as control:
        tried = list(
            control.scalars(
                select(Person)
                .where(*of_address(email))
                .order_by(Person.confirmed_at.is_(None), Person.id.desc())
                .limit(TRIED)
            )
        )
    place = passwords.matching(password, [person.password_hash for person in tried], TRIED)
    return None if place is None else tried[place]


def confirm(database: Database, link: MailedLink, session_id: UUID | None) -> Person:
    """The address is theirs who signed up with it: their other sessions and links end.

    Returns the account of the address, which is another identity where there was one already: the workspaces are in
    it now, and the identity that signed up is no more. Raises links.StaleLink.
    """
    with database.controlling() as control:
        lock_address(control, link.email)
        account = account_of(control, link.email)
        if account is None or account.id == link.identity_id:
            links.use(control, link)
            person = control.get_one(Person, link.identity_id)
            if person.email != link.email:
                raise links.StaleLink()
            person.confirmed_at = person.confirmed_at or control.scalar(select(func.now()))
            sessions.end(control, person.id, keep=session_id)
            return person
    hand_over(database, link, account)
    return account


def hand_over(database: Database, link: MailedLink, account: Person) -> None:
    """Move what the link's identity has into the account. What a crash leaves half done, the same link does again."""
    with database.controlling() as control:
        workspaces = workspaces_of(control, link.identity_id)
        for workspace in workspaces:
            members.enter_directory(control, account.id, workspace.id)
    for workspace in workspaces:
        with database.workspace(workspace) as session, session.begin():
            replace_member(session, link.identity_id, account)
    with database.controlling() as control:
        links.use(control, link)
        control.delete(control.get_one(Person, link.identity_id))


def replace_member(session: Session, identity_id: UUID, account: Person) -> None:
    """The account takes the identity's place in the session's workspace; as owner, if either was one."""
    former = session.scalar(select(Member).where(Member.identity_id == identity_id))
    present = session.scalar(select(Member).where(Member.identity_id == account.id))
    if former is None:
        return
    if present is None:
        former.identity_id, former.name = account.id, account.name
        former.language, former.time_zone = account.language, account.time_zone
        return
    if former.role.key == "owner":
        present.role_id = session.scalars(select(Role.id).where(Role.key == "owner")).one()
    former.state = "left"


def describe(database: Database, identity_id: UUID, *, name: str, language: str, time_zone: str) -> None:
    """The person's name, language and time zone, in the account and in every workspace."""
    copy_to_members(database, identity_id, name=name, language=language, time_zone=time_zone)
    with database.controlling() as control:
        person = control.get_one(Person, identity_id)
        person.name, person.language, person.time_zone = name, language, time_zone


def copy_to_members(database: Database, identity_id: UUID, **values: str) -> None:
    """Workspaces keep a copy of what they show of a person, since they may not look into the shared tables."""
    with database.controlling() as control:
        workspaces = workspaces_of(control, identity_id)
    for workspace in workspaces:
        with database.workspace(workspace) as session, session.begin():
            for member in session.scalars(select(Member).where(Member.identity_id == identity_id)):
                for key, value in values.items():
                    setattr(member, key, value)


def known_words(database: Database, person: Person) -> list[str]:
    """What others know of a person, and their password must not be made of."""
    with database.controlling() as control:
        workspaces = workspaces_of(control, person.id)
    return [person.email, person.name, *(word for space in workspaces for word in (space.name, space.slug))]


def lock_address(control: Session, email: str) -> None:
    """One at a time decides whose an address is."""
    control.execute(text("select pg_advisory_xact_lock(hashtext(:email))"), {"email": f"address {email}"})
