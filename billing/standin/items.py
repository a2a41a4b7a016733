"""The items of a subscription: what each costs for a period, and what a change in the middle of one is worth.

A period is prorated by seconds. The credit for an item is of what was really billed for it, discounts and all (Stripe's
flexible billing mode), so `billed` remembers for each item what a whole period of it came to. The debit is of the new
price, less the discounts that run.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from billing.standin import discounts, shapes
from billing.standin.discounts import rounded
from billing.standin.invoices import net
from billing.standin.periods import end_of_period
from billing.standin.store import Books
from billing.standin.wire import Thing, wrong

Billed = dict[str, int]  # an item's id -> what its whole present period came to, in the currency's smallest units


@dataclass(frozen=True)
class Period:
    start: int
    end: int

    @property
    def bounds(self) -> tuple[int, int]:
        return self.start, self.end

    def left(self, moment: int) -> Fraction:
        """The part of it that is still to come."""
        return Fraction(self.end - min(max(moment, self.start), self.end), self.end - self.start)


def period_of(subscription: Thing) -> Period:
    """The present period. All items have the same one."""
    first = subscription["items"]["data"][0]
    return Period(first["current_period_start"], first["current_period_end"])


def set_period(subscription: Thing, period: Period) -> None:
    for item in subscription["items"]["data"]:
        item["current_period_start"], item["current_period_end"] = period.bounds


def next_period(subscription: Thing, start: int) -> Period:
    """The period that begins at this moment and ends at the next boundary of the anchor."""
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    return Period(start, end_of_period(anchor, recurring["interval"], recurring["interval_count"], start))


# ---- which items there are ----


def price_called(books: Books, given: Thing, place: str) -> Thing:
    if "price" not in given:
        raise wrong(f"Missing required param: {place}[price].", f"{place}[price]", "parameter_missing")
    price = books.get("price", given["price"], f"{place}[price]", 400)
    if not price["active"]:
        raise wrong(f"The price specified is inactive. This field only accepts active prices: {price['id']}", place)
    if price["recurring"] is None:
        raise wrong(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            place,
        )
    return price


def new_item(books: Books, subscription: Thing, given: Thing, period: Period, place: str) -> Thing:
    price = price_called(books, given, place)
    made = shapes.subscription_item(books.now, subscription["id"], price, given.get("quantity", 1), period.bounds)
    return {**made, "metadata": given.get("metadata") or {}}


def with_changes(books: Books, subscription: Thing, given: list[Thing]) -> list[Thing]:
    """The items after the changes of a request: those named by id changed or deleted, the others added."""
    items = {item["id"]: dict(item) for item in subscription["items"]["data"]}
    for n, change in enumerate(given):
        place = f"items[{n}]"
        if "id" not in change:
            item = new_item(books, subscription, change, period_of(subscription), place)
            items[item["id"]] = item
            continue
        if change["id"] not in items:
            raise wrong(f"No such subscription_item: '{change['id']}'", f"{place}[id]", "resource_missing")
        if change.get("deleted"):
            del items[change["id"]]
            continue
        item = items[change["id"]]
        if "price" in change:
            item["price"] = price_called(books, change, place)
            item["plan"] = shapes.plan(item["price"])
        item["quantity"] = change.get("quantity", item["quantity"])
        item["metadata"] = {**item["metadata"], **(change.get("metadata") or {})}
    check_together(list(items.values()), subscription["currency"])
    return list(items.values())


def check_together(items: list[Thing], currency: str) -> None:
    """One currency, one interval, each price once, and at least one item. Raises Refused."""
    if not items:
        raise wrong("A subscription must have at least one active plan.", "items")
    if any(item["price"]["currency"] != currency for item in items):
        raise wrong(f"All prices on a subscription must have the same `currency`. Expected {currency}.", "items")
    if len({rhythm(item) for item in items}) > 1:
        raise wrong("All prices on a subscription must have the same `recurring.interval` here.", "items")
    if len({item["price"]["id"] for item in items}) < len(items):
        raise wrong("Cannot add multiple subscription items with the same price.", "items")


def rhythm(item: Thing) -> tuple[str, int]:
    return item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]


# ---- what they cost ----


def full_lines(books: Books, subscription: Thing, period: Period) -> list[Thing]:
    """A line for each item and the whole period; in a trial they cost nothing."""
    trial = subscription["status"] == "trialing"
    return [
        shapes.line(
            subscription,
            item,
            0 if trial else item["quantity"] * item["price"]["unit_amount"],
            period.bounds,
            f"Trial period for {product_name(books, item)}" if trial else said(books, item),
        )
        for item in subscription["items"]["data"]
    ]


def said(books: Books, item: Thing) -> str:
    price = item["price"]
    amount = f"{price['unit_amount'] / 100:.2f} {price['currency'].upper()}"
    return f"{item['quantity']} × {product_name(books, item)} (at {amount} / {price['recurring']['interval']})"


def product_name(books: Books, item: Thing) -> str:
    return str(books.get("product", item["price"]["product"])["name"])


def billed_by(invoice: Thing) -> Billed:
    """What each item came to on an invoice of whole periods."""
    return {
        line["parent"]["subscription_item_details"]["subscription_item"]: net(line)
        for line in invoice["lines"]["data"]
        if not line["parent"]["subscription_item_details"]["proration"]
    }


def whole_price(books: Books, subscription: Thing, item: Thing) -> int:
    """An item for a whole period, less what percentages are off now."""
    amount = int(item["quantity"] * item["price"]["unit_amount"])
    for _discount, coupon in discounts.running(books, subscription):
        amount -= discounts.taken_off(amount, coupon)
    return amount


def credit_lines(
    books: Books, subscription: Thing, items: list[Thing], billed: Billed, period: Period, moment: int
) -> list[Thing]:
    """For each item, what was billed for the time that is left."""
    lines = []
    for item in items:
        amount = rounded(-billed.get(item["id"], 0) * period.left(moment))
        if amount:
            text = f"Unused time on {counted(books, item)} after {day_of(moment)}"
            lines.append(shapes.line(subscription, item, amount, (moment, period.end), text, proration=True))
    return lines


def debit_lines(
    books: Books, subscription: Thing, items: list[Thing], billed: Billed, period: Period, moment: int
) -> list[Thing]:
    """For each item, what it costs for the time that is left."""
    lines = []
    for item in items:
        amount = rounded(billed[item["id"]] * period.left(moment))
        if amount:
            text = f"Remaining time on {counted(books, item)} after {day_of(moment)}"
            lines.append(shapes.line(subscription, item, amount, (moment, period.end), text, proration=True))
    return lines


def counted(books: Books, item: Thing) -> str:
    return f"{item['quantity']} × {product_name(books, item)}"


def day_of(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%d %b %Y}"
