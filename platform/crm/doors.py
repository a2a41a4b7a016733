"""The doors of the application: by which cookie or token a request becomes an Actor."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flask import Response, current_app, g, request, session
from flask_babel import lazy_gettext as _l

from core.actor import Actor
from core.calls import calls
from core.db import Workspace, database
from core.errors import Forbidden, NotFound, Refusal
from core.limits import calls_a_minute
from tenants import explain, roles, sessions
from tenants.closing import Closed
from tenants.directory import check_not_restoring, locate, locate_closing
from tenants.entrance import entering
from tenants.models import WorkspaceRow
from tenants.tokens import NotSignedIn, acting_token

OF_OWNERS_WHEN_CLOSED = ("closing.back", "exports.")
SEEING = "seeing"  # in the browser's signed cookie: {workspace's number: member's id}


class SignInFirst(Refusal):
    """A page was asked for without a session; the person is led to the sign-in and back."""

    status = 401
    title = _l("Log in first")


def cookie_name() -> str:
    """The session cookie. The __Host- prefix pins it to this host, where the service runs on https."""
    return "__Host-okno" if current_app.config["SESSION_COOKIE_SECURE"] else "okno"


def signed_in() -> sessions.SignedIn | None:
    """Who has logged in to their account. A session of single sign-on is of one workspace and opens no account, so
    here it is nobody's."""
    person = cookie_session()
    return person if person and person.workspace_id is None else None


def cookie_session() -> sessions.SignedIn | None:
    """Whose session the cookie is, of an account or of single sign-on; asked once a request."""
    if "cookie_session" not in g:
        value = request.cookies.get(cookie_name(), "")
        g.cookie_session = None
        if value:
            with database().controlling() as control:
                g.cookie_session = sessions.find(control, value)
    return g.cookie_session  # type: ignore[no-any-return]


@contextmanager
def enter_page() -> Iterator[Actor]:
    """The actor of a page: session, workspace by its address, membership with rights."""
    person = cookie_session()
    if person is None:
        raise SignInFirst()
    slug = request.environ["okno.slug"]
    workspace = locate(database(), slug)
    closed = None if workspace else locate_closing(database(), slug)
    here = workspace or closed
    if here is None:
        check_not_restoring(database(), WorkspaceRow.slug == slug)
        raise NotFound()
    with entering(
        database(), here, person, g.request_id, address=request.remote_addr or "", reading=reading()
    ) as actor:
        if closed:
            check_closed(actor)
        yield seen_as(actor) or actor


def check_closed(actor: Actor) -> None:
    """In a workspace that is closed everybody may see that it is, and owners take the data along or bring it back.
    Raises Closed for all the rest."""
    endpoint = request.endpoint or ""
    of_owners = endpoint.startswith(OF_OWNERS_WHEN_CLOSED) and actor.member.role == "owner"
    if endpoint != "closing.show" and not of_owners:
        raise Closed()


def seen_as(actor: Actor) -> Actor | None:
    """The member with whose eyes this browser looks at the workspace, if it does: to look alone."""
    looked = session.get(SEEING, {}).get(str(actor.workspace.id))
    if looked is None or request.endpoint == "roles.stop_seeing":
        return None
    if not reading():
        raise Forbidden(_l("You look with somebody else's eyes, and nothing can be changed. Stop looking first."))
    try:
        actor.require(("role", "view"))
        other = explain.as_member(actor, UUID(looked))
        roles.check_held(actor, other.rights)
        roles.check_seen(actor, other.fields)
    except (Forbidden, NotFound):
        return None
    g.seen_by = actor.member
    return other


@contextmanager
def enter_api() -> Iterator[Actor]:
    """The actor of an API call, by its Bearer token alone."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise NotSignedIn()
    with acting_token(database(), token.strip(), g.request_id, request.remote_addr or "", reading=reading()) as actor:
        count_call(actor.workspace)
        yield actor


def count_call(workspace: Workspace) -> None:
    """One more call of this minute. Raises TooManyCalls where the plan has no more."""
    cap = calls_a_minute(workspace.plan)
    if cap is not None:
        g.calls = calls().note(workspace.id, cap)


def tell_calls(response: Response) -> Response:
    """How many calls are left, on every answer of the API."""
    if "calls" in g:
        response.headers.update(g.calls.headers)
    return response


def reading() -> bool:
    """Whether this request may change nothing, which the database then sees to."""
    return request.method in ("GET", "HEAD")
