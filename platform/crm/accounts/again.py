"""Proving once more who one is, before what must not be done by a browser that was left alone.

    @pages.post("/settings/tokens")
    @when_fresh
    def create_token(actor: Actor) -> Answer: ...

Where the last proof of this session is older than 15 minutes, the decorated page is answered by one that asks for the
password, a code or a passkey. What was sent to it waits in that page's form, which goes to the same address: with the
proof in it, the page runs as if nothing had come between. So no text is lost, and nothing is kept anywhere. Files do
not wait; a page that takes some is asked for before its form is shown, by the decorator on the form's own page.

A session of single sign-on has nothing of ours to show: its provider asks once more, in a second window while the page
with what was typed waits.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.db import database
from core.errors import Invalid, Refusal
from core.letters import here
from core.pages import Answer, render, see
from crm.accounts import challenges
from crm.accounts.account import account, me
from crm.accounts.limits import address, limited
from crm.accounts.sessions import place_here
from crm.doors import SignInFirst, cookie_session
from crm.errors import asked_for
from tenants import credentials, factors, sessions
from tenants.sessions import SignedIn

PASSWORD, CODE, PASSKEY, PROVIDER = "again-password", "again-code", "again-passkey", "again-provider"
OURS = (PASSWORD, CODE, PASSKEY, PROVIDER)


class ProveFirst(Refusal):
    """A script asks for what needs a fresh proof, and cannot show the page that takes one."""

    status = 401
    title = _l("Show once more that it is you")

    def __init__(self) -> None:
        super().__init__(_l("Load this page again."))


def when_fresh(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """Decorator of a page, below its route: it runs only soon after the person has proved who they are."""

    @wraps(view)
    def asked(*arguments: Any, **values: Any) -> Answer:
        person = cookie_session()
        if person is None:
            raise SignInFirst()
        if person.fresh:
            return view(*arguments, **values)
        if "application/json" in request.headers.get("Accept", ""):
            raise ProveFirst()
        if request.method != "POST" and person.workspace_id:
            return see(at_provider(person.workspace_id, asked_for()))
        if request.method != "POST":
            return see("/account/again?" + urlencode({"next": asked_for()}))
        if not any(name in request.form for name in OURS):
            return question(person, {}, 401)
        try:
            prove(person)
        except Invalid as refusal:
            return question(person, {name: str(message) for name, message in refusal.fields}, 422)
        return view(*arguments, **values)

    return asked


@account.get("/again")
def again() -> Answer:
    person, to = me(), place_here(request.args.get("next"))
    return see(to) if person.fresh else question(person, {}, 200, "/account/again", [("next", to)])


@account.post("/again")
@when_fresh
def go_on() -> Answer:
    return see(place_here(request.form.get("next")))


@account.post("/again/passkey")
@limited("60 per 5 minutes")
def ask_passkey_again() -> Response:
    return challenges.ask("prove", me().identity_id)


def question(
    person: SignedIn,
    errors: dict[str, str],
    status: int,
    action: str | None = None,
    typed: list[tuple[str, str]] | None = None,
) -> Answer:
    """The page that asks. `typed` is what waits in it: by default all that was sent to the present address."""
    if typed is None:
        typed = [(name, value) for name, value in request.form.items(multi=True) if name not in (*OURS, "csrf_token")]
    action = action or request.script_root + request.full_path.rstrip("?")
    if person.workspace_id:
        there = at_provider(person.workspace_id, f"/sso/{person.workspace_id}/done")
        return render(None, "sso/again.html", errors=errors, typed=typed, action=action, there=there), status
    with database().controlling() as control:
        has = factors.of_identity(control, person.identity_id)
    page = render(
        None, "accounts/again.html", errors=errors, email=person.email, factors=has, typed=typed, action=action
    )
    return page, status


def at_provider(workspace_id: int, to: str) -> str:
    """Where a session of single sign-on is proven once more."""
    return f"/sso/{workspace_id}/begin?" + urlencode({"again": "1", "next": to})


def prove(person: SignedIn) -> None:
    """Take whichever proof was given. Raises Invalid, or locks.TooMany."""
    if person.workspace_id:
        raise Invalid(("", _("Your provider has not asked you yet. Open the log-in there first, then go on.")))
    if request.form.get(PASSKEY):
        challenges.check("prove", person.identity_id, PASSKEY)
    elif request.form.get(CODE):
        factors.check_code(database(), here(), person.identity_id, request.form[CODE], CODE)
    elif request.form.get(PASSWORD):
        credentials.prove(database(), person.identity_id, request.form[PASSWORD], address(), PASSWORD)
    else:
        raise Invalid((PASSWORD, _("Fill this in.")))
    with database().controlling() as control:
        sessions.prove(control, person.id)
