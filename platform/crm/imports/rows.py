"""One row of a file -> a contact, or the reason why not. Strict: what is not understood is refused with its cell shown,
telephones aside, which are kept as typed and marked. Nothing here asks the database."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from core.csvout import FORMULA_START
from core.people import checked_email, e164

from .columns import BY_KEY, DATES, ZIP_CITY
from .names import TITLE_AFTER, split_name, strip_titles
from .source import Row

MAX_CELL = 10_000
# Characters, as the API takes them.
LIMITS = {
    "prefix": 40, "first_name": 100, "last_name": 100, "company": 200, "position": 200, "street": 200, "city": 100,
    "zip": 20, "country": 60, "owner": 254, "suffix": 40, "source": 200,
}  # fmt: skip
MAX_NAME = 300
MAX_PHONE = 60
MAX_LABEL = 60
MAX_PARTS = 20  # e-mails, phones or addresses in one cell
MAX_LABELS = 50

REASONS: dict[str, Any] = {
    "quotes": _l("The quotation marks in this row do not pair."),
    "long": _l("The cell is longer than 10,000 characters."),
    "too_long": _l("The cell is too long for this field."),
    "too_many": _l("The row has more cells than there are headings. Perhaps a separator stands inside a cell."),
    "unreadable": _l("Some characters could not be read. Check the encoding of the file, or correct the cell."),
    "formula": _l("The cell holds the error of a formula, not a value."),
    "email": _l("This is not an e-mail address."),
    "email_at": _l("The @ is missing."),
    "email_ending": _l("The ending, such as .cz, is missing."),
    "email_space": _l("There is a space inside the address."),
    "date": _l("This is not a date. Write it as 18. 11. 2026 or 2026-11-18."),
    "number": _l("This is not a number."),
    "option": _l("This is not one of the options of the field."),
    "yes": _l("Write yes or no."),
    "link": _l("This is not an address of the web."),
    "nobody": _l("There is no name, company, e-mail or phone in the row."),
}


class Email(NamedTuple):
    kind: str
    address: str


class Phone(NamedTuple):
    """`number` is E.164, or None where the text `typed` is not understood."""

    kind: str
    number: str | None
    typed: str


class Change(NamedTuple):
    """A value that will not be stored as it stands in the cell."""

    field: str
    before: str
    after: str


@dataclass(slots=True)
class ParsedContact:
    """A sound row. Texts are "" and lists empty where the row has nothing; `number` is the row's in the file."""

    number: int
    prefix: str = ""
    first_name: str = ""
    last_name: str = ""
    suffix: str = ""
    company: str = ""
    position: str = ""
    emails: list[Email] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    street: str = ""
    city: str = ""
    zip: str = ""
    country: str = ""
    about: str = ""
    labels: list[str] = field(default_factory=list)
    source: str = ""
    addresses: list[dict[str, str]] = field(default_factory=list)
    owner: str = ""
    last_contact: date | None = None
    custom: dict[str, Any] | None = None
    changes: list[Change] = field(default_factory=list)

    def match_keys(self) -> list[str]:
        """By what the same person is found again, as core.people.match_keys stores it."""
        keys = {address.lower() for _, address in self.emails}
        return sorted(keys | {number for _, number, _ in self.phones if number})


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that will not be taken: which field ("" for the row as a whole), the cell as it stands, and why."""

    number: int
    field: str
    cell: str
    code: str

    @property
    def reason(self) -> str:
        """In the reader's language, with the field's name: "E-mail: The ending, such as .cz, is missing."."""
        return self.reason_at(str(BY_KEY[self.field].label) if self.field in BY_KEY else "")

    def reason_at(self, label: str) -> str:
        words = str(REASONS[self.code])
        return f"{label}: {words}" if label else words


Take = Callable[[ParsedContact, str, str], None]


class UnfitError(Exception):
    def __init__(self, code: str, cell: str = ""):
        super().__init__(code)
        self.code, self.cell = code, cell


def is_blank(row: Row) -> bool:
    """Whether RowParser will find nothing in the row, told without parsing it."""
    return row.fault is None and not any(cell.strip() or len(cell) > MAX_CELL for cell in row.cells)


class RowParser:
    """Reads rows by a mapping of columns (from 0) to keys of columns.FIELDS, or of `own`, which take cells by
    themselves. `country` (ISO 3166) is assumed for local telephone numbers. `width` is how many columns the table has;
    a row with more filled cells is refused."""

    def __init__(
        self, mapping: Mapping[int, str], *, width: int, country: str = "CZ", own: Mapping[str, Take] | None = None
    ):
        self.own = own or {}
        if unknown := set(mapping.values()) - set(BY_KEY) - set(self.own):
            raise ValueError(f"no such fields: {', '.join(sorted(unknown))}")
        self.width, self.country = width, country
        kept = sorted(mapping.items())
        self.steps: list[tuple[int, str, Take]] = [(column, key, self.step(key)) for column, key in kept]

    def step(self, key: str) -> Take:
        if key in self.own:
            return self.own[key]
        special = {
            "name": take_name, "first_name": take_part_of_name, "last_name": take_part_of_name, "prefix": take_prefix,
            "email": take_emails, "email_home": take_emails, "email_other": take_emails,
            "street": take_street, "zip": take_zip,
            "zip_city": take_zip_city, "address": take_address, "about": take_about, "website": take_about,
            "labels": take_labels, "addresses": take_addresses,
        }  # fmt: skip
        if key.startswith("phone"):
            return self.take_phones
        return take_date if key in DATES else special.get(key, take_text)

    def parse(self, row: Row) -> ParsedContact | RefusedRow | None:
        """None for a row with nothing in it."""
        cells = row.cells
        if row.fault:
            return RefusedRow(row.number, "", " | ".join(cells)[:1_000], row.fault)
        if not any(cells):
            return None
        if len(max(cells, key=len)) > MAX_CELL:
            return self.too_long_cell(row)
        joined = "|".join(cells)
        contact = ParsedContact(row.number)
        clean = not DIRTY.search(joined) and (joined.isascii() or unicodedata.is_normalized("NFC", joined))
        count, key, value = len(cells), "", ""
        try:
            if count > self.width and (extra := " ".join(filter(str.strip, cells[self.width :]))):
                raise UnfitError("too_many", extra)
            for column, key, take in self.steps:
                if column >= count or not (value := cells[column].strip()) or value in NOTHING:
                    continue
                if not clean:
                    value = cleaned(contact, key, value)
                if value[:1] in "#'":
                    value = unquoted(value)
                if value:
                    take(contact, key, value)
        except UnfitError as unfit:
            whole_row = unfit.code == "too_many"
            return RefusedRow(row.number, "" if whole_row else key, unfit.cell or value, unfit.code)
        if not (contact.last_name or contact.first_name or contact.emails or contact.phones or contact.company):
            shown = " ".join(filter(str.strip, cells))
            return RefusedRow(row.number, "", shown[:1_000], "nobody") if shown.strip() else None
        return contact

    def too_long_cell(self, row: Row) -> RefusedRow:
        column = next(index for index, cell in enumerate(row.cells) if len(cell) > MAX_CELL)
        key = next((key for at, key, _ in self.steps if at == column), "")
        return RefusedRow(row.number, key, row.cells[column][:200] + "…", "long")

    def take_phones(self, contact: ParsedContact, key: str, value: str) -> None:
        for typed in self.numbers_in(value):
            number = phone_number(typed, self.country)
            if number is None and len(typed) > MAX_PHONE:
                take_about(contact, "about", typed)  # a sentence, not a number: keep it where sentences are
                contact.changes.append(Change(key, typed, ""))
                continue
            if number and any(number == known for _, known, _ in contact.phones):
                continue
            kind = key[6:] or ("mobile" if number and MOBILE.match(number) else "work")
            contact.phones.append(Phone(kind, number, typed))
            if number and number != typed:
                contact.changes.append(Change(key, typed, number))

    def numbers_in(self, value: str) -> list[str]:
        """774/016552 is one number, 602114873/545213660 are two: what is a number as a whole is left whole."""
        if phone_number(value, self.country):
            return [value]
        for separators in (",;\n|", "/"):
            parts = [part.strip() for part in re.split(f"[{separators}]", value) if part.strip()]
            if 1 < len(parts) <= MAX_PARTS and (
                separators != "/" or all(phone_number(part, self.country) for part in parts)
            ):
                return [number for part in parts for number in self.numbers_in(part)]
        return [value]


# Whatever is seldom in a table and must be looked at: controls, odd spaces, marks of direction, undecodable bytes.
DIRTY = re.compile(
    "[\0-\x1f\x7f-\xa0\xad\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufffd]|  "
)
SPACES = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
INVISIBLE = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
NOTHING = frozenset({"-", "--", "---", "\u2013", "\u2014", "N/A", "n/a"})  # hyphens and both dashes
FORMULA_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#HODNOTA!", "#ODKAZ!", "#NÁZEV?"}
)
MANY_LINES = {
    "about", "labels", "addresses", "email", "email_home", "email_other", "phone", "phone_mobile", "phone_work",
    "phone_home", "phone_other",
}  # fmt: skip


def cleaned(contact: ParsedContact, key: str, value: str) -> str:
    """Without what cannot be seen. What could not even be decoded is refused."""
    if "\0" in value or "\ufffd" in value:
        raise UnfitError("unreadable", value)
    text = SPACES.sub(" ", INVISIBLE.sub("", BREAKS.sub("\n", value)))
    text = unicodedata.normalize(
        "NFC", text if key in MANY_LINES or key.startswith("custom.") else text.replace("\n", " ")
    ).strip()
    if INVISIBLE.search(value):
        contact.changes.append(Change(key, value, text))
    return text


def unquoted(value: str) -> str:
    """Our own files put ' before what a spreadsheet would run (core.csvout); they come back here."""
    if value in FORMULA_ERRORS:
        raise UnfitError("formula")
    return value[1:] if value[:1] == "'" and FORMULA_START.match(value) else value


def take_text(contact: ParsedContact, key: str, value: str) -> None:
    if len(value) > LIMITS[key]:
        raise UnfitError("too_long")
    setattr(contact, key, value)


def take_name(contact: ParsedContact, _key: str, value: str) -> None:
    """The whole name; columns with its parts, wherever they stand, go before it."""
    if len(value) > MAX_NAME:
        raise UnfitError("too_long")
    name = split_name(value)
    if len(name.first) > LIMITS["first_name"] or len(name.last) > LIMITS["last_name"]:
        raise UnfitError("too_long")
    if not contact.last_name and not contact.first_name:
        contact.first_name, contact.last_name = name.first, name.last
        if name.swapped:
            contact.changes.append(Change("name", value, f"{name.first} {name.last}"))
    contact.prefix, contact.suffix = contact.prefix or name.prefix, contact.suffix or name.suffix


def take_part_of_name(contact: ParsedContact, key: str, value: str) -> None:
    if len(value) > MAX_NAME:
        raise UnfitError("too_long")
    prefix, name, suffix = strip_titles(value)
    contact.prefix, contact.suffix = contact.prefix or prefix, contact.suffix or suffix
    take_text(contact, key, name)


def take_prefix(contact: ParsedContact, _key: str, value: str) -> None:
    part = "suffix" if TITLE_AFTER.fullmatch(f" {value}") else "prefix"
    before = getattr(contact, part)
    if len(value) + len(before) > LIMITS["prefix"]:
        raise UnfitError("too_long")
    setattr(contact, part, f"{before} {value}".strip() if before != value else value)


# Addresses that email-validator surely takes, letter for letter; it decides about all others.
PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,24}",
    re.IGNORECASE,
)
SEVERAL = re.compile(r"[,;\n|]")
IN_BRACKETS = re.compile(r"[^<>]*<([^<>]+)>")


def take_emails(contact: ParsedContact, key: str, value: str) -> None:
    kind = key[6:] or "work"
    for typed in parts_of(value):
        address = email_address(typed)
        if all(address.lower() != known.lower() for _, known in contact.emails):
            contact.emails.append(Email(kind, address))
        if address != typed:
            contact.changes.append(Change(key, typed, address))


def parts_of(value: str, most: int = MAX_PARTS) -> list[str]:
    if not SEVERAL.search(value):
        return [value]
    parts = [part.strip() for part in SEVERAL.split(value) if part.strip()]
    if len(parts) > most:
        raise UnfitError("too_long")
    return parts


def email_address(typed: str) -> str:
    """As core.people.checked_email stores it, by a short way for the many addresses with nothing special in them."""
    if PLAIN_EMAIL.fullmatch(typed) and typed.index("@") <= 64 and len(typed) <= 254:
        local, _, domain = typed.partition("@")
        return f"{local}@{domain.lower()}"
    bare = named[1].strip() if (named := IN_BRACKETS.fullmatch(typed)) else typed
    bare = bare[7:] if bare[:7].lower() == "mailto:" else bare
    local, at, domain = bare.rpartition("@")
    if not at:
        raise UnfitError("email_at", typed)
    if " " in bare:
        raise UnfitError("email_space", typed)
    if local and domain and "." not in domain:
        raise UnfitError("email_ending", typed)
    if len(bare) > 254:
        raise UnfitError("email", typed)
    try:
        return checked_email(bare)
    except ValueError:
        raise UnfitError("email", typed) from None


# Nine digits of a Czech number, with +420 in any spelling or without; a bare 420 only before ranges in use.
CZECH = re.compile(r"(\+420|00420|420(?=2|5[3-9]|60[1-8]|7[2379]))?([2-79]\d{8})")
MOBILE = re.compile(r"\+420(?:60[1-8]|7[02379])|\+4219\d\d|\+48[4-8]|\+49 ?1[567]|\+43 ?6[5-9]")
PUNCTUATION = str.maketrans("", "", " \xa0-./()")
LABEL = re.compile(r"^(?:tel|telefon|mob|mobil|gsm|t|m|p|phone|mobile)\s*[.:]*\s*(?=[+(\d])", re.IGNORECASE)
FLOAT = re.compile(r"(\d{9,15})[.,]0")


def phone_number(typed: str, country: str) -> str | None:
    """E.164 or None. No letters: "545 213 660 kl. 5" must not become a longer number."""
    found = CZECH.fullmatch(typed.translate(PUNCTUATION))
    if found and (country == "CZ" or found[1] == "+420"):
        return f"+420{found[2]}"
    text = LABEL.sub("", typed)
    if float_of_a_sheet := FLOAT.fullmatch(text):
        text = float_of_a_sheet[1]
    if len(text) > MAX_PHONE or any(map(str.isalpha, text)):
        return None
    return e164(text, country)


def take_street(contact: ParsedContact, _key: str, value: str) -> None:
    """Street and house number often stand in two columns."""
    take_text(contact, "street", f"{contact.street} {value}".strip())


SHORT_ZIP = re.compile(r"(?:CZ|SK)?[- ]?(\d{3}) ?(\d{2})")
ZIP_BEFORE = re.compile(r"((?:[A-Z]{1,3}[- ])?\d{3} ?\d{1,3}|\d{2}-\d{3}),?\s+(\D.*)")
ZIP_AFTER = re.compile(r"(\D.*?),?\s+(\d{3} ?\d{2})")


def take_zip(contact: ParsedContact, key: str, value: str) -> None:
    found = SHORT_ZIP.fullmatch(value)
    take_text(contact, "zip", f"{found[1]} {found[2]}" if found else value)
    if contact.zip != value:
        contact.changes.append(Change(key, value, contact.zip))


def take_zip_city(contact: ParsedContact, key: str, value: str) -> None:
    """Split "60200 Brno" and "Brno 602 00"; without a number, or with another form, it is all the city."""
    if found := ZIP_BEFORE.fullmatch(value):
        code, city = found[1], found[2]
    elif found := ZIP_AFTER.fullmatch(value):
        city, code = found[1], found[2]
    elif SHORT_ZIP.fullmatch(value):
        code, city = value, ""
    else:
        code, city = "", value
    if code:
        take_zip(contact, key, code)
    if city:
        take_text(contact, "city", city.strip())


def take_address(contact: ParsedContact, key: str, value: str) -> None:
    """Split "Lidická 24, 602 00 Brno"; where no part of it reads as ZIP and city, it is all the street."""
    street, comma, rest = value.partition(",")
    if comma and ZIP_CITY.fullmatch(rest.strip()):
        take_street(contact, key, street.strip())
        take_zip_city(contact, key, rest.strip())
    else:
        take_street(contact, key, value)


# A line of the column of all addresses, as our own export writes it: "home: Lidická 24 | 602 00 | Brno | CZ".
WRITTEN_ADDRESS = re.compile(r"(?:(work|home|billing|delivery|other):\s*)?(.*)")


def take_addresses(contact: ParsedContact, key: str, value: str) -> None:
    """An address a line, for whoever has several; they count for more than an address in parts."""
    for line in value.split("\n")[:MAX_PARTS]:
        kind, written = WRITTEN_ADDRESS.fullmatch(line.strip()).groups()  # type: ignore[union-attr]
        part = ParsedContact(contact.number)
        if written.count("|") == 3:
            for name, text in zip(("street", "zip", "city", "country"), written.split("|"), strict=True):
                take_text(part, name, text.strip())
        else:
            take_address(part, key, written)
        contact.addresses.append({
            "kind": kind or "work", "street": part.street, "city": part.city, "zip": part.zip, "country": part.country
        })  # fmt: skip


def take_about(contact: ParsedContact, _key: str, value: str) -> None:
    contact.about = f"{contact.about}\n{value}" if contact.about else value
    if len(contact.about) > MAX_CELL:
        raise UnfitError("too_long")


def take_labels(contact: ParsedContact, _key: str, value: str) -> None:
    lines = [line.strip() for line in value.split("\n") if line.strip()]  # our own export: a label may have a comma
    for label in lines[:MAX_LABELS] if len(lines) > 1 else parts_of(value, MAX_LABELS):
        if len(label) > MAX_LABEL:
            raise UnfitError("too_long", label)
        if label not in contact.labels:
            contact.labels.append(label)


CZECH_DATE = re.compile(r"(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})(?: \d{1,2}:\d\d(?::\d\d)?)?")
ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def take_date(contact: ParsedContact, key: str, value: str) -> None:
    setattr(contact, key, date_of(value))


def date_of(value: str) -> date:
    try:
        if found := CZECH_DATE.fullmatch(value):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := ISO_DATE.fullmatch(value):
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise UnfitError("date")
