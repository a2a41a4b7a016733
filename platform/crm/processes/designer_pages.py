"""The designer: where a process is drawn, checked as one draws, saved and published; and new processes.

The drawing itself happens in the browser (assets/src/bpmn). It sends the whole file: to `check`, which changes nothing,
and to `save`, which keeps it as the draft even where something is still missing.
"""

from dataclasses import asdict
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import jsonify, request, send_file, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.pages import Answer, Pages, form_values, refused, render, say, see
from crm.processes import actions, following, queries
from crm.processes.arguments import doing
from crm.processes.bpmn import Problem, Unreadable, read, sketched
from crm.processes.checks import problems
from crm.processes.choices import Lists
from crm.processes.examples import EXAMPLES, blank
from crm.processes.layout import drawn
from crm.processes.models import Process
from crm.processes.values import known
from crm.processes.words import COMPARED, ELEMENTS, EVENTS, FIELD_TYPES, HOURS, SUBJECTS, TODOS, UNITS, people, stages

pages = Pages("designer", __name__)

LARGEST = 1024 * 1024  # bytes of a file


@pages.get("/settings/processes/new")
def new(actor: Actor) -> Answer:
    actor.require(("process", "create"))
    typed = {"id": str(new_id()), "name": "", "ground": request.args.get("ground", "blank")}
    return render(actor, "processes/new.html", typed=typed, errors={}, examples=EXAMPLES)


@pages.post("/settings/processes/new")
def create(actor: Actor) -> Answer:
    typed = form_values(request.form)
    ground = typed.get("ground", "blank")
    try:
        if ground == "file":
            xml = uploaded()
        elif ground in EXAMPLES:
            xml = EXAMPLES[ground].xml()
        else:
            xml = blank(typed.get("name", ""))
        values = {"id": typed.get("id"), "xml": xml, "name": typed.get("name", "")}
        process = actions.create(actor, actions.create.parse(values))
    except Invalid as error:
        return refused(actor, "processes/new.html", at_file(error), typed=typed, examples=EXAMPLES)
    return see(url_for("designer.show", process_id=process.id))


def uploaded() -> str:
    """The file that was sent, as text. Raises Invalid."""
    file = request.files.get("file")
    content = file.stream.read(LARGEST + 1) if file else b""
    if not content:
        raise Invalid(("file", _("Choose a file.")))
    if len(content) > LARGEST:
        raise Invalid(("file", _("The file is too large: at most 1 MB.")))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(("file", _("This is no XML that can be read (line %(line)s).", line=1))) from None


def at_file(error: Invalid) -> Invalid:
    """What is wrong in a file is said at the file, since nothing else of it is on the page."""
    own = [(name, words) for name, words in error.fields if name in ("name", "file")]
    others = [str(words) for name, words in error.fields if name not in ("name", "file")]
    return Invalid(*own, *([("file", " ".join(others[:5]))] if others else []))


@pages.get("/settings/processes/<uuid:process_id>/designer")
def show(actor: Actor, process_id: UUID) -> Answer:
    process = editable(actor, process_id)
    return render(
        actor, "processes/designer.html", process=process, xml=with_diagram(process.draft),
        versions=following.versions_of(actor, process), latest=queries.latest_version(actor, process),
        **choices(actor),
    )  # fmt: skip


def choices(actor: Actor) -> dict[str, Any]:
    """What the fields of the panel offer."""
    offered = doing()
    return {
        "events": EVENTS,
        "doing": offered,
        "known": {
            "arguments": {one["name"]: one["arguments"] for one in offered},
            "lists": Lists.of(actor).all(),
            "values": known(actor),
        },
        "todos": TODOS.items(),
        "compared": COMPARED,
        "kinds": ELEMENTS,
        "people": people(actor),
        "stages": stages(actor),
        "field_types": FIELD_TYPES,
        "units": UNITS,
        "hours": HOURS,
        "subjects": SUBJECTS,
    }


def with_diagram(xml: str) -> str:
    """The draft as it can be drawn; one that nobody can place is shown as it is."""
    try:
        return drawn(xml)
    except Unreadable:
        return xml


@pages.post("/settings/processes/<uuid:process_id>/check")
def check(actor: Actor, process_id: UUID) -> Answer:
    editable(actor, process_id)
    return jsonify(problems=found(actor, request.form.get("xml", "")))


@pages.post("/settings/processes/<uuid:process_id>/draft")
def save(actor: Actor, process_id: UUID) -> Answer:
    xml = request.form.get("xml", "")
    values = {"id": process_id, "version": request.form.get("version", type=int), "xml": xml}
    process = actions.change(actor, actions.change.parse(values))
    return jsonify(version=process.version, problems=found(actor, xml), text=_("Saved"))


@pages.post("/settings/processes/<uuid:process_id>/publish")
def publish(actor: Actor, process_id: UUID) -> Answer:
    """In JSON, as what is wrong is shown in the drawing."""
    process = editable(actor, process_id)
    wrong = found(actor, process.draft)
    if wrong:
        return jsonify(version=process.version, problems=wrong, text=_("Not published yet: see what is missing."))
    values = {"id": process_id, "version": request.form.get("version", type=int)}
    process = actions.publish(actor, actions.publish.parse(values))
    say(_("%(name)s is published and on", name=process.name))
    return jsonify(version=process.version, problems=[], text=_("Published"))


def found(actor: Actor, xml: str) -> list[dict[str, str]]:
    """What is wrong, for the drawing. Spiff's own findings come last: ours name the elements."""
    try:
        sketched(xml)
        return [asdict(one) for one in problems(actor, read(xml))]
    except Unreadable as error:
        return [asdict(one) for one in error.problems]
    except Invalid as error:
        return [asdict(Problem("", str(words))) for _name, words in error.fields]


@pages.post("/settings/processes/<uuid:process_id>/switch")
def switch(actor: Actor, process_id: UUID) -> Answer:
    change = actions.switch_on if request.form.get("on") else actions.switch_off
    process = change(actor, actions.OneProcess(id=process_id))
    say(_("%(name)s is on", name=process.name) if process.enabled else _("%(name)s is off", name=process.name))
    return see(request.form.get("back") or url_for("processes.index"))


@pages.post("/settings/processes/<uuid:process_id>/name")
def rename(actor: Actor, process_id: UUID) -> Answer:
    actions.change(actor, actions.change.parse({"id": process_id, "name": request.form.get("name", "")}))
    return see(url_for("designer.show", process_id=process_id))


@pages.post("/settings/processes/<uuid:process_id>/delete")
def delete(actor: Actor, process_id: UUID) -> Answer:
    process = actions.delete(actor, actions.OneProcess(id=process_id))
    say(_("%(name)s deleted", name=process.name), url_for("designer.restore", process_id=process_id))
    return see(url_for("rules.index") if process.rule else url_for("processes.index"))


@pages.post("/settings/processes/<uuid:process_id>/restore")
def restore(actor: Actor, process_id: UUID) -> Answer:
    process = actions.restore(actor, actions.OneProcess(id=process_id))
    say(_("%(name)s is back, switched off", name=process.name))
    return see(url_for("rules.index") if process.rule else url_for("processes.index"))


@pages.get("/settings/processes/<uuid:process_id>/file")
def download(actor: Actor, process_id: UUID) -> Answer:
    """The draft, or with ?number= a published version, with a diagram, for any modeler."""
    process = editable(actor, process_id)
    number = request.args.get("number", type=int)
    xml = queries.version_numbered(actor, process, number).xml if number else process.draft
    name = f"{process.key}-{number}.bpmn" if number else f"{process.key}.bpmn"
    return send_file(
        BytesIO(with_diagram(xml).encode()), mimetype="application/xml", as_attachment=True, download_name=name
    )


@pages.post("/settings/processes/<uuid:process_id>/file")
def upload(actor: Actor, process_id: UUID) -> Answer:
    """Another file, or a published version, takes the draft's place."""
    process = editable(actor, process_id)
    number = request.form.get("number", type=int)
    try:
        xml = queries.version_numbered(actor, process, number).xml if number else uploaded()
        version = request.form.get("version", type=int)
        actions.change(actor, actions.change.parse({"id": process_id, "xml": xml, "version": version}))
    except Invalid as error:
        say(" ".join(str(words) for _name, words in at_file(error).fields))
        return see(url_for("designer.show", process_id=process_id))
    say(_("Version %(number)s is the draft again", number=number) if number else _("The file is the draft now"))
    return see(url_for("designer.show", process_id=process_id))


def editable(actor: Actor, process_id: UUID) -> Process:
    """Raises Forbidden, NotFound."""
    actor.require(("process", "edit"))
    process = actor.find(Process, process_id)
    if process.deleted_at is not None:
        raise NotFound()
    return process
