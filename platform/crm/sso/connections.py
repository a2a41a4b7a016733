"""The workspace's provider of single sign-on: how it is set up, changed and revoked.

What the catalogue knows of it (WorkspaceRow.single_sign_on: off, offered, only) is what the log-in and every page ask;
it is written with each change, and other processes notice it within a few seconds.
"""

import logging
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, BeforeValidator, Field
from sqlalchemy import update

from core.actions import Input, action
from core.actor import Actor
from core.db import database
from core.errors import Conflict, Invalid, NotFound
from core.letters import here
from core.sealing import seal
from tenants import arrivals, provider, roles, sessions
from tenants.directory import directory
from tenants.entitlements import check_entitled
from tenants.models import WorkspaceRow
from tenants.sign_on_models import Connection

log = logging.getLogger(__name__)
MOST_LINES = 50


def issuer_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(_("Write the issuer as https://login.example.com, as your provider calls itself."))
    return value.removesuffix("/.well-known/openid-configuration")


def chosen(value: Any) -> Any:
    if value == "":
        raise ValueError(_("Choose a role."))
    return value


class RoleLine(Input):
    value: Annotated[str, Field(min_length=1, max_length=200)]
    role_id: Annotated[UUID, BeforeValidator(chosen)]


class ConnectionFields(Input):
    """The `secret` may be left out where one is kept already."""

    issuer: Annotated[str, Field(max_length=500), AfterValidator(issuer_url)]
    client_id: Annotated[str, Field(min_length=1, max_length=300)]
    secret: Annotated[str, Field(max_length=1000)] = ""
    button: Annotated[str, Field(min_length=1, max_length=40)]
    role_claim: Annotated[str, Field(max_length=100)] = ""
    role_map: Annotated[list[RoleLine], Field(max_length=MOST_LINES)] = []
    default_role_id: UUID | None = None
    only: bool = False
    version: int | None = None


class Nothing(Input):
    """An action that needs to be told nothing."""


@action("connection.save", right=("settings", "edit"))
def save(actor: Actor, data: ConnectionFields) -> Connection:
    """Set up or change the provider, which is asked for its description first. Raises Invalid where it has none."""
    check_entitled(actor.workspace, "single_sign_on")
    found = arrivals.present(actor.db)
    if found and data.version is not None and found.version != data.version:
        raise Conflict(found.version)
    issuer = discovered(data.issuer)
    secret = sealed(actor, data, found, issuer)
    connection = actor.take(Connection, found.id, "edit") if found else Connection()
    check_roles(actor, connection, data)
    connection.issuer, connection.client_id, connection.secret = issuer, data.client_id, secret
    connection.button, connection.only = data.button, data.only
    connection.role_claim, connection.default_role_id = data.role_claim, data.default_role_id
    connection.role_map = [{"value": line.value, "role_id": str(line.role_id)} for line in data.role_map]
    actor.db.add(connection)
    actor.db.flush()
    publish(actor, "only" if data.only else "offered")
    return connection


@action("connection.revoke", right=("settings", "edit"), takes=Nothing)
def revoke(actor: Actor, _data: Nothing) -> Connection:
    """Nobody comes in by the provider any more, and who did is logged out at once."""
    found = arrivals.present(actor.db)
    if found is None:
        raise NotFound()
    connection = actor.take(Connection, found.id, "edit")
    connection.deleted_at = datetime.now(UTC)
    publish(actor, "off")
    with database().controlling() as control:
        sessions.end_bound(control, actor.workspace.id)
    return connection


def discovered(issuer: str) -> str:
    """The issuer as it calls itself. The settings are stored only for one that answers; why it did not is for the log
    alone, lest the form be used to look into our network."""
    try:
        return provider.discover(here(), issuer).issuer
    except provider.SignOnFailed as error:
        log.warning("an issuer was refused: %s", error.reason)
        sentence = _("No provider that we can use answers at this address by https, or it calls itself otherwise.")
        raise Invalid(("issuer", sentence)) from None


def sealed(actor: Actor, data: ConnectionFields, found: Connection | None, issuer: str) -> bytes:
    """The secret as it is kept. One that was given to a provider is not sent to another."""
    if data.secret:
        return seal(here(), arrivals.SEALED, data.secret.encode(), arrivals.whose(actor.workspace))
    if found is None or (found.issuer, found.client_id) != (issuer, data.client_id):
        raise Invalid(("secret", _("Fill this in.")))
    return found.secret


def check_roles(actor: Actor, connection: Connection, data: ConnectionFields) -> None:
    """Roles that this actor may give; who changes them makes members. Nobody becomes an owner by a provider's word."""
    wanted = [(f"role_map.{at}.role_id", line.role_id) for at, line in enumerate(data.role_map)]
    if data.default_role_id:
        wanted.append(("default_role_id", data.default_role_id))
    if not data.role_claim and data.role_map:
        raise Invalid(("role_claim", _("Say in which claim the value stands.")))
    lines = [{"value": line.value, "role_id": str(line.role_id)} for line in data.role_map]
    same = (connection.role_claim, connection.role_map, connection.default_role_id)
    if wanted and same != (data.role_claim, lines, data.default_role_id):
        actor.require(("member", "create"))
    for field, role_id in wanted:
        if roles.given_role(actor, role_id, field).key == "owner":
            raise Invalid((field, _("Nobody becomes an owner by single sign-on. Choose another role.")))


def publish(actor: Actor, state: str) -> None:
    with database().controlling() as control:
        control.execute(update(WorkspaceRow).where(WorkspaceRow.id == actor.workspace.id).values(single_sign_on=state))
    directory.forget()
