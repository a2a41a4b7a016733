"""What Okno knows of what Stripe has: subscriptions, previews and bills, in Okno's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import stripe

from billing.amounts import major
from config.plans import Addon, Plan

PLAN, ADDON = "okno_", "okno_addon_"  # products are called so, and then by the key of the plan
LIVE = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")  # the first found is the one that counts


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to have: a plan for some seats by the month or year, and what goes with it."""

    plan: str
    period: str
    currency: str
    seats: int
    addons: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subscription:
    """A subscription as Stripe has it. `items` maps products to (item, quantity); `unpaid_since` is when the oldest
    invoice that waits for money was made; `card` reads "visa 4242"."""

    id: str
    status: str
    wanted: Wanted
    items: Mapping[str, tuple[str, int]]
    period_end: datetime | None
    cancel_at: datetime | None
    trial_end: datetime | None
    unpaid_since: datetime | None
    card: str
    discount: str


@dataclass(frozen=True)
class Snapshot:
    """All that is known of a customer at one moment. `further` are live subscriptions that should not be there; `now`
    is the time of a test clock, if the customer lives by one."""

    gone: bool = False
    subscription: Subscription | None = None
    further: tuple[str, ...] = ()
    now: datetime | None = None


@dataclass(frozen=True)
class Preview:
    """What a change costs at once: `credit` for time paid for and not used, `charge` for the new, `tax`, and `due`
    after the balance. `at` is the second that the amounts are of. `kept` is left over for the next invoices."""

    credit: Decimal
    charge: Decimal
    discount: Decimal
    tax: Decimal
    balance: Decimal
    due: Decimal
    currency: str
    at: int

    @property
    def kept(self) -> Decimal:
        return self.due - (self.charge + self.credit + self.tax - self.discount + self.balance)


@dataclass(frozen=True)
class Bill:
    """An invoice. `url` shows it, `pdf` is the document."""

    id: str
    number: str
    at: datetime
    total: Decimal
    currency: str
    status: str
    url: str
    pdf: str


def product_of(thing: Plan | Addon) -> str:
    return f"{PLAN if isinstance(thing, Plan) else ADDON}{thing.key}"


def plan_item(found: stripe.Subscription) -> stripe.SubscriptionItem | None:
    """The item of a subscription that is the plan itself; None where it is a subscription to something else."""
    for line in found["items"].data:
        product = str(line.price.product)
        if product.startswith(PLAN) and not product.startswith(ADDON):
            return line  # type: ignore[no-any-return]
    return None


def standing(found: stripe.Subscription) -> tuple[int, int, str]:
    """Sorts the subscription that counts first: one that lives, by how well it is, then the newest."""
    rank = LIVE.index(found.status) if found.status in LIVE else len(LIVE)
    return rank, -found.created, found.id


def moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def card_words(method: Any) -> str:
    card = getattr(method, "card", None)
    return f"{card.brand} {card.last4}" if card else ""


def discount_words(discounts: Any) -> str:
    """The name of the first coupon that lowers the price."""
    for discount in discounts or []:
        coupon = None if isinstance(discount, str) else discount.source.coupon
        if coupon is not None:
            return coupon if isinstance(coupon, str) else str(coupon.name or coupon.id)
    return ""


def bill_of(found: stripe.Invoice) -> Bill:
    return Bill(
        id=found.id or "",
        number=found.number or "",
        at=datetime.fromtimestamp(found.created, UTC),
        total=major(found.total, found.currency),
        currency=found.currency.upper(),
        status=found.status or "",
        url=found.hosted_invoice_url or "",
        pdf=found.invoice_pdf or "",
    )
