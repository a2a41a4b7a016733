"""The gateway before a Stripe that is silent, broken or says no, and money in minor units."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe
from stripe import StripeClient

from billing import gateway as gateway_room
from billing.amounts import major, minor
from billing.errors import CardRefused, CustomerGone, NoAnswer, NotSetUp
from billing.gateway import BillingGateway, gateway_of
from config.settings import Settings, Stripe
from tests.billing.till import Till


@pytest.mark.parametrize(
    ("amount", "currency", "counted"),
    [("288", "CZK", 28800), ("10.5", "EUR", 1050), ("1200", "JPY", 1200), ("1.5", "KWD", 1500), ("0", "USD", 0)],
)
def test_amounts_are_counted_as_stripe_does_and_back(amount: str, currency: str, counted: int) -> None:
    assert minor(Decimal(amount), currency) == counted
    assert major(counted, currency.lower()) == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("10.005", "EUR"), ("10.5", "JPY"), ("0.0001", "KWD")])
def test_an_amount_that_cannot_be_paid_exactly_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="cannot be paid"):
        minor(Decimal(amount), currency)


def at(port: int, seconds: float = 0.4) -> BillingGateway:
    client = StripeClient(
        "sk_test_1",
        base_addresses={"api": f"http://127.0.0.1:{port}"},
        http_client=stripe.RequestsClient(timeout=seconds),
        max_network_retries=0,
    )
    return BillingGateway(client)


def test_a_silent_stripe_is_waited_for_no_longer_than_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(NoAnswer):
            at(silent.getsockname()[1]).fetch("cus_1")
        assert time.monotonic() - begun < 2
        port = silent.getsockname()[1]
    with pytest.raises(NoAnswer):
        at(port).fetch("cus_1")


@contextmanager
def answering(status: int, error: Mapping[str, object]) -> Iterator[BillingGateway]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"error": error}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 (the library's names)

        def log_message(self, *_said: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield at(server.server_port, 5)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "error", "refusal"),
    [
        (500, {"type": "api_error"}, NoAnswer),
        (429, {"type": "invalid_request_error", "code": "rate_limit"}, NoAnswer),
        (409, {"type": "idempotency_error"}, NoAnswer),
        (401, {"type": "invalid_request_error"}, NotSetUp),
        (403, {"type": "invalid_request_error"}, NotSetUp),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}, CardRefused),
    ],
)
def test_what_stripe_answers_becomes_a_refusal_in_our_words(
    status: int, error: dict[str, object], refusal: type[Exception]
) -> None:
    with answering(status, error) as gateway, pytest.raises(refusal) as refused:
        gateway.end_later("sub_1", really=True, key="k")
    if status == 402:
        assert "not enough money" in str(refused.value.detail)  # type: ignore[attr-defined]


def test_a_customer_that_is_gone_is_told_from_a_mistake_of_ours() -> None:
    missing = {"type": "invalid_request_error", "code": "resource_missing", "param": "customer"}
    with answering(404, {**missing, "message": "No such customer: 'cus_1'"}) as gateway:
        assert gateway.fetch("cus_1").gone
        with pytest.raises(CustomerGone):
            gateway.bills("cus_1")
    wrong = {"type": "invalid_request_error", "message": "Received unknown parameter: x", "param": "x"}
    with answering(400, wrong) as gateway, pytest.raises(stripe.InvalidRequestError):
        gateway.bills("cus_1")


def test_real_keys_wait_ten_seconds_and_never_ask_twice_by_themselves(till: Till) -> None:
    config: Settings = replace(till.config, payments=Stripe("sk_live_1", ("whsec_1",), tax=True))
    real = gateway_of(config)
    assert (real.live, real.tax, gateway_room.SECONDS) == (True, True, 10)
    http = real.client._requestor._client
    assert isinstance(http, stripe.RequestsClient)
    assert http._timeout == 10
    with pytest.raises(LookupError):
        gateway_of(replace(till.config, payments=None))


def test_a_price_that_was_changed_is_another_one_and_who_subscribes_keeps_the_old(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config import plans

    shop, later = till.shop(), till.shop()
    till.buy(shop, seats=1)
    known = plans.plans()
    team = known.of("team")
    dearer = replace(team, prices={**team.prices, "month": {**team.prices["month"], "CZK": Decimal(300)}})
    changed = replace(known, plans={**known.plans, "team": dearer})
    monkeypatch.setattr(gateway_room, "plans", lambda: changed)
    till.buy(later, seats=1)
    till.pass_time(days=31, hours=2)
    totals = [[bill.total for bill in till.gateway.bills(till.account(one).customer_id or "")] for one in (shop, later)]
    assert totals == [[Decimal("348.48")] * 2, [Decimal("363.00")] * 2]
