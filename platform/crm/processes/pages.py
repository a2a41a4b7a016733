"""Pages of processes: what there is, and the way that a run went."""

from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from core.actor import Actor
from core.pages import Answer, Pages, render
from crm.processes import queries
from crm.processes.models import Instance, Process

pages = Pages("processes", __name__)

RUN_WORDS: dict[str, tuple[Any, str]] = {
    "running": (_l("Under way"), "info"),
    "done": (_l("Done"), "ok"),
    "failed": (_l("Cannot go on"), "bad"),
    "cancelled": (_l("Cancelled"), ""),
    "paused": (_l("Paused"), ""),
}
STEP_WORDS: dict[str, Any] = {
    "open": _l("Waits"),
    "arrived": _l("Goes on"),
    "done": _l("Done"),
    "failed": _l("Cannot go on"),
    "skipped": _l("Skipped"),
    "cancelled": _l("Overtaken"),
}


@pages.get("/settings/processes")
def index(actor: Actor) -> Answer:
    actor.require(("process", "view"))
    runs = select(func.count()).where(Instance.process_id == Process.id).correlate(Process)
    counts = [runs.where(Instance.status == state).scalar_subquery().label(state) for state in ("running", "failed")]
    rows = actor.db.execute(
        actor.visible(Process, Process.id, Process.name, Process.enabled, *counts).order_by(Process.name, Process.id)
    )
    return render(actor, "processes/index.html", processes=rows.all())


@pages.get("/settings/processes/runs/<uuid:instance_id>")
def run(actor: Actor, instance_id: UUID) -> Answer:
    instance = actor.find(Instance, instance_id)
    steps = queries.path_of(actor, instance_id)
    return render(actor, "processes/run.html", run=instance, steps=steps, words=RUN_WORDS, step_words=STEP_WORDS)
