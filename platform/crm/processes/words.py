"""What the designer and the rules call things: events, actions, people, in the words of whoever draws."""

from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from sqlalchemy import func

from core.actor import Actor
from crm.absences.queries import to_choose
from crm.deals.form import stage_choices
from crm.deals.queries import pipelines
from tenants.departments import tree
from tenants.models import Member, Role
from tenants.roles import called

Choices = list[tuple[str, str]]

# An event with the attributes of `<okno:on>` it needs beside its name.
EVENTS: dict[str, Any] = {
    "deal.created": _l("A deal is made"),
    "deal.stage": _l("A deal comes to a stage"),
    "deal.changed": _l("A deal is changed"),
    "deal.win": _l("A deal is won"),
    "deal.lose": _l("A deal is lost"),
    "contact.created": _l("A contact is made"),
    "contact.changed": _l("A contact is changed"),
    "company.created": _l("A company is made"),
    "request.created": _l("A request comes"),
    "quote.send": _l("A quote is sent"),
    "quote.accept": _l("A quote is accepted"),
    "quote.decline": _l("A quote is declined"),
    "payment.created": _l("A payment comes"),
    "task.created": _l("A task is made"),
    "task.done": _l("A task is done"),
    "mail.received": _l("A mail comes"),
    "call.missed": _l("A call is missed"),
    "call.ended": _l("A call ends"),
}

TODOS: dict[str, Any] = {"call": _l("Call"), "meeting": _l("Meeting"), "email": _l("E-mail"), "visit": _l("Visit")}

DOES: dict[str, Any] = {
    "deal.create": _l("Make a deal"),
    "deal.edit": _l("Change the deal"),
    "deal.move": _l("Move the deal to a stage"),
    "deal.win": _l("Win the deal"),
    "deal.lose": _l("Lose the deal"),
    "deal.assign": _l("Give the deal to somebody"),
    "deal.price": _l("Price the deal"),
    "task.create": _l("Make a task"),
    "task.edit": _l("Change a task"),
    "task.done": _l("Mark a task as done"),
    "task.assign": _l("Give a task to somebody"),
    "note.create": _l("Write a note"),
    "mail.send": _l("Send a mail"),
    "mail.send_template": _l("Send a mail from a template"),
    "contact.create": _l("Make a contact"),
    "contact.edit": _l("Change the contact"),
    "company.create": _l("Make a company"),
    "company.edit": _l("Change the company"),
    "quote.create": _l("Make a quote"),
    "quote.send": _l("Send a quote"),
    "payment.receive": _l("Note a payment"),
    "request.assign": _l("Give a request to somebody"),
    "request.close": _l("Close a request"),
    "process.start": _l("Start another process"),
    "document.create": _l("Make a document from a template"),
    "report.job": _l("Mail the report of the job"),
    "deal.reopen": _l("Open the deal again"),
    "request.convert": _l("Make a client and a deal of a request"),
    "quote.withdraw": _l("Withdraw a quote"),
}

# What an argument of an action is called; where a kind or an action has another word for it, with that before it.
ARGUMENTS: dict[str, Any] = {
    "deal.id": _l("Which deal"),
    "task.id": _l("Which task"),
    "note.id": _l("Which note"),
    "contact.id": _l("Which contact"),
    "company.id": _l("Which company"),
    "quote.id": _l("Which quote"),
    "request.id": _l("Which request"),
    "payment.id": _l("Which payment"),
    "company.name": lazy_pgettext("company", "Name"),
    "deal.name": _l("Name of the deal"),
    "task.name": _l("What is to be done"),
    "document.name": _l("Name of the document"),
    "task.about": _l("Details"),
    "deal.lose.about": _l("What happened"),
    "request.close.reason": _l("Why it is closed"),
    "quote.note": _l("Text on the quote"),
    "process.record_id": _l("What it is about"),
    "name": _l("Name"),
    "amount": _l("Amount"),
    "currency": _l("Currency"),
    "expected_close": _l("Expected close"),
    "probability": _l("Probability"),
    "owner_id": _l("Owner"),
    "assignee_id": _l("Who does it"),
    "contact_id": _l("Contact"),
    "company_id": _l("Company"),
    "deal_id": _l("Deal"),
    "quote_id": _l("Quote"),
    "process_id": _l("Process"),
    "about": _l("Description"),
    "source": _l("Source"),
    "custom": _l("Your own fields"),
    "pipeline_id": _l("Pipeline"),
    "stage_id": _l("Stage"),
    "reason": _l("Reason"),
    "items": _l("Products"),
    "todo": _l("Kind"),
    "due_on": _l("Due on"),
    "due_time": _l("At what hour"),
    "tell_id": _l("If it is late, tell"),
    "tell_at": _l("Late from"),
    "text": _l("Text"),
    "form": _l("Kind"),
    "direction": _l("Who called"),
    "result": _l("Result"),
    "minutes": _l("Minutes"),
    "at": _l("When"),
    "to": _l("To whom, e-mail"),
    "subject": _l("Subject"),
    "body": _l("Text of the mail"),
    "template": _l("Template"),
    "template_id": _l("Template"),
    "prefix": _l("Title before the name"),
    "first_name": _l("First name"),
    "last_name": _l("Last name"),
    "suffix": _l("Title behind the name"),
    "position": _l("Position"),
    "emails": _l("E-mail"),
    "email": _l("E-mail"),
    "phones": _l("Phone"),
    "phone": _l("Phone"),
    "labels": _l("Label"),
    "reg_no": _l("Registration number"),
    "vat_no": _l("VAT number"),
    "website": _l("Web site"),
    "valid_until": _l("Valid until"),
    "language": _l("Language"),
    "note": _l("Note"),
    "message": _l("Text of the mail"),
    "again": _l("Make it a draft again"),
    "paid_on": _l("Paid on"),
    "how": _l("How it was paid"),
    "role": _l("Everybody with the role"),
    "head": _l("The head of the department"),
    "member": _l("A colleague"),
    "company": _l("Name of the company"),
    "deal": _l("With a deal"),
    "deal_name": _l("Name of the deal"),
    "data": _l("What it begins with"),
}

# The words of an argument that is one of several, by its name.
OPTIONS: dict[str, dict[str, Any]] = {
    "todo": {"task": _l("Task"), **TODOS},
    "how": {"transfer": _l("Bank transfer"), "cash": _l("Cash"), "card": _l("Card"), "other": _l("Otherwise")},
    "form": {"note": _l("Note"), "call": _l("Call")},
    "direction": {"in": _l("The client called"), "out": _l("We called")},
    "result": {"answered": _l("Answered"), "missed": _l("Missed"), "voicemail": _l("Voicemail")},
    "language": {"en": "English", "cs": "Čeština"},
    "source": {"form": _l("Web form"), "mail": _l("E-mail"), "call": _l("Call"), "hand": _l("By hand")},
}

WHO: dict[str, Any] = {
    "owner": _l("Whoever the record belongs to"),
    "starter": _l("Whoever started it"),
    "head": _l("The head of the owner's department"),
    "publisher": _l("Whoever published the process"),
}

FIELD_TYPES: dict[str, Any] = {
    "text": _l("One line"),
    "long": _l("Several lines"),
    "number": _l("A number"),
    "yesno": _l("Yes or no"),
    "date": _l("A day"),
    "choice": _l("One of several"),
}

SUBJECTS: dict[str, Any] = {
    "deal": _l("Deal"),
    "contact": _l("Contact"),
    "company": _l("Company"),
    "task": _l("Task"),
    "request": _l("Request"),
    "quote": _l("Quote"),
    "payment": _l("Payment"),
}

# What an element is called that has no name.
ELEMENTS: dict[str, Any] = {
    "StartEvent": _l("Start"),
    "EndEvent": _l("End"),
    "UserTask": _l("Something for somebody"),
    "ServiceTask": _l("Something done by itself"),
    "SendTask": _l("A mail"),
    "BusinessRuleTask": _l("A decision table"),
    "ExclusiveGateway": _l("A decision"),
    "ParallelGateway": _l("Ways at once"),
    "EventBasedGateway": _l("Whichever comes first"),
    "IntermediateCatchEvent": _l("Waiting"),
    "BoundaryEvent": _l("Beside a step"),
    "SubProcess": _l("Steps within a step"),
}

# How a condition of the designer compares, by the names of assets/src/bpmn/conditions.ts.
COMPARED: dict[str, Any] = {
    "is": lazy_pgettext("rule", "is"),
    "not": lazy_pgettext("rule", "is not"),
    "contains": lazy_pgettext("rule", "contains"),
    "more": lazy_pgettext("rule", "is more than"),
    "less": lazy_pgettext("rule", "is less than"),
    "least": lazy_pgettext("rule", "is at least"),
    "most": lazy_pgettext("rule", "is at most"),
    "on": lazy_pgettext("rule", "is on"),
    "after": lazy_pgettext("rule", "is after"),
    "before": lazy_pgettext("rule", "is before"),
    "yes": lazy_pgettext("rule", "is yes"),
    "no": lazy_pgettext("rule", "is no"),
    "filled": lazy_pgettext("rule", "is filled in"),
    "empty": lazy_pgettext("rule", "is empty"),
}

UNITS: dict[str, Any] = {"m": _l("minutes"), "h": _l("hours"), "d": _l("days"), "w": _l("weeks")}
HOURS: dict[str, Any] = {"working": _l("of working time"), "always": _l("by the clock, nights and weekends too")}


def stages(actor: Actor) -> Choices:
    return stage_choices(pipelines(actor))


def people(actor: Actor) -> list[tuple[str, Choices]]:
    """Who may be asked or told, in groups: each as `what:which`, the two halves of a rule (crm.processes.people)."""
    roles = actor.db.scalars(actor.visible(Role).order_by(func.lower(Role.name), Role.id)).all()
    named = [(f"role:{one.key or one.id}", called(one)) for one in roles]
    departments = [(one, depth) for one, depth in tree(actor)]
    members = dict(to_choose(actor))
    emails: dict[UUID, str] = dict(actor.db.execute(actor.visible(Member, Member.id, Member.email)).all())
    return [
        (_("By what they are here"), [(f"who:{key}", str(words)) for key, words in WHO.items()]),
        (_("Somebody with the role"), named),
        (_("Somebody of the department"), [(f"department:{one.id}", one.name) for one, _depth in departments]),
        (_("The head of"), [(f"head:{one.id}", one.name) for one, _depth in departments]),
        (_("A colleague"), [(f"member:{emails.get(key, key)}", name) for key, name in members.items()]),
    ]
