"""Settings, Single sign-on: the provider, the domains, who comes by it, and the keys of provisioning."""

from typing import Any
from uuid import UUID

from flask import flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from core.actor import Actor
from core.errors import Invalid
from core.letters import here
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, see
from crm.accounts.again import when_fresh
from crm.people.pages import may_give
from crm.sso import connections, domains
from crm.sso.front import back_url
from tenants import arrivals, provisioning, roles

pages = Pages("sign_on", __name__)
PAGE = "sso/settings.html"
FIELDS = ("issuer", "client_id", "button", "role_claim", "default_role_id")


@pages.get("/settings/single-sign-on")
def index(actor: Actor) -> Answer:
    return render(actor, PAGE, errors={}, **shown(actor))


@pages.post("/settings/single-sign-on")
@when_fresh
def save(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    typed = form_values(request.form)
    typed["role_map"] = [line for line in typed.get("role_map", []) if line.get("value", "").strip()]
    if "more" in typed:
        return render(actor, PAGE, errors={}, **shown(actor, typed=typed, more=True))
    try:
        values = {**blank_to_none(typed, "default_role_id", "version"), "only": "only" in typed}
        connections.save(actor, connections.save.parse(values))
    except Invalid as error:
        return refused(actor, PAGE, error, **shown(actor, typed=typed))
    flash(_("Saved. Try the log-in in a private window before you close this one."))
    return see(url_for("sign_on.index"))


@pages.post("/settings/single-sign-on/revoke")
@when_fresh
def revoke(actor: Actor) -> Answer:
    connections.revoke(actor, connections.Nothing())
    flash(_("Single sign-on is off; who came in by it is logged out"))
    return see(url_for("sign_on.index"))


@pages.post("/settings/single-sign-on/domains")
@when_fresh
def add_domain(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    typed = form_values(request.form)
    try:
        domains.add(actor, domains.add.parse({"name": typed.get("domain", "")}))
    except Invalid as error:
        wrong = Invalid(*(("domain", message) for _name, message in error.fields))
        return refused(actor, PAGE, wrong, **shown(actor, domain=typed.get("domain", "")))
    return see(url_for("sign_on.index") + "#domains")


@pages.post("/settings/single-sign-on/domains/<uuid:domain_id>/check")
def check_domain(actor: Actor, domain_id: UUID) -> Answer:
    domain = domains.check(actor, domains.OneDomain(id=domain_id))
    if domain.proven_at:
        flash(_("%(name)s is proven", name=domain.name))
    else:
        flash(_("The record of %(name)s is not there yet. The DNS may take an hour to show it.", name=domain.name))
    return see(url_for("sign_on.index") + "#domains")


@pages.post("/settings/single-sign-on/domains/<uuid:domain_id>/remove")
@when_fresh
def remove_domain(actor: Actor, domain_id: UUID) -> Answer:
    domain = domains.remove(actor, domains.OneDomain(id=domain_id))
    flash(_("Nobody new comes in by %(name)s", name=domain.name))
    return see(url_for("sign_on.index") + "#domains")


@pages.post("/settings/single-sign-on/links/<uuid:link_id>/release")
@when_fresh
def release(actor: Actor, link_id: UUID) -> Answer:
    arrivals.release(actor, arrivals.OneLink(id=link_id))
    flash(_("Released. The next log-in with this address is linked anew."))
    return see(url_for("sign_on.index") + "#links")


@pages.post("/settings/single-sign-on/links/release-former")
@when_fresh
def release_former(actor: Actor) -> Answer:
    released = arrivals.release_former(actor, arrivals.Former())
    flash(ngettext("Released: %(num)s person", "Released: %(num)s people", released))
    return see(url_for("sign_on.index") + "#links")


@pages.post("/settings/single-sign-on/keys")
@when_fresh
def create_key(actor: Actor) -> Answer:
    """The answer is the page itself and no redirect: the key is shown in it and kept nowhere."""
    actor.require(("settings", "edit"))
    name = request.form.get("name", "")
    try:
        token, secret = provisioning.create_token(actor, provisioning.create_token.parse({"name": name}))
    except Invalid as error:
        return refused(actor, PAGE, error, **shown(actor, name=name))
    return render(actor, PAGE, errors={}, **shown(actor, made=(token.name, secret)))


@pages.post("/settings/single-sign-on/keys/<uuid:scim_token_id>/revoke")
def revoke_key(actor: Actor, scim_token_id: UUID) -> Answer:
    token = provisioning.revoke_token(actor, provisioning.OneToken(id=scim_token_id))
    flash(_("%(name)s opens nothing any more", name=token.name))
    return see(url_for("sign_on.index") + "#keys")


def shown(
    actor: Actor,
    *,
    typed: dict[str, Any] | None = None,
    domain: str = "",
    name: str = "",
    made: tuple[str, str] | None = None,
    more: bool = False,
) -> dict[str, Any]:
    """All that the page shows; the rest is what a refused form had in it."""
    actor.require(("settings", "edit"))
    connection = arrivals.present(actor.db)
    stored = {field: getattr(connection, field) for field in (*FIELDS, "role_map", "only")} if connection else {}
    return {
        "connection": connection,
        "typed": typed if typed is not None else {"button": _("Log in with your company account"), **stored},
        "roles": [(role.id, roles.called(role)) for role in roles.all_roles(actor) if fits(actor, role)],
        "more": more,
        "back_url": back_url(actor.workspace),
        "domains": [(one, domains.record_name(one), domains.record_text(one)) for one in domains.of_workspace(actor)],
        "domain": domain,
        "links": arrivals.links(actor) if actor.may("member", "edit") else [],
        "former": {link.id for link in arrivals.former_links(actor)} if actor.may("member", "edit") else set(),
        "keys": provisioning.tokens(actor),
        "may_provision": actor.may("member", "create") and actor.may("member", "edit"),
        "scim_url": f"{here().url}/scim/v2",
        "name": name,
        "made": made,
    }


def fits(actor: Actor, role: Any) -> bool:
    return role.key != "owner" and may_give(actor, role)
