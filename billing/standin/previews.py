"""Invoices that do not exist yet: what a change would cost now, or what the next period will."""

from billing.standin import invoices, subscriptions
from billing.standin.life import upcoming
from billing.standin.store import Books
from billing.standin.wire import Refused, Thing, wrong

CHANGES = (
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "metadata",
)


def preview(books: Books, given: Thing) -> Thing:
    """`invoices/create_preview`: the change is made, its invoice looked at, and all of it undone. Raises Refused."""
    details = given.get("subscription_details", {})
    if "subscription" in given:
        return books.would_be(lambda: of_change(books, given, details))
    if "customer" not in given:
        raise wrong("You must provide one of customer, subscription or schedule.", "customer")
    if "items" in details:
        return books.would_be(lambda: of_new(books, given, details))
    live = [one for one in books.all("subscription", customer=given["customer"]) if one["ended_at"] is None]
    if not live:
        raise Refused(404, f"No upcoming invoices for customer: {given['customer']}", code="invoice_upcoming_none")
    return upcoming(books, live[-1])


def of_new(books: Books, given: Thing, details: Thing) -> Thing:
    wanted: Thing = {name: details[name] for name in ("items", "trial_end", "metadata") if name in details}
    for name in ("customer", "automatic_tax", "discounts"):
        if name in given:
            wanted[name] = given[name]
    subscription = subscriptions.create(books, wanted, charge=False)
    return invoices.previewed(books.get("invoice", subscription["latest_invoice"]))


def of_change(books: Books, given: Thing, details: Thing) -> Thing:
    """The invoice that the change makes at once; where it makes none, the next one with what then waits for it."""
    before = books.get("subscription", given["subscription"], "subscription", 400)
    if details.get("cancel_now"):
        ended = {"prorate": details.get("proration_behavior") != "none", "invoice_now": True}
        after = subscriptions.cancel(books, before["id"], ended, charge=False)
    else:
        changes = {name: details[name] for name in CHANGES if name in details}
        for name in ("discounts", "automatic_tax"):
            if name in given:
                changes[name] = given[name]
        after = subscriptions.update(books, before["id"], changes, charge=False)
    if after["latest_invoice"] != before["latest_invoice"]:
        return invoices.previewed(books.get("invoice", after["latest_invoice"]))
    return upcoming(books, after)
