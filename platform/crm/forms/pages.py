"""Pages of web forms, in the settings: the list, the builder as one form that works without a script, and how a form is
put into a web site."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any
from uuid import UUID

from flask import current_app, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from core.actor import Actor
from core.errors import Conflict, Invalid
from core.ids import new_id
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.absences.queries import to_choose
from crm.deals import queries as deals
from crm.deals.form import stage_choices
from crm.deals.models import Stage
from crm.fields.models import Field
from crm.forms import actions
from crm.forms.actions import OneForm
from crm.forms.fields import KINDS, MANY, OWN
from crm.forms.models import Form
from crm.forms.own import own_fields
from crm.requests.models import Request
from tenants.departments import tree
from tenants.models import Role
from tenants.roles import called

pages = Pages("forms", __name__)

MINUTES = (15, 20, 30, 60, 120)
LOOK = ("colour", "button", "done", "redirect")
USUAL = ("name", "phone", "email", "message")


@pages.get("/settings/forms")
def index(actor: Actor) -> str:
    actor.require(("form", "edit"))
    sent = select(func.count()).where(Request.form_id == Form.id, Request.deleted_at.is_(None)).scalar_subquery()
    rows = actor.db.execute(
        actor.visible(Form, Form.id, Form.name, Form.active, sent.label("sent")).order_by(Form.name)
    )
    return render(actor, "forms/index.html", forms=rows.all())


@pages.get("/settings/forms/new")
def new(actor: Actor) -> str:
    actor.require(("form", "create"))
    first = deals.pipelines(actor)[0].stages
    typed = {
        "id": str(new_id()),
        "active": "1",
        "opens": "1",
        "minutes": "15",
        "rule": "turns",
        "colour": actions.Look().colour,
        "stage_id": str(first[0].id) if first else "",
        "fields": [
            {"kind": kind, "label": str(KINDS[kind].label), "required": "1" if kind in ("name", "phone") else ""}
            for kind in USUAL
        ],
    }
    return render(actor, "forms/form.html", errors={}, **filled(actor, typed))


@pages.post("/settings/forms")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    if typed.pop("do", None):
        return render(actor, "forms/form.html", errors={}, **filled(actor, typed)), 422
    try:
        made = actions.create(actor, actions.create.parse(given(actor, typed)))
    except Invalid as error:
        return refused(actor, "forms/form.html", error, **filled(actor, typed))
    say(_("%(name)s is stored", name=made.name))
    return see(url_for("forms.edit", form_id=made.id))


@pages.get("/settings/forms/<uuid:form_id>")
def edit(actor: Actor, form_id: UUID) -> str:
    found = editable(actor, form_id)
    return render(actor, "forms/form.html", errors={}, **filled(actor, stored(found), found))


@pages.post("/settings/forms/<uuid:form_id>")
def change(actor: Actor, form_id: UUID) -> Answer:
    """Stored; or shown again with one more field, another order, what is wrong, or that somebody else changed it."""
    typed = typed_form()
    found = editable(actor, form_id)
    if typed.pop("do", None):
        return render(actor, "forms/form.html", errors={}, **filled(actor, typed, found)), 422
    try:
        made = actions.change(actor, actions.change.parse({**given(actor, typed), "id": form_id}))
    except Invalid as error:
        return refused(actor, "forms/form.html", error, **filled(actor, typed, editable(actor, form_id)))
    except Conflict as conflict:
        again = {**typed, "version": str(conflict.current)}
        found = editable(actor, form_id)
        return render(actor, "forms/form.html", errors={}, theirs=True, **filled(actor, again, found)), conflict.status
    say(_("%(name)s is stored", name=made.name))
    return see(url_for("forms.edit", form_id=form_id))


@pages.post("/settings/forms/<uuid:form_id>/delete")
def delete(actor: Actor, form_id: UUID) -> Answer:
    made = actions.delete(actor, OneForm(id=form_id))
    say(_("%(name)s deleted", name=made.name), url_for("forms.restore", form_id=form_id))
    return see(url_for("forms.index"))


@pages.post("/settings/forms/<uuid:form_id>/restore")
def restore(actor: Actor, form_id: UUID) -> Answer:
    made = actions.restore(actor, OneForm(id=form_id))
    say(_("%(name)s is back", name=made.name))
    return see(url_for("forms.index"))


def typed_form() -> dict[str, Any]:
    """The builder as it was typed; "do" is there where a button asked only for other fields or another order."""
    typed = form_values(request.form, "member_ids")
    fields = typed.setdefault("fields", [])
    for button, step in (("up", -1), ("down", 1)):
        place = typed.pop(button, "")
        if place.isdecimal() and int(place) < len(fields):
            fields.insert(max(0, int(place) + step), fields.pop(int(place)))
            typed["do"] = "order"
    gone = typed.pop("remove", "")
    if gone.isdecimal() and int(gone) < len(fields):
        fields.pop(int(gone))
        typed["do"] = "order"
    added = typed.pop("added", "")
    of = added.removeprefix(f"{OWN}.")
    if typed.get("do") == "add" and added != of:
        fields.append({"id": f"q-{token_hex(4)}", "kind": OWN, "of": of, "label": ""})
    elif typed.get("do") == "add" and added in KINDS:
        identifier = f"q-{token_hex(4)}" if added in MANY else added  # or the row would be taken for one left empty
        fields.append({"id": identifier, "kind": added, "label": str(KINDS[added].label)})
    return typed


def given(actor: Actor, typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the actions take it."""
    lines = {name: [line for line in typed.get(name, "").split("\n") if line.strip()] for name in ("origins",)}
    stage = actor.db.get(Stage, UUID(typed["stage_id"])) if typed.get("stage_id") else None
    plain = ("id", "version", "name", "heading", "intro", "rule", "among", "role_id", "department_id", "minutes")
    values = {
        **{name: typed[name] for name in plain if name in typed},
        **lines,
        "look": {name: typed[name] for name in LOOK if typed.get(name)},
        "active": "active" in typed,
        "opens": "opens" in typed,
        "stage_id": stage.id if stage else None,
        "pipeline_id": stage.pipeline_id if stage else None,
        "member_ids": typed.get("member_ids", []),
        "fields": [
            {
                "id": row.get("id", ""),
                "kind": row.get("kind", ""),
                "of": row.get("of", ""),
                "label": row.get("label", ""),
                "required": bool(row.get("required")),
                "hint": row.get("hint", ""),
                "text": row.get("text", ""),
                "options": [line.strip() for line in row.get("options", "").split("\n") if line.strip()],
            }
            for row in typed["fields"]
        ],
    }
    return blank_to_none(values, "version", "role_id", "department_id")


def stored(found: Form) -> dict[str, Any]:
    """A form as its builder shows it."""
    rows = [
        {**row, "required": "1" if row["required"] else "", "options": "\n".join(row["options"])}
        for row in found.fields
    ]
    typed: dict[str, Any] = {
        **{name: getattr(found, name) for name in ("version", "name", "heading", "intro", "rule", "among", "minutes")},
        **{name: str(getattr(found, name) or "") for name in ("role_id", "department_id", "stage_id")},
        **found.look,
        "member_ids": [str(one) for one in found.member_ids],
        "origins": "\n".join(found.origins),
        "fields": rows,
    }
    return typed | {name: "1" for name in ("active", "opens") if getattr(found, name)}


def filled(actor: Actor, typed: dict[str, Any], found: Form | None = None) -> dict[str, Any]:
    """What the builder needs: the values, the choices, and of a stored form where it is."""
    blank = dict.fromkeys(
        ("id", "version", "name", "heading", "intro", "role_id", "department_id", "stage_id", "origins", *LOOK), ""
    )
    here = {
        kind: KINDS[kind] for kind in KINDS if kind in MANY or kind not in {row.get("kind") for row in typed["fields"]}
    }
    own = own_fields(actor.db, removed=True)
    here_own = {row.get("of") for row in typed["fields"]}
    more_own = {of: field for of, field in own.items() if of not in here_own and field.deleted_at is None}
    for row in typed["fields"]:  # one just added is asked by its own label
        if row.get("of") in own and not row.get("label"):
            row["label"] = own[row["of"]].label
    roles = actor.db.scalars(select(Role).where(Role.deleted_at.is_(None)).order_by(Role.id))
    g.frame_src = "'self'"
    return {
        "typed": {**blank, "rule": "nobody", "among": "members", "minutes": "15", "member_ids": [], **typed},
        "form": found,
        "names": [called_in(row, own) for row in typed["fields"]],
        "more": [
            *((name, kind.name) for name, kind in here.items()),
            *((f"{OWN}.{of}", own_name(field)) for of, field in more_own.items()),
        ],
        "members": [(str(key), name) for key, name in to_choose(actor)],
        "roles": [(str(role.id), called(role)) for role in roles],
        "departments": [(str(one.id), f"{'– ' * depth}{one.name}") for one, depth in tree(actor)],
        "stages": stage_choices(deals.pipelines(actor)),
        "times": [(minutes, _("%(minutes)s min", minutes=minutes)) for minutes in minutes_of(typed)],
        "address": f"{current_app.config['OKNO'].url}/f/{actor.workspace.id}-{found.key}" if found else "",
        "preview": f"/f/{actor.workspace.id}-{found.key}?preview=1&frame=1" if found else "",
    }


def called_in(row: dict[str, Any], own: Mapping[str, Field]) -> str:
    """What a row of the builder is for."""
    if row.get("kind") == OWN:
        return own_name(own[row["of"]]) if row.get("of") in own else _("a field that is gone")
    return str(KINDS[row["kind"]].name) if row.get("kind") in KINDS else row.get("kind", "")


def own_name(field: Field) -> str:
    """ "Deal: Windows"."""
    name = f"{_('Deal') if field.record_kind == 'deal' else _('Contact')}: {field.label}"
    return name if field.deleted_at is None else _("%(name)s (removed)", name=name)


def minutes_of(typed: dict[str, Any]) -> list[int]:
    chosen = str(typed.get("minutes", "15"))
    return sorted({*MINUTES, *([int(chosen)] if chosen.isdecimal() and len(chosen) < 6 else [])})


def editable(actor: Actor, form_id: UUID) -> Form:
    found = actor.find(Form, form_id)
    actor.require(("form", "edit"), found)
    return found
