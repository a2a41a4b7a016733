"""What would go wrong with a process, found before it is published: one sentence for each problem, with its element."""

from collections.abc import Iterator

from flask_babel import gettext as _
from sqlalchemy import Date

from core.actions import ACTIONS
from core.actor import Actor
from core.errors import Refusal
from core.records import KINDS, kept_columns
from crm.processes.arguments import allowed, wrong_arguments
from crm.processes.bpmn import GATEWAYS, SERVICE, USER, Definition, Element, Extension, Problem
from crm.processes.choices import Lists
from crm.processes.decisions import read_table
from crm.processes.expressions import NAMES, Wrong, checked
from crm.processes.forms import FIELD_TYPES, fields_of
from crm.processes.hours import NoDuration, parse_duration
from crm.processes.people import RULES, unknown_people
from crm.processes.triggers import CHANGES, HAPPENS, Every, Unclear, everies, triggers_of

SUBJECTS = ("deal", "contact", "company", "task")
WORK = ("action", "notify", "set", "decisionTable", "webhook")  # what a service step may do


def problems(actor: Actor, definition: Definition) -> list[Problem]:
    """All that is wrong, in the order of the file. Nothing is, where it can be published."""
    found, lists = [*about_whole(definition), *about_flow(definition)], Lists.of(actor)
    for element in definition.elements.values():
        found += about_element(lists, definition, element)
    return found


def about_whole(definition: Definition) -> Iterator[Problem]:
    if definition.subject and definition.subject not in SUBJECTS and definition.subject not in KINDS:
        yield Problem("", _("There are no records of the kind %(kind)s.", kind=definition.subject))
    if not any(one.tag == "endEvent" and not one.inside for one in definition.elements.values()):
        yield Problem("", _("The process has no end."))


def about_flow(definition: Definition) -> Iterator[Problem]:
    elements = definition.elements
    for flow in definition.flows:
        if flow.source not in elements or flow.target not in elements:
            yield Problem(flow.id, _("An arrow leads from or to nothing: %(id)s", id=flow.id))
        elif elements[flow.source].inside != elements[flow.target].inside:
            yield Problem(flow.id, _("An arrow crosses the border of a subprocess: %(id)s", id=flow.id))
        if flow.condition:
            yield from about_expression(flow.id, flow.condition)
    reached = reachable(definition)
    for element in elements.values():
        if element.id not in reached:
            yield Problem(element.id, _("No arrow leads to %(name)s.", name=element.title))
        if element.tag == "endEvent" or (element.host and not definition.outgoing(element.id)):
            continue
        if not definition.outgoing(element.id):
            yield Problem(element.id, _("No arrow leads away from %(name)s.", name=element.title))


def reachable(definition: Definition) -> set[str]:
    """The elements that a run can come to: along the arrows, into subprocesses, by what sits on a border."""
    found: set[str] = set()
    waiting = [definition.start.id]
    while waiting:
        element = definition.elements.get(waiting.pop())
        if element is None or element.id in found:
            continue
        found.add(element.id)
        waiting += [flow.target for flow in definition.outgoing(element.id)]
        waiting += [one.id for one in definition.boundaries(element.id)]
        waiting += [
            one.id for one in definition.elements.values() if one.inside == element.id and one.tag == "startEvent"
        ]
    return found


def about_element(lists: Lists, definition: Definition, element: Element) -> Iterator[Problem]:
    if element.tag in USER:
        yield from about_user(lists.actor, definition, element)
    elif element.tag in SERVICE:
        yield from about_service(lists, definition, element)
    elif element.tag in GATEWAYS:
        yield from about_gateway(definition, element)
    if element.tag == "startEvent" and not element.inside:
        yield from about_start(definition, element)
    if element.event == "timer" and element.tag != "startEvent":
        yield from about_timer(element)
    if element.event == "message" and element.tag in ("intermediateCatchEvent", "boundaryEvent", "receiveTask"):
        yield from about_message(definition, element)
    if element.tag == "boundaryEvent" and element.host not in definition.elements:
        yield Problem(element.id, _("%(name)s sits on nothing.", name=element.title))
    if element.tag == "intermediateCatchEvent" and element.event not in ("timer", "message"):
        yield Problem(element.id, _("%(name)s waits for nothing.", name=element.title))
    if element.tag == "intermediateThrowEvent" and element.event not in ("", "escalation"):
        yield Problem(element.id, _("%(name)s cannot throw this here.", name=element.title))
    if element.tag == "endEvent" and element.event in ("message", "timer"):
        yield Problem(element.id, _("%(name)s cannot throw this here.", name=element.title))


def about_user(actor: Actor, definition: Definition, element: Element) -> Iterator[Problem]:
    if not element.all("assignee"):
        yield Problem(element.id, _("Nobody is to do %(name)s: choose who.", name=element.title))
    for rule in (*element.all("assignee"), *element.all("late")):
        yield from about_people(actor, definition, element, rule)
    due = element.own("due")
    if due is not None:
        yield from about_duration(element, due.get("after"))
    yield from about_form(element)
    task = element.own("task")
    for name in ("name", "about"):
        if task is not None and task.get(name):
            yield from about_expression(element.id, task.get(name))


def about_people(actor: Actor, definition: Definition, element: Element, rule: Extension) -> Iterator[Problem]:
    named = [name for name in rule.given if name in RULES]
    if len(named) != 1:
        yield Problem(element.id, _("Say in one way who does %(name)s.", name=element.title))
    elif named[0] == "step" and rule.get("step") not in definition.elements:
        yield Problem(element.id, _("%(name)s names a step that there is not.", name=element.title))
    elif named[0] == "value":
        yield from about_expression(element.id, rule.get("value"))
    elif unknown_people(actor, rule):
        yield Problem(element.id, _("%(name)s names somebody who is not here.", name=element.title))
    if rule.get("if"):
        yield from about_expression(element.id, rule.get("if"))


def about_form(element: Element) -> Iterator[Problem]:
    names = set()
    for one in fields_of(element):
        if not one.name.isidentifier() or one.name in names:
            yield Problem(element.id, _("A field of %(name)s has no name of its own.", name=element.title))
        names.add(one.name)
        if one.type not in FIELD_TYPES:
            yield Problem(element.id, _("There are no fields of the type %(type)s.", type=one.type))
        if one.type == "choice" and not one.options:
            yield Problem(element.id, _("The choice %(name)s offers nothing.", name=one.label))


def about_service(lists: Lists, definition: Definition, element: Element) -> Iterator[Problem]:
    work = [one for one in element.extensions if one.name in WORK]
    if not work and element.tag == "businessRuleTask":
        yield Problem(element.id, _("%(name)s has no table yet: open it and fill it in.", name=element.title))
    elif not work:
        yield Problem(element.id, _("%(name)s does nothing: choose an action.", name=element.title))
    for at, one in enumerate(work):
        if one.name == "action":
            yield from about_action(lists, element, one, at)
        elif one.name == "webhook":
            yield from about_webhook(element, one, at)
        elif one.name == "decisionTable":
            yield from about_table(element, one)
        elif one.name == "notify":
            yield from about_people(lists.actor, definition, element, one)
            yield from about_expression(element.id, one.get("text"), f"{at}.text")
        else:
            if not one.get("name").isidentifier():
                yield Problem(element.id, _("A value of %(name)s has no name.", name=element.title))
            yield from about_expression(element.id, one.get("value") or one.text, f"{at}.value")


def about_action(lists: Lists, element: Element, one: Extension, at: int) -> Iterator[Problem]:
    """`at` is which part of the step's work it is, counted from 0, so that the designer can point at its fields."""
    name = one.get("name")
    if not allowed(name):
        yield Problem(element.id, _("There is no action %(name)s.", name=name or "?"))
        return
    given = {arg.get("name"): arg.get("value") or arg.text for arg in one.inner if arg.name == "arg"}
    for argument, text in given.items():
        if argument in ACTIONS[name].input.model_fields:
            yield from about_expression(element.id, text, f"{at}.{argument}")
    for argument, words in wrong_arguments(lists, name, given):
        yield Problem(element.id, words, f"{at}.{argument}")


def about_webhook(element: Element, one: Extension, at: int) -> Iterator[Problem]:
    if len([other for other in element.extensions if other.name in WORK]) > 1:
        yield Problem(
            element.id,
            _("%(name)s calls a webhook: what else it does goes into a step of its own.", name=element.title),
        )
    if not one.get("url").startswith("https:"):
        yield from about_expression(element.id, one.get("url"))
    for arg in one.inner:
        if not arg.get("name"):
            yield Problem(element.id, _("A value of %(name)s has no name.", name=element.title))
        yield from about_expression(element.id, arg.get("value") or arg.text, f"{at}.{arg.get('name')}")


def about_table(element: Element, one: Extension) -> Iterator[Problem]:
    try:
        table = read_table(one)
    except Refusal as error:
        yield Problem(element.id, str(error.detail))
        return
    for text in table.expressions():
        yield from about_expression(element.id, text)


def about_gateway(definition: Definition, element: Element) -> Iterator[Problem]:
    outgoing = definition.outgoing(element.id)
    if element.tag == "exclusiveGateway" and len(outgoing) > 1:
        open_ones = [flow for flow in outgoing if not flow.condition and flow.id != element.default]
        if open_ones:
            yield Problem(element.id, _("%(name)s has an arrow without a condition.", name=element.title))
        elif not element.default:
            words = _(
                "%(name)s has no way on where no condition is true: mark one as the usual way.", name=element.title
            )
            yield Problem(element.id, words)
    if element.tag == "eventBasedGateway":
        for flow in outgoing:
            target = definition.elements.get(flow.target)
            if target is None or target.event not in ("timer", "message") or target.host:
                yield Problem(element.id, _("Behind %(name)s there may only be events.", name=element.title))


def about_start(definition: Definition, element: Element) -> Iterator[Problem]:
    try:
        for trigger in triggers_of(definition, element):
            yield from about_trigger(element, trigger.kind, trigger.change, trigger.field)
            if trigger.condition:
                yield from about_expression(element.id, trigger.condition)
        for every in everies(element):
            yield from about_every(definition, element, every)
    except Unclear as error:
        yield Problem(element.id, str(error))


def about_every(definition: Definition, element: Element, every: Every) -> Iterator[Problem]:
    model = KINDS.get(definition.subject)
    column = model.__table__.columns.get(every.field) if model is not None else None
    if every.field and (column is None or not isinstance(column.type, Date)):
        words = _("%(kind)s has no day %(field)s.", kind=definition.subject or "?", field=every.field)
        yield Problem(element.id, words)
    if every.condition:
        yield from about_expression(element.id, every.condition)


def about_message(definition: Definition, element: Element) -> Iterator[Problem]:
    try:
        found = triggers_of(definition, element)
    except Unclear as error:
        yield Problem(element.id, str(error))
        return
    if not found and not element.code:
        yield Problem(element.id, _("%(name)s waits for nothing.", name=element.title))
    for trigger in found:
        yield from about_trigger(element, trigger.kind, trigger.change, trigger.field)
        if trigger.condition:
            yield from about_expression(element.id, trigger.condition)


def about_trigger(element: Element, kind: str, change: str, field: str) -> Iterator[Problem]:
    if change not in CHANGES and f"{kind}.{change}" not in HAPPENS | ACTIONS.keys() and kind in KINDS:
        yield Problem(element.id, _("There is no event %(event)s.", event=f"{kind}.{change}"))
    if field and kind in KINDS and field not in kept_columns(KINDS[kind]):
        yield Problem(element.id, _("%(kind)s has no field %(field)s.", kind=kind, field=field))


def about_timer(element: Element) -> Iterator[Problem]:
    timer = element.timer
    if timer is None:
        yield Problem(element.id, _("%(name)s has no time.", name=element.title))
    elif timer.hours not in ("working", "always"):
        yield Problem(element.id, _("%(name)s counts hours that there are not: working or always.", name=element.title))
    elif timer.what == "cycle" and (element.interrupts or not element.host):
        yield Problem(element.id, _("%(name)s may repeat only beside a step that goes on.", name=element.title))
    else:
        yield from about_duration(element, timer.value.rpartition("/")[2] if timer.what == "cycle" else timer.value)


def about_duration(element: Element, value: str) -> Iterator[Problem]:
    """A duration as PT15M, a time as 2026-12-31T15:00, or an expression for one of them."""
    try:
        parse_duration(value)
    except NoDuration:
        if value[:1].isdigit() and value[4:5] == "-":
            return
        try:
            checked(value)
        except Wrong:
            words = _("%(name)s: write a time as PT15M, P3D or as an expression.", name=element.title)
            yield Problem(element.id, words)


def about_expression(element: str, text: str, field: str = "") -> Iterator[Problem]:
    try:
        checked(text, NAMES)
    except Wrong as error:
        yield Problem(element, str(error.detail), field)
