"""Pages of the person who has logged in: particulars, password, e-mail, sessions, workspaces."""

from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, flash, g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import ValidationError

from core.actions import Input
from core.db import Workspace, database
from core.errors import Invalid
from core.letters import here
from core.pages import Answer, form_values, refused, render, see
from core.people import EmailAddress
from crm import places
from crm.accounts import jobs, opening
from crm.accounts.limits import accepted, address, limited
from crm.accounts.opening import Language, NewWorkspace, PersonName, TimeZone
from crm.accounts.sessions import device
from crm.doors import SignInFirst, signed_in
from crm.industries import names_in
from tenants import credentials, factors, identities, passwords, sessions
from tenants.directory import workspaces_of
from tenants.models import Person
from tenants.sessions import SignedIn

account = Blueprint("account", __name__, url_prefix="/account", template_folder="templates")
In = TypeVar("In", bound=Input)
PROOFS = {
    "password": _l("with the password"),
    "second factor": _l("with the password and a second factor"),
    "passkey": _l("with a passkey"),
    "single sign-on": _l("with single sign-on, in one workspace"),
}
LANGUAGES = (("en", "English"), ("cs", "Čeština"))


class Particulars(Input):
    name: PersonName
    language: Language
    time_zone: TimeZone


class NewEmail(Input):
    email: EmailAddress


def session_key() -> str:
    """Limits by person, for what only a logged-in one can do."""
    return str(me().identity_id)


@account.before_request
def only_signed_in() -> None:
    g.time_zone = me().time_zone


def me() -> SignedIn:
    person = signed_in()
    if person is None:
        raise SignInFirst()
    return person


@account.get("/")
def index() -> Answer:
    return render(None, "accounts/account.html", errors={}, **shown())


def shown(**typed: Any) -> dict[str, Any]:
    """What the account page shows; `typed` is what a refused form had in it."""
    person = me()
    with database().controlling() as control:
        open_ones = sessions.of_identity(control, person.identity_id)
        has = factors.of_identity(control, person.identity_id)
    present = {"name": person.name, "language": person.language, "time_zone": person.time_zone, "email": ""}
    return {
        "person": person,
        "factors": has,
        "proofs": PROOFS,
        "typed": {**present, **typed},
        "languages": LANGUAGES,
        "time_zones": places.time_zones(),
        "sessions": [(row, device(row.device), row.id == person.id) for row in open_ones],
    }


@account.post("/")
def describe() -> Answer:
    values = form_values(request.form)
    try:
        data = read(Particulars, values)
    except Invalid as refusal:
        return refused(None, "accounts/account.html", refusal, **shown(**values))
    identities.describe(database(), me().identity_id, **data.model_dump())
    g.language = data.language
    flash(_("Saved"))
    return see("/account/")


@account.post("/password")
@limited("20 per hour", by=session_key)
def change_password() -> Answer:
    try:
        person = credentials.prove(database(), me().identity_id, request.form.get("present", ""), address(), "present")
        new = request.form.get("password", "")
        passwords.check(new, identities.known_words(database(), person))
    except Invalid as refusal:
        return refused(None, "accounts/account.html", refusal, **shown())
    with database().controlling() as control:
        credentials.change_password(control, person, new, me().id)
        jobs.tell_password_changed(control, person)
    flash(_("Your password is changed; other browsers were logged out"))
    return see("/account/")


@account.post("/email")
@limited("3 per 6 hours", by=session_key, counts=accepted)
def change_email() -> Answer:
    typed = {"email": request.form.get("email", "")}
    try:
        data = read(NewEmail, typed)
        person = credentials.prove(database(), me().identity_id, request.form.get("proof", ""), address(), "proof")
        with database().controlling() as control:
            jobs.ask_new_address(control, credentials.ask_for_email(control, person, data.email))
    except Invalid as refusal:
        return refused(None, "accounts/account.html", refusal, **shown(**typed))
    flash(_("Open the link we have sent to %(email)s", email=data.email))
    return see("/account/")


@account.post("/confirm")
@limited("3 per 6 hours", by=session_key)
def send_confirmation() -> Answer:
    """The link once more, for who has not confirmed yet."""
    with database().controlling() as control:
        person = control.get_one(Person, me().identity_id)
        if person.confirmed_at is None:
            jobs.ask_to_confirm(control, person)
    flash(_("The link is on its way to %(email)s", email=me().email))
    return see("/")


@account.post("/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> Answer:
    with database().controlling() as control:
        sessions.end(control, me().identity_id, session_id)
    flash(_("That browser is logged out"))
    return see("/account/#sessions")


@account.post("/sessions/end-others")
def end_others() -> Answer:
    with database().controlling() as control:
        sessions.end(control, me().identity_id, keep=me().id)
    flash(_("All other browsers are logged out"))
    return see("/account/#sessions")


@account.get("/workspaces")
def workspaces() -> Answer:
    return render(None, "accounts/workspaces.html", typed={"industry": ""}, errors={}, **choices())


@account.post("/workspaces")
@limited("10 per day", by=session_key, counts=accepted)
def open_workspace() -> Answer:
    values = form_values(request.form)
    try:
        data = read(NewWorkspace, values)
        with database().controlling() as control:
            person = control.get_one(Person, me().identity_id)
        workspace = opening.open_for(person, data)
    except Invalid as refusal:
        return refused(None, "accounts/workspaces.html", refusal, typed=values, **choices())
    return see(f"/{workspace.slug}/today")


def choices() -> dict[str, Any]:
    return {
        "industries": names_in(me().language),
        "host": here().url.partition("://")[2],
        "closed": closed_ones(),
    }


def closed_ones() -> list[Workspace]:
    """Workspaces of this person that are closed and not erased yet."""
    with database().controlling() as control:
        return workspaces_of(control, me().identity_id, "closing")


def read(model: type[In], values: dict[str, Any]) -> In:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid.of(error) from None
