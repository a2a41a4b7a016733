"""What the one who takes over must know of each client: who it is, what was said last, what is open and promised."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select

from core.actor import Actor
from core.errors import NotFound
from core.records import Record
from crm.absences.actions import DECIDE
from crm.absences.models import Absence, Handover
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.related import RelatedDeal, deals_of
from crm.tasks.models import Task
from crm.tasks.queries import DUE, Item, items, of_subject, shown
from crm.timeline.queries import Entry, linked_to, notes_about, spoken

PAGE = 20  # clients
SAID = 3  # notes and calls of each
PEOPLE = 5


@dataclass(frozen=True)
class Client:
    """One client as the briefing shows it. `subject` is the company or the contact, none where what was taken over is
    about neither, or about one that the reader may not see."""

    id: UUID
    subject: Any
    people: list[Contact]
    said: list[Entry]
    deals: list[tuple[RelatedDeal, Item | None]]
    promises: list[Item]

    @property
    def name(self) -> str:
        """What to call it: the client, else the first thing to be done for it."""
        if self.subject:
            return str(self.subject.name)
        names = [deal.name for deal, _step in self.deals] + [task.name for task in self.promises]
        return names[0] if names else ""


@dataclass(frozen=True)
class Briefing:
    absence: Absence
    clients: list[Client]
    count: int
    page: int

    @property
    def more(self) -> bool:
        return self.count > (self.page + 1) * PAGE


def briefing_of(actor: Actor, absence_id: UUID, client_id: UUID | None = None, page: int = 0) -> Briefing:
    """What the actor took over; for one who decides about absences and took nothing, all of it. Raises NotFound."""
    absence = actor.db.scalar(select(Absence).where(Absence.id == absence_id, Absence.deleted_at.is_(None)))
    if absence is None:
        raise NotFound()
    taken = select(Handover.client_id).where(
        Handover.absence_id == absence_id, Handover.state.in_(("waiting", "taken", "stayed"))
    )
    mine = taken.where(Handover.to_id == actor.member.id)
    own = actor.db.scalar(mine.limit(1)) is not None
    if not own and not actor.may(*DECIDE):
        raise NotFound()
    wanted = mine if own else taken
    if client_id:
        wanted = wanted.where(Handover.client_id == client_id)
    count = actor.db.scalar(select(func.count()).select_from(wanted.distinct().subquery())) or 0
    ids = actor.db.scalars(wanted.distinct().order_by(Handover.client_id).offset(page * PAGE).limit(PAGE)).all()
    if client_id and not ids:
        raise NotFound()
    clients = [client_of(actor, absence_id, found) for found in ids]
    return Briefing(absence, clients, count, page)


def client_of(actor: Actor, absence_id: UUID, client_id: UUID) -> Client:
    subject: Record | None = None
    for model in (Company, Contact):
        subject = subject or actor.db.scalar(actor.visible(model).where(model.id == client_id))
    if subject is None:
        return by_itself(actor, absence_id, client_id)
    column = Deal.company_id if isinstance(subject, Company) else Deal.contact_id
    people = people_of(actor, subject)
    ids = [person.id for person in people]
    open_deals = deals_of(actor, or_(column == subject.id, Deal.contact_id.in_(ids)) & (Deal.status == "open"))
    promises = unique([task for one in (subject, *people) for task in of_subject(actor, one)])
    return Client(client_id, subject, people, said_last(actor, subject), with_steps(open_deals, promises), promises)


def by_itself(actor: Actor, absence_id: UUID, client_id: UUID) -> Client:
    """What is about no client that the reader sees: its deals and tasks alone."""
    rows = select(Handover.record_id).where(Handover.absence_id == absence_id, Handover.client_id == client_id)
    deals = deals_of(actor, Deal.id.in_(rows.where(Handover.kind == "deal")) & (Deal.status == "open"))
    tasks = actor.visible(Task, *shown(actor)).where(
        or_(Task.id.in_(rows), Task.deal_id.in_([deal.id for deal in deals])), Task.done_at.is_(None)
    )
    promises = items(actor, actor.db.execute(tasks.order_by(DUE, Task.id).limit(SAID * PAGE)))
    subject = actor.db.scalar(actor.visible(Deal).where(Deal.id == client_id))
    said = said_last(actor, subject) if subject else []
    return Client(client_id, None, [], said, with_steps(deals, promises), promises)


def people_of(actor: Actor, subject: Record) -> list[Contact]:
    if isinstance(subject, Contact):
        return []
    query = actor.visible(Contact).where(Contact.company_id == subject.id)
    return list(actor.db.scalars(query.order_by(Contact.last_contact_at.desc().nulls_last(), Contact.id).limit(PEOPLE)))


def said_last(actor: Actor, subject: Record) -> list[Entry]:
    query = notes_about(actor, linked_to(actor, subject), None).limit(SAID)
    return [spoken(actor, note) for note in actor.db.execute(query)]


def with_steps(deals: list[RelatedDeal], tasks: list[Item]) -> list[tuple[RelatedDeal, Item | None]]:
    """Each deal with its next step: its earliest open task."""
    return [(deal, next((task for task in tasks if task.deal_id == deal.id), None)) for deal in deals]


def unique(tasks: list[Item]) -> list[Item]:
    return list({task.id: task for task in tasks}.values())
