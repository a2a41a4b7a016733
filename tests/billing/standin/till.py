"""A stand-in of one test, with something to sell and somebody to buy it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import stripe

from billing.standin import API_KEY, Form, StandIn, StandInClient
from billing.standin.wire import Thing

BEGINNING = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SECRET = "whsec_test"


def moment(*when: int) -> int:
    """Seconds of a moment in UTC: year, month, day, hour, minute."""
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


@dataclass
class Till:
    folder: Path
    real: float = BEGINNING.timestamp()
    prices: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.standin = StandIn(self.folder / "payments.sqlite", webhook_secret=SECRET, real_now=lambda: self.real)
        self.wire = StandInClient(self.standin)
        self.stripe = stripe.StripeClient(API_KEY, http_client=self.wire)

    @property
    def v1(self) -> Any:
        return self.stripe.v1

    def price(self, amount: int, interval: str = "month", currency: str = "eur", name: str = "Team") -> str:
        """A price by these words, made at its first use."""
        key = f"{name} {amount} {currency} {interval}"
        if key not in self.prices:
            product = self.v1.products.create({"name": name})
            price = {
                "product": product.id,
                "currency": currency,
                "unit_amount": amount,
                "recurring": {"interval": interval},
                "lookup_key": key,
            }
            self.prices[key] = self.v1.prices.create(price).id
        return self.prices[key]

    def customer(self, card: str = "pm_card_visa", **more: Any) -> str:
        """A customer with this card, or with none for an empty text."""
        paying = {"payment_method": card, "invoice_settings": {"default_payment_method": card}} if card else {}
        return str(self.v1.customers.create({"email": "eva@example.com", **paying, **more}).id)

    def subscribe(self, customer: str, *items: tuple[str, int], **more: Any) -> Any:
        wanted = [{"price": price, "quantity": quantity} for price, quantity in items]
        return self.v1.subscriptions.create({"customer": customer, "items": wanted, **more})

    def change(self, subscription: Any, *items: dict[str, Any], **more: Any) -> Any:
        return self.v1.subscriptions.update(subscription.id, {"items": list(items), **more})

    def look(self, subscription: Any, *expand: str) -> Any:
        return self.v1.subscriptions.retrieve(subscription.id, {"expand": list(expand)})

    def buy(self, **session: Any) -> Any:
        return self.v1.checkout.sessions.create(
            {"mode": "subscription", "success_url": "http://localhost:8000/done?s={CHECKOUT_SESSION_ID}", **session}
        )

    def complete(self, session: Any, **form: Any) -> Thing:
        return self.standin.complete(session.id, Form(**{"proven": True, **form}))

    def until(self, *when: int) -> None:
        self.standin.advance(moment(*when))

    def invoices(self, customer: str) -> list[Any]:
        """All of the customer's, oldest first."""
        return list(self.v1.invoices.list({"customer": customer, "limit": 100}).auto_paging_iter())[::-1]

    def told(self, since: int = 0) -> list[str]:
        """The kinds of events since a moment."""
        return [event["type"] for event in self.standin.events() if event["created"] >= since]
