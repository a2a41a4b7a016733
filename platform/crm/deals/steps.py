"""How a card tells its next step: "Call 13:30", "Measure tomorrow 08:00", "Revise, 3 days late"."""

from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from core.actor import Actor
from core.pages import day, zone_of
from crm.deals.queries import Card
from crm.tasks.due import Due, group

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
        state = self.tone(card)
        if state == "late":
            return f"{card.step}, {self.lateness(card)}"
        if state == "soon" and card.due_at:
            left = (card.due_at - self.now) // timedelta(minutes=1)
            return str(_("%(step)s in %(minutes)s min", step=card.step, minutes=left))
        due = Due.seen(card.due_on, card.due_at, self.zone)
        today = due.clock and due.day == self.now.date()
        return " ".join(part for part in (card.step, "" if today else self.named(due.day), due.clock) if part)

    def tone(self, card: Card) -> str:
        """"late", "soon" within the hour, else ""."""
        if card.step is None:
            return ""
        if group(card.due_on, card.due_at, self.now) == "late":
            return "late"
        return "soon" if card.due_at is not None and card.due_at < self.now + PRESSING else ""

    def lateness(self, card: Card) -> str:
        """"3 days late", "2 h late": no more than a card has room for."""
        passed = self.now - card.due_at if card.due_at else timedelta(days=(self.now.date() - card.due_on).days)
        minutes = passed // timedelta(minutes=1)
        if minutes < 60:
            return str(_("%(minutes)s min late", minutes=max(1, minutes)))
        if minutes < 24 * 60:
            return str(_("%(hours)s h late", hours=minutes // 60))
        return str(ngettext("%(num)s day late", "%(num)s days late", passed.days))

    def named(self, due: date | None) -> str:
        if due is None:
            return ""
        if due not in self.days:
            self.days[due] = day(due)
        return self.days[due]
