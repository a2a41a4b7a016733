"""What happens to money that was paid: refunds, and disputes that a bank opens and closes."""

from billing.standin import shapes
from billing.standin.store import Books
from billing.standin.wire import Thing, wrong


def refund(books: Books, given: Thing) -> Thing:
    """Give a charge back, in whole or in part. Raises Refused."""
    charge = charge_of(books, given)
    left = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    if not left:
        raise wrong(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise wrong(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount")
    made = shapes.refund(books.now, charge, amount, given.get("reason"), given.get("metadata") or {})
    books.put(made)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    books.put(charge)
    books.emit("charge.refunded", charge, {name: old for name, old in before.items() if charge[name] != old})
    return made


def charge_of(books: Books, given: Thing) -> Thing:
    if "charge" in given:
        return books.get("charge", given["charge"], "charge", 400)
    intent = books.get("payment_intent", given.get("payment_intent", ""), "payment_intent", 400)
    if intent["status"] != "succeeded":
        raise wrong(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return books.get("charge", intent["latest_charge"])


def open_dispute(books: Books, charge_id: str) -> Thing:
    charge = books.get("charge", charge_id)
    charge["disputed"] = True
    books.put(charge)
    dispute = books.put(shapes.dispute(books.now, charge))
    books.emit("charge.dispute.created", dispute)
    return dispute


def close_dispute(books: Books, dispute_id: str, *, won: bool) -> Thing:
    """The bank has decided: `won` gives the money back to the seller."""
    dispute = books.get("dispute", dispute_id)
    dispute["status"] = "won" if won else "lost"
    books.put(dispute)
    books.emit("charge.dispute.closed", dispute)
    return dispute
