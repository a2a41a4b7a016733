"""The customer portal: what a customer changes for themselves, from the session that opens it."""

from billing.standin import checkout, invoices, previews, subscriptions
from billing.standin.checkout import BankAsks, Form
from billing.standin.store import Books
from billing.standin.wire import Refused, Thing


def change_card(books: Books, session: Thing, form: Form) -> None:
    """A new card for everything of the customer, from the next payment on. Raises Refused and BankAsks."""
    customer = books.get("customer", session["customer"])
    method = checkout.take_card(books, form, customer)
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    books.change(customer, "customer.updated")
    for subscription in running(books, session):
        if subscription["default_payment_method"]:
            subscription["default_payment_method"] = method["id"]
            books.change(subscription, "customer.subscription.updated")


def running(books: Books, session: Thing) -> list[Thing]:
    """The customer's subscriptions that have not ended."""
    return [one for one in books.all("subscription", customer=session["customer"]) if one["ended_at"] is None]


def confirm(books: Books, session: Thing, *, proven: bool = False) -> None:
    """Make the change that the session's flow proposes, paid at once. Raises Refused and BankAsks."""
    flow = session["flow"]["subscription_update_confirm"]
    wanted = {**change_of(flow), "payment_behavior": "error_if_incomplete"}
    try:
        subscriptions.update(books, flow["subscription"], wanted, proven=proven)
    except Refused as refusal:
        if refusal.body["error"].get("code") == subscriptions.ASKS_CODE:
            raise BankAsks from refusal
        raise


def change_of(flow: Thing) -> Thing:
    change = {"items": flow["items"], "proration_behavior": "always_invoice"}
    return {**change, "discounts": flow["discounts"]} if flow.get("discounts") else change


def preview(books: Books, flow: Thing) -> Thing:
    """What the proposed change would cost now. Raises Refused."""
    change = change_of(flow)
    discounts = {"discounts": change.pop("discounts")} if "discounts" in change else {}
    return previews.preview(books, {"subscription": flow["subscription"], "subscription_details": change, **discounts})


def wish_end(books: Books, session: Thing, subscription_id: str, wanted: bool) -> None:
    """Let it end with the present period, or not after all. Raises Refused for another customer's."""
    if all(one["id"] != subscription_id for one in running(books, session)):
        raise Refused(404, f"No such subscription: '{subscription_id}'", code="resource_missing")
    subscriptions.update(books, subscription_id, {"cancel_at_period_end": wanted})


def pay(books: Books, invoice: Thing, form: Form) -> None:
    """Pay an open invoice with a card given now, for this once. Raises Refused and BankAsks."""
    if invoice["status"] != "open":
        return
    customer = books.get("customer", invoice["customer"])
    outcome = subscriptions.settle(books, invoice, checkout.take_card(books, form, customer), here=True, proven=True)
    if not outcome.paid:
        raise invoices.unpaid(outcome, "invoice_payment_intent_requires_action")


def finish(books: Books, session: Thing) -> None:
    """The flow is done: whoever opens the session again sees the portal itself."""
    books.put({**session, "flow": None})
