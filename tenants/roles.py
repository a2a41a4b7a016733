"""Roles: what a group of members may do, and who gains and who loses by a change.

Nobody can give a right that they lack, by a role or by a change of one. The role of owners is complete and stays so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import AfterValidator, Field
from sqlalchemy import func, select

from core.access import (
    FIELDS,
    ROLES,
    SCOPES,
    SPECIAL,
    VERBS,
    WORK,
    FieldRule,
    FieldRules,
    Right,
    Rights,
    Scope,
    rights_of,
    scopes_in,
    seeing_more,
    wider,
)
from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid
from tenants.entitlements import check_entitled
from tenants.models import Invitation, Member, Role

READY_MADE: dict[str, Any] = {
    "owner": _l("Owner"),
    "admin": _l("Administrator"),
    "head": _l("Head of department"),
    "sales": _l("Sales"),
    "field": _l("Field worker"),
    "reader": _l("Read-only"),
}


def declared(matrix: dict[str, dict[str, Scope]]) -> dict[str, dict[str, Scope]]:
    for kind, verbs in matrix.items():
        if kind not in WORK or not verbs.keys() <= set(VERBS[kind]):
            raise ValueError(_("There is no such right: %(kind)s.", kind=kind))
    return matrix


def declared_special(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in SPECIAL]
    if unknown:
        raise ValueError(_("There is no such right: %(kind)s.", kind=unknown[0]))
    return names


def declared_fields(rules: dict[str, dict[str, FieldRule]]) -> dict[str, dict[str, FieldRule]]:
    for kind, fields in rules.items():
        unknown = fields.keys() - set(FIELDS.get(kind, ()))
        if unknown:
            raise ValueError(_("There is no such field: %(field)s.", field=f"{kind}.{min(unknown)}"))
    return {kind: fields for kind, fields in rules.items() if fields}


class RoleFields(Input):
    """`matrix` is {kind: {verb: scope}}; what it leaves out is none. `special` names the rest (core.access.SPECIAL).
    `fields` is {kind: {field: rule}} for the fields that are not open."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    matrix: Annotated[dict[str, dict[str, Scope]], AfterValidator(declared)]
    special: Annotated[list[str], Field(max_length=len(SPECIAL)), AfterValidator(declared_special)] = []
    fields: Annotated[dict[str, dict[str, FieldRule]], AfterValidator(declared_fields)] = {}


ChangedRole = changes_of(RoleFields, "ChangedRole")


class OneRole(Input):
    id: UUID
    version: int | None = None


class DeletedRole(OneRole):
    to_role_id: Annotated[UUID | None, Field(description="The role that its members get.")] = None


@action("role.create")
def create(actor: Actor, data: RoleFields) -> Role:
    role = Role(name=data.name)
    set_rights(actor, role, rights_of(data.matrix, data.special))
    set_fields(actor, role, data.fields)
    check_name(actor, role)
    actor.db.add(role)
    return role


@action("role.edit", takes=ChangedRole)
def change(actor: Actor, data: Changes) -> Role:
    role = taken(actor, data.id, "edit", data.version)
    given = data.given()
    if "name" in given and given["name"] != called(role):
        role.name = given["name"]
        check_name(actor, role)
    if given.keys() & {"matrix", "special"}:
        matrix, special = matrix_of(role.rights), special_of(role.rights)
        set_rights(actor, role, rights_of(given.get("matrix", matrix), given.get("special", special)))
    if "fields" in given:
        set_fields(actor, role, given["fields"])
    return role


@action("role.delete")
def delete(actor: Actor, data: DeletedRole) -> Role:
    """Its members, and those invited with it, get the role `to_role_id`."""
    role = taken(actor, data.id, "delete", data.version)
    members = list(actor.db.scalars(select(Member).where(Member.role_id == role.id)))
    invited = list(actor.db.scalars(select(Invitation).where(Invitation.role_id == role.id)))
    if members or invited:
        if data.to_role_id is None or data.to_role_id == role.id:
            raise Invalid(("to_role_id", _("Say which role its members get.")))
        following = given_role(actor, data.to_role_id, "to_role_id")
        for member in members:
            member.role_id = following.id
        for invitation in invited:
            invitation.role_id = following.id
    role.deleted_at = actor.db.scalar(select(func.now()))
    return role


def taken(actor: Actor, role_id: UUID, verb: str, version: int | None) -> Role:
    """A role to be changed. The owners' cannot be; nor one with rights that the actor lacks."""
    role = actor.take(Role, role_id, verb, version)
    if role.key == "owner":
        raise Busy(_("The owners' role has every right, and keeps them."))
    check_held(actor, role.rights)
    check_seen(actor, role.fields)
    return role


def set_rights(actor: Actor, role: Role, rights: dict[str, dict[str, Scope]]) -> None:
    check_held(actor, rights)
    role.rights, role.scopes = rights, scopes_in(rights)


def set_fields(actor: Actor, role: Role, fields: FieldRules) -> None:
    check_seen(actor, fields)
    if seeing_more(role.fields or {}, fields):  # opening what is closed is part of every plan
        check_entitled(actor.workspace, "field_rights")
    role.fields = {kind: dict(rules) for kind, rules in fields.items()}


def check_seen(actor: Actor, fields: FieldRules) -> None:
    """Raises Forbidden where these rules show fields that the actor may not see, or open what they may not change."""
    open_ones = seeing_more(fields, actor.fields)
    if open_ones:
        said = ", ".join(f"{kind}.{name}" for kind, name in open_ones[:5])
        raise Forbidden(_("You cannot give what you may not do yourself: %(rights)s.", rights=said))


def check_held(actor: Actor, rights: Rights) -> None:
    """Raises Forbidden where these go beyond what the actor may do."""
    missing = wider(rights, actor.rights)
    if missing:
        said = ", ".join(f"{kind}.{verb}" for kind, verb in missing[:5])
        raise Forbidden(_("You cannot give what you may not do yourself: %(rights)s.", rights=said))


def check_name(actor: Actor, role: Role) -> None:
    with actor.db.no_autoflush:
        others = [one for one in all_roles(actor) if one.id != role.id]
    if role.name.casefold() in (called(one).casefold() for one in others):
        raise Invalid(("name", _("There is such a role already. Choose another name.")))


def given_role(actor: Actor, role_id: UUID, field: str = "role_id") -> Role:
    """A role that this actor may give. Raises Invalid for an unknown one, Forbidden for one beyond the actor's rights;
    only an owner makes owners."""
    role = actor.db.scalar(select(Role).where(Role.id == role_id, Role.deleted_at.is_(None)))
    if role is None:
        raise Invalid((field, _("There is no such role. Choose another.")))
    if role.key == "owner" and actor.member.role != "owner":
        raise Forbidden(_("Only an owner makes somebody an owner."))
    check_held(actor, role.rights)
    check_seen(actor, role.fields)
    return role


def all_roles(actor: Actor) -> list[Role]:
    """The ready-made ones first, in their order, then the workspace's own by name."""
    order = list(ROLES)
    found = actor.db.scalars(select(Role).where(Role.deleted_at.is_(None)))
    return sorted(found, key=lambda role: (order.index(role.key) if role.key else len(order), called(role).casefold()))


def called(role: Role) -> str:
    """What people call it: by its name, a ready-made one by its usual name until it has one."""
    return role.name or str(READY_MADE.get(role.key or "", role.key))


def matrix_of(rights: Rights) -> dict[str, dict[str, Scope]]:
    return {kind: {verb: rights.get(kind, {}).get(verb, "none") for verb in VERBS[kind]} for kind in WORK}


def special_of(rights: Rights) -> list[str]:
    """The special rights that are held as a whole."""
    held = {(kind, verb) for kind, verbs in rights.items() for verb, scope in verbs.items() if scope != "none"}
    return [name for name, parts in SPECIAL.items() if held.issuperset(parts)]


def counts(actor: Actor) -> dict[UUID, int]:
    """How many active members have each role that anybody has."""
    active = select(Member.role_id, func.count().label("members")).where(Member.state == "active")
    return {row.role_id: row.members for row in actor.db.execute(active.group_by(Member.role_id))}


@dataclass(frozen=True)
class Difference:
    """One right that a change widens or narrows."""

    right: Right
    before: Scope
    after: Scope

    @property
    def gained(self) -> bool:
        return SCOPES.index(self.after) > SCOPES.index(self.before)


def differences(before: Rights, after: Rights) -> list[Difference]:
    """What a role's members gain and lose, in the order of the declaration."""
    found = []
    for kind, verbs in VERBS.items():
        for verb in verbs:
            was, is_now = before.get(kind, {}).get(verb, "none"), after.get(kind, {}).get(verb, "none")
            if was != is_now:
                found.append(Difference((kind, verb), was, is_now))
    return found


def members_of(actor: Actor, role_id: UUID) -> list[str]:
    """The names of the active members who have the role."""
    query = select(Member.name).where(Member.role_id == role_id, Member.state == "active").order_by(Member.name)
    return list(actor.db.scalars(query))


def from_form(values: Mapping[str, str], prefix: str = "") -> dict[str, dict[str, str]]:
    """The matrix of a form with fields such as contact.view; with a prefix "field." those such as field.deal.amount."""
    found: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        kind, _dot, part = name.removeprefix(prefix).partition(".")
        if name.startswith(prefix) and part and kind in WORK and value:
            found.setdefault(kind, {})[part] = value
    return found
