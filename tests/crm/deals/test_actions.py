"""Deals: what each change does, refuses and keeps."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.actor import Actor
from core.db import database
from core.errors import Busy, Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from crm.contacts import actions as contacts
from crm.deals import actions, queries
from crm.deals.actions import AssignedDeal, ChangedDeal, LostDeal, MovedDeal, OneDeal
from crm.deals.models import Deal, Stage
from crm.tasks import actions as tasks
from tests.shop import Shop


def stages(actor: Actor) -> list[Stage]:
    return queries.pipelines(actor)[0].stages


def add(actor: Actor, name: str, **values: Any) -> Deal:
    return actions.create(actor, actions.create.parse({"name": name, **values}))


def test_a_deal_starts_at_the_top_of_the_first_stage_with_the_workspaces_currency(shop: Shop) -> None:
    with shop.acting() as actor:
        first = add(actor, "Balcony door")
        second = add(actor, "Garage door", amount="148900.50", currency="eur")
        stage = stages(actor)[0]
        owner = actor.member.id
    assert (first.stage_id, first.pipeline_id, first.currency, first.status) == (
        stage.id,
        stage.pipeline_id,
        "CZK",
        "open",
    )
    assert (second.amount, second.currency, second.owner_id) == (Decimal("148900.50"), "EUR", owner)
    assert second.rank < first.rank


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "zero\0byte"),
        ("amount", "-1"),
        ("amount", "1.001"),
        ("amount", "NaN"),
        ("amount", "1e30"),
        ("amount", "a lot"),
        ("currency", "XXX"),
        ("currency", "koruna"),
        ("probability", 101),
        ("probability", -1),
        ("probability", 12.5),
        ("expected_close", "tomorrow"),
        ("about", "x" * 10_001),
        ("contact_id", str(UUID(int=1))),
        ("company_id", str(UUID(int=1))),
        ("owner_id", str(UUID(int=1))),
        ("stage_id", str(UUID(int=1))),
        ("pipeline_id", str(UUID(int=1))),
        ("color", "red"),
    ],
)
def test_bad_input_is_refused_at_its_field(shop: Shop, field: str, value: object) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refusal:
        actions.create(actor, actions.create.parse({"name": "Balcony door", field: value}))
    assert [name for name, _message in refusal.value.fields] == [field]
    assert shop.rows("select 1 from deal") == []


def test_any_script_and_emoji_may_be_a_name(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "שער 🚪 Šťastná")
    assert shop.rows("select name from deal where id = :id", id=deal.id)[0].name == "שער 🚪 Šťastná"


def test_the_same_form_sent_twice_makes_one_deal(shop: Shop) -> None:
    chosen = new_id()
    for _time in range(2):
        with shop.acting() as actor:
            assert add(actor, "Balcony door", id=chosen).id == chosen
    assert len(shop.rows("select 1 from deal")) == 1


def test_a_stale_version_is_refused_and_changes_nothing(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        actions.change(actor, ChangedDeal.model_validate({"id": deal.id, "version": 1, "amount": 100}))
        with pytest.raises(Conflict):
            actions.change(actor, ChangedDeal.model_validate({"id": deal.id, "version": 1, "amount": 200}))
    assert shop.rows("select amount from deal")[0].amount == Decimal(100)


def test_a_currency_taken_away_is_the_workspaces_again(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door", currency="EUR")
        actions.change(actor, ChangedDeal.model_validate({"id": deal.id, "currency": None}))
    assert shop.rows("select currency from deal")[0].currency == "CZK"


def test_a_move_to_another_stage_is_an_event_and_counts_its_days_anew(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        since = deal.stage_since
        target = stages(actor)[3]
        actions.move(actor, MovedDeal(id=deal.id, stage_id=target.id))
    row = shop.rows("select stage_id, stage_since, version from deal")[0]
    assert (row.stage_id, row.version) == (target.id, 2)
    assert row.stage_since > since
    event = shop.rows("select action, after from event where kind = 'deal' order by id desc limit 1")[0]
    assert (event.action, event.after) == ("deal.move", {"stage_id": str(target.id)})


def test_another_place_in_the_same_lane_conflicts_with_nobodys_edit(shop: Shop) -> None:
    with shop.acting() as actor:
        low, high = add(actor, "Low"), add(actor, "High")
        actions.move(actor, MovedDeal(id=low.id, stage_id=low.stage_id, before=high.id))
        actions.change(actor, ChangedDeal.model_validate({"id": low.id, "version": 1, "name": "Lowest"}))
    assert [row.name for row in shop.rows("select name from deal order by rank")] == ["Lowest", "High"]
    assert shop.rows("select 1 from event where action = 'deal.move'") == []
    with database().controlling() as control:
        rung = text("select payload from bus.outbox where role = :role and payload ->> 'action' = 'deal.move'")
        assert control.scalars(rung, {"role": shop.workspace.role}).one()["kinds"] == ["deal"]


def test_a_move_without_a_neighbour_leaves_a_card_where_it_is_in_its_stage(shop: Shop) -> None:
    with shop.acting() as actor:
        low, high = add(actor, "Low"), add(actor, "High")
        actions.move(actor, MovedDeal(id=low.id, stage_id=low.stage_id))
        assert low.rank > high.rank


def test_a_neighbour_that_left_meanwhile_does_not_stop_a_move(shop: Shop) -> None:
    with shop.acting() as actor:
        gone, moved = add(actor, "Gone"), add(actor, "Moved")
        target = stages(actor)[1]
        there = add(actor, "There", stage_id=target.id)
        actions.move(actor, MovedDeal(id=moved.id, stage_id=target.id, after=gone.id, before=there.id))
    rows = shop.rows("select name from deal where stage_id = :id order by rank", id=target.id)
    assert [row.name for row in rows] == ["Moved", "There"]


def test_a_closed_deal_is_not_moved(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        first, second = (stage.id for stage in stages(actor)[:2])
        actions.win(actor, OneDeal(id=deal.id))
        with pytest.raises(Busy):
            actions.move(actor, MovedDeal(id=deal.id, stage_id=second))
    assert shop.rows("select stage_id from deal")[0].stage_id == first


def test_won_lost_and_open_again(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        actions.win(actor, OneDeal(id=deal.id))
        won = actions.win(actor, OneDeal(id=deal.id))
        assert (won.status, won.version) == ("won", 2)
        with pytest.raises(Busy):
            actions.lose(actor, LostDeal(id=deal.id, reason="Too expensive"))
        actions.reopen(actor, OneDeal(id=deal.id))
        lost = actions.lose(actor, LostDeal(id=deal.id, reason="Too expensive", about="They wanted wood."))
        assert (lost.status, lost.lost_reason) == ("lost", "Too expensive")
        with pytest.raises(Busy):
            actions.win(actor, OneDeal(id=deal.id))
        again = actions.reopen(actor, OneDeal(id=deal.id))
        assert (again.status, again.closed_at, again.lost_reason) == ("open", None, "")
    assert [row.text for row in shop.rows("select text from note where deal_id = :id", id=deal.id)] == [
        "They wanted wood."
    ]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_loss_needs_a_reason(shop: Shop, reason: str) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        with pytest.raises(Invalid):
            actions.lose.parse({"id": deal.id, "reason": reason})


def test_a_loss_closes_the_open_tasks_and_opening_again_brings_back_those_alone(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
        early, late = (tasks.create(actor, tasks.NewTask(name=name, deal_id=deal.id)) for name in ("Call", "Measure"))
        tasks.done(actor, tasks.OneTask(id=early.id))
        actions.lose(actor, LostDeal(id=deal.id, reason="Too expensive"))
        assert len(shop.rows("select 1 from task where done_at is null")) == 0
        actions.reopen(actor, OneDeal(id=deal.id))
    assert [row.id for row in shop.rows("select id from task where done_at is null")] == [late.id]


def test_deleted_and_restored_with_its_links(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = contacts.create(actor, contacts.NewContact(first_name="Jan", last_name="Novák"))
        deal = add(actor, "Balcony door", contact_id=contact.id)
        actions.delete(actor, OneDeal(id=deal.id))
        with pytest.raises(NotFound):
            actor.find(Deal, deal.id)
        actions.restore(actor, OneDeal(id=deal.id))
        assert actor.find(Deal, deal.id).contact_id == contact.id


def test_a_deal_restored_after_its_stage_was_removed_starts_its_pipeline_again(shop: Shop) -> None:
    with shop.acting() as actor:
        stage = stages(actor)[2]
        deal = add(actor, "Balcony door", stage_id=stage.id)
        actions.delete(actor, OneDeal(id=deal.id))
        stage.deleted_at = datetime.now(UTC)
        actor.db.commit()
        restored = actions.restore(actor, OneDeal(id=deal.id))
        assert restored.stage_id == stages(actor)[0].id


def test_a_sales_person_hands_a_deal_over_and_a_reader_does_not(shop: Shop) -> None:
    colleague = shop.member("sales")
    with shop.acting(colleague) as actor:
        to = actor.member.id
        deal = add(actor, "Balcony door")
    with shop.acting() as actor:
        assert actions.assign(actor, AssignedDeal(id=deal.id, owner_id=actor.member.id)).owner_id != to
    with shop.acting(shop.member("reader")) as reader:
        with pytest.raises(Forbidden):
            actions.assign(reader, AssignedDeal(id=deal.id, owner_id=to))
        with pytest.raises(Forbidden):
            actions.move(reader, MovedDeal(id=deal.id, stage_id=deal.stage_id))
    assert shop.rows("select owner_id from deal")[0].owner_id != to


def test_a_field_worker_neither_sees_nor_moves_others_deals(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = add(actor, "Balcony door")
    with shop.acting(shop.member("field")) as worker, pytest.raises(NotFound):
        actions.win(worker, OneDeal(id=deal.id))


def test_links_of_another_workspace_are_not_there(shop: Shop, other: Shop) -> None:
    with other.acting() as stranger:
        contact = contacts.create(stranger, contacts.NewContact(first_name="Jan"))
        stage = stages(stranger)[0]
    with shop.acting() as actor:
        for field, value in (("contact_id", contact.id), ("stage_id", stage.id), ("pipeline_id", stage.pipeline_id)):
            with pytest.raises(Invalid):
                add(actor, "Balcony door", **{field: value})
    assert shop.rows("select 1 from deal") == []
