"""The stand-in itself: requests in, answers out, its clock, and the events it sends."""

import fcntl
import hashlib
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from billing.standin import checkout, discounts, endpoints, expand
from billing.standin.checkout import Form
from billing.standin.life import DUES, advance, play
from billing.standin.params import checked
from billing.standin.store import Books, Store, new_id
from billing.standin.wire import Refused, Thing, nested

Post = Callable[[bytes, dict[str, str]], int]
TIMEOUT = 10  # seconds for whoever is sent an event


class StandIn:
    """Stripe, in one file, which any number of processes may share.

    With a `webhook_url` every change sends its events there, in a thread of its own; `host` is the Host that such a
    request names. `origin` is where people see its pages.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        webhook_url: str = "",
        webhook_secret: str = "",
        real_now: Callable[[], float] = time.time,
        origin: str = "http://localhost:8000",
        host: str = "",
    ):
        self.store = Store(path, origin, DUES)
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.real_now = real_now
        self.host = host
        with self.store.books(int(real_now())) as books:
            discounts.seed(books)

    # ---- requests ----

    def request(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer a call of Stripe's: its path with the query, and the form it sent."""
        lower = {name.lower(): value for name, value in headers.items()}
        parts = urlsplit(path)
        form = "&".join(filter(None, (parts.query, body or "")))
        request_id = new_id("req", 14)
        try:
            if not lower.get("authorization", "").removeprefix("Bearer ").strip():
                raise Refused(401, "You did not provide an API key.")
            with self.changing() as books:
                status, text = answer(books, method.lower(), parts.path, form, lower.get("idempotency-key"), request_id)
        except Refused as refusal:
            status, text = refusal.status, json.dumps(refusal.body)
        return status, {"Request-Id": request_id, "Content-Type": "application/json"}, text.encode()

    @contextmanager
    def changing(self) -> Iterator[Books]:
        """The books, once everything that is due has happened; what is then due happens before they are closed."""
        with self.store.books(int(self.real_now())) as books:
            begun = books.now
            play(books, books.now)
            yield books
            play(books, books.now)
            books.set_clock(books.ahead + books.now - begun)
            to_send = bool(self.webhook_url and books.waiting_events())
        if to_send:
            threading.Thread(target=self.deliver, name="test payments", daemon=True).start()

    # ---- the clock ----

    def now(self) -> int:
        """Seconds since 1970 by its clock, which may be ahead of the real one."""
        with self.store.books(int(self.real_now())) as books:
            return books.now

    def advance(self, to: int) -> None:
        """Move the clock forward to this moment; everything due until then happens in order. It never goes back."""
        with self.changing() as books:
            advance(books, to)

    # ---- what a person does at its pages ----

    def complete(self, session_id: str, form: Form | None = None) -> Thing:
        """Finish a checkout as if its page had been filled in. Raises Refused, and BankAsks as that does."""
        with self.changing() as books:
            return checkout.complete(books, books.get("checkout.session", session_id), form or Form(proven=True))

    # ---- events ----

    def events(self) -> list[Thing]:
        """All events, oldest first."""
        with self.store.books(int(self.real_now())) as books:
            return books.events()

    def pending_events(self) -> list[Thing]:
        """Those that nobody has taken yet, oldest first."""
        with self.store.books(int(self.real_now())) as books:
            return books.waiting_events()

    def sign(self, body: bytes) -> str:
        """The Stripe-Signature of a body that is sent now, by the real clock."""
        moment = int(time.time())
        signature = hmac.new(self.webhook_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return f"t={moment},v1={signature}"

    def deliver(self, post: Post | None = None) -> None:
        """Send what nobody has taken yet, in order; what is answered by 2xx is taken. `post` gets the body and the
        headers and returns the status; what it raises as OSError ends the round. One round at a time, in all processes.
        """
        post = post or self.post
        with Path(f"{self.store.path}.delivery").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for event in self.pending_events():
                body = json.dumps(event).encode()
                try:
                    status = post(body, {"Stripe-Signature": self.sign(body), "Content-Type": "application/json"})
                except OSError as error:
                    self.note_delivery(event, False, str(error))
                    return
                self.note_delivery(event, 200 <= status < 300, str(status))

    def note_delivery(self, event: Thing, taken: bool, said: str) -> None:
        with self.store.books(int(self.real_now())) as books:
            books.note_delivery(event["id"], taken, said)

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send over HTTP. Raises OSError where nobody listens."""
        headers = {**headers, **({"Host": self.host} if self.host else {})}
        request = urllib.request.Request(self.webhook_url, body, headers, method="POST")  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except HTTPException as error:
            raise ConnectionError(str(error)) from error


def answer(books: Books, method: str, path: str, form: str, key: str | None, request_id: str) -> tuple[int, str]:
    """The status and body of an answer. The same key and the same form get the same answer again, even a refusal."""
    endpoint, parts = endpoints.found(method, path)
    asked = hashlib.sha256(f"{method} {path} {form}".encode()).hexdigest()
    repeated = books.answered(key) if key and method == "post" else None
    if repeated is not None:
        if repeated.asked != asked:
            raise Refused(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                "idempotency_error",
            )
        return repeated.status, repeated.body
    given = checked(endpoint.params, nested(form))
    endpoints.check_here(endpoint.params, given)
    books.request = {"id": request_id, "idempotency_key": key}
    status, body = done(books, endpoint, parts, given)
    books.request = {"id": None, "idempotency_key": None}
    if key and method == "post":
        books.keep_answer(key, asked, status, body)
    return status, body


def done(books: Books, endpoint: endpoints.Endpoint, parts: dict[str, str], given: Thing) -> tuple[int, str]:
    """Run the call. A refusal is an answer too; what was done before it is undone, unless it says `keep`."""
    kept: Refused | None = None
    result: Thing = {}
    try:
        with books.attempt():
            try:
                found = endpoint.handler(books, given, **parts)
                result = expand.expanded(books, found, given.get("expand", []))
            except Refused as refusal:
                if not refusal.keep:
                    raise
                kept = refusal
    except Refused as refusal:
        kept = refusal
    if kept is not None:
        return kept.status, json.dumps(kept.body)
    return int(HTTPStatus.OK), json.dumps(result)
