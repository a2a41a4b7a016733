"""Whole lives of subscriptions, over months, to the cent."""

from typing import Any

import pytest
import stripe

from tests.billing.standin.till import Till, moment

DAY = 86400


def periods(till: Till, customer: str) -> list[tuple[int, int]]:
    return [(line.period.start, line.period.end) for bill in till.invoices(customer) for line in bill.lines.data]


def test_a_month_that_begins_on_the_31st_ends_where_the_month_does(till: Till) -> None:
    customer = till.customer()
    till.subscribe(customer, (till.price(1000), 3))
    till.until(2027, 4, 1)
    bills = till.invoices(customer)
    assert [bill.total for bill in bills] == [3000] * 15  # February 2026 to March 2027, and the first one
    assert {bill.status for bill in bills} == {"paid"}
    ends = [end for _start, end in periods(till, customer)]
    assert ends[:4] == [
        moment(2026, 2, 28, 12),
        moment(2026, 3, 31, 12),
        moment(2026, 4, 30, 12),
        moment(2026, 5, 31, 12),
    ]
    assert ends[12:] == [moment(2027, 2, 28, 12), moment(2027, 3, 31, 12), moment(2027, 4, 30, 12)]


def test_seats_and_an_addon_are_billed_together_and_the_invoice_of_a_new_period_waits_an_hour(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 5), (till.price(1000, name="Backups"), 1))
    assert till.invoices(customer)[0].total == 7000
    till.until(2026, 2, 28, 12)
    draft = till.look(subscription, "latest_invoice").latest_invoice
    assert (draft.status, draft.billing_reason, draft.total) == ("draft", "subscription_cycle", 7000)
    till.until(2026, 2, 28, 13)
    assert till.v1.invoices.retrieve(draft.id).status == "paid"


def test_more_seats_cost_what_is_left_of_the_period(till: Till) -> None:
    """28 days from 31 January; after 7 of them three quarters are left."""
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3))
    till.until(2026, 2, 7, 12)
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 5}, proration_behavior="always_invoice")
    bill = till.invoices(customer)[-1]
    assert [line.amount for line in bill.lines.data] == [-2700, 4500]
    assert (bill.total, bill.status, bill.billing_reason) == (1800, "paid", "subscription_update")
    assert [line.description for line in bill.lines.data] == [
        "Unused time on 3 × Team after 07 Feb 2026",
        "Remaining time on 5 × Team after 07 Feb 2026",
    ]
    assert bill.parent.subscription_details.subscription == subscription.id


def test_fewer_seats_credit_the_next_invoice(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 5))
    till.until(2026, 2, 14, 12)  # half of 28 days
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 3})
    assert len(till.invoices(customer)) == 1
    till.until(2026, 3, 1)
    bill = till.invoices(customer)[-1]
    assert [line.amount for line in bill.lines.data] == [-3000, 1800, 3600]
    assert (bill.total, bill.amount_paid) == (2400, 2400)


def test_what_is_credited_beyond_an_invoice_stays_as_the_customers_balance(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1000), 10))
    till.until(2026, 2, 7, 12)
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 1}, proration_behavior="always_invoice")
    bill = till.invoices(customer)[-1]
    assert (bill.total, bill.amount_due, bill.ending_balance, bill.status) == (-6750, 0, -6750, "paid")
    assert till.v1.customers.retrieve(customer).balance == -6750
    till.until(2026, 3, 1)
    assert till.v1.customers.retrieve(customer).balance == -5750
    till.until(2026, 12, 1)
    paid = [bill.amount_paid for bill in till.invoices(customer)]
    assert paid == [
        10000,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        250,
        1000,
        1000,
        1000,
    ]  # 6750 is six periods of 1000 and 750 of the next


def test_a_change_to_years_begins_a_period_and_is_billed_at_once(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3))
    till.until(2026, 2, 7, 12)
    item = subscription["items"].data[0].id
    year = till.price(12000, "year")
    changed = till.change(subscription, {"id": item, "price": year, "quantity": 3})
    bill = till.invoices(customer)[-1]
    assert [line.amount for line in bill.lines.data] == [-2700, 36000]
    assert (bill.total, bill.status) == (33300, "paid")
    assert changed.billing_cycle_anchor == moment(2026, 2, 7, 12)
    assert changed["items"].data[0].current_period_end == moment(2027, 2, 7, 12)
    till.until(2027, 2, 8)
    assert till.invoices(customer)[-1].total == 36000
    back = till.change(changed, {"id": item, "price": till.price(1200), "quantity": 3})
    assert back["items"].data[0].current_period_end == moment(2027, 3, 8, 0)
    assert till.v1.customers.retrieve(customer).balance < 0


def test_a_trial_without_a_card_ends_with_it_and_is_told_three_days_before(till: Till) -> None:
    customer = till.customer("")
    ends = {"end_behavior": {"missing_payment_method": "cancel"}}
    subscription = till.subscribe(customer, (till.price(1200), 3), trial_period_days=14, trial_settings=ends)
    assert subscription.status == "trialing"
    assert [(bill.total, bill.status) for bill in till.invoices(customer)] == [(0, "paid")]
    till.until(2026, 2, 11, 11)
    assert "customer.subscription.trial_will_end" not in till.told()
    till.until(2026, 2, 11, 13)
    assert till.told().count("customer.subscription.trial_will_end") == 1
    till.until(2026, 2, 14, 13)
    assert till.look(subscription).status == "canceled"
    assert till.told()[-2:] == ["customer.subscription.deleted", "test_helpers.test_clock.ready"]


def test_a_trial_with_a_card_becomes_a_paid_month(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3), trial_period_days=14)
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 4})
    till.until(2026, 2, 14, 14)
    after = till.look(subscription, "latest_invoice")
    assert (after.status, after.latest_invoice.total, after.latest_invoice.status) == ("active", 4800, "paid")
    assert after["items"].data[0].current_period_end == moment(2026, 3, 14, 12)


def test_a_payment_that_fails_is_tried_four_times_and_given_up_after_four_weeks(till: Till) -> None:
    customer = till.customer("pm_card_chargeCustomerFail")
    subscription = till.subscribe(customer, (till.price(1200), 1), trial_period_days=1)
    failed = moment(2026, 2, 1, 13)
    till.until(2026, 2, 1, 13)
    assert till.look(subscription).status == "past_due"
    attempts = [event["created"] for event in till.standin.events() if event["type"] == "invoice.payment_failed"]
    assert attempts == [failed]
    till.until(2026, 2, 28)
    attempts = [event["created"] for event in till.standin.events() if event["type"] == "invoice.payment_failed"]
    assert [(at - failed) // DAY for at in attempts] == [0, 3, 5, 7, 14]
    assert till.look(subscription).status == "past_due"
    till.until(2026, 3, 1, 14)
    ended = till.look(subscription)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert ended.ended_at == failed + 28 * DAY
    told = len(till.standin.events())
    till.until(2027, 3, 1)
    bills = till.invoices(customer)
    assert [bill.status for bill in bills] == ["paid", "open", "draft"]  # the last was of the period that just began
    assert not any(bill.auto_advance for bill in bills)
    assert len(till.standin.events()) == told + 1


def test_a_new_card_pays_at_the_next_attempt(till: Till) -> None:
    customer = till.customer("pm_card_chargeCustomerFail")
    subscription = till.subscribe(customer, (till.price(1200), 1), trial_period_days=1)
    till.until(2026, 2, 2)
    card = till.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    till.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    till.until(2026, 2, 4, 12)
    assert till.look(subscription).status == "past_due"
    till.until(2026, 2, 4, 14)
    assert till.look(subscription).status == "active"


def test_an_open_invoice_that_is_paid_makes_it_active_again(till: Till) -> None:
    customer = till.customer("pm_card_chargeCustomerFail")
    subscription = till.subscribe(customer, (till.price(1200), 1), trial_period_days=1)
    till.until(2026, 2, 2)
    bill = till.look(subscription).latest_invoice
    with pytest.raises(stripe.CardError) as refused:
        till.v1.invoices.pay(bill)
    assert refused.value.code == "card_declined"
    assert till.v1.invoices.retrieve(bill).attempt_count == 2  # a card that says no leaves its mark
    till.v1.invoices.pay(bill, {"payment_method": "pm_card_visa"})
    assert till.look(subscription).status == "active"
    assert not till.v1.customers.retrieve(customer).delinquent


def test_a_change_that_cannot_be_paid_changes_nothing(till: Till) -> None:
    customer = till.customer("pm_card_visa")
    subscription = till.subscribe(customer, (till.price(1200), 1))
    for card, code in (
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ):
        method = till.v1.payment_methods.attach(card, {"customer": customer}).id
        till.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
        before, events = till.look(subscription), len(till.standin.events())
        item = subscription["items"].data[0].id
        with pytest.raises(stripe.CardError) as refused:
            till.change(
                subscription,
                {"id": item, "quantity": 9},
                proration_behavior="always_invoice",
                payment_behavior="error_if_incomplete",
            )
        assert (refused.value.http_status, refused.value.code) == (402, code)
        assert till.look(subscription) == before
        assert len(till.standin.events()) == events
        assert len(till.invoices(customer)) == 1


def test_an_unpaid_change_waits_if_it_is_asked_to(till: Till) -> None:
    customer = till.customer("pm_card_visa")
    subscription = till.subscribe(customer, (till.price(1200), 1))
    method = till.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    till.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    item = subscription["items"].data[0].id
    waits = till.change(
        subscription,
        {"id": item, "quantity": 3},
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    assert (waits.status, waits["items"].data[0].quantity) == ("active", 1)
    assert waits.pending_update.subscription_items[0].quantity == 3
    till.v1.invoices.pay(waits.latest_invoice, {"payment_method": "pm_card_visa"})
    after = till.look(subscription)
    assert (after["items"].data[0].quantity, after.pending_update) == (3, None)


def test_an_unpaid_change_that_waits_expires(till: Till) -> None:
    customer = till.customer("pm_card_visa")
    subscription = till.subscribe(customer, (till.price(1200), 1))
    method = till.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    till.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    waits = till.change(
        subscription,
        {"id": subscription["items"].data[0].id, "quantity": 3},
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    till.until(2026, 2, 2)
    after = till.look(subscription)
    assert (after.status, after["items"].data[0].quantity, after.pending_update) == ("active", 1, None)
    assert till.v1.invoices.retrieve(waits.latest_invoice).status == "void"


def test_a_first_payment_that_never_comes_expires_after_23_hours(till: Till) -> None:
    customer = till.customer("pm_card_chargeCustomerFail")
    subscription = till.subscribe(customer, (till.price(1200), 1))
    assert subscription.status == "incomplete"
    till.until(2026, 2, 1, 12)
    assert till.look(subscription).status == "incomplete_expired"
    assert till.invoices(customer)[0].status == "void"


def test_it_ends_with_its_period_unless_it_is_resumed(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 1))
    ending = till.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (ending.cancel_at, ending.status) == (moment(2026, 2, 28, 12), "active")
    resumed = till.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (resumed.cancel_at, resumed.canceled_at) == (None, None)
    till.until(2026, 3, 1)
    till.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    till.until(2026, 4, 1)
    ended = till.look(subscription)
    assert (ended.status, ended.ended_at) == ("canceled", moment(2026, 3, 31, 12))
    assert len(till.invoices(customer)) == 2
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    again = till.subscribe(customer, (till.price(1200), 1))
    assert again.status == "active"


def test_ending_now_credits_what_was_paid_for(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 2))
    till.until(2026, 2, 21, 12)  # a quarter of the period is left
    till.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    assert till.invoices(customer)[-1].total == -600
    assert till.v1.customers.retrieve(customer).balance == -600


def test_a_code_takes_a_fifth_off_for_three_months_and_credits_what_was_paid(till: Till) -> None:
    customer = till.customer()
    code = till.v1.promotion_codes.list({"code": "WELCOME20", "active": True}).data[0]
    subscription = till.subscribe(customer, (till.price(1000), 10), discounts=[{"promotion_code": code.id}])
    till.until(2026, 2, 14, 12)
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 20}, proration_behavior="always_invoice")
    bill = till.invoices(customer)[-1]
    assert [line.amount for line in bill.lines.data] == [-4000, 8000]
    till.until(2026, 7, 1)
    assert [bill.total for bill in till.invoices(customer)] == [8000, 4000, 16000, 16000, 20000, 20000, 20000]
    assert till.look(subscription).discounts == []


def test_half_of_the_first_invoice_is_off_once(till: Till) -> None:
    customer = till.customer()
    till.subscribe(customer, (till.price(1250), 1), discounts=[{"coupon": "ONCE50"}])
    till.until(2026, 4, 1)
    assert [bill.total for bill in till.invoices(customer)] == [625, 1250, 1250]


def test_vat_is_on_each_line_of_czech_customers_alone(till: Till) -> None:
    lines = (till.price(1199), 3), (till.price(1000, name="Backups"), 1)
    for country, number, total in (
        ("CZ", "", 5562),
        ("CZ", "CZ12345678", 5562),
        ("CZ", "DE123456789", 4597),
        ("US", "", 4597),
    ):
        numbers = [{"type": "eu_vat", "value": number}] if number else []
        customer = till.customer(address={"country": country}, tax_id_data=numbers)
        till.subscribe(customer, *lines, automatic_tax={"enabled": True})
        assert till.invoices(customer)[0].total == total  # 3597 + 755 and 1000 + 210


def test_a_currency_without_cents_is_billed_in_wholes(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1001, currency="jpy"), 1))
    till.until(2026, 2, 14, 12)
    item = subscription["items"].data[0].id
    till.change(subscription, {"id": item, "quantity": 2}, proration_behavior="always_invoice")
    assert [line.amount for line in till.invoices(customer)[-1].lines.data] == [-501, 1001]


def test_a_preview_is_what_the_change_then_costs_and_leaves_nothing(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1299), 7))
    till.standin.advance(till.standin.now() + 1_234_567)
    changes = [{"id": subscription["items"].data[0].id, "quantity": 11}]
    details = {"items": changes, "proration_behavior": "always_invoice"}
    events, bills = till.standin.events(), till.invoices(customer)
    shown = till.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert shown.id.startswith("upcoming_in_")
    assert till.standin.events() == events
    assert till.invoices(customer) == bills
    till.v1.subscriptions.update(subscription.id, details)
    assert till.invoices(customer)[-1].total == shown.total
    coming = till.v1.invoices.create_preview({"subscription": subscription.id})
    assert (coming.total, coming.billing_reason) == (11 * 1299, "subscription_cycle")


def test_a_change_costs_what_its_preview_said_while_both_name_one_moment(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1299), 7))
    till.until(2026, 2, 9)
    details: dict[str, Any] = {
        "items": [{"id": subscription["items"].data[0].id, "quantity": 11}],
        "proration_behavior": "always_invoice",
        "proration_date": till.standin.now(),
    }
    shown = till.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    till.until(2026, 2, 9, 3)
    till.v1.subscriptions.update(subscription.id, details)
    assert till.invoices(customer)[-1].total == shown.total
    details["items"][0]["quantity"] = 12
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.subscriptions.update(subscription.id, {**details, "proration_date": 1})


def test_a_trial_that_is_ended_by_hand_is_billed_at_once(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3), trial_period_days=14)
    till.until(2026, 2, 3)
    after = till.v1.subscriptions.update(subscription.id, {"trial_end": "now"})
    assert (after.status, after.billing_cycle_anchor) == ("active", moment(2026, 2, 3))
    assert [bill.total for bill in till.invoices(customer)] == [0, 3600]
    assert after["items"].data[0].current_period_end == moment(2026, 3, 3)


def test_an_addon_comes_and_goes_in_the_middle(till: Till) -> None:
    """28 days from 31 January: a quarter with it, then half of the period is left."""
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 2))
    till.until(2026, 2, 7, 12)
    added = till.change(
        subscription,
        {"price": till.price(1000, name="Backups"), "quantity": 1},
        proration_behavior="always_invoice",
    )
    assert till.invoices(customer)[-1].total == 750
    addon = added["items"].data[1].id
    till.until(2026, 2, 14, 12)
    till.change(subscription, {"id": addon, "deleted": True})
    till.until(2026, 3, 1)
    assert [line.amount for line in till.invoices(customer)[-1].lines.data] == [-500, 2400]


def test_a_customer_who_is_deleted_takes_everything_along(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 1))
    till.v1.customers.delete(customer)
    assert till.v1.customers.retrieve(customer).deleted is True
    assert till.look(subscription).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        till.v1.customers.retrieve("cus_unknown")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_what_time_itself_brings_happens_without_anybody_moving_the_clock(till: Till) -> None:
    subscription = till.subscribe(till.customer(), (till.price(1200), 1))
    till.real += 29 * DAY
    assert till.look(subscription, "latest_invoice").latest_invoice.billing_reason == "subscription_cycle"


def test_money_goes_back_and_is_disputed(till: Till) -> None:
    subscription = till.subscribe(till.customer(), (till.price(1200), 1))
    paid = till.look(subscription, "latest_invoice.payments").latest_invoice.payments.data[0].payment.payment_intent
    till.v1.refunds.create({"payment_intent": paid, "amount": 200})
    refund = till.v1.refunds.create({"payment_intent": paid})
    assert refund.amount == 1000
    event = till.standin.events()[-1]
    assert (event["type"], event["data"]["object"]["refunded"]) == ("charge.refunded", True)
    assert event["data"]["previous_attributes"] == {"amount_refunded": 200, "refunded": False}
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.refunds.create({"payment_intent": paid})
