"""The cards there are, and what happens when one is asked for money.

Some of Stripe's numbers for trying things out. A person at a page can answer their bank; later nobody is there to.
"""

from dataclasses import dataclass
from typing import Literal

from billing.standin import shapes
from billing.standin.store import Books
from billing.standin.wire import Refused, Thing, missing

Verdict = Literal["pays", "asks", "declined", "no funds"]


@dataclass(frozen=True)
class Card:
    """`here` is the answer while its owner is at a page, `away` afterwards; `token` is Stripe's name in the API."""

    number: str
    token: str
    here: Verdict
    away: Verdict


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "pm_card_visa", "pays", "pays"),
        Card("4000002500003155", "pm_card_authenticationRequiredOnSetup", "asks", "pays"),
        Card("4000002760003184", "pm_card_authenticationRequired", "asks", "asks"),
        Card("4000000000000341", "pm_card_chargeCustomerFail", "pays", "declined"),
        Card("4000000000000002", "pm_card_visa_chargeDeclined", "declined", "declined"),
        Card("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "no funds", "no funds"),
    )
}
DECLINES = {
    "declined": ("generic_decline", "Your card was declined."),
    "no funds": ("insufficient_funds", "Your card has insufficient funds."),
}
ASKS = "Your card was declined. This transaction requires authentication."


def card_of(method: Thing) -> Card:
    return next(card for card in CARDS.values() if card.number.endswith(method["card"]["last4"]))


def declined(verdict: Verdict) -> Refused:
    """The refusal of a card that was asked and said no."""
    code, message = DECLINES[verdict]
    return Refused(402, message, "card_error", code="card_declined", decline_code=code)


def attach(books: Books, number: str, customer: Thing) -> Thing:
    """A new payment method of the customer with this card."""
    method = books.put(shapes.payment_method(books.now, number, customer["id"]))
    method["billing_details"] = {
        **method["billing_details"],
        "address": customer["address"] or shapes.ADDRESS,
        "email": customer["email"],
        "name": customer["name"],
    }
    books.put(method)
    books.emit("payment_method.attached", method)
    return method


def method_called(books: Books, name: str, customer: Thing) -> Thing:
    """The customer's payment method of this id, or a new one for a token such as pm_card_visa."""
    for card in CARDS.values():
        if card.token == name:
            if card.here in DECLINES:
                raise declined(card.here)
            return attach(books, card.number, customer)
    found = books.find(name)
    if found is None or found["object"] != "payment_method" or found["customer"] not in (None, customer["id"]):
        raise missing("PaymentMethod", name, "payment_method", 400)
    return found


def usual_method(books: Books, customer: Thing, subscription: Thing | None) -> Thing | None:
    """What is charged when nobody says: the subscription's own, else the customer's."""
    chosen = (subscription or {}).get("default_payment_method")
    chosen = chosen or customer["invoice_settings"]["default_payment_method"]
    return books.find(chosen) if chosen else None
