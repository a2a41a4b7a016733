"""Papers: what stands on them, the code for payment, and the child they are made in."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from core.errors import Invalid
from crm.documents import actions, typeset
from crm.documents.spayd import spayd
from crm.documents.typeset import NotTypeset
from crm.quotes import paper
from crm.quotes.models import Quote
from tests.crm.people import Desk
from tests.crm.quotes.offering import sent
from tests.shop import Shop

IBAN = "CZ65 0800 0000 1920 0014 5399"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def test_the_payment_code_is_as_the_banks_standard_says() -> None:
    said = spayd("CZ6508000000192000145399", Decimal("480.5"), "CZK", "2026-0007", "Nabídka *2026-0007")
    assert said == "SPD*1.0*ACC:CZ6508000000192000145399*AM:480.50*CC:CZK*X-VS:20260007*MSG:NABIDKA 2026-0007"


@pytest.mark.parametrize("iban", ["CZ66 0800 0000 1920 0014 5399", "CZ65", "19-2000145399/0800", "XX00 1234"])
def test_an_account_that_is_none_is_refused(shop: Shop, iban: str) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refusal:
        actions.change(actor, actions.change.parse({"iban": iban}))
    assert [name for name, _words in refusal.value.fields] == ["iban"]
    assert shop.rows("select 1 from letterhead") == []


@pytest.mark.parametrize("colour", ["red", "#12345", "#ffff00", "#fff; } body { display: none"])
def test_a_colour_must_be_one_that_white_words_are_read_on(shop: Shop, colour: str) -> None:
    with shop.acting() as actor, pytest.raises(Invalid):
        actions.change(actor, actions.change.parse({"colour": colour}))
    assert shop.rows("select 1 from letterhead") == []


def test_a_quote_says_its_sums_and_how_to_pay_in_its_own_language(shop: Shop) -> None:
    with shop.acting() as actor:
        letterhead = actions.change(actor, actions.change.parse({"name": "Okna Horák", "iban": IBAN}))
        quote = sent(actor, language="en")
        said = paper.written(actor.db.get_one(Quote, quote.id), letterhead)
    assert said["totals"] == [
        ("Without VAT", "CZK\N{NO-BREAK SPACE}76,814.00"),
        ("VAT 21 %", "CZK\N{NO-BREAK SPACE}15,773.94"),
        ("VAT 12 %", "CZK\N{NO-BREAK SPACE}204.00"),
    ]
    assert said["gross"] == "CZK\N{NO-BREAK SPACE}92,791.94"
    assert said["account"].startswith(IBAN)
    assert said["qr"].startswith("<?xml") or "<svg" in said["qr"]


def data(**values: Any) -> dict[str, Any]:
    look = {"name": "", "colour": "#123456", "logo": [], "footer": "", "header": "", "terms": "", "party": []}
    words = dict.fromkeys(("quote", "from", "to", "to_pay", "qr", "account", "terms"), "") | {"columns": [""] * 6}
    return {
        "title": "", "lang": "en", "number": "", "name": "", "facts": [], "client": [], "items": [], "totals": [],
        "gross": "", "account": "", "qr": "", "note": "", "look": look, "words": words, **values,
    }  # fmt: skip


def test_what_people_wrote_is_never_markup() -> None:
    """Read by Typst as markup, each of these would fail or end the child."""
    for words in (
        '#panic("x")',
        '#import "@preview/cetz:0.3.0"',
        '#read("/etc/passwd")',
        "*",
        "$",
        "]",
        '"',
        "\\",
        "`",
    ):
        assert typeset.typeset("quote", data(note=words, name=words, client=[words]), NOW).startswith(b"%PDF")


@pytest.mark.parametrize(
    "template",
    [
        '#import "@preview/cetz:0.3.0": canvas',
        '#read("/etc/passwd")',
        '#read("../../etc/passwd")',
        "#let a = (0,) * 400000000",
    ],
)
def test_a_template_reaches_neither_the_net_nor_files_and_has_little_memory(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typeset, "source", lambda _name: template)
    with pytest.raises(NotTypeset):
        typeset.typeset("any", {}, NOW)


def test_a_template_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typeset, "source", lambda _name: "#let i = 0\n#while i >= 0 { i += 1; i -= 1 }")
    monkeypatch.setattr(typeset, "SECONDS", 2)
    with pytest.raises(NotTypeset):
        typeset.typeset("any", {}, NOW)


def test_the_logo_is_kept_small_and_stands_on_papers(shop: Shop) -> None:
    picture = io.BytesIO()
    Image.new("RGBA", (2000, 500), (10, 90, 70, 128)).save(picture, "PNG")
    desk = Desk.of(shop)
    picture.seek(0)
    assert desk.send("/settings/documents/logo", logo=(picture, "logo.png")).status_code == 303
    kept = desk.get("/settings/documents/logo")
    with Image.open(io.BytesIO(kept.get_data())) as found:
        assert (found.size, found.mode) == ((900, 225), "RGBA")
    with shop.acting() as actor:
        quote = sent(actor)
        assert len(paper.pdf_of(actor.db, shop.workspace, actor.db.get_one(Quote, quote.id))) > 1000
    refused = desk.send("/settings/documents/logo", logo=(io.BytesIO(b"<svg onload=alert(1)>"), "logo.png"))
    assert refused.status_code == 422
    assert shop.rows("select logo_size from letterhead")[0].logo_size == len(kept.get_data())


def test_the_settings_are_for_those_who_may(shop: Shop) -> None:
    assert (
        Desk.of(shop).send("/settings/documents", name="Okna Horák", colour="#8a1538", valid_days="7").status_code
        == 303
    )
    seller = Desk.of(shop, shop.member("sales"))
    assert seller.get("/settings/documents").status_code == 403
    assert seller.send("/settings/documents", name="Mine").status_code == 403
    assert shop.rows("select name, valid_days from letterhead")[0] == ("Okna Horák", 7)
