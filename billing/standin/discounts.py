"""Coupons, the codes that lead to them, and the discounts that a subscription has from them."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from billing.standin import shapes
from billing.standin.periods import months_later
from billing.standin.store import Books
from billing.standin.wire import Thing, wrong

SEEDS = (
    {
        "id": "WELCOME20",
        "name": "20 % for three months",
        "percent_off": 20.0,
        "duration": "repeating",
        "duration_in_months": 3,
    },
    {"id": "ONCE50", "name": "Half of the first invoice", "percent_off": 50.0, "duration": "once"},
)


def seed(books: Books) -> None:
    """The two coupons that everybody may try, with codes of the same name."""
    for given in SEEDS:
        if books.find(str(given["id"])) is None:
            coupon = books.put(shapes.coupon(books.now, given))
            books.put(shapes.promotion_code(books.now, coupon["id"], coupon["id"]))


def promotion_called(books: Books, code: str) -> Thing | None:
    """The code as a person types it, if it may be used."""
    return next((one for one in books.all("promotion_code", active=True) if one["code"] == code.strip().upper()), None)


def redeem(books: Books, subscription: Thing, given: list[Thing]) -> list[str]:
    """New discounts of the subscription from coupons and promotion codes, as `discounts` of a request names them."""
    return [redeemed(books, subscription, one, f"discounts[{n}]") for n, one in enumerate(given)]


def redeemed(books: Books, subscription: Thing, given: Thing, place: str) -> str:
    if "discount" in given:
        return str(books.get("discount", given["discount"], f"{place}[discount]", 400)["id"])
    coupon, promotion = coupon_of(books, given, place)
    for thing in filter(None, (coupon, promotion)):
        thing["times_redeemed"] += 1
        books.put(thing)
    months = coupon["duration_in_months"]
    end = months_later(books.now, months) if coupon["duration"] == "repeating" else None
    made = shapes.discount(books.now, subscription, coupon, promotion["id"] if promotion else None, end)
    return str(books.put(made)["id"])


def coupon_of(books: Books, given: Thing, place: str = "discounts[0]") -> tuple[Thing, Thing | None]:
    """The coupon, and the promotion code that led to it."""
    if "promotion_code" not in given:
        return books.get("coupon", given.get("coupon", ""), f"{place}[coupon]", 400), None
    promotion = books.get("promotion_code", given["promotion_code"], f"{place}[promotion_code]", 400)
    if not promotion["active"]:
        raise wrong("This promotion code is inactive.", f"{place}[promotion_code]")
    return books.get("coupon", promotion["promotion"]["coupon"]), promotion


def running(books: Books, subscription: Thing) -> list[tuple[Thing, Thing]]:
    """The subscription's discounts that have not ended, each with its coupon."""
    found = [books.get("discount", id_) for id_ in subscription["discounts"]]
    return [
        (one, books.get("coupon", one["source"]["coupon"]))
        for one in found
        if one["end"] is None or books.now < one["end"]
    ]


def taken_off(amount: int, coupon: Thing) -> int:
    """What a coupon takes off one line. An amount is taken off by `spread` instead."""
    return rounded(Fraction(amount) * Fraction(str(coupon["percent_off"])) / 100) if coupon["percent_off"] else 0


def rounded(amount: Fraction) -> int:
    """The nearest whole of the currency's smallest unit; a half goes away from zero, so that credits mirror debits."""
    exact = Decimal(abs(amount).numerator) / Decimal(abs(amount).denominator)
    whole = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return whole if amount >= 0 else -whole
