"""Every object is held against Stripe's own example of its kind.

stripe_keys.json is an excerpt of Stripe's published fixtures (github.com/stripe/openapi): for each kind its keys, by
the type that they have in JSON. A key that Stripe may leave out has "null" or another type there; what the SDK types as
optional may be null here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing.standin.wire import Thing
from tests.billing.standin.till import Till

KEYS = json.loads((Path(__file__).parent / "stripe_keys.json").read_text())
NAMES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean"}
# Keys of the example that Stripe answers only where they are asked for or something sets them.
SOMETIMES = {
    "price": {"currency_options", "tiers"},
    "customer": {"shipping"},
    "subscription": {"trial_from_plan"},
    "invoice": {"subscription", "threshold_reason"},
    "charge": {"refunds"},
    "checkout.session": {"tax_id_collection"},
    "refund": {"customer", "customer_account", "payment_method"},
}
CLASSES = {
    "checkout.session": stripe.checkout.Session,
    "billing_portal.session": stripe.billing_portal.Session,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "line_item": stripe.InvoiceLineItem,
    "item": stripe.LineItem,
    "invoiceitem": stripe.InvoiceItem,
}


@pytest.fixture
def answers(till: Till) -> list[Thing]:
    """One answer or more of every kind, with all that can be expanded, and the events."""
    customer = till.customer(address={"country": "CZ"}, tax_id_data=[{"type": "eu_vat", "value": "CZ12345678"}])
    bought = till.buy(
        customer=customer,
        line_items=[{"price": till.price(1200), "quantity": 3}],
        allow_promotion_codes=True,
        automatic_tax={"enabled": True},
    )
    left = till.buy(mode="setup", currency="eur", customer=customer)
    till.complete(bought)
    till.complete(left)
    code = till.v1.promotion_codes.list().data[0].id
    subscription = till.subscribe(customer, (till.price(1500), 2), discounts=[{"promotion_code": code}])
    item = subscription["items"].data[0].id
    till.standin.advance(till.standin.now() + 86400)
    till.change(subscription, {"id": item, "quantity": 3})
    paid = till.look(subscription, "latest_invoice.payments").latest_invoice.payments.data[0].payment.payment_intent
    till.v1.refunds.create({"payment_intent": paid})
    till.v1.billing_portal.sessions.create({"customer": customer, "return_url": "http://localhost:8000/"})
    with till.standin.changing() as books:
        rows = books.connection.execute("select body from objects").fetchall()
    listed = [
        till.standin.request("get", f"/v1/{path}", None, {"Authorization": "Bearer sk"})[2]
        for path in ("test_helpers/test_clocks", f"checkout/sessions/{bought.id}/line_items")
    ]
    return [*(json.loads(body) for (body,) in rows), *map(json.loads, listed), *till.standin.events()]


def test_every_kind_has_the_keys_of_stripes_example(answers: list[Thing]) -> None:
    seen = set()
    for thing in every(answers):
        kind = thing["object"]
        seen.add(kind)
        example = {key: name for name, keys in KEYS[kind].items() for key in keys.split()}
        missing = example.keys() - thing.keys() - SOMETIMES.get(kind, set())
        assert (kind, missing) == (kind, set())
        for key, value in thing.items():
            types = {example.get(key, "null"), "null"}
            if value is not None and types != {"null"}:
                assert NAMES[type(value)] in types, f"{kind}.{key}"
    assert seen >= KEYS.keys() - {"dispute"}


def test_no_key_is_unknown_to_the_sdk(answers: list[Thing]) -> None:
    for thing in every(answers):
        kind = thing["object"]
        known = CLASSES.get(kind) or getattr(stripe, "".join(part.title() for part in kind.split("_")))
        unknown = thing.keys() - known.__annotations__.keys() - set(" ".join(KEYS[kind].values()).split())
        assert (kind, unknown) == (kind, set())


def every(things: list[Thing]) -> Iterator[Thing]:
    """Each object, and those that stand in it."""
    for thing in things:
        yield from inside(thing)


def inside(value: Any) -> Iterator[Thing]:
    if isinstance(value, list):
        for one in value:
            yield from inside(one)
    elif isinstance(value, dict):
        if str(value.get("object")) in KEYS and not value.get("deleted") and "id" in value:
            yield value
        for one in value.values():
            yield from inside(one)
