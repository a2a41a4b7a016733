"""The directory of a workspace's people, and each person's card."""

import io
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import pictures
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid, NotFound
from core.files import files, put
from core.full import LimitReached
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.accounts.again import when_fresh
from tenants import departments, invitations, members, roles, staff
from tenants.models import Member

pages = Pages("people", __name__)

DAYS: dict[str, Any] = {
    "mon": _l("Monday"), "tue": _l("Tuesday"), "wed": _l("Wednesday"), "thu": _l("Thursday"), "fri": _l("Friday"),
    "sat": _l("Saturday"), "sun": _l("Sunday"),
}  # fmt: skip


@pages.get("/people/")
def index(actor: Actor) -> str:
    actor.require(("member", "view"))
    found = staff.directory(actor)
    may_invite = actor.may("member", "create")
    return render(
        actor,
        "people/index.html",
        people=[person for person in found if person.state == "active"],
        former=[person for person in found if person.state != "active"],
        waiting=invitations.waiting(actor) if may_invite else [],
        roles=role_names(actor),
        now=datetime.now(UTC),
    )


@pages.get("/people/<uuid:member_id>")
def show(actor: Actor, member_id: UUID) -> str:
    member = actor.find(Member, member_id)
    return render(
        actor,
        "people/show.html",
        member=member,
        role=roles.called(member.role),
        days=DAYS,
        department=next((one for one, _depth in departments.tree(actor) if one.id == member.department_id), None),
        manager=actor.db.get(Member, member.manager_id) if member.manager_id else None,
        teams=[team for team in departments.teams(actor) if member.id in team.member_ids],
        last_owner=member.role.key == "owner",
    )


@pages.get("/people/<uuid:member_id>/edit")
def edit(actor: Actor, member_id: UUID) -> str:
    actor.require(("member", "edit"))
    member = actor.find(Member, member_id)
    typed = {name: getattr(member, name) for name in staff.MemberFields.model_fields}
    return render(
        actor, "people/form.html", errors={}, typed={**typed, **hours_typed(member)}, **choices(actor, member)
    )


@pages.post("/people/<uuid:member_id>")
def change(actor: Actor, member_id: UUID) -> Answer:
    actor.require(("member", "edit"))
    typed = form_values(request.form)
    member = actor.find(Member, member_id)
    try:
        values = blank_to_none(typed, "department_id", "manager_id", "version")
        role_id = values.pop("role_id", None)
        given = {
            name: value for name, value in values.items() if "_" not in name or name in staff.MemberFields.model_fields
        }
        with actor.transaction():
            member = staff.change(actor, staff.change.parse({**given, "working_hours": hours(typed), "id": member_id}))
            if role_id and role_id != str(member.role_id):
                staff.give_role(actor, staff.give_role.parse({"id": member_id, "role_id": role_id}))
    except Invalid as error:
        return refused(actor, "people/form.html", error, typed=typed, **choices(actor, member))
    say(_("%(name)s is stored", name=member.name))
    return see(url_for("people.show", member_id=member_id))


@pages.get("/people/<uuid:member_id>/photo")
def photo(actor: Actor, member_id: UUID) -> Answer:
    """The photo; kept by the browser, whose address for a new one is another."""
    member = actor.find(Member, member_id)
    if member.photo_key is None:
        raise NotFound()
    with files().open(member.photo_key) as kept:
        answer = Response(kept.read(), content_type=pictures.TYPE)
    answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer


@pages.post("/people/<uuid:member_id>/photo")
def set_photo(actor: Actor, member_id: UUID) -> Answer:
    if member_id != actor.member.id:
        actor.require(("member", "edit"))
    former = actor.find(Member, member_id).photo_key
    chosen = request.files.get("photo")
    try:
        square = pictures.square(chosen.stream, "photo") if chosen else b""
    except Invalid as error:
        say(str(error.fields[0][1]))
        return see(url_for("people.show", member_id=member_id))
    key = put(actor.workspace, io.BytesIO(square)).key if square else None
    try:
        staff.picture(actor, staff.Pictured(id=member_id, photo_key=key, photo_size=len(square)))
    except LimitReached as full:
        if key:
            files().delete(key)
        say(str(full.detail))
        return see(url_for("people.show", member_id=member_id))
    if former:
        files().delete(former)
    return see(url_for("people.show", member_id=member_id))


@pages.post("/people/<uuid:member_id>/leave")
def leave(actor: Actor, member_id: UUID) -> Answer:
    member = staff.leave(actor, staff.OneMember(id=member_id))
    say(_("%(name)s works here no more", name=member.name), url_for("people.come_back", member_id=member_id))
    return see(url_for("people.index"))


@pages.post("/people/<uuid:member_id>/return")
def come_back(actor: Actor, member_id: UUID) -> Answer:
    member = staff.come_back(actor, staff.OneMember(id=member_id))
    say(_("%(name)s works here again", name=member.name))
    return see(url_for("people.show", member_id=member_id))


@pages.post("/people/<uuid:member_id>/hand-over")
@when_fresh
def hand_over(actor: Actor, member_id: UUID) -> Answer:
    """The workspace gets another owner: named by its address, so that nobody does it by a slip."""
    actor.require(("member", "edit"))
    actor.find(Member, member_id)
    if request.form.get("slug", "").strip() != actor.workspace.slug:
        raise Busy(_("Write the address of the workspace, %(slug)s, to hand it over.", slug=actor.workspace.slug))
    member = staff.hand_over(actor, staff.OneMember(id=member_id))
    say(_("%(name)s owns the workspace now", name=member.name))
    return see(url_for("people.show", member_id=member_id))


@pages.get("/people/invite")
def invite_form(actor: Actor) -> str:
    actor.require(("member", "create"))
    return render(actor, "people/invite.html", errors={}, typed={"emails": "", "role_id": ""}, **choices(actor))


@pages.post("/people/invite")
def invite(actor: Actor) -> Answer:
    actor.require(("member", "create"))
    typed = form_values(request.form)
    emails = [email for email in re.split(r"[\s,;<>]+", typed.get("emails", "")) if "@" in email]
    try:
        values = blank_to_none({**typed, "emails": emails}, "department_id")
        made = invitations.invite(actor, invitations.invite.parse(values))
    except Invalid as error:
        shown = [
            ("emails" if name.startswith("emails") else name, wrong(name, message, emails))
            for name, message in error.fields
        ]
        return refused(actor, "people/invite.html", Invalid(*shown), typed=typed, **choices(actor))
    except LimitReached as full:
        errors = {"emails": str(full.detail)}
        return render(actor, "people/invite.html", errors=errors, typed=typed, **choices(actor)), full.status
    say(_("Invitations sent: %(count)s", count=len(made)))
    return see(url_for("people.index"))


@pages.post("/people/invitations/<uuid:invitation_id>/resend")
def resend(actor: Actor, invitation_id: UUID) -> Answer:
    found = invitations.resend(actor, invitations.OneInvitation(id=invitation_id))
    say(_("The invitation is on its way to %(email)s once more", email=found.email))
    return see(url_for("people.index"))


@pages.post("/people/invitations/<uuid:invitation_id>/withdraw")
def withdraw(actor: Actor, invitation_id: UUID) -> Answer:
    found = invitations.withdraw(actor, invitations.OneInvitation(id=invitation_id))
    say(_("The invitation of %(email)s opens nothing any more", email=found.email))
    return see(url_for("people.index"))


def wrong(name: str, message: Any, emails: list[str]) -> str:
    """Of a list of addresses, the one that is wrong is named."""
    at = name.removeprefix("emails.")
    return f"{emails[int(at)]}: {message}" if at.isdecimal() and int(at) < len(emails) else str(message)


def role_names(actor: Actor) -> dict[UUID, str]:
    return {role.id: roles.called(role) for role in roles.all_roles(actor)}


def choices(actor: Actor, member: Member | None = None) -> dict[str, Any]:
    """What a form of a member offers; only the roles that this actor may give."""
    return {
        "member": member,
        "days": DAYS,
        "roles": [(role.id, roles.called(role)) for role in roles.all_roles(actor) if may_give(actor, role)],
        "departments": [
            (one.id, "\N{NO-BREAK SPACE}" * 3 * depth + one.name) for one, depth in departments.tree(actor)
        ],
        "colleagues": [one for one in members.colleagues(actor) if member is None or one[0] != member.id],
    }


def may_give(actor: Actor, role: Any) -> bool:
    try:
        roles.given_role(actor, role.id)
    except Forbidden:
        return False
    return True


def hours_typed(member: Member) -> dict[str, str]:
    return {
        f"{day}_{end}": span[at] for day, span in member.working_hours.items() for at, end in enumerate(("from", "to"))
    }


def hours(typed: dict[str, Any]) -> dict[str, list[str]]:
    """The working hours of the form; a day with nothing in it is free."""
    spans = {day: [typed.get(f"{day}_from", ""), typed.get(f"{day}_to", "")] for day in DAYS}
    return {day: span for day, span in spans.items() if any(span)}
