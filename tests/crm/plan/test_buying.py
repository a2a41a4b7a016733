"""A plan is chosen, reviewed and paid for, or tried; what stands in the way is said and leaves nothing half done."""

import pytest
from sqlalchemy import text

from core.ids import new_id
from crm.contacts import actions as contacts
from tests.billing.till import ASKS, DECLINED, GOOD, Till
from tests.crm.plan.customer import Customer, orders
from tests.shop import Shop

FREE = ("free", 0)
DOWN = "The payment service does not answer"


def asked(till: Till) -> list[str]:
    """What has come through to the payment service."""
    return [path for _method, path, _values in till.wire.calls]


def unconfirm(till: Till, shop: Shop) -> None:
    with till.base.controlling() as control:
        control.execute(text("update control.identity set confirmed_at = null where id = :id"), {"id": shop.owner_id})


def test_from_the_plan_to_payment_and_back_to_where_one_was(till: Till) -> None:
    shop = till.shop()
    back = shop.path("/contacts/new")
    owner = Customer(till, shop).see(f"/settings/plan?next={back}")
    assert "Free plan" in owner.text
    assert "What you were adding is kept" not in owner.text  # it is not full
    owner.press("Choose Team", seats=4, addons=["long_backups"])
    assert owner.status == 200
    assert "Team, 4 seats" in owner.text
    assert "Team for 4, without VAT CZK 11,520 a year" in owner.text
    assert "Backups kept 365 days CZK 2,400 a year" in owner.text
    assert "Together CZK 13,920 a year" in owner.text
    assert till.plan(shop) == FREE
    owner.press("Go to payment").follow("Go on")
    assert "Test payment" in owner.text
    owner.press("Pay CZK 16,843.20", card=GOOD)  # with 21 % VAT
    assert (owner.status, owner.at) == (200, back)
    assert "Thank you. You have Team now" in owner.text
    assert (till.plan(shop), till.account(shop).addons) == (("team", 4), ["long_backups"])
    owner.see()
    assert "Team, 4 seats, Backups kept 365 days" in owner.text
    assert "yearly" in owner.text


def test_a_full_plan_says_so_and_what_was_typed_is_saved_after_payment(till: Till) -> None:
    shop = till.shop()
    fill(shop)
    owner = Customer(till, shop).see("/contacts/new")
    owner.press("Add contact", last_name="Beneš")
    assert owner.status == 402
    owner.follow("Upgrade and save Beneš")
    assert "All 100 contacts of your plan are in use." in owner.text
    assert "What you were adding is kept" in owner.text
    owner.press("Choose Team", seats=1).press("Go to payment").follow("Go on").pays(GOOD)
    assert owner.at == shop.path("/contacts/")
    assert not shop.rows("select 1 from counter where name = 'contacts' and cap = 100")


def fill(shop: Shop) -> None:
    """As many contacts as the free plan takes."""
    for number in range(100):
        with shop.acting() as actor:
            contacts.create(actor, contacts.NewContact(last_name=f"Novák {number}"))


def test_a_card_declined_on_the_page_of_payment_buys_nothing(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).buys(DECLINED, seats=2)
    assert owner.status == 422
    assert "The card was declined" in owner.text
    assert till.plan(shop) == FREE
    owner.pays(GOOD)
    assert (owner.status, till.plan(shop)) == (200, ("team", 2))


def test_a_bank_that_asks_is_answered_on_the_way(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).buys(ASKS, seats=2)
    assert "Confirm at the bank" in owner.text
    owner.press("Confirm", bank="yes")
    assert "Thank you. You have Team now" in owner.text
    assert till.plan(shop) == ("team", 2)


def test_going_back_from_payment_leads_to_the_same_choice(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see("/settings/plan?period=month")
    owner.press("Choose Business", seats=7).press("Go to payment").follow("Go on").follow("Back")
    assert owner.at.startswith(shop.path("/settings/plan?plan=business&period=month&seats=7"))
    form = owner.page.forms["Choose Business"]
    assert (form.value("seats"), form.value("period")) == ("7", "month")
    assert till.plan(shop) == FREE


def test_the_trial_asks_for_no_card_and_is_had_once(till: Till) -> None:
    shop = till.shop()
    back = shop.path("/contacts/")
    owner = Customer(till, shop).see(f"/settings/plan?next={back}").press("Choose Team", seats=3)
    owner.press("Try it for 14 days without a card")
    assert owner.at == back
    assert "You have Team until 15 March" in owner.text
    assert till.plan(shop) == ("team", 3)
    owner.see()
    assert "You are trying Team until 15 March" in owner.text
    assert "Add a card" in owner.page.forms
    till.pass_time(days=15)
    assert till.plan(shop) == FREE
    owner.see().press("Choose Team", seats=3)
    assert "Go to payment" in owner.page.forms
    assert not any(words.startswith("Try it") for words in owner.page.forms)


def test_a_card_added_in_the_trial_lets_it_go_on(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see().press("Choose Team", seats=1).press("Try it for 14 days without a card")
    owner.see().press("Add a card").follow("Go on").press("Save", card=GOOD)
    assert owner.at == shop.path("/settings/plan")
    till.hear()
    assert "Then it goes on, paid by the card" in owner.see().text
    till.pass_time(days=15)
    assert (till.plan(shop), till.account(shop).status) == (("team", 1), "active")


@pytest.mark.parametrize("button", ["Go to payment", "Try it for 14 days without a card"])
def test_without_an_answer_nothing_is_done_and_the_review_offers_to_go_again(till: Till, button: str) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see("/settings/plan?period=month").press("Choose Team", seats=5)
    till.wire.down = True
    owner.press(button)
    assert owner.status == 503
    assert DOWN in owner.text
    assert "Team, 5 seats" in owner.text
    till.wire.down = False
    assert (till.plan(shop), asked(till)) == (FREE, [])
    assert owner.press(button).status == 200
    account = till.account(shop)
    assert account.checkout_id or account.status == "trialing"


def test_an_answer_that_was_lost_is_found_by_the_same_form_and_not_paid_twice(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see().press("Choose Team", seats=1)
    form = owner.page.forms["Try it for 14 days without a card"]
    till.wire.lose_next_answer = True
    assert owner.press("Try it for 14 days without a card").status == 503
    owner.send("/settings/plan/try", **dict(form.fields))
    assert owner.status == 200
    assert till.plan(shop) == ("team", 1)
    assert len(till.gateway.client.v1.subscriptions.list().data) == 1


def test_back_from_payment_without_an_answer_the_page_waits_and_asks_again(till: Till) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see().press("Choose Team", seats=1).press("Go to payment")
    paid_at = owner.page.links["Go on"]
    till.pay(paid_at)
    till.wire.down = True
    owner.see("/settings/plan/done?session=cs_test")
    assert owner.status == 200
    assert "Waiting for the payment service" in owner.text
    assert 'http-equiv="refresh"' in owner.html
    assert "What you paid is not lost." in owner.text
    till.wire.down = False
    owner.follow("Ask again")
    assert "Thank you. You have Team now" in owner.text
    assert till.plan(shop) == ("team", 1)


def test_who_has_a_plan_does_not_buy_a_second_one(till: Till) -> None:
    shop = till.shop()
    one, other = Customer(till, shop), Customer(till, shop)
    for each in (one, other):
        each.see().press("Choose Team", seats=1)
    one.press("Go to payment").follow("Go on").pays(GOOD)
    other.press("Go to payment")
    assert other.status == 409
    assert "This workspace has a plan already" in other.text
    assert len(till.gateway.client.v1.subscriptions.list().data) == 1


def test_an_address_that_is_not_confirmed_buys_and_tries_nothing(till: Till) -> None:
    shop = till.shop()
    unconfirm(till, shop)
    owner = Customer(till, shop)
    for button in ("Go to payment", "Try it for 14 days without a card"):
        owner.see().press("Choose Team", seats=1)
        owner.press(button)
        assert owner.status == 403
        assert "Confirm your e-mail address first" in owner.text
    assert (till.plan(shop), orders(till, shop), asked(till)) == (FREE, [], [])


@pytest.mark.parametrize("stranger", ["https://evil.test/", "//evil.test", "/\\evil.test", "/other/contacts/"])
def test_next_leads_nowhere_but_into_the_workspace(till: Till, stranger: str) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see(f"/settings/plan?next={stranger}").press("Choose Team", seats=1, next=stranger)
    owner.press("Try it for 14 days without a card", next=stranger)
    assert owner.at == shop.path("/settings/plan")
    assert owner.see(f"/settings/plan/done?next={stranger}").at == shop.path("/settings/plan")
    owner.see(f"/settings/plan?next={stranger}")
    assert owner.page.forms["Change seats or period"].value("next") == ""
    assert not any(link.startswith(stranger) for link in owner.page.links.values())


def test_the_order_of_another_workspace_does_nothing_here(till: Till) -> None:
    ours, theirs = till.shop(), till.shop()
    them = Customer(till, theirs).see().press("Choose Team", seats=1)
    order = them.page.forms["Go to payment"].value("order")
    them.press("Go to payment")
    us = Customer(till, ours).see().press("Choose Team", seats=1)
    us.press("Go to payment", order=order)
    assert us.status == 409
    assert "Load the page again" in us.text
    assert orders(till, ours) == []
    assert [order.kind for order in orders(till, theirs)] == ["buy"]


@pytest.mark.parametrize(
    "wrong", ["plan=gold", "plan=free", "plan=team&seats=0", "plan=team&seats=many", "plan=team&seats=1&period=week",
              "plan=team&seats=1&addons=moon", "seats=1", "plan=team&seats=1001"],
)  # fmt: skip
def test_a_choice_that_is_none_leads_back_to_the_plans(till: Till, wrong: str) -> None:
    shop = till.shop()
    owner = Customer(till, shop).see(f"/settings/plan/review?{wrong}")
    assert owner.at == shop.path("/settings/plan")
    token = {"order": new_id(), "seats": "0", "plan": "gold", "period": "week"}
    assert owner.see("/contacts/new").send("/settings/plan/buy", **token).status == 422
    assert till.plan(shop) == FREE


@pytest.mark.parametrize("wrong", ["period=week", "seats=0", "seats=-1", "seats=²", "seats=99999999999", "plan=gold"])
def test_the_page_of_the_plan_reads_wrong_values_as_none(till: Till, wrong: str) -> None:
    owner = Customer(till, till.shop()).see(f"/settings/plan?{wrong}")
    assert owner.status == 200
    form = owner.page.forms["Choose Team"]
    assert (form.value("seats"), form.value("period")) == ("1", "year")
