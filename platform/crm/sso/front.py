"""The log-in by a workspace's provider: the way there, the way back, and linking what came of it.

These pages stand outside the workspace, at /sso/<its number>, since who comes here is not in it yet. The address to
return to is one for each workspace, so that no provider's answer can be taken for another's.
"""

import logging
import time
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request
from flask_babel import gettext as _

from core.db import Workspace, database
from core.errors import Forbidden, NotFound
from core.letters import here
from core.pages import Answer, render, see
from core.sealing import Unreadable
from crm.accounts.again import when_fresh
from crm.accounts.front import typed_email
from crm.accounts.limits import address, limited, limiter
from crm.accounts.sessions import drop, keep, let_in, named, place_here
from crm.doors import SignInFirst, cookie_session, signed_in
from crm.sso import domains
from tenants import arrivals, entrance, members, provider, sessions, trips
from tenants.arrivals import Way
from tenants.directory import locate_number
from tenants.models import Person
from tenants.provider import Said, SignOnFailed
from tenants.trips import Offer, Trip

log = logging.getLogger(__name__)
front = Blueprint("sso", __name__, template_folder="templates", url_prefix="/sso")
TRIP = "sso"  # the cookie that holds the state
MINUTES = 10 * 60  # seconds
RATE = "300 per 5 minutes"  # by address, behind which a whole office may be


@front.post("/find")
@limited("30 per 5 minutes")
def find() -> Answer:
    """The ways in for the domain of an address."""
    email, to = typed_email(), place_here(request.form.get("next"))
    found = [(workspace, arrivals.way(database(), workspace)) for workspace in domains.workspaces_for(email)]
    ways = [(workspace, way, begin_at(workspace, to)) for workspace, way in found if way]
    return render(None, "sso/find.html", ways=ways, email=email, to=to)


@front.get("/<int:number>")
def ask(number: int) -> Answer:
    """The workspace is entered by single sign-on: the button, whatever session is there."""
    workspace, way = place(number)
    to = place_here(request.args.get("next")) if request.args.get("next") else f"/{workspace.slug}/today"
    return render(None, "sso/ask.html", workspace=workspace, way=way, there=begin_at(workspace, to), to=to)


@front.get("/<int:number>/begin")
@limiter.limit(RATE, key_func=address)
def begin(number: int) -> Answer:
    """To the provider. With `again`, the present session is proven once more.

    From a page of somebody else nobody is sent there at once, lest they find themselves in a workspace that is not
    theirs, in the place of the session they had: they are shown the button.
    """
    workspace, way = place(number)
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return see(f"/sso/{number}?{request.query_string.decode(errors='replace')}")
    person = cookie_session()
    proves = person.id if person and person.workspace_id == workspace.id and "again" in request.args else None
    departure = provider.depart(
        provider.discover(here(), way.issuer), way.client_id, back_url(workspace), again="again" in request.args
    )
    to = place_here(request.args.get("next")) if request.args.get("next") else f"/{workspace.slug}/today"
    with database().controlling() as control:
        trips.begin(control, workspace, way.id, departure, to, proves)
    response = redirect(departure.url, 303)
    keep(response, TRIP, departure.state, MINUTES)
    return response


@front.get("/<int:number>/back")
@limiter.limit(RATE, key_func=address)
def back(number: int) -> Answer:
    """From the provider: in, or to the question whether the account there is linked with the member who is here."""
    workspace, way = place(number)
    state = returned_state()
    with database().controlling() as control:
        trip = trips.end(control, workspace, state)
    if trip is None or trip.connection_id != way.id:
        raise SignOnFailed("no such trip", _("This took too long or was begun in another browser. Start again."))
    said = answered(workspace, way, trip)
    if trip.proves:
        return proven(workspace, way, trip, said)
    if is_new_to_member(workspace, way, said):
        return offer(workspace, state, said)
    try:
        identity_id = arrivals.arrive(database(), workspace, way.id, said, address())
    except arrivals.Unlinked:
        return offer(workspace, state, said)
    with database().controlling() as control:
        trips.forget(control, workspace, state)
        person = control.get_one(Person, identity_id)
    response = let_in(person, trip.to, stay=False, proof="single sign-on", workspace_id=workspace.id)
    drop(response, TRIP)
    return response


def place(number: int) -> tuple[Workspace, Way]:
    """The workspace and its provider. Raises NotFound alike for no workspace and one without."""
    workspace = locate_number(database(), number)
    way = arrivals.way(database(), workspace) if workspace and entrance.offered(workspace) else None
    if workspace is None or way is None:
        raise NotFound()
    return workspace, way


def begin_at(workspace: Workspace, to: str) -> str:
    return f"/sso/{workspace.id}/begin?{urlencode({'next': to})}"


def back_url(workspace: Workspace) -> str:
    """The address that the provider knows, from the settings and never from the request."""
    return f"{here().url}/sso/{workspace.id}/back"


def returned_state() -> str:
    """What the provider sent back, if this browser was sent there with the same."""
    state = request.args.get("state", "")
    if not state or state != request.cookies.get(named(TRIP), ""):
        raise SignOnFailed("another state", _("This took too long or was begun in another browser. Start again."))
    return state


def answered(workspace: Workspace, way: Way, trip: Trip) -> Said:
    """Whom the provider means. Raises SignOnFailed."""
    found = provider.discover(here(), way.issuer)
    iss = request.args.get("iss")
    if iss not in (None, found.issuer) or (iss is None and found.names_itself):
        raise SignOnFailed("an answer of another issuer")
    if "error" in request.args:
        raise SignOnFailed("the provider refused", _("Your provider did not let you in."))
    try:
        secret = way.open_secret(here(), workspace)
    except Unreadable:
        raise SignOnFailed("OKNO_SECRET_KEY_FALLBACKS lacks a former secret key") from None
    code = request.args.get("code", "")
    return provider.redeem(here(), found, way.client_id, secret, back_url(workspace), code, trip.verifier, trip.nonce)


def proven(workspace: Workspace, way: Way, trip: Trip, said: Said) -> Answer:
    """The same session goes on, proven anew, so that a form that waits in another window can be sent."""
    person = cookie_session()
    asked_at = said.claims.get("auth_time")
    if isinstance(asked_at, int | float) and asked_at < time.time() - MINUTES:
        raise SignOnFailed("not asked again", _("Your provider did not ask you again. Log out and in once more."))
    same = arrivals.linked(database(), workspace, way.id, said)
    if person is None or person.id != trip.proves or person.identity_id != same:
        raise SignOnFailed("another person", _("This is another account than the one you are logged in with."))
    with database().controlling() as control:
        sessions.prove(control, person.id)
    response = see(trip.to)
    drop(response, TRIP)
    return response


def is_new_to_member(workspace: Workspace, way: Way, said: Said) -> bool:
    """Whether somebody with a session of their own account, who works here, came back with an account of the provider
    that is nobody's yet."""
    person = signed_in()
    if person is None or arrivals.linked(database(), workspace, way.id, said):
        return False
    try:
        with members.acting_identity(database(), workspace, person.identity_id, "page", reading=True):
            return True
    except members.NotAMember:
        return False


def offer(workspace: Workspace, state: str, said: Said) -> Answer:
    with database().controlling() as control:
        trips.keep(control, workspace, state, said)
    return see(f"/sso/{workspace.id}/link")


@front.get("/<int:number>/link")
def question(number: int) -> Answer:
    """Is it you? Asked inside a session of the person's own; without one, they log in as before and come back."""
    workspace, way = place(number)
    found = waiting(workspace)
    return render(None, "sso/link.html", workspace=workspace, way=way, offer=found, person=signed_in())


@front.post("/<int:number>/link")
@limited("20 per hour")
@when_fresh
def link(number: int) -> Answer:
    workspace, _way = place(number)
    found, person = waiting(workspace), signed_in()
    if person is None:
        raise SignInFirst()
    if not person.confirmed:
        raise Forbidden(_("Confirm your e-mail address first."))
    with database().controlling() as control:
        first = trips.forget(control, workspace, request.cookies.get(named(TRIP), ""))
    if not first:
        raise too_late()
    arrivals.link(database(), workspace, person.identity_id, found, address())
    with database().controlling() as control:
        known = control.get_one(Person, person.identity_id)
    if entrance.demanded(workspace):
        response = let_in(known, found.to, stay=False, proof="single sign-on", workspace_id=workspace.id)
    else:
        response = see(found.to)
    drop(response, TRIP)
    flash(_("Linked. From now on you can log in by single sign-on."))
    return response


def waiting(workspace: Workspace) -> Offer:
    with database().controlling() as control:
        found = trips.offered(control, workspace, request.cookies.get(named(TRIP), ""))
    if found is None:
        raise too_late()
    return found


def too_late() -> SignOnFailed:
    return SignOnFailed("no offer", _("This took too long. Start again."))


@front.get("/<int:number>/done")
def done(number: int) -> Answer:
    """Shown in the second window when the provider has asked."""
    workspace, _way = place(number)
    person = cookie_session()
    if person is None or person.workspace_id != workspace.id:
        raise SignInFirst()
    return render(None, "sso/done.html", fresh=person.fresh)


@front.errorhandler(SignOnFailed)
def failed(refusal: SignOnFailed) -> Answer:
    """What happened, in words for the person; why, in the log for whoever runs Okno."""
    number = (request.view_args or {}).get("number")
    log.warning("single sign-on of workspace %s failed: %s", number, refusal.reason)
    page = render(
        None, "error.html",
        title=refusal.title, text=refusal.detail, error_id=None, back=(f"/sso/{number}", _("Start again")),
    )  # fmt: skip
    return page, refusal.status
