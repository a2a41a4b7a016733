"""The page on which a process is tried out: each press of a button sends what was done so far and one thing more."""

from typing import Any
from uuid import UUID

import orjson
from flask import request
from flask_babel import gettext as _
from pydantic import TypeAdapter, ValidationError

from core.actor import Actor
from core.db import as_uuid, database
from core.errors import Invalid, Refusal
from core.pages import Answer, Pages, render
from core.records import KINDS
from crm.processes.bpmn import Definition, Problem, Unreadable, read
from crm.processes.checks import problems
from crm.processes.models import Process
from crm.processes.trying import MOST, Move, try_out

pages = Pages("trials", __name__)
MOVES = TypeAdapter(list[Move])
OFFERED = 50  # records to choose from, the newest


@pages.get("/settings/processes/<uuid:process_id>/try")
def show(actor: Actor, process_id: UUID) -> Answer:
    process = actor.find(Process, process_id)
    return page(actor, process, None, "", [])


@pages.post("/settings/processes/<uuid:process_id>/try")
def step(actor: Actor, process_id: UUID) -> Answer:
    """`do` is what is done now: an element's id, "time", or nothing to begin."""
    actor.require(("process", "edit"))
    process = actor.find(Process, process_id)
    moves, record_id, doing = moves_before(), request.form.get("record_id", ""), request.form.get("do", "")
    if doing == "time":
        moves.append(Move())
    elif doing:
        before = f"{doing}/"
        values = {name.removeprefix(before): value for name, value in request.form.items() if name.startswith(before)}
        moves.append(Move(element=doing, values=values))
    return page(actor, process, as_uuid(record_id), record_id, moves, begun=True)


def moves_before() -> list[Move]:
    """What was done so far, as the page sent it. Raises Invalid."""
    try:
        return MOVES.validate_json(request.form.get("moves", "[]"))[: MOST - 1]
    except ValidationError:
        raise Invalid(("moves", _("Start over: this trial cannot be followed."))) from None


def page(
    actor: Actor, process: Process, record_id: UUID | None, chosen: str, moves: list[Move], *, begun: bool = False
) -> Answer:
    actor.require(("process", "view"))
    definition, wrong = understood(actor, process)
    trial, error = None, ""
    if begun and definition is not None:
        try:
            trial = try_out(database(), actor, process, definition, record_id, moves)
        except Invalid as refused:
            error = "; ".join(str(words) for _name, words in refused.fields)
        except Refusal as refused:
            error = str(refused.detail)
    if trial is not None and trial.refused:
        moves = moves[:-1]
    shown = render(
        actor,
        "processes/trial.html",
        process=process,
        wrong=wrong,
        trial=trial,
        error=error,
        errors=errors_of(trial, request.form.get("do", "")),
        typed=request.form,
        moves=orjson.dumps([move.model_dump() for move in moves]).decode(),
        records=offered(actor, definition),
        chosen=chosen,
        subject=definition.subject if definition else "",
    )
    return (shown, 422) if begun else shown  # as a form that is drawn again, since Turbo takes no other answer


def understood(actor: Actor, process: Process) -> tuple[Definition | None, list[Problem]]:
    """The draft, and what is wrong with it."""
    try:
        definition = read(process.draft)
    except Unreadable as error:
        return None, error.problems
    return definition, problems(actor, definition)


def errors_of(trial: Any, element: str) -> dict[str, str]:
    refused = trial.refused if trial is not None else None
    return {f"{element}/{name}": str(words) for name, words in refused.fields} if refused else {}


def offered(actor: Actor, definition: Definition | None) -> list[tuple[str, str]]:
    """The newest records of the kind that the process is about."""
    model: Any = KINDS.get(definition.subject) if definition else None
    if model is None or not hasattr(model, "name"):
        return []
    rows = actor.db.execute(actor.visible(model, model.id, model.name).order_by(model.id.desc()).limit(OFFERED))
    return [(str(row.id), row.name) for row in rows]
