"""How often one may try: log in, sign up, ask for mail.

Counted in Valkey for all processes together; while it is away each process counts by itself, and the locks of
tenants.locks, which are in PostgreSQL, hold as before. So its loss opens nothing and closes nothing.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, make_response, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit

from core.pages import render
from tenants.locks import TooMany


def address() -> str:
    """Who asks: the IPv4 address, or the /64 network of an IPv6 one, since a line is given one of those."""
    try:
        known = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if known.version == 6:
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def account() -> str:
    """The e-mail that was typed, whether it has an account or not; Valkey gets no addresses to keep."""
    return hashlib.sha256(request.form.get("email", "").strip().lower().encode()).hexdigest()


def everybody() -> str:
    return "everybody"


def wait_page(refusal: TooMany) -> Response:
    """Says for how long nothing is looked at, to the person and to programs."""
    page = render(None, "error.html", title=refusal.title, text=refusal.detail, error_id=None, back=None)
    response = make_response(page, refusal.status)
    response.headers["Retry-After"] = str(refusal.wait)
    return response


def breached(limit: RequestLimit) -> Response:
    return wait_page(TooMany(limit.reset_at - time.time()))


limiter = Limiter(
    key_func=address,
    strategy="moving-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    on_breach=breached,
)


def refused_form(response: Response) -> bool:
    return response.status_code == 422


def accepted(response: Response) -> bool:
    return response.status_code != 422


def limited(
    rate: str, by: Callable[[], str] = address, *, counts: Callable[[Response], bool] | None = None
) -> Callable[..., Any]:
    """Decorator of a POST: "10 per 5 minutes". `counts` says of an answer whether it is counted, else all are."""
    return limiter.limit(rate, key_func=by, methods=["POST"], deduct_when=counts)


def register(app: Flask, redis_url: str) -> None:
    app.config.setdefault("RATELIMIT_STORAGE_URI", redis_url)
    app.config.setdefault("RATELIMIT_STORAGE_OPTIONS", {"socket_connect_timeout": 1, "socket_timeout": 1})
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, lambda error: error.get_response())
    app.register_error_handler(TooMany, wait_page)
