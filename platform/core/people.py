"""How a person or a firm is reached: lists of e-mails, phones and addresses, each with a kind."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.actions import Input
from core.text import searchable

Ways = Sequence[dict[str, Any]]  # e-mails, phones or addresses as rows keep them


def checked_email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise ValueError(_("This is not an e-mail address. Write it as name@example.com.")) from None


EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(checked_email)]


class Email(Input):
    kind: Literal["work", "home", "other"] = "work"
    address: EmailAddress


class Phone(Input):
    """`number` as typed or in E.164; stored in E.164 where it can be understood (`valid`), else as typed."""

    kind: Literal["mobile", "work", "home", "other"] = "mobile"
    number: Annotated[str, Field(min_length=1, max_length=60)]


class StoredPhone(BaseModel):
    """`number` is in E.164 where `valid`, else as it was typed."""

    kind: str
    number: str
    valid: bool


class Address(Input):
    kind: Literal["work", "home", "billing", "delivery", "other"] = "work"
    street: Annotated[str, Field(max_length=200)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    zip: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(max_length=60)] = ""


def e164(number: str, country: str) -> str | None:
    """The number in E.164, or None where it cannot be one. `country` (ISO 3166) is assumed for local numbers.

    A text with letters, such as an extension, is no number: it is kept as typed rather than shortened.
    """
    if any(letter.isalpha() for letter in number):
        return None
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def stored_phones(phones: list[Phone], country: str) -> list[dict[str, Any]]:
    """Phones as rows keep them: {kind, number, valid}."""
    stored = []
    for phone in phones:
        number = e164(phone.number, country)
        stored.append({"kind": phone.kind, "number": number or phone.number, "valid": number is not None})
    return stored


def shown_phone(number: str) -> str:
    """E.164 in groups as people read it: +420 602 114 873. Anything else unchanged."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number


def address_line(address: dict[str, str]) -> str:
    """ "Lidická 24, 602 00 Brno"."""
    town = f"{address.get('zip', '')} {address.get('city', '')}".strip()
    return ", ".join(part for part in (address.get("street"), town, address.get("country")) if part)


class Reachable:
    """Columns of whatever has a name and ways to reach it, with what search, sorting and matching need."""

    emails: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    phones: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    addresses: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    city: Mapped[str] = mapped_column(server_default="", default="")
    labels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    # Samples enough for the planner to know how common a fragment is: rare ones by trigrams, common ones in order.
    search: Mapped[str] = mapped_column(server_default="", default="", info={"statistics": 1000})
    sort_key: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''::bytea"), default=b"")
    match_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)


def reachable_indexes(table: str) -> tuple[Index, ...]:
    """The indexes that lists, search and duplicate matching of contacts and companies stand on."""
    live: dict[str, Any] = {"postgresql_where": text("deleted_at is null")}
    trigrams: dict[str, Any] = {"postgresql_using": "gin", "postgresql_ops": {"search": "ext.gin_trgm_ops"}}
    return (
        Index(f"ix_{table}_sort", "sort_key", "id", **live),
        Index(f"ix_{table}_owner", "owner_id", "id", **live),
        Index(f"ix_{table}_city", "city", "id", **live),
        Index(f"ix_{table}_prefix", text('"left"(search, 40) text_pattern_ops'), **live),
        Index(f"ix_{table}_search", "search", **trigrams),
        own_index(table),
        # Without a list of pending entries: an import looks up thousands of keys right after adding as many.
        Index(f"ix_{table}_match", "match_keys", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )


def own_index(table: str) -> Index:
    """What a business's own fields say. Where nothing is said, it costs nothing."""
    by_path: dict[str, Any] = {"postgresql_using": "gin", "postgresql_ops": {"custom": "jsonb_path_ops"}}
    return Index(f"ix_{table}_custom", "custom", **by_path, postgresql_where=text("custom <> '{}'"))


def search_text(name: str, *more: str, emails: Ways, phones: Ways, city: str) -> str:
    """What quick find looks through: names, e-mails, digits of phones, city; at most 2,000 characters."""
    parts = [name, *more, *(e["address"] for e in emails), *(p["number"].lstrip("+") for p in phones), city]
    return searchable(" ".join(part for part in parts if part))[:2000]


def match_keys(emails: Ways, phones: Ways) -> list[str]:
    """By what two records are taken for the same: each e-mail in lower case, each understood phone in E.164."""
    return sorted({e["address"].lower() for e in emails} | {p["number"] for p in phones if p["valid"]})
