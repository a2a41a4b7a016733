"""A sound row -> the columns of a contact: those of a new one, or what a row brings to one that is there already.

Nothing here asks the database; the company stays a name until crm.imports.store finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.text import plain
from crm.contacts.models import derived_values
from crm.fields.values import said_in

from .rows import ParsedContact

Values = dict[str, Any]

TITLES = ("prefix", "suffix")
TEXTS = (*TITLES, "position", "about", "source")
ADDRESS = ("street", "city", "zip", "country")
# Of a contact, what a row may change; events of the import keep these before and after.
TAKEN = (
    "prefix", "first_name", "last_name", "suffix", "position", "about", "source", "emails", "phones", "addresses",
    "custom", "labels", "company_id", "owner_id", "last_contact_at",
)  # fmt: skip
DERIVED = ("name", "city", "search", "sort_key", "match_keys")


@dataclass(frozen=True)
class Setting:
    """What the values of one import depend on beside its rows. `owners` maps names and e-mails, in plain letters, to
    the members to whom the importing member may give contacts."""

    import_id: UUID
    member_id: UUID
    owners: Mapping[str, UUID]
    language: str
    time_zone: str
    duplicates: str

    @property
    def updates(self) -> bool:
        return self.duplicates in ("fill", "overwrite")


def values_of(parsed: ParsedContact, setting: Setting) -> Values:
    """The columns of a new contact, derived ones apart. A row that has a company alone is a contact by its name."""
    nameless = not (parsed.first_name or parsed.last_name or parsed.emails or parsed.phones)
    return {
        "prefix": parsed.prefix,
        "first_name": parsed.first_name,
        "last_name": parsed.company if nameless else parsed.last_name,
        "suffix": parsed.suffix,
        "position": parsed.position,
        "about": parsed.about,
        "source": parsed.source,
        "emails": [{"kind": kind, "address": address} for kind, address in parsed.emails],
        "phones": [
            {"kind": kind, "number": number or typed, "valid": number is not None}
            for kind, number, typed in parsed.phones
        ],
        "addresses": addresses_of(parsed),
        "custom": said_in(parsed.custom or {}),
        "labels": parsed.labels,
        "company": parsed.company,
        "owner_id": owner_of(parsed, setting) or setting.member_id,
        "last_contact_at": moment_of(parsed, setting),
    }


def addresses_of(parsed: ParsedContact) -> list[dict[str, str]]:
    if parsed.addresses:
        return parsed.addresses
    if not (parsed.street or parsed.city or parsed.zip or parsed.country):
        return []
    return [{
        "kind": "work", "street": parsed.street, "city": parsed.city, "zip": parsed.zip, "country": parsed.country,
    }]  # fmt: skip


def owner_of(parsed: ParsedContact, setting: Setting) -> UUID | None:
    return setting.owners.get(plain(parsed.owner)) if parsed.owner else None


def moment_of(parsed: ParsedContact, setting: Setting) -> datetime | None:
    """Noon of the day: it is that day in every member's time zone but the farthest."""
    if parsed.last_contact is None:
        return None
    return datetime.combine(parsed.last_contact, time(12), ZoneInfo(setting.time_zone)).astimezone(UTC)


def derived_of(values: Values, language: str) -> Values:
    return derived_values(
        values["prefix"], values["first_name"], values["last_name"], values["suffix"],
        values["emails"], values["phones"], values["addresses"], language,
    )  # fmt: skip


def brought(present: Values, parsed: ParsedContact, setting: Setting) -> Values:
    """What a row changes of the contact that it was found to be; empty when it brings nothing new.

    With "fill" only what is missing is taken, with "overwrite" the file's value wins. E-mails, phones and labels are
    added in both, never removed, and a business's own fields that the file does not have stay. First and last name are
    one thing: filling in half of a name would marry a husband's first name to his wife's last.
    """
    wins = setting.duplicates == "overwrite"
    given = values_of(parsed, setting)
    wanted: Values = {key: given[key] for key in TEXTS if given[key] and (wins or not present[key])}
    name = (given["first_name"], given["last_name"])
    if any(name) and (wins or not (present["first_name"] or present["last_name"])):
        wanted["first_name"], wanted["last_name"] = name
    wanted["emails"] = present["emails"] + unknown(given["emails"], present["emails"], "address")
    wanted["phones"] = present["phones"] + unknown(given["phones"], present["phones"], "number")
    wanted["labels"] = present["labels"] + [label for label in given["labels"] if label not in present["labels"]]
    if given["custom"]:
        under, over = (present["custom"], given["custom"]) if wins else (given["custom"], present["custom"])
        wanted["custom"] = said_in({**under, **over})
    wanted["addresses"] = addresses_with(present["addresses"], given["addresses"], wins)
    if (wins or not present["company"]) and plain(given["company"]) not in ("", plain(present["company"])):
        wanted["company"] = given["company"]
    if wins and (owner := owner_of(parsed, setting)):
        wanted["owner_id"] = owner
    if given["last_contact_at"] and (
        present["last_contact_at"] is None or given["last_contact_at"] > present["last_contact_at"]
    ):
        wanted["last_contact_at"] = given["last_contact_at"]
    return {key: value for key, value in wanted.items() if value != present[key]}


def unknown(given: list[dict[str, Any]], present: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    known = {way[key].lower() for way in present}
    return [way for way in given if way[key].lower() not in known]


def addresses_with(present: list[dict[str, Any]], given: list[dict[str, str]], wins: bool) -> list[dict[str, Any]]:
    """A contact without an address takes the file's; otherwise the file's parts win over the first, or stay out."""
    if not given or not present:
        return given or present
    if not wins:
        return present
    return [{**present[0], **{part: given[0][part] for part in ADDRESS if given[0][part]}}, *present[1:]]
