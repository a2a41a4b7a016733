"""Subscriptions as requests change them: made, changed with or without payment, ended."""

import copy
from typing import Any

from billing.standin import discounts, invoices, shapes
from billing.standin.cards import method_called, usual_method
from billing.standin.invoices import PAID, Outcome
from billing.standin.items import (
    Period,
    billed_by,
    check_together,
    credit_lines,
    debit_lines,
    full_lines,
    new_item,
    next_period,
    period_of,
    rhythm,
    set_period,
    whole_price,
    with_changes,
)
from billing.standin.periods import DAY, HOUR
from billing.standin.store import Books, difference
from billing.standin.wire import Thing, wrong

LIVE = ("trialing", "active", "past_due", "unpaid", "incomplete", "paused")
FIRST_PAYMENT_WITHIN = 23 * HOUR
ASKS_CODE = "subscription_payment_intent_requires_action"
PLAIN = ("description", "trial_settings", "payment_settings")


# ---- made ----


def create(
    books: Books, given: Thing, *, method: Thing | None = None, proven: bool = False, charge: bool = True
) -> Thing:
    """A subscription from the parameters of Stripe's call. Raises Refused.

    `method` is a card whose owner is at a page; without `charge` the first invoice stays a draft.
    """
    customer = books.get("customer", given["customer"], "customer", 400)
    subscription = books.put(begun(books, customer, given))
    books.emit("customer.subscription.created", subscription)
    bill_at_once(books, subscription, "subscription_create")
    if charge:
        behavior = given.get("payment_behavior", "allow_incomplete")
        take_first_payment(books, subscription, behavior, method, proven)
    return subscription


def begun(books: Books, customer: Thing, given: Thing) -> Thing:
    """A subscription that nothing has been billed for: on trial, or incomplete until it is paid."""
    if not given.get("items"):
        raise wrong("Missing required param: items.", "items", "parameter_missing")
    currency = books.get("price", given["items"][0].get("price", ""), "items[0][price]", 400)["currency"]
    subscription = shapes.subscription(books.now, customer["id"], currency)
    trial_end = trial_end_of(books, given)
    period = Period(books.now, trial_end or books.now + 1)
    items = [new_item(books, subscription, one, period, f"items[{n}]") for n, one in enumerate(given["items"])]
    check_together(items, currency)
    subscription["items"]["data"] = items
    subscription.update({name: given[name] for name in (*PLAIN, "metadata") if given.get(name)})
    subscription["automatic_tax"] = tax_setting(given, subscription)
    subscription["discounts"] = discounts.redeem(books, subscription, given.get("discounts") or [])
    if given.get("default_payment_method"):
        subscription["default_payment_method"] = method_called(books, given["default_payment_method"], customer)["id"]
    if trial_end:
        moments = {"trial_start": books.now, "trial_end": trial_end, "billing_cycle_anchor": trial_end}
        subscription.update(status="trialing", **moments)
    else:
        subscription["status"] = "incomplete"
        set_period(subscription, next_period(subscription, books.now))
    if given.get("cancel_at_period_end"):
        set_cancel_at_period_end(books, subscription, True)
    return subscription


def trial_end_of(books: Books, given: Thing) -> int | None:
    days, end = given.get("trial_period_days"), given.get("trial_end")
    if days:
        return int(books.now + days * DAY)
    if end in (None, "now"):
        return None
    if end <= books.now:
        raise wrong("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    return int(end)


def tax_setting(given: Thing, subscription: Thing) -> Thing:
    if "automatic_tax" not in given:
        return dict(subscription["automatic_tax"])
    on = given["automatic_tax"]["enabled"]
    return {"disabled_reason": None, "enabled": on, "liability": {"type": "self"} if on else None}


def bill_at_once(books: Books, subscription: Thing, reason: str) -> Thing:
    """A draft of a whole period for all items, which is the subscription's latest from now on."""
    period = period_of(subscription)
    lines = full_lines(books, subscription, period)
    invoice = invoices.draft(books, subscription, reason, lines, (books.now, books.now))
    subscription["latest_invoice"] = invoice["id"]
    books.put(subscription, billed=billed_by(invoice))
    return invoice


def take_first_payment(books: Books, subscription: Thing, behavior: str, method: Thing | None, proven: bool) -> None:
    invoice = books.get("invoice", subscription["latest_invoice"])
    if behavior == "default_incomplete":
        invoices.finalize(books, invoice)
        if invoice["status"] == "open":
            invoice["auto_advance"] = False
            books.put(invoice)
            return
    outcome = settle(books, invoice, method, here=method is not None, proven=proven)
    if not outcome.paid and behavior == "error_if_incomplete":
        raise invoices.unpaid(outcome, ASKS_CODE)
    subscription.update(books.get("subscription", subscription["id"]))


# ---- paid ----


def settle(
    books: Books, invoice: Thing, method: Thing | None = None, *, here: bool = False, proven: bool = False
) -> Outcome:
    """Make the invoice final, try to have it paid, and let the subscription follow."""
    if invoice["status"] == "draft":
        invoices.finalize(books, invoice)
    outcome = PAID
    if invoice["status"] == "open":
        outcome = invoices.attempt(books, invoice, method, here=here, proven=proven)
    follow(books, invoice, outcome)
    return outcome


def follow(books: Books, invoice: Thing, outcome: Outcome) -> None:
    """What a payment, or one that failed, means for the subscription."""
    subscription = invoices.subscription_of(books, invoice)
    pending = books.inner(subscription["id"]).get("pending")
    if pending and pending["invoice"] == invoice["id"]:
        if outcome.paid:
            apply_pending(books, subscription, pending)
    elif outcome.paid and subscription["status"] in ("incomplete", "past_due", "unpaid"):
        if subscription["latest_invoice"] == invoice["id"]:
            subscription["status"] = "active"
    elif not outcome.paid and subscription["status"] == "active":
        subscription["status"] = "past_due"
    books.change(subscription, "customer.subscription.updated")
    customer = books.get("customer", subscription["customer"])
    customer["delinquent"] = subscription["status"] in ("past_due", "unpaid")
    books.change(customer, "customer.updated")


# ---- changed ----


def update(books: Books, id_: str, given: Thing, *, charge: bool = True, proven: bool = False) -> Thing:
    """Change it as Stripe's call does. Raises Refused, and then nothing has changed."""
    subscription = books.get("subscription", id_)
    if subscription["status"] not in LIVE:
        raise wrong("A canceled subscription can only update its cancellation_details and metadata.")
    before, known = copy.deepcopy(subscription), books.inner(id_)
    change_fields(books, subscription, given)
    books.put(subscription)
    behavior = given.get("payment_behavior", "allow_incomplete")
    invoice = change_items(books, subscription, given)
    books.put(subscription)
    if invoice is not None and charge and behavior == "pending_if_incomplete":
        subscription = hold_back(books, subscription, invoice, before, known)
    emit_changed(books, before, subscription)
    if invoice is not None and charge:
        take_payment(books, invoice, behavior, proven)
    return books.get("subscription", id_)


def emit_changed(books: Books, before: Thing, after: Thing) -> None:
    previous = difference(before, after)
    if previous:
        books.emit("customer.subscription.updated", after, previous)


def change_fields(books: Books, subscription: Thing, given: Thing) -> None:
    """Everything that costs nothing."""
    subscription["automatic_tax"] = tax_setting(given, subscription)
    if "metadata" in given:
        subscription["metadata"] = with_metadata(subscription["metadata"], given["metadata"])
    for name in PLAIN:
        if name in given:
            subscription[name] = given[name] or None
    if given.get("default_payment_method"):
        customer = books.get("customer", subscription["customer"])
        subscription["default_payment_method"] = method_called(books, given["default_payment_method"], customer)["id"]
    if "cancellation_details" in given:
        subscription["cancellation_details"].update(given["cancellation_details"])
    if "cancel_at_period_end" in given:
        set_cancel_at_period_end(books, subscription, given["cancel_at_period_end"])
    if "cancel_at" in given:
        set_cancel_at(books, subscription, given["cancel_at"])
    if given.get("discounts") == "":
        subscription["discounts"] = []
    elif given.get("discounts"):
        subscription["discounts"] = discounts.redeem(books, subscription, given["discounts"])


def with_metadata(before: Thing, given: Any) -> Thing:
    """Stripe's way: what is sent is added, an empty value takes a key away, and an empty text all."""
    return {key: value for key, value in {**before, **given}.items() if value != ""} if given else {}


def set_cancel_at_period_end(books: Books, subscription: Thing, wanted: bool) -> None:
    set_cancel_at(books, subscription, period_of(subscription).end if wanted else "")
    subscription["cancel_at_period_end"] = wanted


def set_cancel_at(books: Books, subscription: Thing, moment: int | str) -> None:
    """Named by a word of Stripe's it is the end of the period, and an empty text takes it back."""
    at = period_of(subscription).end if moment in ("min_period_end", "max_period_end") else moment
    subscription["cancel_at_period_end"] = False
    subscription["cancel_at"] = at or None
    subscription["canceled_at"] = books.now if at else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if at else None


def change_items(books: Books, subscription: Thing, given: Thing) -> Thing | None:
    """The new items, and what they cost: an invoice at once, something for the next one, or nothing."""
    before = subscription["items"]["data"]
    after = with_changes(books, subscription, given["items"]) if given.get("items") else before
    subscription["items"]["data"] = after
    behavior = given.get("proration_behavior", "create_prorations")
    if subscription["status"] == "trialing":
        return change_trial(books, subscription, given)
    if given.get("trial_end") not in (None, "now"):
        raise wrong("The test payments cannot begin a trial on a subscription that has been paid.", "trial_end")
    anew = given.get("billing_cycle_anchor", {}).get("type") == "now"
    if anew or rhythm(before[0]) != rhythm(after[0]):
        return restart(books, subscription, before, behavior)
    return prorate(books, subscription, before, behavior, given.get("proration_date", books.now))


def change_trial(books: Books, subscription: Thing, given: Thing) -> Thing | None:
    """In a trial items cost nothing yet; its end may be moved, or come now."""
    end = given.get("trial_end")
    if end is None:
        return None
    if end != "now":
        end = trial_end_of(books, given)
        subscription.update(trial_end=end, billing_cycle_anchor=end)
        set_period(subscription, Period(period_of(subscription).start, int(end or 0)))
        return None
    subscription.update(status="active", trial_end=books.now, billing_cycle_anchor=books.now)
    set_period(subscription, next_period(subscription, books.now))
    return bill_at_once(books, subscription, "subscription_update")


def restart(books: Books, subscription: Thing, before: list[Thing], behavior: str) -> Thing:
    """A new period begins now: credit for what is left of the former one, then the whole of the new."""
    if behavior != "none":
        period, billed = period_of({"items": {"data": before}}), books.inner(subscription["id"]).get("billed", {})
        unused = credit_lines(books, subscription, before, billed, period, books.now)
        invoices.wait_for_next(books, subscription, unused)
    subscription["billing_cycle_anchor"] = books.now
    set_period(subscription, next_period(subscription, books.now))
    return bill_at_once(books, subscription, "subscription_update")


def prorate(books: Books, subscription: Thing, before: list[Thing], behavior: str, moment: int) -> Thing | None:
    """Within a period: credits for what goes, debits for what comes."""
    after = subscription["items"]["data"]
    period = period_of(subscription)
    gone = [item for item in before if not any(same_cost(item, one) for one in after)]
    come = [item for item in after if not any(same_cost(item, one) for one in before)]
    if behavior == "none" or not (gone or come):
        return None
    if not period.start <= moment < period.end:
        raise wrong("Invalid proration_date: must be within the current period.", "proration_date")
    billed = books.inner(subscription["id"]).get("billed", {})
    lines = credit_lines(books, subscription, gone, billed, period, moment)
    kept = {id_: amount for id_, amount in billed.items() if any(item["id"] == id_ for item in after)}
    billed = kept | {item["id"]: whole_price(books, subscription, item) for item in come}
    lines += debit_lines(books, subscription, come, billed, period, moment)
    invoices.wait_for_next(books, subscription, lines)
    books.put(subscription, billed=billed)
    if behavior != "always_invoice" or not invoices.waiting(books, subscription):
        return None
    invoice = invoices.draft(books, subscription, "subscription_update", [], (moment, moment))
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def same_cost(one: Thing, other: Thing) -> bool:
    return all(one[name] == other[name] for name in ("id", "quantity")) and one["price"]["id"] == other["price"]["id"]


def take_payment(books: Books, invoice: Thing, behavior: str, proven: bool) -> None:
    """Have the invoice of a change paid, or do what `payment_behavior` says where it is not."""
    if behavior == "default_incomplete":
        invoices.finalize(books, invoice)
        if invoice["status"] == "open":
            follow(books, invoice, Outcome(None))
            return
    outcome = settle(books, invoice, proven=proven)
    if not outcome.paid and behavior == "error_if_incomplete":
        raise invoices.unpaid(outcome, ASKS_CODE)


def hold_back(books: Books, subscription: Thing, invoice: Thing, before: Thing, known: Thing) -> Thing:
    """The subscription stays as it was until the invoice is paid; what it will be stands in `pending_update`."""
    wanted = copy.deepcopy(subscription)
    pending = {"invoice": invoice["id"], "subscription": wanted, "billed": books.inner(subscription["id"])["billed"]}
    held = {
        **before,
        "latest_invoice": invoice["id"],
        "pending_update": {
            "billing_cycle_anchor": None,
            "discounts": [],
            "expires_at": books.now + FIRST_PAYMENT_WITHIN,
            "subscription_items": wanted["items"]["data"],
            "trial_end": None,
            "trial_from_plan": None,
        },
    }
    invoice["auto_advance"] = False
    books.put(invoice)
    return books.put(held, pending=pending, billed=known.get("billed", {}))


def apply_pending(books: Books, subscription: Thing, pending: Thing) -> None:
    wanted = pending["subscription"]
    for name in ("items", "billing_cycle_anchor", "discounts", "status"):
        subscription[name] = wanted[name]
    subscription["pending_update"] = None
    books.put(subscription, pending=None, billed=pending["billed"])
    books.emit("customer.subscription.pending_update_applied", subscription)


def expire_pending(books: Books, subscription: Thing) -> None:
    """Nobody paid in time: the change will not come."""
    invoices.void(books, books.get("invoice", books.inner(subscription["id"])["pending"]["invoice"]))
    subscription["pending_update"] = None
    books.put(subscription, pending=None)
    books.emit("customer.subscription.pending_update_expired", subscription)


# ---- ended ----


def cancel(
    books: Books, id_: str, given: Thing, reason: str = "cancellation_requested", *, charge: bool = True
) -> Thing:
    """End it now. `prorate` credits the time that is left, `invoice_now` bills what waits. Raises Refused."""
    subscription = books.get("subscription", id_)
    if subscription["status"] not in LIVE:
        raise wrong(f"No such subscription: '{id_}'", "id", "resource_missing")
    if given.get("prorate") and subscription["status"] != "trialing":
        items, period = subscription["items"]["data"], period_of(subscription)
        billed = books.inner(id_).get("billed", {})
        invoices.wait_for_next(books, subscription, credit_lines(books, subscription, items, billed, period, books.now))
    invoice = None
    if given.get("invoice_now") and invoices.waiting(books, subscription):
        period_now = (books.now, books.now)
        invoice = invoices.draft(books, subscription, "subscription_update", [], period_now)
        subscription["latest_invoice"] = invoice["id"]
    subscription["cancellation_details"].update(given.get("cancellation_details", {}))
    close(books, subscription, reason)
    if invoice is not None and charge:
        settle(books, invoice)
    return subscription


def close(books: Books, subscription: Thing, reason: str | None, status: str = "canceled") -> None:
    """It is over, and what is still unpaid is not asked for by itself any more."""
    subscription["status"] = status
    subscription["ended_at"] = books.now
    subscription["canceled_at"] = subscription["canceled_at"] or books.now
    subscription["cancellation_details"]["reason"] = reason
    books.put(subscription)
    for invoice in books.all(
        "invoice", parent__subscription_details__subscription=subscription["id"], auto_advance=True
    ):
        invoice.update(auto_advance=False, next_payment_attempt=None)
        books.put(invoice)
    books.emit("customer.subscription.deleted", subscription)


def has_card(books: Books, subscription: Thing) -> bool:
    customer = books.get("customer", subscription["customer"])
    return usual_method(books, customer, subscription) is not None
