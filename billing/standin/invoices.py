"""Invoices: what stands on them, what is off, what is tax, and the attempt to be paid."""

from dataclasses import dataclass
from fractions import Fraction

from billing.standin import discounts, shapes
from billing.standin.cards import ASKS, DECLINES, Verdict, card_of, usual_method
from billing.standin.discounts import rounded
from billing.standin.periods import DAY, HOUR
from billing.standin.store import Books, new_id
from billing.standin.wire import Refused, Thing, wrong

VAT = 21
RETRIES = (3, 5, 7, 14)  # days after the first payment that failed
GIVES_UP = 28  # days after it, when the subscription ends
DRAFT_FOR = HOUR  # how long the invoice of a new period waits before it is final


@dataclass(frozen=True)
class Outcome:
    """`verdict` is the card's; None where there was no card to ask."""

    verdict: Verdict | None

    @property
    def paid(self) -> bool:
        return self.verdict == "pays"


PAID = Outcome("pays")


def due(invoice: Thing, inner: Thing) -> int | None:
    """When something next happens to it by itself."""
    if not invoice["auto_advance"]:
        return None
    if invoice["status"] == "draft":
        return int(invoice["automatically_finalizes_at"]) if invoice["automatically_finalizes_at"] else None
    if invoice["status"] == "open":
        return invoice["next_payment_attempt"] or inner.get("gives_up_at")
    return None


# ---- what stands on it ----


def draft(
    books: Books,
    subscription: Thing,
    reason: str,
    lines: list[Thing],
    period: tuple[int, int],
    final_at: int | None = None,
) -> Thing:
    """A draft of these lines and of everything that waits for the subscription's next invoice. It becomes final by
    itself at `final_at`. What is used up of the subscription's discounts leaves it, which the caller keeps."""
    customer = books.get("customer", subscription["customer"])
    invoice = shapes.invoice(books.now, customer, subscription, reason, period)
    invoice["automatically_finalizes_at"] = final_at
    invoice["customer_tax_ids"] = [
        {"type": one["type"], "value": one["value"]} for one in books.all("tax_id", customer=customer["id"])
    ]
    lines = [*waiting_lines(books, subscription, invoice), *lines]
    for line in lines:
        line["invoice"] = invoice["id"]
    invoice["lines"]["data"] = lines
    take_off(books, subscription, invoice)
    if invoice["automatic_tax"]["enabled"]:
        add_tax(books, customer, invoice)
    add_up(invoice)
    books.put(invoice)
    books.emit("invoice.created", invoice)
    return invoice


def wait_for_next(books: Books, subscription: Thing, lines: list[Thing]) -> None:
    """Keep the lines for the subscription's next invoice."""
    for line in lines:
        item = shapes.invoice_item(books.now, subscription, line)
        line["parent"]["subscription_item_details"]["invoice_item"] = item["id"]
        books.put(item, line=line)


def waiting(books: Books, subscription: Thing) -> list[Thing]:
    return books.all("invoiceitem", parent__subscription_details__subscription=subscription["id"], invoice=None)


def waiting_lines(books: Books, subscription: Thing, invoice: Thing) -> list[Thing]:
    lines = []
    for item in waiting(books, subscription):
        lines.append(books.inner(item["id"])["line"])
        books.put({**item, "invoice": invoice["id"]})
    return lines


def take_off(books: Books, subscription: Thing, invoice: Thing) -> None:
    """Each discount from each line that takes one; what has ended or is used up leaves the subscription."""
    lines = [line for line in invoice["lines"]["data"] if line["discountable"] and line["amount"] > 0]
    running = discounts.running(books, subscription)
    subscription["discounts"] = [one["id"] for one, _coupon in running]
    for one, coupon in running:
        off = shares(lines, coupon)
        for line, amount in zip(lines, off, strict=True):
            line["discounts"].append(one["id"])
            line["discount_amounts"].append({"amount": amount, "discount": one["id"]})
        invoice["discounts"].append(one["id"])
        invoice["total_discount_amounts"].append({"amount": sum(off), "discount": one["id"]})
        if lines and coupon["duration"] == "once":
            subscription["discounts"].remove(one["id"])


def shares(lines: list[Thing], coupon: Thing) -> list[int]:
    """How much a coupon takes off each line, at most what is left of it."""
    left = [net(line) for line in lines]
    if coupon["percent_off"]:
        return [discounts.taken_off(amount, coupon) for amount in left]
    off, whole = int(min(coupon["amount_off"], sum(left))), sum(left)
    parts = [rounded(Fraction(off * amount, whole)) if whole else 0 for amount in left]
    if parts:
        parts[-1] += off - sum(parts)
    return parts


def net(line: Thing) -> int:
    """A line without what is off."""
    return int(line["amount"] - sum(one["amount"] for one in line["discount_amounts"]))


def add_tax(books: Books, customer: Thing, invoice: Thing) -> None:
    """Czech VAT on each line, rounded there. The lines of another country, or of a VAT number of one, have none."""
    rate = VAT if taxed(books, customer) else 0
    rate_id = "txr_standin_vat" if rate else "txr_standin_none"
    for line in invoice["lines"]["data"]:
        price = books.get("price", line["pricing"]["price_details"]["price"])
        inclusive = price["tax_behavior"] == "inclusive"
        amount = rounded(Fraction(net(line) * rate, 100 + rate * inclusive))
        line["taxes"] = [
            {
                "amount": amount,
                "tax_behavior": "inclusive" if inclusive else "exclusive",
                "tax_rate_details": {"tax_rate": rate_id},
                "taxability_reason": "standard_rated" if rate else "not_collecting",
                "taxable_amount": net(line) - amount * inclusive,
                "type": "tax_rate_details",
            }
        ]
    by_behavior: dict[str, Thing] = {}
    for tax in (tax for line in invoice["lines"]["data"] for tax in line["taxes"]):
        total = by_behavior.setdefault(tax["tax_behavior"], {**tax, "amount": 0, "taxable_amount": 0})
        total["amount"] += tax["amount"]
        total["taxable_amount"] += tax["taxable_amount"]
    invoice["total_taxes"] = list(by_behavior.values())


def taxed(books: Books, customer: Thing) -> bool:
    """Whether it is a Czech customer without a VAT number of another country of the EU."""
    if (customer["address"] or {}).get("country") != "CZ":
        return False
    numbers = [one for one in books.all("tax_id", customer=customer["id"]) if one["type"] == "eu_vat"]
    return all(one["country"] == "CZ" for one in numbers)


def add_up(invoice: Thing) -> None:
    """The sums of the lines, and what is to be paid once the customer's balance is taken into account."""
    lines = invoice["lines"]["data"]
    added = sum(tax["amount"] for tax in invoice["total_taxes"] if tax["tax_behavior"] == "exclusive")
    within = sum(tax["amount"] for tax in invoice["total_taxes"] if tax["tax_behavior"] == "inclusive")
    invoice["subtotal"] = sum(line["amount"] for line in lines)
    invoice["subtotal_excluding_tax"] = invoice["subtotal"] - within
    invoice["total_excluding_tax"] = sum(net(line) for line in lines) - within
    invoice["total"] = invoice["total_excluding_tax"] + within + added
    invoice["amount_due"] = max(invoice["total"] + invoice["starting_balance"], 0)
    invoice["amount_remaining"] = invoice["amount_due"]


# ---- being final, being paid ----


def finalize(books: Books, invoice: Thing) -> None:
    """Give it a number and take the customer's balance into account. What then costs nothing is paid."""
    customer = books.get("customer", invoice["customer"])
    invoice["starting_balance"] = customer["balance"]
    add_up(invoice)
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    books.put(customer)
    customer["balance"] = 0 if invoice["amount_due"] else customer["balance"] + invoice["total"]
    customer["currency"] = customer["currency"] or invoice["currency"]
    books.change(customer, "customer.updated")
    url = f"{books.origin}/dev/payments/invoices/{invoice['id']}"
    invoice.update(
        status="open",
        ending_balance=customer["balance"],
        effective_at=books.now,
        hosted_invoice_url=url,
        invoice_pdf=f"{url}/print",
        automatically_finalizes_at=None,
    )
    invoice["status_transitions"]["finalized_at"] = books.now
    if invoice["amount_due"]:
        intent = books.put(shapes.payment_intent(books.now, invoice))
        books.put(shapes.invoice_payment(books.now, invoice, intent["id"]))
    books.put(invoice)
    books.emit("invoice.finalized", invoice)
    if not invoice["amount_due"]:
        mark_paid(books, invoice)


def attempt(
    books: Books, invoice: Thing, method: Thing | None = None, *, here: bool = False, proven: bool = False
) -> Outcome:
    """Ask a card for the money: the one given, else the usual one. `proven`: its owner has answered the bank."""
    customer = books.get("customer", invoice["customer"])
    method = method or usual_method(books, customer, subscription_of(books, invoice))
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    intent = intent_of(books, invoice)
    if method is None:
        fail(books, invoice, intent, None)
        return Outcome(None)
    card = card_of(method)
    verdict = card.here if here else card.away
    if verdict == "asks" and proven:
        verdict = "pays"
    intent["payment_method"] = method["id"]
    if verdict == "pays":
        succeed(books, invoice, intent, method)
    else:
        fail(books, invoice, intent, verdict, method)
    return Outcome(verdict)


def subscription_of(books: Books, invoice: Thing) -> Thing:
    return books.get("subscription", invoice["parent"]["subscription_details"]["subscription"])


def payment_of(books: Books, invoice: Thing) -> Thing:
    return books.all("invoice_payment", invoice=invoice["id"])[-1]


def intent_of(books: Books, invoice: Thing) -> Thing:
    return books.get("payment_intent", payment_of(books, invoice)["payment"]["payment_intent"])


def succeed(books: Books, invoice: Thing, intent: Thing, method: Thing) -> None:
    charge = books.put(shapes.charge(books.now, intent, method, None))
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    books.put(intent)
    payment = payment_of(books, invoice)
    payment.update(status="paid", amount_paid=intent["amount"])
    payment["status_transitions"]["paid_at"] = books.now
    books.put(payment)
    invoice["amount_paid"] = intent["amount"]
    mark_paid(books, invoice)


def mark_paid(books: Books, invoice: Thing) -> None:
    invoice.update(status="paid", attempted=True, amount_remaining=0, next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"]["paid_at"] = books.now
    books.put(invoice)
    books.emit("invoice.paid", invoice)
    books.emit("invoice.payment_succeeded", invoice)


def fail(books: Books, invoice: Thing, intent: Thing, verdict: Verdict | None, method: Thing | None = None) -> None:
    """The invoice stays open; it is tried again by itself only where `plan_retries` has said so."""
    intent["status"] = "requires_action" if verdict == "asks" else "requires_payment_method"
    if verdict in DECLINES and method is not None:
        code, message = DECLINES[verdict]
        charge = books.put(shapes.charge(books.now, intent, method, ("card_declined", message)))
        intent["latest_charge"] = charge["id"]
        intent["last_payment_error"] = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": code,
            "message": message,
            "payment_method": method,
        }
    books.put(intent)
    plan_retries(books, invoice)
    if verdict == "asks":
        books.emit("invoice.payment_action_required", invoice)
    books.emit("invoice.payment_failed", invoice)


def plan_retries(books: Books, invoice: Thing) -> None:
    """The next attempt after one that failed. A first invoice, and any of what has ended, is not tried by itself."""
    if invoice["billing_reason"] == "subscription_create" or subscription_of(books, invoice)["ended_at"]:
        invoice["auto_advance"] = False
        books.put(invoice)
        return
    first = books.inner(invoice["id"]).get("first_failed", books.now)
    later = [first + days * DAY for days in RETRIES if first + days * DAY > books.now]
    invoice["next_payment_attempt"] = later[0] if later else None
    books.put(invoice, first_failed=first, gives_up_at=first + GIVES_UP * DAY)


def void(books: Books, invoice: Thing) -> None:
    invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
    invoice["status_transitions"]["voided_at"] = books.now
    books.put(invoice)
    books.emit("invoice.voided", invoice)


def unpaid(outcome: Outcome, asks_code: str) -> Refused:
    """The refusal that tells of a payment which did not come through."""
    if outcome.verdict is None:
        return wrong(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            code="resource_missing",
        )
    if outcome.verdict == "asks":
        return Refused(402, ASKS, "card_error", code=asks_code, decline_code="authentication_required")
    code, message = DECLINES[outcome.verdict]
    return Refused(402, message, "card_error", code="card_declined", decline_code=code)


def previewed(invoice: Thing) -> Thing:
    """The draft as Stripe shows an invoice that does not exist yet."""
    invoice["id"] = new_id("upcoming_in")
    for line in invoice["lines"]["data"]:
        line["id"] = line["id"].replace("il_", "il_tmp_", 1)
        line["invoice"] = invoice["id"]
    return invoice
