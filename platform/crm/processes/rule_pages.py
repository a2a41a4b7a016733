"""Rules as sentences: the list, and the form that works without a script, whose lines are added by a button."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.pages import Answer, Pages, form_values, refused, render, say, see
from crm.processes import actions, queries, rule_actions
from crm.processes.designer_pages import editable
from crm.processes.models import Process
from crm.processes.rule_actions import rule_of
from crm.processes.rule_fields import OPS, Fields, Known, gone
from crm.processes.rules import DOES, WHENS, Rule
from crm.processes.sentences import OPS as OP_WORDS
from crm.processes.sentences import Names, sentence
from crm.processes.words import TODOS, UNITS

pages = Pages("rules", __name__)

FORM = "rules/form.html"
BLANK = {
    "when": "created", "stage_id": "", "task": "", "days": "", "wait": "", "unit": "d",
    "hours": "working", "version": "",
}  # fmt: skip
BLANK_CONDITION = {"op": "is", "value": ""}
BLANK_WORK = {
    "text": "", "who": "who:owner", "todo": "task", "due": "", "due_unit": "d", "late": "", "stage_id": "",
    "template_id": "", "field": "owner_id", "value": "",
}  # fmt: skip
FIRST_WORK = {"do": "task", "due": "1"}


@pages.get("/settings/processes/rules")
def index(actor: Actor) -> Answer:
    """All of them, or with ?stage= those that hold when a deal comes there."""
    stage = request.args.get("stage", "")
    names, found = Names.of(actor), []
    for row in queries.rules(actor):
        rule = rule_of(row)
        if rule is not None and (not stage or (rule.when == "stage" and str(rule.stage_id) == stage)):
            found.append((row, sentence(names, rule)))
    return render(
        actor, "rules/index.html", rules=found, stage=stage, stage_name=names.stage(stage) if stage else "",
        processes=len(queries.overview(actor)),
    )  # fmt: skip


@pages.get("/settings/processes/rules/new")
def new(actor: Actor) -> Answer:
    actor.require(("process", "create"))
    stage = request.args.get("stage", "")
    typed = {"id": str(new_id()), "when": "stage" if stage else "created", "stage_id": stage, "works": [FIRST_WORK]}
    return render(actor, FORM, errors={}, **filled(actor, typed))


@pages.post("/settings/processes/rules")
def create(actor: Actor) -> Answer:
    actor.require(("process", "create"))
    typed = typed_form(actor)
    if typed.pop("do", None):
        return render(actor, FORM, errors={}, **filled(actor, typed)), 422
    try:
        rule_actions.create(actor, rule_actions.create.parse(given(typed)))
    except Invalid as error:
        return refused(actor, FORM, error, **filled(actor, typed))
    say(_("The rule is on"))
    return see(url_for("rules.index"))


@pages.get("/settings/processes/rules/<uuid:process_id>")
def edit(actor: Actor, process_id: UUID) -> Answer:
    process, rule = found(actor, process_id)
    return render(actor, FORM, errors={}, **filled(actor, stored(process, rule), process))


@pages.post("/settings/processes/rules/<uuid:process_id>")
def change(actor: Actor, process_id: UUID) -> Answer:
    typed = typed_form(actor)
    process, _rule = found(actor, process_id)
    if typed.pop("do", None):
        return render(actor, FORM, errors={}, **filled(actor, typed, process)), 422
    try:
        rule_actions.change(actor, rule_actions.change.parse({**given(typed), "id": process_id}))
    except Invalid as error:
        return refused(actor, FORM, error, **filled(actor, typed, process))
    except Conflict as conflict:
        again = filled(actor, {**typed, "version": str(conflict.current)}, process)
        return render(actor, FORM, errors={}, theirs=True, **again), conflict.status
    say(_("The rule is stored"))
    return see(url_for("rules.index"))


@pages.post("/settings/processes/rules/<uuid:process_id>/draw")
def draw(actor: Actor, process_id: UUID) -> Answer:
    """From here on it is a process like any other."""
    process, _rule = found(actor, process_id)
    actions.change(actor, actions.change.parse({"id": process_id, "xml": process.draft}))
    say(_("The rule is a diagram now"))
    return see(url_for("designer.show", process_id=process_id))


def found(actor: Actor, process_id: UUID) -> tuple[Process, Rule]:
    process = editable(actor, process_id)
    rule = rule_of(process)
    if rule is None:
        raise NotFound()
    return process, rule


def typed_form(actor: Actor) -> dict[str, Any]:
    """The form as it was typed; "do" is there where a button asked only for a line more or less."""
    typed, fields = form_values(request.form), Fields.of(actor)
    conditions = typed["conditions"] = [one for one in typed.get("conditions", []) if one.get("field")]
    works = typed["works"] = [one for one in typed.get("works", []) if one.get("do") in DOES]
    ask, work = typed.pop("ask", ""), typed.pop("work", "")
    pressed = typed.get("do", "")
    if pressed == "ask" and ask in fields.asked:
        conditions.append({"field": ask, "op": OPS[fields.asked[ask].type][0]})
    elif pressed == "work" and (work in DOES or work.removeprefix("set:") in fields.settable):
        does, _colon, field = work.partition(":")
        works.append(FIRST_WORK if does == "task" else {"do": does, "field": field} if field else {"do": does})
    for lines, button in ((conditions, "unask"), (works, "unwork")):
        place = typed.pop(button, "")
        if place.isdecimal() and int(place) < len(lines):
            del lines[int(place)]
            typed["do"] = "less"
    return typed


def given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed as the action takes it: empty fields are left out."""

    def said(values: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if value != ""}

    return {**said(typed), "conditions": [*map(said, typed["conditions"])], "works": [*map(said, typed["works"])]}


def stored(process: Process, rule: Rule) -> dict[str, Any]:
    return {**rule.model_dump(mode="json", exclude_none=True), "version": process.version}


def filled(actor: Actor, typed: dict[str, Any], process: Process | None = None) -> dict[str, Any]:
    """What the form needs."""
    names = Names.of(actor)
    fields = names.fields
    conditions = [{**BLANK_CONDITION, **one} for one in typed.get("conditions", [])]
    works = [{**BLANK_WORK, **one} for one in typed.get("works", [])]
    return {
        "typed": {"id": new_id(), **BLANK, **typed, "conditions": conditions, "works": works},
        "process": process,
        "names": names,
        "whens": WHENS,
        "does": DOES,
        "asked": with_gone(fields.asked, conditions),
        "ask_choices": fields.asked,
        "ops": {kind: [(op, OP_WORDS[op]) for op in found] for kind, found in OPS.items()},
        "settable": with_gone(fields.settable, works),
        "work_choices": [(do, words) for do, words in DOES.items() if do != "set"]
        + [(f"set:{name}", _("set %(field)s", field=one.words)) for name, one in fields.settable.items()],
        "todos": TODOS,
        "units": UNITS,
    }


def with_gone(known: Mapping[str, Known], lines: list[dict[str, Any]]) -> dict[str, Known]:
    """Fields that are not there any more stay in the rule until somebody takes their lines out: without them it would
    hold for more than was meant."""
    return {**{line["field"]: gone() for line in lines}, **known}
