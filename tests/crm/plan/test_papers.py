"""What there is to keep: invoices, and the number for VAT that stands on them."""

import pytest

from tests.billing.till import LATER_BAD, Till
from tests.crm.plan.customer import Customer

DOWN = "The payment service does not answer"


def test_invoices_are_listed_with_their_documents(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop)
    assert "No invoices yet" in owner.see("/settings/plan/invoices").text
    till.buy(shop, seats=3)
    till.pass_time(days=31, hours=2)
    bills = till.gateway.bills(till.account(shop).customer_id or "")
    assert len(bills) == 2
    owner.see("/settings/plan/invoices")
    for bill in bills:
        assert owner.page.links[bill.number or ""] == bill.url
    assert "CZK 1,045.44" in owner.text
    owner.follow("PDF")
    assert owner.status == 200
    owner.see("/settings/plan/invoices").follow(bills[0].number or "")
    assert "CZK 1,045.44" in owner.text


def test_an_invoice_that_is_not_paid_says_so(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, card=LATER_BAD)
    till.pass_time(days=31, hours=2)
    assert "To be paid" in Customer(till, shop).see("/settings/plan/invoices").text


def test_without_an_answer_the_list_says_where_invoices_are(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    till.wire.down = True
    owner = Customer(till, shop).see("/settings/plan/invoices")
    assert DOWN in owner.text
    assert "No invoices yet" not in owner.text


def test_a_vat_number_is_stored_shown_and_taken_away(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    owner = Customer(till, shop).see("/settings/plan/tax-number").press("Save", number="cz 25596641")
    assert owner.at == shop.path("/settings/plan")
    assert till.gateway.tax_ids(till.account(shop).customer_id or "") == ["CZ25596641"]
    owner.see("/settings/plan/tax-number")
    assert owner.page.forms["Save"].value("number") == "CZ25596641"
    owner.press("Save", number="")
    assert till.gateway.tax_ids(till.account(shop).customer_id or "") == []


@pytest.mark.parametrize("wrong", ["CZ25596642", "25596641", "XX1", "CZ" + "1" * 40])
def test_a_wrong_vat_number_is_told_beside_its_field(till: Till, wrong: str) -> None:
    shop = till.shop()
    till.buy(shop)
    owner = Customer(till, shop).see("/settings/plan/tax-number")
    order = owner.page.forms["Save"].value("order")
    owner.press("Save", number=wrong)
    assert owner.status == 422
    form = owner.page.forms["Save"]
    assert form.value("number") == wrong
    assert form.value("order") != order
    assert 'aria-invalid="true"' in owner.html
    assert till.gateway.tax_ids(till.account(shop).customer_id or "") == []


def test_without_an_answer_the_number_is_kept_in_the_form(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    owner = Customer(till, shop)
    till.wire.down = True
    owner.see("/settings/plan/tax-number")
    assert owner.status == 200
    assert DOWN in owner.text
    owner.press("Save", number="CZ25596641")
    assert owner.status == 503
    assert DOWN in owner.text
    assert owner.page.forms["Save"].value("number") == "CZ25596641"
    till.wire.down = False
    owner.press("Save")
    assert till.gateway.tax_ids(till.account(shop).customer_id or "") == ["CZ25596641"]
