"""Which column of a file is which field of a contact: the fields there are, and a guess with its reason."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from core.text import plain

from .names import FIRST_NAMES, strip_titles

Reason = Literal["heading", "values", "split", "dates", "unsure"]
REASONS: dict[Reason, Any] = {
    "heading": _l("by the heading"),
    "values": _l("by the values"),
    "split": _l("split in two"),
    "dates": _l("dates D. M. YYYY"),
    "unsure": _l("not sure"),
}


@dataclass(frozen=True)
class Field:
    """A place in a contact that a column may fill. `many`: several columns may fill it. `headings`: how people call
    it in Czech and English files, without accents, case and punctuation."""

    key: str
    label: Any
    headings: tuple[str, ...]
    many: bool = False


def field(key: str, label: Any, headings: str, *, many: bool = False) -> Field:
    return Field(key, label, tuple(name.strip() for name in headings.split(",")), many)


FIELDS: list[Field] = [
    field("name", _p("column", "Name"),
          "jmeno a prijmeni, jmeno prijmeni, prijmeni a jmeno, prijmeni jmeno, cele jmeno, kontakt, kontaktni osoba, "
          "jmeno kontaktu, osoba, zakaznik, klient, full name, contact, contact name, contact person, display name, "
          "customer, client, file as, jmeno zakaznika, jmeno klienta, zobrazovane jmeno"),
    field("first_name", _l("First name"),
          "krestni jmeno, krestni, jmeno osoby, first name, given name, forename, firstname, givenname, krestne meno"),
    field("last_name", _l("Last name"),
          "prijmeni, last name, surname, family name, lastname, familyname, priezvisko"),
    field("prefix", _l("Title"),
          "titul, tituly, titul pred, titul pred jmenem, akademicky titul, titul za, degree, "
          "name prefix, prefix, academic title, title before the name", many=True),
    field("suffix", _l("Title behind the name"), "titul za jmenem, title behind the name, name suffix, suffix"),
    field("company", _l("Company"),
          "firma, spolecnost, nazev firmy, nazev spolecnosti, jmeno firmy, nazev, organizace, podnik, obchodni jmeno, "
          "obchodni firma, zamestnavatel, company, company name, organization, organisation, organization name, "
          "account, account name, employer, business, business name, spolocnost"),
    field("position", _l("Position"),
          "pozice, funkce, pracovni pozice, pracovni zarazeni, role, job title, position, job, jobtitle, role title"),
    field("email", _l("E-mail"),
          "e mail, email, mail, emailova adresa, e mailova adresa, emaily, e maily, pracovni email, firemni email, "
          "email prace, email address, e mail address, mail address, work email, business email, emailadresse, "
          "primary email, kontaktni email, hlavni email, email value", many=True),
    field("email_home", _l("E-mail: home"), "e mail home, e mail domu", many=True),
    field("email_other", _l("E-mail: other"),
          "e mail other, e mail jiny, "
          "dalsi email, jiny email, druhy email, soukromy email, osobni email, email domu, other email, home email, "
          "personal email, private email, second email, secondary email, alternate email", many=True),
    field("phone", _l("Phone"),
          "telefon, tel, telefonni cislo, tel cislo, cislo telefonu, telefony, kontaktni telefon, phone, phone number, "
          "telephone, telephone number, phone value, tel c, primary phone, hlavni telefon, telefonne cislo", many=True),
    field("phone_mobile", _l("Phone: mobile"),
          "phone mobile, "
          "mobil, mobilni telefon, mobilni cislo, cislo mobilu, tel mobil, gsm, mobile, mobile phone, mobile number, "
          "cell, cell phone, cellphone, mob", many=True),
    field("phone_work", _l("Phone: work"),
          "phone work, telefon pracovni, "
          "pracovni telefon, telefon do prace, telefon prace, firemni telefon, telefon firma, pevna linka, pevna, "
          "work phone, business phone, office phone, company phone, telefon kancelar", many=True),
    field("phone_home", _l("Phone: home"),
          "phone home, telefon domaci, "
          "telefon domu, domaci telefon, soukromy telefon, telefon soukromy, home phone, private phone", many=True),
    field("phone_other", _l("Phone: other"), "phone other, telefon jiny, other phone, dalsi telefon", many=True),
    field("street", _l("Address: street"),
          "address street, adresa ulice, "
          "ulice, ulice a cislo, ulice cislo, ulice a cp, ulice a c p, ulice c p, ulice a cislo popisne, "
          "cislo popisne, c p, cp, cislo domu, cislo orientacni, street, street address, address line 1, "
          "address line 2, street and number, house number, business street, home street, address 1, ulica", many=True),
    field("zip_city", _l("Address: ZIP and city"),
          "psc mesto, psc a mesto, psc obec, psc a obec, mesto psc, mesto a psc, obec psc, zip city, zip and city, "
          "city zip, postal code and city"),
    field("zip", _l("Address: ZIP"),
          "address zip, adresa psc, psc, postovni smerovaci cislo, zip, zip code, zipcode, postal code, postcode, "
          "post code, postalcode"),
    field("city", _l("Address: city"),
          "address city, adresa mesto, mesto, obec, mesto obec, sidlo, lokalita, city, town, locality, business city, "
          "home city, misto"),
    field("country", _l("Address: country"),
          "address country, adresa zeme, zeme, stat, kod zeme, krajina, country, country code, country region, "
          "business country region"),
    field("address", _l("Address in one"),
          "adresa, cela adresa, bydliste, adresa bydliste, adresa firmy, postovni adresa, dorucovaci adresa, "
          "kontaktni adresa, address, full address, mailing address, postal address, business address, home address"),
    field("addresses", _l("All addresses"), "all addresses, vsechny adresy"),
    field("source", _l("Came from"), "came from, odkud prisel, odkud, zdroj, zdroj kontaktu, source, lead source"),
    field("website", _l("Website, kept in the note"),
          "web, www, webova stranka, webove stranky, stranky, internet, website, web site, web page, url, homepage"),
    field("about", _l("Note"),
          "poznamka, poznamky, pozn, popis, komentar, informace, doplnujici informace, note, notes, comment, comments, "
          "description, remark, remarks, poznamka k zakaznikovi", many=True),
    field("labels", _l("Labels"),
          "stitky, stitek, tagy, tag, kategorie, skupina, skupiny, oznaceni, labels, label, tags, categories, "
          "category, group, groups, segment, group membership", many=True),
    field("owner", _p("record", "Owner"),
          "stara se, "
          "vlastnik, obchodnik, prodejce, obchodni zastupce, odpovedna osoba, odpovida, resitel, spravce, prirazeno, "
          "zodpovedny, owner, contact owner, account manager, assigned to, sales rep, salesperson, responsible"),
    field("last_contact", _l("Last contact"),
          "naposled, naposledy, posledni kontakt, datum posledniho kontaktu, posledni hovor, posledni aktivita, "
          "posledni jednani, kontaktovano, last contact, last contacted, last activity, last activity date, last call"),
]  # fmt: skip
BY_KEY: dict[str, Field] = {entry.key: entry for entry in FIELDS}
BY_HEADING: dict[str, str] = {heading: entry.key for entry in FIELDS for heading in entry.headings}
DATES = {"last_contact"}


@dataclass(frozen=True)
class Guess:
    """`field` is a key of FIELDS or None for "do not import"; `confidence` from 0 to 1; `reason` a key of REASONS."""

    column: int
    heading: str
    field: str | None
    reason: Reason
    confidence: float


Test = Callable[[str], bool]
EMAIL = re.compile(r"\s*(?:mailto:|.*<)?[^\s@,;<>]+@[^\s@,;<>]+>?(?:\s*[,;\n].*)?\s*", re.DOTALL)
PHONE = re.compile(
    r"\s*(?:[^\W\d]{0,7}[.:]{0,2}\s?)(?:\+|00)?\(?\+?\d(?:[\s./()-]{0,2}\d){8,13}\)?(?:\s*[,;/\n].*)?\s*", re.DOTALL
)
ZIP = re.compile(r"\s*(?:CZ|SK)?[- ]?\d{3}\s?\d{2}\s*")
ZIP_CITY = re.compile(r"\s*(?:(?:CZ|SK)?[- ]?\d{3}\s?\d{2},?\s+[^\W\d].*|[^\W\d].*,?\s\d{3}\s?\d{2})\s*")
DATE = re.compile(r"\s*(?:\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|\d{4}-\d\d-\d\d)(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?\s*")
WEBSITE = re.compile(r"\s*(?:https?://\S+|www\.\S+\.\S+)\s*", re.IGNORECASE)
COMPANY = re.compile(
    r".*\b(?:s\. ?r\. ?o\b|a\. ?s\.|spol\. |v\. ?o\. ?s\b|k\. ?s\.|z\. ?s\b|o\. ?p\. ?s\b|(?:GmbH|Ltd|Inc)\b).*",
    re.IGNORECASE,
)
STREET = re.compile(r"\s*[^\W\d][\w .'-]*\s\d{1,4}(?:/\d{1,4})?[a-z]?\s*", re.IGNORECASE)


def is_first_name(text: str) -> bool:
    return plain(text.strip()) in FIRST_NAMES


def is_full_name(text: str) -> bool:
    words = strip_titles(text)[1].replace(",", " ").split()
    return 2 <= len(words) <= 4 and any(plain(word) in FIRST_NAMES for word in words)


# Values that speak for a field, the surest first.
TESTS: list[tuple[str, Test]] = [
    ("email", lambda text: bool(EMAIL.fullmatch(text))),
    ("website", lambda text: bool(WEBSITE.fullmatch(text))),
    ("zip_city", lambda text: bool(ZIP_CITY.fullmatch(text))),
    ("zip", lambda text: bool(ZIP.fullmatch(text))),
    ("date", lambda text: bool(DATE.fullmatch(text))),
    ("phone", lambda text: bool(PHONE.fullmatch(text))),
    ("company", lambda text: bool(COMPANY.fullmatch(text))),
    ("name", is_full_name),
    ("first_name", is_first_name),
    ("street", lambda text: bool(STREET.fullmatch(text))),
]
# Fields whose values must pass a test; a heading that the values contradict is not believed.
SHAPED = {
    "email": "email", "email_home": "email", "email_other": "email", "phone": "phone", "phone_mobile": "phone",
    "phone_work": "phone", "phone_home": "phone", "last_contact": "date",
    "zip": "zip", "zip_city": "zip_city", "website": "website",
}  # fmt: skip
UNMISTAKABLE = {"email", "phone", "website", "date"}


def guess(headings: Sequence[str], rows: Sequence[Sequence[str]], own: Mapping[str, str] | None = None) -> list[Guess]:
    """One guess a column, from its heading and from a sample of rows (200 are plenty). `own` are the headings of the
    business's own fields, with their keys. A field that takes one column
    goes to the surest; the others are left out with "not sure"."""
    by_heading = fit_together([by_its_heading(heading, own or {}) for heading in headings])
    guesses = [
        weigh(column, headings[column], named, sure, shares(column, rows))
        for column, (named, sure) in enumerate(by_heading)
    ]
    taken: set[str] = set()
    for best in sorted(guesses, key=lambda entry: -entry.confidence):
        if best.field is None:
            continue
        if best.field in taken and not is_many(best.field):
            guesses[best.column] = Guess(best.column, best.heading, None, "unsure", 0.0)
        taken.add(best.field)
    return guesses


def is_many(key: str) -> bool:
    return key in BY_KEY and BY_KEY[key].many


def by_its_heading(heading: str, own: Mapping[str, str]) -> tuple[str | None, float]:
    """The field that a heading names, and how surely: in full 1.0, as a part of it 0.7. A field of the business's own
    counts for more than another word for one that everybody has, but not than the very name of that."""
    whole = plain_heading(heading)
    if whole in own and (whole not in BY_HEADING or plain_heading(str(BY_KEY[BY_HEADING[whole]].label)) != whole):
        return own[whole], 1.0
    name = whole.rstrip("0123456789 ") or whole  # Telefon 2
    if exact := BY_HEADING.get(whole) or BY_HEADING.get(name):
        return exact, 1.0
    if name in {"jmeno", "name", "meno"}:
        return "name", 0.9
    inside = [known for known in BY_HEADING if len(known) > 3 and f" {known} " in f" {name} "]
    return (BY_HEADING[max(inside, key=len)], 0.7) if inside else (None, 0.0)


def plain_heading(heading: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain(heading)).split())


def fit_together(fields: list[tuple[str | None, float]]) -> list[tuple[str | None, float]]:
    """Some headings mean one thing alone and another in company: Name beside Surname, Address beside City."""
    named = {key for key, _ in fields}
    read_as: dict[str | None, str] = {}
    if "last_name" in named and "first_name" not in named:
        read_as["name"] = "first_name"
    if named & {"city", "zip", "zip_city"} and "street" not in named:
        read_as["address"] = "street"
    return [(read_as.get(key, key), sure) for key, sure in fields]


def shares(column: int, rows: Sequence[Sequence[str]]) -> dict[str, float]:
    """What part of the column's filled cells passes each test of TESTS."""
    values = [row[column][:200] for row in rows if column < len(row) and row[column].strip()]
    return {key: sum(map(test, values)) / len(values) for key, test in TESTS} if values else {}


def weigh(column: int, heading: str, named: str | None, sure: float, share: dict[str, float]) -> Guess:
    looks = next((key for key, _ in TESTS if share.get(key, 0) >= 0.6), None)
    if named and not contradicted(named, share, looks):
        sure = min(1.0, sure + 0.2 * share.get(SHAPED.get(named, named), 0))
        if named == "zip" and looks == "zip_city":
            named = "zip_city"
        return Guess(column, heading, named, how(named), round(sure, 2))
    if looks and looks != "date":
        return Guess(column, heading, looks, how(looks, "values"), round(0.8 * share[looks], 2))
    return Guess(column, heading, None, "unsure", 0.0)


def contradicted(named: str, share: dict[str, float], looks: str | None) -> bool:
    """A heading that promises e-mails over a column of telephones. An empty column contradicts nothing."""
    shape = SHAPED.get(named)
    if not share or named in {"zip", "zip_city"} or named not in BY_KEY:
        return False
    if shape and share[shape] < 0.2:
        return shape != "phone" or looks is not None  # short and foreign numbers are still numbers
    return shape is None and looks in UNMISTAKABLE and named not in {"about", "labels", "owner"}


def how(key: str, otherwise: Reason = "heading") -> Reason:
    return "dates" if key in DATES else "split" if key == "zip_city" else otherwise
