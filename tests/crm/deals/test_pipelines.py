"""Pipelines: their stages come, go and change places, and no deal is left without one."""

from uuid import UUID

import pytest

from core.actor import Actor
from core.errors import Busy, Conflict, Forbidden, Invalid
from crm.deals import actions, pipelines, queries
from crm.deals.actions import NewDeal, OneDeal
from crm.deals.models import Pipeline, Stage
from crm.deals.pipelines import OnePipeline
from tests.shop import Shop


def first(actor: Actor) -> Pipeline:
    return queries.pipelines(actor)[0]


def given(stages: list[Stage]) -> list[dict[str, object]]:
    return [{"id": stage.id, "name": stage.name, "probability": stage.probability} for stage in stages]


def edit(actor: Actor, pipeline_id: UUID, **values: object) -> Pipeline:
    return pipelines.change(actor, pipelines.change.parse({"id": pipeline_id, **values}))


def second(actor: Actor) -> Pipeline:
    values = {"name": "Service", "stages": [{"name": "Asked", "probability": 10}, {"name": "Done", "probability": 90}]}
    return pipelines.create(actor, pipelines.create.parse(values))


def names(shop: Shop, pipeline_id: UUID) -> list[str]:
    query = "select name from stage where pipeline_id = :id and deleted_at is null order by position"
    return [row.name for row in shop.rows(query, id=pipeline_id)]


def test_a_new_pipeline_comes_last_with_its_stages_in_order(shop: Shop) -> None:
    with shop.acting() as actor:
        made = second(actor).id
        assert [pipeline.id for pipeline in queries.pipelines(actor)][-1] == made
    assert names(shop, made) == ["Asked", "Done"]


def test_stages_are_added_renamed_and_put_in_another_order(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline = first(actor)
        stages = given(pipeline.stages)
        stages[0]["name"] = "Fresh"
        order = [stages[1], stages[0], {"name": "New", "probability": 5}, *stages[2:]]
        version = edit(actor, pipeline.id, stages=order).version
    assert version == 2
    assert names(shop, pipeline.id)[:4] == ["Called", "Fresh", "New", "Measurement"]


def test_a_removed_stage_hands_its_deals_over_in_their_order(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline = first(actor)
        here, there = pipeline.stages[0].id, pipeline.stages[1].id
        one, two, three = (actions.create(actor, NewDeal(name=name, stage_id=here)).id for name in ("1", "2", "3"))
        last = actions.create(actor, NewDeal(name="0", stage_id=there)).id
        actions.win(actor, OneDeal(id=three))
        edit(actor, pipeline.id, stages=given(pipeline.stages[1:]), deals_to={here: there})
    rows = shop.rows("select id from deal where stage_id = :id order by rank", id=there)
    assert [row.id for row in rows] == [last, three, two, one]
    assert len(shop.rows("select 1 from event where kind = 'deal' and action = 'pipeline.edit'")) == 3


def test_a_stage_with_deals_is_not_removed_without_saying_where_they_go(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline_id, here = first(actor).id, first(actor).stages[0].id
        target = second(actor).stages[0].id
        actions.create(actor, NewDeal(name="Balcony door"))
        for deals_to in ({}, {here: here}, {here: target}, {here: UUID(int=1)}):
            with pytest.raises(Invalid) as refusal:
                edit(actor, pipeline_id, stages=given(first(actor).stages[1:]), deals_to=deals_to)
            assert refusal.value.fields[0][0] == "deals_to"
    assert len(names(shop, pipeline_id)) == 6


@pytest.mark.parametrize(
    "stages",
    [
        [],
        [{"name": "", "probability": 10}],
        [{"name": "New", "probability": 101}],
        [{"name": "New"}],
        [{"id": str(UUID(int=1)), "name": "New", "probability": 10}],
        [{"name": "New", "probability": 1}] * 21,
    ],
)
def test_bad_stages_are_refused(shop: Shop, stages: list[dict[str, object]]) -> None:
    with shop.acting() as actor:
        pipeline_id = first(actor).id
        with pytest.raises(Invalid):
            edit(actor, pipeline_id, stages=stages)
    assert len(names(shop, pipeline_id)) == 6


def test_a_stale_version_is_refused_after_only_stages_changed(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline_id = first(actor).id
        edit(actor, pipeline_id, version=1, stages=given(first(actor).stages)[:5])
        with pytest.raises(Conflict):
            edit(actor, pipeline_id, version=1, name="Doors")
    assert len(names(shop, pipeline_id)) == 5


def test_an_empty_pipeline_is_deleted_and_comes_back(shop: Shop) -> None:
    with shop.acting() as actor:
        made = second(actor).id
        pipelines.delete(actor, pipelines.DeletedPipeline(id=made))
        assert made not in [pipeline.id for pipeline in queries.pipelines(actor)]
        pipelines.restore(actor, OnePipeline(id=made))
        assert [stage.name for stage in actor.find(Pipeline, made).stages] == ["Asked", "Done"]


def test_a_pipeline_with_deals_is_deleted_once_they_have_another_place(shop: Shop) -> None:
    with shop.acting() as actor:
        pipeline, target = first(actor), second(actor).stages[1].id
        deal = actions.create(actor, NewDeal(name="Balcony door")).id
        for deals_to in (None, pipeline.stages[1].id):
            with pytest.raises(Invalid):
                pipelines.delete(actor, pipelines.DeletedPipeline(id=pipeline.id, deals_to=deals_to))
        pipelines.delete(actor, pipelines.DeletedPipeline(id=pipeline.id, deals_to=target))
    assert shop.rows("select stage_id from deal where id = :id", id=deal)[0].stage_id == target


def test_the_last_pipeline_stays(shop: Shop) -> None:
    with shop.acting() as actor, pytest.raises(Busy):
        pipelines.delete(actor, pipelines.DeletedPipeline(id=first(actor).id))
    assert shop.rows("select 1 from pipeline where deleted_at is null")


def test_who_sells_does_not_change_pipelines(shop: Shop) -> None:
    with shop.acting(shop.member("sales")) as actor:
        with pytest.raises(Forbidden):
            second(actor)
        with pytest.raises(Forbidden):
            edit(actor, first(actor).id, name="Mine")
    assert len(shop.rows("select 1 from pipeline")) == 1
