"""Who comes into a workspace by its single sign-on: from what the provider said to a member of this workspace.

The key is (connection, issuer, subject) and leads to a member of this workspace, so a provider can mean nobody
elsewhere, whatever it says. An address leads to nobody's account: who is a member already links the provider's account
from inside their own session. Somebody new becomes a member where the workspace has proven the domain of their address
and its roles say which they get; they live in this workspace alone. So do those whom provisioning has made: they have
no session of their own, and the first account of the provider with their address is theirs, once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.settings import Settings
from core import events
from core.access import Circle
from core.actions import Input, action
from core.actor import Actor
from core.actor import Member as Acting
from core.db import Database, Workspace
from core.errors import Busy, Forbidden
from core.full import LimitReached
from core.ids import new_id
from core.limits import check_room
from core.sealing import unseal
from tenants import identities, members, staff
from tenants.models import Member, Person, Role
from tenants.provider import Said, SignOnFailed
from tenants.sign_on_models import Connection, Domain, Link
from tenants.trips import Offer

SEALED = "single sign-on"


class Unlinked(Exception):
    """Somebody here has this address and has not linked it: they log in as before, then confirm the link."""


@dataclass(frozen=True)
class Way:
    """A connection as the log-in needs it."""

    id: UUID
    issuer: str
    client_id: str
    secret: bytes
    button: str

    def open_secret(self, config: Settings, workspace: Workspace) -> str:
        return unseal(config, SEALED, self.secret, whose(workspace)).decode()


def whose(workspace: Workspace) -> bytes:
    """A sealed secret opens in its own workspace and column alone."""
    return f"{workspace.id} connection.secret".encode()


def present(session: Session) -> Connection | None:
    """The connection of the session's workspace."""
    return session.scalar(select(Connection).where(Connection.deleted_at.is_(None)))


def way(database: Database, workspace: Workspace) -> Way | None:
    with database.workspace(workspace, reading=True) as session:
        found = present(session)
    return Way(found.id, found.issuer, found.client_id, found.secret, found.button) if found else None


def linked(database: Database, workspace: Workspace, connection_id: UUID, said: Said) -> UUID | None:
    """The identity of whom this account of the provider is linked with, if anybody; nothing is changed."""
    with database.workspace(workspace, reading=True) as session:
        link = link_of(session, connection_id, said)
        return session.get_one(Member, link.member_id).identity_id if link else None


def arrive(database: Database, workspace: Workspace, connection_id: UUID, said: Said, address: str) -> UUID:
    """The identity of the member whom the provider means. Raises Unlinked, SignOnFailed."""
    try:
        return arrived(database, workspace, connection_id, said, address)
    except LimitReached:
        raise SignOnFailed(
            "every seat is taken", _("Every seat of the workspace is taken. Ask an owner of it for a larger plan.")
        ) from None


def arrived(database: Database, workspace: Workspace, connection_id: UUID, said: Said, address: str) -> UUID:
    with database.workspace(workspace) as session, session.begin():
        connection = locked(session, connection_id)
        link = link_of(session, connection.id, said)
        if link:
            return returning(session, workspace, connection, link, said, address)
        member = of_address(session, said.email)
        if member:
            return adopted(database, session, workspace, connection, member, said, address)
        role = welcome(session, connection, said)
        return joined(database, session, workspace, connection, said, role, address)


def locked(session: Session, connection_id: UUID) -> Connection:
    """The connection, so that two first arrivals come one after the other. Raises SignOnFailed where it was revoked
    meanwhile."""
    found = session.scalar(
        select(Connection).where(Connection.id == connection_id, Connection.deleted_at.is_(None)).with_for_update()
    )
    if found is None:
        raise SignOnFailed("the connection is gone", _("The workspace has changed its single sign-on. Start again."))
    return found


def link_of(session: Session, connection_id: UUID, said: Said | Offer) -> Link | None:
    return session.scalar(
        select(Link).where(
            Link.connection_id == connection_id, Link.issuer == said.issuer, Link.subject == said.subject,
            Link.deleted_at.is_(None),
        )
    )  # fmt: skip


def returning(
    session: Session, workspace: Workspace, connection: Connection, link: Link, said: Said, address: str
) -> UUID:
    member = session.get_one(Member, link.member_id)
    check_active(member)
    role = role_of(session, connection, said)
    if role and role.id != member.role_id and member.role.key != "owner":
        with events.watched(actor_of(workspace, session, member, address), "member.give_role"):
            member.role_id = role.id
    return member.identity_id


def check_active(member: Member) -> None:
    if member.state != "active" or member.deleted_at:
        raise SignOnFailed("the member has left", _("You do not work here any more. Ask an administrator."))


def of_address(session: Session, email: str) -> Member | None:
    """The member with this address, one who works here rather than one who left."""
    if not email:
        return None
    same = select(Member).where(func.lower(Member.email) == email).order_by(Member.state != "active", Member.id)
    return session.scalars(same.limit(1)).first()


def adopted(
    database: Database, session: Session, workspace: Workspace, connection: Connection, member: Member, said: Said,
    address: str,
) -> UUID:  # fmt: skip
    """A member with the address is there. Theirs is the provider's account if provisioning made them and nobody has
    come for them yet. Raises Unlinked for one with an account of their own."""
    check_active(member)
    with database.controlling() as control:
        person = control.get(Person, member.identity_id)
    if person is None or person.workspace_id != workspace.id:
        raise Unlinked()
    if session.scalar(select(Link.id).where(Link.member_id == member.id, Link.deleted_at.is_(None))):
        raise SignOnFailed(
            "another account of the provider has this address",
            _("Another account of the provider was linked with this address. Ask an administrator to release it."),
        )
    check_proven(session, said)
    with events.watched(actor_of(workspace, session, member, address), "link.create"):
        add_link(session, connection.id, said, member.id)
    return member.identity_id


def welcome(session: Session, connection: Connection, said: Said) -> Role:
    """The role of somebody new. Raises SignOnFailed where they are not to be let in."""
    check_proven(session, said)
    role = role_of(session, connection, said) or default_role(session, connection)
    if role is None:
        raise SignOnFailed("no role", _("You have no role here yet. Ask an administrator to give you one."))
    return role


def check_proven(session: Session, said: Said) -> None:
    if not is_proven(session, said.email):
        raise SignOnFailed(
            "the domain is not proven",
            _("Nobody here has this address, and its domain is not one that brings people in. Ask for an invitation."),
        )


def is_proven(session: Session, email: str) -> bool:
    domain = domain_of(email)
    proven = select(Domain.id).where(Domain.name == domain, Domain.proven_at.is_not(None), Domain.deleted_at.is_(None))
    return bool(domain) and session.scalar(proven) is not None


def domain_of(email: str) -> str:
    """The domain of an address as the DNS has it; none where there is none."""
    try:
        return email.rpartition("@")[2].encode("idna").decode().lower() if "@" in email else ""
    except UnicodeError:
        return ""


def role_of(session: Session, connection: Connection, said: Said) -> Role | None:
    """The role of the first line of the map that fits; a line whose role is gone fits nobody."""
    values = set(said.values(connection.role_claim))
    for line in connection.role_map:
        if line["value"] in values:
            role = living_role(session, line["role_id"])
            if role:
                return role
    return None


def default_role(session: Session, connection: Connection) -> Role | None:
    return living_role(session, connection.default_role_id)


def living_role(session: Session, role_id: Any) -> Role | None:
    """The role, unless it is gone; nobody becomes an owner by a map."""
    if role_id is None:
        return None
    role = session.get(Role, UUID(str(role_id)))
    return role if role and role.deleted_at is None and role.key != "owner" else None


def joined(
    database: Database, session: Session, workspace: Workspace, connection: Connection, said: Said, role: Role,
    address: str,
) -> UUID:  # fmt: skip
    """Somebody new, who lives in this workspace alone. Raises LimitReached where every seat is taken."""
    check_room(session, "users")
    with database.controlling() as control:
        name = said.name or said.email.partition("@")[0]
        person = identities.resident(control, workspace, email=said.email, name=name)
        members.enter_directory(control, person.id, workspace.id)
    member = Member(
        id=new_id(), identity_id=person.id, name=person.name, email=person.email, state="active", role_id=role.id,
        language=person.language, time_zone=person.time_zone,
    )  # fmt: skip
    with events.watched(actor_of(workspace, session, member, address), "member.join"):
        session.add(member)
        session.flush()
        add_link(session, connection.id, said, member.id)
    return person.id


def actor_of(workspace: Workspace, session: Session, member: Member, address: str) -> Actor:
    """Who arrives acts for themselves, and may do nothing yet."""
    who = Acting(member.id, member.identity_id, member.name, member.email, "", member.language, member.time_zone)
    return Actor(workspace, who, {}, Circle(member.id), {}, session, "page", address=address)


def add_link(session: Session, connection_id: UUID, said: Said | Offer, member_id: UUID) -> None:
    """The link, in the place of a released one of the same account."""
    released = session.scalar(
        select(Link).where(
            Link.connection_id == connection_id, Link.issuer == said.issuer, Link.subject == said.subject
        )
    )
    link = released or Link(connection_id=connection_id, issuer=said.issuer, subject=said.subject)
    link.member_id, link.deleted_at = member_id, None
    session.add(link)


def link(database: Database, workspace: Workspace, identity_id: UUID, offer: Offer, address: str) -> None:
    """The member, in a session of their own, has confirmed that the provider's account is theirs. Raises Busy where it
    is somebody else's by now, NotAMember."""
    with (
        members.acting_identity(database, workspace, identity_id, "page", address=address) as actor,
        actor.transaction(),
        events.watched(actor, "link.create"),
    ):
        connection = locked(actor.db, offer.connection_id)
        taken = link_of(actor.db, connection.id, offer)
        if taken and taken.member_id != actor.member.id:
            raise Busy(_("This account of the provider is linked with somebody else here."))
        if taken is None:
            add_link(actor.db, connection.id, offer, actor.member.id)


class OneLink(Input):
    id: UUID


@action("link.release", right=("member", "edit"))
def release(actor: Actor, data: OneLink) -> Link:
    """The provider's account opens nothing here any more, until it is linked anew."""
    found = actor.take(Link, data.id, "edit")
    staff.taken(actor, found.member_id, None)
    found.deleted_at = datetime.now(UTC)
    return found


class Former(Input):
    """All links of providers that the workspace has no more."""


@action("link.release_former", right=("member", "edit"), takes=Former)
def release_former(actor: Actor, _data: Former) -> int:
    """After a change of the provider: each person's next log-in by their address is linked anew. Returns how many;
    those whose rights go beyond the actor's stay for somebody else."""
    released = 0
    for link in former_links(actor):
        try:
            staff.taken(actor, link.member_id, None)
        except Forbidden:
            continue
        link.deleted_at = datetime.now(UTC)
        released += 1
    return released


def former_links(actor: Actor) -> list[Link]:
    present_one = present(actor.db)
    query = actor.visible(Link)
    if present_one:
        query = query.where((Link.connection_id != present_one.id) | (Link.issuer != present_one.issuer))
    return list(actor.db.scalars(query.order_by(Link.id)))


def links(actor: Actor) -> list[tuple[Link, str, str]]:
    """Who comes by single sign-on: (link, name, e-mail)."""
    query = (
        select(Link, Member.name, Member.email)
        .join(Member, Member.id == Link.member_id)
        .where(Link.deleted_at.is_(None), actor.reach(Link))
        .order_by(func.lower(Member.name), Link.id)
        .limit(500)
    )
    return [(row[0], row[1], row[2]) for row in actor.db.execute(query)]
