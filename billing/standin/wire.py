"""Stripe's words on the wire: nested forms in, JSON out, and refusals as its SDK expects them."""

from typing import Any
from urllib.parse import parse_qsl

Thing = dict[str, Any]  # one of Stripe's objects, as JSON has it


class Refused(Exception):
    """An answer of Stripe's that says no. `status` is HTTP's: 400 a wrong request, 402 a card, 404 nothing there. What
    was done before it is undone, unless `keep` says otherwise."""

    keep = False

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", **further: Any):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **further}}


def wrong(message: str, param: str = "", code: str = "") -> Refused:
    """A request that cannot be right."""
    further = {name: value for name, value in (("param", param), ("code", code)) if value}
    return Refused(400, message, **further)


def missing(kind: str, id: str, param: str = "id", status: int = 404) -> Refused:  # noqa: A002 - Stripe's own word
    """Nothing of this kind has this id. In the path it is 404, in a parameter 400."""
    return Refused(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def nested(form: str) -> Thing:
    """`items[0][price]=p&expand[]=customer` as {"items": [{"price": "p"}], "expand": ["customer"]}, all texts."""
    tree: Thing = {}
    for number, (name, value) in enumerate(parse_qsl(form, keep_blank_values=True)):
        *way, last = [part or f"+{number}" for part in parts(name)]
        place = tree
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise wrong(f"Invalid parameter: {name}", name)
        place[last] = value
    return {name: with_lists(value) for name, value in tree.items()}


def parts(name: str) -> list[str]:
    first, *rest = name.replace("]", "").split("[")
    return [first, *rest]


def with_lists(value: Any) -> Any:
    """What is numbered is a list, in the order of the numbers; what had no number stands as it came."""
    if not isinstance(value, dict):
        return value
    if all(key.isdigit() or key.startswith("+") for key in value):
        return [with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: with_lists(inner) for key, inner in value.items()}
