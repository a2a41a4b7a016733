"""The columns of an exported table, each a text that PostgreSQL computes: what people read, and what an import takes
back. A column that would show a field hidden from the reader is left out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy import ColumnElement, Select, Text, case, cast, column, func, literal, literal_column, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute

from core.actor import Actor
from core.copyout import safe
from core.records import Record
from crm.calls.models import Call
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline, Stage
from crm.forms.models import Form
from crm.mails.models import Mail
from crm.payments.models import Payment
from crm.products.models import Product
from crm.quotes.models import Quote
from crm.requests.models import Request
from crm.requests.words import sources, states
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member

Kind = Literal["text", "day", "moment", "number"]
# An address in one line of the column of all addresses: "home: Lidická 24 | 602 00 | Brno | CZ".
PARTS_OF_ADDRESS = ("street", "zip", "city", "country")


@dataclass(frozen=True)
class Column:
    """`of` are the fields of core.access.FIELDS that it tells of. With `given`, values that several columns are made of
    by their names, the cell is an expression of those names."""

    heading: str
    cell: Any
    kind: Kind = "text"
    of: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Style:
    """How a table is written: for a spreadsheet of some language (CSV), or to be read again by us (`plain`)."""

    separator: str
    decimal: str
    plain: bool = False

    def written(self, kind: Kind, cell: ColumnElement[Any]) -> ColumnElement[Any]:
        """The text of a cell. Days and moments are cut from PostgreSQL's own ISO form, which is much faster than
        to_char."""
        if kind == "text":
            return func.nullif(cell, "") if self.plain else safe(cell)
        said = cast(cell, Text)
        if kind == "number":
            return func.replace(said, ".", self.decimal) if self.decimal != "." else said
        return func.left(said, 10 if kind == "day" else 16)

    def table(self, columns: Sequence[Column], rows: Select[Any], place: Any) -> Select[Any]:
        """SELECT of what is written for each of the rows, in the order of `place`. What cells are made of is computed
        once, inside, and looked at as often as it takes outside; without the OFFSET PostgreSQL would make one of both.
        """
        given = {name: value for column in columns for name, value in column.given.items()}
        given |= {f"c{at}": column.cell for at, column in enumerate(columns) if not column.given}
        made = [value.label(name) for name, value in given.items()]
        inside = rows.with_only_columns(place.label("place"), *made).offset(literal_column("0")).subquery("given")
        cells = [column.cell if column.given else inside.c[f"c{at}"] for at, column in enumerate(columns)]
        written = (self.written(column.kind, cell) for column, cell in zip(columns, cells, strict=True))
        return select(*written).select_from(inside).order_by(inside.c.place)


def columns_of(actor: Actor, model: type[Record]) -> list[Column]:
    """The columns of a kind that this actor may see, in their order, headed in the present language."""
    hidden = set(actor.hidden(model.kind))
    return [one for one in COLUMNS[model](actor) if not hidden.intersection(one.of)]


def contact_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("Title before the name"), text_of(Contact.prefix)),
        Column(_("First name"), text_of(Contact.first_name)),
        Column(_("Last name"), text_of(Contact.last_name)),
        Column(_("Title behind the name"), text_of(Contact.suffix)),
        Column(_("Company"), name_of(actor, Company, Contact.company_id)),
        Column(_("Position"), text_of(Contact.position), of=("position",)),
        *way_columns(Contact.emails, "address", emails()),
        *way_columns(Contact.phones, "number", phones()),
        *address_columns(Contact),
        Column(_("Came from"), text_of(Contact.source), of=("source",)),
        Column(_("Labels"), lines(Contact.labels), of=("labels",)),
        Column(_("Note"), text_of(Contact.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(actor, Contact.owner_id)),
        Column(_("Last contact"), moment(Contact.last_contact_at, actor.workspace.time_zone), "day"),
        *bookkeeping(actor, Contact),
    ]


def company_columns(actor: Actor) -> list[Column]:
    return [
        Column(pgettext("company", "Name"), text_of(Company.name)),
        Column(_("Registration number"), text_of(Company.reg_no), of=("reg_no",)),
        Column(_("VAT number"), text_of(Company.vat_no), of=("vat_no",)),
        Column(_("Website"), text_of(Company.website), of=("website",)),
        *way_columns(Company.emails, "address", emails()),
        *way_columns(Company.phones, "number", phones()),
        *address_columns(Company),
        Column(_("Labels"), lines(Company.labels), of=("labels",)),
        Column(_("Note"), text_of(Company.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(actor, Company.owner_id)),
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
        Column(_("Came from"), text_of(Deal.source)),
        Column(_("Contact"), name_of(actor, Contact, Deal.contact_id)),
        Column(_("Company"), name_of(actor, Company, Deal.company_id)),
        Column(_("Note"), text_of(Deal.about), of=("about",)),
        Column(pgettext("record", "Owner"), member_of(actor, Deal.owner_id)),
        *bookkeeping(actor, Deal),
    ]


def task_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("Task"), text_of(Task.name)),
        Column(_("Kind"), words(Task.todo, todos())),
        Column(_("Due"), Task.due_on, "day"),
        Column(_("Due at"), moment(Task.due_at, actor.member.time_zone), "moment"),
        Column(pgettext("task", "Done"), moment(Task.done_at, actor.member.time_zone), "moment"),
        Column(_("Assignee"), member_of(actor, Task.assignee_id)),
        Column(_("Contact"), name_of(actor, Contact, Task.contact_id)),
        Column(_("Company"), name_of(actor, Company, Task.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Task.deal_id)),
        Column(_("Note"), text_of(Task.about)),
        *bookkeeping(actor, Task),
    ]


def note_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("When"), moment(Note.at, actor.member.time_zone), "moment"),
        Column(
            _("Kind"), words(Note.form, {"note": _("Note"), "call": pgettext("noun", "Call"), "process": _("Process")})
        ),
        Column(_("Direction"), words(Note.direction, {"in": pgettext("call", "In"), "out": pgettext("call", "Out")})),
        Column(_("Result"), words(Note.result, results())),
        Column(_("Minutes"), Note.minutes, "number"),
        Column(_("Text"), text_of(Note.text)),
        Column(_("Author"), case((Note.process != "", Note.process), else_=member_of(actor, Note.author_id))),
        Column(_("Contact"), name_of(actor, Contact, Note.contact_id)),
        Column(_("Company"), name_of(actor, Company, Note.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Note.deal_id)),
        *bookkeeping(actor, Note),
    ]


def request_columns(actor: Actor) -> list[Column]:
    form = select(Form.name).where(Form.id == Request.form_id).scalar_subquery()
    return [
        Column(_("Came"), moment(Request.created_at, actor.member.time_zone), "moment"),
        Column(pgettext("request", "Came by"), words(Request.source, sources())),
        Column(_("Form"), text_of(form)),
        Column(pgettext("person", "Name"), text_of(Request.name)),
        Column(_("E-mail"), text_of(Request.email)),
        Column(_("Phone"), text_of(Request.phone)),
        Column(_("What was asked for"), text_of(Request.text)),
        Column(_("State"), words(Request.state, states())),
        Column(_("Reason"), text_of(Request.reason)),
        Column(_("Assignee"), member_of(actor, Request.assignee_id)),
        Column(_("To be contacted by"), moment(Request.contact_by, actor.member.time_zone), "moment"),
        Column(_("First contact"), moment(Request.first_contact_at, actor.member.time_zone), "moment"),
        Column(_("Contact"), name_of(actor, Contact, Request.contact_id)),
        Column(_("Company"), name_of(actor, Company, Request.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Request.deal_id)),
        *bookkeeping(actor, Request),
    ]


def quote_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("Number"), text_of(Quote.number)),
        Column(pgettext("deal", "Name"), text_of(Quote.name)),
        Column(_("State"), words(Quote.state, quote_states())),
        Column(_("Client"), Quote.client.op("->>")(literal_column("'name'"))),
        Column(_("Without VAT"), Quote.net, "number"),
        Column(_("With VAT"), Quote.gross, "number"),
        Column(_("Currency"), text_of(Quote.currency)),
        Column(_("Valid until"), Quote.valid_until, "day"),
        Column(pgettext("quote", "Sent"), moment(Quote.sent_at, actor.member.time_zone), "moment"),
        Column(_("Sent to"), text_of(Quote.sent_to)),
        Column(_("Answered"), moment(Quote.answered_at, actor.member.time_zone), "moment"),
        Column(_("Answered by"), text_of(Quote.answered_by)),
        Column(_("Reason"), text_of(Quote.reason)),
        Column(_("Deal"), name_of(actor, Deal, Quote.deal_id)),
        Column(pgettext("record", "Owner"), member_of(actor, Quote.owner_id)),
        *bookkeeping(actor, Quote),
    ]


def payment_columns(actor: Actor) -> list[Column]:
    quote = actor.visible(Quote, Quote.number).where(Quote.id == Payment.quote_id).scalar_subquery()
    return [
        Column(_("Paid on"), Payment.paid_on, "day"),
        Column(_("Amount"), Payment.amount, "number"),
        Column(_("Currency"), text_of(Payment.currency)),
        Column(_("How"), words(Payment.how, payment_ways())),
        Column(_("Note"), text_of(Payment.note)),
        Column(_("Deal"), name_of(actor, Deal, Payment.deal_id)),
        Column(_("Quote"), text_of(quote)),
        Column(pgettext("record", "Owner"), member_of(actor, Payment.owner_id)),
        *bookkeeping(actor, Payment),
    ]


def product_columns(actor: Actor) -> list[Column]:
    return [
        Column(pgettext("product", "Name"), text_of(Product.name)),
        Column(_("Code"), text_of(Product.code)),
        Column(_("Unit"), text_of(Product.unit)),
        Column(_("Price of one"), Product.price, "number"),
        Column(_("Currency"), text_of(Product.currency)),
        Column(_("VAT in percent"), Product.vat_rate, "number"),
        Column(_("Offered"), case((Product.active, literal(_("yes"))), else_=literal(_("no")))),
        Column(_("About"), text_of(Product.about)),
        *bookkeeping(actor, Product),
    ]


def call_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("When"), moment(Call.began_at, actor.member.time_zone), "moment"),
        Column(_("Direction"), words(Call.direction, {"in": pgettext("call", "In"), "out": pgettext("call", "Out")})),
        Column(_("State"), words(Call.state, call_states())),
        Column(_("Calling number"), text_of(Call.from_number)),
        Column(_("Called number"), text_of(Call.to_number)),
        Column(_("Answered"), moment(Call.answered_at, actor.member.time_zone), "moment"),
        Column(_("Ended"), moment(Call.ended_at, actor.member.time_zone), "moment"),
        Column(_("Text"), text_of(Call.about)),
        Column(pgettext("call", "Whose"), member_of(actor, Call.member_id)),
        Column(_("Contact"), name_of(actor, Contact, Call.contact_id)),
        Column(_("Company"), name_of(actor, Company, Call.company_id)),
        Column(_("Deal"), name_of(actor, Deal, Call.deal_id)),
        *bookkeeping(actor, Call),
    ]


def mail_columns(actor: Actor) -> list[Column]:
    return [
        Column(_("When"), moment(Mail.at, actor.member.time_zone), "moment"),
        Column(_("Direction"), words(Mail.direction, {"in": pgettext("call", "In"), "out": pgettext("call", "Out")})),
        Column(_("State"), words(Mail.state, mail_states())),
        Column(pgettext("mail", "From"), text_of(Mail.from_name)),
        Column(_("Address it came from"), text_of(Mail.from_address)),
        Column(pgettext("mail", "To"), text_of(Mail.to_address)),
        Column(_("Subject"), text_of(Mail.subject)),
        Column(_("Text"), text_of(Mail.text)),
        Column(pgettext("mail", "Whose"), member_of(actor, Mail.member_id)),
        Column(_("Contact"), name_of(actor, Contact, Mail.contact_id)),
        Column(_("Deal"), name_of(actor, Deal, Mail.deal_id)),
        *bookkeeping(actor, Mail),
    ]


COLUMNS: dict[type[Record], Callable[[Actor], list[Column]]] = {
    Contact: contact_columns,
    Company: company_columns,
    Deal: deal_columns,
    Task: task_columns,
    Note: note_columns,
    Request: request_columns,
    Quote: quote_columns,
    Payment: payment_columns,
    Product: product_columns,
    Call: call_columns,
    Mail: mail_columns,
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


def quote_states() -> dict[str, str]:
    return {
        "draft": _("Draft"), "sent": _("Sent"), "accepted": _("Accepted"), "declined": _("Declined"),
        "expired": _("Expired"), "withdrawn": _("Withdrawn"),
    }  # fmt: skip


def payment_ways() -> dict[str, str]:
    return {
        "transfer": _("Bank transfer"), "cash": _("Cash"), "card": _("Card"), "online": _("Online"),
        "other": pgettext("payment", "Other"),
    }  # fmt: skip


def call_states() -> dict[str, str]:
    return {
        "asked": pgettext("call", "Asked for"), "ringing": pgettext("call", "Ringing"),
        "answered": pgettext("call", "Answered"), "ended": pgettext("call", "Ended"),
        "missed": pgettext("call", "Missed"), "failed": pgettext("call", "Failed"),
    }  # fmt: skip


def mail_states() -> dict[str, str]:
    return {
        "waiting": pgettext("mail", "On its way"), "sent": pgettext("mail", "Sent"),
        "failed": pgettext("mail", "Not sent"), "received": pgettext("mail", "Received"),
    }  # fmt: skip


# Cells


def text_of(value: Any) -> ColumnElement[Any]:
    return cast(value, Text)


def words(code: InstrumentedAttribute[str], said: Mapping[str, str]) -> ColumnElement[Any]:
    return case(*((code == value, literal(word)) for value, word in said.items()), else_=code)


def moment(value: Any, zone: str) -> ColumnElement[Any]:
    return func.timezone(zone, value)


def name_of(actor: Actor, model: Any, link: Any) -> ColumnElement[Any]:
    """The name of the record it is about, where this actor may see that."""
    return actor.visible(model, model.name).where(model.id == link).scalar_subquery()


def member_of(actor: Actor, link: Any) -> ColumnElement[Any]:
    """The member's name, or the e-mail where two are called so. Members are few, so they come along as one value."""
    members = actor.db.execute(select(Member.id, Member.name, Member.email)).all()
    names = Counter(member.name for member in members)
    called = {str(member.id): member.name if names[member.name] == 1 else member.email for member in members}
    return cast(literal(orjson.dumps(called).decode()), JSONB).op("->>")(cast(link, Text))


def way_columns(ways: Any, key: str, heads: Mapping[str, str]) -> Iterator[Column]:
    """E-mails or phones, a column for each kind, a line for each of a kind. Almost everybody has at most one, which is
    read without going through the list."""
    name = ways.key
    kind, first, many = (column(f"{name}_{part}", Text) for part in ("kind", "first", "many"))
    given = {
        kind.name: ways.op("#>>")(literal_column("'{0,kind}'")),
        first.name: ways.op("#>>")(literal_column(f"'{{0,{key}}}'")),
        many.name: case((func.jsonb_array_length(ways) > 1, ways)),
    }
    for wanted, head in heads.items():
        way = func.jsonb_array_elements(many).column_valued("way")
        said = func.string_agg(way.op("->>")(literal_column(f"'{key}'")), literal_column("E'\\n'"))
        word = literal_column(f"'{wanted}'", Text)
        every = select(said).where(way.op("->>")(literal_column("'kind'")) == word).scalar_subquery()
        cell = case((many.is_not(None), every), (kind == word, first))
        yield Column(head, cell, of=(name,), given=given)


def lines(values: Any) -> ColumnElement[Any]:
    return func.array_to_string(values, "\n")


def address_columns(model: Any) -> Iterator[Column]:
    """The first address in parts; where there are more or it is not of work, all of them in one column."""
    heads = (_("Address: street"), _("Address: ZIP"), _("Address: city"), _("Address: country"))
    for head, part in zip(heads, PARTS_OF_ADDRESS, strict=True):
        cell = model.addresses.op("#>>")(literal_column(f"'{{0,{part}}}'"))
        yield Column(head, cell, of=("addresses",))
    unlike = column("addresses_unlike", Text)
    kind = model.addresses.op("#>>")(literal_column("'{0,kind}'"))
    given = {unlike.name: case((or_(func.jsonb_array_length(model.addresses) > 1, kind != "work"), model.addresses))}
    way = func.jsonb_array_elements(unlike).column_valued("address")
    written = func.concat_ws(" | ", *(func.coalesce(way.op("->>")(part), "") for part in PARTS_OF_ADDRESS))
    line = way.op("->>")("kind").concat(": ").concat(written)
    every = select(func.string_agg(line, literal_column("E'\\n'"))).scalar_subquery()
    yield Column(_("All addresses"), case((unlike.is_not(None), every)), of=("addresses",), given=given)


def bookkeeping(actor: Actor, model: Any) -> list[Column]:
    return [
        Column(_("Created"), moment(model.created_at, actor.member.time_zone), "moment"),
        Column(_("Changed at"), moment(model.updated_at, actor.member.time_zone), "moment"),
        Column("ID", text_of(model.id)),
    ]
