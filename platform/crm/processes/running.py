"""Running: one transaction takes a run one step on.

    lock the instance -> restore its tokens -> let go on what has arrived -> do at most one piece of work -> store

What has arrived is in the rows: a step that a person has done, a time that has come, a message. So a job that comes
twice, or after a crash, finds what is left to do and nothing else; the action that a run takes, its events, the new
tokens and the mark at the step are one commit. A piece of work that is refused is rolled back, and the run stops there
as `failed`, for somebody to mend and try again; its publisher is told.
"""

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Database, Workspace
from core.errors import Invalid, Refusal
from core.events import note_by_itself
from core.jobs import Place, along, job, went_along
from core.records import Record
from crm.processes import steps
from crm.processes.bpmn import Definition, Unreadable, read
from crm.processes.context import Around, Seen, subject_of
from crm.processes.expressions import holds
from crm.processes.models import Instance, Process, Step, Version
from crm.processes.people import Working
from crm.processes.rights import narrowed
from crm.processes.walk import Endless, Lost, Token, Walk
from tenants.members import acting_in, again

log = logging.getLogger(__name__)

ADVANCE = "process.advance"
TOGETHER = 200  # runs whose time has come that one job takes along
PASSES = 100  # pieces of work one after the other, without ever waiting
LONGEST = 10_000  # elements that a run may pass in its life
OPEN = ("open", "arrived", "failed")


class Stuck(Exception):
    """A run that cannot go on at this element, and why, in words for whoever published it."""

    def __init__(self, words: str, element: str = ""):
        super().__init__(words)
        self.words, self.element = words, element


@dataclass
class Run:
    """A run in hand, within one transaction. What it knows (`data`) is written once, at the end of it."""

    actor: Actor
    instance: Instance
    version: Version
    definition: Definition
    now: datetime
    record: Record | None
    process_name: str
    people: dict[UUID, Working] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.around, self.data = Around(self.actor, self.record), self.instance.data

    def context(self) -> Seen:
        """What expressions see now."""
        return Seen(self.around, self.data, self.instance.started_by_id, self.now)

    def know(self, element: str, values: dict[str, Any]) -> None:
        """Keep what an element brought, as `steps.<element>`."""
        self.data = {**self.data, "steps": {**self.data.get("steps", {}), element: values}}

    def holds(self, condition: str) -> bool:
        return holds(condition, self.context())


@job(ADVANCE, queue="urgent")
def advance_job(place: Place, instance_id: str) -> None:
    """One run, and others whose time has come at the same moment."""
    others = along(place, ADVANCE, TOGETHER)
    ids = dict.fromkeys([instance_id, *(arguments["instance_id"] for arguments in others.values())])
    done = [one for one in ids if place.still_ours() and advance(place.database, place.here(), UUID(one))]
    went_along(place, [work for work, arguments in others.items() if arguments["instance_id"] in done])


def advance(database: Database, workspace: Workspace, instance_id: UUID) -> bool:
    """Take a run on until it waits, ends or fails. Returns True."""
    with force_locale(workspace.language):  # in which its publisher reads what went wrong
        actors: dict[UUID, Actor] = {}
        for _pass in range(PASSES):
            try:
                if not step_on(database, workspace, instance_id, actors):
                    return True
            except (Stuck, Lost, Refusal) as error:
                stop(database, workspace, instance_id, *reason(error))
                return True
        stop(database, workspace, instance_id, "", _("It goes round and round without ever waiting."))
    return True


def step_on(database: Database, workspace: Workspace, instance_id: UUID, actors: dict[UUID, Actor]) -> bool:
    """One transaction. Returns whether there is more to do at once. `actors` are the publishers known from the steps
    just before, by version."""
    with database.workspace(workspace) as session:
        run = taken(session, workspace, instance_id, actors)
        if run is None:
            return False
        with run.actor.transaction():
            more = go_on(run)
            session.flush()
        return more


def taken(session: Session, workspace: Workspace, instance_id: UUID, actors: dict[UUID, Actor]) -> Run | None:
    """The run, held until the end of the transaction; None where it is not running. Raises Stuck."""
    row = session.execute(
        select(Instance, Version, Process.name, func.clock_timestamp())
        .join(Version, Version.id == Instance.version_id)
        .join(Process, Process.id == Instance.process_id)
        .where(Instance.id == instance_id, Instance.status == "running")
        .with_for_update(of=Instance)
    ).first()
    if row is None:
        return None
    instance, version, name, now = row
    known = actors.get(version.id)
    if known is not None:
        actor = again(known, session)
    else:
        publisher = acting_in(session, workspace, version.publisher_id, "process", f"process:{instance.id}")
        if publisher is None:
            raise Stuck(_("Who published the process works here no more. Publish it again."))
        actor = actors[version.id] = narrowed(publisher, version.rights)
    try:
        definition = read(version.xml)
    except Unreadable as error:
        raise Stuck(str(error.detail)) from None
    return Run(actor, instance, version, definition, now, subject_of(actor, instance), name)


def go_on(run: Run) -> bool:
    """What the transaction does. Returns whether there is more to do at once."""
    instance = run.instance
    walk = Walk(run.definition.specs, run.holds, instance.state or None)
    waiting = steps_of(run)
    if not instance.state:
        walk.go()
    elif not pass_arrived(run, walk, waiting):
        pass_work(run, walk, waiting)
    if instance.passed + walk.passed > LONGEST:
        raise Endless(_("It has passed more than %(most)s elements.", most=LONGEST))
    tokens = walk.tokens()
    settle(run, waiting, tokens)
    instance.passed, instance.state, instance.data = instance.passed + walk.passed, walk.state(), run.data
    if walk.ended:
        end(run)
        return False
    return any(one.kind == "service" and one.state == "open" for one in waiting.values())


def steps_of(run: Run) -> dict[tuple[UUID, str], Step]:
    """The steps where the run waits, by token and element, those that arrived first before the others."""
    rows = run.actor.db.scalars(
        select(Step)
        .where(Step.instance_id == run.instance.id, Step.state.in_(OPEN))
        .order_by(Step.done_at, Step.due_at, Step.id)
    )
    return {(one.token, one.element): one for one in rows}


def pass_arrived(run: Run, walk: Walk, waiting: dict[tuple[UUID, str], Step]) -> bool:
    """Let go on whatever has arrived. Returns whether anything had."""
    found = False
    for key, step in list(waiting.items()):
        come = step.kind == "timer" and step.state == "open" and step.due_at is not None and step.due_at <= run.now
        if not come and step.state != "arrived":
            continue
        if not any((one.id, one.element) == key for one in walk.tokens()):
            continue  # overtaken by what arrived before it
        found = True
        run.know(step.element, {**step.values, **steps.who_did(step)})
        if step.kind == "webhook" and step.values.get("error"):
            if not walk.fail(step.token, "refused"):
                raise Stuck(step.values["error"], step.element)
            step.error = step.values["error"]
        elif step.kind in ("user", "service", "webhook"):
            walk.finish(step.token)
        elif steps.rearm(run, step):
            walk.fire(step.token, step.element, again=True)
            walk.go()
            continue
        else:
            walk.fire(step.token, step.element)
        step.state, step.done_at = "done", step.done_at or run.now
        del waiting[key]
        walk.go()
    return found


def pass_work(run: Run, walk: Walk, waiting: dict[tuple[UUID, str], Step]) -> None:
    """The next piece of work: an action, all or nothing. One that is refused goes on at the border of its step, where
    an error event stands, or stops the run."""
    key, step = next(
        ((k, one) for k, one in waiting.items() if one.kind == "service" and one.state == "open"), (None, None)
    )
    if key is None or step is None:
        return
    element, before = run.definition.elements[step.element], run.data
    try:
        with run.actor.db.begin_nested() if steps.writes(element) else nullcontext():
            brought = steps.perform(run, element)
    except Refusal as error:
        run.data = before
        run.around.forget()
        if not walk.fail(step.token, "refused"):
            raise Stuck(reason(error)[1], element.id) from error
        step.state, step.error = "failed", reason(error)[1]
        run.know(element.id, {"error": step.error})
    else:
        step.state = "done"
        run.know(element.id, brought)
        walk.finish(step.token)
    step.done_at = run.now
    del waiting[key]
    walk.go()


def settle(run: Run, waiting: dict[tuple[UUID, str], Step], tokens: list[Token]) -> None:
    """The rows as the tokens are now: new ones where the run has come to, none open where it has left."""
    here = {(token.id, token.element): token for token in tokens}
    for key, step in list(waiting.items()):
        if key not in here:
            steps.withdraw(run, step)
            del waiting[key]
    for key, token in here.items():
        if key not in waiting:
            waiting[key] = steps.reach(run, token)


def end(run: Run) -> None:
    run.instance.status, run.instance.ended_at = "done", run.now
    tell(run.actor.db, run.instance, run.process_name, "process.done")


def stop(database: Database, workspace: Workspace, instance_id: UUID, element: str, words: str) -> None:
    """The run fails where it is, and its publisher is told. Whatever it had begun in this step is rolled back."""
    with database.workspace(workspace) as session, session.begin():
        instance = session.scalar(
            select(Instance).where(Instance.id == instance_id, Instance.status == "running").with_for_update()
        )
        if instance is None:
            return
        version, process = session.get_one(Version, instance.version_id), session.get_one(Process, instance.process_id)
        instance.status, instance.error = "failed", words[:1000]
        stopped = select(Step).where(
            Step.instance_id == instance_id, Step.element == element, Step.kind.in_(("service", "webhook")),
            Step.state.in_(("open", "arrived")),
        )  # fmt: skip
        for step in session.scalars(stopped):
            step.state, step.error = "failed", words[:1000]
        tell(session, instance, process.name, "process.failed", tell=version.publisher_id, element=element)


def tell(session: Session, instance: Instance, name: str, action: str, **more: Any) -> None:
    """An event of the run: pages that show it hear of it, and whom it names by `tell`."""
    title = f"{name}: {instance.name}" if instance.name else name
    about = {
        "record_kind": instance.record_kind, "record_id": instance.record_id, "status": instance.status,
        "process": name,
    }  # fmt: skip
    note_by_itself(session, action, "instance", [(instance.id, title, {**about, **more})], via="process")


def reason(error: Exception) -> tuple[str, str]:
    """(element, words) of what stopped a run."""
    if isinstance(error, Stuck | Lost):
        return error.element, getattr(error, "words", "") or str(error)
    if isinstance(error, Invalid):
        return "", "; ".join(f"{name}: {words}" for name, words in error.fields)
    detail = error.detail if isinstance(error, Refusal) else error
    return "", str(detail)
