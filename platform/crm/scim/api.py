"""The SCIM endpoints, at /scim/v2. By its key alone a provider is let in; errors have SCIM's form."""

import hashlib
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, current_app, g, request
from flask_limiter import RequestLimit
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from core.actor import Actor
from core.db import as_uuid, database
from core.errors import Invalid, NotFound, Refusal
from crm.accounts.limits import limiter
from crm.doors import reading
from crm.errors import status_of
from crm.scim import patches, shapes
from crm.scim.patches import Refused
from crm.scim.shapes import ERROR, Json
from tenants import provisioning
from tenants.models import Member
from tenants.provisioning import Taken
from tenants.tokens import NotSignedIn

log = logging.getLogger(__name__)
scim = Blueprint("scim", __name__, url_prefix="/scim/v2")
RATE = "600 per minute"


def key_given() -> str:
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def whose_turn() -> str:
    """Limits by key, and by address for who has none; Valkey gets no keys to keep."""
    return hashlib.sha256((key_given() or request.remote_addr or "").encode()).hexdigest()


def too_many(_limit: RequestLimit) -> Response:
    return error(429, "Too many requests. Wait a minute.")


limited = limiter.shared_limit(RATE, scope="scim", key_func=whose_turn, on_breach=too_many)


@contextmanager
def entering() -> Iterator[Actor]:
    with provisioning.acting_provider(
        database(), key_given(), g.request_id, request.remote_addr or "", reading=reading()
    ) as actor:
        yield actor


@scim.get("/Users")
@limited
def index() -> Response:
    with entering() as actor:
        actor.require(("member", "view"))
        start, count = max(1, number("startIndex", 1)), min(shapes.MOST, max(0, number("count", shapes.MOST)))
        asked = patches.filter_in(request.args.get("filter", ""))
        total, found = provisioning.listed(actor, start=start, count=count, **asked)
        return sent(shapes.page(total, start, [shapes.user(member, base()) for member in found]))


@scim.get("/Users/<member_id>")
@limited
def show(member_id: str) -> Response:
    with entering() as actor:
        actor.require(("member", "view"))
        return sent(shapes.user(provisioning.find(actor, as_uuid(member_id)), base()))


@scim.post("/Users")
@limited
def create() -> Response:
    with entering() as actor:
        actor.require(provisioning.provision.right)
        values = shapes.fields_of(body())
        values.setdefault("name", values.get("email", "").partition("@")[0])
        try:
            member = provisioning.provision(actor, provisioning.provision.parse(values))
        except IntegrityError:
            raise Taken("This address is in the list already.") from None
        return answer(actor, member, 201)


@scim.put("/Users/<member_id>")
@limited
def replace(member_id: str) -> Response:
    """The whole user; what we keep and the provider leaves out stays as it is, since nobody is without a role."""
    return changed(member_id, shapes.fields_of)


@scim.patch("/Users/<member_id>")
@limited
def change(member_id: str) -> Response:
    return changed(member_id, patches.fields_in)


@scim.delete("/Users/<member_id>")
@limited
def deactivate(member_id: str) -> Response:
    """The member leaves; members are never deleted, since records name them."""
    with entering() as actor:
        provisioning.keep(actor, provisioning.keep.parse({"id": known(member_id), "active": False}))
        return Response(status=204)


def changed(member_id: str, read: Any) -> Response:
    with entering() as actor:
        actor.require(provisioning.keep.right)
        identifier, values = known(member_id), read(body())
        with actor.transaction():
            email = values.pop("email", None)
            member = provisioning.find(actor, identifier)
            if email is not None and email.lower() != member.email.lower():
                raise Refused("mutability", "userName cannot be changed.")
            member = provisioning.keep(actor, provisioning.keep.parse({**values, "id": identifier}))
        return answer(actor, member)


def answer(actor: Actor, member: Member, status: int = 200) -> Response:
    """The user as it is now."""
    actor.db.refresh(member)
    return sent(shapes.user(member, base()), status)


@scim.get("/ServiceProviderConfig")
@limited
def provider_config() -> Response:
    with entering():
        return sent(shapes.config(base()))


@scim.get("/ResourceTypes")
@limited
def resource_types() -> Response:
    with entering():
        found = shapes.types(base())
        return sent(shapes.page(len(found), 1, found))


@scim.get("/ResourceTypes/<name>")
@limited
def resource_type(name: str) -> Response:
    with entering():
        return one_of(shapes.types(base()), name)


@scim.get("/Schemas")
@limited
def schemas() -> Response:
    with entering():
        found = shapes.schemas(base())
        return sent(shapes.page(len(found), 1, found))


@scim.get("/Schemas/<name>")
@limited
def schema(name: str) -> Response:
    with entering():
        return one_of(shapes.schemas(base()), name)


def one_of(found: list[Json], name: str) -> Response:
    for one in found:
        if one["id"] == name:
            return sent(one)
    raise NotFound()


def base() -> str:
    return f"{current_app.config['OKNO'].url}/scim/v2"


def known(member_id: str) -> UUID:
    identifier = as_uuid(member_id)
    if identifier is None:
        raise NotFound()
    return identifier


def number(name: str, usual: int) -> int:
    given = request.args.get(name, "")
    if not given:
        return usual
    try:
        return max(-1, min(int(given), 10_000_000)) if len(given) < 12 else usual
    except ValueError:
        raise Refused("invalidValue", f"{name} is a number.") from None


def body() -> Json:
    if request.mimetype not in ("application/scim+json", "application/json"):
        raise Refused("invalidSyntax", "Send application/scim+json.")
    try:
        found = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Refused("invalidSyntax", "This is not valid JSON.") from None
    if not isinstance(found, dict):
        raise Refused("invalidSyntax", "Send a JSON object.")
    return found


def sent(found: Json, status: int = 200) -> Response:
    response = Response(orjson.dumps(found), status, content_type="application/scim+json")
    location = found.get("meta", {}).get("location")
    if location and status == 201:
        response.headers["Location"] = location
    return response


@scim.route("/<path:_rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@limited
def nothing(_rest: str) -> Response:
    raise NotFound()


@scim.errorhandler(Refusal)
def refused(refusal: Refusal) -> Response:
    """A refusal of an action in SCIM's form."""
    if isinstance(refusal, Invalid):
        said = " ".join(f"{name}: {message}" for name, message in refusal.fields)
        return error(400, said, "invalidValue")
    if isinstance(refusal, Taken):
        return error(409, str(refusal.detail), "uniqueness")
    kind = refusal.kind if isinstance(refusal, Refused) else None
    response = error(refusal.status, str(refusal.detail or refusal.title), kind)
    if isinstance(refusal, NotSignedIn):
        response.headers["WWW-Authenticate"] = 'Bearer realm="okno"'
    return response


@scim.errorhandler(HTTPException)
def not_understood(found: HTTPException) -> Response:
    return error(found.code or 400, found.name)


@scim.errorhandler(Exception)
def failed(found: Exception) -> Response:
    """Something we did not foresee: an id for the provider, the trace in the log."""
    error_id = uuid.uuid4().hex[:8]
    log.error("failure %s at %s %s", error_id, request.method, request.endpoint, exc_info=found)
    response = error(status_of(found), f"Something went wrong here: {error_id}.")
    response.headers["Retry-After"] = "30"
    return response


def error(status: int, detail: str, kind: str | None = None) -> Response:
    said = {"schemas": [ERROR], "status": str(status), "detail": detail, **({"scimType": kind} if kind else {})}
    return Response(orjson.dumps(said), status, content_type="application/scim+json")
