"""A task that is a step of a process: it is done with its form filled in, and the process goes on from it."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from core.actor import Actor
from core.errors import Busy
from core.jobs import later
from crm.processes.bpmn import read
from crm.processes.forms import Field, fields_of, filled
from crm.processes.models import Instance, Step, Version
from crm.tasks.actions import DOING
from crm.tasks.models import Task


def step_of(actor: Actor, task: Task) -> Step | None:
    """The step that this task is, while its process waits for it; held until the end of the transaction."""
    waiting = select(Step).where(Step.task_id == task.id, Step.state == "open")
    step: Step | None = actor.db.scalar(waiting.with_for_update())
    return step


def form_of(actor: Actor, step: Step) -> list[Field]:
    """What is to be filled in, by the version that the run is on."""
    xml = select(Version.xml).join(Instance, Instance.version_id == Version.id).where(Instance.id == step.instance_id)
    element = read(actor.db.scalars(xml).one()).elements.get(step.element)
    return fields_of(element) if element is not None else []


def form_of_task(actor: Actor, task: Task) -> list[Field]:
    """The form of a task, empty where it is no step or nothing is asked."""
    step = actor.db.scalar(select(Step).where(Step.task_id == task.id, Step.state == "open"))
    return form_of(actor, step) if step is not None else []


def complete(actor: Actor, step: Step, given: dict[str, Any]) -> None:
    """The step has its values and has arrived; the run goes on in a job of its own. Raises Invalid."""
    step.values = filled(form_of(actor, step), given)
    step.state, step.done_by_id = "arrived", actor.member.id
    step.done_at = actor.db.scalar(select(func.clock_timestamp()))
    later(actor.db, "process.advance", instance_id=step.instance_id)


def ask(actor: Actor, task: Task, what: str) -> None:
    """A task ticked off in a list completes its step, unless something must be filled in. One that a run waits for is
    not thrown away, and one that it has gone on from is not opened again."""
    if what == "reopen":
        if actor.db.scalar(select(Step.id).where(Step.task_id == task.id, Step.state.in_(("arrived", "done")))):
            raise Busy(_("The process has gone on from %(name)s.", name=task.name))
        return
    step = step_of(actor, task)
    if step is None:
        return
    if what == "delete":
        raise Busy(_("A process waits for %(name)s. Do it, or let whoever runs the process skip it.", name=task.name))
    complete(actor, step, {})


DOING.append(ask)
