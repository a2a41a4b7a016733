"""What whoever does a step has before them: whom it is for, how to reach them, and what earlier steps found out.

A step is given to somebody together with what they need for it: its assignee sees the names, phones, addresses and
notes of the records that the task names, though their role does not reach those records. Fields that the role hides
stay hidden, since the mask lies below every query. Whoever else sees the task sees as much as their role lets them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import or_, select

from core.actor import Actor
from core.pages import number, written_day
from core.people import address_line
from core.records import Record
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.processes.bpmn import Definition, read
from crm.processes.forms import Field, fields_of
from crm.processes.models import Instance, Process, Step, Version
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member

NOTES = 3  # the newest, of the deal and the contact
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Said:
    """Words of somebody: a note, or what a record is about."""

    text: str
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Found:
    """What an earlier step brought: (label, value) of each field that was filled in."""

    step: str
    who: str
    at: datetime | None
    values: list[tuple[str, str]]


@dataclass(frozen=True)
class Doing:
    """A step in the hands of whoever does it. `own` says that it is theirs."""

    task: Task
    step: Step
    process: str
    run: str
    own: bool
    fields: list[Field]
    contact: Contact | None = None
    company: Company | None = None
    deal: Deal | None = None
    notes: list[Said] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)

    @property
    def client(self) -> str:
        whom = self.contact or self.company
        return whom.name if whom is not None else self.run

    @property
    def phone(self) -> str:
        return next((one["number"] for who in (self.contact, self.company) if who for one in who.phones), "")

    @property
    def address(self) -> str:
        lines = (address_line(one) for who in (self.contact, self.company) if who for one in who.addresses)
        return next(filter(None, lines), "")


def doing(actor: Actor, task_id: UUID) -> Doing | None:
    """The step that this task is, or None where no process waits for it. Raises NotFound."""
    task = actor.find(Task, task_id)
    row = actor.db.execute(
        select(Step, Instance, Process.name, Version.xml)
        .join(Instance, Instance.id == Step.instance_id)
        .join(Process, Process.id == Instance.process_id)
        .join(Version, Version.id == Instance.version_id)
        .where(Step.task_id == task.id, Step.state == "open")
    ).first()
    if row is None:
        return None
    step, run, process, xml = row
    definition, own = read(xml), task.assignee_id == actor.member.id
    element = definition.elements.get(step.element)
    contact = known(actor, Contact, task.contact_id, own)
    company = known(actor, Company, task.company_id, own)
    deal = known(actor, Deal, task.deal_id, own)
    close = own or any((contact, company, deal)) or actor.may("process", "edit")
    return Doing(
        task, step, process, run.name if close else "", own,
        fields_of(element) if element is not None else [], contact, company, deal,
        notes_about(actor, contact, deal, own), found_before(actor, definition, run) if close else [],
    )  # fmt: skip


def known(actor: Actor, model: type[R], record_id: UUID | None, own: bool) -> R | None:
    """A record that the task names: for whoever does it in any case, for others by their rights."""
    if record_id is None:
        return None
    rows = select(model).where(model.deleted_at.is_(None)) if own else actor.visible(model)
    record: R | None = actor.db.scalar(rows.where(model.id == record_id))
    return record


def notes_about(actor: Actor, contact: Contact | None, deal: Deal | None, own: bool) -> list[Said]:
    """What the records are about, then the newest notes."""
    about = [Said(one.about) for one in (deal, contact) if one is not None and one.about]
    named = [column == one.id for column, one in ((Note.deal_id, deal), (Note.contact_id, contact)) if one is not None]
    if not named:
        return about
    columns = (Note.text, Member.name, Note.at)
    notes = select(*columns).where(Note.deleted_at.is_(None)) if own else actor.visible(Note, *columns)
    rows = actor.db.execute(
        notes.outerjoin(Member, Member.id == Note.author_id)
        .where(or_(*named), Note.text != "")
        .order_by(Note.at.desc(), Note.id.desc())
        .limit(NOTES)
    )
    return [*about, *(Said(text, name or "", at) for text, name, at in rows)]


def found_before(actor: Actor, definition: Definition, run: Instance) -> list[Found]:
    """What people filled in at the steps done so far, with the labels of the form."""
    rows = actor.db.execute(
        select(Step, Member.name)
        .outerjoin(Member, Member.id == Step.done_by_id)
        .where(Step.instance_id == run.id, Step.kind == "user", Step.state == "done")
        .order_by(Step.done_at, Step.id)
    )
    found = [Found(step.name, name or "", step.done_at, told(definition, step)) for step, name in rows]
    return [one for one in found if one.values]


def told(definition: Definition, step: Step) -> list[tuple[str, str]]:
    """(label, value) of what was filled in at a step, in the order of its form."""
    element = definition.elements.get(step.element)
    fields = fields_of(element) if element is not None else []
    return [(one.label, written(step.values[one.name])) for one in fields if one.name in step.values]


def written(value: Any) -> str:
    """A value as people write it: 1180.0 is 1180."""
    match value:
        case bool():
            return str(_("Yes") if value else _("No"))
        case int() | float():
            return number(value)
        case str():
            try:
                return written_day(date.fromisoformat(value).isoformat()) if len(value) == 10 else value
            except ValueError:
                return value
    return str(value)
