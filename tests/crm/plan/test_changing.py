"""A plan that is had is changed, for the sum that was shown; refused, confirmed at the bank, ended, gone on with."""

import re
from decimal import Decimal

import pytest
from sqlalchemy import text

from tests.billing.till import ASKS, GOOD, LATER_BAD, Till
from tests.crm.plan.customer import Customer
from tests.shop import Shop

DOWN = "The payment service does not answer"


def paid(till: Till, shop: Shop) -> Decimal:
    customer = till.account(shop).customer_id
    assert customer
    return sum((bill.total for bill in till.gateway.bills(customer) if bill.status == "paid"), Decimal(0))


def having(till: Till, seats: int = 2, card: str = GOOD, plan: str = "team") -> Customer:
    """The owner of a workspace that has a plan, on the page of it."""
    shop = till.shop()
    till.buy(shop, seats=seats, card=card, plan=plan)
    return Customer(till, shop).see()


def test_what_is_shown_is_what_is_paid(till: Till) -> None:
    owner = having(till)
    till.pass_time(days=10, hours=5)
    before = paid(till, owner.shop)
    owner.see().press("Change seats or period", seats=5)
    assert "Team, 5 seats" in owner.text
    button = next(words for words in owner.page.forms if words.startswith("Change and pay"))
    shown = Decimal(re.sub(r"[^\d.]", "", button))
    assert shown > 0
    till.standin.advance(till.standin.now() + 3600)  # they read for an hour
    owner.press(button)
    assert owner.at == owner.shop.path("/settings/plan")
    assert "You have Team for 5 now" in owner.text
    assert paid(till, owner.shop) - before == shown
    assert till.plan(owner.shop) == ("team", 5)


def test_to_a_smaller_plan_the_losses_are_told_first_and_nothing_is_paid(till: Till) -> None:
    owner = having(till, seats=3, plan="business")
    for name in ("Petr", "Iva"):
        owner.shop.member("sales", name)
    owner.see().press("Choose Team", seats=2)
    assert "3 people work here and there will be 2 seats" in owner.text
    assert "Single sign-on: stays as it is set up, and cannot be changed." in owner.text
    assert "Backup every night, kept 30 days" in owner.text
    assert "To pay now CZK 0" in owner.text
    assert "Kept for your next invoices CZK 1,437.48" in owner.text  # 1,764 less 576, with VAT
    before = paid(till, owner.shop)
    owner.press("Change")
    assert "You have Team for 2 now" in owner.text
    assert till.plan(owner.shop) == ("team", 2)
    assert paid(till, owner.shop) < before  # the rest is kept as a credit


def test_a_refused_card_is_told_beside_the_choice_and_another_card_does_it(till: Till) -> None:
    owner = having(till, card=LATER_BAD).press("Change seats or period", seats=4)
    button, form = next((words, form) for words, form in owner.page.forms.items() if words.startswith("Change and pay"))
    owner.press(button)
    assert owner.status == 402
    assert "The payment did not go through" in owner.text
    assert "Team, 4 seats" in owner.text
    assert owner.page.forms[button].value("order") != form.value("order")
    assert till.plan(owner.shop) == ("team", 2)
    owner.press("Change the card").follow("Go on").press("Save", card=GOOD)
    assert "Team, 4 seats" in owner.text
    owner.press(button)
    assert "You have Team for 4 now" in owner.text
    assert till.plan(owner.shop) == ("team", 4)


def test_a_bank_that_asks_gets_its_customer_on_a_page_with_the_same_change(till: Till) -> None:
    owner = having(till, card=ASKS).press("Change seats or period", seats=3)
    owner.press(next(words for words in owner.page.forms if words.startswith("Change and pay")))
    assert owner.status == 200
    assert till.plan(owner.shop) == ("team", 2)
    owner.follow("Go on")
    assert "Confirm the change" in owner.text
    owner.press("Confirm").press("Confirm", bank="yes")
    assert owner.at == owner.shop.path("/settings/plan")
    assert till.plan(owner.shop) == ("team", 3)


def test_without_an_answer_a_change_does_nothing_and_can_be_tried_again(till: Till) -> None:
    owner = having(till)
    till.wire.down = True
    owner.press("Change seats or period", seats=5)
    assert owner.status == 503
    assert DOWN in owner.text
    till.wire.down = False
    owner.follow("Try again")
    button = next(words for words in owner.page.forms if words.startswith("Change and pay"))
    till.wire.down = True
    owner.press(button)
    assert owner.status == 503
    assert DOWN in owner.text
    till.wire.down = False
    assert till.sync(owner.shop).seats == 2
    owner.follow("Try again").press(button)
    assert till.plan(owner.shop) == ("team", 5)


def test_the_same_change_twice_says_that_there_is_nothing_to_change(till: Till) -> None:
    owner = having(till).press("Change seats or period", seats=2)
    assert owner.status == 200
    assert "You have this already" in owner.text
    assert not [form for form in owner.page.forms.values() if form.action.endswith("/change")]
    owner.follow("Back to the plan")
    assert owner.at.startswith(owner.shop.path("/settings/plan?"))


def test_a_plan_is_ended_and_goes_on_after_all(till: Till) -> None:
    owner = having(till)
    owner.follow("End the plan")
    assert "Single sign-on" not in owner.text
    assert "Export at any time" not in owner.text
    owner.press(f"End the plan on 1 April {till.now().year}")
    assert "The plan ends on 1 April" in owner.text
    assert till.plan(owner.shop) == ("team", 2)
    owner.press("Go on after all")
    assert "The plan goes on" in owner.text
    assert till.account(owner.shop).cancel_at is None
    owner.follow("End the plan").press(f"End the plan on 1 April {till.now().year}")
    till.pass_time(days=32)
    assert till.plan(owner.shop) == ("free", 0)
    assert "Free plan" in owner.see().text


def test_a_trial_that_is_ended_says_so(till: Till) -> None:
    owner = Customer(till, till.shop()).see().press("Choose Team", seats=1)
    owner.press("Try it for 14 days without a card").see().follow("End the plan")
    owner.press(f"End the plan on 15 March {till.now().year}")
    assert "The plan ends on 15 March" in owner.see().text
    assert "it goes on" not in owner.text
    assert "Go on after all" in owner.page.forms


@pytest.mark.parametrize("button", ["End the plan on 1 April", "Change the card", "Pay, address, all cards"])
def test_without_an_answer_the_buttons_of_the_plan_do_nothing_and_say_so(till: Till, button: str) -> None:
    owner = having(till)
    if button.startswith("End"):
        owner.follow("End the plan")
        button = f"{button} {till.now().year}"
    till.wire.down = True
    owner.press(button)
    assert owner.status == 503
    assert DOWN in owner.text
    till.wire.down = False
    account = till.sync(owner.shop)
    assert (account.status, account.cancel_at, account.seats) == ("active", None, 2)


def test_a_payment_that_failed_is_told_and_paid_with_another_card(till: Till) -> None:
    owner = having(till, card=LATER_BAD)
    till.pass_time(days=31, hours=2)
    assert "The payment did not go through. Until 15 April" in owner.see().text
    till.pass_time(days=15)
    assert "The limits of the free plan hold until it comes." in owner.see().text
    assert till.plan(owner.shop) == ("free", 0)
    owner.press("Change the card").follow("Go on").press("Save", card=GOOD)
    owner.see("/settings/plan/invoices")
    owner.follow(next(words for words in owner.page.links if words.startswith("OKNO") or "-" in words))
    assert owner.status == 200


def test_a_change_asks_for_a_fresh_proof_first(till: Till) -> None:
    owner = having(till).press("Change seats or period", seats=4)
    with till.base.controlling() as control:
        stale = "update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :id"
        control.execute(text(stale), {"id": owner.shop.owner_id})
    owner.press(next(words for words in owner.page.forms if words.startswith("Change and pay")))
    assert owner.status == 401
    assert till.plan(owner.shop) == ("team", 2)


def test_another_period_begins_today(till: Till) -> None:
    owner = having(till).see("/settings/plan?period=year").press("Change seats or period", seats=2)
    assert "yearly" in owner.text
    owner.press(next(words for words in owner.page.forms if words.startswith("Change and pay")))
    assert till.account(owner.shop).period == "year"
