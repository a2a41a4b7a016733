"""The price of a deal: items, their arithmetic, and the amount that follows them."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actor import Actor
from core.errors import Conflict, Forbidden, Invalid
from crm.deals import actions, pricing
from crm.deals.items import Item, totals
from crm.deals.models import Deal
from crm.products import actions as products
from tests.crm.people import Desk
from tests.shop import Shop

numbers = {
    "quantity": st.decimals("0.001", "99999", places=3),
    "unit_price": st.decimals(0, 999999, places=2),
    "discount": st.decimals(0, 100, places=2),
    "vat_rate": st.sampled_from([Decimal(21), Decimal(12), Decimal(0), Decimal("5.5")]),
}
written = st.fixed_dictionaries(numbers).map(lambda values: Item(name="x", **values).model_dump())


def half_up(exact: Fraction) -> Fraction:
    return Fraction(int(exact * 100 + Fraction(1, 2)), 100)


@given(st.lists(written, max_size=12))
@settings(max_examples=200, deadline=None)
def test_sums_are_those_of_exact_fractions_rounded_by_line_and_by_rate(items: list[dict[str, Any]]) -> None:
    by_rate: dict[str, Fraction] = {}
    for item in items:
        quantity, price, off = (Fraction(item[name]) for name in ("quantity", "unit_price", "discount"))
        by_rate[item["vat_rate"]] = by_rate.get(item["vat_rate"], Fraction(0)) + half_up(
            quantity * price * (100 - off) / 100
        )
    found = totals(items)
    assert Fraction(found.net) == sum(by_rate.values())
    assert Fraction(found.vat) == sum(half_up(net * Fraction(rate) / 100) for rate, net in by_rate.items())
    assert found.gross == sum(found.lines) + found.vat


def deal_of(actor: Actor, **values: Any) -> Deal:
    return actions.create(actor, actions.create.parse({"name": "Windows for a flat", **values}))


def price(actor: Actor, deal: Deal, *items: dict[str, Any], **values: Any) -> Deal:
    return pricing.price(actor, pricing.price.parse({"id": deal.id, "items": list(items), **values}))


def test_the_amount_follows_the_items_and_the_event_says_why(shop: Shop) -> None:
    with shop.acting() as actor:
        window = products.create(actor, products.create.parse({"name": "Window", "price": "27820", "unit": "pcs"}))
        deal = deal_of(actor, amount="1")
        free = {"name": "Montage", "quantity": "2.5", "unit": "h", "unit_price": "680", "vat_rate": "12"}
        price(actor, deal, {"product_id": window.id, "quantity": "3", "discount": "10"}, free)
    row = shop.rows("select amount, items from deal")[0]
    assert row.amount == Decimal("76814.00")
    assert [item["name"] for item in row.items] == ["Window", "Montage"]
    assert row.items[0] == {
        "product_id": str(window.id), "name": "Window", "quantity": "3", "unit": "pcs", "unit_price": "27820",
        "discount": "10", "vat_rate": "21",
    }  # fmt: skip
    event = shop.rows("select action, before, after from event where kind = 'deal' order by id desc limit 1")[0]
    assert event.action == "deal.price"
    assert (Decimal(event.before["amount"]), Decimal(event.after["amount"])) == (Decimal(1), Decimal(76814))
    assert len(event.after["items"]) == 2


def test_what_the_items_say_is_not_said_otherwise_by_hand(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = price(actor, deal_of(actor), {"name": "Door", "unit_price": "100"})
        for values in ({"amount": "5"}, {"currency": "EUR"}):
            with pytest.raises(Invalid) as refusal:
                actions.change(actor, actions.change.parse({"id": deal.id, **values}))
            assert [name for name, _words in refusal.value.fields] == list(values)
        price(actor, deal)
        actions.change(actor, actions.change.parse({"id": deal.id, "amount": "5"}))
    assert shop.rows("select amount, items from deal")[0] == (Decimal(5), [])


def test_currencies_are_never_mixed(shop: Shop) -> None:
    with shop.acting() as actor:
        window = products.create(actor, products.create.parse({"name": "Window", "price": "27820"}))
        deal = deal_of(actor, currency="EUR")
        for item, field in (
            ({"product_id": window.id}, "unit_price"),
            ({"name": "Door", "unit_price": "10", "currency": "CZK"}, "currency"),
        ):
            with pytest.raises(Invalid) as refusal:
                price(actor, deal, item)
            assert [name for name, _words in refusal.value.fields] == [f"items.0.{field}"]
        assert shop.rows("select items from deal")[0].items == []
        price(actor, deal, {"product_id": window.id, "unit_price": "1100"})
    assert shop.rows("select amount from deal")[0].amount == Decimal(1100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "0"), ("quantity", "1.0001"), ("unit_price", "-1"), ("discount", "101"), ("vat_rate", "-1"),
        ("product_id", "00000000-0000-0000-0000-000000000001"), ("color", "red"),
    ],
)  # fmt: skip
def test_a_bad_item_is_refused_at_its_field(shop: Shop, field: str, value: str) -> None:
    with shop.acting() as actor:
        deal = deal_of(actor)
        with pytest.raises(Invalid) as refusal:
            price(actor, deal, {"name": "Door", "unit_price": "1", field: value})
    assert [name for name, _words in refusal.value.fields] == [f"items.0.{field}"]
    assert shop.rows("select items from deal")[0].items == []


def test_a_stale_version_and_a_reader_change_nothing(shop: Shop) -> None:
    reader = shop.member("reader")
    with shop.acting() as actor:
        deal = deal_of(actor)
        deal_id = deal.id
        with pytest.raises(Conflict):
            price(actor, deal, {"name": "Door", "unit_price": "1"}, version=7)
    item = {"id": deal_id, "items": [{"name": "Door", "unit_price": "1"}]}
    with shop.acting(reader) as actor, pytest.raises(Forbidden):
        pricing.price(actor, pricing.price.parse(item))
    assert shop.rows("select items, amount from deal")[0] == ([], None)


def test_the_page_works_out_the_price_without_a_script(shop: Shop) -> None:
    with shop.acting() as actor:
        window = products.create(actor, products.create.parse({"name": "Window 120", "price": "27820", "unit": "pcs"}))
        deal = deal_of(actor)
    desk = Desk.of(shop)
    path = f"/deals/{deal.id}/items"
    added = desk.send(path, version="1", do="product", product=str(window.id))
    assert added.status_code == 422
    page = added.get_data(as_text=True)
    assert 'value="Window 120"' in page
    assert "33,662.20" in page, "with VAT"
    assert shop.rows("select items from deal")[0].items == []
    row = {"items-0-name": "Window 120", "items-0-quantity": "2", "items-0-unit_price": "27,820.00"}
    stored = desk.send(path, version="1", **row, **{"items-0-vat_rate": "21", "items-1-name": "", "items-1-unit": ""})
    assert stored.status_code == 303
    assert shop.rows("select amount from deal")[0].amount == Decimal(55640)
    assert "67,324.40" in desk.page(f"/deals/{deal.id}")
    refused = desk.send(path, version="2", **{**row, "items-0-quantity": "few"})
    assert refused.status_code == 422
    assert 'value="few"' in refused.get_data(as_text=True)
    assert shop.rows("select amount from deal")[0].amount == Decimal(55640)
