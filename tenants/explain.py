"""Why a member may, or may not, do something with a record: the answer of core.access in sentences."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import events
from core.access import DECIDED_BY, Scope
from core.actions import Input, action
from core.actor import Actor
from core.errors import NotFound
from core.records import KINDS, Record
from tenants import members, roles
from tenants.models import Member, Role

SCOPE_WORDS: dict[Scope, Any] = {
    "none": _l("none"),
    "own": _l("own"),
    "team": _l("own team"),
    "department": _l("department and below"),
    "all": _l("all"),
}


class Looked(Input):
    id: UUID


@action("member.see_as", right=("role", "view"))
def look_as(actor: Actor, data: Looked) -> None:
    """Note that the actor looks with this member's eyes, whose rights must not go beyond their own."""
    other = as_member(actor, data.id)
    roles.check_held(actor, other.rights)
    roles.check_seen(actor, other.fields)
    events.note(actor, "member.see_as", "member", other.member.id, other.member.name)


@dataclass(frozen=True)
class Answer:
    """Whether it is allowed, and the sentences that lead there, the last one the verdict."""

    allowed: bool
    reasons: list[str]


def as_member(actor: Actor, member_id: UUID) -> Actor:
    """The Actor that another member of this workspace would be, on the same session. Raises NotFound."""
    row = actor.db.connection().execute(members.BY_ID, {"known": member_id}).first()
    if row is None:
        raise NotFound()
    return members.actor_of(row, actor.workspace, actor.db, actor.via, actor.request_id, actor.confirmed)


def explain(asking: Actor, member_id: UUID, kind: str, verb: str, record_id: UUID | None = None) -> Answer:
    """Why the member may or may not. Raises NotFound for a record that the one who asks may not see, LookupError for a
    right that does not exist."""
    member = asking.db.get(Member, member_id)
    if member is None:
        raise NotFound()
    if member.state != "active":
        return Answer(False, [_("%(name)s has left and may do nothing.", name=member.name)])
    who = as_member(asking, member_id)
    scope = who.scope(kind, verb)
    decided = ".".join(DECIDED_BY.get(kind, (kind, verb)))
    role = asking.db.get_one(Role, member.role_id)
    given = {"name": member.name, "role": roles.called(role), "right": decided, "scope": SCOPE_WORDS[scope]}
    reasons = [_("%(name)s has the role %(role)s, which gives %(right)s: %(scope)s.", **given)]
    if record_id is None:
        allowed = scope != "none"
    else:
        record = asking.find(KINDS[kind], record_id)
        allowed = who.may(kind, verb, record)
        reasons += about_record(asking, who, kind, verb, record, scope)
    verdict = _("So %(name)s may.", name=member.name) if allowed else _("So %(name)s may not.", name=member.name)
    return Answer(allowed, [*reasons, verdict])


def about_record(asking: Actor, who: Actor, kind: str, verb: str, record: Record, scope: Scope) -> list[str]:
    told = []
    owner_id = getattr(record, record.owner_column) if record.owner_column else None
    owner = asking.db.scalar(select(Member.name).where(Member.id == owner_id)) if owner_id else None
    said: dict[str, Any] = {"title": record.title(), "owner": owner, "name": who.member.name}
    if scope not in ("all", "none"):
        if owner_id is None:
            told.append(_("%(title)s belongs to nobody, so only the scope “all” reaches it.", **said))
        elif owner_id == who.member.id:
            told.append(_("%(title)s is their own.", **said))
        else:
            told.append(_("%(title)s belongs to %(owner)s.", **said))
            told.append(near(who, scope, owner_id, said))
    if record.id in who.circle.shared.get((kind, verb), ()):
        told.append(_("It is shared with %(name)s.", **said))
    return told


def near(who: Actor, scope: Scope, owner_id: UUID, said: dict[str, Any]) -> str:
    if scope == "own":
        return str(_("That is somebody else."))
    if scope == "team":
        inside = owner_id in who.circle.team
        return str(
            _("%(owner)s and %(name)s are in one team.", **said)
            if inside
            else _("%(owner)s and %(name)s are in no common team.", **said)
        )
    inside = owner_id in who.circle.department
    return str(
        _("%(owner)s is in the department of %(name)s, or below it.", **said)
        if inside
        else _("%(owner)s is neither in the department of %(name)s nor below it.", **said)
    )
