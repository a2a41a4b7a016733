"""The page on which a step is done: at the client's door, on a phone. "Done" sends what was filled in and completes the
task in one go."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid
from core.pages import Answer, Pages, came_from, render, say, see, zone_of
from crm.processes import actions
from crm.processes.doing import Doing, doing
from crm.tasks.due import lateness
from crm.tasks.models import Task

pages = Pages("steps", __name__)
FIELD = "field-"  # before the names that the process chose, which could be those of any other field of the page


@pages.get("/tasks/<uuid:task_id>/step")
def show(actor: Actor, task_id: UUID) -> Answer:
    step = doing(actor, task_id)
    if step is None:
        return see(url_for("tasks.edit", task_id=task_id, next=back()))
    return page(actor, step, {}, {})


@pages.post("/tasks/<uuid:task_id>/step")
def complete(actor: Actor, task_id: UUID) -> Answer:
    actor.require(("task", "edit"), actor.find(Task, task_id))
    step = doing(actor, task_id)
    if step is None:
        say(_("This step is done already."))
        return see(back())
    typed = {one.name: request.form.get(FIELD + one.name, "").replace("\r\n", "\n") for one in step.fields}
    try:
        task = actions.complete(actor, actions.complete.parse({"id": task_id, "values": typed}))
    except Invalid as error:
        errors = {FIELD + name: str(words) for name, words in error.fields}
        return page(actor, step, typed, errors), 422
    say(_("Done: %(name)s", name=task.name))
    return see(back())


def page(actor: Actor, step: Doing, typed: dict[str, Any], errors: dict[str, str]) -> str:
    return render(
        actor, "steps/show.html", doing=step, typed=typed, errors=errors, before=FIELD, next=back(),
        may=actor.may("task", "edit", step.task),
        late=lateness(step.task.due_on, step.task.due_at, datetime.now(zone_of(actor))),
    )  # fmt: skip


def back() -> str:
    return came_from(url_for("today.index"))
