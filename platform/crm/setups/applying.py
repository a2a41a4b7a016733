"""Putting a set-up into a workspace: what is not there yet, and nothing else. What is there, by its name, stays.

Each thing comes by the action that a person would take, with the rights of whoever applies it; processes act as them.
One that is refused is left out, and the others come all the same. A preview is the same, undone at its end.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from xml.sax.saxutils import unescape

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import events
from core.actor import Actor
from core.db import database
from core.errors import Invalid, Refusal
from core.records import Record
from crm.deals import pipelines
from crm.deals.models import Pipeline, Stage
from crm.documents import actions as documents
from crm.documents.models import ONLY, Letterhead
from crm.fields import actions as fields
from crm.fields.models import Field
from crm.forms import actions as forms
from crm.forms.models import Form
from crm.mails import actions as mails
from crm.mails.models import MailTemplate
from crm.processes import actions as processes
from crm.processes.models import Process
from crm.products import actions as products
from crm.products.models import Product
from crm.setups.shape import (
    GivenDepartment,
    GivenField,
    GivenForm,
    GivenLetterhead,
    GivenPipeline,
    GivenProcess,
    GivenProduct,
    GivenRole,
    GivenTemplate,
    Setup,
    work_of,
)
from tenants import departments, roles
from tenants.members import acting_member
from tenants.models import Department, Role

# What a file may have, in the order in which it comes: what others name stands before them.
KINDS: dict[str, Any] = {
    "pipelines": _l("Pipelines"),
    "departments": _l("Departments"),
    "roles": _l("Roles"),
    "fields": _l("Your own fields"),
    "products": _l("Price list"),
    "mail_templates": _l("Mail templates"),
    "letterhead": _l("Texts of quotes"),
    "forms": _l("Web forms"),
    "processes": _l("Processes"),
}
ON: dict[str, Any] = {"contact": _l("Contact"), "company": _l("Company"), "deal": _l("Deal")}
REFERENCE = re.compile(r"«(stage|pipeline|role|department|form|template|product):([^«»]{1,200})»")


@dataclass(frozen=True)
class Part:
    """What becomes of one thing of the file: it is `new`, it is `there` already and stays, it comes as a `draft` that
    does not run, or it is `left` out; `words` say why."""

    kind: str
    name: str
    state: str
    words: str = ""


class Undone(Exception):
    """Ends a preview."""


def preview(actor: Actor, setup: Setup) -> list[Part]:
    """What `apply` would do now: it does it in a transaction of its own, and undoes that. Raises Forbidden."""
    parts: list[Part] = []
    again = acting_member(database(), actor.workspace, actor.member.id, actor.via)
    try:
        with again as rehearsing, rehearsing.transaction():
            parts += apply(rehearsing, setup)
            raise Undone
    except Undone:
        return parts


def apply(actor: Actor, setup: Setup) -> list[Part]:
    """Add what is not there, in one transaction. Raises Forbidden."""
    actor.require(("settings", "edit"))
    with actor.transaction():
        furnishing = Furnishing(actor)
        for pipeline in setup.pipelines:
            furnishing.put("pipelines", pipeline.name, furnishing.pipeline, pipeline)
        for department in setup.departments:
            furnishing.put("departments", department.name, furnishing.department, department)
        for role in setup.roles:
            furnishing.put("roles", role.name, furnishing.role, role)
        for one in setup.fields:
            furnishing.put("fields", f"{ON[one.on]}: {one.label}", furnishing.field, one)
        for product in setup.products:
            furnishing.put("products", product.name, furnishing.product, product)
        for template in setup.mail_templates:
            furnishing.put("mail_templates", template.name, furnishing.template, template)
        if setup.letterhead is not None:
            furnishing.put("letterhead", str(KINDS["letterhead"]), furnishing.letterhead, setup.letterhead)
        for form in setup.forms:
            furnishing.put("forms", form.name, furnishing.form, form)
        for process in setup.processes:
            furnishing.put_process(process)
        note(actor, setup, furnishing.parts)
    return furnishing.parts


def note(actor: Actor, setup: Setup, parts: list[Part]) -> None:
    """For the audit log: whose set-up, and what came of it."""
    came = {kind: [one.name for one in parts if one.kind == kind and one.state in ("new", "draft")] for kind in KINDS}
    after = {kind: names for kind, names in came.items() if names}
    events.note(actor, "setup.apply", "settings", UUID(int=actor.workspace.id), setup.name, after=after)


@dataclass
class Furnishing:
    """A set-up on its way into a workspace. `known` are the things of the file that are there by now, by what the file
    calls them."""

    actor: Actor
    known: dict[tuple[str, str], UUID] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def put(self, kind: str, name: str, way: Callable[[Any], bool], given: Any) -> None:
        """By its way, which says whether it was new."""
        try:
            with self.all_or_nothing():
                new = way(given)
        except Refusal as error:
            self.parts.append(Part(kind, name, "left", said(error)))
        else:
            self.parts.append(Part(kind, name, "new" if new else "there"))

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        with self.actor.db.begin_nested():
            yield
            self.actor.db.flush()

    def know(self, kind: str, name: str, record: Record | None) -> None:
        if record is not None:
            self.known[kind, name.casefold()] = record.id

    def pipeline(self, given: GivenPipeline) -> bool:
        pipeline = self.named(Pipeline, given.name)
        new = pipeline is None
        if new:
            values = given.model_dump(exclude={"key", "stages"})
            stages = [stage.model_dump(exclude={"key"}) for stage in given.stages]
            pipeline = pipelines.create(self.actor, pipelines.create.parse({**values, "stages": stages}))
            self.actor.db.flush()
        self.know("pipeline", given.goes_by(), pipeline)
        stages_there = {stage.name.casefold(): stage for stage in self.stages_of(pipeline.id)}
        for stage in given.stages:
            self.know("stage", f"{given.goes_by()}/{stage.goes_by()}", stages_there.get(stage.name.casefold()))
        return new

    def stages_of(self, pipeline_id: UUID) -> list[Stage]:
        return list(
            self.actor.db.scalars(select(Stage).where(Stage.pipeline_id == pipeline_id, Stage.deleted_at.is_(None)))
        )

    def department(self, given: GivenDepartment) -> bool:
        found = self.named(Department, given.name)
        if found is None:
            parent = self.reference("department", given.parent) if given.parent else None
            found = departments.create(self.actor, departments.DepartmentFields(name=given.name, parent_id=parent))
            self.know("department", given.goes_by(), found)
            return True
        self.know("department", given.goes_by(), found)
        return False

    def role(self, given: GivenRole) -> bool:
        found = self.role_called(given.name)
        new = found is None
        if found is None:
            matrix, special = work_of(given)
            fields = {"name": given.name, "matrix": matrix, "special": special, "fields": given.fields}
            found = roles.create(self.actor, roles.create.parse(fields))
            self.actor.db.flush()
        self.know("role", given.goes_by(), found)
        return new

    def role_called(self, name: str) -> Role | None:
        return next(
            (one for one in roles.all_roles(self.actor) if roles.called(one).casefold() == name.casefold()), None
        )

    def field(self, given: GivenField) -> bool:
        known = (Field.record_kind == given.on) & (Field.key == given.key)
        found = self.actor.db.scalar(select(Field).where(known))
        if found is None:
            values = given.model_dump(exclude={"on"})
            fields.create(self.actor, fields.create.parse({**values, "record_kind": given.on}))
        elif found.deleted_at is not None:
            raise Invalid(("", _("It was removed here. Bring it back in the settings.")))
        elif found.type != given.type:
            raise Invalid(("", _("There is a field %(name)s here, of another type.", name=found.label)))
        return found is None

    def product(self, given: GivenProduct) -> bool:
        same = (Product.name == given.name) | ((Product.code == given.code) & (Product.code != ""))
        if self.actor.db.scalar(self.actor.visible(Product, Product.id).where(same).limit(1)):
            return False
        currency = self.actor.workspace.currency
        if currency not in given.price:
            raise Invalid(("", _("It has no price in %(currency)s.", currency=currency)))
        values = given.model_dump(exclude={"price"}, exclude_none=True)
        products.create(self.actor, products.create.parse({**values, "price": given.price[currency]}))
        return True

    def template(self, given: GivenTemplate) -> bool:
        if self.named(MailTemplate, given.name) is not None:
            return False
        mails.create_template(self.actor, mails.create_template.parse(given.model_dump()))
        return True

    def letterhead(self, given: GivenLetterhead) -> bool:
        """Only what nobody has written yet."""
        present = self.actor.db.get(Letterhead, ONLY)
        texts = {name: words for name, words in given.model_dump(exclude={"valid_days"}).items() if words}
        wanted: dict[str, Any] = {name: words for name, words in texts.items() if not getattr(present, name, "")}
        if present is None and given.valid_days is not None:
            wanted["valid_days"] = given.valid_days
        if wanted:
            documents.change(self.actor, documents.change.parse(wanted))
        return bool(wanted)

    def form(self, given: GivenForm) -> bool:
        found = self.named(Form, given.name)
        if found is None:
            values = given.model_dump(exclude={"key", "role", "department", "pipeline", "stage"})
            for kind in ("role", "department", "pipeline"):
                name = getattr(given, kind)
                values[f"{kind}_id"] = self.reference(kind, name) if name else None
            if given.stage:
                values["stage_id"] = self.reference("stage", f"{given.pipeline}/{given.stage}")
            values["among"] = "department" if given.department else "role"
            found = forms.create(self.actor, forms.create.parse(values))
            self.actor.db.flush()
            self.know("form", given.goes_by(), found)
            return True
        self.know("form", given.goes_by(), found)
        return False

    def put_process(self, given: GivenProcess) -> None:
        """A drawing that cannot be published here stays a draft."""
        name = ""
        try:
            definition = processes.readable(given.bpmn)
            name = definition.name
            if self.named(Process, name) is not None:
                self.parts.append(Part("processes", name, "there"))
                return
            with self.all_or_nothing():
                made = processes.create(self.actor, processes.create.parse({"xml": self.with_ids(given.bpmn)}))
        except Refusal as error:
            self.parts.append(Part("processes", name or "BPMN", "left", said(error)))
            return
        words = ""
        if given.on:
            try:
                with self.all_or_nothing():
                    processes.publish(self.actor, processes.OneProcess(id=made.id))
            except Refusal as error:
                words = said(error)
        self.parts.append(Part("processes", name, "draft" if words or not given.on else "new", words))

    def with_ids(self, bpmn: str) -> str:
        """The drawing with the ids that this workspace has for what it names. Raises Invalid."""
        return REFERENCE.sub(lambda found: str(self.reference(found[1], unescape(found[2]))), bpmn)

    def reference(self, kind: str, name: str) -> UUID:
        """What the file calls so, else what the workspace does. Raises Invalid."""
        known = self.known.get((kind, name.casefold())) or self.here(kind, name)
        if known is None:
            raise Invalid(("", _("It names %(name)s, which is not here.", name=name)))
        return known

    def here(self, kind: str, name: str) -> UUID | None:
        if kind == "role":
            ready = self.actor.db.scalar(select(Role.id).where(Role.key == name, Role.deleted_at.is_(None)))
            own = self.role_called(name)
            return ready or (own.id if own else None)
        if kind == "stage":
            pipeline, _slash, stage = name.rpartition("/")
            above = self.named(Pipeline, pipeline)
            stages = self.stages_of(above.id) if above is not None else []
            return next((one.id for one in stages if one.name.casefold() == stage.casefold()), None)
        models = {"pipeline": Pipeline, "department": Department, "form": Form, "template": MailTemplate,
                  "product": Product}  # fmt: skip
        found = self.named(models[kind], name)
        return found.id if found is not None else None

    def named(self, model: Any, name: str) -> Any:
        """The thing of this name that is in use, whoever may see it. The database knows no small Ž."""
        live = select(model).where(model.deleted_at.is_(None)).order_by(model.id)
        return next((one for one in self.actor.db.scalars(live) if one.name.casefold() == name.casefold()), None)


def said(error: Refusal) -> str:
    if isinstance(error, Invalid):
        return " ".join(str(words) for _name, words in error.fields[:3])
    return str(error.detail or error.title)
