"""What a finished job was: the deal from the client's request to its end, as far as the reader may see it.

Everything is read from what is stored (requests, events, tasks, calls, mails, quotes, payments, steps of processes);
nothing is estimated. Whoever may not see amounts gets none, as everywhere (core.masking).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import or_, select

from core.actor import Actor
from core.days import midnight
from crm.deals.items import Totals, totals
from crm.deals.models import Deal, Stage
from crm.deals.money import Sums
from crm.deals.queries import around, time_in_stages
from crm.mails.models import Mail
from crm.payments.models import Payment
from crm.processes.following import ways_about
from crm.quotes.models import Quote
from crm.requests.models import Request
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member


@dataclass(frozen=True)
class Deed:
    """Something that was done, or is still to be done (`at` is None), and by when it should have been."""

    what: str
    who: str
    at: datetime | None
    due: datetime | None = None
    late: bool = False


@dataclass(frozen=True)
class Passed:
    """A step of a process: when it came there and when it went on."""

    process: str
    name: str
    who: str
    began: datetime
    done: datetime | None
    late: bool


@dataclass(frozen=True)
class Contacted:
    """The request, and when its client heard of us."""

    asked: datetime
    by: datetime | None
    at: datetime | None

    @property
    def late(self) -> bool:
        return self.by is not None and self.at is not None and self.at > self.by


@dataclass(frozen=True)
class Job:
    """`items` and `sums` are what was sold, `amount` the deal's, `due` what the client pays for it with VAT."""

    deal: Deal
    client: list[str]
    owner: str
    began: datetime
    ended: datetime
    first: Contacted | None
    items: list[dict[str, Any]]
    sums: Totals
    due: Decimal | None
    paid: Sums
    stages: list[tuple[str, timedelta]]
    deeds: list[Deed]
    steps: list[Passed]


def job_of(actor: Actor, deal: Deal, ended: datetime) -> Job:
    """The job of a visible deal, as it stood when it ended."""
    beside = around(actor, deal)
    first = first_contact(actor, deal)
    items = deal.items or []
    sums = totals(items)
    names = Names(actor)
    return Job(
        deal=deal,
        client=[one.name for one in (beside.company, beside.contact) if one],
        owner=beside.owner or "",
        began=min(first.asked, deal.created_at) if first else deal.created_at,
        ended=ended,
        first=first,
        items=items,
        sums=sums,
        due=to_pay(actor, deal, sums),
        paid=paid_for(actor, deal),
        stages=stages_of(actor, deal, ended),
        deeds=deeds_of(actor, deal, ended, names),
        steps=[
            Passed(run.name, step.name, names.of(step.done_by_id or step.assignee_id), step.began_at, step.done_at,
                   step.due_at is not None and step.kind == "user" and (step.done_at or ended) > step.due_at)
            for run, steps in reversed(ways_about(actor, deal))
            for step in steps
            if step.name
        ],
    )  # fmt: skip


class Names:
    """The names of members, each asked for once."""

    def __init__(self, actor: Actor):
        self.known = {row.id: row.name for row in actor.db.execute(actor.visible(Member, Member.id, Member.name))}

    def of(self, member_id: UUID | None) -> str:
        return self.known.get(member_id, "") if member_id else ""


def first_contact(actor: Actor, deal: Deal) -> Contacted | None:
    """Of the earliest request that the deal came from."""
    columns = (Request.created_at, Request.contact_by, Request.first_contact_at)
    row = actor.db.execute(
        actor.visible(Request, *columns).where(Request.deal_id == deal.id).order_by(Request.id).limit(1)
    ).first()
    return Contacted(*row) if row else None


def to_pay(actor: Actor, deal: Deal, sums: Totals) -> Decimal | None:
    """With VAT: what the client accepted, else what the items come to, else the deal's amount; None where none of it
    may be seen or there is none."""
    accepted = actor.visible(Quote).where(Quote.deal_id == deal.id, Quote.state == "accepted")
    quote = actor.db.scalars(accepted.order_by(Quote.id.desc()).limit(1)).first()
    if quote is not None:
        return totals(quote.items).gross
    return sums.gross if deal.items else deal.amount


def paid_for(actor: Actor, deal: Deal) -> Sums:
    query = actor.visible(Payment, Payment.currency, Payment.amount).where(Payment.deal_id == deal.id)
    return Sums.of((row.currency, row.amount) for row in actor.db.execute(query))


def stages_of(actor: Actor, deal: Deal, ended: datetime) -> list[tuple[str, timedelta]]:
    """How long it was in each stage, in the order in which it came there."""
    spent = time_in_stages(actor, deal, ended)
    rows = actor.db.execute(select(Stage.id, Stage.name).where(Stage.id.in_(spent)))
    names: dict[UUID, str] = {row.id: row.name for row in rows}
    return [(names.get(stage, str(_("a stage that is gone"))), time) for stage, time in spent.items()]


def deeds_of(actor: Actor, deal: Deal, ended: datetime, names: Names) -> list[Deed]:
    """Who did what, in order of time; what is not done stands at the end."""
    found = [
        *tasks_of(actor, deal, ended, names),
        *calls_of(actor, deal, names),
        *mails_of(actor, deal, names),
        *quotes_of(actor, deal),
        *payments_of(actor, deal),
    ]
    return sorted(found, key=lambda deed: (deed.at is None, deed.at or deed.due or ended))


def tasks_of(actor: Actor, deal: Deal, ended: datetime, names: Names) -> Iterable[Deed]:
    for task in actor.db.scalars(actor.visible(Task).where(Task.deal_id == deal.id).order_by(Task.id)):
        due = task.due_at or (midnight(actor, task.due_on + timedelta(days=1)) if task.due_on else None)
        late = due is not None and (task.done_at or ended) > due
        yield Deed(task.name, names.of(task.done_by_id or task.assignee_id), task.done_at, due, late)


def calls_of(actor: Actor, deal: Deal, names: Names) -> Iterable[Deed]:
    calls = actor.visible(Note, Note.author_id, Note.at, Note.direction)
    for row in actor.db.execute(calls.where(Note.deal_id == deal.id, Note.form == "call")):
        yield Deed(_("The client called") if row.direction == "in" else _("Call"), names.of(row.author_id), row.at)


def mails_of(actor: Actor, deal: Deal, names: Names) -> Iterable[Deed]:
    mails = actor.visible(Mail, Mail.member_id, Mail.at, Mail.subject, Mail.direction).where(Mail.deal_id == deal.id)
    for row in actor.db.execute(mails.where(or_(Mail.direction == "in", Mail.state == "sent"))):
        ours = row.direction == "out"
        what = _("Mail: %(subject)s", subject=row.subject) if ours else _("Answer: %(subject)s", subject=row.subject)
        yield Deed(what, names.of(row.member_id) if ours else _("the client"), row.at)


def quotes_of(actor: Actor, deal: Deal) -> Iterable[Deed]:
    for quote in actor.db.scalars(actor.visible(Quote).where(Quote.deal_id == deal.id, Quote.sent_at.is_not(None))):
        yield Deed(_("Quote %(number)s sent", number=quote.number), "", quote.sent_at)
        if quote.state == "accepted" and quote.answered_at:
            who = quote.answered_by or _("the client")
            yield Deed(_("Quote %(number)s accepted", number=quote.number), who, quote.answered_at)


def payments_of(actor: Actor, deal: Deal) -> Iterable[Deed]:
    """By when they were written down, since a payment is of a day."""
    for payment in actor.db.scalars(actor.visible(Payment).where(Payment.deal_id == deal.id)):
        yield Deed(_("Payment recorded"), "", payment.created_at)
