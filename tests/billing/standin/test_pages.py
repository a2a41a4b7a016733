"""The pages of test payments, as a browser without a script sees them."""

import html
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.billing.standin.till import Till, moment

DONE = "http://localhost:8000/done?s="


class Browser:
    def __init__(self, site: Flask):
        self.client = site.test_client()

    def get(self, url: str) -> TestResponse:
        return self.client.get(urlsplit(url).path)

    def post(self, url: str, seen_at: str = "", **fields: str) -> TestResponse:
        page = self.get(seen_at or url).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        return self.client.post(urlsplit(url).path, data={"csrf_token": token[1], **fields})


@pytest.fixture
def browser(site: Flask) -> Browser:
    return Browser(site)


def bought(till: Till, **more: Any) -> Any:
    lines = [{"price": till.price(1200), "quantity": 3}]
    return till.buy(line_items=lines, cancel_url="http://localhost:8000/back", customer_email="eva@example.com", **more)


def test_a_purchase_with_a_code_a_country_and_a_vat_number(till: Till, browser: Browser) -> None:
    more = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}, "allow_promotion_codes": True}
    session = bought(till, **more)
    page = browser.get(session.url).text
    assert "Test payment" in page
    assert "EUR\N{NO-BREAK SPACE}43.56" in page
    code = browser.post(f"{session.url}/code", session.url, code="welcome20")
    assert code.status_code == 303
    page = browser.get(session.url).text
    assert "EUR\N{NO-BREAK SPACE}34.85" in page  # 28.80 and 21 %
    paid = browser.post(session.url, card="4242424242424242", name="Okna Horák", country="CZ", tax_id="cz12345678")
    assert (paid.status_code, paid.location) == (303, DONE + session.id)
    after = till.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "line_items"]})
    assert (after.status, after.payment_status, after.amount_total) == ("complete", "paid", 3485)
    assert after.customer_details.tax_ids[0].value == "CZ12345678"
    assert (after.subscription.status, after.invoice.total) == ("active", 3485)
    assert after.line_items.data[0].quantity == 3
    assert till.told()[-1] == "checkout.session.completed"
    assert "This payment is done" in browser.get(session.url).text


@pytest.mark.parametrize(
    ("card", "said"),
    [("4000000000000002", "The card was declined"), ("4000000000009995", "not enough money"), ("1", "Choose a card")],
)
def test_a_card_that_says_no_leaves_the_page_open(till: Till, browser: Browser, card: str, said: str) -> None:
    session = bought(till)
    answer = browser.post(session.url, card=card)
    assert answer.status_code == 422
    assert said in answer.text
    assert till.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert till.v1.subscriptions.list({"status": "all"}).data == []
    assert till.standin.events() == []


def test_an_unknown_code_is_said_beside_its_field(till: Till, browser: Browser) -> None:
    session = bought(till, allow_promotion_codes=True)
    answer = browser.post(f"{session.url}/code", session.url, code="FREE")
    assert answer.status_code == 422
    assert "There is no such code." in answer.text


def test_a_bank_that_asks_is_answered_or_not(till: Till, browser: Browser) -> None:
    session = bought(till)
    asked = browser.post(session.url, card="4000002500003155")
    assert "Confirm at the bank" in asked.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    assert hidden["card"] == "4000002500003155"
    failed = browser.client.post(urlsplit(session.url).path, data={**hidden, "bank": "no"})
    assert failed.status_code == 422
    assert till.v1.subscriptions.list({"status": "all"}).data == []
    proven = browser.client.post(urlsplit(session.url).path, data={**hidden, "bank": "yes"})
    assert proven.location == DONE + session.id
    till.until(2026, 4, 1)
    assert till.v1.subscriptions.list({"status": "all"}).data[0].status == "active"


def test_a_card_that_fails_later_is_taken_now(till: Till, browser: Browser) -> None:
    session = bought(till)
    assert browser.post(session.url, card="4000000000000341").status_code == 303
    till.until(2026, 3, 1)
    assert till.v1.subscriptions.list({"status": "all"}).data[0].status == "past_due"


def test_a_trial_needs_no_card_where_the_session_says_so(till: Till, browser: Browser) -> None:
    session = bought(till, payment_method_collection="if_required", subscription_data={"trial_period_days": 14})
    assert browser.post(session.url, card="").status_code == 303
    after = till.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (after.payment_status, after.subscription.status) == ("no_payment_required", "trialing")


def test_a_card_is_left_without_buying(till: Till, browser: Browser) -> None:
    session = till.buy(mode="setup", currency="eur", customer=till.customer(""))
    assert browser.post(session.url, card="4242424242424242").status_code == 303
    after = till.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert after.setup_intent.payment_method.card.last4 == "4242"


def test_a_page_that_waited_too_long_says_so(till: Till, browser: Browser) -> None:
    session = bought(till)
    till.until(2026, 2, 2)
    page = browser.get(session.url)
    assert "This payment page has expired" in page.text
    assert till.told().count("checkout.session.expired") == 1
    gone = browser.get("/dev/payments/checkout/cs_test_unknown")
    assert gone.status_code == 404


def portal(till: Till, customer: str, **flow: Any) -> Any:
    more = {"flow_data": flow} if flow else {}
    return till.v1.billing_portal.sessions.create(
        {"customer": customer, "return_url": "http://localhost:8000/back", **more}
    )


AFTER = {"type": "redirect", "redirect": {"return_url": "http://localhost:8000/after"}}


def test_the_portal_shows_ends_and_resumes_a_subscription(till: Till, browser: Browser) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3))
    session = portal(till, customer)
    assert "renews 28 Feb 2026" in browser.get(session.url).text
    browser.post(f"{session.url}/end", session.url, subscription=subscription.id, end="1")
    assert till.look(subscription).cancel_at_period_end
    assert "ends 28 Feb 2026" in browser.get(session.url).text
    browser.post(f"{session.url}/end", session.url, subscription=subscription.id, end="")
    assert not till.look(subscription).cancel_at_period_end


def test_nobody_ends_anothers_subscription_in_their_portal(till: Till, browser: Browser) -> None:
    theirs = till.subscribe(till.customer(), (till.price(1200), 3))
    session = portal(till, till.customer())
    assert browser.post(f"{session.url}/end", session.url, subscription=theirs.id, end="1").status_code == 422
    assert not till.look(theirs).cancel_at_period_end


def test_a_new_card_is_for_everything_and_leads_back(till: Till, browser: Browser) -> None:
    bought_by = bought(till)
    till.complete(bought_by, card="4000000000000341")
    customer = till.v1.checkout.sessions.retrieve(bought_by.id).customer
    session = portal(till, customer, type="payment_method_update", after_completion=AFTER)
    answer = browser.post(f"{session.url}/card", session.url, card="4242424242424242")
    assert answer.location == "http://localhost:8000/after"
    till.until(2026, 3, 2)
    assert till.invoices(customer)[-1].status == "paid"


def test_a_proposed_change_is_shown_confirmed_and_paid(till: Till, browser: Browser) -> None:
    customer = till.customer("pm_card_authenticationRequired")
    subscription = till.subscribe(customer, (till.price(1200), 3))
    till.v1.invoices.pay(subscription.latest_invoice, {"payment_method": "pm_card_visa"})
    till.until(2026, 2, 7, 12)
    change = {
        "subscription": subscription.id,
        "items": [{"id": subscription["items"].data[0].id, "price": till.price(1200), "quantity": 5}],
    }
    flow = {"type": "subscription_update_confirm", "subscription_update_confirm": change, "after_completion": AFTER}
    session = portal(till, customer, **flow)
    assert "EUR\N{NO-BREAK SPACE}18" in browser.get(session.url).text
    asked = browser.post(f"{session.url}/confirm", session.url)
    assert "Confirm at the bank" in asked.text
    assert till.look(subscription)["items"].data[0].quantity == 3
    answer = browser.post(f"{session.url}/confirm", session.url, bank="yes")
    assert answer.location == "http://localhost:8000/after"
    assert till.look(subscription)["items"].data[0].quantity == 5
    assert till.invoices(customer)[-1].total == 1800


def test_a_flow_to_cancel_leads_back(till: Till, browser: Browser) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 3))
    ending = {"subscription": subscription.id}
    session = portal(till, customer, type="subscription_cancel", subscription_cancel=ending, after_completion=AFTER)
    assert "Cancel the subscription" in browser.get(session.url).text
    answer = browser.post(f"{session.url}/end", session.url, subscription=subscription.id, end="1")
    assert answer.location == "http://localhost:8000/after"
    assert till.look(subscription).cancel_at_period_end


def test_an_open_invoice_is_paid_at_its_page_and_printed(till: Till, browser: Browser) -> None:
    customer = till.customer("pm_card_chargeCustomerFail")
    subscription = till.subscribe(customer, (till.price(1200), 3), trial_period_days=1)
    till.until(2026, 2, 2)
    bill = till.invoices(customer)[-1]
    assert browser.post(bill.hosted_invoice_url, card="4000000000000002").status_code == 422
    assert browser.post(bill.hosted_invoice_url, card="4242424242424242").status_code == 303
    assert till.look(subscription).status == "active"
    printed = browser.get(bill.invoice_pdf).text
    assert bill.number in printed
    assert "<form" not in printed


def test_the_clock_is_moved_and_what_happened_is_seen(till: Till, browser: Browser) -> None:
    till.subscribe(till.customer(), (till.price(1200), 3))
    place = "/dev/payments/"
    page = browser.get(place).text
    assert "31 Jan 2026 12:00 UTC" in page
    assert "customer.subscription.created" in page
    browser.post(f"{place}clock", place, by="1m")
    assert till.standin.now() == moment(2026, 2, 28, 12)
    browser.post(f"{place}clock", place, to="2026-03-05")
    assert till.standin.now() == moment(2026, 3, 5)
    assert browser.post(f"{place}clock", place, to="2026-01-01").status_code == 422
    assert browser.post(f"{place}clock", place, to="soon").status_code == 422


def test_money_is_given_back_disputed_and_an_event_is_sent_again(till: Till, browser: Browser) -> None:
    till.subscribe(till.customer(), (till.price(1200), 3))
    till.standin.deliver(lambda _body, _headers: 200)
    charge = till.v1.charges.list().data[0]
    place = "/dev/payments/"
    browser.post(f"{place}charges/{charge.id}/refund", place)
    assert till.v1.charges.retrieve(charge.id).refunded
    browser.post(f"{place}charges/{charge.id}/dispute", place)
    dispute = till.v1.disputes.list().data[0]
    browser.post(f"{place}disputes/{dispute.id}", place, won="")
    assert till.v1.disputes.retrieve(dispute.id).status == "lost"
    assert till.told()[-3:] == ["charge.refunded", "charge.dispute.created", "charge.dispute.closed"]
    event = till.standin.events()[0]["id"]
    assert event not in [one["id"] for one in till.standin.pending_events()]
    browser.post(f"{place}events/{event}/again", place)
    assert event in [one["id"] for one in till.standin.pending_events()]


def test_what_people_typed_is_escaped(till: Till, browser: Browser) -> None:
    customer = till.customer(name="<script>alert(1)</script>")
    till.subscribe(customer, (till.price(1200, name="<b>Team"), 3))
    page = browser.get("/dev/payments/").text
    assert "<script>alert" not in page
    assert html.escape("<b>Team") in page
