"""What the designer and the rules call things: events, actions, people, in the words of whoever draws."""

from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func

from core.actions import ACTIONS
from core.actor import Actor
from crm.absences.queries import to_choose
from crm.deals.form import stage_choices
from crm.deals.queries import pipelines
from crm.processes.checks import allowed
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

TODOS: dict[str, Any] = {"call": _l("Call"), "meeting": _l("Meeting"), "email": _l("E-mail"), "visit": _l("Visit")}

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

UNITS: dict[str, Any] = {"m": _l("minutes"), "h": _l("hours"), "d": _l("days"), "w": _l("weeks")}
HOURS: dict[str, Any] = {"working": _l("of working time"), "always": _l("by the clock, nights and weekends too")}


def doing() -> list[dict[str, Any]]:
    """The actions that a process may take, those with words of their own first; each with its fields."""
    names = sorted((name for name in ACTIONS if allowed(name)), key=lambda name: (name not in DOES, name))
    return [
        {
            "name": name,
            "words": str(DOES.get(name, name)),
            "fields": [
                {"name": field, "required": info.is_required(), "hint": info.description or ""}
                for field, info in ACTIONS[name].input.model_fields.items()
            ],
        }
        for name in names
    ]


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
