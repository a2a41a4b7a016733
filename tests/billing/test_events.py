"""Stripe's events: believed only when signed, stored once, right in any order."""

import json
import random
import time
from dataclasses import replace
from typing import Any

import pytest
from stripe import WebhookSignature

from billing import buying, events
from billing.standin.embedded import standin_of
from config.settings import Stripe
from core.ids import new_id
from tests.billing.till import LATER_BAD, Till


def told(kind: str = "invoice.paid", **more: Any) -> bytes:
    event = {
        "id": f"evt_{new_id().hex}", "object": "event", "type": kind, "livemode": False, "created": int(time.time()),
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_nobody"}}, **more,
    }  # fmt: skip
    return json.dumps(event).encode()


def signed(body: bytes, secret: str, at: int | None = None) -> dict[str, str]:
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(body.decode(), secret, at)}


def test_only_what_is_signed_lately_by_the_secret_is_stored(till: Till) -> None:
    secret, body = standin_of(till.config).webhook_secret, told()
    event_id = json.loads(body)["id"]
    for headers in (
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=,v1="},
        signed(body, "whsec_another"),
        signed(body + b" ", secret),
        signed(body, secret, int(time.time()) - 400),
    ):
        assert till.send(body, headers) == 403
    assert till.stored(event_id) is None
    assert till.send(body, signed(body, secret)) == 200
    assert till.stored(event_id)
    assert till.send(b"[]", signed(b"[]", secret)) == 400
    assert till.send(b"{", signed(b"{", secret)) == 400
    huge = told(padding="x" * 1_100_000)
    assert till.send(huge, signed(huge, secret)) == 413


def test_two_secrets_hold_while_one_is_replaced_without_any_nothing_does_and_modes_do_not_mix(till: Till) -> None:
    body, live = told(), told(livemode=True)
    config = replace(till.config, payments=Stripe("sk_test_1", ("whsec_new", "whsec_old")))
    events.check_signature(config, body, signed(body, "whsec_old")["Stripe-Signature"])
    events.check_signature(config, body, signed(body, "whsec_new")["Stripe-Signature"])
    for secrets in ((), ("whsec_new",)):
        alone = replace(config, payments=Stripe("sk_test_1", secrets))
        with pytest.raises(events.NotBelieved):
            events.check_signature(alone, body, signed(body, "whsec_old")["Stripe-Signature"])
    with pytest.raises(events.NotBelieved, match="live mode"):
        events.receive(till.base, config, live, signed(live, "whsec_new")["Stripe-Signature"])
    real = replace(config, payments=Stripe("sk_live_1", ("whsec_new",)))
    with pytest.raises(events.NotBelieved, match="test mode"):
        events.receive(till.base, real, body, signed(body, "whsec_new")["Stripe-Signature"])


def test_an_event_that_comes_again_is_stored_and_done_once(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    calls = len(till.wire.calls)
    for event in till.standin.events():
        body = json.dumps(event).encode()
        assert till.send(body, {"Stripe-Signature": till.standin.sign(body)}) == 200
    till.work()
    assert len(till.wire.calls) == calls


def test_unknown_kinds_are_kept_and_ignored_and_the_operator_can_replay(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    secret = standin_of(till.config).webhook_secret
    customer = till.account(shop).customer_id
    strange = told("payout.paid", data={"object": {"object": "payout", "customer": customer}})
    assert till.send(strange, signed(strange, secret)) == 200
    till.work()
    stored = till.stored(json.loads(strange)["id"])
    assert stored
    assert (stored.outcome, stored.handled_at is not None) == ("ignored", True)
    heard = next(event["id"] for event in till.standin.events() if event["type"] == "customer.subscription.created")
    calls = len(till.wire.calls)
    assert events.replay(till.base, heard)
    till.work()
    assert len(till.wire.calls) > calls
    assert not events.replay(till.base, "evt_none")


def test_while_stripe_is_away_events_are_kept_and_done_later(till: Till) -> None:
    shop = till.shop()
    with shop.acting() as actor:
        url = buying.checkout(actor, buying.Purchase(plan="team", period="month", seats=2, order=new_id()))
    till.pay(url)
    till.wire.down = True
    till.standin.deliver(till.send)
    till.work()
    assert till.plan(shop) == ("free", 0)
    till.wire.down = False
    till.sooner()
    till.work()
    assert till.plan(shop) == ("team", 2)


def test_a_dispute_and_a_refund_are_shown_to_the_operator_once(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    charge = till.refund(shop)
    till.hear()
    dispute = {"object": "dispute", "id": "du_1", "charge": charge, "amount": 500, "currency": "czk", "reason": "fraud"}
    body = told("charge.dispute.created", data={"object": dispute})
    till.send(body, signed(body, standin_of(till.config).webhook_secret))
    till.work()
    kinds = sorted(notice.kind for notice in till.notices(shop))
    assert kinds == ["dispute.created", "refunded"]
    for event in till.standin.events():
        events.replay(till.base, event["id"])
    till.work()
    assert sorted(notice.kind for notice in till.notices(shop)) == kinds


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_and_however_often_they_come_the_end_is_as_stripe_says(till: Till, seed: int) -> None:
    shop = till.shop()
    with shop.acting() as actor:
        url = buying.checkout(actor, buying.Purchase(plan="team", period="month", seats=2, order=new_id()))
    till.pay(url, LATER_BAD)
    till.standin.advance(till.standin.now() + 33 * 86_400)
    known = [event for event in till.standin.events() if event["type"] != "test_helpers.test_clock.ready"]
    assert len(known) > 8
    chance = random.Random(seed)
    sequence = known + chance.choices(known, k=len(known))
    chance.shuffle(sequence)
    for event in sequence:
        body = json.dumps(event).encode()
        assert till.send(body, {"Stripe-Signature": till.standin.sign(body)}) == 200
        if chance.random() < 0.5:
            till.work()
    till.work()
    assert (till.account(shop).status, till.plan(shop)) == ("past_due", ("team", 2))
