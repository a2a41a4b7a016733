"""Pages of calls: the card that pops up, what was said, the list, and Settings, Telephone."""

from typing import Any
from uuid import UUID

from flask import flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.errors import Invalid
from core.full import LimitReached
from core.ids import new_id
from core.pages import Answer, Pages, blank_to_none, came_from, form_values, refused, render, say, see
from crm.accounts.again import when_fresh
from crm.calls import actions, queries
from crm.calls.front import address_of
from crm.calls.models import Call, Extension, Telephone
from crm.limits.keeping import keep_typed
from tenants.members import colleagues

pages = Pages("calls", __name__)
pages.add_app_template_global(queries.may_place, "may_place_calls")

SETTINGS = "calls/settings.html"


@pages.get("/calls/")
def index(actor: Actor) -> Answer:
    actor.require(("call", "view"))
    return render(actor, "calls/index.html", calls=queries.listed(actor))


@pages.get("/calls/now")
def now(actor: Actor) -> Answer:
    """What every page asks for when the telephone rings at its member's line."""
    return render(actor, "calls/now.html", standing=queries.standing(actor))


@pages.post("/calls/")
def place(actor: Actor) -> Answer:
    values = blank_to_none(form_values(request.form), "contact_id", "deal_id")
    actions.place(actor, actions.place.parse(values))
    say(_("Your telephone rings; pick it up"))
    return see(came_from(url_for("calls.index")))


@pages.get("/calls/<uuid:call_id>/log")
def ask_what_was_said(actor: Actor, call_id: UUID) -> Answer:
    actor.require(("call", "edit"))
    call = actor.find(Call, call_id)
    return render(actor, "calls/log.html", values={}, errors={}, **with_whom(actor, call))


@pages.post("/calls/<uuid:call_id>/log")
def log(actor: Actor, call_id: UUID) -> Answer:
    typed = form_values(request.form)
    values = blank_to_none({**typed, "id": call_id}, "contact_id", "deal_id")
    try:
        call = actions.log(actor, actions.log.parse(values))
    except Invalid as error:
        call = actor.find(Call, call_id)
        return refused(actor, "calls/log.html", error, values=typed, **with_whom(actor, call))
    say(_("The call is noted"))
    return see(came_from(card_of(actor, call)))


def card_of(actor: Actor, call: Call) -> str:
    """Where the call is read from now on."""
    it = queries.shown(actor, call)
    if it.contact is not None:
        return url_for("contacts.show", contact_id=it.contact.id)
    return url_for("companies.show", company_id=it.company.id) if it.company is not None else url_for("calls.index")


def with_whom(actor: Actor, call: Call) -> dict[str, Any]:
    return {"shown": queries.shown(actor, call), "back": came_from(url_for("calls.index"))}


@pages.get("/calls/<uuid:call_id>/name")
def ask_who_it_was(actor: Actor, call_id: UUID) -> Answer:
    actor.require(("contact", "create"))
    call = actor.find(Call, call_id)
    return render(actor, "calls/name.html", call=call, values={}, errors={}, kept=None)


@pages.post("/calls/<uuid:call_id>/name")
def name(actor: Actor, call_id: UUID) -> Answer:
    typed = form_values(request.form)
    call = actor.find(Call, call_id)
    try:
        contact = actions.name(actor, actions.name.parse({**typed, "id": call_id}))
    except Invalid as error:
        return refused(actor, "calls/name.html", error, call=call, values=typed, kept=None)
    except LimitReached as full:
        wish = {"id": new_id(), **typed, "phones": [{"kind": "mobile", "number": call.number}]}
        kept = keep_typed(actor, full, "contact.create", wish, " ".join(typed.values()).strip() or call.number)
        return render(actor, "calls/name.html", call=call, values=typed, errors={}, kept=kept), full.status
    say(_("%(name)s is stored", name=contact.name))
    return see(url_for("contacts.show", contact_id=contact.id))


@pages.post("/calls/<uuid:call_id>/hide")
def hide(actor: Actor, call_id: UUID) -> Answer:
    actions.hide(actor, actions.OneCall(id=call_id))
    return see(url_for("calls.now"))


# Settings, Telephone


@pages.get("/settings/telephone")
def settings(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    return render(actor, SETTINGS, errors={}, **shown(actor))


@pages.post("/settings/telephone")
@when_fresh
def connect(actor: Actor) -> Answer:
    """The answer is the page itself and no redirect: the secret is shown in it and kept nowhere to be read."""
    typed = form_values(request.form)
    try:
        telephone, secret = actions.connect(actor, actions.connect.parse(typed))
    except Invalid as error:
        return refused(actor, SETTINGS, error, **shown(actor))
    made = None if telephone.provider == "twilio" else secret
    if made is None:
        flash(_("Saved"))
    return render(actor, SETTINGS, errors={}, **shown(actor, made=made))


@pages.post("/settings/telephone/<uuid:telephone_id>/disconnect")
@when_fresh
def disconnect(actor: Actor, telephone_id: UUID) -> Answer:
    actions.disconnect(actor, actions.OneTelephone(id=telephone_id))
    flash(_("Nothing is heard from this telephone any more"))
    return see(url_for("calls.settings"))


@pages.post("/settings/telephone/<uuid:telephone_id>/placing")
@when_fresh
def place_by(actor: Actor, telephone_id: UUID) -> Answer:
    actor.require(("telephone", "edit"))
    actor.find(Telephone, telephone_id)
    typed = form_values(request.form)
    try:
        actions.place_by(actor, actions.place_by.parse({**typed, "id": telephone_id}))
    except Invalid as error:
        return refused(actor, SETTINGS, error, **shown(actor, place_url=typed.get("place_url", "")))
    flash(_("Saved"))
    return see(url_for("calls.settings"))


@pages.post("/settings/telephone/lines")
def set_lines(actor: Actor) -> Answer:
    typed = form_values(request.form).get("lines", [])
    try:
        actions.set_lines(actor, actions.set_lines.parse({"lines": typed}))
    except Invalid as error:
        numbers = {line.get("member_id"): line.get("number", "") for line in typed}
        return refused(actor, SETTINGS, error, **shown(actor, numbers=numbers))
    flash(_("Saved"))
    return see(url_for("calls.settings") + "#lines")


def shown(actor: Actor, **more: Any) -> dict[str, Any]:
    actor.require(("settings", "edit"))
    found = {one.provider: one for one in actor.db.scalars(actor.visible(Telephone))}
    numbers = {str(row.member_id): row.number for row in actor.db.scalars(select(Extension))}
    return {
        "telephones": found,
        "addresses": {name: address_of(actor.workspace.id, one.key) for name, one in found.items()},
        "members": [(str(member_id), name) for member_id, name in colleagues(actor)],
        "numbers": numbers,
        "made": None,
        "place_url": found["generic"].place_url if "generic" in found else "",
        **more,
    }
