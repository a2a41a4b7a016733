"""Every change of a web form."""

import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from crm.deals.models import Pipeline, Stage
from crm.forms.fields import KINDS, MANY, OWN
from crm.forms.models import Form
from crm.forms.own import Own, own_fields
from tenants.departments import known_members
from tenants.models import Department, Role

MOST_FIELDS, MOST_ORIGINS = 40, 50
COLOUR = re.compile(r"#[0-9a-f]{6}")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def checked_colour(colour: str) -> str:
    if not COLOUR.fullmatch(colour.lower()):
        raise ValueError(_("Write the colour as #1a6b4f."))
    return colour.lower()


def checked_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("https", "http") or not parts.hostname or not url.isprintable() or " " in url):
        raise ValueError(_("Write a whole address, such as https://www.example.com/thanks."))
    return url


def checked_origin(origin: str) -> str:
    """A site as a Content-Security-Policy names it: scheme, host and port, and nothing that could end the directive."""
    scheme, _colon, host = origin.lower().strip().rstrip("/").rpartition("://")
    if scheme not in ("", "http", "https") or not HOST.fullmatch(host):
        raise ValueError(_("Write each site as https://www.example.com, one a line."))
    return f"{scheme or 'https'}://{host}"


class FormField(Input):
    id: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_-]*$")] = ""
    kind: Annotated[str, Field(json_schema_extra={"enum": sorted({*KINDS, OWN})})]
    of: Annotated[
        str,
        Field(
            max_length=60,
            pattern=r"^((contact|deal)\.[a-z][a-z0-9_]*)?$",
            description="Of a field of your own (kind own): contact.<key> or deal.<key>.",
        ),
    ] = ""
    label: Annotated[str, Field(max_length=200)] = ""
    required: bool = False
    hint: Annotated[str, Field(max_length=300)] = ""
    options: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=50)] = []
    text: Annotated[str, Field(max_length=5_000, description="Of a consent: what is agreed to.")] = ""


class Look(Input):
    colour: Annotated[str, AfterValidator(checked_colour)] = "#1f6f54"
    button: Annotated[str, Field(max_length=60)] = ""
    done: Annotated[str, Field(max_length=1_000, description="Said when it was sent.")] = ""
    redirect: Annotated[str, Field(max_length=500, description="Opened instead."), AfterValidator(checked_url)] = ""


class FormFields(Input):
    id: UUID | None = None
    name: Annotated[str, Field(min_length=1, max_length=80)]
    heading: Annotated[str, Field(max_length=200)] = ""
    intro: Annotated[str, Field(max_length=2_000)] = ""
    fields: Annotated[list[FormField], Field(max_length=MOST_FIELDS)] = []
    look: Look = Look()
    active: bool = True
    opens: bool = True
    pipeline_id: UUID | None = None
    stage_id: UUID | None = None
    minutes: Annotated[int, Field(ge=1, le=10_080, description="Working minutes to the first contact.")] = 15
    rule: Literal["nobody", "member", "turns", "load"] = "nobody"
    among: Literal["members", "role", "department"] = "members"
    member_ids: Annotated[list[UUID], Field(max_length=500)] = []
    role_id: UUID | None = None
    department_id: UUID | None = None
    origins: Annotated[list[Annotated[str, AfterValidator(checked_origin)]], Field(max_length=MOST_ORIGINS)] = []


ChangedForm = changes_of(FormFields, "ChangedForm")


class OneForm(Input):
    id: UUID
    version: int | None = None


@action("form.create")
def create(actor: Actor, data: FormFields) -> Form:
    known = actor.repeated(Form, data.id)
    if known:
        return known
    form = Form(**data.model_dump(exclude_none=True))
    check(actor, form)
    actor.db.add(form)
    return form


@action("form.edit", takes=ChangedForm)
def change(actor: Actor, data: Changes) -> Form:
    form = actor.take(Form, data.id, "edit", data.version)
    for name, value in data.given().items():
        setattr(form, name, value)
    check(actor, form)
    return form


@action("form.delete")
def delete(actor: Actor, data: OneForm) -> Form:
    """Its pages say that it is closed; what came by it stays."""
    form = actor.take(Form, data.id, "delete", data.version)
    form.deleted_at = datetime.now(UTC)
    return form


@action("form.restore", right=("form", "delete"))
def restore(actor: Actor, data: OneForm) -> Form:
    form = actor.take(Form, data.id, "delete", deleted=True)
    form.deleted_at = None
    return form


def check(actor: Actor, form: Form) -> None:
    """Fields, rule and place of deals must be possible. Raises Invalid."""
    with actor.db.no_autoflush:
        own = own_fields(actor.db, removed=True)  # one that was removed meanwhile does not hold up the others
    form.fields = [checked_field(number, dict(field), own) for number, field in enumerate(form.fields)]
    check_once(form.fields)
    with actor.db.no_autoflush:
        check_stage(actor, form)
        form.member_ids = known_members(actor, form.member_ids)
        actor.linked(Department, form.department_id, "department_id")
        known = form.role_id is None or actor.db.get(Role, form.role_id) is not None
    if not known:
        raise Invalid(("role_id", _("There is no such role.")))
    if form.rule == "member" and not form.member_ids:
        raise Invalid(("member_ids", _("Choose who gets it.")))
    if form.rule in ("turns", "load"):
        chosen = {"members": form.member_ids, "role": form.role_id, "department": form.department_id}[form.among]
        name = {"members": "member_ids", "role": "role_id", "department": "department_id"}[form.among]
        if not chosen:
            raise Invalid((name, _("Choose among whom.")))


def checked_field(number: int, field: dict[str, Any], own: Own) -> dict[str, Any]:
    if field["kind"] == OWN:
        return checked_own(number, field, own)
    kind = KINDS.get(field["kind"])
    if kind is None:
        raise Invalid((f"fields.{number}.kind", _("There is no such field.")))
    label = field["label"] or str(kind.label)
    if not label:
        raise Invalid((f"fields.{number}.label", _("Write what is asked.")))
    if kind.shape == "choice" and len(field["options"]) < 2:
        raise Invalid((f"fields.{number}.options", _("Write at least two answers, one a line.")))
    if kind.shape == "consent" and not field["text"]:
        raise Invalid((f"fields.{number}.text", _("Write what is agreed to.")))
    identifier = field["id"] or (f"q-{secrets.token_hex(4)}" if field["kind"] in MANY else field["kind"])
    return {**field, "id": identifier, "label": label}


def checked_own(number: int, field: dict[str, Any], own: Own) -> dict[str, Any]:
    asked = own.get(field["of"])
    if asked is None:
        raise Invalid((f"fields.{number}.kind", _("There is no such field.")))
    return {**field, "id": field["id"] or f"q-{secrets.token_hex(4)}", "label": field["label"] or asked.label}


def check_once(fields: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for number, field in enumerate(fields):
        twice = field["id"] in seen or (field.get("of") and field["of"] in seen)
        if twice or (field["kind"] not in MANY and field["id"] != field["kind"]):
            raise Invalid((f"fields.{number}.kind", _("This field is in the form already.")))
        seen |= {field["id"], field.get("of", "")} - {""}


def check_stage(actor: Actor, form: Form) -> None:
    actor.linked(Pipeline, form.pipeline_id, "pipeline_id")
    if form.stage_id is None:
        return
    stage = actor.db.get(Stage, form.stage_id)
    if stage is None or stage.deleted_at or stage.pipeline_id != form.pipeline_id:
        raise Invalid(("stage_id", _("There is no such stage in this pipeline.")))
