"""Pages of processes: what there is, and the way that a run went."""

from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _l

from core.actor import Actor
from core.pages import Answer, Pages, render
from crm.processes import queries
from crm.processes.models import Instance

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
    return render(actor, "processes/index.html", processes=queries.overview(actor), rules=queries.count_rules(actor))


@pages.get("/settings/processes/runs/<uuid:instance_id>")
def run(actor: Actor, instance_id: UUID) -> Answer:
    instance = actor.find(Instance, instance_id)
    steps = queries.path_of(actor, instance_id)
    return render(actor, "processes/run.html", run=instance, steps=steps, words=RUN_WORDS, step_words=STEP_WORDS)
