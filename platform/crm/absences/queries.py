"""Reads over absences: the list, what became of each record, who is away, and what the one who took over has now."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Row, distinct, func, or_, select
from sqlalchemy.orm import aliased

from core.actor import Actor
from core.listing import Listing, Sort
from core.pages import day
from core.records import Record
from crm.absences.duties import DUTIES
from crm.absences.models import Absence, Handover
from crm.absences.plan import away_between, today_in
from crm.companies.models import Company
from crm.contacts.models import Contact
from tenants.members import colleagues
from tenants.models import Member

LISTING = Listing(
    model=Absence,
    sorts={"created": Sort(Absence.id, UUID), "starts": Sort(Absence.starts_on, date)},
    default_sort="-starts",
    filters={},
    searched=False,
)
SHOWN = 200  # records of one person on a page
NEWS_FOR = timedelta(days=30)  # how long a leaving is told of to those who took over


@dataclass(frozen=True)
class Moved:
    """A record of a takeover as its page shows it; no name where it is gone or the reader may not see it."""

    kind: str
    id: UUID
    name: str | None
    to_id: UUID
    client_id: UUID
    state: str
    why: str


@dataclass(frozen=True)
class TakenOver:
    """Told on Today: from whom, and how many clients."""

    absence_id: UUID
    name: str
    reason: str
    until: date | None
    clients: int


@dataclass(frozen=True)
class Notice:
    """Told on a card: who has it for whom."""

    absence_id: UUID
    client_id: UUID
    taker: str
    name: str
    reason: str
    until: date | None
    mine: bool


def names_beside(actor: Actor, absences: list[Row[Any]]) -> dict[UUID, str]:
    ids = {row.member_id for row in absences}
    rows = actor.db.execute(actor.visible(Member, Member.id, Member.name).where(Member.id.in_(ids))) if ids else ()
    return {row.id: row.name for row in rows}


def tally(actor: Actor, absence: Absence) -> Counter[tuple[str, str]]:
    """How many records by (state, why)."""
    query = select(Handover.state, Handover.why, func.count().label("n")).where(Handover.absence_id == absence.id)
    return Counter(
        {(row.state, row.why): row.n for row in actor.db.execute(query.group_by(Handover.state, Handover.why))}
    )


def shares(actor: Actor, absence: Absence) -> dict[UUID, Counter[str]]:
    """By taker and kind, how many records went over."""
    query = select(Handover.to_id, Handover.kind, func.count().label("n")).where(
        Handover.absence_id == absence.id, Handover.state != "left"
    )
    found: dict[UUID, Counter[str]] = {}
    for row in actor.db.execute(query.group_by(Handover.to_id, Handover.kind)):
        found.setdefault(row.to_id, Counter())[row.kind] = row.n
    return found


def moved(actor: Actor, absence: Absence, *conditions: ColumnElement[bool], most: int = SHOWN) -> list[Moved]:
    """The records of a takeover, by kind and name as far as the reader sees them."""
    found = []
    for duty in DUTIES:
        named = actor.visible(duty.model, duty.name).where(duty.model.id == Handover.record_id).scalar_subquery()
        query = select(Handover, named.label("name")).where(
            Handover.absence_id == absence.id, Handover.kind == duty.kind, *conditions
        )
        for row, name in actor.db.execute(query.order_by(Handover.record_id).limit(most)):
            found.append(Moved(duty.kind, row.record_id, name, row.to_id, row.client_id, row.state, row.why))
    return sorted(found[:most], key=lambda one: one.client_id)


def client_names(actor: Actor, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The companies and contacts among these that the reader sees, by name."""
    wanted = list(set(ids))
    return {
        row.id: row.name
        for model in (Company, Contact)
        for row in actor.db.execute(actor.visible(model, model.id, model.name).where(model.id.in_(wanted)))
    }


def away_now(actor: Actor) -> dict[UUID, date]:
    """Who is away today, and until when."""
    today = today_in(actor.workspace.time_zone)
    return away_between(actor, today, today)


def to_choose(actor: Actor) -> list[tuple[UUID, str]]:
    """Colleagues as the choices of an owner or assignee, with a word of who is away."""
    away = away_now(actor)
    return [(member_id, with_away(name, away.get(member_id))) for member_id, name in colleagues(actor)]


def with_away(name: str, until: date | None) -> str:
    return _("%(name)s (away until %(day)s)", name=name, day=day(until)) if until else name


def current() -> list[ColumnElement[bool]]:
    """Conditions: taken over and not back; of somebody who left, told of for a month."""
    return [
        Handover.state == "taken",
        Absence.deleted_at.is_(None),
        Absence.state.in_(("taking", "away")),
        or_(Absence.reason != "left", Absence.began_at > func.now() - NEWS_FOR),
    ]


def taken_over(actor: Actor) -> list[TakenOver]:
    """What the actor has for others now, the newest first."""
    query = (
        select(
            Absence.id,
            Member.name,
            Absence.reason,
            Absence.ends_on,
            func.count(distinct(Handover.client_id)).label("clients"),
        )
        .select_from(Handover)
        .join(Absence, Absence.id == Handover.absence_id)
        .join(Member, Member.id == Absence.member_id)
        .where(Handover.to_id == actor.member.id, *current())
        .group_by(Absence.id, Member.name)
        .order_by(Absence.id.desc())
    )
    return [TakenOver(*row) for row in actor.db.execute(query)]


def notice_of(actor: Actor, subject: Record) -> Notice | None:
    """Who has the record, or what belongs to this client, for somebody who is away or left. The subject is one that
    the actor sees; of several, what the actor has."""
    taker = aliased(Member)
    mine = Handover.to_id == actor.member.id
    client_id = getattr(subject, "company_id", None) or subject.id
    here = Handover.record_id == subject.id
    if subject.kind in ("contact", "company"):
        here = or_(here, Handover.client_id == client_id)
    query = (
        select(Absence.id, Handover.client_id, taker.name, Member.name, Absence.reason, Absence.ends_on, mine)
        .select_from(Handover)
        .join(Absence, Absence.id == Handover.absence_id)
        .join(Member, Member.id == Absence.member_id)
        .join(taker, taker.id == Handover.to_id)
        .where(here, *current())
        .order_by(mine.desc(), Absence.id.desc())
        .limit(1)
    )
    row = actor.db.execute(query).first()
    return Notice(*row) if row else None
