"""Rows into contacts: what is normalised, what is kept as typed, what is refused and with which cell."""

import re
import unicodedata
from datetime import date

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.people import checked_email, e164
from crm.imports.columns import FIELDS
from crm.imports.rows import (
    MAX_CELL,
    REASONS,
    Change,
    Email,
    ParsedContact,
    Phone,
    RefusedRow,
    RowParser,
    UnfitError,
    email_address,
    is_blank,
    phone_number,
)  # fmt: skip
from crm.imports.source import Row


def parse(region: str = "CZ", **values: str) -> ParsedContact | RefusedRow | None:
    """One row whose columns are the fields named."""
    mapping = dict(enumerate(values))
    return RowParser(mapping, width=len(values), country=region).parse(Row(2, list(values.values())))


def contact(region: str = "CZ", **values: str) -> ParsedContact:
    parsed = parse(region, **values)
    assert isinstance(parsed, ParsedContact), parsed
    return parsed


def refused(**values: str) -> tuple[str, str, str]:
    parsed = parse(**values)
    assert isinstance(parsed, RefusedRow), parsed
    assert parsed.number == 2
    return parsed.field, parsed.cell, parsed.code


def test_a_whole_row() -> None:
    assert contact(
        name="Ing. Markéta Nováková, Ph.D.", phone="602114873", email="Marketa@Seznam.CZ", company="Okna Horák s.r.o.",
        street="Lidická 24", zip_city="60200 Brno", country="Česko", position="jednatelka", about="VIP\nvolat večer",
        labels="okna; dveře,okna", owner="jana@okna.cz", website="www.okna.cz",
        last_contact="18.11.2026",
    ) == ParsedContact(
        number=2, prefix="Ing.", first_name="Markéta", last_name="Nováková", suffix="Ph.D.", position="jednatelka",
        company="Okna Horák s.r.o.", emails=[Email("work", "Marketa@seznam.cz")],
        phones=[Phone("mobile", "+420602114873", "602114873")], street="Lidická 24", city="Brno", zip="602 00",
        country="Česko", about="VIP\nvolat večer\nwww.okna.cz", labels=["okna", "dveře"],
        owner="jana@okna.cz", last_contact=date(2026, 11, 18),
        changes=[
            Change("phone", "602114873", "+420602114873"),
            Change("email", "Marketa@Seznam.CZ", "Marketa@seznam.cz"),
            Change("zip_city", "60200", "602 00"),
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "prefix", "first", "last", "suffix"),
    [
        ("Jan Novák", "", "Jan", "Novák", ""),
        ("Novák Jan", "", "Jan", "Novák", ""),
        ("Novák, Jan", "", "Jan", "Novák", ""),
        ("NOVÁKOVÁ EVA", "", "EVA", "NOVÁKOVÁ", ""),
        ("Nováková Dvořáková Marie", "", "Marie", "Nováková Dvořáková", ""),
        ("Anna Marie Malá", "", "Anna Marie", "Malá", ""),
        ("Petr Pavel", "", "Petr", "Pavel", ""),
        ("Nguyen Van Thanh", "", "Nguyen", "Van Thanh", ""),
        ("prof. MUDr. Jan Novák, DrSc., MBA", "prof. MUDr.", "Jan", "Novák", "DrSc., MBA"),
        ("Bc. et Bc. Eva Malá DiS.", "Bc. et Bc.", "Eva", "Malá", "DiS."),
        ("Ing.arch. Petr Dub", "Ing.arch.", "Petr", "Dub", ""),
        ("Novák Jan, Ing.", "Ing.", "Jan", "Novák", ""),
        ("Horák", "", "", "Horák", ""),
        ("Jan", "", "Jan", "", ""),
        ("Penzion U Tří lip", "", "", "Penzion U Tří lip", ""),
        ("Jan Novák s.r.o.", "", "", "Jan Novák s.r.o.", ""),
        ("محمد علي", "", "محمد", "علي", ""),
        ("Jan 😀 Novák", "", "Jan", "😀 Novák", ""),
    ],
)
def test_names(typed: str, prefix: str, first: str, last: str, suffix: str) -> None:
    parsed = contact(name=typed)
    assert (parsed.prefix, parsed.first_name, parsed.last_name, parsed.suffix) == (prefix, first, last, suffix)


def test_columns_with_parts_of_the_name_go_before_the_whole() -> None:
    for values in (
        {"name": "Novák J.", "first_name": "Jan", "last_name": "Novák, Ph.D.", "prefix": "Ing."},
        {"prefix": "Ing.", "last_name": "Novák, Ph.D.", "first_name": "Jan", "name": "Novák J."},
    ):
        parsed = contact(**values)
        assert (parsed.prefix, parsed.first_name, parsed.last_name, parsed.suffix) == ("Ing.", "Jan", "Novák", "Ph.D.")


@pytest.mark.parametrize(
    "typed",
    ["602114873", "602 114 873", "602/114873", "602-114-873", "602.114.873", "+420602114873", "+420 602 114 873",
     "00420 602 114 873", "420602114873", "(+420) 602 114 873", "tel.: 602 114 873", "mob. +420602114873",
     "602\u00a0114\u00a0873", "602114873.0", "602114873,0", "\u200e602114873", "'+420602114873"],
)  # fmt: skip
def test_one_phone_in_many_spellings(typed: str) -> None:
    assert [phone[:2] for phone in contact(phone=typed).phones] == [("mobile", "+420602114873")]


@pytest.mark.parametrize(
    "typed",
    ["volat večer", "12345", "545 213 660 kl. 5", "+420 602 114 87O", "602114873 Petr", "0", "+", "😀", "+999 1"],
)
def test_a_phone_that_is_not_understood_is_kept_as_typed_and_marked(typed: str) -> None:
    parsed = contact(phone=typed)
    assert parsed.phones == [Phone("work", None, typed)]
    assert parsed.changes == []
    assert parsed.match_keys() == []


def test_several_phones_in_a_cell() -> None:
    parsed = contact(phone="602114873, 545 213 660;volat večer\n602 114 873", phone_home="519 412 300/602114874")
    assert parsed.phones == [
        Phone("mobile", "+420602114873", "602114873"),
        Phone("work", "+420545213660", "545 213 660"),
        Phone("work", None, "volat večer"),
        Phone("home", "+420519412300", "519 412 300"),
        Phone("home", "+420602114874", "602114874"),
    ]


def test_a_sentence_in_the_phone_column_is_kept_in_the_note() -> None:
    sentence = "volat jen večer po šesté nebo o víkendu, jinak to bere manželka a ta nic neví o oknech"
    parsed = contact(phone="602114873", phone_home=sentence.replace(",", ""), about="VIP")
    assert len(parsed.phones) == 1
    assert parsed.about == f"{sentence.replace(',', '')}\nVIP"
    crowded = contact(name="Jan Novák", phone="1,2,3;" * 100)
    assert (crowded.phones, crowded.about) == ([], "1,2,3;" * 100)


def test_local_numbers_follow_the_country_of_the_workspace() -> None:
    assert contact("SK", phone="0905 123 456").phones == [Phone("mobile", "+421905123456", "0905 123 456")]
    assert contact("DE", phone="030 901820").phones[0].number == "+4930901820"
    assert contact("SK", phone="+420 602 114 873").phones[0].number == "+420602114873"


DIGITS = st.from_regex(r"(\+420|00420|420|\+421|0)?[ ]?[0-9]{3}[ /-]?[0-9]{3}[ ]?[0-9]{3}", fullmatch=True)


@given(typed=DIGITS | st.text("+0123456789 ()/-.", max_size=20), country=st.sampled_from(["CZ", "SK", "DE"]))
@settings(max_examples=600, deadline=None)
def test_the_short_way_to_a_phone_agrees_with_the_long_one(typed: str, country: str) -> None:
    assume(not re.fullmatch(r"\d+\.0", typed.strip()))  # a number that a spreadsheet wrote as a decimal
    assert phone_number(typed.strip(), country) == e164(typed.strip(), country)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("jan@novak.cz", "jan@novak.cz"),
        ("JAN@NOVAK.CZ", "JAN@novak.cz"),
        ("mailto:jan@novak.cz", "jan@novak.cz"),
        ("Jan Novák <jan@novak.cz>", "jan@novak.cz"),
        ("jan@žluťoučký.cz", "jan@žluťoučký.cz"),
        ("o'neil@b.co.uk", "o'neil@b.co.uk"),
    ],
)
def test_emails(typed: str, stored: str) -> None:
    parsed = contact(email=typed)
    assert parsed.emails == [Email("work", stored)]
    assert parsed.changes == ([] if typed == stored else [Change("email", typed, stored)])


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("chladek@stavbykrejci", "email_ending"),
        ("novak.seznam.cz", "email_at"),
        ("jan novak@seznam.cz", "email_space"),
        ("jan..novak@seznam.cz", "email"),
        (".jan@seznam.cz", "email"),
        ("jan@-seznam.cz", "email"),
        ("@seznam.cz", "email"),
        ("jan@seznam..cz", "email"),
        ("jan@seznam.cz.", "email"),
        ("jan@firma.local", "email"),
        ("jan@firma.c1", "email"),
        ("a" * 65 + "@seznam.cz", "email"),
        ("jan@" + "a" * 64 + ".cz", "email"),
        ("jan@" + "a.cz" * 80, "email"),
        ("jan@1.2.3.4", "email"),
        ("jan@xn--a.cz", "email"),
        ("jan", "email_at"),
        ("@", "email"),
        ("jan@@b.cz", "email"),
    ],
)
def test_a_wrong_email_refuses_the_row_with_its_cell(typed: str, code: str) -> None:
    assert refused(name="Jan Novák", email=typed) == ("email", typed, code)


def test_several_emails_in_a_cell_one_wrong() -> None:
    parsed = contact(email="a@b.cz; A@B.cz, c@d.cz\ne@f.cz", email_other="g@h.cz | a@b.cz")
    assert parsed.emails == [
        Email("work", "a@b.cz"), Email("work", "c@d.cz"), Email("work", "e@f.cz"), Email("other", "g@h.cz"),
    ]  # fmt: skip
    assert refused(email="a@b.cz; c@d") == ("email", "c@d", "email_ending")
    assert refused(email=";".join(f"a{at}@b.cz" for at in range(21)))[2] == "too_long"


LOCAL = st.from_regex(r"[A-Za-z0-9_+.'-]{1,12}", fullmatch=True)
DOMAIN = st.from_regex(
    r"[A-Za-z0-9-]{1,6}(\.[A-Za-z0-9-]{1,6}){0,2}\.([a-z]{1,4}|test|local|arpa|xn--a)", fullmatch=True
)


def as_the_api(typed: str) -> str | None:
    try:
        return checked_email(typed)
    except ValueError:
        return None


@given(st.builds("{}@{}".format, LOCAL, DOMAIN) | st.text("ab.@-_+ ž", max_size=12))
@example("a@b-.cz")
@example("a@" + "b" * 63 + ".cz")
@example("a" * 64 + "@b.cz")
@example("a" * 65 + "@b.cz")
@example("x@" + ".".join(["b" * 49] * 5) + ".cz")
@settings(max_examples=800, deadline=None)
def test_the_short_way_to_an_email_agrees_with_the_api(typed: str) -> None:
    typed = typed.strip()
    try:
        found: str | None = email_address(typed)
    except UnfitError:
        found = None
    assert found == as_the_api(typed)


@pytest.mark.parametrize("typed", ["18.11.2026", "18. 11. 2026", "2026-11-18", "18.11.2026 9:30", "2026-11-18 09:30",
                                   "2026-11-18T09:30:00Z", "2026-11-18T09:30:00.000+01:00"])  # fmt: skip
def test_dates(typed: str) -> None:
    assert contact(name="Jan", last_contact=typed).last_contact == date(2026, 11, 18)


@pytest.mark.parametrize("typed", ["31. 2. 2025", "11/18/2026", "18.11.26", "2026-13-01", "včera", "46344",
                                   "18-11-2026", "18.11.2026 v 9", "2026-11-18x", "0. 1. 2026"])  # fmt: skip
def test_anything_else_is_no_date(typed: str) -> None:
    assert refused(name="Jan", last_contact=typed) == ("last_contact", typed, "date")


@pytest.mark.parametrize(
    ("key", "typed", "expected"),
    [
        ("zip_city", "602 00 Brno", ("", "602 00", "Brno")),
        ("zip_city", "60200, Brno", ("", "602 00", "Brno")),
        ("zip_city", "Brno 60200", ("", "602 00", "Brno")),
        ("zip_city", "Brno, 602 00", ("", "602 00", "Brno")),
        ("zip_city", "Brno", ("", "", "Brno")),
        ("zip_city", "60200", ("", "602 00", "")),
        ("zip_city", "Praha 2", ("", "", "Praha 2")),
        ("zip_city", "1010 Wien", ("", "1010", "Wien")),
        ("zip_city", "00-950 Warszawa", ("", "00-950", "Warszawa")),
        ("zip", "CZ-60200", ("", "602 00", "")),
        ("zip", "SW1A 1AA", ("", "SW1A 1AA", "")),
        ("address", "Lidická 24, 602 00 Brno", ("Lidická 24", "602 00", "Brno")),
        ("address", "Lidická 24", ("Lidická 24", "", "")),
        ("address", "Lidická 24, Brno, Česko", ("Lidická 24, Brno, Česko", "", "")),
    ],
)
def test_addresses(key: str, typed: str, expected: tuple[str, str, str]) -> None:
    parsed = contact(name="Jan", **{key: typed})
    assert (parsed.street, parsed.zip, parsed.city) == expected


def test_street_and_house_number_in_two_columns() -> None:
    parser = RowParser({0: "name", 1: "street", 2: "street"}, width=3)
    parsed = parser.parse(Row(2, ["Jan", "Lidická", "24"]))
    assert isinstance(parsed, ParsedContact)
    assert parsed.street == "Lidická 24"


@pytest.mark.parametrize("cells", [[], [""], ["", "", ""], [" ", "\t", "\u00a0"]])
def test_a_row_with_nothing_is_neither_taken_nor_refused(cells: list[str]) -> None:
    assert RowParser({0: "name"}, width=3).parse(Row(2, cells)) is None


def test_a_row_without_anybody_is_refused() -> None:
    assert refused(name="-", phone="", email="n/a", street="Lidická 24") == ("", "- n/a Lidická 24", "nobody")
    for key, value in (("name", "Jan"), ("company", "Okna"), ("email", "a@b.cz"), ("phone", "112")):
        assert isinstance(parse(**{key: value}), ParsedContact)


def test_more_cells_than_headings_and_fewer() -> None:
    parser = RowParser({0: "name", 1: "city"}, width=2)
    assert parser.parse(Row(5, ["Jan", "Brno", "navíc"])) == RefusedRow(5, "", "navíc", "too_many")
    assert isinstance(parser.parse(Row(5, ["Jan", "Brno", "", " "])), ParsedContact)
    assert isinstance(parser.parse(Row(5, ["Jan"])), ParsedContact)


def test_a_row_that_the_file_broke() -> None:
    assert RowParser({0: "name"}, width=1).parse(Row(9, ['"Jan', "1"], "quotes")) == RefusedRow(
        9, "", '"Jan | 1', "quotes"
    )


def test_lengths() -> None:
    assert contact(name="Jan", about="x" * MAX_CELL).about == "x" * MAX_CELL
    assert refused(name="Jan", about="x" * (MAX_CELL + 1)) == ("about", "x" * 200 + "…", "long")
    for key in (
        "company",
        "street",
        "city",
        "zip",
        "country",
        "position",
        "owner",
        "name",
        "last_name",
        "labels",
    ):
        assert refused(**{"email": "a@b.cz", key: "x" * 400})[::2] == (key, "too_long")


def test_what_cannot_be_seen_is_cleaned_and_what_was_not_decoded_refused() -> None:
    parsed = contact(name="\u202eJan\x07  \u00a0Novák\u200b", about="a\r\nb\tc\x0bd")
    assert (parsed.first_name, parsed.last_name, parsed.about) == ("Jan", "Novák", "a\nb c\nd")
    assert parsed.changes[0] == Change("name", "\u202eJan\x07  \u00a0Novák\u200b", "Jan Novák")
    assert contact(name=unicodedata.normalize("NFD", "Šťáhlavský Řehoř")).last_name == "Šťáhlavský"
    assert refused(name="Nov\ufffdk") == ("name", "Nov\ufffdk", "unreadable")
    assert refused(name="Jan\0Novák") == ("name", "Jan\0Novák", "unreadable")
    family = "👨\u200d👩\u200d👧"
    assert contact(name="Jan", about=family).about == family


def test_formulas_are_text_and_errors_of_formulas_are_refused() -> None:
    assert contact(name="=cmd|' /C calc'!A0", company="@SUM(1)").company == "@SUM(1)"
    assert contact(company="'=1+1").company == "=1+1", "what the file of refused rows protected comes back"
    assert contact(company="'t Hooft").company == "'t Hooft"
    assert refused(name="Jan", company="#REF!") == ("company", "#REF!", "formula")


def test_match_keys_are_the_same_for_the_same_person() -> None:
    one = contact(email="Jan.Novak@Seznam.cz", phone="602 114 873")
    other = contact(email="JAN.NOVAK@SEZNAM.CZ", phone="00420602114873")
    assert one.match_keys() == other.match_keys() == ["+420602114873", "jan.novak@seznam.cz"]


def test_columns_not_mapped_are_left_alone() -> None:
    assert RowParser({1: "name"}, width=3).parse(Row(2, ["not@an@email", "Jan Novák", "31. 2. 2025"])) is not None
    with pytest.raises(ValueError, match="nonsense"):
        RowParser({0: "nonsense"}, width=1)


def test_reasons_are_sentences_with_the_name_of_the_field() -> None:
    assert RefusedRow(3, "email", "chladek@stavbykrejci", "email_ending").reason == (
        "E-mail: The ending, such as .cz, is missing."
    )
    assert RefusedRow(3, "", "", "nobody").reason == "There is no name, company, e-mail or phone in the row."
    assert all(str(words).endswith(".") for words in REASONS.values())


@given(st.lists(st.text(max_size=60), min_size=len(FIELDS), max_size=len(FIELDS)))
@settings(max_examples=400, deadline=None)
def test_any_text_in_any_field_is_taken_or_refused(cells: list[str]) -> None:
    mapping = {column: field.key for column, field in enumerate(FIELDS)}
    parsed = RowParser(mapping, width=len(FIELDS)).parse(Row(2, cells))
    if isinstance(parsed, RefusedRow):
        assert parsed.reason
    elif parsed is None:
        assert not "".join(cells).strip()
    else:
        assert all("\0" not in text for text in (parsed.first_name, parsed.last_name, parsed.about, parsed.company))


def test_blank_rows_are_told_without_parsing() -> None:
    parser = RowParser({0: "name", 1: "email"}, width=2)
    cells = ["", " ", "\u00a0", "\u200b", "-", "Jan", "=1", " " * (MAX_CELL + 1), "\t", "#REF!"]
    for first in cells:
        for second in cells:
            for third in ("", " ", "x"):
                row = Row(2, [first, second, third])
                assert is_blank(row) == (parser.parse(row) is None), row
    assert not is_blank(Row(2, [""], "quotes"))
