"""What may go wrong with money, in words for the person who pays."""

from typing import Any

from flask_babel import lazy_gettext as _l

from core.errors import Refusal


class NoAnswer(Refusal):
    """Stripe is away or slow, so nobody knows whether it was done. Asking again under the same key does it once."""

    status = 503
    title = _l("The payment service does not answer")

    def __init__(self) -> None:
        super().__init__(_l("No answer yet. Try again in a moment: you will not pay twice."))


class CardRefused(Refusal):
    """The bank did not pay, and nothing was changed. `confirm` tells that the bank wants the holder to agree first."""

    status = 402
    title = _l("The payment did not go through")

    def __init__(self, code: str, *, confirm: bool = False):
        super().__init__(WORDS.get(code, WORDS["generic_decline"]))
        self.confirm = confirm


class CustomerGone(Refusal):
    """The customer was deleted at Stripe, and all their subscriptions with them."""

    status = 409
    title = _l("There is no such customer at the payment service any more")

    def __init__(self) -> None:
        super().__init__(_l("Nothing was changed. Load the page again and choose a plan."))


class NotSetUp(Refusal):
    """The keys are wrong or lack a right: only the operator can mend it."""

    status = 503
    title = _l("Payments are out of order")

    def __init__(self) -> None:
        super().__init__(_l("This is our mistake and nothing was charged. We have been told; try again later."))


WORDS: dict[str, Any] = {
    "generic_decline": _l("The bank refused the card. Nothing was changed. Use another card or ask your bank."),
    "insufficient_funds": _l("There is not enough money on the card. Nothing was changed. Use another card."),
    "expired_card": _l("The card has expired. Nothing was changed. Use another card."),
    "authentication_required": _l("The bank wants you to confirm the payment. Nothing was changed yet."),
    "no_card": _l("No card is known. Nothing was changed. Add a card first."),
}
