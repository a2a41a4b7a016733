"""Pages of pipelines, in the settings: each one's name and stages, as one form that works without a script."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Busy, Conflict, Invalid
from core.ids import new_id
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.deals import pipelines, queries
from crm.deals.form import stage_choices
from crm.deals.models import Pipeline

pages = Pages("pipelines", __name__)

Rows = list[dict[str, Any]]
STAY = ""  # what becomes of a stage: it stays, it goes, or it goes and its deals go to the stage of this id
GO = "go"


@pages.get("/settings/pipelines")
def index(actor: Actor) -> str:
    actor.require(("pipeline", "view"))
    found = queries.pipelines(actor)
    counts = {pipeline.id: sum(queries.deals_in(actor, pipeline).values()) for pipeline in found}
    return render(actor, "pipelines/index.html", pipelines=found, counts=counts)


@pages.get("/settings/pipelines/new")
def new(actor: Actor) -> str:
    actor.require(("pipeline", "create"))
    usual = [(_("New"), 10), (_("In touch"), 25), (_("Offer sent"), 50), (_("Agreed"), 80)]
    stages = [{"name": name, "probability": str(probability)} for name, probability in usual]
    typed = {"id": new_id(), "name": "", "stages": stages, "stale_days": "14", "lost_reasons": "", "returning": ""}
    return render(actor, "pipelines/form.html", errors={}, **filled(actor, typed))


@pages.post("/settings/pipelines")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    if typed.pop("do", None):
        return render(actor, "pipelines/form.html", errors={}, **filled(actor, typed)), 422
    try:
        stages = arranged(typed["stages"])["stages"]
        values = blank_to_none({**typed, **said(typed), "stages": stages}, "stale_days")
        pipeline = pipelines.create(actor, pipelines.create.parse(values))
    except Invalid as error:
        return refused(actor, "pipelines/form.html", error, **filled(actor, typed))
    say(_("%(name)s is stored", name=pipeline.name))
    return see(url_for("pipelines.index"))


@pages.get("/settings/pipelines/<uuid:pipeline_id>")
def edit(actor: Actor, pipeline_id: UUID) -> str:
    pipeline = editable(actor, pipeline_id)
    return render(actor, "pipelines/form.html", errors={}, **filled(actor, stored(pipeline), pipeline))


@pages.post("/settings/pipelines/<uuid:pipeline_id>")
def change(actor: Actor, pipeline_id: UUID) -> Answer:
    """Stored; or shown again with one more stage, another order, what is wrong, or what somebody else stored."""
    typed = typed_form()
    if typed.pop("do", None):
        pipeline = editable(actor, pipeline_id)
        return render(actor, "pipelines/form.html", errors={}, **filled(actor, typed, pipeline)), 422
    try:
        values = {**typed, **said(typed), **arranged(typed["stages"]), "id": pipeline_id}
        pipeline = pipelines.change(actor, pipelines.change.parse(blank_to_none(values, "version", "stale_days")))
    except Invalid as error:
        return refused(actor, "pipelines/form.html", error, **filled(actor, typed, editable(actor, pipeline_id)))
    except Conflict as conflict:
        pipeline = editable(actor, pipeline_id)
        again = {**typed, "version": conflict.current, "stages": merged(typed["stages"], pipeline)}
        values = filled(actor, again, pipeline, theirs=pipeline)
        return render(actor, "pipelines/form.html", errors={}, **values), conflict.status
    say(_("%(name)s is stored", name=pipeline.name))
    return see(url_for("pipelines.index"))


@pages.post("/settings/pipelines/<uuid:pipeline_id>/delete")
def delete(actor: Actor, pipeline_id: UUID) -> Answer:
    deals_to = request.form.get("deals_to") or None
    try:
        pipeline = pipelines.delete(actor, pipelines.delete.parse({"id": pipeline_id, "deals_to": deals_to}))
    except Invalid as error:
        raise Busy(error.fields[0][1]) from None
    undo = None if deals_to else url_for("pipelines.restore", pipeline_id=pipeline.id)
    say(_("%(name)s deleted", name=pipeline.name), undo)
    return see(url_for("pipelines.index"))


@pages.post("/settings/pipelines/<uuid:pipeline_id>/restore")
def restore(actor: Actor, pipeline_id: UUID) -> Answer:
    pipeline = pipelines.restore(actor, pipelines.OnePipeline(id=pipeline_id))
    say(_("%(name)s is back", name=pipeline.name))
    return see(url_for("pipelines.index"))


def typed_form() -> dict[str, Any]:
    """The form as it was typed; "do" is there where a button asked only for one more stage or for another order."""
    typed = form_values(request.form)
    stages = typed.setdefault("stages", [])
    for button, step in (("up", -1), ("down", 1)):
        place = typed.pop(button, "")
        if place.isdecimal() and 0 <= int(place) < len(stages):
            stages.insert(max(0, int(place) + step), stages.pop(int(place)))
            typed["do"] = "order"
    return {"name": "", "stale_days": "", "lost_reasons": "", "returning": "", **typed}


def said(typed: dict[str, Any]) -> dict[str, Any]:
    """Lines as a list, a box as yes or no."""
    lines = [line.strip() for line in typed["lost_reasons"].splitlines()]
    return {"lost_reasons": [line for line in lines if line], "returning": bool(typed["returning"])}


def arranged(rows: Rows) -> dict[str, Any]:
    """What was typed of the stages, as the action takes it: those that stay, and where the others' deals go."""
    staying = [row for row in rows if row.get("goes", STAY) == STAY]
    going = {row["id"]: row["goes"] for row in rows if row.get("goes", STAY) not in (STAY, GO)}
    stages = [{name: row[name] for name in ("id", "name", "probability") if row.get(name)} for row in staying]
    return {"stages": stages, "deals_to": going}


def stored(pipeline: Pipeline) -> dict[str, Any]:
    stages = [{"id": str(one.id), "name": one.name, "probability": str(one.probability)} for one in pipeline.stages]
    stale_days = "" if pipeline.stale_days is None else str(pipeline.stale_days)
    return {
        "version": pipeline.version, "name": pipeline.name, "stale_days": stale_days, "stages": stages,
        "lost_reasons": "\n".join(pipeline.lost_reasons), "returning": pipeline.returning,
    }  # fmt: skip


def merged(rows: Rows, pipeline: Pipeline) -> Rows:
    """What was typed, brought in line with the stages there are now: those added meanwhile follow, a stage removed
    meanwhile becomes a new one."""
    present = {row["id"]: row for row in stored(pipeline)["stages"]}
    kept = [row if row.get("id") in present else {**row, "id": ""} for row in rows]
    typed = {row["id"] for row in kept}
    return kept + [row for stage_id, row in present.items() if stage_id not in typed]


def filled(
    actor: Actor, typed: dict[str, Any], pipeline: Pipeline | None = None, theirs: Pipeline | None = None
) -> dict[str, Any]:
    """What the form needs; `theirs` is the pipeline as somebody else stored it in the meantime."""
    counts = queries.deals_in(actor, pipeline) if pipeline else {}
    everything = queries.pipelines(actor)
    return {
        "typed": typed,
        "pipeline": pipeline,
        "theirs": theirs,
        "counts": {str(stage_id): count for stage_id, count in counts.items()},
        "elsewhere": stage_choices(everything, but=pipeline) if pipeline else [],
        "alone": len(everything) == 1,
    }


def editable(actor: Actor, pipeline_id: UUID) -> Pipeline:
    pipeline = actor.find(Pipeline, pipeline_id)
    actor.require(("pipeline", "edit"), pipeline)
    return pipeline
