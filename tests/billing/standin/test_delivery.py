"""Events over real HTTP, as the embedded run sends them."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import stripe

from billing.standin import API_KEY, StandIn, StandInClient
from tests.billing.standin.till import SECRET


class Listener(HTTPServer):
    """Takes every event with `status`, and keeps its kind and the Host it was sent to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.heard: list[tuple[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
        self.server.heard.append((event.type, self.headers["Host"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield listener
    listener.shutdown()
    thread.join()
    listener.server_close()


def test_events_come_by_themselves_and_again_until_they_are_taken(tmp_path: Path, listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.server_port}/stripe/events"
    standin = StandIn(tmp_path / "p.sqlite", webhook_url=url, webhook_secret=SECRET, host="okno.example:8000")
    customers = stripe.StripeClient(API_KEY, http_client=StandInClient(standin)).v1.customers
    listener.status = 503
    first = customers.create({"email": "a@example.com"})
    wait_until(lambda: len(listener.heard) == 1)
    assert listener.heard == [("customer.created", "okno.example:8000")]
    listener.status = 200
    customers.update(first.id, {"name": "Eva"})
    wait_until(lambda: not standin.pending_events())
    assert [kind for kind, _host in listener.heard][-2:] == ["customer.created", "customer.updated"]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
