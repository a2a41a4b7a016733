"""Forms of contacts and companies: what was stored as their fields show it, and what was typed as actions take it."""

from typing import Any

from flask import request

from core.pages import blank_to_none, form_values
from core.people import Reachable, shown_phone

REACHED = ("emails", "phones", "addresses")


def reach_stored(record: Reachable) -> dict[str, Any]:
    """The ways to reach somebody, and the labels, as the form shows them."""
    return {
        "emails": record.emails,
        "phones": [{"kind": phone["kind"], "number": shown_phone(phone["number"])} for phone in record.phones],
        "addresses": record.addresses,
        "labels": ", ".join(record.labels),
    }


def typed_form() -> dict[str, Any]:
    """The form as it was typed, to be shown again as it is. A list that was not on it is not there."""
    return {name: value for name, value in form_values(request.form).items() if name not in ("next", "was")}


def given(typed: dict[str, Any], *links: str) -> dict[str, Any]:
    """What was typed, as an action's input; `links` are fields where nothing chosen means none."""
    values = {name: value for name, value in typed.items() if name != "more"}
    if "labels" in values:
        values["labels"] = list(dict.fromkeys(label for part in values["labels"].split(",") if (label := part.strip())))
    return blank_to_none(values, "id", "version", *links)
