"""Quick find: accents, phones in any format, few letters, rights, and texts that would run."""

import pytest

from crm.deals import actions as deals
from crm.find.queries import marked
from tests.crm.people import HARMFUL, RUNNING, Desk, company, contact
from tests.shop import Shop


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk.of(shop)


def hits(desk: Desk, q: str) -> str:
    answer = desk.client.get(desk.shop.path("/find"), query_string={"q": q}, headers={"Turbo-Frame": "hits"})
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "<html" not in page
    return page


@pytest.mark.parametrize("q", ["novak", "NOVÁK", "ovák", "markéta nov", "novakova marketa", "marketa.n", "brno", "no"])
def test_a_contact_is_found_by_any_part_of_it(desk: Desk, q: str) -> None:
    made = contact(
        desk.shop,
        first_name="Markéta",
        last_name="Nováková",
        emails=[{"address": "marketa.n@seznam.cz"}],
        addresses=[{"city": "Brno"}],
    )
    contact(desk.shop, first_name="Jiří", last_name="Čermák")
    page = hits(desk, q)
    assert str(made.id) in page
    assert "Čermák" not in page


@pytest.mark.parametrize(
    "q", ["602114873", "+420 602 114 873", "602 114", "114-873", "00420602114873", "(602) 114 873", "602.114.873"]
)
def test_a_phone_is_found_in_any_format(desk: Desk, q: str) -> None:
    made = contact(desk.shop, last_name="Nováková", phones=[{"number": "602114873"}])
    contact(desk.shop, last_name="Čermák", phones=[{"number": "731880204"}])
    page = hits(desk, q)
    assert str(made.id) in page
    assert "Čermák" not in page


def test_the_best_come_first_and_eight_of_each_at_most(desk: Desk) -> None:
    for number in range(12):
        contact(desk.shop, first_name=f"Xnovak{number:02}")
    best = contact(desk.shop, first_name="Jan", last_name="Novák")
    page = hits(desk, "novak")
    assert page.count(desk.shop.path("/contacts/0")) == 8 + 1  # and the call with the first
    assert page.index(str(best.id)) < page.index("X<mark>")


def test_a_deal_is_found_by_its_name_and_by_whom_it_is_with(desk: Desk) -> None:
    person = contact(desk.shop, last_name="Nováková")
    firm = company(desk.shop, name="Stavby Krejčí")
    with desk.shop.acting() as actor:
        mine = deals.create(actor, deals.create.parse({"name": "Windows, Lidická", "contact_id": person.id}))
        theirs = deals.create(actor, deals.create.parse({"name": "Doors", "company_id": firm.id}))
    assert str(mine.id) in hits(desk, "lidicka")
    assert str(mine.id) in hits(desk, "novakova")
    assert str(theirs.id) in hits(desk, "krejci")
    assert str(theirs.id) not in hits(desk, "novakova")


def test_nobody_finds_what_they_may_not_see(desk: Desk, other: Shop) -> None:
    contact(other, last_name="Tajný")
    contact(desk.shop, last_name="Tajný")
    assert "Tajný" in hits(desk, "tajny").replace("<mark>", "").replace("</mark>", "")
    worker = Desk.of(desk.shop, desk.shop.member("field"))
    assert "<mark>" not in hits(worker, "tajny")


def test_an_empty_question_offers_what_can_be_done(desk: Desk) -> None:
    page = hits(desk, "")
    assert "New contact" in page
    assert "mark" not in page
    reader = Desk.of(desk.shop, desk.shop.member("reader"))
    assert "New contact" not in hits(reader, "")


def test_the_whole_page_finds_too(desk: Desk) -> None:
    made = contact(desk.shop, last_name="Nováková")
    page = desk.page("/find?q=novak")
    assert "<html" in page
    assert str(made.id) in page
    assert 'role="option"' not in page
    assert "Nothing is called so" in desk.page("/find?q=nobodyhere")


@pytest.mark.parametrize("q", [*RUNNING, "%", "_", "\\", "a" * 5000, "\0", "🏠", "((", "+", "  ", "'"])
def test_any_question_is_answered(desk: Desk, q: str) -> None:
    contact(desk.shop, first_name=RUNNING[0], last_name=RUNNING[1])
    company(desk.shop, name=RUNNING[2])
    assert not [harm for harm in HARMFUL if harm in hits(desk, q)]


def test_a_percent_sign_finds_percent_signs_only(desk: Desk) -> None:
    contact(desk.shop, last_name="Novák")
    assert "/contacts/0" not in hits(desk, "100%")


@pytest.mark.parametrize(
    ("text", "q", "shown"),
    [
        ("Markéta Nováková", "novak", "Markéta <mark>Novák</mark>ová"),
        ("Straße <b>", "strasse b", "<mark>Straße</mark> &lt;<mark>b</mark>&gt;"),
        ("Jan", "x", "Jan"),
    ],
)
def test_what_was_asked_for_is_marked(text: str, q: str, shown: str) -> None:
    assert marked(text, q) == shown
