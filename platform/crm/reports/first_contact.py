"""Requests in reports: how soon clients heard of us, by person, and by where the requests came from.

Counted are the requests that came in the period, without spam and without those that wait to be checked. The time to
the first contact is that of the clock, nights and all; whether it was soon enough, the deadline says, which counts
working time. A request whose deadline is still to come, or that has none, is neither kept nor missed.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func

from core.actor import Actor
from crm.reports.queries import share
from crm.reports.view import Filters, View, ask
from crm.requests import queries as requests
from crm.requests.models import Request


@dataclass(frozen=True)
class Answered:
    """`count` requests, the deadline of some of them kept or missed; the times are of those whose client has heard."""

    count: int = 0
    kept: int = 0
    missed: int = 0
    deals: int = 0
    median: timedelta | None = None
    average: timedelta | None = None

    @property
    def in_time(self) -> Decimal | None:
        return share(self.kept, self.kept + self.missed)


def asked(view: View, **more: Any) -> Filters:
    """The requests of the period, as the list of requests filters them."""
    period = {"created_from": view.period.first, "created_to": view.period.last}
    return view.of("assignee_id", whose="any", **period, **more)


def by_person(actor: Actor, view: View) -> dict[UUID | None, Answered]:
    """By whom the requests are given to now."""
    rows = counted(actor, view, Request.assignee_id)
    return {row.assignee_id: answered(row) for row in rows}


def by_source(actor: Actor, view: View) -> list[tuple[str, UUID | None, Answered]]:
    """(source, form, numbers), the most requests first."""
    rows = counted(actor, view, Request.source, Request.form_id)
    found = [(row.source, row.form_id, answered(row)) for row in rows]
    return sorted(found, key=lambda line: (-line[2].count, line[0], str(line[1])))


def altogether(actor: Actor, view: View) -> Answered:
    return answered(counted(actor, view)[0])


def counted(actor: Actor, view: View, *by: Any) -> list[Any]:
    waited = Request.first_contact_at - Request.created_at
    numbers = (
        func.count().label("requests"),
        func.count().filter(requests.KEPT).label("kept"),
        func.count().filter(requests.MISSED).label("missed"),
        func.count(Request.deal_id).label("deals"),
        func.percentile_disc(0.5).within_group(waited).label("median"),
        func.avg(waited).label("average"),
    )
    query = requests.LISTING.query(actor, ask(asked(view)), *by, *numbers)
    return list(actor.db.connection().execute(query.group_by(*by) if by else query))


def answered(row: Any) -> Answered:
    return Answered(row.requests, row.kept, row.missed, row.deals, row.median, row.average)
