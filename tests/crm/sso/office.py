"""A workspace whose people come by single sign-on, in the hands of a test."""

import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.actor import Actor
from crm.sso import connections, domains
from tenants import roles
from tenants.directory import directory
from tenants.sign_on_models import Connection, Domain
from tests.idp import CLIENT, SECRET, Dns, Idp
from tests.shop import Shop, csrf


@dataclass
class Office:
    shop: Shop
    idp: Idp
    names: Dns

    @property
    def domain(self) -> str:
        return f"{self.shop.workspace.slug}.example.org"

    @property
    def number(self) -> int:
        return self.shop.workspace.id

    def address(self, name: str = "petr") -> str:
        return f"{name}@{self.domain}"

    def connect(self, **values: Any) -> Connection:
        """The provider, set up as the settings page does."""
        with self.shop.acting() as actor:
            given = {
                "issuer": self.idp.issuer, "client_id": CLIENT, "secret": SECRET, "button": "Log in with Pilot",
                "default_role_id": role_id(actor, "sales"), **values,
            }  # fmt: skip
            made = connections.save(actor, connections.save.parse(given))
        directory.forget()
        return made

    def prove(self, name: str = "") -> Domain:
        with self.shop.acting() as actor:
            domain = domains.add(actor, domains.NewDomain(name=name or self.domain))
            self.names.records[domains.record_name(domain)] = [domains.record_text(domain)]
            proven = domains.check(actor, domains.OneDomain(id=domain.id))
            assert proven.proven_at
            return proven

    def ready(self, **values: Any) -> "Office":
        self.connect(**values)
        self.prove()
        return self

    def stranger(self) -> FlaskClient:
        client = self.shop.app.test_client()
        client.environ_base["REMOTE_ADDR"] = ".".join(str(random.randint(1, 250)) for _ in range(4))
        return client

    def leave(self, client: FlaskClient, to: str = "/today", **more: str) -> str:
        """Set out for the provider; returns the URL one is sent to."""
        query = "&".join(f"{name}={quote(value)}" for name, value in {"next": self.shop.path(to), **more}.items())
        answer = client.get(f"/sso/{self.number}/begin?{query}")
        assert answer.status_code == 303, answer.text
        return str(answer.location)

    def come(self, client: FlaskClient, subject: str, to: str = "/today", **more: str) -> TestResponse:
        """All the way: to the provider, in as this person, and back."""
        return client.get(self.idp.authorize(self.leave(client, to, **more), subject))

    def members(self) -> list[Any]:
        return self.shop.rows(
            "select member.*, role.key from member join role on role.id = member.role_id order by member.id"
        )

    def control(self, sql: str, **values: Any) -> Any:
        with self.shop.base.controlling() as control:
            return (
                control.execute(text(sql), values).all()
                if sql.startswith("select")
                else control.execute(text(sql), values)
            )


def role_id(actor: Actor, key: str) -> UUID:
    return next(role.id for role in roles.all_roles(actor) if role.key == key)


def went(answer: TestResponse, path: str) -> None:
    """The answer leads there."""
    assert answer.status_code == 303, (answer.status_code, answer.text[-1500:])
    assert urlsplit(str(answer.location)).path == path, answer.location


def send(client: FlaskClient, path: str, form_at: str = "", **fields: str) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf(client, form_at or path), **fields})
