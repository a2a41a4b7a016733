"""The life of a subscription, moved by the clock."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing import buying
from billing.errors import CardRefused
from core.full import LimitReached
from core.ids import new_id
from core.jobs import JOBS, Place
from crm.contacts import actions as contacts
from tenants import closing
from tests.billing.till import ASKS, DECLINED, LATER_BAD, Till, purchase
from tests.shop import Shop

FREE = ("free", 0)


def add(shop: Shop, count: int) -> None:
    for number in range(count):
        with shop.acting() as actor:
            contacts.create(actor, contacts.NewContact(last_name=f"Novák {number}"))


def paid(till: Till, shop: Shop) -> Decimal:
    """Everything that was paid so far."""
    customer = till.account(shop).customer_id
    assert customer
    return sum((bill.total for bill in till.gateway.bills(customer) if bill.status == "paid"), Decimal(0))


def test_fourteen_months_of_a_business(till: Till) -> None:
    shop = till.shop()
    assert till.caps(shop)["contacts"] == 100
    add(shop, 100)
    with pytest.raises(LimitReached):
        add(shop, 1)

    # A trial without a card: room at once, a letter before it ends, and after it all is as before.
    with shop.acting() as actor:
        account = buying.begin_trial(actor, purchase(plan="team", seats=3))
    assert (account.status, till.plan(shop), till.caps(shop)["contacts"]) == ("trialing", ("team", 3), 50_000)
    add(shop, 20)
    till.pass_time(days=11, hours=1)
    assert till.letters(shop) == ["Your trial of Okno Team ends soon"]
    till.pass_time(days=3)
    assert (till.account(shop).status, till.plan(shop)) == ("canceled", FREE)
    assert till.used(shop)["contacts"].value == 120
    with pytest.raises(LimitReached):
        add(shop, 1)
    with shop.acting() as actor, pytest.raises(Exception, match="trial was used"):
        buying.begin_trial(actor, purchase())

    # Bought by the month: 3 seats of 288 with 21 % VAT.
    till.buy(shop)
    assert (till.account(shop).status, till.plan(shop)) == ("active", ("team", 3))
    assert paid(till, shop) == Decimal("1045.44")
    add(shop, 1)
    till.pass_time(days=31, hours=2)
    assert paid(till, shop) == 2 * Decimal("1045.44")

    # More seats are paid for at once; fewer are given back on the next invoices.
    before = paid(till, shop)
    assert till.change(shop, seats=5).seats == 5
    assert 0 < paid(till, shop) - before <= Decimal("1.21") * 2 * 288
    assert till.plan(shop) == ("team", 5)
    till.change(shop, seats=2)
    assert till.plan(shop) == ("team", 2)
    till.pass_time(days=31, hours=2)
    assert till.account(shop).status == "active"

    # A year of Business from today; then a month short of its end it is to end, and does.
    till.change(shop, plan="business", period="year", seats=2)
    assert (till.plan(shop), till.account(shop).period) == (("business", 2), "year")
    assert till.caps(shop)["contacts"] is None
    till.pass_time(days=300)
    ends = till.ask(shop, buying.end).cancel_at
    assert ends
    assert timedelta(days=60) < ends - till.now() < timedelta(days=70)
    assert till.plan(shop) == ("business", 2)
    till.ask(shop, buying.go_on)
    assert till.account(shop).cancel_at is None
    till.ask(shop, buying.end)
    till.pass_time(days=70)
    assert (till.account(shop).status, till.plan(shop)) == ("canceled", FREE)
    assert till.caps(shop)["contacts"] == 100

    # Over the limit everything stays, is found and edited; only adding waits. And one can come back.
    assert till.used(shop)["contacts"].value == 121
    with shop.acting() as actor:
        one = shop.rows("select id from contact limit 1")[0][0]
        contacts.change(actor, contacts.change.parse({"id": one, "first_name": "Jana"}))
    with pytest.raises(LimitReached):
        add(shop, 1)
    till.buy(shop, plan="business", seats=1)
    assert till.plan(shop) == ("business", 1)
    add(shop, 1)


def test_money_that_is_missing_is_told_of_then_limits_hold_then_all_comes_back(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, seats=4, card=LATER_BAD)
    assert till.plan(shop) == ("team", 4)
    till.pass_time(days=31, hours=2)
    assert (till.account(shop).status, till.plan(shop)) == ("past_due", ("team", 4))
    failed = "The payment for Okno did not go through"
    assert till.letters(shop) == [failed]
    till.pass_time(days=1)
    assert till.letters(shop) == [failed]
    till.pass_time(days=2)
    assert till.letters(shop) == [failed] * 2
    till.pass_time(days=4)
    assert till.letters(shop) == [failed] * 3
    till.pass_time(days=6)
    assert till.plan(shop) == ("team", 4)
    till.pass_time(days=1, hours=1)
    assert (till.plan(shop), till.caps(shop)["users"]) == (FREE, 10)
    assert till.letters(shop)[3:] == ["Okna Horák is on the limits of the free plan"]
    till.new_card(shop)
    till.pay_bills(shop)
    till.hear()
    assert (till.account(shop).status, till.plan(shop)) == ("active", ("team", 4))
    till.hourly()
    assert till.letters(shop)[4:] == ["Thank you: everything is as before"]
    till.hourly()
    till.hourly()
    assert len(till.letters(shop)) == 5


def test_a_card_that_is_refused_changes_nothing_and_the_same_form_may_go_again(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, seats=2, card=LATER_BAD)
    with shop.acting() as actor:
        more = buying.Change(plan="team", period="month", seats=9, order=new_id(), at=till.standin.now())
        with pytest.raises(CardRefused):
            buying.change(actor, more)
        assert (till.account(shop).seats, till.plan(shop)) == (2, ("team", 2))
        till.new_card(shop)
        buying.change(actor, more)
    assert (till.account(shop).seats, till.plan(shop)) == (9, ("team", 9))


def test_a_bank_that_asks_for_its_customer_gets_them_on_a_page_with_the_same_change(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, seats=2, card=ASKS)
    assert till.plan(shop) == ("team", 2)
    with shop.acting() as actor:
        more = buying.Change(plan="team", period="month", seats=3, order=new_id(), at=till.standin.now())
        with pytest.raises(CardRefused) as refused:
            buying.change(actor, more)
        assert refused.value.confirm
        assert till.account(shop).seats == 2
        assert buying.confirm_page(actor, more).startswith(till.config.url)


def test_a_payment_that_is_declined_on_the_page_buys_nothing(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, card=DECLINED)
    assert till.plan(shop) == FREE
    assert not shop.rows("select 1 from counter where name = 'contacts' and cap is distinct from 100")


def test_what_a_preview_says_is_what_is_paid(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, seats=3)
    till.pass_time(days=10, hours=7)
    before = paid(till, shop)
    with shop.acting() as actor:
        wanted = buying.Choice(plan="business", period="month", seats=4, addons=["long_backups"])
        cost, now = buying.preview(actor, wanted)
        assert (now.plan, now.seats) == ("team", 3)
        buying.change(actor, buying.Change(**wanted.model_dump(), order=new_id(), at=cost.at))
    assert paid(till, shop) - before == cost.due
    assert cost.charge + cost.credit + cost.tax - cost.discount + cost.balance == cost.due
    assert till.account(shop).addons == ["long_backups"]


def test_a_year_of_a_discount_and_a_number_for_vat(till: Till) -> None:
    shop = till.shop()
    with shop.acting() as actor:
        buying.set_tax_number(actor, buying.TaxNumber(order=new_id(), number="cz 25596641"))
    customer = till.account(shop).customer_id or ""
    assert till.gateway.tax_ids(customer) == ["CZ25596641"]
    with shop.acting() as actor:
        for wrong in ("CZ25596642", "25596641", "XX123", "DE12"):
            with pytest.raises(ValueError, match=r"CZ25596641|number"):
                buying.TaxNumber(order=new_id(), number=wrong)
        buying.set_tax_number(actor, buying.TaxNumber(order=new_id(), number=""))
    assert till.gateway.tax_ids(customer) == []


def test_whoever_changes_a_plan_that_was_to_end_wants_it_to_go_on(till: Till) -> None:
    shop = till.shop()
    with shop.acting() as actor:
        buying.begin_trial(actor, purchase(seats=3))
    for change in ({"period": "year", "seats": 3}, {"period": "year", "seats": 5}):
        till.ask(shop, buying.end)
        assert till.account(shop).cancel_at
        till.change(shop, **change)
        assert (till.account(shop).cancel_at, till.account(shop).seats) == (None, change["seats"])


def test_closing_ends_what_is_paid_for_at_once_and_coming_back_begins_nothing(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    till.hear()
    assert till.account(shop).status in ("active", "trialing")
    with shop.base.controlling() as control:
        closing.begin(control, shop.workspace.id, "Jana Dvořáková")
    follow(shop)
    assert till.account(shop).status in ("", "canceled")
    assert not till.account(shop).cancel_at
    with shop.base.controlling() as control:
        closing.bring_back(control, shop.workspace.id)
    follow(shop)
    assert till.plan(shop)[0] == "free"


def follow(shop: Shop) -> None:
    with shop.app.app_context():
        JOBS[closing.MONEY](Place(shop.base, None, 0, lambda: True), workspace_id=shop.workspace.id)
