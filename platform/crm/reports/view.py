"""What a report is asked of: a period, a pipeline, and whose work; all of it stands in the address.

A report counts what the list of its records finds (`Listing`), by filters that are made here. The link behind a number
has the same filters and those of its row, so the list cannot tell another number.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import url_for

from core.actor import Actor
from core.days import today_in_workspace
from core.db import as_uuid, plan_for_many
from core.errors import NotFound
from core.listing import Ask
from crm.deals.models import Pipeline
from crm.deals.queries import pipelines
from crm.reports.periods import Period, chosen
from tenants.departments import tree
from tenants.members import colleagues

Filters = dict[str, str]


@dataclass(frozen=True)
class View:
    """`who` is the id of a member or of a department, None for everybody; `people` and `departments` are to choose
    from, (id, name) each."""

    period: Period
    pipeline: Pipeline
    pipelines: list[Pipeline]
    people: list[tuple[UUID, str]]
    departments: list[tuple[UUID, str]]
    who: UUID | None

    @property
    def who_name(self) -> str | None:
        return dict([*self.people, *self.departments]).get(self.who) if self.who else None

    @property
    def pipeline_names(self) -> list[tuple[UUID, str]]:
        return [(one.id, one.name) for one in self.pipelines]

    def made(self) -> Filters:
        """Deals created in the period."""
        return self.deals(created_from=self.period.first, created_to=self.period.last)

    def closed(self, **more: Any) -> Filters:
        """Deals won or lost in the period."""
        return self.deals(**{"closed_from": self.period.first, "closed_to": self.period.last, **more})

    def open(self) -> Filters:
        """All deals that are open now."""
        return self.deals(status="open")

    def deals(self, **more: Any) -> Filters:
        return self.of("owner_id", pipeline_id=self.pipeline.id, **more)

    def of(self, person: str, **more: Any) -> Filters:
        """Filters of any list, whose records name their person in the column `person`."""
        whose = {} if self.who is None else {person if self.who in dict(self.people) else "department_id": self.who}
        return {name: str(value) for name, value in {**whose, **more}.items()}


def view_of(actor: Actor, asked: dict[str, str]) -> View:
    """The view that an address asks for, with which a report begins: the rest of the transaction is planned for reading
    much. Raises NotFound for a pipeline that is not there."""
    plan_for_many(actor.db)
    known = pipelines(actor)
    pipeline = next((one for one in known if asked.get("pipeline_id") in (None, "", str(one.id))), None)
    if pipeline is None:
        raise NotFound()
    people = colleagues(actor)
    departments = [(one.id, one.name) for one, _depth in tree(actor)]
    who = as_uuid(asked.get("who", ""))
    if who is not None and who not in dict([*people, *departments]):
        raise NotFound()
    return View(chosen(asked, today_in_workspace(actor)), pipeline, known, people, departments, who)


def ask(filters: Filters) -> Ask:
    return Ask(filters=filters)


def deals_link(filters: Filters, **more: Any) -> str:
    """The list of just these deals."""
    values: dict[str, Any] = {"status": "any", **filters, **{name: str(value) for name, value in more.items()}}
    return url_for("deals.index", view="list", **values)
