"""The board and the list tell the same numbers, never mix currencies, and show no more than their reader may see."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core.actor import Actor
from core.listing import Ask
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions, queries
from crm.deals.cards import Teller
from crm.deals.models import Deal
from crm.deals.money import Sums
from crm.tasks import actions as tasks
from tests.shop import Shop


def add(actor: Actor, name: str, **values: Any) -> Deal:
    return actions.create(actor, actions.create.parse({"name": name, **values}))


def step(actor: Actor, deal: Deal, name: str, due_on: date | None = None, **values: Any) -> None:
    tasks.create(actor, tasks.create.parse({"name": name, "deal_id": deal.id, "due_on": due_on, **values}))


def furnished(actor: Actor) -> list[Deal]:
    """Deals in two currencies and stages, some with a next step, one won, one lost, one deleted."""
    one, two = (stage.id for stage in queries.pipelines(actor)[0].stages[:2])
    deals = [
        add(actor, "Balcony door", amount="1000.50", expected_close="2026-01-10", stage_id=one),
        add(actor, "Garage door", amount="2000", currency="EUR", probability=50, stage_id=one),
        add(actor, "Shop window", amount="3000", expected_close="2026-03-10", stage_id=two),
        add(actor, "Winter garden", stage_id=two),
        add(actor, "Won", amount="9000", stage_id=two),
        add(actor, "Lost", amount="9000", stage_id=two),
        add(actor, "Deleted", amount="9000", stage_id=two),
    ]
    step(actor, deals[0], "Call")
    step(actor, deals[2], "Measure")
    actions.win(actor, actions.OneDeal(id=deals[4].id))
    actions.lose(actor, actions.LostDeal(id=deals[5].id, reason="Too expensive"))
    actions.delete(actor, actions.OneDeal(id=deals[6].id))
    return deals


FILTERS = [
    {},
    {"mine": "true"},
    {"mine": "false"},
    {"no_next_step": "true"},
    {"no_next_step": "false"},
    {"closes_before": "2026-02-01"},
    {"closes_before": "2026-01-10"},
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("q", ["", "door"])
def test_the_board_shows_what_the_list_counts(shop: Shop, filters: dict[str, str], q: str) -> None:
    with shop.acting() as actor:
        furnished(actor)
        pipeline = queries.pipelines(actor)[0]
        ask = Ask(q=q, filters=filters)
        lanes = queries.board(actor, pipeline, ask)
        listed = queries.LISTING.page(actor, queries.in_pipeline(pipeline, ask), Deal.id, Deal.amount, Deal.currency)
        counted = queries.LISTING.count(actor, queries.in_pipeline(pipeline, ask))
        total = queries.total(lane.totals for lane in lanes)
    assert {card.id for lane in lanes for card in lane.cards} == {row.id for row in listed.rows}
    assert total.count == counted == len(listed.rows)
    assert total.sums == Sums.of((row.currency, row.amount) for row in listed.rows)


def test_sums_stay_apart_by_currency_and_expectations_count_with_probability(shop: Shop) -> None:
    with shop.acting() as actor:
        furnished(actor)
        first, second = queries.board(actor, queries.pipelines(actor)[0], Ask())[:2]
    assert first.totals.sums.amounts == {"CZK": Decimal("1000.50"), "EUR": Decimal(2000)}
    assert first.totals.expected.amounts == {"CZK": Decimal("100.050"), "EUR": Decimal(1000)}
    assert (second.totals.count, second.totals.expected.amounts) == (2, {"CZK": Decimal(600)})


def test_a_lane_shows_thirty_cards_and_two_hundred_when_asked_for_more(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline = queries.pipelines(actor)[0]
        for number in range(53):
            add(actor, f"Deal {number}")
        first = pipeline.stages[0].id
        lane = queries.board(actor, pipeline, Ask())[0]
        more = queries.board(actor, pipeline, Ask(), [first])[0]
    assert (len(lane.cards), lane.left, lane.totals.count) == (30, 23, 53)
    assert (len(more.cards), more.left) == (53, 0)
    assert [card.name for card in lane.cards[:2]] == ["Deal 52", "Deal 51"]


def test_the_next_step_is_the_earliest_open_task(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        step(actor, deal, "Some day")
        step(actor, deal, "Later", date(2026, 12, 24))
        step(actor, deal, "That day, any time", date(2026, 12, 20))
        step(actor, deal, "First", date(2026, 12, 20), due_time="14:30")
        card = queries.cards(actor, [deal.id])[0]
        assert (card.step, card.due_on) == ("First", date(2026, 12, 20))


def test_a_field_worker_sees_own_deals_without_the_names_of_others_records(shop: Shop) -> None:
    worker_id = shop.member("field")
    with shop.acting(worker_id) as worker:
        member_id = worker.member.id
    with shop.acting() as actor:
        company = companies.create(actor, companies.create.parse({"name": "Stavby Krejčí"}))
        contact = contacts.create(actor, contacts.NewContact(first_name="Jan", last_name="Novák"))
        links = {"company_id": company.id, "contact_id": contact.id}
        handed = add(actor, "Handed over", owner_id=member_id, **links)
        add(actor, "Kept", **links)
        step(actor, handed, "Call the owner's friend")
        assert queries.cards(actor, [handed.id])[0].client == "Stavby Krejčí"
    with shop.acting(worker_id) as worker:
        lanes = queries.board(worker, queries.pipelines(worker)[0], Ask())
        cards = [card for lane in lanes for card in lane.cards]
        assert [(card.name, card.client, card.step) for card in cards] == [("Handed over", None, None)]
        assert queries.total(lane.totals for lane in lanes).count == 1


@pytest.mark.parametrize("sort", sorted(queries.LISTING.sorts))
@pytest.mark.parametrize("down", ["", "-"])
def test_pages_of_every_order_meet_without_gap_or_repetition(shop: Shop, sort: str, down: str) -> None:
    with shop.acting() as actor:
        for number in range(7):
            day = None if number % 2 else "2026-05-01"
            add(actor, f"Deal {number % 3}", amount=[None, 100, 200][number % 3], expected_close=day)
        whole = [row.id for row in queries.LISTING.page(actor, Ask(sort=down + sort), Deal.id).rows]
        found: list[UUID] = []
        cursor = ""
        while True:
            page = queries.LISTING.page(actor, Ask(sort=down + sort, cursor=cursor, limit=2), Deal.id)
            found += [row.id for row in page.rows]
            if page.next is None:
                break
            cursor = page.next
    assert found == whole
    assert len(set(found)) == 7


def test_time_in_stages_adds_up_over_returns(shop: Shop) -> None:
    with shop.acting() as actor:
        stages = queries.pipelines(actor)[0].stages
        deal = add(actor, "Balcony door")
        for stage in (stages[1], stages[0], stages[2]):
            actions.move(actor, actions.MovedDeal(id=deal.id, stage_id=stage.id))
        spent = queries.time_in_stages(actor, deal)
        whole = datetime.now(UTC) - deal.created_at
    assert set(spent) == {stage.id for stage in stages[:3]}
    assert abs(sum(spent.values(), timedelta()) - whole) < timedelta(seconds=5)


def test_a_card_says_what_comes_next_and_how_late_it_is(shop: Shop) -> None:
    with shop.acting() as actor:
        teller = Teller(actor)
        teller.now = datetime(2026, 11, 23, 10, 42, tzinfo=teller.zone)
        deal = add(actor, "Balcony door", amount="148900")
        card = queries.cards(actor, [deal.id])[0]

        def told(step: str | None, due_on: date | None = None, hour: str = "") -> tuple[str | None, str]:
            at = datetime.fromisoformat(f"{due_on} {hour}").replace(tzinfo=teller.zone) if hour else None
            found = teller.tell(card._replace(step=step, due_on=due_on, due_at=at))
            return found.step, found.tone

        today = date(2026, 11, 23)
        assert told(None) == (None, "")
        assert told("Call") == ("Call", "")
        assert told("Call", today, "13:30") == ("Call 13:30", "")
        assert told("Call", today, "10:53") == ("Call in 11 min", "soon")
        assert told("Call", today, "10:40") == ("Call, 2 min late", "late")
        assert told("Call", today, "09:30") == ("Call, 1 h late", "late")
        assert told("Revise", date(2026, 11, 20)) == ("Revise, 3 days late", "late")
        assert teller.tell(card).amount == "CZK\N{NO-BREAK SPACE}148,900"
