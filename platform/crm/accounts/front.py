"""Pages of those who have not logged in: the front page, sign-up, log-in, and the links that come by mail."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, request
from flask_babel import get_locale
from flask_babel import gettext as _

from config.plans import PERIODS, plans
from core.db import database
from core.errors import Invalid
from core.letters import here
from core.pages import Answer, form_values, refused, render, see
from core.people import checked_email
from crm import places
from crm.accounts import jobs, opening
from crm.accounts.limits import accepted, account, address, everybody, limited, refused_form
from crm.accounts.sessions import first_place, go_in, let_out, place_here
from crm.doors import cookie_session, signed_in
from crm.industries import names_in
from tenants import arrivals, credentials, entrance, identities, links
from tenants.directory import locate
from tenants.models import MailedLink, Person

front = Blueprint("front", __name__, template_folder="templates")


@front.get("/")
def index() -> Answer:
    person = cookie_session()
    return see(first_place(person)) if person else render(None, "accounts/index.html")


@front.get("/signup")
def signup() -> Answer:
    if signed_in():
        return see("/account/workspaces")
    language = str(get_locale().language)
    typed = {"language": language, "time_zone": "Europe/Prague" if language == "cs" else "UTC", "industry": ""}
    wish = wished_plan(request.args)
    return render(None, "accounts/signup.html", typed=typed, errors={}, wish=wish, **signup_choices())


@front.post("/signup")
@limited("30 per hour", counts=accepted)
@limited("3 per day", by=account, counts=accepted)
def open_business() -> Answer:
    """The session is kept by the browser: an address that is not confirmed yet may have no other way in."""
    elsewhere = ("password", "plan", "period")
    values = {name: value for name, value in form_values(request.form).items() if name not in elsewhere}
    password, wish = request.form.get("password", ""), wished_plan(request.form)
    try:
        person, workspace = opening.sign_up(opening.read_sign_up(values, password), password, address())
    except Invalid as refusal:
        return refused(None, "accounts/signup.html", refusal, typed=values, wish=wish, **signup_choices())
    to = f"/settings/plan?{urlencode(wish)}" if wish else "/today"
    return go_in(person, f"/{workspace.slug}{to}", stay=True)


def wished_plan(given: Mapping[str, str]) -> dict[str, str]:
    """The paid plan, and by which period, that somebody came to sign up for; nothing for the free one."""
    plan, period = given.get("plan", ""), given.get("period", "")
    if here().payments is None or plan not in {one.key for one in plans().paid}:
        return {}
    return {"plan": plan, "period": period if period in PERIODS else "year"}


def signup_choices() -> dict[str, Any]:
    language = get_locale().language
    return {
        "industries": names_in(language),
        "time_zones": places.time_zones(),
        "host": here().url.partition("://")[2],
    }


@front.get("/login")
def login() -> Answer:
    to = place_here(request.args.get("next"))
    if signed_in():
        return see(to)
    return render(None, "accounts/login.html", email=request.args.get("email", ""), errors={}, **leading(to))


def leading(to: str) -> dict[str, Any]:
    """Where the log-in leads, and the provider of the workspace there, if it has one."""
    workspace = locate(database(), to[1:].partition("/")[0].partition("?")[0])
    way = arrivals.way(database(), workspace) if workspace and entrance.offered(workspace) else None
    return {"to": to, "workspace": workspace, "way": way}


@front.post("/login")
@limited("10 per 5 minutes", counts=refused_form)
@limited("10 per 5 minutes", by=account, counts=refused_form)
@limited("1000 per 5 minutes", by=everybody, counts=refused_form)
def log_in() -> Answer:
    to, email = place_here(request.form.get("next")), typed_email()
    try:
        person = identities.sign_in(database(), email, request.form.get("password", ""), address())
    except identities.WrongPassword as refusal:
        wrong = Invalid(("", refusal.detail))
        return refused(None, "accounts/login.html", wrong, email=request.form.get("email", ""), **leading(to))
    return go_in(person, to, stay="stay" in request.form)


@front.post("/logout")
def log_out() -> Answer:
    return let_out("/login")


@front.get("/forgot")
def forgot() -> Answer:
    """The same words whether the address has an account or not; the mail alone knows."""
    return render(None, "accounts/forgot.html", email=request.args.get("email", ""), sent="sent" in request.args)


@front.post("/forgot")
@limited("20 per day")
@limited("5 per day", by=account)
def send_reset() -> Answer:
    with database().controlling() as control:
        jobs.offer_reset(control, typed_email())
    return see("/forgot?sent")


@front.get("/reset/<link>")
def reset(link: str) -> Answer:
    return render(None, "accounts/reset.html", person=owner(found("reset", link)), errors={})


@front.post("/reset/<link>")
@limited("20 per hour")
def set_password(link: str) -> Answer:
    row = found("reset", link)
    try:
        person = credentials.reset_password(database(), row, request.form.get("password", ""))
    except Invalid as refusal:
        return refused(None, "accounts/reset.html", refusal, person=owner(row))
    with database().controlling() as control:
        jobs.tell_password_changed(control, person)
    flash(_("The new password holds. Log in with it."))
    return see(login_of(person))


@front.get("/confirm/<link>")
def confirm(link: str) -> Answer:
    return render(None, "accounts/confirm.html", errors={}, **of_claim(found("confirm", link)))


@front.post("/confirm/<link>")
@limited("20 per hour")
def confirm_address(link: str) -> Answer:
    """By the browser that signed up, or with the password of the sign-up: the mail alone is not enough."""
    row = found("confirm", link)
    person = signed_in()
    session_id = person.id if person and person.identity_id == row.identity_id else None
    try:
        if session_id is None:
            credentials.prove(database(), row.identity_id, request.form.get("password", ""), address(), "password")
    except Invalid as refusal:
        return refused(None, "accounts/confirm.html", refusal, **of_claim(row))
    confirmed = identities.confirm(database(), row, session_id)
    if confirmed.id != row.identity_id:
        flash(_("The workspace is in your account now. Log in with the password of your account."))
        return see(login_of(confirmed))
    answer = see("/") if session_id else go_in(confirmed, "/", stay=False)
    flash(_("Your e-mail address is confirmed"))
    return answer


def of_claim(row: MailedLink) -> dict[str, Any]:
    with database().controlling() as control:
        account_there = identities.account_of(control, row.email)
    person = signed_in()
    return {
        "email": row.email,
        "moves": account_there is not None,
        "ask_password": person is None or person.identity_id != row.identity_id,
    }


@front.get("/email/<link>")
def new_email(link: str) -> Answer:
    return render(None, "accounts/new_email.html", email=found("email", link).email, errors={})


@front.post("/email/<link>")
@limited("20 per hour")
def take_email(link: str) -> Answer:
    row = found("email", link)
    person = signed_in()
    try:
        changed, former = credentials.change_email(database(), row, person.id if person else None)
    except Invalid as refusal:
        return refused(None, "accounts/new_email.html", refusal, email=row.email)
    if former:
        with database().controlling() as control:
            jobs.tell_former_address(control, changed, former)
    flash(_("You log in with %(email)s from now on", email=changed.email))
    return see("/account/" if person and person.identity_id == changed.id else login_of(changed))


def found(purpose: links.Purpose, link: str) -> MailedLink:
    with database().controlling() as control:
        return links.find(control, purpose, link, here())


def owner(row: MailedLink) -> Person:
    with database().controlling() as control:
        return control.get_one(Person, row.identity_id)


def login_of(person: Person) -> str:
    """The log-in page with the address filled in."""
    return f"/login?{urlencode({'email': person.email})}"


def typed_email() -> str:
    """The e-mail of the form as accounts keep it; what is none comes as it is, and belongs to nobody."""
    typed = request.form.get("email", "").replace("\0", "").strip()[:254]
    try:
        return checked_email(typed).lower()
    except ValueError:
        return typed.lower()


def show_stale_link(_refusal: links.StaleLink) -> tuple[str, int]:
    return render(None, "accounts/stale.html"), links.StaleLink.status
