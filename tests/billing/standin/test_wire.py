"""Stripe's own SDK at one end, the stand-in at the other."""

import json
import threading

import pytest
import stripe

from billing.standin.params import checked
from billing.standin.wire import Refused, nested
from tests.billing.standin.till import SECRET, Till


def test_a_name_that_stripe_does_not_know_is_refused_with_its_words(till: Till) -> None:
    price = till.price(1200)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        till.buy(line_items=[{"price": price, "quantity": 1, "colour": "blue"}])
    assert refused.value.param == "line_items[0][colour]"
    assert refused.value.user_message == "Received unknown parameter: line_items[0][colour]"
    assert refused.value.http_status == 400


@pytest.mark.parametrize(
    ("kind", "form", "param"),
    [
        ("SubscriptionUpdateParams", "proration_behavior=sometimes", "proration_behavior"),
        ("SubscriptionUpdateParams", "items[0][quantity]=many", "items[0][quantity]"),
        ("SubscriptionUpdateParams", "cancel_at_period_end=perhaps", "cancel_at_period_end"),
        ("SubscriptionUpdateParams", "items=none", "items"),
        ("SubscriptionUpdateParams", "automatic_tax[liability][type]=self", "automatic_tax[enabled]"),
        ("checkout.SessionCreateParams", "mode=lease", "mode"),
        ("PriceCreateParams", "unit_amount=100", "currency"),
    ],
)
def test_a_value_that_stripe_does_not_take_is_refused(kind: str, form: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        checked(kind, nested(form))
    assert refused.value.body["error"]["param"] == param


def test_texts_of_the_wire_become_what_the_sdk_says() -> None:
    form = "items[0][id]=si_1&items[0][quantity]=3&cancel_at_period_end=true&metadata[seats]=3&discounts=&expand[]=x"
    assert checked("SubscriptionUpdateParams", nested(form)) == {
        "items": [{"id": "si_1", "quantity": 3}],
        "cancel_at_period_end": True,
        "metadata": {"seats": "3"},
        "discounts": "",
        "expand": ["x"],
    }


def test_the_same_key_gets_the_same_answer_and_does_nothing_twice(till: Till) -> None:
    first = till.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "one"})
    again = till.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "one"})
    assert first.id == again.id
    assert till.told().count("customer.created") == 1
    with pytest.raises(stripe.IdempotencyError):
        till.v1.customers.create({"email": "b@example.com"}, {"idempotency_key": "one"})


def test_a_refusal_of_a_card_is_the_same_for_the_same_key(till: Till) -> None:
    wanted = {
        "customer": till.customer("pm_card_chargeCustomerFail"),
        "items": [{"price": till.price(1200)}],
        "payment_behavior": "error_if_incomplete",
    }
    for _attempt in range(2):
        with pytest.raises(stripe.CardError):
            till.v1.subscriptions.create(wanted, {"idempotency_key": "once"})
    assert till.v1.subscriptions.list({"status": "all"}).data == []


def test_an_answer_that_is_lost_was_given_all_the_same(till: Till) -> None:
    till.wire.lose_next_answer = True
    with pytest.raises(stripe.APIConnectionError):
        till.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k", "max_network_retries": 0})
    assert till.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"}).email == "a@example.com"
    assert len(till.v1.customers.list().data) == 1


def test_nothing_comes_through_while_it_is_down(till: Till) -> None:
    till.wire.down = True
    with pytest.raises(stripe.APIConnectionError):
        till.v1.customers.create({"email": "a@example.com"}, {"max_network_retries": 0})
    till.wire.down = False
    assert till.v1.customers.list().data == []
    assert [call[:2] for call in till.wire.calls] == [("get", "/v1/customers")]


def test_a_list_is_walked_page_by_page_newest_first(till: Till) -> None:
    made = [till.v1.customers.create({"email": f"{n}@example.com"}).id for n in range(25)]
    page = till.v1.customers.list({"limit": 10})
    assert (len(page.data), page.has_more) == (10, True)
    assert [one.id for one in page.auto_paging_iter()] == made[::-1]
    before = till.v1.customers.list({"limit": 3, "ending_before": made[20]})
    assert [one.id for one in before.data] == [made[23], made[22], made[21]]
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.customers.list({"limit": 101})


def test_prices_are_found_by_their_lookup_keys(till: Till) -> None:
    team, year = till.price(1200), till.price(12000, "year")
    till.price(999)
    keys = ["Team 1200 eur month", "Team 12000 eur year"]
    found = till.v1.prices.list({"lookup_keys": keys, "active": True, "expand": ["data.product"]})
    assert [one.id for one in found.data] == [year, team]
    assert found.data[0].product.name == "Team"
    again = {"product": found.data[0].product.id, "currency": "eur", "unit_amount": 1300, "lookup_key": keys[0]}
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.prices.create(again)
    moved = till.v1.prices.create({**again, "transfer_lookup_key": True})
    assert [one.id for one in till.v1.prices.list({"lookup_keys": keys[:1]}).data] == [moved.id]


def test_what_is_expanded_comes_whole_and_what_leads_nowhere_is_refused(till: Till) -> None:
    subscription = till.subscribe(till.customer(), (till.price(1200), 1), discounts=[{"coupon": "ONCE50"}])
    paths = [
        "latest_invoice.payments.data.payment.payment_intent.latest_charge",
        "latest_invoice.discounts.source.coupon",
        "customer.test_clock",
        "customer.invoice_settings.default_payment_method",
    ]
    whole = till.look(subscription, *paths)
    assert whole.latest_invoice.payments.data[0].payment.payment_intent.latest_charge.paid
    assert whole.latest_invoice.discounts[0].source.coupon.percent_off == 50
    assert whole.customer.test_clock.frozen_time == till.standin.now()
    assert whole.customer.invoice_settings.default_payment_method.card.last4 == "4242"
    assert "payments" not in till.v1.invoices.retrieve(whole.latest_invoice.id)
    with pytest.raises(stripe.InvalidRequestError):
        till.look(subscription, "weather")


def test_a_call_that_the_stand_in_does_not_know_says_so(till: Till) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="do not know this call"):
        till.v1.payouts.list()


def test_what_it_would_not_do_it_refuses(till: Till) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="do not know this parameter: pause_collection"):
        till.v1.subscriptions.update("sub_1", {"pause_collection": {"behavior": "void"}})


def test_events_are_signed_sent_in_order_and_taken_once(till: Till) -> None:
    till.subscribe(till.customer(), (till.price(1200), 1))
    answers = iter([500, *[200] * 50])
    sent: list[str] = []

    def post(body: bytes, headers: dict[str, str]) -> int:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
        sent.append(event.id)
        return next(answers)

    everything = [event["id"] for event in till.standin.events()]
    till.standin.deliver(post)
    assert sent == everything
    assert [event["id"] for event in till.standin.pending_events()] == everything[:1]
    till.standin.deliver(post)
    assert sent == [*everything, everything[0]]
    assert till.standin.pending_events() == []
    assert till.v1.events.list({"delivery_success": False}).data == []


def test_events_wait_while_nobody_listens(till: Till) -> None:
    till.customer()

    def post(_body: bytes, _headers: dict[str, str]) -> int:
        raise ConnectionRefusedError

    till.standin.deliver(post)
    assert till.standin.pending_events() == till.standin.events()


def test_events_are_read_by_kind_and_tell_what_changed(till: Till) -> None:
    subscription = till.subscribe(till.customer(), (till.price(1200), 1))
    till.v1.subscriptions.update(subscription.id, {"metadata": {"seats": "1"}})
    event = till.v1.events.list({"types": ["customer.subscription.updated"]}).data[0]
    assert event.data.previous_attributes.to_dict() == {"metadata": {}}
    assert event.api_version == stripe.api_version
    assert event.request.id.startswith("req_")
    assert till.v1.events.retrieve(event.id).type == "customer.subscription.updated"


def test_the_clock_is_moved_by_the_api(till: Till) -> None:
    clock = till.v1.test_helpers.test_clocks.list().data[0]
    moved = till.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": clock.frozen_time + 3600})
    assert moved.frozen_time == till.standin.now() == clock.frozen_time + 3600
    assert till.told()[-1] == "test_helpers.test_clock.ready"
    with pytest.raises(stripe.InvalidRequestError):
        till.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": clock.frozen_time})


def test_many_at_once_lose_nothing(till: Till) -> None:
    price, customer = till.price(1200), till.customer()
    subscription = till.subscribe(customer, (price, 1))
    item = subscription["items"].data[0].id

    def work(n: int) -> None:
        till.change(subscription, {"id": item, "quantity": n}, proration_behavior="always_invoice")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seats = till.look(subscription)["items"].data[0].quantity
    balance = till.v1.customers.retrieve(customer).balance
    assert sum(bill.amount_paid for bill in till.invoices(customer)) + balance == 1200 * seats
    numbers = [bill.number for bill in till.invoices(customer)]
    assert len(set(numbers)) == len(numbers) == 9


def test_what_is_sent_reads_as_json(till: Till) -> None:
    status, headers, body = till.standin.request("get", "/v1/customers?limit=1", None, {"Authorization": "Bearer sk"})
    assert (status, json.loads(body)["object"]) == (200, "list")
    assert headers["Request-Id"].startswith("req_")
    assert till.standin.request("get", "/v1/customers", None, {})[0] == 401
