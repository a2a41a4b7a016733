"""Pages of processes: what there is, where its runs stand, and the way that each went, with the buttons to help it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from config.settings import settings
from core.actor import Actor
from core.errors import Busy, Invalid, NotFound
from core.listpage import asked, list_page
from core.pages import Answer, Pages, render, say, see
from crm.absences.queries import to_choose
from crm.processes import actions, drawing, following, queries, webhooks
from crm.processes.bpmn import Definition, Unreadable, read
from crm.processes.doing import told
from crm.processes.layout import drawn
from crm.processes.models import Instance, Process, Version
from crm.processes.queries import RUNS
from crm.tasks.due import lateness

pages = Pages("processes", __name__)

RUN_WORDS: dict[str, tuple[Any, str]] = {
    "running": (_l("Under way"), "accent"),
    "done": (_l("Done"), "good"),
    "failed": (_l("Cannot go on"), "late"),
    "cancelled": (_l("Cancelled"), ""),
    "paused": (_l("Paused"), "soon"),
}
STEP_WORDS: dict[str, tuple[Any, str]] = {
    "open": (_l("Waits"), "accent"),
    "arrived": (_l("Goes on"), "accent"),
    "done": (_l("Done"), "good"),
    "failed": (_l("Cannot go on"), "late"),
    "skipped": (_l("Skipped"), "soon"),
    "cancelled": (_l("Overtaken"), ""),
}


@pages.get("/settings/processes")
def index(actor: Actor) -> Answer:
    secret = webhooks.secrets_of(settings(), actor.workspace)[0] if actor.may("process", "edit") else ""
    rules = queries.count_rules(actor)
    return render(actor, "processes/index.html", processes=queries.overview(actor), rules=rules, secret=secret)


@pages.get("/settings/processes/<uuid:process_id>")
def show(actor: Actor, process_id: UUID) -> Answer:
    process = actor.find(Process, process_id)
    versions = following.versions_of(actor, process)
    active = next((version for version, _who, _runs in versions if version.id == process.active_id), None)
    ask = asked(("status", "late", "element"), "-created")
    ask = type(ask)(ask.q, ask.sort, ask.cursor, filters={**ask.filters, "process_id": str(process.id)})
    definition = understood(active.xml if active else process.draft)
    places = {one: place for one, place in following.places(actor, process).items() if not at_border(definition, one)}
    page = list_page(actor, RUNS, ask, following.RUN, lambda row: row)
    return render(
        actor,
        "processes/show.html",
        process=process,
        xml=pictured(active.xml if active else process.draft),
        active=active,
        versions=versions,
        others=sum(runs for version, _who, runs in versions if version.id != process.active_id),
        places=in_order(definition, places),
        marks=drawing.counted(process, places),
        tallies=following.tallies(actor, process),
        ask=ask,
        page=page,
        runs=following.runs_of(actor, page.rows),
        narrowed_to=definition.elements[ask.filters["element"]].title
        if definition and ask.filters.get("element") in definition.elements
        else "",
        words=RUN_WORDS,
        changed=active is None or active.xml != process.draft,
    )


def understood(xml: str) -> Definition | None:
    """What the XML says, if it can run."""
    try:
        return read(xml)
    except Unreadable:
        return None


def at_border(definition: Definition | None, element: str) -> bool:
    """Whether it sits on the border of a step: what waits there is the step's own deadline, and no place of its own."""
    known = definition.elements.get(element) if definition else None
    return known is not None and bool(known.host)


def pictured(xml: str) -> str:
    """The XML with a diagram, by which it is drawn; nothing where there cannot be one."""
    try:
        return drawn(xml)
    except Unreadable:
        return ""


def in_order(
    definition: Definition | None, places: dict[str, following.Place]
) -> list[tuple[str, following.Place]]:  # fmt: skip
    """(title, place) in the order of the file; what only an older version has comes last."""
    elements = definition.elements if definition else {}
    known = [(elements[one].title, places[one]) for one in elements if one in places]
    return known + [(one, place) for one, place in places.items() if one not in elements]


@pages.post("/settings/processes/<uuid:process_id>/move")
def move(actor: Actor, process_id: UUID) -> Answer:
    moving = actions.move_runs(actor, actions.MovedRuns(id=process_id))
    words = ngettext("%(num)s run was moved.", "%(num)s runs were moved.", moving.moved)
    if moving.stayed:
        stays = ngettext("%(num)s stays on its version", "%(num)s stay on their version", len(moving.stayed))
        missing = sorted({name for one in moving.stayed for name in one.missing})
        gone = _("this version no longer has %(names)s", names=", ".join(missing))
        words = f"{words} {stays}: {gone}."
    say(words)
    return see(url_for("processes.show", process_id=process_id))


@pages.get("/settings/processes/runs/<uuid:instance_id>")
def run(actor: Actor, instance_id: UUID) -> Answer:
    found = actor.find(Instance, instance_id)
    process, version = actor.db.get_one(Process, found.process_id), actor.db.get_one(Version, found.version_id)
    definition, waits = understood(version.xml), following.waits_of(actor, [found.id]).get(found.id, [])
    now, waits = datetime.now(UTC), [one for one in waits if not at_border(definition, one.element)]
    return render(
        actor,
        "processes/run.html",
        run=found,
        process=process,
        version=version,
        xml=pictured(version.xml),
        marks=drawing.walked(definition, found, waits) if definition else {},
        waits=[(one, lateness(None, one.due, now) if one.late else "") for one in waits],
        steps=[
            (step, who, told(definition, step) if definition else [])
            for step, who in following.path_of(actor, found.id)
            if not (step.state == "cancelled" and at_border(definition, step.element))
        ],
        words=RUN_WORDS,
        step_words=STEP_WORDS,
        members=[(str(member_id), name) for member_id, name in to_choose(actor)],
        about=address_of(found),
    )


def address_of(run: Instance) -> str:
    """Where the card of the record is that a run is about."""
    rooms = {"deal": "deals", "contact": "contacts", "company": "companies"}
    room = rooms.get(run.record_kind)
    return f"{request.script_root}/{room}/{run.record_id}" if room and run.record_id else ""


@pages.post("/settings/processes/runs/<uuid:instance_id>/<what>")
def help_on(actor: Actor, instance_id: UUID, what: str) -> Answer:
    """Try again what failed, end the run, pass over a step, give it to somebody else."""
    given = {
        "id": instance_id,
        **{name: request.form[name] for name in ("step_id", "assignee_id") if name in request.form},
    }
    helps: dict[str, tuple[Any, str]] = {
        "retry": (actions.retry, _("It is tried again.")),
        "cancel": (actions.cancel, _("The run is cancelled.")),
        "skip": (actions.skip, _("The step is skipped.")),
        "reassign": (actions.reassign, _("The step is given to somebody else.")),
    }
    if what not in helps:
        raise NotFound()
    doing, words = helps[what]
    try:
        doing(actor, doing.parse(given))
    except (Busy, Invalid) as error:
        words = (
            "; ".join(str(said) for _name, said in error.fields) if isinstance(error, Invalid) else str(error.detail)
        )
    say(words)
    return see(url_for("processes.run", instance_id=instance_id))
