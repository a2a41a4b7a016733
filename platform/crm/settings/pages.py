"""The settings of a workspace, as far as they are not a feature's own."""

from typing import Any
from uuid import UUID

from flask import flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.db import database
from core.errors import Invalid
from core.pages import Answer, Pages, form_values, refused, render, see
from crm import places
from crm.accounts.account import LANGUAGES
from crm.accounts.again import when_fresh
from crm.settings import actions
from tenants import tokens
from tenants.models import Token, WorkspaceRow

pages = Pages("settings", __name__)


@pages.get("/settings/")
def index(actor: Actor) -> Answer:
    return render(actor, "settings/index.html")


@pages.get("/settings/workspace")
def workspace(actor: Actor) -> Answer:
    actor.require(("settings", "view"))
    return render(actor, "settings/workspace.html", typed=present(actor), errors={}, **choices())


@pages.post("/settings/workspace")
def change_workspace(actor: Actor) -> Answer:
    values = form_values(request.form)
    try:
        actions.change_workspace(actor, actions.change_workspace.parse(values))
    except Invalid as refusal:
        return refused(actor, "settings/workspace.html", refusal, typed={**present(actor), **values}, **choices())
    flash(_("Saved"))
    return see(url_for("settings.workspace"))


def present(actor: Actor) -> dict[str, Any]:
    """As the catalogue says it now; the actor's own copy may be some seconds old."""
    with database().controlling() as control:
        row = control.scalars(select(WorkspaceRow).where(WorkspaceRow.id == actor.workspace.id)).one()
    return {name: getattr(row, name) for name in actions.WorkspaceSettings.model_fields}


def choices() -> dict[str, Any]:
    return {"languages": LANGUAGES, "time_zones": places.time_zones(), "currencies": places.currencies()}


@pages.get("/settings/tokens")
def token_list(actor: Actor) -> Answer:
    return render(actor, "settings/tokens.html", tokens=own_tokens(actor), errors={}, name="", made=None)


@pages.post("/settings/tokens")
@when_fresh
def create_token(actor: Actor) -> Answer:
    """The answer is the page itself and no redirect: the token is shown in it and kept nowhere."""
    values = form_values(request.form)
    try:
        token, secret = tokens.create(actor, tokens.create.parse(values))
    except Invalid as refusal:
        name = values.get("name", "")
        return refused(actor, "settings/tokens.html", refusal, tokens=own_tokens(actor), name=name, made=None)
    return render(
        actor, "settings/tokens.html", tokens=own_tokens(actor), errors={}, name="", made=(token.name, secret)
    )


@pages.post("/settings/tokens/<uuid:token_id>/revoke")
def revoke_token(actor: Actor, token_id: UUID) -> Answer:
    token = tokens.revoke(actor, tokens.OneToken(id=token_id))
    flash(_("%(name)s opens nothing any more", name=token.name))
    return see(url_for("settings.token_list"))


def own_tokens(actor: Actor) -> list[Token]:
    actor.require(("token", "view"))
    return tokens.of_actor(actor)
