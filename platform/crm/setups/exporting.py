"""A workspace's set-up as a file that another one can take: no people, no records of clients, no secrets.

Identifiers in drawings become names («stage:Windows/Measurement»), and identifiers of the other workspace there.
"""

import re
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

import yaml
from sqlalchemy import select

from core import events
from core.actor import Actor
from core.db import as_uuid
from crm.deals.models import Pipeline
from crm.documents.models import ONLY, Letterhead
from crm.fields.models import Field
from crm.forms.fields import OWN
from crm.forms.models import Form
from crm.forms.own import Own, own_fields
from crm.mails.models import MailTemplate
from crm.processes.models import Process, Version
from crm.products.models import Product
from crm.setups.shape import VERSION
from tenants import roles
from tenants.models import Department, Role

IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Written(yaml.SafeDumper):
    """Texts of several lines as they are read."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def text(self, data: str) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


Written.add_representer(str, Written.text)


def export(actor: Actor) -> bytes:
    """The set-up as YAML, said in the audit log. Raises Forbidden."""
    actor.require(("settings", "edit"))
    with actor.transaction():
        names, own = names_of(actor), own_fields(actor.db)
        whole = {
            "okno": VERSION,
            "name": actor.workspace.name[:80],
            "pipelines": [pipeline_out(one) for one in rows(actor, Pipeline, Pipeline.position)],
            "departments": departments_out(actor),
            "roles": [role_out(one) for one in roles.all_roles(actor) if one.key is None],
            "fields": [field_out(one) for one in rows(actor, Field, Field.record_kind, Field.position)],
            "products": [product_out(one) for one in rows(actor, Product, Product.sort_key)],
            "mail_templates": [kept(one, "name", "subject", "body") for one in rows(actor, MailTemplate)],
            "letterhead": letterhead_out(actor),
            "forms": [form_out(one, names, own) for one in rows(actor, Form)],
            "processes": [process_out(actor, one, names) for one in rows(actor, Process)],
        }
        said = {kind: found for kind, found in whole.items() if found}
        events.note(actor, "setup.export", "settings", UUID(int=actor.workspace.id), actor.workspace.name)
    return yaml.dump(said, Dumper=Written, allow_unicode=True, sort_keys=False, width=120).encode()


def rows(actor: Actor, model: Any, *order: Any) -> list[Any]:
    return list(actor.db.scalars(select(model).where(model.deleted_at.is_(None)).order_by(*order, model.id)))


def kept(record: Any, *names: str) -> dict[str, Any]:
    """What is not nothing of these."""
    return {name: value for name in names if (value := getattr(record, name)) not in (None, "", [], {})}


def names_of(actor: Actor) -> dict[UUID, tuple[str, str]]:
    """(kind, name) of all that a drawing or a form may name, as the file calls it."""
    found: dict[UUID, tuple[str, str]] = {}
    for pipeline in rows(actor, Pipeline):
        found[pipeline.id] = ("pipeline", pipeline.name)
        found |= {stage.id: ("stage", f"{pipeline.name}/{stage.name}") for stage in pipeline.stages}
    models: tuple[tuple[str, Any], ...] = (
        ("department", Department), ("form", Form), ("template", MailTemplate), ("product", Product)
    )  # fmt: skip
    for kind, model in models:
        found |= {one.id: (kind, one.name) for one in rows(actor, model)}
    return found | {one.id: ("role", one.key or one.name) for one in rows(actor, Role)}


def pipeline_out(pipeline: Pipeline) -> dict[str, Any]:
    stages = [{"name": stage.name, "probability": stage.probability} for stage in pipeline.stages]
    said = {"name": pipeline.name, "stale_days": pipeline.stale_days, **kept(pipeline, "lost_reasons")}
    return {**said, **({"returning": True} if pipeline.returning else {}), "stages": stages}


def departments_out(actor: Actor) -> list[dict[str, Any]]:
    """Those above before those below."""
    found = sorted(rows(actor, Department), key=lambda one: len(one.path))
    names = {one.id: one.name for one in found}
    return [{"name": one.name, **({"parent": names[one.parent_id]} if one.parent_id else {})} for one in found]


def role_out(role: Role) -> dict[str, Any]:
    matrix = {
        kind: {verb: scope for verb, scope in verbs.items() if scope != "none"}
        for kind, verbs in roles.matrix_of(role.rights).items()
    }
    said = {"name": role.name, "matrix": {kind: verbs for kind, verbs in matrix.items() if verbs}}
    return {**said, "special": roles.special_of(role.rights), **kept(role, "fields")}


def field_out(field: Field) -> dict[str, Any]:
    said = {"key": field.key, "on": field.record_kind, "label": field.label, "type": field.type}
    return {**said, **kept(field, "options", "hint"), **({"required": True} if field.required else {})}


def product_out(product: Product) -> dict[str, Any]:
    price = {product.currency: float(product.price)}
    return {**kept(product, "name", "code", "unit", "about"), "price": price, "vat_rate": float(product.vat_rate)}


def letterhead_out(actor: Actor) -> dict[str, Any]:
    letterhead = actor.db.get(Letterhead, ONLY)
    return kept(letterhead, "header", "footer", "terms", "valid_days") if letterhead else {}


def form_out(form: Form, names: dict[UUID, tuple[str, str]], own: Own) -> dict[str, Any]:
    """Whoever was named one by one is nobody elsewhere, and the sites that may show it are this business's. What asked
    for a field that was removed is a question like any other."""
    links = {
        kind: names[one][1]
        for kind in ("pipeline", "role", "department")
        if (one := getattr(form, f"{kind}_id")) in names
    }
    if form.stage_id in names:
        links["stage"] = names[form.stage_id][1].removeprefix(f"{links.get('pipeline', '')}/")
    rule = form.rule if form.among in ("role", "department") and form.among in links else "nobody"
    said = kept(form, "name", "heading", "intro", "fields", "look", "minutes")
    if "fields" in said:
        said["fields"] = [asked_out(one, own) for one in said["fields"]]
    return {**said, "opens": form.opens, "rule": rule, **links}


def asked_out(one: dict[str, Any], own: Own) -> dict[str, Any]:
    if one["kind"] != OWN or one.get("of") in own:
        return one
    return {name: value for name, value in one.items() if name != "of"} | {"kind": "question"}


def process_out(actor: Actor, process: Process, names: dict[UUID, tuple[str, str]]) -> dict[str, Any]:
    """As it runs; one that is off, as its draft."""
    version = actor.db.get(Version, process.active_id) if process.enabled and process.active_id else None
    drawing = version.xml if version is not None else process.draft
    return {"on": version is not None, "bpmn": IDENTIFIER.sub(lambda found: named(found[0], names), drawing)}


def named(identifier: str, names: dict[UUID, tuple[str, str]]) -> str:
    known = names.get(as_uuid(identifier) or UUID(int=0))
    if known is None or any(sign in known[1] for sign in "«»"):
        return identifier
    kind, name = known
    return f"«{kind}:{escape(name, {chr(34): '&quot;'})}»"
