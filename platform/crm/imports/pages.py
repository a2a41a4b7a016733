"""The pages of an import: a file is chosen, its columns matched, duplicates decided, and then it runs and reports."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast
from uuid import UUID

from flask import Response, flash, request, send_file, url_for
from flask_babel import format_decimal, pgettext
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from core.actor import Actor
from core.errors import Invalid, Refusal
from core.full import LimitReached
from core.listing import Ask
from core.pages import Answer, Pages, day, render, see
from core.people import shown_phone
from crm.fields.models import Field
from crm.imports import actions, queries
from crm.imports.actions import IMPORT, Choices, OneImport
from crm.imports.check import LOOKS, look_heading, looks_of
from crm.imports.columns import FIELDS
from crm.imports.delimited import ENCODINGS, SEPARATORS
from crm.imports.models import Import, RefusedRow
from crm.imports.opening import reason_of
from crm.imports.own import own_fields
from crm.imports.own import said as said_own
from crm.imports.report import write_refused
from crm.imports.rows import REASONS
from crm.imports.rows import RefusedRow as Reason
from crm.imports.sheet import SheetError
from crm.limits.keeping import owner_names, plan_url

pages = Pages("imports", __name__)

CORRECTED = 50  # refused rows on one page


@pages.get("/imports/")
def index(actor: Actor) -> Answer:
    actor.require(IMPORT)
    ask = Ask(cursor=request.args.get("cursor", ""))
    columns = ("id", "file_name", "state", "rows", "created", "changed", "skipped", "refused", "owner_id", "created_at")
    page = queries.LISTING.page(actor, ask, *(getattr(Import, name) for name in columns))
    if not page.rows and not ask.cursor:
        return see(url_for("imports.new"))
    return render(actor, "imports/index.html", page=page, owners=queries.owner_names(actor, page.rows), words=STATES())


@pages.get("/imports/new")
def new(actor: Actor) -> str:
    actor.require(IMPORT)
    return render(actor, "imports/new.html", error=None)


@pages.post("/imports/")
def create(actor: Actor) -> Answer:
    actor.require(IMPORT)
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid(("file", _("Choose a file.")))
        found = actions.receive(actor, cast("Any", file.stream), file.filename, Choices())
    except Invalid as error:
        return render(actor, "imports/new.html", error=error.fields[0][1]), 422
    except (SheetError, actions.TooLarge, LimitReached) as error:
        return render(actor, "imports/new.html", error=error.detail), error.status
    return see(url_for("imports.columns", import_id=found.id))


@pages.get("/imports/<uuid:import_id>/columns")
def columns(actor: Actor, import_id: UUID) -> Answer:
    found = actor.find(Import, import_id)
    if found.state != "draft":
        return see(url_for("imports.show", import_id=found.id))
    return columns_page(actor, found)


def columns_page(actor: Actor, found: Import, error: Refusal | None = None) -> str:
    own = own_fields(actor)
    rows = shown_rows(found, request.args.get("show", "first"), own)
    fields = [
        ("", _("Do not import")), *((entry.key, str(entry.label)) for entry in FIELDS),
        *((key, field.label) for key, field in own.items()),
    ]  # fmt: skip
    return render(
        actor, "imports/columns.html", found=found, fields=fields, states=column_states(found), rows=rows,
        show=request.args.get("show", "first"),
        looks=[(key, look_heading(key, own)) for key in looks_of(found.mapping.values()) if key in own or key in LOOKS],
        earlier=queries.same_file(actor, found), encodings=list(ENCODINGS.items()), separators=separators(),
        **room_for(actor, found),
        described=described(found), error=error, errors=dict(error.fields) if isinstance(error, Invalid) else {},
        waiting=not found.checked.get("done") and not found.checked.get("error"),
    )  # fmt: skip


@pages.post("/imports/<uuid:import_id>/columns")
def match(actor: Actor, import_id: UUID) -> Answer:
    """What the form says of the file and its columns; then the same page again, or, by the button "next", duplicates.

    The form holds the whole mapping and is sent at each choice, so the last one sent is what the person sees and means.
    """
    found = actor.find(Import, import_id)
    try:
        found = actions.change(actor, actions.change.parse({"id": import_id, **said_of(found)}))
    except (Invalid, SheetError) as error:
        actor.db.rollback()
        return columns_page(actor, actor.find(Import, import_id), error), 422
    if "next" in request.form and not found.checked.get("error"):
        return see(url_for("imports.duplicates", import_id=import_id))
    return see(url_for("imports.columns", import_id=import_id, show=request.form.get("show") or None))


def said_of(found: Import) -> dict[str, Any]:
    """Of the format only what differs from what stands: a choice of one thing lets the others be guessed anew."""
    form = request.form
    given = {name: form[name] for name in ("encoding", "separator", "sheet", "header_row") if name in form}
    changed = {name: value for name, value in given.items() if value != str(found.format.get(name, ""))}
    said: dict[str, Any] = {}
    if changed:
        said["format"] = {"header_row": None, **changed} if changed.keys() - {"header_row"} else changed
    mapping = {name[7:]: value for name, value in form.items() if re.fullmatch(r"column-\d{1,4}", name)}
    if mapping and not changed:
        said["mapping"] = {column: field for column, field in mapping.items() if field}
    return said


@pages.get("/imports/<uuid:import_id>/duplicates")
def duplicates(actor: Actor, import_id: UUID) -> Answer:
    found = actor.find(Import, import_id)
    if found.state != "draft":
        return see(url_for("imports.show", import_id=found.id))
    return render(actor, "imports/duplicates.html", error=None, **choice_of(actor, found))


def choice_of(actor: Actor, found: Import) -> dict[str, Any]:
    """What the last page before the import says."""
    return {
        "found": found, "earlier": queries.same_file(actor, found), "described": described(found),
        **room_for(actor, found),
    }  # fmt: skip


def room_for(actor: Actor, found: Import) -> dict[str, Any]:
    """What the pages before the import say where not all new contacts fit into the plan."""
    fits = queries.fits(actor, found)
    return {"fits": fits, "plan_url": plan_url(actor), "owners": owner_names(actor) if fits else ()}


@pages.post("/imports/<uuid:import_id>/duplicates")
def begin(actor: Actor, import_id: UUID) -> Answer:
    """The last step: what to do with duplicates, and the import begins."""
    try:
        with actor.transaction():
            actions.change(actor, actions.change.parse({"id": import_id, "duplicates": request.form.get("duplicates")}))
            actions.run(actor, OneImport(id=import_id))
    except Invalid as error:
        shown = choice_of(actor, actor.find(Import, import_id))
        return render(actor, "imports/duplicates.html", error=error.fields[0][1], **shown), 422
    return see(url_for("imports.show", import_id=import_id))


@pages.get("/imports/<uuid:import_id>")
def show(actor: Actor, import_id: UUID) -> Answer:
    found = actor.find(Import, import_id)
    if found.state == "draft":
        return see(url_for("imports.columns", import_id=found.id))
    return render(
        actor, "imports/show.html", found=found, words=STATES(), described=described(found),
        plan_url=plan_url(actor), owners=owner_names(actor) if found.state == "full" else (),
    )  # fmt: skip


@pages.post("/imports/<uuid:import_id>/run")
def run(actor: Actor, import_id: UUID) -> Answer:
    actions.run(actor, OneImport(id=import_id))
    return see(url_for("imports.show", import_id=import_id))


@pages.post("/imports/<uuid:import_id>/stop")
def stop(actor: Actor, import_id: UUID) -> Answer:
    actions.stop(actor, OneImport(id=import_id))
    return see(url_for("imports.show", import_id=import_id))


@pages.post("/imports/<uuid:import_id>/undo")
def undo(actor: Actor, import_id: UUID) -> Answer:
    actions.undo(actor, OneImport(id=import_id))
    return see(url_for("imports.show", import_id=import_id))


@pages.post("/imports/<uuid:import_id>/delete")
def delete(actor: Actor, import_id: UUID) -> Answer:
    found = actions.delete(actor, OneImport(id=import_id))
    flash(_("Thrown away: %(name)s", name=found.file_name))
    return see(url_for("contacts.index"))


@pages.get("/imports/<uuid:import_id>/refused.csv")
def refused_file(actor: Actor, import_id: UUID) -> Answer:
    found = actor.find(Import, import_id)
    return refused_csv(actor, found)


def refused_csv(actor: Actor, found: Import) -> Response:
    """All refused rows with their reasons, as a file that can be corrected and brought in."""
    file = tempfile.TemporaryFile(prefix="okno-")  # noqa: SIM115 (the answer closes it)
    own = own_fields(actor)
    rows = ((row.cells, said_reason(row, own)) for row in all_refused(actor, found))
    write_refused(cast("Any", file), found.headings, rows, found.format.get("separator") or ";")
    file.seek(0)
    name = f"{secure_filename(found.file_name.rpartition('.')[0]) or 'import'}-refused.csv"
    return send_file(cast("Any", file), "text/csv; charset=utf-8", as_attachment=True, download_name=name)


def all_refused(actor: Actor, found: Import) -> Iterator[RefusedRow]:
    rows = queries.refused_rows(actor, found)
    while rows:
        yield from rows
        actor.db.expunge_all()
        rows = queries.refused_rows(actor, found, after=rows[-1].line)


@pages.get("/imports/<uuid:import_id>/refused")
def refused_page(actor: Actor, import_id: UUID) -> str:
    after = request.args.get("after", "")
    return corrections(actor, import_id, int(after) if after.isdigit() and len(after) < 9 else 0)


@pages.post("/imports/<uuid:import_id>/refused")
def correct(actor: Actor, import_id: UUID) -> Answer:
    """One refused row with its cells corrected: taken, or refused again with what was typed."""
    width = len(actor.find(Import, import_id).columns)
    said = request.form.get("line", "")
    line = int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0
    cells = [request.form.get(f"cell-{column}", "") for column in range(width)]
    try:
        actions.correct(actor, actions.correct.parse({"id": import_id, "line": line, "cells": cells}))
    except Invalid as error:
        actor.db.rollback()
        return corrections(actor, import_id, line - 1, {line: (cells, error)}), 422
    except LimitReached as full:
        return corrections(actor, import_id, line - 1, {line: (cells, Invalid(("", full.detail)))}), full.status
    flash(_("Row %(line)s is in", line=line))
    return see(url_for("imports.refused_page", import_id=import_id, after=line))


def corrections(
    actor: Actor, import_id: UUID, after: int, typed: dict[int, tuple[list[str], Invalid]] | None = None
) -> str:
    found = actor.find(Import, import_id)
    rows = queries.refused_rows(actor, found, after, CORRECTED)
    at = {field: column for column, field in sorted(found.fields.items(), reverse=True)}
    own = own_fields(actor)
    shown = []
    for row in rows:
        cells, error = (typed or {}).get(row.line, (row.cells, None))
        reason = error.fields[0][1] if error else said_reason(row, own)
        wrong = error.fields[0][0] if error else f"cell-{at[row.field]}" if row.field in at else ""
        shown.append({"line": row.line, "cells": [*cells, *[""] * len(found.columns)][: len(found.columns)],
                      "reason": reason, "wrong": wrong, "extra": cells[len(found.columns):]})  # fmt: skip
    more = rows[-1].line if len(rows) == CORRECTED else None
    return render(actor, "imports/refused.html", found=found, rows=shown, more=more)


def said_reason(row: RefusedRow, own: Mapping[str, Field]) -> str:
    reason = Reason(row.line, row.field, "", row.reason)
    return reason.reason_at(own[row.field].label) if row.field in own else reason.reason


def STATES() -> dict[str, tuple[str, str]]:  # noqa: N802 (a table, in the reader's language)
    """What each state is called, and its tone."""
    return {
        "draft": (_("Not begun"), "soon"), "waiting": (_("Waiting for a worker"), ""),
        "running": (_("Running"), "accent"),
        "done": (pgettext("import", "Done"), "good"), "stopped": (_("Stopped"), "soon"),
        "full": (_("Stopped: the plan is full"), "soon"),
        "failed": (_("Failed"), "late"),
        "undoing": (_("Being undone"), ""), "undone": (_("Undone"), ""),
    }  # fmt: skip


def separators() -> list[tuple[str, str]]:
    return [(separator, str(name)) for separator, name in SEPARATORS.items()]


def described(found: Import) -> str:
    """ "zakaznici.csv · Windows-1250 · semicolons"."""
    kind = found.format
    parts = [ENCODINGS.get(kind.get("encoding", ""), ""), str(SEPARATORS.get(kind.get("separator", ""), ""))]
    parts = parts if kind.get("kind") == "csv" else ["Excel", kind.get("sheet", "")]
    return " · ".join([found.file_name, *filter(None, parts)])


def column_states(found: Import) -> list[tuple[str, str]]:
    """Beside each column's select: (tone, words), why this field, and what is wrong under it."""
    states = []
    refusals: dict[str, int] = found.checked.get("refused_by", {})
    for at, column in enumerate(found.columns):
        field = found.mapping.get(str(at))
        wrong = refusals.get(field, 0) if field else 0
        if wrong:
            states.append(("soon", _("%(num)s not valid", num=format_decimal(wrong))))
        elif field is None:
            states.append(("", _("left out")) if column["field"] else ("soon", _("not sure")))
        elif field == column["field"]:
            states.append(("", reason_of(column)))
        else:
            states.append(("", _("your choice")))
    return states


def shown_rows(found: Import, show: str, own: Mapping[str, Field]) -> list[dict[str, Any]]:
    """Rows of the table "How it will look", with words for reasons, dates and phones."""
    kept = found.checked.get({"refused": "refused_rows", "changed": "changed_rows"}.get(show, "first"), [])
    rows = []
    for row in kept:
        as_typed = row["code"] or any("code" in cell for cell in row["cells"].values())
        cells = {}
        for key, cell in row["cells"].items():
            text = (
                cell["text"]
                if as_typed
                else said_own(own[key], cell["text"])
                if key in own
                else said(key, cell["text"])
            )
            cells[key] = {"text": text, "was": cell.get("was", ""), "reason": reason(cell.get("code"))}
        rows.append({"row": row["row"], "cells": cells, "reason": reason(row["code"])})
    return rows


def said(key: str, value: str) -> str:
    if key == "phone":
        return ", ".join(map(shown_phone, value.split(", ")))
    return day(date.fromisoformat(value)) if key == "last_contact" and value else value


def reason(code: str | None) -> str:
    return str(REASONS[code]) if code else ""
