"""Rules: "when this happens, if that holds, then do these, after some time". A rule is a process that nobody had to
draw: `compiled` writes it as BPMN, and it is published and runs like any other.

All rules are about a deal: what happens to it, or to something that hangs on it. The conditions are asked when it
happens, and once more when the time that the rule waits is over. Work is done in the order of the rule; tasks come
last, all at once, since a run waits until they are done.
"""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from flask_babel import lazy_gettext as _l
from pydantic import Field

from core.actions import Input
from crm.processes.examples import key_of
from crm.processes.layout import drawn
from crm.processes.rule_fields import Fields, Known, Op
from crm.processes.writing import Node, Writer, act, part

When = Literal[
    "created", "stage", "won", "lost", "request", "quote_sent", "quote_accepted", "quote_declined", "payment",
    "task_done", "before",
]  # fmt: skip
Do = Literal["task", "notify", "mail", "move", "set", "win"]
Unit = Literal["m", "h", "d", "w"]
Hours = Literal["working", "always"]
Number = Annotated[int, Field(ge=1, le=999)]
Text = Annotated[str, Field(max_length=200)]

WHENS: dict[str, Any] = {
    "created": _l("a deal is made"),
    "stage": _l("a deal comes to a stage"),
    "won": _l("a deal is won"),
    "lost": _l("a deal is lost"),
    "request": _l("a request becomes a deal"),
    "quote_sent": _l("a quote is sent"),
    "quote_accepted": _l("a quote is accepted"),
    "quote_declined": _l("a quote is declined"),
    "payment": _l("a payment comes"),
    "task_done": _l("a task is done"),
    "before": _l("it is some days before the expected close"),
}
DOES: dict[str, Any] = {
    "task": _l("give somebody a task"),
    "notify": _l("tell somebody"),
    "mail": _l("send a mail from a template"),
    "move": _l("move the deal to a stage"),
    "set": _l("set a field of the deal"),
    "win": _l("win the deal"),
}


class Condition(Input):
    """`field` is one of crm.processes.rule_fields.asked_fields."""

    field: Text
    op: Op
    value: Text = ""


class Work(Input):
    """One thing that is done; which of the fields count, `do` says. `who` is `what:which`, as crm.processes.words has
    it; `field` is one of crm.processes.rule_fields.set_fields."""

    do: Do
    text: Annotated[str, Field(max_length=500)] = ""
    todo: Literal["task", "call", "meeting", "email", "visit"] = "task"
    who: Text = "who:owner"
    due: Number | None = None
    due_unit: Unit = "d"
    late: Text = ""
    stage_id: UUID | None = None
    template_id: UUID | None = None
    field: Text = "owner_id"
    value: Text = ""


class Rule(Input):
    when: When
    stage_id: UUID | None = None
    days: Number | None = None
    task: Text = ""
    conditions: Annotated[list[Condition], Field(max_length=10)] = []
    works: Annotated[list[Work], Field(max_length=10)]
    wait: Number | None = None
    unit: Unit = "d"
    hours: Hours = "working"


def compiled(rule: Rule, name: str, fields: Fields) -> str:
    """The rule as BPMN with a diagram."""
    condition = together(*(asked(one, fields.asked[one.field]) for one in rule.conditions))
    writer = Writer(key_of(name), name)
    writer.add("startEvent", "start", first_upper(WHENS[rule.when]), trigger(rule, condition))
    branches = bool(rule.wait and condition)
    if rule.wait:
        writer.wait("wait", "", span(rule.wait, rule.unit), rule.hours)
    if branches:
        writer.gateway("still", "", usual="nothing")
    first = {"condition": condition} if branches else {}
    done = [work for work in rule.works if work.do != "task"]
    tasks = [work for work in rule.works if work.do == "task"]
    for number, work in enumerate(done, 1):
        writer.add("serviceTask", f"do{number}", first_upper(DOES[work.do]), doing(work, fields), **first)
        first = {}
    if len(tasks) > 1:
        writer.add("parallelGateway", "all", "", **first)
        first = {}
    fork = writer.last
    for number, work in enumerate(tasks, 1):
        writer.add("userTask", f"task{number}", work.text, *asking(work), after=fork, **first)
        writer.add("endEvent", f"end{number}")
    if not tasks:
        writer.add("endEvent", "end", **first)
    if branches:
        writer.add("endEvent", "nothing", after="still")
    return drawn(writer.xml())


def first_upper(words: Any) -> str:
    return str(words)[:1].upper() + str(words)[1:]


# The events of `<okno:on>` by what they are called here; all lead to the deal.
EVENTS: dict[str, dict[str, str]] = {
    "created": {"event": "deal.created"},
    "stage": {"event": "deal.stage"},
    "won": {"event": "deal.changed", "field": "status", "to": "won"},
    "lost": {"event": "deal.changed", "field": "status", "to": "lost"},
    # a request becomes a deal: by its form at once, or by hand
    "request": {"event": "request.changed", "field": "deal_id", "by": "deal_id"},
    "quote_sent": {"event": "quote.send", "by": "deal_id"},
    "quote_accepted": {"event": "quote.accept", "by": "deal_id"},
    "quote_declined": {"event": "quote.decline", "by": "deal_id"},
    "payment": {"event": "payment.created", "by": "deal_id"},
    "task_done": {"event": "task.changed", "field": "done_at", "by": "deal_id"},
}


def trigger(rule: Rule, condition: str) -> Node:
    """What the rule waits for, as the engine has it (crm.processes.triggers)."""
    if rule.when == "before":
        asked = together('deal.status == "open"', condition)
        return part("every", field="expected_close", before=str(rule.days), at="08:00", if_=asked)
    given = dict(EVENTS[rule.when])
    if rule.when == "stage":
        given["to"] = str(rule.stage_id)
    if rule.when == "task_done":
        named = f"event.title == {quoted(rule.task)}" if rule.task else ""
        condition = together("event.after.done_at != null", named, condition)
    return part("on", **given, if_=condition)


def together(*conditions: str) -> str:
    return " && ".join(one for one in conditions if one)


def asked(one: Condition, known: Known) -> str:
    """A condition in CEL, which is false and no error where the field is empty or nobody hangs on the deal."""
    kind, own = known.type, ".custom." in one.field
    there = "" if one.field.startswith("deal.") and not own else f"has({one.field}) && "
    if own and not one.field.startswith("deal."):
        there = f"has({one.field.rpartition('.')[0]}) && {there}"
    filled = {"number": f"{one.field} != null", "list": f"size({one.field}) > 0"}.get(kind, f'{one.field} != ""')
    if own:
        filled = f"{one.field} != null"
    value = written(kind, one.value)
    match one.op:
        case "filled":
            return f"{there}{filled}"
        case "empty":
            return f"!({there}{filled})"
        case "contains" if kind == "list":
            return f"{there}{filled} && {value} in {one.field}"
        case "contains":
            return f"{there}{filled} && {one.field}.contains({value})"
        case "is_not":
            return f"!({there}{one.field} == {value})" if own else f"{there}{one.field} != {value}"
    sign = {"is": "==", "more": ">", "less": "<"}[one.op]
    return f"{there}{filled} && {one.field} {sign} {value}" if kind == "number" else f"{there}{one.field} == {value}"


def written(kind: str, value: str) -> str:
    """A value in CEL."""
    if kind == "yes":
        return "true" if value == "yes" else "false"
    return number(value) if kind == "number" else quoted(value)


def doing(work: Work, fields: Fields) -> Node:
    match work.do:
        case "notify":
            what, _colon, which = work.who.partition(":")
            return part("notify", **{what: which}, text=quoted(work.text))
        case "mail":
            return act("mail.send_template", deal_id="deal.id", template_id=quoted(str(work.template_id)))
        case "move":
            return act("deal.move", id="deal.id", stage_id=quoted(str(work.stage_id)))
        case "win":
            return act("deal.win", id="deal.id")
        case "set" if work.field == "owner_id":
            return act("deal.assign", id="deal.id", owner_id=quoted(work.value))
    name, value = work.field, written(fields.settable[work.field].type, work.value)
    if name.startswith("custom."):
        name, value = "custom", f"{{{quoted(name.removeprefix('custom.'))}: {value}}}"
    return act("deal.edit", id="deal.id", **{name: value})


def asking(work: Work) -> list[Node]:
    what, _colon, which = work.who.partition(":")
    parts = [part("assignee", **{what: which})]
    if work.due:
        parts.append(part("due", after=span(work.due, work.due_unit), hours="working"))
    if work.due and work.late:
        told, _colon, which = work.late.partition(":")
        parts.append(part("late", **{told: which}))
    if work.todo != "task":
        parts.append(part("task", todo=work.todo))
    return parts


def span(count: int, unit: str) -> str:
    return f"PT{count}{unit.upper()}" if unit in "mh" else f"P{count}{unit.upper()}"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def number(text: str) -> str:
    """As CEL writes a number with a fraction. Raises ValueError."""
    return repr(float(text.replace(",", ".").replace(" ", "").replace("\N{NO-BREAK SPACE}", "")))
