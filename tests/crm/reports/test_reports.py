"""What reports count and whom they tell it."""

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from crm.deals import actions as deals
from crm.deals import pipelines
from crm.deals.models import Pipeline
from crm.reports import queries
from crm.reports.periods import Span, called, chosen, named, parts
from crm.reports.view import view_of
from tests.shop import Shop

TODAY = date(2026, 11, 26)
MONEY = re.compile(r"CZK|EUR|Kč")


def deal(shop: Shop, **values: Any) -> UUID:
    with shop.acting() as actor:
        return deals.create(actor, deals.create.parse({"name": "Windows", **values})).id


def stages(shop: Shop) -> list[UUID]:
    return [row.id for row in shop.rows("select id from stage order by position")]


def move(shop: Shop, deal_id: UUID, *to: UUID) -> None:
    for stage_id in to:
        with shop.acting() as actor:
            deals.move(actor, deals.MovedDeal(id=deal_id, stage_id=stage_id))


def funnel(shop: Shop, pipeline: UUID | None = None) -> list[int]:
    with shop.acting() as actor:
        view = view_of(actor, {"pipeline_id": str(pipeline or "")})
        return [step.count for step in queries.funnel(actor, view).steps]


def test_a_deal_that_skips_or_returns_counts_once_in_each_stage_up_to_the_farthest(shop: Shop) -> None:
    path = stages(shop)
    move(shop, deal(shop), path[3], path[1], path[2])
    move(shop, deal(shop), path[1], path[0], path[1])
    assert funnel(shop) == [2, 2, 1, 1, 0, 0]


def test_a_won_deal_has_passed_every_stage_and_a_lost_one_only_its_own(shop: Shop) -> None:
    won, lost = deal(shop), deal(shop)
    move(shop, lost, stages(shop)[1])
    with shop.acting() as actor:
        deals.win(actor, deals.OneDeal(id=won))
        deals.lose(actor, deals.LostDeal(id=lost, reason="Too expensive"))
    assert funnel(shop) == [2, 2, 1, 1, 1, 1]


def test_what_was_reached_in_another_pipeline_counts_no_more(shop: Shop) -> None:
    with shop.acting() as actor:
        made = pipelines.create.parse({"name": "Service", "stages": [{"name": n, "probability": 10} for n in "ABC"]})
        service = pipelines.create(actor, made)
        first = service.stages[0].id
    moved = deal(shop)
    move(shop, moved, stages(shop)[-1], first)
    assert funnel(shop, service.id) == [1, 0, 0]
    assert sum(funnel(shop)) == 0


def test_a_stage_that_is_removed_leaves_its_deals_at_the_one_before(shop: Shop) -> None:
    path = stages(shop)
    returned = deal(shop)
    move(shop, returned, path[2], path[0])
    with shop.acting() as actor:
        pipeline = actor.db.query(Pipeline).one()
        kept = [{"id": s.id, "name": s.name, "probability": s.probability} for s in pipeline.stages if s.id != path[2]]
        pipelines.change(actor, pipelines.change.parse({"id": pipeline.id, "stages": kept}))
    assert funnel(shop) == [1, 1, 0, 0, 0]
    assert shop.rows("select version from deal where id = :id", id=returned)[0].version == 3


def test_currencies_are_never_added(shop: Shop) -> None:
    for amount, currency in ((100, "CZK"), (250, "EUR"), (50, "CZK")):
        won = deal(shop, amount=amount, currency=currency, expected_close="2040-01-01")
        with shop.acting() as actor:
            deals.win(actor, deals.OneDeal(id=won))
    with shop.acting() as actor:
        sums = queries.outcomes(actor, view_of(actor, {})).total.sums.amounts
    assert sums == {"CZK": Decimal(150), "EUR": Decimal(250)}
    page = shop.browser().get(shop.path("/reports/")).text
    assert 'id="report-revenue-CZK"' in page
    assert 'id="report-revenue-EUR"' in page


def hide(shop: Shop, role: str, **rules: str) -> None:
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("update role set fields = jsonb_build_object('deal', cast(:rules as jsonb)) where key = :role"),
            {"rules": "{" + ", ".join(f'"{k}": "{v}"' for k, v in rules.items()) + "}", "role": role},
        )


def test_who_may_not_see_amounts_sees_no_money(shop: Shop) -> None:
    won = deal(shop, amount=123456)
    with shop.acting() as actor:
        deals.win(actor, deals.OneDeal(id=won))
    deal(shop, amount=98765, expected_close="2040-01-01")
    reader = shop.member("reader")
    pages = [shop.path("/reports/"), shop.path("/reports/people")]
    assert all(MONEY.search(shop.browser(reader).get(page).text.split("<main", 1)[1]) for page in pages)
    hide(shop, "reader", amount="hidden")
    for page in pages:
        answer = shop.browser(reader).get(page)
        main = answer.text.split("<main", 1)[1]
        assert answer.status_code == 200
        assert not MONEY.search(main)
        assert "123" not in main
    with shop.acting(reader) as actor:
        assert not queries.outcomes(actor, view_of(actor, {})).total.sums
        assert not any(due.amount or due.expected for due in queries.forecast(actor, view_of(actor, {})))


def test_a_role_that_sees_no_deals_has_no_reports(shop: Shop) -> None:
    deal(shop)
    somebody = shop.member("field")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("""update role set rights = rights || '{"deal": {}}' where key = 'field'"""))
    browser = shop.browser(somebody)
    assert browser.get(shop.path("/reports/")).status_code == 403
    assert browser.get(shop.path("/reports/people")).status_code == 403
    assert "/reports/" not in browser.get(shop.path("/today")).text


@pytest.mark.parametrize("asked", ["pipeline_id", "who"])
def test_what_is_not_there_or_of_another_workspace_is_not_found(shop: Shop, other: Shop, asked: str) -> None:
    foreign = (
        other.rows("select id from pipeline")[0].id
        if asked == "pipeline_id"
        else other.rows("select id from member")[0].id
    )
    assert shop.browser().get(shop.path(f"/reports/?{asked}={foreign}")).status_code == 404


@pytest.mark.parametrize(
    "days",
    [
        "from=0001-01-01&to=9999-12-31",
        "from=2026-02-31",
        "to=2026-01-01",
        "period=nonsense",
        "from=9999-12-31",
        "to=0001-01-01",
    ],
)
def test_any_days_in_the_address_are_answered(shop: Shop, days: str) -> None:
    assert shop.browser().get(shop.path(f"/reports/?{days}")).status_code == 200
    assert shop.browser().get(shop.path(f"/reports/people?{days}")).status_code == 200


def test_periods_are_whole_months_and_their_parts_leave_no_day_out(app: Flask) -> None:
    spans = named(TODAY)
    assert spans["this_quarter"] == Span(date(2026, 10, 1), date(2026, 12, 31))
    assert spans["last_quarter"] == Span(date(2026, 7, 1), date(2026, 9, 30))
    assert spans["last_month"] == Span(date(2026, 10, 1), date(2026, 10, 31))
    assert spans["last_12_months"] == Span(date(2025, 12, 1), date(2026, 11, 30))
    assert named(date(2026, 1, 31))["last_month"] == Span(date(2025, 12, 1), date(2025, 12, 31))
    for asked in ({"from": "2026-01-15", "to": "2026-03-02"}, {"from": "2019-05-05", "to": "2026-03-02"}, {}):
        period = chosen(asked, TODAY)
        found = parts(period)
        assert (found[0].first, found[-1].last) == (period.first, period.last)
        assert all((after.first - before.last).days == 1 for before, after in pairwise(found))
        with app.test_request_context("/"):
            assert len({called(part, found) for part in found}) == len(found)


@pytest.mark.parametrize(
    "name", ["created_from", "created_to", "closed_from", "closed_to", "expected_from", "expected_to"]
)
def test_the_filters_behind_the_numbers_take_any_day(shop: Shop, name: str) -> None:
    deal(shop)
    api = shop.api()
    assert [api.get(f"/deals?{name}={day}").status_code for day in ("0001-01-01", "9999-12-31")] == [200, 200]
    assert api.get(f"/deals?{name}=2026").status_code == 422
