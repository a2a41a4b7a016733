"""A workspace in the hands of a test: actors of any role, a browser-like client, an API client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core.actor import Actor
from core.db import Database, Workspace, database
from core.ids import new_id
from crm.deals.models import Pipeline, Stage
from crm.industries import furnish, setup_of
from tenants import members, sessions, tokens
from tenants.models import Person
from tenants.signup import open_workspace


@dataclass
class Shop:
    app: Flask
    workspace: Workspace
    owner_id: UUID
    base: Database

    @contextmanager
    def acting(self, identity_id: UUID | None = None) -> Iterator[Actor]:
        """The Actor of the owner, or of another member, within a request so that texts have a language."""
        with (
            self.app.test_request_context("/"),
            members.acting_identity(self.base, self.workspace, identity_id or self.owner_id, "cli") as actor,
        ):
            yield actor

    def member(self, role: str, name: str = "Ondřej Král") -> UUID:
        """A further member with a ready-made role; returns the identity's id."""
        person = new_person(self.base, name)
        with self.base.controlling() as control:
            members.enter_directory(control, person.id, self.workspace.id)
        with self.base.workspace(self.workspace) as session, session.begin():
            members.join(session, person.id, person.name, person.email, role, "en", "Europe/Prague")
        return person.id

    def token(self, identity_id: UUID | None = None) -> str:
        with self.acting(identity_id) as actor:
            return tokens.create(actor, tokens.NewToken(name="test"))[1]

    def api(self, identity_id: UUID | None = None) -> "Api":
        return Api(self.app.test_client(), self.token(identity_id))

    def browser(self, identity_id: UUID | None = None) -> FlaskClient:
        """A client with the session cookie; paths start with /<slug>/. CSRF tokens: see `csrf`."""
        client = self.app.test_client()
        client.set_cookie("okno", self.session(identity_id))
        return client

    def session(self, identity_id: UUID | None = None) -> str:
        """The value of a fresh session cookie."""
        with self.base.controlling() as control:
            return sessions.start(control, identity_id or self.owner_id, "127.0.0.1", "test")

    def path(self, path: str) -> str:
        return f"/{self.workspace.slug}{path}"

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """What the database holds, seen from inside the workspace."""
        with self.base.workspace(self.workspace) as session:
            return list(session.execute(text(sql), values).all())


@dataclass
class Api:
    client: FlaskClient
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`path` is below /api/v1; header names with underscores: If_Match, Idempotency_Key."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        extra = {} if body is None else {"json": body}
        return self.client.open(
            f"/api/v1{path}", method=method, headers={"Authorization": f"Bearer {self.token}", **given}, **extra
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any, version: int | str = "*") -> Any:
        return self.call("PATCH", path, body, If_Match=version if version == "*" else f'"{version}"')

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)


def open_shop(
    app: Flask,
    industry: str = "windows",
    language: str = "en",
    base: Database | None = None,
    plan: str = "business",
    *,
    whole: bool = False,
) -> Shop:
    """A fresh workspace in `base`, by default the database of this process's settings, with the pipelines of the
    industry, or with the `whole` of it. The plan matters only where the installation has payments, as the site of the
    browser tests does."""
    base = base or database()
    person = new_person(base, "Jana Dvořáková", language)
    workspace = open_workspace(
        base,
        person,
        slug=f"shop-{person.id.hex[-12:]}",
        name="Okna Horák",
        industry=industry,
        language=language,
        time_zone="Europe/Prague",
        country="CZ",
        currency="CZK",
        furnish=furnish if whole else pipelines_alone,
    )
    with base.controlling() as control:
        given = {"plan": plan, "seats": 1000 if plan != "free" else 0, "id": workspace.id}
        control.execute(text("update control.workspace set plan = :plan, seats = :seats where id = :id"), given)
    return Shop(app, replace(workspace, plan=plan), person.id, base)


def pipelines_alone(actor: Actor, industry: str) -> None:
    """Without the roles, texts and processes of the industry, which a test has not asked for, and without a trace."""
    for position, given in enumerate(setup_of(industry, actor.workspace.language).pipelines):
        pipeline = Pipeline(position=position, **given.model_dump(exclude={"key", "stages"}))
        actor.db.add(pipeline)
        actor.db.flush()
        stages = [stage.model_dump(exclude={"key"}) for stage in given.stages]
        actor.db.add_all(Stage(pipeline_id=pipeline.id, position=number, **one) for number, one in enumerate(stages))


def new_person(base: Database, name: str, language: str = "en") -> Person:
    """A confirmed identity with no usable password."""
    with base.controlling() as control:
        person = Person(email=f"{new_id().hex}@example.com", name=name, password_hash="none", language=language)
        control.add(person)
        control.flush()
        control.execute(text("update control.identity set confirmed_at = now() where id = :id"), {"id": person.id})
        return person


def csrf(client: FlaskClient, path: str) -> str:
    """The CSRF token of a page's form."""
    page = client.get(path).get_data(as_text=True)
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
