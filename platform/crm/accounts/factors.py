"""Pages of one's own second factor: the app, passkeys, recovery codes.

All that adds or takes away is asked for again (crm.accounts.again). Recovery codes are in the answer to the form that
made them and in no other page.
"""

from typing import Annotated, Any
from uuid import UUID

from flask import flash, request
from flask_babel import gettext as _
from pydantic import Field

from core.actions import Input
from core.db import database
from core.errors import Invalid, NotFound
from core.letters import here
from core.pages import Answer, form_values, refused, render, see
from crm.accounts import challenges
from crm.accounts.account import account, me, read, session_key
from crm.accounts.again import when_fresh
from crm.accounts.limits import limited
from crm.accounts.sessions import device, place_here
from tenants import factors, passkeys, totp
from tenants.models import Passkey, Person

HOME = "/account/second-factor"


class PasskeyName(Input):
    name: Annotated[str, Field(min_length=1, max_length=80)]


@account.get("/second-factor")
def second_factor() -> Answer:
    with database().controlling() as control:
        has = factors.of_identity(control, me().identity_id)
    return render(None, "accounts/factors.html", factors=has, next=going_to(""))


@account.get("/second-factor/app")
@when_fresh
def propose_app() -> Answer:
    return render(None, "accounts/app.html", errors={}, **proposal())


@account.post("/second-factor/app")
@limited("60 per hour", by=session_key)
@when_fresh
def set_up_app() -> Answer:
    kept, code = request.form.get("kept", ""), request.form.get("code", "")
    try:
        secret = totp.proposed(here(), me().identity_id, kept)
        codes = factors.set_up_app(database(), here(), me().identity_id, secret, code, me().id)
    except Invalid as refusal:
        known = kept if refusal.fields[0][0] == "code" else ""
        return refused(None, "accounts/app.html", refusal, **proposal(known))
    return finished(_("The app is your second factor from now on"), codes)


@account.post("/second-factor/app/remove")
@when_fresh
def remove_app() -> Answer:
    with database().controlling() as control:
        factors.remove_app(control, me().identity_id)
    flash(_("The app is not asked for any more"))
    return see(HOME)


@account.post("/second-factor/codes")
@limited("20 per hour", by=session_key)
@when_fresh
def make_recovery_codes() -> Answer:
    with database().controlling() as control:
        if not factors.has(control, me().identity_id):
            raise NotFound()
        codes = factors.new_recovery_codes(control, me().identity_id)
    return show_codes(codes)


@account.get("/passkeys/new")
@when_fresh
def new_passkey() -> Answer:
    return render(None, "accounts/passkey_new.html", errors={}, name=usual_name(), next=going_to(""))


@account.post("/passkeys/ask")
@limited("60 per hour", by=session_key)
@when_fresh
def ask_for_passkey() -> Answer:
    return challenges.ask_to_add(me().identity_id)


@account.post("/passkeys")
@limited("60 per hour", by=session_key)
@when_fresh
def add_passkey() -> Answer:
    name = request.form.get("name", "").strip() or usual_name()
    try:
        passkey = challenges.add(me().identity_id, read(PasskeyName, {"name": name}).name)
    except Invalid as refusal:
        return refused(None, "accounts/passkey_new.html", refusal, name=name, next=going_to(""))
    with database().controlling() as control:
        codes = factors.first(control, me().identity_id, me().id)
    return finished(_("%(name)s is added; you can log in with it", name=passkey.name), codes)


@account.get("/passkeys/<uuid:passkey_id>")
def show_passkey(passkey_id: UUID) -> Answer:
    passkey = own(passkey_id)
    return render(None, "accounts/passkey.html", errors={}, passkey=passkey, name=passkey.name)


@account.post("/passkeys/<uuid:passkey_id>")
def rename_passkey(passkey_id: UUID) -> Answer:
    passkey, values = own(passkey_id), form_values(request.form)
    try:
        data = read(PasskeyName, values)
    except Invalid as refusal:
        return refused(None, "accounts/passkey.html", refusal, passkey=passkey, name=values.get("name", ""))
    with database().controlling() as control:
        control.merge(passkey).name = data.name
    flash(_("Saved"))
    return see(HOME)


@account.post("/passkeys/<uuid:passkey_id>/remove")
@when_fresh
def remove_passkey(passkey_id: UUID) -> Answer:
    passkey = own(passkey_id)
    with database().controlling() as control:
        factors.remove_passkey(control, me().identity_id, passkey.id)
    flash(_("%(name)s opens your account no more", name=passkey.name))
    return see(HOME)


def finished(said: str, codes: list[str]) -> Answer:
    """A factor was added; with the first one come recovery codes."""
    if codes:
        return show_codes(codes)
    flash(said)
    return see(going_to(HOME))


def show_codes(codes: list[str]) -> Answer:
    return render(None, "accounts/codes.html", codes=codes, next=going_to(HOME))


def going_to(otherwise: str) -> str:
    """Where the person wanted to go when a workspace asked them for a second factor."""
    wanted = request.form.get("next") or request.args.get("next") or ""
    return place_here(wanted) if wanted else otherwise


def proposal(kept: str = "") -> dict[str, Any]:
    with database().controlling() as control:
        person = control.get_one(Person, me().identity_id)
        replaces = factors.of_identity(control, person.id).app is not None
    return {"proposal": totp.propose(here(), person, kept), "replaces": replaces, "next": going_to("")}


def usual_name() -> str:
    """What the passkey is called unless its owner says otherwise: "Firefox, Linux"."""
    return device(request.user_agent.string) or _("Passkey")


def own(passkey_id: UUID) -> Passkey:
    with database().controlling() as control:
        passkey = passkeys.find(control, me().identity_id, passkey_id)
    if passkey is None:
        raise NotFound()
    return passkey
