"""The pages of exports: what to take along, how far it is, and the file."""

from typing import Any, cast
from uuid import UUID

from flask import Response, flash, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import pgettext

from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid, NotFound
from core.files import files
from core.listing import Ask
from core.pages import Answer, Pages, render, see
from crm.accounts.again import when_fresh
from crm.exports import actions, queries
from crm.exports.actions import OneExport, check_standing
from crm.exports.kinds import FORMATS, KINDS, NAMES, allowed, may_export, require_export
from crm.exports.models import KEPT, Export

pages = Pages("exports", __name__)
pages.add_app_template_global(may_export)

TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "zip": "application/zip",
}
OF_LIST = ("q", "sort")


@pages.get("/exports/")
def index(actor: Actor) -> Answer:
    """What was taken along, and what may be."""
    may = allowed(actor)
    if not may:
        raise Forbidden()
    page = queries.page(actor, request.args.get("cursor", ""))
    return render(actor, "exports/index.html", page=page, may=may, names=NAMES, words=STATES(), formats=FORMAT_WORDS())


@pages.get("/exports/new")
def new(actor: Actor) -> Answer:
    what = request.args.get("what", "everything")
    if what not in NAMES:
        raise NotFound()
    return form(actor, what, asked_of(request.args), {})


def form(actor: Actor, what: str, ask: Ask, errors: dict[str, str]) -> str:
    """Which kind of file. A list that is shown narrowed may be taken as it is shown."""
    require_export(actor, what)
    return render(
        actor, "exports/new.html", what=what, name=str(NAMES[what]), ask=ask, errors=errors,
        formats=[(key, FORMAT_WORDS()[key]) for key in FORMATS[what]],
        typed=request.form.get("format", FORMATS[what][0]), kept=KEPT.days,
        rows=queries.how_many(actor, what, ask) if what != "files" else None,
    )  # fmt: skip


def asked_of(given: Any) -> Ask:
    """What a list's page was narrowed to and sorted by, as its URL says it."""
    what = given.get("what", "")
    known = KINDS[what].resource.listing if what in KINDS else None
    filters = {name: given[name] for name in (known.filters if known else ()) if given.get(name)}
    if known and known.custom:
        filters |= {name: value for name, value in given.items() if name.startswith("custom.") and value}
    sort = given.get("sort", "") if known and given.get("sort", "").removeprefix("-") in known.sorts else ""
    return Ask(given.get("q", "").strip() if known and known.searched else "", sort, filters=filters)


@pages.post("/exports/")
@when_fresh
def create(actor: Actor) -> Answer:
    what, ask = request.form.get("what", ""), asked_of(request.form)
    values = {"what": what, "format": request.form.get("format"), "q": ask.q, "sort": ask.sort, "filters": ask.filters}
    try:
        made = actions.create(actor, actions.create.parse(values))
    except Invalid as error:
        if what not in NAMES:
            raise
        return form(actor, what, ask, {name: str(message) for name, message in error.fields}), 422
    except Busy as busy:
        return form(actor, what, ask, {"": str(busy.detail)}), busy.status
    return see(url_for("exports.show", export_id=made.id))


@pages.get("/exports/<uuid:export_id>")
def show(actor: Actor, export_id: UUID) -> Answer:
    found = actor.find(Export, export_id)
    return render(
        actor, "exports/show.html", found=found, name=str(NAMES[found.what]), words=STATES(),
        mine=queries.is_mine(actor, found), format=FORMAT_WORDS()[found.format],
    )  # fmt: skip


@pages.post("/exports/<uuid:export_id>/run")
@when_fresh
def run(actor: Actor, export_id: UUID) -> Answer:
    actions.run(actor, OneExport(id=export_id))
    return see(url_for("exports.show", export_id=export_id))


@pages.post("/exports/<uuid:export_id>/stop")
def stop(actor: Actor, export_id: UUID) -> Answer:
    actions.stop(actor, OneExport(id=export_id))
    return see(url_for("exports.show", export_id=export_id))


@pages.post("/exports/<uuid:export_id>/delete")
def delete(actor: Actor, export_id: UUID) -> Answer:
    actions.delete(actor, OneExport(id=export_id))
    flash(_("The export is deleted"))
    return see(url_for("exports.index"))


@pages.get("/exports/<uuid:export_id>/file")
@when_fresh
def download(actor: Actor, export_id: UUID) -> Answer:
    return file_of(actor, actor.find(Export, export_id))


def file_of(actor: Actor, found: Export) -> Response:
    """The file, to whoever asked for it and still sees as much. Raises NotFound, Forbidden, Busy."""
    if not queries.is_mine(actor, found):
        raise NotFound()
    check_standing(actor, found)
    if found.file_key is None:
        raise Busy(_("The file is not made yet, or is gone again."))
    content = files().open(found.file_key)
    return send_file(
        cast("Any", content), TYPES[found.format], as_attachment=True, download_name=found.file_name, max_age=0
    )


def FORMAT_WORDS() -> dict[str, str]:  # noqa: N802 (a table, in the reader's language)
    return {"csv": _("CSV"), "xlsx": _("Excel"), "json": _("JSON"), "zip": _("ZIP archive")}


def STATES() -> dict[str, tuple[str, str]]:  # noqa: N802 (as above)
    """What each state is called, and its tone."""
    return {
        "waiting": (_("Waiting for a worker"), ""), "running": (_("Running"), "accent"),
        "done": (pgettext("export", "Ready"), "good"), "stopped": (_("Stopped"), "soon"),
        "failed": (_("Failed"), "late"), "expired": (pgettext("export", "Expired"), ""),
    }  # fmt: skip
