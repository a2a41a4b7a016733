"""Domains of a workspace: whose addresses its provider may bring in, once the DNS shows that the domain is theirs.

The owner publishes a TXT record with a code made for this workspace and domain. Only then are people with such
addresses made members by single sign-on or provisioning, and led from the log-in to the workspace's provider.
"""

import re
import secrets
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import delete, select

from core import dns
from core.actions import Input, action
from core.actor import Actor
from core.db import Workspace, database
from core.errors import Busy, Invalid
from core.ids import new_id
from core.letters import here
from tenants.arrivals import domain_of
from tenants.directory import as_workspace
from tenants.entitlements import check_entitled
from tenants.models import ProvenDomain, WorkspaceRow
from tenants.sign_on_models import Domain

MOST = 50
LABEL = "_okno"
SHAPE = re.compile(r"(?=.{4,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def domain_name(value: str) -> str:
    """As the DNS has it: lower case, other alphabets as xn--."""
    try:
        name = value.strip().rstrip(".").rpartition("@")[2].encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if not SHAPE.fullmatch(name):
        raise ValueError(_("Write a domain as example.com."))
    return name


class NewDomain(Input):
    name: Annotated[str, Field(max_length=190), AfterValidator(domain_name)]


class OneDomain(Input):
    id: UUID


@action("domain.create", right=("settings", "edit"))
def add(actor: Actor, data: NewDomain) -> Domain:
    """Claim a domain: nothing comes of it until `check` finds its record."""
    check_entitled(actor.workspace, "single_sign_on")
    known = of_workspace(actor)
    if any(domain.name == data.name for domain in known):
        raise Invalid(("name", _("This domain is in the list already.")))
    if len(known) >= MOST:
        raise Busy(_("A workspace has %(most)s domains at most.", most=MOST))
    domain = Domain(id=new_id(), name=data.name, code=secrets.token_urlsafe(24))
    actor.db.add(domain)
    return domain


@action("domain.check", right=("settings", "edit"))
def check(actor: Actor, data: OneDomain) -> Domain:
    """Look whether the record is there. A domain that was proven stays so only while it is. Raises Busy where the DNS
    does not answer."""
    domain = actor.take(Domain, data.id, "edit")
    try:
        proven = record_text(domain) in dns.texts(here(), record_name(domain))
    except dns.NoDns:
        raise Busy(_("The DNS does not answer just now. Check again in a while.")) from None
    now = datetime.now(UTC)
    domain.checked_at = now
    domain.proven_at = (domain.proven_at or now) if proven else None
    publish(actor, domain.name, proven)
    return domain


@action("domain.delete", right=("settings", "edit"))
def remove(actor: Actor, data: OneDomain) -> Domain:
    """Nobody new comes in by it; who is here stays."""
    domain = actor.take(Domain, data.id, "edit")
    domain.deleted_at = datetime.now(UTC)
    publish(actor, domain.name, False)
    return domain


def publish(actor: Actor, name: str, proven: bool) -> None:
    with database().controlling() as control:
        control.execute(
            delete(ProvenDomain).where(ProvenDomain.name == name, ProvenDomain.workspace_id == actor.workspace.id)
        )
        if proven:
            control.add(ProvenDomain(name=name, workspace_id=actor.workspace.id))


def record_name(domain: Domain) -> str:
    return f"{LABEL}.{domain.name}"


def record_text(domain: Domain) -> str:
    return f"okno-domain={domain.code}"


def of_workspace(actor: Actor) -> list[Domain]:
    return list(actor.db.scalars(actor.visible(Domain).order_by(Domain.name)))


def workspaces_for(email: str) -> list[Workspace]:
    """The workspaces that have proven the domain of this address and offer single sign-on, by name."""
    domain = domain_of(email)
    query = (
        select(WorkspaceRow)
        .join(ProvenDomain, ProvenDomain.workspace_id == WorkspaceRow.id)
        .where(ProvenDomain.name == domain, WorkspaceRow.state == "open", WorkspaceRow.single_sign_on != "off")
        .order_by(WorkspaceRow.name)
        .limit(20)
    )
    with database().controlling() as control:
        return [as_workspace(row) for row in control.scalars(query)]
