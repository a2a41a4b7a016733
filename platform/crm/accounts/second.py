"""Logging in with more than a password: the second factor after it, or a passkey instead of it."""

from flask import Response, request
from flask_babel import gettext as _

from core.db import database
from core.errors import Invalid
from core.letters import here
from core.pages import Answer, refused, render, see
from crm.accounts import challenges
from crm.accounts.front import front, leading
from crm.accounts.limits import limited, refused_form
from crm.accounts.sessions import let_in, place_here, stop_waiting, waiting
from tenants import factors
from tenants.models import Person
from tenants.sessions import Waiting


@front.get("/login/second")
def ask_second() -> Answer:
    found = waiting()
    return render(None, "accounts/second.html", errors={}, **shown(found)) if found else see("/login")


@front.post("/login/second")
@limited("30 per 5 minutes", counts=refused_form)
def take_second() -> Answer:
    """The session begins here; whoever waits with the same cookie in a second window comes too late."""
    found = waiting()
    if found is None:
        return see("/login")
    try:
        if request.form.get("passkey"):
            challenges.check("log in", found.identity_id)
        else:
            factors.check_code(database(), here(), found.identity_id, request.form.get("code", ""), "code")
    except Invalid as refusal:
        return refused(None, "accounts/second.html", refusal, **shown(found))
    if not stop_waiting():
        return see("/login")
    with database().controlling() as control:
        person = control.get_one(Person, found.identity_id)
    return let_in(person, found.to, stay=found.stay, proof="second factor")


@front.post("/login/second/passkey")
@limited("60 per 5 minutes")
def ask_passkey_of_known() -> Response:
    found = waiting()
    if found is None:
        raise Invalid(("", _("This took too long. Log in again.")))
    return challenges.ask("log in", found.identity_id)


@front.post("/login/passkey/ask")
@limited("60 per 5 minutes")
def ask_passkey() -> Response:
    return challenges.ask("log in")


@front.post("/login/passkey")
@limited("30 per 5 minutes", counts=refused_form)
def log_in_by_passkey() -> Answer:
    """Who it is, the passkey says; it has asked for a finger or a PIN, so there is nothing more to ask."""
    to, stay = place_here(request.form.get("next")), "stay" in request.form
    try:
        person = challenges.check("log in")
    except Invalid as refusal:
        return refused(None, "accounts/login.html", refusal, email="", **leading(to))
    return let_in(person, to, stay=stay, proof="passkey")


def shown(found: Waiting) -> dict[str, object]:
    with database().controlling() as control:
        return {"factors": factors.of_identity(control, found.identity_id)}
