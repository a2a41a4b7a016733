"""What the link of an invitation opens: joining with the account one has, or with a new one. And the letter."""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, request
from flask_babel import force_locale
from flask_babel import gettext as _

from config.settings import Settings
from core import mail
from core.db import database
from core.errors import Invalid
from core.full import LimitReached
from core.jobs import Place, job
from core.letters import Letter, send
from core.pages import Answer, refused, render, see
from crm.accounts.limits import address, limited
from crm.accounts.sessions import go_in
from crm.doors import signed_in
from tenants import invitations, roles
from tenants.invitations import SEND, Opened
from tenants.models import Invitation, Member, Role

joining = Blueprint("joining", __name__, template_folder="templates")


@joining.get("/invite/<link>")
def look(link: str) -> Answer:
    return render(None, "people/join.html", errors={}, name="", **shown(opened(link)))


@joining.post("/invite/<link>")
@limited("20 per hour")
def join(link: str) -> Answer:
    found = opened(link)
    person = signed_in()
    to = f"/{found.workspace.slug}/today"
    if person and found.account and person.identity_id == found.account.id:
        try:
            invitations.accept(database(), found, found.account, address())
        except LimitReached as full:
            return no_seat(found, full)
        return see(to)
    if person or found.account:
        return see(request.path)
    name = request.form.get("name", "").strip()[:100]
    try:
        if not name:
            raise Invalid(("name", _("Fill this in.")))
        invitations.check_seat(database(), found)
        made = invitations.enrol(database(), found, name, request.form.get("password", ""))
        invitations.accept(database(), found, made, address())
    except Invalid as refusal:
        return refused(None, "people/join.html", refusal, name=name, **shown(found))
    except LimitReached as full:
        return no_seat(found, full, name)
    return go_in(made, to, stay=False)


def no_seat(found: Opened, full: LimitReached, name: str = "") -> Answer:
    """The link stays good: it opens as soon as there is a seat."""
    said = _("Every seat of %(business)s is taken. Ask %(inviter)s for one, then open this link again.",
             business=found.workspace.name, inviter=found.inviter)  # fmt: skip
    return render(None, "people/join.html", errors={"": said}, name=name, **shown(found)), full.status


def opened(link: str) -> Opened:
    return invitations.find(database(), link, here())


def shown(found: Opened) -> dict[str, Any]:
    person = signed_in()
    return {
        "found": found,
        "person": person,
        "fits": person and found.account and person.identity_id == found.account.id,
    }


def here() -> Settings:
    config: Settings = current_app.config["OKNO"]
    return config


@job(SEND, mail.PAUSES, queue="urgent")
def send_invitation(place: Place, invitation_id: str, number: int) -> None:
    """The letter, unless the invitation was withdrawn or used meanwhile."""
    workspace = place.here()
    with place.database.workspace(workspace, reading=True) as session:
        invitation = session.get(Invitation, UUID(invitation_id))
        if invitation is None or invitation.deleted_at or invitation.accepted_at:
            return
        inviter = session.get_one(Member, invitation.invited_by_id)
        role = session.get_one(Role, invitation.role_id)
    with force_locale(workspace.language):
        url = invitations.address(here(), workspace, invitation)
        business, name = plain_words(workspace.name, workspace.slug), plain_words(inviter.name, "Okno")
        send(
            letter(business, name, plain_words(roles.called(role), "Okno"), url),
            invitation.email,
            f"{invitation.id.hex}{number}",
        )


def plain_words(text: str, otherwise: str) -> str:
    """A name as somebody else's mail may show it: one that looks like an address could be an advertisement."""
    return otherwise if re.search(r"://|www\.|\.\w{2,}|@", text) else text[:80]


def letter(business: str, inviter: str, role: str, url: str) -> Letter:
    return Letter(
        _("%(inviter)s invites you to %(business)s", inviter=inviter, business=business),
        (_("You can work with %(business)s in Okno, as: %(role)s.", business=business, role=role),),
        _("Join"),
        url,
        (_("The link works for a week, for this address alone. If you do not expect it, leave it."),),
    )
