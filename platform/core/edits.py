"""Two people's edits of one record: what each of them changed, so that neither is lost.

The form of a record carries in `was` what it showed when it was opened. When it comes back and somebody else has stored
something in between, `settled` takes over what they changed and this person left alone; `meanwhile` is the rest, which
both of them changed, and which the form then shows twice.
"""

from typing import Any

import orjson
from flask import request

from core.people import address_line


def as_shown(stored: dict[str, Any]) -> str:
    """The value of the form's field `was`; of a form that is drawn again, what it was opened with."""
    return request.form.get("was") or orjson.dumps(stored, default=str).decode()


def settled(typed: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What was typed, and where nothing was, what is stored now. A form without `was` counts as typed in full."""
    was = opened_with()
    return {
        name: now[name] if name in was and name in now and not differs(value, was[name]) else value
        for name, value in typed.items()
    }


def opened_with() -> dict[str, Any]:
    try:
        was = orjson.loads(request.form.get("was", ""))
    except orjson.JSONDecodeError:
        return {}
    return was if isinstance(was, dict) else {}


def meanwhile(typed: dict[str, Any], stored: dict[str, Any]) -> dict[str, str]:
    """Of a conflict: what is stored now, as a text, for each field that both changed, each otherwise."""
    was = opened_with()
    return {
        name: in_words(stored[name])
        for name, value in typed.items()
        if name != "version"
        and name in stored
        and differs(value, stored[name])
        and not (name in was and not differs(stored[name], was[name]))
    }


def differs(typed: Any, stored: Any) -> bool:
    if isinstance(typed, list) and isinstance(stored, list):
        return [filled(row) for row in typed] != [filled(row) for row in stored]
    return plain(typed) != plain(stored)


def plain(value: Any) -> str:
    """A value of a field as text; browsers send lines ended in their own way."""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def filled(row: Any) -> dict[str, str]:
    return {name: str(value).strip() for name, value in row.items() if value} if isinstance(row, dict) else {}


def in_words(value: Any) -> str:
    if not isinstance(value, list):
        return "" if value is None else str(value)
    return "; ".join(row.get("address") or row.get("number") or address_line(row) for row in value)
