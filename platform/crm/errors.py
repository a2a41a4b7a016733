"""What a person or a program sees when something is refused or fails: a page or problem+json, never a trace."""

import logging
import uuid
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from core.api import problem
from core.calls import TooManyCalls
from core.errors import Refusal
from core.pages import render
from crm.doors import SignInFirst
from tenants.closing import Closed
from tenants.directory import BeingRestored
from tenants.entrance import NeedsSingleSignOn, OtherWorkspace
from tenants.factors import NeedsSecondFactor

log = logging.getLogger(__name__)

WORDS: dict[int, tuple[Any, Any]] = {
    400: (_l("This request cannot be understood"), _l("Go back, reload the page and try again.")),
    404: (_l("There is nothing at this address"), _l("It may have been moved or deleted, or you may not see it.")),
    405: (_l("This cannot be done here"), _l("Go back, reload the page and try again.")),
    409: (_l("Somebody else changed this meanwhile"), _l("Reload the page and try again.")),
    413: (_l("This is too big"), _l("A file may have at most 50 MB.")),
    429: (_l("Too many attempts"), _l("Wait a few minutes and try again.")),
    503: (_l("Okno cannot save now"), _l("What you typed is kept. Try again in a moment.")),
}
FAILED = (
    _l("Something went wrong here, not with you"),
    _l("Nothing was saved half way. Try again; if it comes back, write to us."),
)


def register(app: Flask) -> None:
    app.register_error_handler(Refusal, show_refusal)
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(Exception, show_failure)


def error_page(
    title: Any, text: Any, status: int, error_id: str | None = None, *, again: bool = False
) -> tuple[str, int]:
    """The page of an error; with `again`, one that asks anew by itself."""
    page = render(None, "error.html", title=title, text=text, error_id=error_id, back=None, again=again)
    return page, status


def show_refusal(refusal: Refusal) -> Response | tuple[str, int] | Any:
    if request.path.startswith("/api/"):
        response = problem(refusal)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="okno"'
        if isinstance(refusal, BeingRestored):
            response.headers["Retry-After"] = "5"
        if isinstance(refusal, TooManyCalls):
            response.headers.update({**refusal.minute.headers, "Retry-After": str(refusal.minute.ends_in)})
        return response
    if isinstance(refusal, SignInFirst | OtherWorkspace) and not wants_json():
        return redirect(f"/login?next={quote(asked_for())}", 303)
    if wants_json():
        return problem(refusal)
    elsewhere = way_of(refusal)
    if elsewhere:
        return redirect(elsewhere, 303)
    again = isinstance(refusal, BeingRestored) and request.method == "GET"
    return error_page(str(refusal.title), str(refusal.detail), refusal.status, again=again)


def way_of(refusal: Refusal) -> str | None:
    """Where a page that refuses leads on to, if it does."""
    match refusal:
        case Closed():
            return f"{request.script_root}/closing"
        case NeedsSingleSignOn():
            return f"/sso/{refusal.workspace_id}?next={quote(asked_for())}"
        case NeedsSecondFactor():
            return f"/account/second-factor?next={quote(asked_for())}"
    return None


def wants_json() -> bool:
    """A script asks, which cannot follow to another page."""
    return "application/json" in request.headers.get("Accept", "")


def asked_for() -> str:
    """The page to come back to after the log-in; a form cannot be sent again by a link, so its site's front page."""
    if request.method != "GET":
        return "/"
    query = request.query_string.decode(errors="replace")
    return request.script_root + request.path + (f"?{query}" if query else "")


def show_http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if request.path.startswith("/api/"):
        refusal = Refusal(error.description or "")
        refusal.status, refusal.title = status, error.name
        response = problem(refusal)
        if status == 405 and getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
        return response
    if isinstance(error, CSRFError):
        return error_page(_("This form is too old"), _("Go back, reload the page and send it again."), 400)
    if status < 400:
        return error
    return error_page(*WORDS.get(status, FAILED), status)


def show_failure(error: Exception) -> Any:
    """Something we did not foresee: an id for the person, the trace in the log, never the other way round."""
    error_id = uuid.uuid4().hex[:8]
    log.error("failure %s at %s %s", error_id, request.method, request.endpoint, exc_info=error)
    status = status_of(error)
    if request.path.startswith("/api/"):
        refusal = Refusal(WORDS.get(status, FAILED)[1], id=error_id)
        refusal.status, refusal.title = status, WORDS.get(status, FAILED)[0]
        response = problem(refusal)
    else:
        response = Response(*error_page(*WORDS.get(status, FAILED), status, error_id))
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def status_of(error: Exception) -> int:
    """503 where the database is away, 409 where two changed the same row at once, else 500."""
    if isinstance(error, StaleDataError):
        return 409
    if isinstance(error, OperationalError | PoolTimeout):
        return 503
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return 503
    return 500
