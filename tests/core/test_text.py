"""Search and sort as Czech readers expect."""

import pytest

from core.text import plain, slug, sort_key


def test_czech_order() -> None:
    words = ["hora", "chata", "cihla", "čáp", "Zdeněk", "žába", "Šimon", "Samek", "Řehoř", "Rak", "ďábel", "dub"]
    expected = ["cihla", "čáp", "ďábel", "dub", "hora", "chata", "Rak", "Řehoř", "Samek", "Šimon", "Zdeněk", "žába"]
    assert sorted(words, key=lambda word: sort_key(word, "cs")) == expected


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("Šťastná", "stastna"), ("NOVÁK", "novak"), ("Łódź", "lodz"), ("Đorđe", "dorde"), ("Straße", "strasse")],
)
def test_accents_and_case_do_not_matter(typed: str, kept: str) -> None:
    assert plain(typed) == kept


def test_an_address_from_a_name() -> None:
    assert slug("Okna Horák s.r.o.") == "okna-horak-s-r-o"
    assert slug("Ž") == "z"
    assert slug("漢字") == ""
