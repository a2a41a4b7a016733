"""What several kinds of objects have in common."""

from billing.standin.wire import Thing

CLOCK = "clock_standin"
ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
YEAR = 365 * 86400


def listed(things: list[Thing], url: str, has_more: bool = False) -> Thing:
    return {"object": "list", "data": things, "has_more": has_more, "url": url}
