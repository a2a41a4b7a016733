"""Checkout: the page where something is bought or a card is left, from the session that opens it to its end."""

from dataclasses import dataclass
from typing import Any

from billing.standin import discounts, invoices, shapes, subscriptions
from billing.standin.cards import CARDS, DECLINES, attach, declined
from billing.standin.items import price_called
from billing.standin.store import Books, new_id
from billing.standin.wire import Refused, Thing, wrong

ASK_FOR_CARD = "Choose a card."


@dataclass(frozen=True)
class Form:
    """What a person has filled in. `card` is a number, "" where none is asked for; `proven`: the bank agrees."""

    card: str = "4242424242424242"
    name: str = ""
    country: str = ""
    tax_id: str = ""
    proven: bool = False


class BankAsks(Exception):
    """The card's bank wants to hear from its owner first."""


def create(books: Books, given: Thing) -> Thing:
    """A session from the parameters of Stripe's call. Raises Refused."""
    if given["mode"] not in ("subscription", "setup", "payment"):
        raise wrong("The test payments know the modes subscription, setup and payment.", "mode")
    if given.get("discounts") and "allow_promotion_codes" in given:
        raise wrong("You may only specify one of these parameters: allow_promotion_codes, discounts.")
    if "success_url" not in given:
        raise wrong("You must provide a `success_url` for a hosted Checkout Session.", "success_url")
    if given["mode"] == "subscription":
        check_lines(books, given)
    elif given["mode"] == "payment":
        check_amounts(given)
    elif not given.get("currency"):
        raise wrong("Missing required param: currency.", "currency", "parameter_missing")
    if given.get("customer"):
        customer = books.get("customer", given["customer"], "customer", 400)
        if given.get("tax_id_collection", {}).get("enabled") and not may_name(given):
            raise wrong(
                "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
                "existing customer, please set `customer_update[name]` to `auto`."
            )
        needs_address = given.get("automatic_tax", {}).get("enabled") and not (customer["address"] or {}).get("country")
        if needs_address and given.get("customer_update", {}).get("address") != "auto":
            raise wrong(
                "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address "
                "to the Customer or set `customer_update[address]` to 'auto' to save the address entered in Checkout.",
                code="customer_tax_location_invalid",
            )
    session = shapes.checkout_session(books.now, books.origin, given)
    books.put(session, given=given, code=None)
    if given["mode"] == "subscription":
        session["discounts"] = [
            {"coupon": one.get("coupon"), "promotion_code": one.get("promotion_code")}
            for one in given.get("discounts", [])
        ]
        weigh(books, session)
    elif given["mode"] == "payment":
        amounts = [int(one["price_data"]["unit_amount"]) * int(one.get("quantity", 1)) for one in given["line_items"]]
        session["currency"] = given["line_items"][0]["price_data"]["currency"]
        session["amount_subtotal"] = session["amount_total"] = sum(amounts)
    return books.put(session)


def may_name(given: Thing) -> bool:
    return bool(given.get("customer_update", {}).get("name") == "auto")


def check_lines(books: Books, given: Thing) -> None:
    if not given.get("line_items"):
        raise wrong("Missing required param: line_items.", "line_items", "parameter_missing")
    for n, one in enumerate(given["line_items"]):
        price_called(books, one, f"line_items[{n}]")


def check_amounts(given: Thing) -> None:
    """Of a single payment: each line says what it is for and its own price."""
    if not given.get("line_items"):
        raise wrong("Missing required param: line_items.", "line_items", "parameter_missing")
    for n, one in enumerate(given["line_items"]):
        said = one.get("price_data") or {}
        if not (said.get("currency") and said.get("unit_amount") and (said.get("product_data") or {}).get("name")):
            raise wrong("The test payments take lines of a single payment with price_data.", f"line_items[{n}]")
    if len({one["price_data"]["currency"] for one in given["line_items"]}) > 1:
        raise wrong("You cannot combine currencies on a single Checkout Session.", "line_items")


def weigh(books: Books, session: Thing, form: Form | None = None) -> Thing:
    """Write into the session what is to be paid now, and return the invoice it would be."""
    invoice = invoice_of(books, session, form or Form())
    session["currency"] = invoice["currency"]
    session["amount_subtotal"] = invoice["subtotal"]
    session["amount_total"] = invoice["total"]
    session["total_details"] = {
        "amount_discount": sum(one["amount"] for one in invoice["total_discount_amounts"]),
        "amount_shipping": 0,
        "amount_tax": sum(one["amount"] for one in invoice["total_taxes"]),
    }
    books.put(session)
    return invoice


def invoice_of(books: Books, session: Thing, form: Form) -> Thing:
    """What its first invoice would be."""

    def make() -> Thing:
        customer = take_down(books, session, form)
        subscription = subscriptions.create(books, wanted(books, session, customer), charge=False)
        return books.get("invoice", subscription["latest_invoice"])

    return invoices.previewed(books.would_be(make))


def wanted(books: Books, session: Thing, customer: Thing) -> Thing:
    """The parameters of the subscription that the session sells."""
    given = books.inner(session["id"])["given"]
    data = {name: value for name, value in given.get("subscription_data", {}).items() if value}
    return {
        **data,
        "customer": customer["id"],
        "items": [{"price": one["price"], "quantity": one.get("quantity", 1)} for one in given["line_items"]],
        "discounts": [{name: id_ for name, id_ in one.items() if id_} for one in session["discounts"]],
        "automatic_tax": {"enabled": session["automatic_tax"]["enabled"]},
    }


def apply_code(books: Books, session: Thing, code: str) -> bool:
    """Use a promotion code, or none if the text is empty. False if there is no such code."""
    promotion = discounts.promotion_called(books, code) if code.strip() else None
    if code.strip() and promotion is None:
        return False
    session["discounts"] = [{"coupon": None, "promotion_code": promotion["id"]}] if promotion else []
    weigh(books, session)
    return True


def needs_card(session: Thing, invoice: Thing | None) -> bool:
    """A card may be left out only where nothing is to be paid now and the session says so."""
    free = invoice is not None and invoice["amount_due"] == 0
    return not (free and session["payment_method_collection"] == "if_required")


def complete(books: Books, session: Thing, form: Form) -> Thing:
    """Buy. Raises Refused where the card says no, and BankAsks where its bank asks and the form is not `proven`."""
    if session["status"] != "open":
        raise wrong("This Checkout Session is no longer open.", code="checkout_session_not_open")
    customer = take_down(books, session, form)
    method = None
    if form.card or needs_card(session, weigh(books, session, form) if session["mode"] == "subscription" else None):
        method = take_card(books, form, customer)
    if session["mode"] == "subscription":
        buy(books, session, customer, method, form)
    elif session["mode"] == "payment":
        if method is None:
            raise wrong(ASK_FOR_CARD, "card", "card_missing")
        session.update(payment_intent=new_id("pi"), payment_status="paid")
    else:
        if method is None:
            raise wrong(ASK_FOR_CARD, "card", "card_missing")
        session["setup_intent"] = books.put(shapes.setup_intent(books.now, customer["id"], method["id"]))["id"]
    session.update(status="complete", customer=customer["id"], url=None, customer_details=details(books, customer))
    books.put(session)
    books.emit("checkout.session.completed", session)
    return session


def take_down(books: Books, session: Thing, form: Form) -> Thing:
    """The customer, new or known, with what the form says of them."""
    if session["customer"]:
        customer = books.get("customer", session["customer"])
    else:
        customer = {**shapes.customer(books.now), "email": session["customer_email"]}
        books.put(customer)
        books.emit("customer.created", customer)
    if form.country:
        customer["address"] = {**(customer["address"] or shapes.ADDRESS), "country": form.country}
    if form.name:
        customer["name"] = form.name
    books.change(customer, "customer.updated")
    number = form.tax_id.replace(" ", "").upper()
    if number and all(one["value"] != number for one in books.all("tax_id", customer=customer["id"])):
        tax_id = books.put(shapes.tax_id(books.now, customer["id"], {"type": "eu_vat", "value": number}))
        books.emit("customer.tax_id.created", tax_id)
    return customer


def take_card(books: Books, form: Form, customer: Thing) -> Thing:
    if form.card not in CARDS:
        raise wrong(ASK_FOR_CARD, "card", "card_missing")
    verdict = CARDS[form.card].here
    if verdict in DECLINES:
        raise declined(verdict)
    if verdict == "asks" and not form.proven:
        raise BankAsks
    return attach(books, form.card, customer)


def buy(books: Books, session: Thing, customer: Thing, method: Thing | None, form: Form) -> None:
    given: dict[str, Any] = {**wanted(books, session, customer), "payment_behavior": "error_if_incomplete"}
    if method is not None:
        given["default_payment_method"] = method["id"]
    subscription = subscriptions.create(books, given, method=method, proven=form.proven)
    invoice = books.get("invoice", subscription["latest_invoice"])
    session.update(
        subscription=subscription["id"],
        invoice=invoice["id"],
        payment_status="paid" if invoice["amount_paid"] else "no_payment_required",
    )


def details(books: Books, customer: Thing) -> Thing:
    return {
        "address": customer["address"],
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": customer["name"],
        "phone": customer["phone"],
        "tax_exempt": customer["tax_exempt"],
        "tax_ids": [
            {"type": one["type"], "value": one["value"]} for one in books.all("tax_id", customer=customer["id"])
        ],
    }


def expire(books: Books, id_: str) -> Thing:
    session = books.get("checkout.session", id_)
    if session["status"] != "open":
        raise Refused(
            400, f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {session["status"]}.'
        )
    session.update(status="expired", url=None)
    books.put(session)
    books.emit("checkout.session.expired", session)
    return session


def line_items(books: Books, session: Thing) -> list[Thing]:
    """What stands on the page, as `line_items` of the session."""
    found = books.inner(session["id"])["given"].get("line_items", [])
    items = []
    for n, one in enumerate(found if session["mode"] != "payment" else ()):
        price = books.get("price", one["price"])
        amount = price["unit_amount"] * one.get("quantity", 1)
        items.append(
            {
                "id": f"li_{session['id'][-20:]}{n}",
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "currency": price["currency"],
                "description": books.get("product", price["product"])["name"],
                "metadata": {},
                "price": price,
                "quantity": one.get("quantity", 1),
            }
        )
    return items
