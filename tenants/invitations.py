"""Invitations: an e-mail address may join a workspace with a role, by a link sent there.

The link reads <workspace's number>-<invitation's number><signature>. It opens one workspace for one address, once,
within a week. Whoever holds it has read the mail: joining with an account of another address is refused, and who has no
account yet makes one, whose address is confirmed by the link itself.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from config.settings import Settings
from core import events
from core.access import Circle
from core.actions import Input, action
from core.actor import Actor
from core.actor import Member as Acting
from core.db import Database, Workspace
from core.errors import Busy, Forbidden, Invalid
from core.full import LimitReached
from core.ids import new_id
from core.jobs import later
from core.limits import check_room, count, standing
from core.people import EmailAddress
from core.signing import sign, signed
from tenants import identities, members, passwords, roles
from tenants.directory import locate_number
from tenants.links import StaleLink
from tenants.models import Department, Invitation, Member, Person, Role

LIFE = timedelta(days=7)
MOST = 100  # addresses in one form
DAILY = 200  # letters a workspace may cause in a day
SHAPE = re.compile(r"(\d{1,12})-([0-9a-f]{32})([A-Za-z0-9_-]{43})")
SEND = "invitation.send"


class Invited(Input):
    emails: Annotated[list[EmailAddress], Field(min_length=1, max_length=MOST)]
    role_id: UUID
    department_id: UUID | None = None


class OneInvitation(Input):
    id: UUID


@action("invitation.create", right=("member", "create"))
def invite(actor: Actor, data: Invited) -> list[Invitation]:
    """One for each address. Somebody who is invited already gets the new role and a new letter."""
    if not actor.confirmed:
        raise Forbidden(_("Confirm your e-mail address first: then you can invite colleagues."))
    role = roles.given_role(actor, data.role_id)
    actor.linked(Department, data.department_id, "department_id")
    wanted = list(dict.fromkeys(email.lower() for email in data.emails))
    here = select(Member.email).where(func.lower(Member.email).in_(wanted), Member.state == "active")
    already = actor.db.scalars(here).first()
    if already:
        raise Invalid(("emails", _("%(email)s works here already.", email=already)))
    check_daily(actor, len(wanted))
    check_seats(actor, wanted)
    return [invited(actor, email, role, data.department_id) for email in wanted]


@action("invitation.resend", right=("member", "create"))
def resend(actor: Actor, data: OneInvitation) -> Invitation:
    """The same link once more, for another week."""
    found = taken(actor, data.id)
    check_daily(actor, 1)
    send_letter(actor, found)
    return found


@action("invitation.withdraw", right=("member", "create"))
def withdraw(actor: Actor, data: OneInvitation) -> Invitation:
    """Its link opens nothing from now on."""
    found = taken(actor, data.id)
    found.deleted_at = datetime.now(UTC)
    return found


def invited(actor: Actor, email: str, role: Role, department_id: UUID | None) -> Invitation:
    waiting = select(Invitation).where(Invitation.email == email, pending()).with_for_update()
    found = actor.db.scalar(waiting)
    if found is None:
        found = Invitation(id=new_id(), email=email, sent=0)
        actor.db.add(found)
    with actor.db.no_autoflush:
        found.role_id, found.department_id, found.invited_by_id = role.id, department_id, actor.member.id
        send_letter(actor, found)
    return found


def send_letter(actor: Actor, found: Invitation) -> None:
    """The letter by a job, and another week for its link."""
    found.sent += 1
    found.expires_at = datetime.now(UTC) + LIFE
    count(actor.db, "mails", 1)
    later(actor.db, SEND, invitation_id=found.id, number=found.sent)


def check_seats(actor: Actor, wanted: list[str]) -> None:
    """Raises LimitReached where those who work here, those invited and the new ones together would not fit. Whoever
    comes in at last is counted then; here nobody shall be invited to a closed door."""
    seats = standing(actor.db, "users")
    if seats is None or seats.cap is None:
        return
    open_ones = select(func.count()).select_from(Invitation).where(pending(), Invitation.expires_at > func.now())
    others = actor.db.scalar(open_ones.where(Invitation.email.not_in(wanted))) or 0
    if seats.value + others + len(wanted) > seats.cap:
        raise LimitReached("users", seats.value, seats.cap, len(wanted), others)


def taken(actor: Actor, invitation_id: UUID) -> Invitation:
    """An invitation that is still open. Raises NotFound, Busy, Forbidden."""
    found = actor.take(Invitation, invitation_id, "create")
    if found.accepted_at:
        raise Busy(_("%(email)s has joined already.", email=found.email))
    role = actor.db.get_one(Role, found.role_id)
    roles.check_held(actor, role.rights)
    return found


def check_daily(actor: Actor, more: int) -> None:
    today = select(func.coalesce(func.sum(Invitation.sent), 0)).where(
        Invitation.updated_at > func.now() - text("interval '1 day'")
    )
    if (actor.db.scalar(today) or 0) + more > DAILY:
        raise Busy(_("A workspace can send %(daily)s invitations a day. Go on tomorrow.", daily=DAILY))


def pending() -> ColumnElement[bool]:
    return Invitation.deleted_at.is_(None) & Invitation.accepted_at.is_(None)


def waiting(actor: Actor) -> list[Invitation]:
    """Those not yet accepted, the newest first."""
    return list(actor.db.scalars(actor.visible(Invitation).where(pending()).order_by(Invitation.id.desc())))


def address(config: Settings, workspace: Workspace, invitation: Invitation) -> str:
    """The URL to put into the mail."""
    return (
        f"{config.url}/invite/{named(workspace, invitation)}{sign(config, 'invitation', said(workspace, invitation))}"
    )


def named(workspace: Workspace, invitation: Invitation) -> str:
    return f"{workspace.id}-{invitation.id.hex}"


def said(workspace: Workspace, invitation: Invitation) -> str:
    return f"{named(workspace, invitation)} {invitation.email}"


@dataclass(frozen=True)
class Opened:
    """An invitation as its link shows it, and the account its address has already, if any."""

    workspace: Workspace
    invitation: Invitation
    role: str
    inviter: str
    account: Person | None


def find(database: Database, link: str, config: Settings) -> Opened:
    """What a link opens. Raises StaleLink for one that is unknown, used, withdrawn, too old, or whose inviter left."""
    shape = SHAPE.fullmatch(link)
    workspace = locate_number(database, int(shape[1])) if shape else None
    if shape is None or workspace is None:
        raise StaleLink()
    with database.workspace(workspace, reading=True) as session:
        invitation = usable(session, UUID(shape[2]))
        if not signed(config, "invitation", said(workspace, invitation), shape[3]):
            raise StaleLink()
        role = session.get_one(Role, invitation.role_id)
        inviter = session.get_one(Member, invitation.invited_by_id)
    with database.controlling() as control:
        account = identities.account_of(control, invitation.email)
    return Opened(workspace, invitation, roles.called(role), inviter.name, account)


def usable(session: Session, invitation_id: UUID, *, lock: bool = False) -> Invitation:
    query = (
        select(Invitation)
        .join(Member, Member.id == Invitation.invited_by_id)
        .where(Invitation.id == invitation_id, pending(), Invitation.expires_at > func.now(), Member.state == "active")
    )
    found = session.scalar(query.with_for_update(of=Invitation) if lock else query)
    if found is None:
        raise StaleLink()
    return found


def enrol(database: Database, opened: Opened, name: str, password: str) -> Person:
    """A new account of the invited address, confirmed by the link. Raises Invalid for a weak password, StaleLink where
    the address got an account meanwhile."""
    email = opened.invitation.email
    passwords.check(password, (email, name, opened.workspace.name))
    language, zone = opened.workspace.language, opened.workspace.time_zone
    with database.controlling() as control:
        identities.lock_address(control, email)
        if identities.account_of(control, email):
            raise StaleLink()
        person = identities.sign_up(
            control, email=email, name=name, password=password, language=language, time_zone=zone
        )
        person.confirmed_at = control.scalar(select(func.now()))
    return person


def check_seat(database: Database, opened: Opened) -> None:
    """Raises LimitReached where there is no seat for whom the invitation is meant: asked before an account is made."""
    with database.workspace(opened.workspace, reading=True) as session:
        check_room(session, "users")


def accept(database: Database, opened: Opened, person: Person, address: str) -> None:
    """The person works in the workspace from now on. Raises StaleLink where the invitation was used or withdrawn
    meanwhile, Forbidden for a person of another address, LimitReached where every seat is taken."""
    if person.email != opened.invitation.email or person.confirmed_at is None:
        raise Forbidden(_("This invitation is for %(email)s.", email=opened.invitation.email))
    workspace = opened.workspace
    with database.workspace(workspace) as session, session.begin():
        invitation = usable(session, opened.invitation.id, lock=True)
        member = members.of_identity(session, person.id) or members.restored(session, person.email)
        member_id = member.id if member else new_id()
        who = Acting(member_id, person.id, person.name, person.email, "", person.language, person.time_zone)
        actor = Actor(workspace, who, {}, Circle(member_id), {}, session, "page", address=address)
        with events.watched(actor, "member.join"):
            if member is None:
                member = Member(id=member_id, language=person.language)
                member.time_zone = person.time_zone
                session.add(member)
            member.identity_id, member.name, member.email = person.id, person.name, person.email
            member.state = "active"
            member.role_id, member.department_id = invitation.role_id, invitation.department_id
            invitation.accepted_at = datetime.now(UTC)
    with database.controlling() as control:
        members.enter_directory(control, person.id, workspace.id)
