"""How often a client comes and what they spend: for pipelines whose clients come again (`Pipeline.returning`)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from core.actor import Actor
from core.pages import zone_of
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline


@dataclass(frozen=True)
class Visits:
    """A visit is a deal that was won. `every` is how many days lie between two of them, None where there is one;
    `average` is what one came to, by currency, and nothing for whoever may not see amounts."""

    count: int
    last: date
    every: int | None
    average: list[tuple[Decimal, str]]


def visits_of(actor: Actor, contact: Contact) -> Visits | None:
    """None where no pipeline asks for it, or nothing was won yet that the actor may see."""
    returning = select(Pipeline.id).where(Pipeline.returning, Pipeline.deleted_at.is_(None))
    columns = (Deal.currency, func.count(), func.min(Deal.closed_at), func.max(Deal.closed_at), func.avg(Deal.amount))
    won = actor.visible(Deal, *columns).where(
        Deal.contact_id == contact.id, Deal.status == "won", Deal.pipeline_id.in_(returning)
    )
    rows = actor.db.execute(won.group_by(Deal.currency).order_by(Deal.currency)).all()
    if not rows:
        return None
    count, first, last = sum(row[1] for row in rows), min(row[2] for row in rows), max(row[3] for row in rows)
    seen = "amount" not in actor.hidden("deal")
    return Visits(
        count=count,
        last=last.astimezone(zone_of(actor)).date(),
        every=round((last - first).days / (count - 1)) if count > 1 else None,
        average=[(row[4], row[0]) for row in rows if row[4] is not None and seen],
    )
