"""The API kit: resources declared once become routes, OpenAPI entries and the subjects of the security tests.

    contacts = Resource("contacts", Contact, ContactOut, listing, create=create, update=change, delete=delete)

GET lists and single records, POST creates, PATCH changes with If-Match, DELETE puts into the bin, and further actions
are POST /contacts/{id}/{verb}. All writes are actions; answers of writes are what a GET would give to the same actor.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import BaseModel
from sqlalchemy import Numeric, Row, Text, cast, func, literal_column

from core.actions import Action
from core.actor import Actor
from core.db import as_uuid
from core.errors import Conflict, Invalid, NotFound, Refusal
from core.listing import MOST, Ask, Listing
from core.masking import is_hidden, nothing_of, replacement
from core.records import Record

RESOURCES: dict[str, "Resource"] = {}
KNOWN = frozenset({"q", "sort", "cursor", "limit"})
MAX_KEY, MAX_Q = 255, 200  # characters


class NotUnderstood(Refusal):
    """The body cannot be read at all, so no field can be named."""

    status = 400
    title = _l("This request cannot be understood")


class NotJson(Refusal):
    """The body comes as something else than JSON."""

    status = 415
    title = _l("This content cannot be taken")

    def __init__(self) -> None:
        super().__init__(_("Send JSON, with Content-Type: application/json."))


class NeedsVersion(Refusal):
    """A change without If-Match would silently overwrite what somebody else wrote meanwhile."""

    status = 428
    title = _l("Say which version you change")

    def __init__(self) -> None:
        super().__init__(_("Send If-Match with the ETag you read, or If-Match: * to overwrite whatever is there."))


@dataclass(frozen=True)
class Resource:
    """One kind of record in the API. `out` names the fields of an answer; each is a column of the model, unless
    `columns` says how to select it. `example` is a body that `create` takes, for the document, and `more` are the
    document's paths for routes of this resource that are written by hand."""

    path: str
    model: type[Record]
    out: type[BaseModel]
    listing: Listing
    create: Action[Any, Any] | None = None
    update: Action[Any, Any] | None = None
    delete: Action[Any, Any] | None = None
    verbs: Mapping[str, Action[Any, Any]] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        RESOURCES[self.path] = self

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.out.model_fields)

    @cached_property
    def selected(self) -> tuple[Any, ...]:
        """id, version and the whole answer as PostgreSQL writes it in JSON, to be passed on as it is."""
        return self.selected_without(frozenset())

    def selected_for(self, actor: Actor) -> tuple[Any, ...]:
        """The same for this actor, with nothing in the fields that they may not see."""
        hidden = frozenset(actor.hidden(self.model.kind))
        return self.selected_without(hidden) if hidden else self.selected

    def selected_without(self, hidden: frozenset[str]) -> tuple[Any, ...]:
        """A decimal number is a text in it, so that no reader makes a binary fraction of it. The columns stand in the
        statement as one text, since SQLAlchemy looks at every element of a statement anew for each request; those that
        are hidden, or might show what is, stand in it as expressions, where core.masking finds them.
        """
        written, expressions = [], []
        for name in self.fields:
            if name in self.columns:
                expressions += [literal_column(f"'{name}'"), self.columns[name]]
                continue
            column = self.model.__table__.columns[name]
            if hidden and (name == "name" or is_hidden(name, hidden)):
                shown = (
                    nothing_of(column) if is_hidden(name, hidden) else replacement(column, {column.table.name: hidden})
                )
                expressions += [literal_column(f"'{name}'"), column if shown is None else shown]
                continue
            exact = isinstance(column.type, Numeric) and column.type.asdecimal
            written.append(f"'{name}', {column.table.name}.\"{column.name}\"{'::text' if exact else ''}")
        json = func.json_build_object(literal_column(", ".join(written)), *expressions)
        return self.model.id, self.model.version, cast(json, Text).label("json")

    def one(self, actor: Actor, record_id: UUID | None) -> Row[Any]:
        """One record as `selected`. Raises NotFound."""
        query = actor.visible(self.model, *self.selected_for(actor)).where(self.model.id == record_id)
        row = actor.db.connection().execute(query).first()
        if row is None:
            raise NotFound()
        return row


def answer(body: Any, status: int = 200) -> Response:
    """Any value as JSON."""
    return sent(dump(body), status)


def sent(json: str | bytes, status: int = 200, version: int | None = None) -> Response:
    """JSON that is written already, with the ETag of a record's version."""
    response = Response(json, status, content_type="application/json")
    if version is not None:
        response.headers["ETag"] = f'"{version}"'
    return response


def dump(body: Any) -> bytes:
    return orjson.dumps(body, default=str)


def problem(refusal: Refusal) -> Response:
    """RFC 9457. `errors` lists the fields to correct, each with a JSON pointer-like name and a sentence."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(refusal.title),
        "status": refusal.status,
        "detail": str(refusal.detail),
        **refusal.extra,
    }
    if isinstance(refusal, Invalid):
        body["errors"] = [{"field": name, "message": str(message)} for name, message in refusal.fields]
    response = Response(dump(body), refusal.status, content_type="application/problem+json")
    if isinstance(refusal, Conflict):
        response.headers["ETag"] = f'"{refusal.current}"'
    return response


def entering() -> AbstractContextManager[Actor]:
    """The actor of this request, by its Bearer token: made by whoever wires the application (crm.app)."""
    enter: Callable[[], AbstractContextManager[Actor]] = current_app.extensions["okno.enter_api"]
    return enter()


def routes(resource: Resource) -> Blueprint:
    """The resource's endpoints as a blueprint, to be registered under /api/v1."""
    api = Blueprint(f"api_{resource.path}", __name__, url_prefix=f"/{resource.path}")

    @api.get("")
    def index() -> Response:
        with entering() as actor:
            actor.require((resource.model.kind, "view"))
            page = resource.listing.page(actor, asked(), *resource.selected_for(actor))
            rows = ",".join([row.json for row in page.rows])
            return sent(f'{{"data":[{rows}],"next":{dump(page.next).decode()}}}')

    @api.get("/<record_id>")
    def show(record_id: str) -> Response:
        with entering() as actor:
            actor.require((resource.model.kind, "view"))
            found = resource.one(actor, as_uuid(record_id))
            return sent(found.json, version=found.version)

    if resource.create:
        create = resource.create

        @api.post("")
        def add() -> Response:
            with entering() as actor:
                return once(actor, lambda: acted(actor, resource, create, body_values(), 201))

    if resource.update:
        update = resource.update

        @api.patch("/<record_id>")
        def change(record_id: str) -> Response:
            with entering() as actor:
                values = {**body_values("id", "version"), "id": known_id(record_id), "version": wanted_version()}
                return acted(actor, resource, update, values)

    if resource.delete:
        delete = resource.delete

        @api.delete("/<record_id>")
        def remove(record_id: str) -> Response:
            with entering() as actor:
                delete(actor, delete.parse_json({"id": known_id(record_id), **version_if_sent(delete)}))
                return Response(status=204)

    for verb, action in resource.verbs.items():
        api.add_url_rule(f"/<record_id>/{verb}", verb, verb_route(resource, action), methods=["POST"])
    return api


def verb_route(resource: Resource, action: Action[Any, Any]) -> Callable[[str], Response]:
    def act(record_id: str) -> Response:
        with entering() as actor:
            values = body_values("id", "version", optional=True)
            values |= {"id": known_id(record_id), **version_if_sent(action)}
            return once(actor, lambda: acted(actor, resource, action, values))

    return act


def acted(
    actor: Actor, resource: Resource, action: Action[Any, Any], values: dict[str, Any], status: int = 200
) -> Response:
    """Run the action and answer as GET would. Who may not do it at all is told so before what was sent is looked at."""
    actor.require(action.right)
    with actor.transaction():
        record = action(actor, action.parse_json(values))
        actor.db.flush()
        shown = resource.one(actor, record.id)
    return sent(shown.json, status, shown.version)


def known_id(record_id: str) -> UUID:
    identifier = as_uuid(record_id)
    if identifier is None:
        raise NotFound()
    return identifier


def asked() -> Ask:
    """The list that the URL asks for: everything that is not a known parameter is a filter."""
    given = request.args
    repeated = [name for name in given if len(given.getlist(name)) > 1]
    if repeated:
        raise Invalid(*((name, _("Give this only once.")) for name in repeated))
    try:
        limit = int(given.get("limit", "50"))
    except ValueError:
        limit = 0
    if not 1 <= limit <= MOST:
        raise Invalid(("limit", _("Write a whole number from 1 to %(most)s.", most=MOST)))
    if given.get("sort") == "":
        raise Invalid(("sort", _("Name an order, or leave this out.")))
    if len(given.get("q", "")) > MAX_Q:
        raise Invalid(("q", _("Too long: at most %(max_length)s characters.", max_length=MAX_Q)))
    zeros = [name for name, value in given.items() if "\0" in value or "\0" in name]
    if zeros:
        raise Invalid(*((name, _("Zero bytes cannot be searched for.")) for name in zeros))
    filters = {name: value for name, value in given.items() if name not in KNOWN}
    return Ask(given.get("q", ""), given.get("sort", ""), given.get("cursor", ""), limit, filters)


def body_values(*elsewhere: str, optional: bool = False) -> dict[str, Any]:
    """The JSON object of the request. Names that belong elsewhere (in the path, in If-Match) are refused."""
    raw = request.get_data(cache=True)
    if optional and not raw:
        return {}
    if request.mimetype != "application/json":
        raise NotJson()
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise NotUnderstood(_("This is not valid JSON.")) from None
    if not isinstance(values, dict):
        raise NotUnderstood(_("Send a JSON object."))
    wrong = values.keys() & set(elsewhere)
    if wrong:
        raise Invalid(*((name, _("There is no such field.")) for name in sorted(wrong)))
    return values


def wanted_version() -> int | None:
    """The version If-Match names; None for *. Raises NeedsVersion where the header is missing."""
    given = request.headers.get("If-Match")
    if given is None:
        raise NeedsVersion()
    given = given.strip()
    if given == "*":
        return None
    number = given.removeprefix("W/").strip('"')
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise Invalid(("If-Match", _('Send the ETag as you read it, such as "3".')))
    return int(number)


def version_if_sent(action: Action[Any, Any]) -> dict[str, int | None]:
    """The version to be checked, where the request names one and the action looks at it."""
    wanted = "If-Match" in request.headers and "version" in action.input.model_fields
    return {"version": wanted_version()} if wanted else {}


def once(actor: Actor, act: Callable[[], Response], body_hash: bytes | None = None) -> Response:
    """Do it, or where the Idempotency-Key was used before, give the same answer again without doing it.

    `body_hash` is for a body that was read already.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return act()
    if not 1 <= len(key) <= MAX_KEY or not re.fullmatch("[!-~]+", key):
        raise Invalid(("Idempotency-Key", _("Use 1 to %(most)s letters and digits, without spaces.", most=MAX_KEY)))
    answers = current_app.extensions["okno.answers"]
    route = f"{request.method} {request.path}"
    body_hash = body_hash or hashlib.sha256(request.get_data(cache=True)).digest()
    with actor.transaction():
        kept = answers.claim(actor, key, route, body_hash)
        if kept is None:
            response = act()
            answers.keep(actor, key, response.status_code, response.get_data(), response.headers.get("ETag"))
            return response
    if (kept.route, kept.body_hash) != (route, body_hash):
        raise Invalid(("Idempotency-Key", _("This key was used for another request. Use a new one.")))
    response = Response(kept.body, kept.status, content_type="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    if kept.etag:
        response.headers["ETag"] = kept.etag
    return response
