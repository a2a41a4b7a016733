"""Which column is which: by Czech and English headings, by the values, and not sure when it is not."""

import pytest

from crm.imports.columns import BY_HEADING, BY_KEY, FIELDS, REASONS, guess

VALUES = {
    "name": ["Markéta Nováková", "Ing. Oldřich Chládek", "Žáková Božena"],
    "first_name": ["Markéta", "Oldřich", "Božena"],
    "company": ["Stavby Krejčí s.r.o.", "Okna Horák, a.s.", "Novák spol. s r. o."],
    "email": ["marketa@seznam.cz", "Jan Novák <jan@novak.cz>", "a@b.cz; c@d.cz"],
    "phone": ["602114873", "+420 545 213 660", "774/016552", "00420731880204", "tel. 602 114 873"],
    "street": ["Lidická 24", "Křenová 71/3", "Husova 8a"],
    "zip": ["602 00", "60200", "CZ-602 00"],
    "zip_city": ["602 00 Brno", "60200 Brno", "Brno 602 00"],
    "website": ["https://okno.cz", "www.okno.cz"],
}


def fields(headings: list[str], rows: list[list[str]] | None = None) -> list[str | None]:
    return [entry.field for entry in guess(headings, rows or [])]


@pytest.mark.parametrize("heading", BY_HEADING)
def test_every_known_heading_names_its_field_alone(heading: str) -> None:
    assert fields([heading]) == [BY_HEADING[heading]]


def test_no_heading_names_two_fields() -> None:
    known = [heading for field in FIELDS for heading in field.headings]
    assert sorted(known) == sorted(set(known))


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["Jméno a příjmení", "Tel.", "e-mail", "Firma", "Ulice", "PSČ město", "Naposled"],
         ["name", "phone", "email", "company", "street", "zip_city", "last_contact"]),
        (["JMÉNO", "PŘÍJMENÍ", "Titul", "Mobil:", "E-MAIL 2", "Město", "PSČ", "Země"],
         ["first_name", "last_name", "prefix", "phone_mobile", "email", "city", "zip", "country"]),
        (["Jméno", "Telefon 1", "Telefon 2", "Poznámka"], ["name", "phone", "phone", "about"]),
        (["First Name", "Last Name", "E-mail Address", "Mobile Phone", "Company", "Job Title", "Business Street"],
         ["first_name", "last_name", "email", "phone_mobile", "company", "position", "street"]),
        (["Name", "Surname", "Labels", "Created at", "Owner", "Web"],
         ["first_name", "last_name", "labels", None, "owner", "website"]),
        (["Ulice", "č.p.", "Obec"], ["street", "street", "city"]),
        (["Adresa", "Město"], ["street", "city"]),
        (["Adresa"], ["address"]),
        (["Název firmy", "Kontaktní osoba", "Kontaktní telefon (mobil)"], ["company", "name", "phone"]),
        (["Jméno", "Jméno"], ["name", None]),
        (["Xyz", "", "123"], [None, None, None]),
        ([], []),
    ],
)  # fmt: skip
def test_headings_of_real_files(headings: list[str], expected: list[str | None]) -> None:
    assert fields(headings) == expected


@pytest.mark.parametrize("key", VALUES)
def test_values_speak_where_there_is_no_heading(key: str) -> None:
    (found,) = guess(["Sloupec"], [[value] for value in VALUES[key]])
    assert found.field == key
    assert found.reason == ("split" if key == "zip_city" else "values")
    assert 0 < found.confidence <= 0.8


def test_a_heading_is_surer_with_fitting_values_and_not_believed_against_them() -> None:
    phones = [[value] for value in VALUES["phone"]]
    assert (guess(["Telefon"], phones)[0].field, guess(["Telefon"], phones)[0].reason) == ("phone", "heading")
    assert (guess(["E-mail"], phones)[0].field, guess(["E-mail"], phones)[0].reason) == ("phone", "values")
    assert guess(["Firma"], [["a@b.cz"], ["c@d.cz"]])[0].field == "email"
    assert guess(["Telefon"], [["volat večer"], ["112"]])[0].field == "phone"
    assert guess(["Datum narození"], [["nevím"], ["loni"]])[0].field is None
    assert guess(["Poznámka"], [["a@b.cz"]])[0].field == "about"


def test_a_zip_column_with_the_city_in_it_is_split() -> None:
    (found,) = guess(["PSČ"], [["602 00 Brno"], ["69201 Mikulov"]])
    assert (found.field, found.reason) == ("zip_city", "split")


def test_the_surer_of_two_columns_gets_a_field_that_takes_one() -> None:
    rows = [["Brno", "Jan Novák", "x"], ["Praha", "Eva Malá", "y"]]
    found = guess(["Město", "Sloupec", "City"], rows)
    assert [entry.field for entry in found] == ["city", "name", None]
    assert [entry.reason for entry in found] == ["heading", "values", "unsure"]


def test_dates_without_a_heading_are_not_guessed() -> None:
    assert guess(["Kdy"], [["18.11.2026"], ["3. 2. 2025"]])[0].reason == "unsure"
    assert guess(["Naposled"], [["18.11.2026"], ["3. 2. 2025"]])[0].reason == "dates"


def test_every_field_and_reason_has_words() -> None:
    assert all(str(field.label) for field in FIELDS)
    assert all(str(words) for words in REASONS.values())
    assert len(BY_KEY) == len(FIELDS)
