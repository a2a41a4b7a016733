"""A workspace in which processes run: what is due is done at once, and time passes when a test says so."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from core import jobs
from core.actions import ACTIONS
from core.db import database
from crm.deals.models import Deal
from crm.processes import actions
from crm.processes.models import Instance, Process, Step
from crm.tasks.models import Task
from tenants.models import Member
from tests.shop import Shop

DUE = text("""
select id from bus.outbox where role = :role and next_at <= now() and (
    topic = 'job' and payload->>'job' like 'process.%' or topic = 'event' and (payload ? 'awaited' or payload ? 'news')
) order by id
""")
NEARER = text(
    "update bus.outbox set next_at = next_at - make_interval(secs => :seconds) where role = :role and next_at > now()"
)


READY = text("update bus.outbox set ready = true where role = :role and not ready and next_at <= now()")


@dataclass
class Works:
    shop: Shop

    def published(self, xml: str, by: UUID | None = None) -> UUID:
        with self.shop.acting(by) as actor:
            process = actions.create(actor, actions.create.parse({"xml": xml}))
            return actions.publish(actor, actions.OneProcess(id=process.id)).id

    def republished(self, process_id: UUID, xml: str) -> None:
        with self.shop.acting() as actor:
            actions.change(actor, actions.change.parse({"id": process_id, "xml": xml}))
            actions.publish(actor, actions.OneProcess(id=process_id))

    def deal(self, by: UUID | None = None, **values: Any) -> UUID:
        return UUID(str(self.do("deal.create", by, **{"name": "Okna Novák", **values}).id))

    def do(self, action: str, by: UUID | None = None, **values: Any) -> Any:
        with self.shop.acting(by) as actor:
            return ACTIONS[action](actor, ACTIONS[action].parse(values))

    def begun(self, xml: str, **values: Any) -> UUID:
        """A deal about which a run of this process has begun by hand, and is taken on."""
        process_id, deal = self.published(xml), self.deal(**values)
        self.do("process.start", process_id=process_id, record_id=deal)
        self.work()
        return deal

    def work(self, most: int = 50) -> None:
        """Do what is due, until nothing is."""
        for _round in range(most):
            with database().controlling() as control:
                due = control.scalars(DUE, {"role": self.shop.workspace.role}).all()
            if not due:
                return
            with self.shop.app.app_context():
                for work_id in due:
                    jobs.deliver(work_id)
        raise AssertionError("the work does not end")

    def pass_time(self, seconds: float) -> None:
        """What waits for its time comes nearer by so much."""
        with self.shop.base.workspace(self.shop.workspace) as session, session.begin():
            session.execute(
                text("update process_step set due_at = due_at - make_interval(secs => :s) where state = 'open'"),
                {"s": seconds},
            )
        with database().controlling() as control:
            control.execute(NEARER, {"seconds": seconds, "role": self.shop.workspace.role})
            control.execute(READY, {"role": self.shop.workspace.role})
        self.work()

    def run(self) -> Instance:
        """The run begun last."""
        with self.shop.acting() as actor:
            return actor.db.scalars(select(Instance).order_by(Instance.id.desc()).limit(1)).one()

    def process(self) -> Process:
        with self.shop.acting() as actor:
            return actor.db.scalars(select(Process).order_by(Process.id.desc()).limit(1)).one()

    def path(self, state: str = "done") -> list[str]:
        """The elements that the last run passed, in order."""
        return [step.element for step in self.steps() if step.state == state]

    def waiting(self) -> list[str]:
        return sorted(step.element for step in self.steps() if step.state in ("open", "arrived"))

    def steps(self) -> list[Step]:
        instance = self.run()
        with self.shop.acting() as actor:
            rows = select(Step).where(Step.instance_id == instance.id).order_by(Step.began_at, Step.id)
            return list(actor.db.scalars(rows))

    def step(self, element: str) -> Step:
        return next(step for step in reversed(self.steps()) if step.element == element)

    def task(self, element: str) -> Task:
        step = self.step(element)
        with self.shop.acting() as actor:
            return actor.db.get_one(Task, step.task_id)

    def complete(self, element: str, by: UUID | None = None, **values: Any) -> None:
        self.do("process.complete", by, id=self.task(element).id, values=values)
        self.work()

    def member(self, identity_id: UUID) -> UUID:
        with self.shop.acting() as actor:
            return actor.db.scalars(select(Member.id).where(Member.identity_id == identity_id)).one()

    def get_deal(self, deal_id: UUID) -> Deal:
        with self.shop.acting() as actor:
            return actor.db.get_one(Deal, deal_id)
