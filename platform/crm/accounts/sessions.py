"""The session of a browser: begun at the log-in, ended at the log-out, and the pages one is led to around it.

There are two ways in. Whoever has given the password goes through `go_in`, which asks for the second factor where there
is one; `let_in` begins the session and is called when nothing more is to be asked. Which workspaces a session opens is
not said here but by tenants.entrance, at each request.
"""

import re

from flask import current_app, g, request
from flask import session as form_session
from werkzeug.wrappers import Response

from core.db import database
from core.pages import see
from crm.accounts import jobs
from crm.doors import cookie_name, cookie_session
from tenants import audit, devices, factors, sessions
from tenants.directory import workspaces_of
from tenants.models import Person
from tenants.sessions import Proof, Waiting

LAST = "okno-last"
MINUTES = 5 * 60  # seconds
MONTH = 30 * 24 * 3600  # seconds
YEAR = 365 * 24 * 3600
PLACE_HERE = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")

# (what the browser says of itself, what people call it); the first that is found counts.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def go_in(person: Person, to: str, *, stay: bool) -> Response:
    """Whoever has just given the password: let in, or asked for the second factor first."""
    with database().controlling() as control:
        value = sessions.wait(control, person.id, to, stay) if factors.has(control, person.id) else None
    if value is None:
        return let_in(person, to, stay=stay, proof="password")
    response = see("/login/second")
    keep(response, "second", value, MINUTES)
    return response


def let_in(person: Person, to: str, *, stay: bool, proof: Proof, workspace_id: int | None = None) -> Response:
    """Begin a session and go there. Without `stay` the browser forgets it when it is closed. A session of single
    sign-on names its workspace; of new browsers, the provider tells."""
    former, browser = cookie_session(), request.user_agent.string
    mark = devices.mark_of(request.cookies.get(named("device"), ""))
    with database().controlling() as control:
        if former:
            sessions.end(control, former.identity_id, former.id)
        value = sessions.start(control, person.id, request.remote_addr or "", browser, proof, workspace_id)
        audit.note_sign_in(control, person, request.remote_addr or "", device(browser), workspace_id)
        known = workspace_id is not None or devices.recognise(control, person, mark)
        if not known and person.confirmed_at:
            jobs.tell_new_device(control, person, device(browser), request.remote_addr or "")
    form_session.clear()
    response = see(to)
    keep(response, "", value, MONTH if stay else None)
    keep(response, "device", mark, YEAR)
    drop(response, "second")
    return response


def waiting() -> Waiting | None:
    """Who is asked for the second factor in this browser."""
    with database().controlling() as control:
        return sessions.waiting(control, request.cookies.get(named("second"), ""))


def stop_waiting() -> bool:
    with database().controlling() as control:
        return sessions.stop_waiting(control, request.cookies.get(named("second"), ""))


def let_out(to: str) -> Response:
    """End the session; nothing of it stays in the browser."""
    person = cookie_session()
    if person:
        with database().controlling() as control:
            sessions.end(control, person.identity_id, person.id)
    form_session.clear()
    response = see(to)
    drop(response, "")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def named(what: str) -> str:
    """The name of a cookie: of the session itself, or of something around it."""
    return f"{cookie_name()}-{what}" if what else cookie_name()


def keep(response: Response, what: str, value: str, seconds: int | None) -> None:
    response.set_cookie(
        named(what), value, max_age=seconds, secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True, samesite="Lax",
    )  # fmt: skip


def drop(response: Response, what: str) -> None:
    response.delete_cookie(
        named(what), secure=current_app.config["SESSION_COOKIE_SECURE"], httponly=True, samesite="Lax"
    )


def place_here(wished: str | None) -> str:
    """A path of this site, whatever a link asked for."""
    return wished if wished and PLACE_HERE.fullmatch(wished) else "/"


def first_place(person: sessions.SignedIn) -> str:
    """Where work goes on: the workspace last seen in this browser, the only one, or the choice."""
    with database().controlling() as control:
        theirs = workspaces_of(control, person.identity_id)
    mine = [workspace.slug for workspace in theirs if person.workspace_id in (None, workspace.id)]
    last = request.cookies.get(LAST)
    if last in mine:
        return f"/{last}/today"
    return f"/{mine[0]}/today" if len(mine) == 1 else "/account/workspaces"


def remember_place(response: Response) -> Response:
    """Note in the browser which workspace a page was of."""
    slug = request.environ.get("okno.slug")
    if slug and g.get("actor") and request.cookies.get(LAST) != slug:
        response.set_cookie(
            LAST, slug, max_age=YEAR, secure=current_app.config["SESSION_COOKIE_SECURE"], httponly=True, samesite="Lax"
        )
    return response


def device(user_agent: str) -> str:
    """What people call the browser: "Firefox, Linux"."""
    found = (next((name for mark, name in marks if mark in user_agent), "") for marks in (BROWSERS, SYSTEMS))
    return ", ".join(name for name in found if name)
