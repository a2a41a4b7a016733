"""Requests are held against the SDK's own types, so that what passes here is something Stripe knows.

The SDK describes the parameters of each call as a TypedDict of TypedDicts. Only what was sent is walked, so nothing is
built before the first request. Texts of the wire become the numbers and truths that the types say; names that the types
do not have are refused with Stripe's words, and so are values outside of a list of words, where the SDK itself would
let every text pass.
"""

import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from types import SimpleNamespace, UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import stripe.params
from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict  # knows those of Python and its own, as the SDK uses

from billing.standin.wire import Thing, wrong

UNIONS = (Union, UnionType)
OPTIONS = frozenset(RequestOptions.__annotations__)  # of the client, never sent
NO_VALUE = object()


def checked(kind: str, given: Thing) -> Thing:
    """The parameters with the types of `stripe.params`' `kind` ("checkout.SessionCreateParams"). Raises Refused."""
    return record(type_called(kind), given, "")


@cache
def type_called(kind: str) -> type:
    found: Any = stripe.params
    for step in kind.split("."):
        found = getattr(found, step)
    return found  # type: ignore[no-any-return]


@cache
def fields_of(kind: type) -> dict[str, tuple[Any, bool]]:
    """Name -> (type, whether it must be given)."""
    own = {name: hint for name, hint in kind.__annotations__.items() if name not in OPTIONS}
    known = vars(sys.modules[kind.__module__])
    hints = get_type_hints(SimpleNamespace(__annotations__=own), known, include_extras=True)
    return {name: (bare(hint), get_origin(hint) is not NotRequired) for name, hint in hints.items()}


def bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint


def record(kind: type, given: Thing, place: str) -> Thing:
    fields = fields_of(kind)
    for name in given:
        if name not in fields:
            raise wrong(f"Received unknown parameter: {below(place, name)}", below(place, name), "parameter_unknown")
    for name, (_type, required) in fields.items():
        if required and name not in given:
            param = below(place, name)
            raise wrong(f"Missing required param: {param}.", param, "parameter_missing")
    return {name: value_of(fields[name][0], value, below(place, name)) for name, value in given.items()}


def below(place: str, name: str | int) -> str:
    return f"{place}[{name}]" if place else str(name)


def value_of(hint: Any, value: Any, place: str) -> Any:
    """The value as the first fitting type of the hint has it."""
    options = choices(hint)
    words = [word for option in options if get_origin(option) is Literal for word in get_args(option)]
    if isinstance(value, str) and value in words:
        return value
    for option in options:
        fitting = as_type(option, value, place, closed=bool(set(words) - {""}))
        if fitting is not NO_VALUE:
            return fitting
    if words and isinstance(value, str):
        raise wrong(f"Invalid {place}: must be one of {', '.join(filter(None, words))}", place)
    raise wrong(f"Invalid value for {place}: {value!r}", place)


def choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in UNIONS else (hint,)


def as_type(option: Any, value: Any, place: str, closed: bool) -> Any:
    """The value as this type, or NO_VALUE. With `closed`, `str` is only there for words not known yet."""
    if is_typeddict(option):
        return record(option, value, place) if isinstance(value, dict) else NO_VALUE
    if get_origin(option) is list and isinstance(value, list):
        return [value_of(get_args(option)[0], one, below(place, n)) for n, one in enumerate(value)]
    if get_origin(option) is dict and isinstance(value, dict):
        return {key: value_of(get_args(option)[1], one, below(place, key)) for key, one in value.items()}
    if isinstance(value, str) and option in LEAVES and not (option is str and closed):
        return LEAVES[option](value)
    return NO_VALUE


def as_int(text: str) -> Any:
    return int(text) if text.removeprefix("-").isdecimal() else NO_VALUE


def as_bool(text: str) -> Any:
    return {"true": True, "false": False}.get(text, NO_VALUE)


def as_float(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return NO_VALUE


def as_decimal(text: str) -> Any:
    try:
        return Decimal(text)
    except InvalidOperation:
        return NO_VALUE


LEAVES: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: as_int,
    bool: as_bool,
    float: as_float,
    Decimal: as_decimal,
}
