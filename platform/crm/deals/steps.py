"""How a card tells its next step: "Call today 13:30", "Revise, 3 days late"."""

from datetime import date, datetime, timedelta

from flask_babel import gettext as _

from core.actor import Actor
from core.pages import day, zone_of
from crm.deals.queries import Card
from crm.tasks.due import Due, group, lateness

PRESSING = timedelta(hours=1)


class NextSteps:
    """For one reader at one moment. A day is put into words once, since a board asks for the same few of them."""

    def __init__(self, actor: Actor):
        self.zone = zone_of(actor)
        self.now = datetime.now(self.zone)
        self.days: dict[date, str] = {}

    def text(self, card: Card) -> str | None:
        """None where there is no next step."""
        if card.step is None:
            return None
        late = lateness(card.due_on, card.due_at, self.now)
        if late:
            return f"{card.step}, {late}"
        if self.pressing(card):
            left = (card.due_at - self.now) // timedelta(minutes=1) if card.due_at else 0
            return str(_("%(step)s in %(minutes)s min", step=card.step, minutes=left))
        due = Due.seen(card.due_on, card.due_at, self.zone)
        return " ".join(part for part in (card.step, self.named(due.day), due.clock) if part)

    def tone(self, card: Card) -> str:
        """"late", "soon" within the hour, else ""."""
        if card.step is None:
            return ""
        if group(card.due_on, card.due_at, self.now) == "late":
            return "late"
        return "soon" if self.pressing(card) else ""

    def pressing(self, card: Card) -> bool:
        return card.due_at is not None and self.now <= card.due_at < self.now + PRESSING

    def named(self, due: date | None) -> str:
        if due is None:
            return ""
        if due not in self.days:
            self.days[due] = day(due)
        return self.days[due]
