"""The price list: what is kept of a product, what is refused, and what its pages do."""

from decimal import Decimal
from typing import Any

import pytest

from core.actor import Actor
from core.errors import Forbidden, Invalid
from crm.products import actions
from crm.products.models import Product
from tests.crm.people import Desk
from tests.shop import Shop


def add(actor: Actor, name: Any = "Wooden window", **values: Any) -> Product:
    return actions.create(actor, actions.create.parse({"name": name, "price": "27820", **values}))


def test_a_product_has_the_workspaces_currency_and_the_usual_rate_of_its_country(shop: Shop) -> None:
    with shop.acting() as actor:
        add(actor)
        add(actor, "Montage", vat_rate="12")
    rows = shop.rows("select name, currency, vat_rate from product order by id")
    assert [tuple(row) for row in rows] == [
        ("Wooden window", "CZK", Decimal(21)), ("Montage", "CZK", Decimal(12)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("price", "-1"), ("price", "1.001"), ("price", None), ("vat_rate", "101"), ("unit", "x" * 21)],
)
def test_bad_input_is_refused_at_its_field(shop: Shop, field: str, value: Any) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refusal:
        add(actor, **{"name": "Window", field: value})
    assert [name for name, _message in refusal.value.fields] == [field]
    assert shop.rows("select 1 from product") == []


def test_no_two_products_in_use_have_the_same_code(shop: Shop) -> None:
    with shop.acting() as actor:
        first = add(actor, code="W-120")
        with pytest.raises(Invalid):
            add(actor, "Another", code="W-120")
        actions.delete(actor, actions.OneProduct(id=first.id))
        add(actor, "Another", code="W-120")
        with pytest.raises(Invalid):
            actions.restore(actor, actions.OneProduct(id=first.id))
    assert [row.name for row in shop.rows("select name from product where deleted_at is null")] == ["Another"]


def test_everybody_reads_the_price_list_and_few_change_it(shop: Shop) -> None:
    seller = shop.member("sales")
    with shop.acting() as actor:
        known = add(actor)
    with shop.acting(seller) as actor:
        assert actor.find(Product, known.id).price == Decimal(27820)
        with pytest.raises(Forbidden):
            add(actor, "Mine")
    assert len(shop.rows("select 1 from product")) == 1


def test_the_form_takes_numbers_as_people_write_them(shop: Shop) -> None:
    desk = Desk.of(shop)
    assert "What you sell" in desk.page("/products/")
    answer = desk.send("/products/", name="Balcony door", price="48,900.50", vat_rate="21", unit="pcs", active="1")
    assert answer.status_code == 303
    row = shop.rows("select id, price, active, version from product")[0]
    assert (row.price, row.active) == (Decimal("48900.50"), True)
    assert desk.send("/products/", name="Door", price="many", vat_rate="21").status_code == 422
    path = f"/products/{row.id}/edit"
    assert "48900.5" in desk.page(path)
    changed = desk.send(path, name="Balcony door", price="50000", vat_rate="21", unit="pcs", version=row.version)
    assert changed.status_code == 303
    assert "Not offered" in desk.page("/products/?q=balcony")
    assert shop.rows("select price from product")[0].price == Decimal(50000)
