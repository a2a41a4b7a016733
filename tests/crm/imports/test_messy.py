"""The whole way without a database: a messy file is opened, guessed, read, and its numbers come out as they went in."""

import io
from collections import Counter

import pytest

from crm.imports.columns import guess
from crm.imports.rows import ParsedContact, RefusedRow, RowParser
from crm.imports.sheet import open_sheet
from tests.crm.imports.messy import write_messy


@pytest.mark.parametrize(
    ("kind", "encoding", "separator"),
    [("csv", "cp1250", ";"), ("csv", "utf-8-sig", ","), ("csv", "utf-16", "\t"), ("xlsx", "", "")],
)
def test_every_row_of_a_messy_file_is_accounted_for(kind: str, encoding: str, separator: str) -> None:
    file = io.BytesIO()
    expected = write_messy(5_000, file, kind=kind, encoding=encoding, separator=separator)
    sheet = open_sheet(file)
    guesses = guess(sheet.headings, [row.cells for row in sheet.sample()])
    assert [entry.field for entry in guesses] == [
        "name", "phone", "email", "company", "street", "zip_city", "last_contact", "about",
    ]  # fmt: skip
    parser = RowParser({entry.column: entry.field for entry in guesses if entry.field}, width=len(sheet.headings))

    reasons: Counter[str] = Counter()
    seen: set[str] = set()
    new = duplicates = blank = unreadable = 0
    for row in sheet.rows():
        parsed = parser.parse(row)
        if parsed is None:
            blank += 1
        elif isinstance(parsed, RefusedRow):
            reasons[parsed.code] += 1
        else:
            assert isinstance(parsed, ParsedContact)
            keys = set(parsed.match_keys())
            duplicates, new = (duplicates + 1, new) if keys & seen else (duplicates, new + 1)
            seen |= keys
            unreadable += sum(phone.number is None for phone in parsed.phones)

    assert (new, duplicates, blank) == (expected.new, expected.duplicates, expected.blank)
    assert (reasons, unreadable) == (expected.reasons, expected.unreadable_phones)
    for choice in ("skip", "update", "create"):
        assert sum(expected.numbers(choice).values()) == expected.rows == 5_000


def test_the_same_seed_makes_the_same_file() -> None:
    first, second, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    assert write_messy(500, first, seed=7) == write_messy(500, second, seed=7)
    write_messy(500, other, seed=8)
    assert first.getvalue() == second.getvalue() != other.getvalue()
