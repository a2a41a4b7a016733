"""The columns of an exported table, each a text that PostgreSQL computes: what people read, and what an import takes
back. A column that would show a field hidden from the reader is left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy import ColumnElement, Text, case, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from core.actor import Actor
from core.copyout import safe
from core.records import Record
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline, Stage
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member

Kind = Literal["text", "day", "moment", "number"]
# An address in one line of the column of all addresses: "home: Lidická 24 | 602 00 | Brno | CZ".
PARTS_OF_ADDRESS = ("street", "zip", "city", "country")


@dataclass(frozen=True)
class Column:
    """`of` are the fields of core.access.FIELDS that it tells of."""

    heading: str
    cell: Any
    kind: Kind = "text"
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Style:
    """How a table is written: for a spreadsheet of some language (CSV), or to be read again by us (`plain`)."""

    separator: str
    decimal: str
    plain: bool = False

    def written(self, column: Column) -> ColumnElement[Any]:
        cell = column.cell
        if column.kind == "number":
            return func.replace(cast(cell, Text), ".", self.decimal) if self.decimal != "." else cast(cell, Text)
        if column.kind in ("day", "moment"):
            return func.to_char(cell, "YYYY-MM-DD" if column.kind == "day" else "YYYY-MM-DD HH24:MI")
        return func.nullif(cell if self.plain else safe(cell), "")


def columns_of(actor: Actor, model: type[Record]) -> list[Column]:
    """The columns of a kind that this actor may see, in their order, headed in the present language."""
    hidden = set(actor.hidden(model.kind))
    return [column for column in COLUMNS[model](actor) if not hidden.intersection(column.of)]


def contact_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("Title before the name"), text_of(Contact.prefix)),
        Column(_("First name"), text_of(Contact.first_name)),
        Column(_("Last name"), text_of(Contact.last_name)),
        Column(_("Title behind the name"), text_of(Contact.suffix)),
        Column(_("Company"), name_of(actor, Company, Contact.company_id)),
        Column(_("Position"), text_of(Contact.position), of=("position",)),
        *(Column(head, ways(Contact.emails, "address", kind), of=("emails",)) for kind, head in emails().items()),
        *(Column(head, ways(Contact.phones, "number", kind), of=("phones",)) for kind, head in phones().items()),
        *address_columns(Contact),
        Column(_("Came from"), text_of(Contact.source), of=("source",)),
        Column(_("Labels"), lines(Contact.labels), of=("labels",)),
        Column(_("Note"), text_of(Contact.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(Contact.owner_id)),
        Column(_("Last contact"), moment(Contact.last_contact_at, actor.workspace.time_zone), "day"),
        *bookkeeping(actor, Contact),
    ]


def company_columns(actor: Actor) -> list[Column]:
    return [
        Column(pgettext("company", "Name"), text_of(Company.name)),
        Column(_("Registration number"), text_of(Company.reg_no), of=("reg_no",)),
        Column(_("VAT number"), text_of(Company.vat_no), of=("vat_no",)),
        Column(_("Website"), text_of(Company.website), of=("website",)),
        *(Column(head, ways(Company.emails, "address", kind), of=("emails",)) for kind, head in emails().items()),
        *(Column(head, ways(Company.phones, "number", kind), of=("phones",)) for kind, head in phones().items()),
        *address_columns(Company),
        Column(_("Labels"), lines(Company.labels), of=("labels",)),
        Column(_("Note"), text_of(Company.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(Company.owner_id)),
        *bookkeeping(actor, Company),
    ]


def deal_columns(actor: Actor) -> list[Column]:
    pipeline = select(Pipeline.name).where(Pipeline.id == Deal.pipeline_id).scalar_subquery()
    stage = select(Stage.name).where(Stage.id == Deal.stage_id).scalar_subquery()
    return [
        Column(pgettext("deal", "Name"), text_of(Deal.name)),
        Column(_("Pipeline"), text_of(pipeline)),
        Column(_("Stage"), text_of(stage)),
        Column(_("State"), words(Deal.status, statuses())),
        Column(_("Amount"), Deal.amount, "number", of=("amount",)),
        Column(_("Currency"), text_of(Deal.currency)),
        Column(_("Probability"), Deal.probability, "number", of=("probability",)),
        Column(_("Expected close"), Deal.expected_close, "day", of=("expected_close",)),
        Column(_("Closed"), moment(Deal.closed_at, actor.member.time_zone), "moment"),
        Column(_("Reason"), text_of(Deal.lost_reason)),
        Column(_("Contact"), name_of(actor, Contact, Deal.contact_id)),
        Column(_("Company"), name_of(actor, Company, Deal.company_id)),
        Column(_("Note"), text_of(Deal.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(Deal.owner_id)),
        *bookkeeping(actor, Deal),
    ]


def task_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("Task"), text_of(Task.name)),
        Column(_("Kind"), words(Task.todo, todos())),
        Column(_("Due"), Task.due_on, "day"),
        Column(_("Due at"), moment(Task.due_at, actor.member.time_zone), "moment"),
        Column(pgettext("task", "Done"), moment(Task.done_at, actor.member.time_zone), "moment"),
        Column(_("Assignee"), member_of(Task.assignee_id)),
        Column(_("Contact"), name_of(actor, Contact, Task.contact_id)),
        Column(_("Company"), name_of(actor, Company, Task.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Task.deal_id)),
        Column(_("Note"), text_of(Task.about)),
        *bookkeeping(actor, Task),
    ]


def note_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("When"), moment(Note.at, actor.member.time_zone), "moment"),
        Column(_("Kind"), words(Note.form, {"note": _("Note"), "call": pgettext("noun", "Call")})),
        Column(_("Direction"), words(Note.direction, {"in": pgettext("call", "In"), "out": pgettext("call", "Out")})),
        Column(_("Result"), words(Note.result, results())),
        Column(_("Minutes"), Note.minutes, "number"),
        Column(_("Text"), text_of(Note.text)),
        Column(_("Author"), member_of(Note.author_id)),
        Column(_("Contact"), name_of(actor, Contact, Note.contact_id)),
        Column(_("Company"), name_of(actor, Company, Note.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Note.deal_id)),
        *bookkeeping(actor, Note),
    ]


COLUMNS: dict[type[Record], Callable[[Actor], list[Column]]] = {
    Contact: contact_columns,
    Company: company_columns,
    Deal: deal_columns,
    Task: task_columns,
    Note: note_columns,
}


# Words


def emails() -> dict[str, str]:
    return {"work": _("E-mail"), "home": _("E-mail: home"), "other": _("E-mail: other")}


def phones() -> dict[str, str]:
    return {
        "mobile": _("Phone: mobile"), "work": _("Phone: work"), "home": _("Phone: home"), "other": _("Phone: other"),
    }  # fmt: skip


def statuses() -> dict[str, str]:
    return {"open": pgettext("status", "Open"), "won": pgettext("status", "Won"), "lost": pgettext("status", "Lost")}


def todos() -> dict[str, str]:
    return {
        "task": _("Task"), "call": pgettext("noun", "Call"), "meeting": pgettext("noun", "Meeting"),
        "email": _("E-mail"), "visit": pgettext("noun", "Visit"),
    }  # fmt: skip


def results() -> dict[str, str]:
    return {
        "answered": pgettext("call", "Answered"), "missed": pgettext("call", "Missed"),
        "voicemail": pgettext("call", "Voicemail"),
    }  # fmt: skip


# Cells


def text_of(column: Any) -> ColumnElement[Any]:
    return cast(column, Text)


def words(column: InstrumentedAttribute[str], said: Mapping[str, str]) -> ColumnElement[Any]:
    return case(*((column == value, literal(word)) for value, word in said.items()), else_=column)


def moment(column: Any, zone: str) -> ColumnElement[Any]:
    return func.timezone(zone, column)


def name_of(actor: Actor, model: Any, link: Any) -> ColumnElement[Any]:
    """The name of the record it is about, where this actor may see that."""
    return actor.visible(model, model.name).where(model.id == link).scalar_subquery()


def member_of(link: Any) -> ColumnElement[Any]:
    """The member's name, or the e-mail where two are called so."""
    member, namesake = aliased(Member), aliased(Member)
    twice = select(namesake.id).where(namesake.name == member.name, namesake.id != member.id).exists()
    called = case((twice, member.email), else_=member.name)
    return select(called).where(member.id == link).scalar_subquery()


def ways(column: Any, key: str, kind: str) -> ColumnElement[Any]:
    """Those e-mails or phones that are of this kind, a line each. Almost everybody has at most one."""
    first = case((column[0]["kind"].astext == kind, column[0][key].astext))
    way = func.jsonb_array_elements(column).column_valued("way")
    listed = func.string_agg(way.op("->>")(key), literal("\n"))
    every = select(listed).where(way.op("->>")("kind") == kind).scalar_subquery()
    return case((column == cast(literal("[]"), column.type), None), (column[1].is_(None), first), else_=every)


def lines(column: Any) -> ColumnElement[Any]:
    return func.array_to_string(column, "\n")


def address_columns(model: Any) -> list[Column]:
    """The first address in parts; where there are more or it is not of work, all of them in one column."""
    heads = (_("Address: street"), _("Address: ZIP"), _("Address: city"), _("Address: country"))
    parts = [
        Column(head, model.addresses[0][part].astext, of=("addresses",))
        for head, part in zip(heads, PARTS_OF_ADDRESS, strict=True)
    ]
    way = func.jsonb_array_elements(model.addresses).column_valued("address")
    written = func.concat_ws(" | ", *(func.coalesce(way.op("->>")(part), "") for part in PARTS_OF_ADDRESS))
    line = way.op("->>")("kind").concat(": ").concat(written)
    every = select(func.string_agg(line, literal("\n"))).scalar_subquery()
    simple = (model.addresses[1].is_(None)) & (func.coalesce(model.addresses[0]["kind"].astext, "work") == "work")
    return [*parts, Column(_("All addresses"), case((simple, None), else_=every), of=("addresses",))]


def bookkeeping(actor: Actor, model: Any) -> list[Column]:
    return [
        Column(_("Created"), moment(model.created_at, actor.member.time_zone), "moment"),
        Column(_("Changed at"), moment(model.updated_at, actor.member.time_zone), "moment"),
        Column("ID", text_of(model.id)),
    ]
