"""Sharing one record with a colleague or a team, as a sheet over its card."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid, NotFound
from core.pages import Answer, Pages, form_values, refused, render, say, see
from core.records import Record
from tenants import departments, members, shares

pages = Pages("sharing", __name__)
CARDS = {"contact": "contacts.show", "company": "companies.show", "deal": "deals.show"}


@pages.get("/share/<kind>/<uuid:record_id>")
def look(actor: Actor, kind: str, record_id: UUID) -> Answer:
    return render(actor, "people/share.html", errors={}, **shown(actor, kind, record_id))


@pages.post("/share/<kind>/<uuid:record_id>")
def share(actor: Actor, kind: str, record_id: UUID) -> Answer:
    """`with` names a member or a team: "member <id>", "team <id>"."""
    what, _space, chosen = form_values(request.form).get("with", "").partition(" ")
    values: dict[str, Any] = {"kind": kind, "record_id": record_id, "may_edit": "may_edit" in request.form}
    try:
        if what not in ("member", "team"):
            raise Invalid(("with", _("Choose a member or a team.")))
        shares.share(actor, shares.share.parse({**values, f"{what}_id": chosen}))
    except Invalid as error:
        wrong = Invalid(*(("with", message) for _name, message in error.fields))
        return refused(actor, "people/share.html", wrong, **shown(actor, kind, record_id))
    say(_("Shared"))
    return see(card(kind, record_id))


@pages.post("/share/<uuid:share_id>/end")
def unshare(actor: Actor, share_id: UUID) -> Answer:
    ended = shares.unshare(actor, shares.OneShare(id=share_id))
    say(_("No longer shared"))
    return see(card(ended.record_kind, ended.record_id))


def shown(actor: Actor, kind: str, record_id: UUID) -> dict[str, Any]:
    if kind not in CARDS:
        raise NotFound()
    record: Record = shares.shareable(actor, kind, record_id)
    people = [(f"member {id_}", name) for id_, name in members.colleagues(actor) if id_ != actor.member.id]
    teams = [(f"team {team.id}", _("Team: %(name)s", name=team.name)) for team in departments.teams(actor)]
    return {
        "record": record,
        "kind": kind,
        "shares": shares.of_record(actor, record_id),
        "choices": [*teams, *people],
        "back": card(kind, record_id),
    }


def card(kind: str, record_id: UUID) -> str:
    named: dict[str, Any] = {f"{kind}_id": record_id}
    return url_for(CARDS[kind], **named)
