"""What a card says to its reader: whose deal it is, what comes next, how much is at stake."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from core.actor import Actor
from core.pages import day, priced, zone_of
from crm.deals.queries import Card
from crm.tasks.due import Due, group

PRESSING = timedelta(hours=1)


class Told(NamedTuple):
    """A card in words. `tone` of the next step is "late", "soon" (within the hour) or ""; None is no next step."""

    id: UUID
    title: str
    what: str
    step: str | None
    tone: str
    amount: str
    owner: str | None


class Teller:
    """For one reader at one moment. A board has hundreds of cards with the same few words, so those are looked up,
    translated and put into the order of the language once."""

    def __init__(self, actor: Actor):
        self.zone = zone_of(actor)
        self.now = datetime.now(self.zone)
        self.days: dict[date | None, str] = {None: ""}
        self.late_days: dict[int, str] = {}
        self.prices: dict[str, str] = {}
        self.due: str = _("%(step)s %(due)s")
        self.late: str = _("%(step)s, %(late)s")
        self.soon: str = _("%(step)s in %(n)s min")
        self.late_min: str = _("%(n)s min late")
        self.late_h: str = _("%(n)s h late")
        symbols = get_locale().number_symbols["latn"]
        self.signs = str.maketrans({",": symbols["group"], ".": symbols["decimal"]})

    def all(self, cards: list[Card]) -> list[Told]:
        return [self.tell(card) for card in cards]

    def tell(self, card: Card) -> Told:
        tone = self.tone(card)
        what = card.name if card.client else ""
        return Told(card.id, card.client or card.name, what, self.step(card, tone), tone, self.amount(card), card.owner)

    def tone(self, card: Card) -> str:
        if card.step is None:
            return ""
        if group(card.due_on, card.due_at, self.now) == "late":
            return "late"
        return "soon" if card.due_at is not None and card.due_at < self.now + PRESSING else ""

    def step(self, card: Card, tone: str) -> str | None:
        """ "Call 13:30", "Measure tomorrow 08:00", "Revise, 3 days late"."""
        if card.step is None:
            return None
        if tone == "late":
            return self.late % {"step": card.step, "late": self.lateness(card)}
        if tone == "soon" and card.due_at:
            left = (card.due_at - self.now) // timedelta(minutes=1)
            return self.soon % {"step": card.step, "n": left}
        due = Due.seen(card.due_on, card.due_at, self.zone)
        today = due.clock and due.day == self.now.date()
        said = " ".join(part for part in ("" if today else self.named(due.day), due.clock) if part)
        return self.due % {"step": card.step, "due": said} if said else card.step

    def lateness(self, card: Card) -> str:
        """ "3 days late", "2 h late": no more than a card has room for."""
        passed = self.now - card.due_at if card.due_at else self.now.date() - (card.due_on or self.now.date())
        minutes = passed // timedelta(minutes=1)
        if minutes < 60:
            return self.late_min % {"n": max(1, minutes)}
        if minutes < 24 * 60:
            return self.late_h % {"n": minutes // 60}
        if passed.days not in self.late_days:
            self.late_days[passed.days] = ngettext("%(num)s day late", "%(num)s days late", passed.days)
        return self.late_days[passed.days]

    def named(self, due: date | None) -> str:
        if due not in self.days:
            self.days[due] = day(due)
        return self.days[due]

    def amount(self, card: Card) -> str:
        """ "CZK 148,900" as core.pages.money has it, many times quicker."""
        if card.amount is None:
            return ""
        if card.currency not in self.prices:
            self.prices[card.currency] = priced("{}", card.currency)
        number = f"{card.amount:,.0f}" if card.amount == card.amount.to_integral_value() else f"{card.amount:,.2f}"
        return self.prices[card.currency].format(number.translate(self.signs))
