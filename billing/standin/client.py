"""What the product's StripeClient has instead of the network: each request goes to the stand-in, in this process."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from billing.standin.server import StandIn
from billing.standin.wire import Thing, nested

API_KEY = "sk_test_standin"


class StandInClient(stripe.HTTPClient):
    """`StripeClient(API_KEY, http_client=StandInClient(standin))`.

    For tests: while `down`, Stripe cannot be reached; with `lose_next_answer` the next request is done but its answer
    never comes; `calls` has (method, path, parameters as texts) of each that came through.
    """

    name = "standin"

    def __init__(self, standin: StandIn):
        super().__init__()
        self.standin = standin
        self.down = False
        self.lose_next_answer = False
        self.calls: list[tuple[str, str, Thing]] = []

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_options: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        if self.down:
            raise unreachable()
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        form = "&".join(filter(None, (parts.query, post_data or "")))
        self.calls.append((method.lower(), parts.path, nested(form)))
        status, answered, body = self.standin.request(method, path, post_data, headers or {})
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise unreachable()
        return body.decode(), status, answered

    def close(self) -> None:
        """There is no connection."""


def unreachable() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("The test payments cannot be reached.", should_retry=True)  # type: ignore[no-untyped-call]
