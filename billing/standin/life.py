"""What happens by itself as time passes: trials end, periods begin anew, payments are tried again and given up.

`DUES` says for each kind of object when its next moment is; `play` lets everything happen up to a moment, in order.
"""

from collections.abc import Callable

from billing.standin import checkout, invoices, shapes, subscriptions
from billing.standin.items import billed_by, full_lines, next_period, period_of, set_period
from billing.standin.periods import DAY
from billing.standin.store import Books, Due
from billing.standin.wire import Refused, Thing

WARNED_BEFORE = 3 * DAY  # before the end of a trial, and before the invoice of a new period


def play(books: Books, until: int) -> None:
    """Let everything happen that is due up to this moment, each at its own."""
    while found := books.next_due(until):
        moment, thing = found
        books.now = books.played = max(moment, books.played)
        HAPPENINGS[thing["object"]](books, thing)
    books.now = books.played = until


def advance(books: Books, to: int) -> Thing:
    """Move the clock forward, and tell when all has happened."""
    play(books, max(to, books.now))
    clock = shapes.test_clock(books.now - shapes.YEAR, books.now)
    books.emit("test_helpers.test_clock.ready", clock)
    return clock


# ---- subscriptions ----


def subscription_due(subscription: Thing, inner: Thing) -> int | None:
    """The earliest of all that awaits it."""
    status = subscription["status"]
    if status == "incomplete":
        return int(subscription["created"] + subscriptions.FIRST_PAYMENT_WITHIN)
    if status not in ("trialing", "active", "past_due"):
        return None
    end = period_of(subscription).end
    moments = [end, subscription["cancel_at"]]
    if inner.get("warned_of") != end and not ends_by(subscription, end):
        moments.append(end - WARNED_BEFORE)
    if subscription["pending_update"]:
        moments.append(subscription["pending_update"]["expires_at"])
    return min(int(moment) for moment in moments if moment is not None)


def ends_by(subscription: Thing, moment: int) -> bool:
    return subscription["cancel_at"] is not None and subscription["cancel_at"] <= moment


def subscription_happens(books: Books, subscription: Thing) -> None:
    pending, end = subscription["pending_update"], period_of(subscription).end
    if subscription["status"] == "incomplete":
        expire(books, subscription)
    elif pending and pending["expires_at"] <= books.now:
        subscriptions.expire_pending(books, subscription)
    elif ends_by(subscription, books.now):
        end_as_wished(books, subscription)
    elif end > books.now:
        warn(books, subscription, end)
    elif subscription["status"] == "trialing":
        end_trial(books, subscription)
    else:
        renew(books, subscription)


def expire(books: Books, subscription: Thing) -> None:
    """Its first payment never came."""
    invoice = books.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoices.void(books, invoice)
    subscription.update(status="incomplete_expired", ended_at=books.now)
    books.change(subscription, "customer.subscription.updated")


def warn(books: Books, subscription: Thing, end: int) -> None:
    books.put(subscription, warned_of=end)
    if subscription["status"] == "trialing":
        books.emit("customer.subscription.trial_will_end", subscription)
    else:
        coming = upcoming(books, subscription)
        del coming["id"]
        books.emit("invoice.upcoming", coming)


def end_as_wished(books: Books, subscription: Thing) -> None:
    """Its period is over and it was canceled for then; what waited for an invoice is billed."""
    invoice = None
    if invoices.waiting(books, subscription):
        bounds = period_of(subscription).bounds
        invoice = invoices.draft(books, subscription, "subscription_cycle", [], bounds)
        subscription["latest_invoice"] = invoice["id"]
    subscriptions.close(books, subscription, "cancellation_requested")
    if invoice is not None:
        subscriptions.settle(books, invoice)


def end_trial(books: Books, subscription: Thing) -> None:
    missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if missing != "create_invoice" and not subscriptions.has_card(books, subscription):
        if missing == "cancel":
            subscriptions.close(books, subscription, None)
        else:
            subscription["status"] = "paused"
            books.change(subscription, "customer.subscription.updated")
            books.emit("customer.subscription.paused", subscription)
        return
    subscription["status"] = "active"
    renew(books, subscription)


def renew(books: Books, subscription: Thing) -> None:
    """A new period and its invoice, which is final and paid an hour later."""
    invoice = bill_next_period(books, subscription)
    books.change(subscription, "customer.subscription.updated", billed=billed_by(invoice))


def bill_next_period(books: Books, subscription: Thing) -> Thing:
    former = period_of(subscription)
    set_period(subscription, next_period(subscription, former.end))
    lines = full_lines(books, subscription, period_of(subscription))
    final_at = books.now + invoices.DRAFT_FOR
    invoice = invoices.draft(books, subscription, "subscription_cycle", lines, former.bounds, final_at)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def upcoming(books: Books, subscription: Thing) -> Thing:
    """The invoice that its next period will begin with, if nothing changes until then. Raises Refused if none will."""
    over = subscription["status"] not in ("trialing", "active", "past_due")
    if over or ends_by(subscription, period_of(subscription).end):
        raise Refused(
            404, "No upcoming invoices for customer: " + subscription["customer"], code="invoice_upcoming_none"
        )

    def make() -> Thing:
        present = books.get("subscription", subscription["id"])
        books.now = period_of(present).end
        present["status"] = "active"
        return bill_next_period(books, present)

    return invoices.previewed(books.would_be(make))


# ---- invoices and sessions ----


def invoice_happens(books: Books, invoice: Thing) -> None:
    if invoice["status"] == "draft" or invoice["next_payment_attempt"]:
        subscriptions.settle(books, invoice)
    else:
        give_up(books, invoice)


def give_up(books: Books, invoice: Thing) -> None:
    """Four weeks after the first payment that failed the subscription ends; the invoice stays open."""
    invoice["auto_advance"] = False
    books.put(invoice)
    subscription = invoices.subscription_of(books, invoice)
    if subscription["status"] in subscriptions.LIVE:
        subscriptions.close(books, subscription, "payment_failed")


def session_due(session: Thing, _inner: Thing) -> int | None:
    return int(session["expires_at"]) if session["status"] == "open" else None


def session_expires(books: Books, session: Thing) -> None:
    checkout.expire(books, session["id"])


DUES: dict[str, Due] = {
    "subscription": subscription_due,
    "invoice": invoices.due,
    "checkout.session": session_due,
}
HAPPENINGS: dict[str, Callable[[Books, Thing], None]] = {
    "subscription": subscription_happens,
    "invoice": invoice_happens,
    "checkout.session": session_expires,
}
