"""Provisioning: a provider keeps the list of members, by a key of its own (SCIM, RFC 7643 and 7644).

A key acts for the member who made it, with the rights that member has now, and ends with them. It makes people who live
in this workspace alone and whose address is of a proven domain; it changes the name, the role and whether somebody
works here; it never touches an owner, and makes none.

A key reads okno_scim_<workspace number>_<43 characters of 256 random bits><6 of a checksum>, as tokens do.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import bindparam, func, select, text, update

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.db import Database, database
from core.errors import Busy, Forbidden, Invalid
from core.ids import new_id
from core.limits import check_room
from core.people import EmailAddress
from tenants import arrivals, identities, members, roles, staff
from tenants.directory import locate_number
from tenants.entitlements import check_entitled
from tenants.members import WHO, actor_of
from tenants.models import Member, Person, Role
from tenants.sign_on_models import ScimToken
from tenants.tokens import NotSignedIn, checksum, hash_of

SHAPE = re.compile(r"okno_scim_(\d{1,12})_([A-Za-z0-9_-]{43})([0-9a-f]{6})")
MOST_TOKENS = 20


class NewToken(Input):
    name: Annotated[str, Field(min_length=1, max_length=80)]


class OneToken(Input):
    id: UUID


@action("scim_token.create", right=("settings", "edit"))
def create_token(actor: Actor, data: NewToken) -> tuple[ScimToken, str]:
    """A key. Its text is returned here and can never be shown again."""
    actor.require(("member", "create"))
    actor.require(("member", "edit"))
    check_entitled(actor.workspace, "single_sign_on")
    if len(tokens(actor)) >= MOST_TOKENS:
        raise Busy(_("A workspace has %(most)s keys at most. Revoke one first.", most=MOST_TOKENS))
    value = secrets.token_urlsafe(32)
    full = f"okno_scim_{actor.workspace.id}_{value}{checksum(value)}"
    token = ScimToken(member_id=actor.member.id, name=data.name, hash=hash_of(full), ending=full[-4:])
    actor.db.add(token)
    return token, full


@action("scim_token.revoke", right=("settings", "edit"))
def revoke_token(actor: Actor, data: OneToken) -> ScimToken:
    """The key opens nothing from now on."""
    token = actor.take(ScimToken, data.id, "edit")
    token.deleted_at = datetime.now(UTC)
    return token


def tokens(actor: Actor) -> list[ScimToken]:
    return list(actor.db.scalars(actor.visible(ScimToken).order_by(ScimToken.id.desc())))


BY_TOKEN = (
    WHO.join(ScimToken, ScimToken.member_id == Member.id)
    .where(ScimToken.hash == bindparam("known"), ScimToken.deleted_at.is_(None))
    .add_columns(
        (ScimToken.used_at.is_(None) | (ScimToken.used_at < func.now() - text("interval '1 hour'"))).label("unnoted")
    )
)


@contextmanager
def acting_provider(
    base: Database, given: str, request_id: str, address: str = "", *, reading: bool = False
) -> Iterator[Actor]:
    """The Actor behind a key: the member who made it. Raises NotSignedIn."""
    shape = SHAPE.fullmatch(given)
    workspace = locate_number(base, int(shape[1])) if shape and checksum(shape[2]) == shape[3] else None
    if workspace is None:
        raise NotSignedIn()
    with base.workspace(workspace, reading=reading) as session:
        row = session.connection().execute(BY_TOKEN, {"known": hash_of(given)}).first()
        if row is None:
            raise NotSignedIn()
        yield actor_of(row, workspace, session, "scim", request_id, address=address)
    if row.unnoted:
        with base.workspace(workspace) as session, session.begin():
            used = update(ScimToken).where(ScimToken.hash == hash_of(given))
            session.execute(used.values(used_at=func.now()))


class NewUser(Input):
    """`role` is a role's key, name or id; left out, the one that single sign-on gives to whom its map does not name."""

    email: EmailAddress
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Annotated[str | None, Field(max_length=100)] = None
    external_id: Annotated[str, Field(max_length=200)] = ""
    active: bool = True


class UserFields(Input):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Annotated[str, Field(max_length=100)]
    external_id: Annotated[str, Field(max_length=200)]
    active: bool


ChangedUser = changes_of(UserFields, "ChangedUser")


class Taken(Busy):
    """Somebody here has this address."""


@action("member.provision", right=("member", "create"))
def provision(actor: Actor, data: NewUser) -> Member:
    """Somebody new, without a password: they come in by single sign-on."""
    check_entitled(actor.workspace, "single_sign_on")
    email = data.email.lower()
    if arrivals.of_address(actor.db, email):
        raise Taken(_("%(email)s is in the list already.", email=email))
    if not arrivals.is_proven(actor.db, email):
        raise Invalid(("userName", _("The domain of this address is not proven in the workspace.")))
    role = wanted_role(actor, data.role)
    if data.active:
        check_room(actor.db, "users")
    with database().controlling() as control:
        person = identities.resident(control, actor.workspace, email=email, name=data.name)
        person.name = data.name
        members.enter_directory(control, person.id, actor.workspace.id)
    member = Member(
        id=new_id(), identity_id=person.id, name=data.name, email=email, role_id=role.id, state="active",
        language=person.language, time_zone=person.time_zone, external_id=data.external_id,
    )  # fmt: skip
    actor.db.add(member)
    actor.db.flush()
    if not data.active:
        staff.leave(actor, staff.OneMember(id=member.id))
    return member


@action("member.keep", right=("member", "edit"), takes=ChangedUser)
def keep(actor: Actor, data: Changes) -> Member:
    """Change what the provider knows of somebody: only what was sent."""
    member = within_reach(actor, data.id, data.version)
    given = data.given()
    if "name" in given and given["name"] != member.name:
        rename(actor, member, given["name"])
    if "external_id" in given:
        member.external_id = given["external_id"]
    if "role" in given:
        role = wanted_role(actor, given["role"])
        if role.id != member.role_id:
            staff.give_role(actor, staff.GivenRole(id=member.id, role_id=role.id))
    if "active" in given:
        set_active(actor, member, given["active"])
    return member


def within_reach(actor: Actor, member_id: UUID, version: int | None = None) -> Member:
    """The member, locked. Raises NotFound, Forbidden for an owner and for rights beyond the key's."""
    member = staff.taken(actor, member_id, version)
    if member.role.key == "owner":
        raise Forbidden(_("An owner is changed by an owner alone, never by a provider."))
    return member


def set_active(actor: Actor, member: Member, active: bool) -> None:
    if active and member.state != "active":
        staff.come_back(actor, staff.OneMember(id=member.id))
    elif not active and member.state == "active":
        staff.leave(actor, staff.OneMember(id=member.id))


def rename(actor: Actor, member: Member, name: str) -> None:
    """In this workspace; in the identity too where it lives here alone."""
    member.name = name
    with database().controlling() as control:
        person = control.get(Person, member.identity_id)
        if person and person.workspace_id == actor.workspace.id:
            person.name = name


def wanted_role(actor: Actor, named: str | None) -> Role:
    """The role of this name, key or id. Raises Invalid for none, Forbidden for one that the key cannot give."""
    if named is None:
        connection = arrivals.present(actor.db)
        role = arrivals.default_role(actor.db, connection) if connection else None
    else:
        said = named.casefold()
        role = next(
            (
                role
                for role in roles.all_roles(actor)
                if said in (role.key or "", roles.called(role).casefold(), str(role.id))
            ),
            None,
        )
    if role is None:
        raise Invalid(("roles", _("There is no such role. Choose another.")))
    if role.key == "owner":
        raise Forbidden(_("Nobody becomes an owner by a provider's word."))
    return roles.given_role(actor, role.id, "roles")


def find(actor: Actor, member_id: UUID | None) -> Member:
    """One member. Raises NotFound."""
    return actor.find(Member, member_id)


def listed(
    actor: Actor, *, start: int, count: int, email: str | None = None, external_id: str | None = None
) -> tuple[int, list[Member]]:
    """How many there are in all, and those from the `start`-th on (the first is 1), in the order they joined."""
    query: Any = actor.visible(Member)
    if email is not None:
        query = query.where(func.lower(Member.email) == email.lower())
    if external_id is not None:
        query = query.where(Member.external_id == external_id)
    total = actor.db.scalar(select(func.count()).select_from(query.subquery())) or 0
    page = query.order_by(Member.id).offset(start - 1).limit(count)
    return total, list(actor.db.scalars(page)) if count else []
