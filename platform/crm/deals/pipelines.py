"""Every change of a pipeline. Its stages are changed with it: they come and go as one list, in its order."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext
from pydantic import Field
from sqlalchemy import ColumnElement, func, select, update

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Invalid
from crm.deals import lane
from crm.deals.actions import Percent, stage_locked, stages_in_use
from crm.deals.models import Deal, Pipeline, Stage

MOST_STAGES = 20
STALE = "A deal's owner is told after so many days without anything happening with it; none: never."
LOST = "The reasons offered when a deal is lost; the usual ones, when there are none."
RETURNING = "Whether clients come again and again: their cards say how often, and what they spend."

Name = Annotated[str, Field(min_length=1, max_length=60)]


class StageFields(Input):
    name: Name
    probability: Annotated[Percent, Field(description="Percent of the deals in it that are won.")]


class GivenStage(StageFields):
    id: Annotated[UUID | None, Field(description="Of a stage that stays; none for a new one.")] = None


StaleDays = Annotated[int, Field(ge=2, le=365)]
LostReasons = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=30)]


class NewPipeline(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID); sending it twice makes one pipeline.")] = None
    name: Name
    stages: Annotated[list[StageFields], Field(min_length=1, max_length=MOST_STAGES)]
    stale_days: Annotated[StaleDays | None, Field(description=STALE)] = 14
    lost_reasons: Annotated[LostReasons, Field(description=LOST)] = []
    returning: Annotated[bool, Field(description=RETURNING)] = False


class PipelineFields(Input):
    """`stages` are all there are, in their order: one left out is removed, and its deals go to the remaining stage that
    `deals_to` says for it."""

    name: Name
    stages: Annotated[list[GivenStage], Field(min_length=1, max_length=MOST_STAGES)]
    deals_to: Annotated[dict[UUID, UUID], Field(default_factory=dict)]
    stale_days: Annotated[StaleDays | None, Field(description=STALE)] = None
    lost_reasons: Annotated[LostReasons, Field(description=LOST)] = []
    returning: Annotated[bool, Field(description=RETURNING)] = False


ChangedPipeline = changes_of(PipelineFields, "ChangedPipeline")


class OnePipeline(Input):
    id: UUID
    version: int | None = None


class DeletedPipeline(OnePipeline):
    deals_to: Annotated[UUID | None, Field(description="The stage of another pipeline that takes its deals.")] = None


@action("pipeline.create")
def create(actor: Actor, data: NewPipeline) -> Pipeline:
    known = actor.repeated(Pipeline, data.id)
    if known:
        return known
    last = actor.db.scalar(select(func.max(Pipeline.position)))
    said = data.model_dump(exclude={"id", "stages"})
    pipeline = Pipeline(**said, position=0 if last is None else last + 1)
    if data.id:
        pipeline.id = data.id
    actor.db.add(pipeline)
    actor.db.flush()
    for position, stage in enumerate(data.stages):
        actor.db.add(Stage(pipeline_id=pipeline.id, position=position, **stage.model_dump()))
    return pipeline


@action("pipeline.edit", takes=ChangedPipeline)
def change(actor: Actor, data: Changes) -> Pipeline:
    pipeline = actor.take(Pipeline, data.id, "edit", data.version)
    given = data.given()
    if "name" in given:
        pipeline.name = given["name"]
    for name in ("stale_days", "lost_reasons", "returning"):
        if name in given:
            setattr(pipeline, name, given[name])
    if "stages" in given:
        stages = [GivenStage(**stage) for stage in given["stages"]]
        arrange(actor, pipeline, stages, given.get("deals_to") or {})
    return pipeline


@action("pipeline.delete")
def delete(actor: Actor, data: DeletedPipeline) -> Pipeline:
    """Into the bin, once its deals, won and lost ones too, have another place. The last pipeline stays."""
    pipeline = actor.take(Pipeline, data.id, "delete", data.version)
    if actor.db.scalar(actor.visible(Pipeline, Pipeline.id).where(Pipeline.id != pipeline.id).limit(1)) is None:
        raise Busy(_("This is the only pipeline. Make another before you delete it."))
    all_stages = list(stages_held(actor, pipeline).values())
    if count_deals(actor, Deal.pipeline_id == pipeline.id):
        if data.deals_to is None or data.deals_to in [stage.id for stage in all_stages]:
            raise Invalid(("deals_to", _("There are deals in it. Choose a stage of another pipeline for them.")))
        target = stage_locked(actor, data.deals_to)
        for stage in all_stages:
            hand_over(actor, stage, target)
    pipeline.deleted_at = datetime.now(UTC)
    return pipeline


@action("pipeline.restore", right=("pipeline", "delete"))
def restore(actor: Actor, data: OnePipeline) -> Pipeline:
    """Out of the bin with its stages; deals that were handed over stay where they are."""
    pipeline = actor.take(Pipeline, data.id, "delete", deleted=True)
    pipeline.deleted_at = None
    return pipeline


def arrange(actor: Actor, pipeline: Pipeline, given: list[GivenStage], deals_to: dict[UUID, UUID]) -> None:
    """Make the pipeline's stages those given, in that order. Raises Invalid."""
    present = stages_held(actor, pipeline)
    kept = [stage.id for stage in given if stage.id]
    strangers = [number for number, stage in enumerate(given) if stage.id and stage.id not in present]
    if strangers or len(kept) != len(set(kept)):
        raise Invalid(("stages", _("Name each stage of this pipeline once, and none of another.")))
    for position, stage in enumerate(given):
        if stage.id:
            there = present[stage.id]
            there.name, there.probability, there.position = stage.name, stage.probability, position
        else:
            new = Stage(pipeline_id=pipeline.id, name=stage.name, probability=stage.probability, position=position)
            actor.db.add(new)
    for left in present.keys() - set(kept):
        remove(actor, present[left], present.get(deals_to.get(left, left)), kept)
    pipeline.updated_at = datetime.now(UTC)  # so that its version counts its stages' changes
    actor.db.flush()
    actor.db.expire(pipeline, ["stages"])


def remove(actor: Actor, stage: Stage, target: Stage | None, kept: list[UUID]) -> None:
    count = count_deals(actor, Deal.stage_id == stage.id)
    if count and (target is None or target.id not in kept):
        raise Invalid(
            (
                "deals_to",
                ngettext(
                    "%(num)s deal is in %(stage)s. Choose a stage that takes it over.",
                    "%(num)s deals are in %(stage)s. Choose a stage that takes them over.",
                    count,
                    stage=stage.name,
                ),
            )
        )
    if target is not None and count:
        hand_over(actor, stage, target)
    stage.deleted_at = datetime.now(UTC)
    # Those that had come so far came at least to the stage before it.
    before = select(Stage.id).where(Stage.id.in_(kept), Stage.position < stage.position).order_by(Stage.position.desc())
    left = update(Deal).where(Deal.furthest_id == stage.id)
    actor.db.execute(left.values(furthest_id=before.limit(1).scalar_subquery(), updated_at=Deal.updated_at))


def hand_over(actor: Actor, stage: Stage, target: Stage) -> None:
    """Put every deal of a stage, open or closed, below those of another, in its present order."""
    query = select(Deal).where(Deal.stage_id == stage.id, Deal.deleted_at.is_(None)).order_by(Deal.rank, Deal.id)
    rank = lane.bottom(actor, target)
    for number, deal in enumerate(actor.db.scalars(query.with_for_update())):
        deal.come_to(target)
        deal.rank = rank + number * lane.STEP


def stages_held(actor: Actor, pipeline: Pipeline) -> dict[UUID, Stage]:
    """The pipeline's stages by id, locked until the end of the transaction."""
    query = stages_in_use(actor).where(Pipeline.id == pipeline.id).with_for_update(of=Stage)
    return {stage.id: stage for stage in actor.db.scalars(query.execution_options(populate_existing=True))}


def count_deals(actor: Actor, condition: ColumnElement[bool]) -> int:
    """How many deals, open or closed, whoever may see them."""
    return actor.db.scalar(select(func.count()).select_from(Deal).where(condition, Deal.deleted_at.is_(None))) or 0
