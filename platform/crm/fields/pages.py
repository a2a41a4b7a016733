"""The page of the settings on which a business adds fields to its contacts, companies and deals."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _
from flask_babel import pgettext

from core.actor import Actor
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid, NotFound
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.fields import actions, queries
from crm.fields.form import offered, shown_fields
from crm.fields.models import FIELD_TYPES, RECORD_KINDS, Field
from crm.fields.values import said_of

pages = Pages("fields", __name__)
pages.add_app_template_global(shown_fields)
pages.add_app_template_global(offered, "offered_in_field")
pages.add_app_template_global(said_of, "said_in_field")


@pages.get("/settings/fields/")
def index(actor: Actor) -> str:
    actor.require(("field", "edit"))
    kinds = kind_words()
    groups = [(kind, word, queries.fields_of(actor, kind)) for kind, word in kinds]
    removed = queries.removed(actor)
    return render(actor, "fields/index.html", groups=groups, types=type_words(), removed=removed, kinds=kinds)


@pages.get("/settings/fields/new/<record_kind>")
def new(actor: Actor, record_kind: str) -> str:
    actor.require(("field", "create"))
    if record_kind not in RECORD_KINDS:
        raise NotFound()
    return render(actor, "fields/form.html", errors={}, **filled({"record_kind": record_kind, "type": "text"}))


@pages.post("/settings/fields/")
def create(actor: Actor) -> Answer:
    actor.require(("field", "create"))
    typed = typed_form()
    if typed.get("record_kind") not in RECORD_KINDS:
        raise NotFound()
    try:
        field = actions.create(actor, actions.create.parse(given(typed)))
    except Invalid as error:
        return refused(actor, "fields/form.html", error, **filled(typed))
    say(_("%(name)s is stored", name=field.label))
    return see(url_for("fields.index"))


@pages.get("/settings/fields/<uuid:field_id>")
def edit(actor: Actor, field_id: UUID) -> str:
    actor.require(("field", "edit"))
    field = actor.find(Field, field_id)
    return render(actor, "fields/form.html", errors={}, **filled(stored(field), field))


@pages.post("/settings/fields/<uuid:field_id>")
def change(actor: Actor, field_id: UUID) -> Answer:
    actor.require(("field", "edit"))
    typed = typed_form()
    try:
        actions.change(actor, actions.change.parse({**given(typed), "id": field_id}))
    except Invalid as error:
        return refused(actor, "fields/form.html", error, **filled(typed, actor.find(Field, field_id)))
    except Conflict as conflict:
        field = actor.find(Field, field_id)
        typed = {**settled(typed, stored(field)), "version": conflict.current}
        theirs = meanwhile(typed, stored(field))
        if theirs:
            return render(actor, "fields/form.html", errors={}, **filled(typed, field, theirs)), conflict.status
        actions.change(actor, actions.change.parse({**given(typed), "id": field_id}))
    say(_("Saved"))
    return see(url_for("fields.index"))


@pages.post("/settings/fields/<uuid:field_id>/move")
def move(actor: Actor, field_id: UUID) -> Answer:
    actions.move(actor, actions.MovedField(id=field_id, down=request.form.get("way") == "down"))
    return see(url_for("fields.index"))


@pages.post("/settings/fields/<uuid:field_id>/delete")
def delete(actor: Actor, field_id: UUID) -> Answer:
    field = actions.delete(actor, actions.OneField(id=field_id))
    say(_("%(name)s is removed", name=field.label), url_for("fields.restore", field_id=field.id))
    return see(url_for("fields.index"))


@pages.post("/settings/fields/<uuid:field_id>/restore")
def restore(actor: Actor, field_id: UUID) -> Answer:
    field = actions.restore(actor, actions.OneField(id=field_id))
    say(_("%(name)s is back", name=field.label))
    return see(url_for("fields.index"))


def typed_form() -> dict[str, Any]:
    """A box that is not ticked is not sent."""
    return {"required": "", **{name: value for name, value in form_values(request.form).items() if name != "was"}}


def given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as an action's input: options stand one a line."""
    values = blank_to_none(typed, "id", "version")
    lines = str(values.get("options", "")).split("\n")
    return {**values, "required": bool(typed["required"]), "options": [one for one in lines if one.strip()]}


def stored(field: Field) -> dict[str, Any]:
    """A field as its form shows it."""
    values = {name: getattr(field, name) for name in ("version", "label", "hint")}
    return {**values, "options": "\n".join(field.options), "required": "1" if field.required else ""}


def filled(typed: dict[str, Any], field: Field | None = None, theirs: dict[str, str] | None = None) -> dict[str, Any]:
    was = as_shown(stored(field)) if field else ""
    chosen = field.type if field else typed.get("type", "")
    return {
        "typed": typed, "field": field, "was": was, "theirs": theirs or {}, "types": type_words(), "type": chosen,
    }  # fmt: skip


def kind_words() -> list[tuple[str, str]]:
    return [("contact", _("Contacts")), ("company", _("Companies")), ("deal", _("Deals"))]


def type_words() -> list[tuple[str, str]]:
    words = {
        "text": pgettext("field", "Text"),
        "lines": _("Text of several lines"),
        "number": _("Number"),
        "day": _("Day"),
        "choice": _("One choice"),
        "choices": _("Several choices"),
        "yes": _("Yes or no"),
        "link": _("Link"),
    }
    return [(name, words[name]) for name in FIELD_TYPES]
