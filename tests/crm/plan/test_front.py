"""The public prices, and signing up for what stands there."""

import pytest

from tests.billing.till import Till
from tests.crm.plan.customer import Sheet
from tests.visitor import Visitor


def read(till: Till, path: str, language: str = "en") -> Sheet:
    answer = till.app.test_client().get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return Sheet(answer.get_data(as_text=True))


def words(sheet: Sheet) -> str:
    return " ".join(sheet.text.split())


@pytest.mark.parametrize(
    ("query", "team", "business", "addon"),
    [
        ("currency=CZK&period=month", "CZK 288", "CZK 588", "CZK 240"),
        ("currency=CZK&period=year", "CZK 240", "CZK 490", "CZK 2,400"),
        ("currency=EUR&period=month", "EUR 12", "EUR 24", "EUR 10"),
        ("currency=EUR&period=year", "EUR 10", "EUR 20", "EUR 100"),
        ("currency=USD&period=month", "USD 13", "USD 26", "USD 11"),
        ("currency=USD&period=year", "USD 10.83", "USD 21.67", "USD 110"),
        ("", "EUR 10", "EUR 20", "EUR 100"),
        ("currency=GBP&period=week", "EUR 10", "EUR 20", "EUR 100"),
        ("currency=&period=<script>", "EUR 10", "EUR 20", "EUR 100"),
    ],
)
def test_prices_in_each_currency_and_period(till: Till, query: str, team: str, business: str, addon: str) -> None:
    text = words(read(till, f"/pricing?{query}"))
    assert f"Team {team} a person and month" in text
    assert f"Business {business} a person and month" in text
    assert f"Backups kept 365 days: {addon} a " in text
    assert "<script>" not in text


def test_a_czech_reader_sees_crowns(till: Till) -> None:
    text = words(read(till, "/pricing", "cs"))
    assert "240 Kč" in text
    assert "490 Kč" in text
    assert "10 €" in words(read(till, "/pricing?currency=EUR", "cs"))


def test_two_months_of_a_year_are_free(till: Till) -> None:
    assert "Yearly 2 months free" in words(read(till, "/pricing"))


def test_what_one_came_for_is_kept_through_a_refused_form(till: Till) -> None:
    sheet = read(till, "/pricing?period=month")
    assert sheet.links["Try Team for 14 days"] == "/signup?plan=team&period=month"
    assert sheet.links["Begin for nothing"] == "/signup"
    visitor = Visitor(till.app)
    refused = visitor.sign_up(email="no address", **wish_at(visitor, "/signup?plan=team&period=month"))
    assert refused.status_code == 422
    wish = dict(Sheet(refused.get_data(as_text=True)).forms["Open the workspace"].fields)
    assert (wish["plan"], wish["period"]) == ("team", "month")
    opened = visitor.sign_up(plan=wish["plan"], period=wish["period"])
    assert opened.status_code == 303
    assert opened.location.endswith("/settings/plan?plan=team&period=month")
    page = visitor.get(opened.location).get_data(as_text=True)
    assert Sheet(page).forms["Choose Team"].value("period") == "month"


@pytest.mark.parametrize("query", ["", "?plan=free", "?plan=gold&period=year", "?period=year"])
def test_without_a_plan_to_buy_the_day_begins_as_ever(till: Till, query: str) -> None:
    visitor = Visitor(till.app)
    opened = visitor.sign_up(**wish_at(visitor, f"/signup{query}"))
    assert opened.location.endswith("/today")


def wish_at(visitor: Visitor, path: str) -> dict[str, str]:
    """The plan and period that the form of signing up at this address carries."""
    form = Sheet(visitor.get(path).get_data(as_text=True)).forms["Open the workspace"]
    return {name: value for name, value in form.fields if name in ("plan", "period")}
