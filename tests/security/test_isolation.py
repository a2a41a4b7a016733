"""Nobody reaches what is not theirs: every resource and every page, by every role, with ids that belong to others.

The tests walk what the application has (core.api.RESOURCES, the routes of all pages), so that a new one is tested the
day it appears, or fails here because nobody said how to make its record. After each few the DATABASE is compared,
all tables of both workspaces and the shared ones: a refusal that had changed something would not pass. Each record
bears a word that must not appear in any answer to those who may not see it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_origin
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from config.settings import settings
from core.access import DECIDED_BY, ROLES, VERBS
from core.actions import ACTIONS
from core.api import RESOURCES, Resource
from core.db import Workspace, database
from core.pages import Pages
from core.records import KINDS
from crm.models import METADATA
from tenants import tokens
from tenants.models import Member
from tests.factories import FACTORIES, one_of_each
from tests.security.test_accounts import SIGNED
from tests.shop import Shop, open_shop

MARK = "Tajemníček"
REFUSED = {401, 403, 404}
WHO = ("owner", "head", "sales", "field", "reader", "deactivated", "nobody")
NO_RESOURCE = {
    "member": "people are managed on the settings pages",
    "token": "a token that could make tokens would outlive its own revocation",
    "stage": "part of its pipeline",
    "form": "forms are made on the settings pages",
    "role": "rights are given on the settings pages",
    "department": "people are managed on the settings pages",
    "team": "people are managed on the settings pages",
    "invitation": "people are managed on the settings pages",
    "share": "a record is shared on its own page",
    "absence": "who takes over is decided after a look at the preview, on its own pages",
    "document": "made of a template at its deal, and downloaded there",
    "document_template": "templates are managed on the settings pages",
    "letterhead": "set on the settings pages",
    "till": "set on the settings pages",
    "connection": "single sign-on is set up on the settings pages",
    "domain": "single sign-on is set up on the settings pages",
    "link": "single sign-on is set up on the settings pages",
    "mail_template": "templates are managed on the settings pages",
    "telephone": "a telephone is connected on the settings pages",
    "scim_token": "a key that could make keys would outlive its own revocation",
}
LOOK = 25
# Parts of a page's path that are not ids of records, and a value for each.
WORDS = {
    "element": "table",
    "fact": "about",
    "key": "windows",
    "kind": "contact",
    "record_kind": "deal",
    "number": 0,
    "step": "take",
    "what": "cancel",
}
# The shared tables, and which of their rows are about a workspace (others come and go while other tests run).
IN_USE = "in (select identity_id from control.membership where workspace_id = {number})"
SHARED = {
    "workspace": "id = {number}",
    "membership": "workspace_id = {number}",
    "identity": f"id {IN_USE}",
    "mailed_link": f"identity_id {IN_USE}",
    "totp": f"identity_id {IN_USE}",
    "passkey": f"identity_id {IN_USE}",
    "recovery_code": f"identity_id {IN_USE}",
    "proven_domain": "workspace_id = {number}",
    "sign_on_trip": "workspace_id = {number}",
    "backup": "workspace_id = {number}",
    "restore": "workspace_id = {number}",
}


@dataclass
class Person:
    """Somebody with a session and a token, or without either."""

    browser: FlaskClient
    token: str = ""

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        return self.browser.application.test_client().open(f"/api/v1{path}", method=method, headers=headers, **options)


@dataclass
class House:
    shop: Shop
    ids: dict[str, UUID]
    people: dict[str, Person] = field(default_factory=dict)


@pytest.fixture(scope="module")
def houses(app: Flask) -> tuple[House, House]:
    """Two workspaces with a record of each kind, all made by the owner; the first has people of every role."""
    made = []
    for mark in (f"Ours {MARK}", f"Theirs {MARK}"):
        with app.test_request_context("/"):
            shop = open_shop(app)
        with shop.acting() as actor:
            made.append(House(shop, one_of_each(actor, mark)))
    ours, theirs = made
    for who in WHO:
        ours.people[who] = person(ours.shop, who)
    return ours, theirs


def person(shop: Shop, who: str) -> Person:
    if who == "nobody":
        return Person(shop.app.test_client())
    identity_id = shop.owner_id if who == "owner" else shop.member("sales" if who == "deactivated" else who)
    made = Person(shop.browser(identity_id), token_of(shop, identity_id))
    if who == "deactivated":
        with database().workspace(shop.workspace) as session, session.begin():
            session.scalars(select(Member).where(Member.identity_id == identity_id)).one().state = "deactivated"
    return made


def token_of(shop: Shop, identity_id: UUID) -> str:
    """A token also for those whose role may make none, as one made before a demotion."""
    with shop.acting(identity_id) as actor:
        actor.rights = ROLES["owner"]
        return tokens.create(actor, tokens.NewToken(name="test"))[1]


# ---- what must not change ----


class Watch:
    """The contents of all tables of some workspaces and of the shared ones, told apart table by table."""

    def __init__(self, *houses: House):
        queries = []
        for workspace in (house.shop.workspace for house in houses):
            queries += [self.query(workspace.schema, table.name, workspace) for table in METADATA.sorted_tables]
            queries += [
                self.query("control", name, workspace, condition.format(number=workspace.id))
                for name, condition in SHARED.items()
            ]
        self.query_all = sql.SQL(" union all ").join(queries)
        self.connection = psycopg.connect(settings().database_url, autocommit=True)

    def query(self, schema: str, table: str, workspace: Workspace, condition: str = "true") -> sql.Composed:
        """Rows and their versions as one hash; that a token was used is no change."""
        said = f"{schema}.{table} of {workspace.schema}"
        hashed = "md5(string_agg(kept::text, '' order by kept::text))"
        rows = "(select to_jsonb(t) - 'used_at' - 'addresses' - 'updated_at' as kept from {} t where " + condition + ")"
        return sql.SQL("select {}, count(*), " + hashed + " from " + rows + " rows").format(
            sql.Literal(said), sql.Identifier(schema, table)
        )

    def look(self) -> dict[str, Any]:
        return {row[0]: row[1:] for row in self.connection.execute(self.query_all)}


@pytest.fixture(scope="module")
def watch(houses: tuple[House, House]) -> Iterator[Watch]:
    watch = Watch(*houses)
    yield watch
    watch.connection.close()


@dataclass
class Guard:
    """Checks one answer after the other: refused, silent, and nothing changed. It looks after each LOOK of them, as a
    look at all tables takes longer than an answer; what was changed and changed back has left its version and event.
    """

    watch: Watch
    hidden: str = MARK
    before: dict[str, Any] = field(default_factory=dict)
    since: list[str] = field(default_factory=list)
    seen: int = 0

    def refused(self, said: str, answer: TestResponse, statuses: set[int] = REFUSED) -> None:
        assert answer.status_code in statuses, (said, answer.status_code, answer.get_data(as_text=True)[:400])
        self.nothing_happened(said, answer)

    def nothing_happened(self, said: str, answer: TestResponse) -> None:
        assert answer.status_code < 500, (said, answer.status_code)
        assert self.hidden not in answer.get_data(as_text=True), said
        self.seen += 1
        self.since.append(f"{said} {answer.status_code}")
        if len(self.since) >= LOOK:
            self.look()

    def look(self) -> None:
        after = self.watch.look()
        changed = [name for name in after if after[name] != self.before[name]]
        assert changed == [], (self.since, changed)
        self.since.clear()


@pytest.fixture
def guard(watch: Watch) -> Iterator[Guard]:
    guard = Guard(watch, before=watch.look())
    yield guard
    guard.look()


# ---- the API ----


def calls(resource: Resource, house: House) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every call of a resource that names a record: method, path, options."""
    path = f"/{resource.path}/{house.ids[resource.model.kind]}"
    overwrite = {"If-Match": "*"}
    yield "GET", path, {}
    if resource.update:
        known = resource.update.input.model_fields.keys() & resource.example.keys()
        yield "PATCH", path, {"json": {name: resource.example[name] for name in known}, "headers": overwrite}
        yield "PATCH", path, {"json": {}, "headers": {"If-Match": '"1"'}}
    if resource.delete:
        yield "DELETE", path, {}
    for verb, action in resource.verbs.items():
        required = {n: info.annotation for n, info in action.input.model_fields.items() if info.is_required()}
        needed = {name: [] if get_origin(kind) is list else "x" for name, kind in required.items() if name != "id"}
        body = needed | {name: str(named_by(house, name)) for name in action.input.model_fields if name.endswith("_id")}
        yield "POST", f"{path}/{verb}", {"json": body}


@pytest.mark.parametrize("who", WHO)
def test_by_api_nobody_reaches_a_record_of_another_workspace(
    houses: tuple[House, House], guard: Guard, who: str
) -> None:
    ours, theirs = houses
    for resource in RESOURCES.values():
        for method, path, options in calls(resource, theirs):
            guard.refused(f"{who}: {method} {path}", ours.people[who].call(method, path, **options), REFUSED | {422})
    assert guard.seen > 20


@pytest.mark.parametrize("who", WHO)
def test_by_api_nobody_lists_or_links_a_record_of_another_workspace(
    houses: tuple[House, House], guard: Guard, who: str
) -> None:
    ours, theirs = houses
    guard.hidden = f"Theirs {MARK}"
    for resource in RESOURCES.values():
        filters = [name for name, declared in resource.listing.filters.items() if declared.type is UUID]
        for query in ["", "?limit=200", *(f"?{name}={named_by(theirs, name)}" for name in filters)]:
            answer = ours.people[who].call("GET", f"/{resource.path}{query}")
            guard.nothing_happened(f"{who}: GET /{resource.path}{query}", answer)
            assert answer.status_code in REFUSED or not query.startswith("?limit") or answer.json is not None
        links = [name for name in resource.create.input.model_fields if name.endswith("_id")] if resource.create else []
        for name in links:
            body = {**resource.example, name: str(named_by(theirs, name))}
            answer = ours.people[who].call("POST", f"/{resource.path}", json=body)
            guard.refused(f"{who}: POST /{resource.path} {name}", answer, REFUSED | {422})
            if resource.update is None:
                continue
            body = {name: str(named_by(theirs, name))}
            path = f"/{resource.path}/{ours.ids[resource.model.kind]}"
            answer = ours.people[who].call("PATCH", path, json=body, headers={"If-Match": "*"})
            guard.refused(f"{who}: PATCH {path} {name}", answer, REFUSED | {422})


def named_by(house: House, field_name: str) -> UUID:
    """A record of the house that a field such as owner_id could name."""
    kind = field_name.removesuffix("_id")
    return house.ids.get(kind, house.ids["member"])


def test_a_token_opens_its_own_workspace_alone(houses: tuple[House, House], guard: Guard) -> None:
    ours, theirs = houses
    _, number, secret = ours.people["owner"].token.split("_", 2)
    stranger = Person(ours.shop.app.test_client(), f"okno_{theirs.shop.workspace.id}_{secret}")
    assert number == str(ours.shop.workspace.id)
    for resource in RESOURCES.values():
        guard.refused(f"GET /{resource.path}", stranger.call("GET", f"/{resource.path}"), {401})


@pytest.mark.parametrize("who", ["field", "reader", "deactivated", "nobody"])
def test_by_api_rights_hold_at_home(houses: tuple[House, House], guard: Guard, who: str) -> None:
    """A field worker does not even see the owner's records; a reader sees them and changes none."""
    ours, _theirs = houses
    for resource in RESOURCES.values():
        for method, path, options in calls(resource, ours):
            answer = ours.people[who].call(method, path, **options)
            seen = ROLES.get(who, {}).get(resource.model.kind, {}).get("view")
            if method == "GET" and seen == "all":
                assert answer.status_code == 200, (who, path)
                continue
            guard.refused(f"{who}: {method} {path}", answer)


# ---- the pages ----


def page_rules(app: Flask, *, with_ids: bool) -> list[Rule]:
    """Routes of pages inside a workspace, with or without the id of a record in their path."""
    inside = {name for name, blueprint in app.blueprints.items() if isinstance(blueprint, Pages)}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.split(".")[0] in inside]
    return [rule for rule in rules if any(name.endswith("_id") for name in rule.arguments) == with_ids]


def filled(rule: Rule, ids: dict[str, UUID]) -> str:
    """The path of a rule, with these ids in it. Fails where nobody has said what a part of it is."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        kind = "contact" if name == "record_id" else name.removesuffix("_id")
        values[name] = WORDS[name] if name in WORDS else ids[kind]
    return str(rule.build(values)[1])  # type: ignore[index]


def visits(app: Flask, house: House) -> Iterator[tuple[str, str]]:
    for rule in page_rules(app, with_ids=True):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield method, filled(rule, house.ids)


def visit(who: Person, method: str, path: str, csrf: str, ids: dict[str, UUID]) -> TestResponse:
    """Go there; a POST carries a valid CSRF token and names the records wherever a form may name one."""
    if method == "GET":
        return who.browser.get(path)
    named: dict[str, Any] = {f"{kind}_id": str(record_id) for kind, record_id in ids.items()}
    listed = [str(record_id) for record_id in ids.values()]
    form = {"csrf_token": csrf, "id": listed, "ids": listed, "name": "x", "until": "today", "version": "1"}
    return who.browser.post(path, data={**named, "owner_id": named["member_id"], "stage": named["stage_id"], **form})


def csrf_of(who: Person) -> str:
    """The token that a form of this visitor carries: of the sign-in page, which everybody may open."""
    with who.browser.session_transaction() as stored:
        stored.setdefault("csrf_token", "0" * 40)
        raw = stored["csrf_token"]
    from itsdangerous import URLSafeTimedSerializer

    app = who.browser.application
    return str(URLSafeTimedSerializer(app.secret_key or "", salt="wtf-csrf-token").dumps(raw))


@pytest.mark.parametrize("who", WHO)
def test_on_pages_nobody_reaches_a_record_of_another_workspace(
    app: Flask, houses: tuple[House, House], guard: Guard, who: str
) -> None:
    """Their ids under our address, and their whole workspace under its own."""
    ours, theirs = houses
    visitor = ours.people[who]
    csrf = csrf_of(visitor)
    for method, path in visits(app, theirs):
        for place in (ours.shop, theirs.shop):
            answer = visit(visitor, method, place.path(path), csrf, theirs.ids)
            said = f"{who}: {method} {place.path(path)}"
            if who == "nobody":
                assert answer.headers.get("Location", "").startswith("/login?"), said
                guard.nothing_happened(said, answer)
            else:
                guard.refused(said, answer, REFUSED | {422})
    for rule in page_rules(app, with_ids=False):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            path = theirs.shop.path(filled(rule, {}))
            answer = visit(visitor, method, path, csrf, theirs.ids)
            guard.refused(f"{who}: {method} {path}", answer, {303} if who == "nobody" else {403, 404})
    assert guard.seen > 50


@pytest.mark.parametrize("who", ["owner", "head", "sales", "field", "reader"])
def test_no_page_of_ours_shows_what_is_theirs(app: Flask, houses: tuple[House, House], guard: Guard, who: str) -> None:
    ours, theirs = houses
    guard.hidden = f"Theirs {MARK}"
    named = "&".join(f"{kind}_id={record_id}" for kind, record_id in theirs.ids.items())
    for rule in page_rules(app, with_ids=False):
        if "GET" in (rule.methods or ()):
            for query in ("", f"?q={MARK}", f"?{named}"):
                path = ours.shop.path(filled(rule, {})) + query
                answer = ours.people[who].browser.get(path)
                guard.nothing_happened(f"{who}: {path}", answer)


@pytest.mark.parametrize("who", ["owner", "head", "sales", "field", "reader"])
def test_a_form_that_names_records_of_theirs_leaves_them_alone(
    app: Flask, houses: tuple[House, House], watch: Watch, who: str
) -> None:
    """Forms without an id in their path may well change something of ours, but nothing there."""
    ours, theirs = houses
    visitor = ours.people[who]
    csrf = csrf_of(visitor)
    schema = theirs.shop.workspace.schema
    before = {name: row for name, row in watch.look().items() if name.endswith(schema)}
    sent: list[str] = []

    def unchanged() -> None:
        assert {name: row for name, row in watch.look().items() if name.endswith(schema)} == before, sent
        sent.clear()

    for rule in page_rules(app, with_ids=False):
        if "POST" in (rule.methods or ()):
            path = ours.shop.path(filled(rule, {}))
            answer = visit(visitor, "POST", path, csrf, theirs.ids)
            assert answer.status_code < 500, (path, answer.status_code)
            sent.append(path)
            if len(sent) == LOOK:
                unchanged()
    unchanged()


@pytest.mark.parametrize("who", ["field", "reader", "deactivated", "nobody"])
def test_on_pages_rights_hold_at_home(app: Flask, houses: tuple[House, House], guard: Guard, who: str) -> None:
    ours, _theirs = houses
    visitor = ours.people[who]
    csrf = csrf_of(visitor)
    guard.hidden = "no such word" if who == "reader" else MARK
    known = ("pipeline", "/people/")  # what everybody who works here may look at
    for method, path in visits(app, ours):
        answer = visit(visitor, method, ours.shop.path(path), csrf, ours.ids)
        said = f"{who}: {method} {path}"
        if who == "nobody":
            assert answer.headers.get("Location", "").startswith("/login?"), said
            guard.nothing_happened(said, answer)
        elif method == "POST" or who == "deactivated":
            guard.refused(said, answer, REFUSED if who == "deactivated" else REFUSED | {422})
        elif who == "field" and not any(part in path for part in known):
            guard.refused(said, answer)
        else:
            guard.since.append(said)
    guard.look()


# ---- what is declared ----


def test_every_kind_of_record_has_a_resource_or_a_reason_and_a_factory() -> None:
    assert {resource.model.kind for resource in RESOURCES.values()} | NO_RESOURCE.keys() == KINDS.keys()
    assert not {resource.model.kind for resource in RESOURCES.values()} & NO_RESOURCE.keys()
    assert KINDS.keys() == FACTORIES.keys()


def test_every_action_asks_for_a_declared_right() -> None:
    for action in ACTIONS.values():
        kind, verb = action.right
        assert verb in VERBS[kind], action.name
    for resource in RESOURCES.values():
        kind, verb = DECIDED_BY.get(resource.model.kind, (resource.model.kind, "view"))
        assert verb in VERBS[kind], resource.path


def test_every_role_names_declared_rights_alone() -> None:
    for role, rights in ROLES.items():
        for kind, verbs in rights.items():
            assert verbs.keys() <= set(VERBS[kind]), role
    assert all(scope == "all" for verbs in ROLES["owner"].values() for scope in verbs.values())


def test_every_form_is_refused_without_its_csrf_token(app: Flask, houses: tuple[House, House], guard: Guard) -> None:
    ours, _theirs = houses
    browser = ours.people["owner"].browser
    inside = {rule.rule for rule in (*page_rules(app, with_ids=True), *page_rules(app, with_ids=False))}
    forms = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    posts = [rule for rule in forms if not rule.rule.startswith(("/api/", "/scim/", *SIGNED))]
    assert len(posts) > 20
    for rule in posts:
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<uuid:{name}>", str(ours.ids["contact"])).replace(f"<{name}>", "about")
            path = path.replace(f"<int:{name}>", str(ours.shop.workspace.id))
        path = ours.shop.path(path) if rule.rule in inside else path
        for form in ({}, {"csrf_token": "forged"}):
            guard.hidden = "no such word"
            guard.refused(f"POST {path}", browser.post(path, data=form), {400})
