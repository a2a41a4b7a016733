"""An office where Petr is away: his deals, tasks and clients, and colleagues who may take over."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from core.db import database
from core.jobs import Place
from crm.absences import actions, moving
from crm.absences.models import Absence
from crm.absences.plan import today_in
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.tasks import actions as tasks
from tests.shop import Shop


@dataclass
class Office:
    """Members by their first name, as ids of members; their identities beside."""

    shop: Shop
    ids: dict[str, UUID] = field(default_factory=dict)
    identities: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    def of(cls, shop: Shop, *names: str, role: str = "sales") -> "Office":
        office = cls(shop)
        with shop.acting() as actor:
            office.ids["Jana"], office.identities["Jana"] = actor.member.id, shop.owner_id
        for name in names or ("Petr Malý", "Eva Nová", "Karel Král"):
            office.join(name, role)
        return office

    def join(self, name: str, role: str = "sales") -> UUID:
        first = name.split(maxsplit=1)[0]
        self.identities[first] = self.shop.member(role, name)
        with self.shop.acting(self.identities[first]) as actor:
            self.ids[first] = actor.member.id
        return self.ids[first]

    def work(self, who: str = "Petr", **links: Any) -> dict[str, UUID]:
        """A contact with a deal and a task of it."""
        with self.shop.acting() as actor:
            owner = {"owner_id": self.ids[who]}
            person = contacts.create(actor, contacts.create.parse({"first_name": "Jan", **owner, **links}))
            deal = deals.create(
                actor, deals.create.parse({"name": "Windows", "contact_id": person.id, "amount": "1000", **owner})
            )
            task = tasks.create(
                actor, tasks.create.parse({"name": "Write the quote", "deal_id": deal.id, "assignee_id": self.ids[who]})
            )
            return {"contact": person.id, "deal": deal.id, "task": task.id}

    def company(self, name: str = "Penzion", who: str = "Petr") -> UUID:
        with self.shop.acting() as actor:
            return companies.create(actor, companies.create.parse({"name": name, "owner_id": self.ids[who]})).id

    def tasks(self, number: int, who: str = "Petr") -> None:
        """Many open tasks at once."""
        with database().workspace(self.shop.workspace) as session, session.begin():
            session.execute(
                text("""
                insert into task (id, name, assignee_id)
                select gen_random_uuid(), 'Task ' || n, :who from generate_series(1, :number) as n
                """),
                {"who": self.ids[who], "number": number},
            )

    def draft(self, who: str = "Petr", by: str = "Jana", **said: Any) -> Absence:
        """Away from today for a week, unless said otherwise. `takers` by first names."""
        given = {"member_id": self.ids[who], "starts_on": self.day(0), "ends_on": self.day(7), **said}
        given["takers"] = {key: [self.ids[name] for name in names] for key, names in said.get("takers", {}).items()}
        if given.get("reason") == "left":
            given["ends_on"] = None
        with self.shop.acting(self.identities[by]) as actor:
            return actions.create(actor, actions.create.parse(given))

    def confirm(self, absence: Absence, plan: str = "", by: str = "Jana") -> Absence:
        with self.shop.acting(self.identities[by]) as actor:
            return actions.confirm(actor, actions.Confirmed(id=absence.id, plan=plan))

    def away(self, who: str = "Petr", **said: Any) -> Absence:
        """Confirmed, and all of it taken over."""
        absence = self.confirm(self.draft(who, **said))
        self.move(absence)
        return absence

    def end(self, absence: Absence, how: Any = actions.end) -> None:
        with self.shop.acting() as actor:
            how(actor, actions.OneAbsence(id=absence.id))
        self.move(absence)

    def move(self, absence: Absence, by: str = "Jana") -> None:
        moving.move(self.place(), str(absence.id), str(self.ids[by]))

    def place(self, ours: bool = True) -> Place:
        return Place(database(), self.shop.workspace, 0, lambda: ours)

    def day(self, distance: int) -> date:
        return today_in(self.shop.workspace.time_zone) + timedelta(days=distance)

    def state(self, absence: Absence) -> str:
        return str(self.shop.rows("select state from absence where id = :id", id=absence.id)[0].state)

    def holder(self, kind: str, record_id: UUID) -> str:
        """The first name of whoever has the record."""
        column = "assignee_id" if kind == "task" else "owner_id"
        found = self.shop.rows(f'select {column} as who from "{kind}" where id = :id', id=record_id)[0].who
        return next(name for name, member_id in self.ids.items() if member_id == found)

    def holders(self, work: dict[str, UUID]) -> dict[str, str]:
        return {kind: self.holder(kind, record_id) for kind, record_id in work.items()}

    def has(self, who: str) -> int:
        """How many tasks somebody has."""
        return int(self.shop.rows("select count(*) as n from task where assignee_id = :id", id=self.ids[who])[0].n)
