"""The session of a browser: begun at the log-in, ended at the log-out, and the pages one is led to around it."""

import re

from flask import current_app, g, request
from flask import session as form_session
from werkzeug.wrappers import Response

from core.db import database
from core.pages import see
from crm.doors import cookie_name, signed_in
from tenants import audit, sessions
from tenants.directory import workspaces_of
from tenants.models import Person

LAST = "okno-last"
MONTH = 30 * 24 * 3600  # seconds
YEAR = 365 * 24 * 3600
PLACE_HERE = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")

# (what the browser says of itself, what people call it); the first that is found counts.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def let_in(person: Person, to: str, *, stay: bool) -> Response:
    """Begin a session and go there. Without `stay` the browser forgets it when it is closed."""
    former = signed_in()
    with database().controlling() as control:
        if former:
            sessions.end(control, former.identity_id, former.id)
        value = sessions.start(control, person.id, request.remote_addr or "", request.user_agent.string)
        audit.note_sign_in(control, person, request.remote_addr or "", device(request.user_agent.string))
    form_session.clear()
    response = see(to)
    response.set_cookie(
        cookie_name(), value, max_age=MONTH if stay else None, secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True, samesite="Lax",
    )  # fmt: skip
    return response


def let_out(to: str) -> Response:
    """End the session; nothing of it stays in the browser."""
    person = signed_in()
    if person:
        with database().controlling() as control:
            sessions.end(control, person.identity_id, person.id)
    form_session.clear()
    response = see(to)
    response.delete_cookie(
        cookie_name(), secure=current_app.config["SESSION_COOKIE_SECURE"], httponly=True, samesite="Lax"
    )
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def place_here(wished: str | None) -> str:
    """A path of this site, whatever a link asked for."""
    return wished if wished and PLACE_HERE.fullmatch(wished) else "/"


def first_place(person: sessions.SignedIn) -> str:
    """Where work goes on: the workspace last seen in this browser, the only one, or the choice."""
    with database().controlling() as control:
        mine = [workspace.slug for workspace in workspaces_of(control, person.identity_id)]
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
