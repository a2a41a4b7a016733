"""Trying a process out: the draft runs about a record in a transaction that is rolled back, with a clock that jumps.

Nothing is stored, sent or told: what would be is read from the rows of that transaction before they vanish. A trial
holds no state either. It is the list of what whoever tries it has done (`Move`), and is walked anew from the start each
time, so that two people trying the same process never meet.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Database
from core.errors import Invalid, Refusal
from core.ids import new_id
from core.records import KINDS, Record
from crm.mails.models import Mail
from crm.notifications.models import Notification
from crm.processes.bpmn import Definition
from crm.processes.forms import Field, fields_of, filled
from crm.processes.models import Instance, Process, Step, Version
from crm.processes.rights import narrowed, rights_of
from crm.processes.running import PASSES, Run, Stuck, go_on, reason
from crm.processes.walk import Lost
from crm.tasks.models import Task
from tenants.members import acting_in
from tenants.models import Member

MOST = 100  # moves of one trial


class Move(BaseModel):
    """What whoever tries it does at an element: the step is done with these values, the event comes, or (at no
    element) time passes until something happens."""

    element: str = ""
    values: dict[str, str] = {}


@dataclass(frozen=True)
class Said:
    """A line of what would happen, at the trial's time. `sign` is task, done, wait, work, mail, notice, late, skipped,
    problem or end."""

    at: datetime
    sign: Literal["task", "done", "wait", "work", "mail", "notice", "late", "skipped", "problem", "end"]
    title: str
    detail: str = ""
    who: str = ""
    due: datetime | None = None


@dataclass(frozen=True)
class Open:
    """Where the trial stands and what can be done there."""

    element: str
    title: str
    kind: str
    who: str
    due: datetime | None
    fields: list[Field]


@dataclass
class Trial:
    now: datetime
    said: list[Said] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    next_at: datetime | None = None
    refused: Invalid | None = None


def try_out(
    database: Database, actor: Actor, process: Process, definition: Definition, record_id: UUID | None,
    moves: list[Move],
) -> Trial:  # fmt: skip
    """What happens after these moves. A move that is refused (a form that is not filled in) is the last, and the trial
    says why in `refused`."""
    with database.workspace(actor.workspace) as session:
        try:
            return Trying.begun(session, actor, process, definition, record_id).walked(moves[:MOST])
        finally:
            session.rollback()


@dataclass
class Trying:
    """A trial under way, within its transaction."""

    run: Run
    trial: Trial
    begins: UUID
    known: dict[UUID, str] = field(default_factory=dict)
    told: set[UUID] = field(default_factory=set)

    @classmethod
    def begun(
        cls, session: Session, actor: Actor, process: Process, definition: Definition, record_id: UUID | None
    ) -> "Trying":
        now = session.scalars(select(func.now())).one()
        begins = new_id()
        version = Version(
            id=new_id(), process_id=process.id, number=0, xml=process.draft, rights=rights_of(actor, definition),
            publisher_id=actor.member.id,
        )  # fmt: skip
        session.add(version)
        session.flush()
        acting = acting_in(session, actor.workspace, actor.member.id, "process", f"process:{begins}")
        if acting is None:
            raise Refusal(_("You work here no more."))
        acting.depth = 1  # what it does joins this transaction, which is never committed
        acting = narrowed(acting, version.rights)
        record = found(acting, definition, record_id)
        instance = Instance(
            id=begins, process_id=process.id, version_id=version.id, name=record.title() if record else "",
            record_kind=record.kind if record else "", record_id=record.id if record else None, cause=f"trial:{begins}",
            started_by_id=actor.member.id, state={}, data={}, passed=0,
        )  # fmt: skip
        session.add(instance)
        session.flush()
        run = Run(acting, instance, version, definition, now, record, process.name)
        return cls(run, Trial(now), begins)

    def walked(self, moves: list[Move]) -> Trial:
        self.on()
        for move in moves:
            if self.trial.ended or self.trial.refused:
                break
            if move.element:
                self.do(move)
            else:
                self.jump()
            self.on()
        self.look()
        return self.trial

    def do(self, move: Move) -> None:
        """The step at the element is done as its form says, or its event has come."""
        step = next((one for one in self.steps() if one.element == move.element and one.state == "open"), None)
        if step is None:
            return
        if step.kind == "user":
            try:
                step.values = filled(fields_of(self.run.definition.elements[step.element]), move.values)
            except Invalid as error:
                self.trial.refused = error
                return
            task = self.run.actor.db.get(Task, step.task_id) if step.task_id else None
            if task is not None:
                task.done_at = self.run.now
        elif step.kind == "webhook":
            step.values = {"status": 200, "answer": None}
        step.state, step.done_at, step.done_by_id = "arrived", self.run.now, step.assignee_id

    def jump(self) -> None:
        """Time passes until the next timer."""
        times = [step.due_at for step in self.steps() if step.kind == "timer" and step.state == "open" and step.due_at]
        if times:
            self.tell_late(max(min(times), self.run.now))
            self.run.now = self.trial.now = max(min(times), self.run.now)

    def tell_late(self, until: datetime) -> None:
        """Who would be told meanwhile that a step is late."""
        for step in self.steps():
            task = self.run.actor.db.get(Task, step.task_id) if step.task_id and step.state == "open" else None
            if (
                task is not None
                and task.tell_id
                and task.tell_at
                and task.tell_at <= until
                and task.id not in self.told
            ):
                self.told.add(task.id)
                self.say("late", step.name, who=self.name_of(task.tell_id), at=task.tell_at)

    def on(self) -> None:
        """As running.advance does, in this one transaction."""
        for _pass in range(PASSES):
            try:
                with self.run.actor.db.begin_nested():
                    more = go_on(self.run)
                    self.run.actor.db.flush()
            except (Stuck, Lost, Refusal) as error:
                element, words = reason(error)
                title = self.run.definition.elements[element].title if element in self.run.definition.elements else ""
                self.say("problem", title, words)
                self.trial.ended = True
                return
            self.note()
            if not more:
                break
        if self.run.instance.status == "done":
            self.say("end", _("The process comes to its end."))
            self.trial.ended = True

    def note(self) -> None:
        """What is new since the last time: steps reached and left, mails and notices written."""
        for step in self.steps():
            before = self.known.get(step.id)
            if before == step.state:
                continue
            self.known[step.id] = step.state
            self.note_step(step, before)
        db = self.run.actor.db
        for mail in db.scalars(select(Mail).where(Mail.id > self.begins).order_by(Mail.id)):
            if mail.id not in self.told:
                self.say("mail", mail.subject, who=mail.to_address)
                self.told.add(mail.id)
        for line in db.scalars(select(Notification).where(Notification.id > self.begins).order_by(Notification.id)):
            if line.id not in self.told:
                self.say("notice", line.title, who=self.name_of(line.member_id))
                self.told.add(line.id)

    def note_step(self, step: Step, before: str | None) -> None:
        if step.kind == "user" and before is None:
            self.say("task", step.name, who=self.name_of(step.assignee_id), due=step.due_at)
        elif step.kind in ("timer", "message") and before is None and step.state == "open":
            self.say("wait", step.name, due=step.due_at)
        elif step.kind == "webhook" and before is None:
            self.say("work", step.name, str(step.values.get("url", "")))
        elif step.state == "failed":
            self.say("problem", step.name, step.error)
        elif step.state == "cancelled":
            self.say("skipped", step.name)
        elif step.state == "done":
            does = self.run.definition.elements[step.element].own("action") if step.kind == "service" else None
            self.say("work" if step.kind == "service" else "done", step.name, does.get("name") if does else "")

    def look(self) -> None:
        """Where it stands now, and what everything knows."""
        standing = [step for step in self.steps() if step.state == "open" and not self.trial.ended]
        for step in standing:
            element = self.run.definition.elements[step.element]
            fields = fields_of(element) if step.kind == "user" else []
            who = self.name_of(step.assignee_id)
            self.trial.open.append(Open(step.element, step.name, step.kind, who, step.due_at, fields))
        self.trial.next_at = min((one.due for one in self.trial.open if one.kind == "timer" and one.due), default=None)
        self.trial.state = {**self.run.data.get("steps", {}), **self.run.data.get("data", {})}

    def steps(self) -> list[Step]:
        rows = select(Step).where(Step.instance_id == self.run.instance.id).order_by(Step.id)
        return list(self.run.actor.db.scalars(rows))

    def name_of(self, member_id: UUID | None) -> str:
        if member_id is None:
            return ""
        return self.run.actor.db.scalar(select(Member.name).where(Member.id == member_id)) or ""

    def say(
        self, sign: Any, title: str, detail: str = "", who: str = "", due: datetime | None = None,
        at: datetime | None = None,
    ) -> None:  # fmt: skip
        self.trial.said.append(Said(at or self.run.now, sign, title, detail, who, due))


def found(actor: Actor, definition: Definition, record_id: UUID | None) -> Record | None:
    """The record to try it with. Raises Invalid."""
    model = KINDS.get(definition.subject)
    if model is None or record_id is None:
        return None
    actor.linked(model, record_id, "record_id")
    return actor.find(model, record_id)
