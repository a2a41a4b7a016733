"""Changes of members: what they do here, what role they have, and their leaving and coming back.

At least one owner is always active, and only an owner changes an owner. Nobody changes a member whose rights go beyond
their own. Who leaves is let in nowhere from the next request on, and their tokens open nothing; their records stay.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import func, select

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid
from core.jobs import Place, job, later
from tenants import roles, sessions
from tenants.directory import workspaces_of
from tenants.models import Department, Member, Membership, Role, Token

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def checked_hours(hours: dict[str, list[str]]) -> dict[str, list[str]]:
    for day, span in hours.items():
        well = day in DAYS and len(span) == 2 and all(HOUR.fullmatch(hour) for hour in span) and span[0] < span[1]
        if not well:
            raise ValueError(_("Write each day as from 08:00 to 16:30."))
    return {day: hours[day] for day in DAYS if day in hours}


class MemberFields(Input):
    position: Annotated[str, Field(max_length=100)] = ""
    phone: Annotated[str, Field(max_length=60)] = ""
    department_id: UUID | None = None
    manager_id: UUID | None = None
    working_hours: Annotated[dict[str, list[str]], AfterValidator(checked_hours)] = {}


ChangedMember = changes_of(MemberFields, "ChangedMember")


class OneMember(Input):
    id: UUID
    version: int | None = None


class GivenRole(OneMember):
    role_id: UUID


@action("member.edit", takes=ChangedMember)
def change(actor: Actor, data: Changes) -> Member:
    member = taken(actor, data.id, data.version)
    given = data.given()
    actor.linked(Department, given.get("department_id"), "department_id")
    actor.linked(Member, given.get("manager_id"), "manager_id", Member.state == "active")
    if given.get("manager_id") == member.id:
        raise Invalid(("manager_id", _("Nobody is their own manager.")))
    for name, value in given.items():
        setattr(member, name, value)
    return member


class Pictured(OneMember):
    photo_key: str | None
    photo_size: int = 0


@action("member.picture", right=("member", "view"))
def picture(actor: Actor, data: Pictured) -> Member:
    """A photo for the directory, or none: everybody their own, and of others who may edit them."""
    if data.id == actor.member.id:
        member = actor.take(Member, data.id, "view", data.version)
    else:
        actor.require(("member", "edit"))
        member = taken(actor, data.id, data.version)
    member.photo_key, member.photo_size = data.photo_key, data.photo_size
    return member


@action("member.give_role", right=("member", "edit"))
def give_role(actor: Actor, data: GivenRole) -> Member:
    member = taken(actor, data.id, data.version)
    role = roles.given_role(actor, data.role_id)
    if role.key != "owner":
        keep_an_owner(actor, member)
    member.role_id = role.id
    return member


@action("member.hand_over", right=("member", "edit"))
def hand_over(actor: Actor, data: OneMember) -> Member:
    """The member becomes an owner in the place of the actor, who is an administrator from now on."""
    if actor.member.role != "owner":
        raise Forbidden(_("Only an owner can hand the workspace over."))
    if data.id == actor.member.id:
        raise Invalid(("id", _("You are the owner already. Choose somebody else.")))
    following = taken(actor, data.id, data.version)
    if following.state != "active":
        raise Invalid(("id", _("%(name)s has left. Choose somebody who works here.", name=following.name)))
    former = actor.take(Member, actor.member.id, "edit")
    by_key = {role.key: role.id for role in actor.db.scalars(select(Role).where(Role.key.in_(("owner", "admin"))))}
    following.role_id, former.role_id = by_key["owner"], by_key["admin"]
    return following


@action("member.leave", right=("member", "edit"))
def leave(actor: Actor, data: OneMember) -> Member:
    """The member works here no more. What is theirs stays theirs until somebody takes it over."""
    member = taken(actor, data.id, data.version)
    if member.id == actor.member.id:
        raise Busy(_("You cannot remove yourself. Ask another administrator."))
    keep_an_owner(actor, member)
    if member.state == "active":
        member.state = "left"
        for token in actor.db.scalars(select(Token).where(Token.member_id == member.id, Token.deleted_at.is_(None))):
            token.deleted_at = actor.db.scalar(select(func.now()))
        later(actor.db, "member.shut_out", identity_id=member.identity_id)
    return member


@action("member.return", right=("member", "edit"))
def come_back(actor: Actor, data: OneMember) -> Member:
    member = taken(actor, data.id, data.version)
    if member.state == "restored":
        raise Busy(
            _("%(name)s came out of a backup. Send an invitation, and the records are theirs again.", name=member.name)
        )
    if member.state != "active":
        member.state = "active"
        later(actor.db, "member.let_in", identity_id=member.identity_id)
    return member


def taken(actor: Actor, member_id: UUID, version: int | None) -> Member:
    """A member to be changed. Raises Forbidden where their rights go beyond the actor's."""
    member = actor.take(Member, member_id, "edit", version)
    if member.role.key == "owner" and actor.member.role != "owner":
        raise Forbidden(_("Only an owner changes an owner."))
    roles.check_held(actor, member.role.rights)
    return member


def keep_an_owner(actor: Actor, member: Member) -> None:
    """Raises Busy where this is the last owner. The owners' role is held, so that two at once see each other."""
    owners = actor.db.scalar(select(Role.id).where(Role.key == "owner").with_for_update())
    if member.role_id != owners or member.state != "active":
        return
    others = select(func.count()).where(Member.role_id == owners, Member.state == "active", Member.id != member.id)
    if not actor.db.scalar(others):
        raise Busy(_("%(name)s is the last owner. Make somebody else an owner first.", name=member.name))


@job("member.shut_out", queue="urgent")
def shut_out(place: Place, identity_id: str) -> None:
    """Take the workspace out of the person's list; who has none left is logged out everywhere."""
    known, workspace = UUID(identity_id), place.here()
    with place.database.controlling() as control:
        membership = control.get(Membership, (known, workspace.id))
        if membership and not works_here(place, known):
            control.delete(membership)
            control.flush()
            if not workspaces_of(control, known):
                sessions.end(control, known)


@job("member.let_in", queue="urgent")
def let_in(place: Place, identity_id: str) -> None:
    known = UUID(identity_id)
    if works_here(place, known):
        with place.database.controlling() as control:
            control.merge(Membership(identity_id=known, workspace_id=place.here().id))


def works_here(place: Place, identity_id: UUID) -> bool:
    with place.database.workspace(place.here(), reading=True) as session:
        state = session.scalar(select(Member.state).where(Member.identity_id == identity_id))
    return state == "active"


def directory(actor: Actor) -> list[Any]:
    """Everybody who works or worked here with role and department, the active first, by name."""
    query = (
        actor.visible(
            Member,
            Member.id,
            Member.name,
            Member.email,
            Member.position,
            Member.phone,
            Member.photo_key,
            Member.state,
            Member.role_id,
            Member.manager_id,
            Member.working_hours,
            Department.name.label("department"),
        )
        .outerjoin(Department, Department.id == Member.department_id)
        .order_by(Member.state != "active", func.lower(Member.name), Member.id)
    )
    return list(actor.db.execute(query))
