"""The matrix of roles: resources down, rights across, and what a change of it means for whom."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from config.plans import plans
from core.access import FIELDS, SPECIAL, VERBS, WORK, FieldRules, Rights, rights_of
from core.actor import Actor
from core.db import as_uuid
from core.errors import Conflict, Invalid, NotFound
from core.letters import here
from core.pages import Answer, Pages, blank_to_none, refused, render, say, see
from crm.accounts.again import when_fresh
from crm.doors import SEEING
from tenants import explain, members, roles
from tenants.entitlements import entitled
from tenants.models import Role

pages = Pages("roles", __name__)

KINDS: dict[str, tuple[Any, str]] = {
    "contact": (_l("Contacts"), "users"),
    "company": (_l("Companies"), "building"),
    "deal": (_l("Deals"), "layout-kanban"),
    "quote": (_l("Quotes"), "file-text"),
    "payment": (_l("Payments"), "cash"),
    "document": (_l("Documents of Word"), "file-type-docx"),
    "task": (_l("Tasks"), "checkbox"),
    "note": (_l("Notes and calls"), "note"),
    "request": (_l("Requests"), "inbox"),
    "call": (_l("Calls of the telephone"), "phone"),
    "mail": (_l("Mails"), "mail"),
}
VERB_WORDS: dict[str, Any] = {
    "view": _l("View"),
    "create": _l("Create"),
    "edit": _l("Edit"),
    "delete": _l("Delete"),
    "export": _l("Export"),
    "import": _l("Import"),
    "assign": _l("Assign"),
}
SCOPE_CHOICES: dict[str, Any] = {
    "none": _l("None"),
    "own": _l("Own"),
    "team": _l("Team"),
    "department": _l("Department"),
    "all": _l("All"),
}
FIELD_WORDS: dict[str, Any] = {
    "emails": _l("E-mail"),
    "phones": _l("Phone"),
    "addresses": _l("Address"),
    "position": _l("Position"),
    "source": _l("Came from"),
    "labels": _l("Labels"),
    "about": _l("About"),
    "custom": _l("Your own fields"),
    "reg_no": _l("Registration number"),
    "vat_no": _l("VAT number"),
    "website": _l("Website"),
    "amount": _l("Amount"),
    "probability": _l("Probability"),
    "expected_close": _l("Expected close"),
}
RULE_CHOICES: dict[str, Any] = {"": _l("Open"), "readonly": _l("Read-only"), "hidden": _l("Hidden")}
OF_PLANS = ("usage", "billing")  # special rights that mean nothing where there are no plans
SPECIAL_WORDS: dict[str, Any] = {
    "settings": _l("Settings and pipelines"),
    "members": _l("People and roles"),
    "products": _l("The price list"),
    "tokens": _l("API tokens"),
    "audit": _l("Audit log"),
    "usage": _l("See the plan and what is in use"),
    "billing": _l("Change the plan and pay"),
    "backups": _l("Backups: make, download and restore them, with all that is in the workspace"),
    "privacy": _l("Erase a person, and take their data out"),
    "processes": _l("Draw and steer processes"),
}


@pages.get("/settings/roles")
def index(actor: Actor) -> Answer:
    actor.require(("role", "view"))
    asked = as_uuid(request.args.get("role", ""))
    found = roles.all_roles(actor)
    role = next((one for one in found if one.id == asked), next(one for one in found if one.key in ("sales", "owner")))
    if asked is None:
        role = next((one for one in found if one.key == "sales"), role)
    return render(actor, "roles/matrix.html", errors={}, **filled(actor, role, typed_of(role)))


@pages.get("/settings/roles/new")
def new(actor: Actor) -> Answer:
    """A new role begins as a copy of another, or with nothing."""
    actor.require(("role", "create"))
    copied = actor.db.get(Role, as_uuid(request.args.get("like", "")) or UUID(int=0))
    typed = typed_of(copied) if copied else {"matrix": {}, "special": [], "fields": {}}
    name = _("%(name)s, a copy", name=roles.called(copied)) if copied else ""
    return render(actor, "roles/matrix.html", errors={}, **filled(actor, None, {**typed, "name": name}))


@pages.post("/settings/roles")
@when_fresh
def create(actor: Actor) -> Answer:
    actor.require(("role", "create"))
    typed = typed_form()
    try:
        role = roles.create(actor, roles.create.parse(without(typed, "version")))
    except Invalid as error:
        return refused(actor, "roles/matrix.html", error, **filled(actor, None, typed))
    say(_("The role %(name)s is stored", name=role.name))
    return see(url_for("roles.index", role=role.id))


@pages.post("/settings/roles/<uuid:role_id>")
@when_fresh
def change(actor: Actor, role_id: UUID) -> Answer:
    actor.require(("role", "edit"))
    role, typed = actor.find(Role, role_id), typed_form()
    try:
        values = blank_to_none({**typed, "id": role_id}, "version")
        role = roles.change(actor, roles.change.parse(values))
    except Invalid as error:
        return refused(actor, "roles/matrix.html", error, **filled(actor, role, typed))
    except Conflict as conflict:
        present = actor.find(Role, role_id)
        again = {**typed, "version": conflict.current}
        shown = filled(actor, present, again, theirs=told(present.rights, rights_typed(typed)))
        return render(actor, "roles/matrix.html", errors={}, **shown), conflict.status
    say(_("The role %(name)s is stored", name=roles.called(role)))
    return see(url_for("roles.index", role=role.id))


@pages.post("/settings/roles/<uuid:role_id>/summary")
def summary(actor: Actor, role_id: UUID) -> Answer:
    """Who gains and who loses what, while the matrix is being filled in."""
    actor.require(("role", "view"))
    role = actor.find(Role, role_id)
    try:
        typed = typed_form()
        after = rights_typed(typed)
    except Invalid as error:
        return str(error.fields[0][1]), 422
    changes = [*told(role.rights, after), *told_fields(role.fields, typed["fields"])]
    return render(actor, "roles/summary.html", changes=changes, members=roles.members_of(actor, role.id))


@pages.post("/settings/roles/<uuid:role_id>/delete")
@when_fresh
def delete(actor: Actor, role_id: UUID) -> Answer:
    to_role_id = request.form.get("to_role_id") or None
    try:
        role = roles.delete(actor, roles.delete.parse({"id": role_id, "to_role_id": to_role_id}))
    except Invalid as error:
        role = actor.find(Role, role_id)
        return refused(actor, "roles/matrix.html", error, **filled(actor, role, typed_of(role)))
    say(_("The role %(name)s is gone", name=roles.called(role)))
    return see(url_for("roles.index"))


@pages.get("/settings/roles/explain")
def why(actor: Actor) -> Answer:
    """Why X may, or may not, do Y with Z."""
    actor.require(("role", "view"))
    member_id, kind, verb = (
        as_uuid(request.args.get("member", "")),
        request.args.get("kind", ""),
        request.args.get("verb", ""),
    )
    answer = None
    if member_id and verb in VERBS.get(kind, ()):
        try:
            answer = explain.explain(actor, member_id, kind, verb, record_asked())
        except NotFound:
            answer = explain.Answer(False, [_("There is no such record, or you may not see it.")])
    return render(
        actor,
        "roles/explain.html",
        people=members.colleagues(actor),
        kinds={kind: KINDS[kind][0] for kind in WORK},
        verbs=VERB_WORDS,
        asked={"member": member_id, "kind": kind, "verb": verb, "record": request.args.get("record", "")},
        answer=answer,
    )


@pages.post("/settings/roles/see-as/<uuid:member_id>")
def see_as(actor: Actor, member_id: UUID) -> Answer:
    """The product as this member sees it, to look at and not to touch; the audit log keeps who looked."""
    explain.look_as(actor, explain.Looked(id=member_id))
    session[SEEING] = {str(actor.workspace.id): str(member_id)}
    return see(url_for("today.index"))


@pages.post("/settings/roles/stop-seeing")
def stop_seeing(_actor: Actor) -> Answer:
    session.pop(SEEING, None)
    return see(url_for("people.index"))


def record_asked() -> UUID | None:
    """The record named, by its id or by the address of its page."""
    given = request.args.get("record", "").strip().rstrip("/")
    if not given:
        return None
    found = as_uuid(given.split("?")[0].rsplit("/", 1)[-1])
    if found is None:
        raise NotFound()
    return found


def filled(actor: Actor, role: Role | None, typed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the page shows of a role, and of the form as it was typed."""
    paying, fields_plan = here().payments is not None, plans().cheapest_with("field_rights")
    return {
        "role": role,
        "called": roles.called,
        "typed": typed,
        "all_roles": roles.all_roles(actor),
        "counts": roles.counts(actor),
        "members": roles.members_of(actor, role.id) if role else [],
        "kinds": KINDS,
        "verbs": VERB_WORDS,
        "declared": VERBS,
        "scopes": SCOPE_CHOICES,
        "special": {name: said for name, said in SPECIAL_WORDS.items() if paying or name not in OF_PLANS},
        "fields": FIELDS,
        "entitled": entitled(actor.workspace, "field_rights"),
        "with_fields": fields_plan.name if fields_plan else "",
        "field_words": FIELD_WORDS,
        "rules": RULE_CHOICES,
        "fixed": role is not None and (role.key == "owner" or not actor.may("role", "edit")),
        "others": [(one.id, roles.called(one)) for one in roles.all_roles(actor) if role is None or one.id != role.id],
        "theirs": [],
        **more,
    }


def typed_of(role: Role) -> dict[str, Any]:
    return {
        "name": roles.called(role),
        "matrix": roles.matrix_of(role.rights),
        "special": roles.special_of(role.rights),
        "fields": role.fields,
        "version": role.version,
    }


def typed_form() -> dict[str, Any]:
    matrix = roles.from_form(request.form)
    special = [name for name in SPECIAL if f"special.{name}" in request.form]
    kept = {"name": request.form.get("name", ""), "version": request.form.get("version", "")}
    return {**kept, "matrix": matrix, "special": special, "fields": roles.from_form(request.form, "field.")}


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def rights_typed(typed: dict[str, Any]) -> Rights:
    """The rights that what was typed would give. Raises Invalid."""
    data = roles.create.parse({**without(typed, "version"), "name": typed["name"] or "-"})
    return rights_of(data.matrix, data.special)


@dataclass(frozen=True)
class Change:
    """One line of what a change of a role means."""

    gained: bool
    text: str


def told(before: Rights, after: Rights) -> list[Change]:
    """What changes, right by right; special rights as a whole."""
    lines = []
    for one in roles.differences(before, after):
        kind, verb = one.right
        if kind in WORK:
            words = {"kind": KINDS[kind][0], "verb": VERB_WORDS[verb]}
            scopes = {"before": SCOPE_CHOICES[one.before], "after": SCOPE_CHOICES[one.after]}
            lines.append(Change(one.gained, _("%(kind)s, %(verb)s: %(before)s → %(after)s", **words, **scopes)))
    had, has = roles.special_of(before), roles.special_of(after)
    lines += [Change(True, str(SPECIAL_WORDS[name])) for name in has if name not in had]
    lines += [Change(False, str(SPECIAL_WORDS[name])) for name in had if name not in has]
    return lines


def told_fields(before: FieldRules, after: FieldRules) -> list[Change]:
    """What becomes of single fields."""
    order = list(RULE_CHOICES)
    lines = []
    for kind, names in FIELDS.items():
        for name in names:
            was, will = before.get(kind, {}).get(name, ""), after.get(kind, {}).get(name, "")
            if was != will:
                words = {"kind": KINDS[kind][0], "field": FIELD_WORDS[name], "rule": RULE_CHOICES[will]}
                lines.append(Change(order.index(will) < order.index(was), _("%(kind)s, %(field)s: %(rule)s", **words)))
    return lines
