"""`expand[]`: an id in an answer becomes the object itself, and what Stripe leaves out unless asked comes in."""

from collections.abc import Callable
from typing import Any

from billing.standin import checkout, shapes
from billing.standin.store import Books
from billing.standin.wire import Thing, wrong


def expanded(books: Books, answer: Thing, paths: list[str]) -> Thing:
    """The answer with what each path ("data.customer.test_clock") leads to. Raises Refused."""
    for path in paths:
        open_up(books, answer, path.split("."), path)
    return answer


def open_up(books: Books, thing: Thing, way: list[str], path: str) -> None:
    name, *rest = way
    include = INCLUDABLE.get((str(thing.get("object")), name))
    if name not in thing and include is None:
        raise wrong(f"This property cannot be expanded ({path}).", "expand")
    if name not in thing and include is not None:
        thing[name] = include(books, thing)
    thing[name] = opened(books, thing[name], path)
    if not rest:
        return
    found = thing[name]
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            open_up(books, one, rest, path)


def opened(books: Books, value: Any, path: str) -> Any:
    """The object that an id names, those of a list of ids; what is an object already, or none, stays."""
    if isinstance(value, list):
        return [opened(books, one, path) for one in value]
    if not isinstance(value, str):
        return value
    if value == shapes.CLOCK:
        return clock(books)
    found = books.find(value)
    if found is None:
        raise wrong(f"This property cannot be expanded ({path}).", "expand")
    return shown(found)


def clock(books: Books) -> Thing:
    return shapes.test_clock(books.now - shapes.YEAR, books.now)


def shown(thing: Thing) -> Thing:
    """An object as Stripe answers it: of a customer that was deleted little is left."""
    if thing.get("deleted"):
        return {"id": thing["id"], "object": thing["object"], "deleted": True}
    return thing


def subscriptions_of(books: Books, customer: Thing) -> Thing:
    live = [one for one in books.all("subscription", customer=customer["id"]) if one["ended_at"] is None]
    return shapes.listed(live[::-1], f"/v1/customers/{customer['id']}/subscriptions")


def tax_ids_of(books: Books, customer: Thing) -> Thing:
    found = books.all("tax_id", customer=customer["id"])
    return shapes.listed(found[::-1], f"/v1/customers/{customer['id']}/tax_ids")


def payments_of(books: Books, invoice: Thing) -> Thing:
    return shapes.listed(books.all("invoice_payment", invoice=invoice["id"])[::-1], "/v1/invoice_payments")


def line_items_of(books: Books, session: Thing) -> Thing:
    return shapes.listed(checkout.line_items(books, session), f"/v1/checkout/sessions/{session['id']}/line_items")


def refunds_of(books: Books, charge: Thing) -> Thing:
    return shapes.listed(books.all("refund", charge=charge["id"])[::-1], f"/v1/charges/{charge['id']}/refunds")


INCLUDABLE: dict[tuple[str, str], Callable[[Books, Thing], Thing]] = {
    ("customer", "subscriptions"): subscriptions_of,
    ("customer", "tax_ids"): tax_ids_of,
    ("invoice", "payments"): payments_of,
    ("checkout.session", "line_items"): line_items_of,
    ("charge", "refunds"): refunds_of,
}
