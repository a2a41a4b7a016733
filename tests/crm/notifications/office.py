"""A workspace where people are told things: who does what, and what each of them was told, as the jobs leave it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask_babel import force_locale
from sqlalchemy import text

from core import jobs
from core.actor import Actor
from core.jobs import JOBS, Place
from crm.deals import actions as deals
from crm.notifications import timed
from crm.notifications.lines import lines
from crm.notifications.models import Notification
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.shop import Shop


@dataclass
class Office:
    """`work` does the jobs that wait, but the mail and push, as a worker would; `told` is what somebody was told."""

    shop: Shop
    people: dict[str, UUID] = field(default_factory=dict)

    def person(self, name: str, role: str = "sales") -> UUID:
        """A member of this name; returns the member's id."""
        self.people[name] = self.shop.member(role, name)
        return self.id_of(name)

    def id_of(self, name: str) -> UUID:
        return self.shop.rows("select id from member where name = :name", name=name)[0].id  # type: ignore[no-any-return]

    @contextmanager
    def acting(self, name: str = "") -> Iterator[Actor]:
        with self.shop.acting(self.people[name] if name else None) as actor:
            yield actor

    def task(self, by: str = "", **values: Any) -> Any:
        with self.acting(by) as actor:
            return tasks.create(actor, tasks.create.parse({"name": "Call Novák", **values}))

    def deal(self, by: str = "", **values: Any) -> Any:
        with self.acting(by) as actor:
            return deals.create(actor, deals.create.parse({"name": "Windows", **values}))

    def note(self, by: str = "", text: str = "Said", **values: Any) -> Any:
        with self.acting(by) as actor:
            return notes.create(actor, notes.create.parse({"text": text, **values}))

    def rows(self, topic: str = "event") -> list[Any]:
        with self.shop.base.controlling() as control:
            query = "select * from bus.outbox where role = :role and topic = :topic order by id"
            return list(control.execute(text(query), {"role": self.shop.workspace.role, "topic": topic}).all())

    def place(self) -> Place:
        return Place(self.shop.base, self.shop.workspace, 0, lambda: True)

    def work(self, *, times: int = 1) -> None:
        """Hand each event to the subscribers, as often as said, and forget it."""
        with self.shop.app.app_context():
            for row in self.rows():
                for _time in range(times):
                    if row.payload.get("news"):
                        jobs.perform(self.place(), row.topic, row.payload)
                with self.shop.base.controlling() as control:
                    control.execute(text("delete from bus.outbox where id = :id"), {"id": row.id})

    def run(self, *names: str) -> list[str]:
        """Do the jobs of these names that wait, and forget them; returns the names done."""
        done = []
        for row in self.rows("job"):
            if row.payload["job"] in names:
                with self.shop.app.app_context():
                    JOBS[row.payload["job"]](self.place(), **row.payload["arguments"])
                with self.shop.base.controlling() as control:
                    control.execute(text("delete from bus.outbox where id = :id"), {"id": row.id})
                done.append(row.payload["job"])
        return done

    def look(self, now: datetime | None = None) -> None:
        with self.shop.app.app_context():
            timed.look_at(self.place(), now or datetime.now(UTC))

    def lines(self, name: str = "") -> list[Any]:
        with self.acting(name) as actor, force_locale("en"):
            rows = actor.db.query(Notification).filter_by(member_id=actor.member.id).order_by(Notification.id).all()
            return lines(actor, rows)

    def told(self, name: str = "") -> list[tuple[str, str]]:
        """(kind, sentence) of all that somebody was told; of the owner, without a name."""
        return [(line.kind.name, line.plain) for line in self.lines(name)]
