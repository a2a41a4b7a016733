"""What a client filled in, read field by field: the request it makes, or what is to be corrected beside each field."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _

from crm.forms.fields import KINDS, MOST_TEXT, OWN, read_answer
from crm.forms.models import Form
from crm.forms.own import Own, take_own

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "fbclid")
GONE = 20  # fields that the form had a moment ago are kept, so many at most


@dataclass
class Answers:
    """`said` is what crm.requests.actions.Received takes; `errors` by the field's id; `typed` as it came."""

    said: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)


def read(form: Form, posted: Mapping[str, str], own: Own, with_files: frozenset[str] = frozenset()) -> Answers:
    """`own` are the business's own fields; `with_files` those by which files came."""
    found = Answers(typed=dict(posted))
    said: dict[str, Any] = {"answers": [], "consents": [], "fields": {"contact": {}, "deal": {}}}
    address: dict[str, str] = {}
    for asked in form.fields:
        try:
            if asked["kind"] == OWN:
                take_own(said, asked, own.get(asked["of"]), posted.get(asked["id"], ""))
            else:
                take(said, address, asked, posted, with_files)
        except ValueError as error:
            found.errors[asked["id"]] = str(error)
    if address:
        said["fields"]["contact"]["addresses"] = [{"kind": "home", **address}]
    person = said["fields"]["contact"]
    said.setdefault("name", " ".join(person[part] for part in ("first_name", "last_name") if part in person))
    said["answers"] += asked_before(form, posted)
    said["utm"] = {name: posted[name][:200] for name in UTM if posted.get(name)}
    said["page"] = posted.get("page", "")[:500]
    words = any(said.get(name) for name in ("name", "email", "phone", "company", "text", "answers"))
    if not words and not person and not said["fields"]["deal"].get("custom") and not with_files and not found.errors:
        found.errors[""] = _("Nothing is filled in yet.")
    found.said = said
    return found


def take(
    said: dict[str, Any],
    address: dict[str, str],
    asked: dict[str, Any],
    posted: Mapping[str, str],
    with_files: frozenset[str],
) -> None:
    """One field's answer to where it goes. Raises ValueError."""
    kind, name = KINDS[asked["kind"]], asked["id"]
    if kind.shape == "file":
        if asked["required"] and name not in with_files:
            raise ValueError(_("Add a file."))
        return
    value = read_answer(asked, posted.get(name, ""))
    if not value:
        return
    if kind.shape == "consent":
        said["consents"].append(agreed(asked))
    elif kind.goes.startswith("address."):
        address[kind.goes.removeprefix("address.")] = value
    elif "." in kind.goes:
        of, _dot, column = kind.goes.partition(".")
        said["fields"][of][column] = value
    elif kind.goes:
        said[kind.goes] = value
    else:
        said["answers"].append({"label": asked["label"], "value": _("yes") if kind.shape == "check" else value})


def agreed(asked: dict[str, Any]) -> dict[str, str]:
    """The proof of a consent: the very text, by its hash a version of it, and when. Where from is in the request."""
    text = asked["text"]
    return {
        "label": asked["label"],
        "text": text,
        "hash": hashlib.sha256(text.encode()).hexdigest(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def asked_before(form: Form, posted: Mapping[str, str]) -> list[dict[str, str]]:
    """Answers to fields that were taken out of the form after the client had opened it."""
    now = {asked["id"] for asked in form.fields}
    gone = [name for name in posted if (name.startswith("q-") or name in KINDS) and name not in now]
    return [{"label": name[:40], "value": posted[name][:MOST_TEXT]} for name in gone[:GONE] if posted[name].strip()]
