"""The page of a decision table: columns and rows as in a spreadsheet, checked and tried while one types.

The page sends the whole sheet: to `look`, which changes nothing, and to `save`, which puts it into the draft of its
process. It holds when the process is published.
"""

from dataclasses import asdict
from io import BytesIO
from typing import Any
from uuid import UUID

import orjson
from flask import jsonify, request, send_file, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid, Refusal
from core.pages import Answer, Pages, render, say, see
from crm.processes import actions, cells
from crm.processes.designer_pages import at_file, editable, uploaded
from crm.processes.examples import key_of
from crm.processes.tables import (
    KINDS,
    POLICIES,
    Sheet,
    empty,
    from_file,
    parse,
    sheet_of,
    table_in,
    to_file,
    tried,
    with_table,
    wrong,
)
from crm.processes.values import to_look_at

pages = Pages("tables", __name__)

ADDRESS = "/settings/processes/<uuid:process_id>/tables/<element>"


@pages.get(ADDRESS)
def show(actor: Actor, process_id: UUID, element: str) -> Answer:
    process = editable(actor, process_id)
    name, table = table_in(process.draft, element)
    try:
        sheet, unclear = sheet_of(table) if table else empty(), ""
    except Refusal as error:
        sheet, unclear = empty(), str(error.detail)
    return render(
        actor, "tables/show.html", process=process, element=element, name=name, sheet=sheet.model_dump(),
        unclear=unclear, new=table is None, policies=POLICIES, kinds=KINDS, looked_at=to_look_at(actor, process.draft),
    )  # fmt: skip


@pages.post(f"{ADDRESS}/look")
def look(actor: Actor, process_id: UUID, element: str) -> Answer:
    """What is wrong in the table, and what becomes of the values to try it with."""
    table_in(editable(actor, process_id).draft, element)
    sheet = sent()
    found = list(wrong(sheet))
    given = from_json(request.form.get("tried") or "[]")
    typed = [str(one) for one in given] if isinstance(given, list) else []
    answer: dict[str, Any] = {"rows": [], "said": ""}
    if any(typed) and found:
        answer["said"] = _("Mend what is marked first.")
    elif any(typed):
        answer = outcome(sheet, typed)
    return jsonify(wrong=[asdict(one) for one in found], **answer)


def outcome(sheet: Sheet, typed: list[str]) -> dict[str, Any]:
    try:
        found = tried(sheet, typed)
    except Invalid as error:
        return {"rows": [], "said": " ".join(str(words) for _name, words in error.fields)}
    labels = {column.name: column.label or column.name for column in sheet.outputs}
    said = "; ".join(f"{labels[name]}: {written(value)}" for name, value in found.outcome.items())
    return {"rows": found.rows, "said": found.words or said}


def written(value: Any) -> str:
    match value:
        case None:
            return cells.words()["null"][0]
        case bool():
            return cells.words()["true" if value else "false"][0]
        case list():
            return ", ".join(written(one) for one in value) or str(_("no row"))
        case float() | int():
            return cells.spaced(f"{value:.6f}".rstrip("0").rstrip("."))
    return str(value)


@pages.post(f"{ADDRESS}/save")
def save(actor: Actor, process_id: UUID, element: str) -> Answer:
    process, sheet = editable(actor, process_id), sent()
    try:
        xml = with_table(process.draft, element, sheet)
    except cells.Unclear:
        raise Refusal(_("Some cells say nothing yet. See what is marked.")) from None
    values = {"id": process_id, "version": request.form.get("version", type=int), "xml": xml}
    changed = actions.change(actor, actions.change.parse(values))
    return jsonify(version=changed.version, text=_("Saved"))


def sent() -> Sheet:
    """Raises Refusal."""
    sheet = parse(from_json(request.form.get("sheet") or "{}"))
    if any(len(row.when) != len(sheet.inputs) or len(row.then) != len(sheet.outputs) for row in sheet.rows):
        raise Refusal(_("A row of the decision table has not as many cells as the table has columns."))
    return sheet


def from_json(sent: str) -> Any:
    """Raises Refusal."""
    try:
        return orjson.loads(sent)
    except orjson.JSONDecodeError:
        raise Refusal(_("The decision table is empty, or too large.")) from None


@pages.get(f"{ADDRESS}/file")
def download(actor: Actor, process_id: UUID, element: str) -> Answer:
    """The table as a DMN file, as it was saved last."""
    process = editable(actor, process_id)
    name, table = table_in(process.draft, element)
    content = to_file(sheet_of(table) if table else empty(), element, name)
    return send_file(
        BytesIO(content), mimetype="application/xml", as_attachment=True, download_name=f"{key_of(name)}.dmn"
    )


@pages.post(f"{ADDRESS}/file")
def upload(actor: Actor, process_id: UUID, element: str) -> Answer:
    """The table of a DMN file takes the place of this one."""
    process = editable(actor, process_id)
    here = see(url_for("tables.show", process_id=process_id, element=element))
    try:
        xml = with_table(process.draft, element, from_file(uploaded()))
        version = request.form.get("version", type=int)
        actions.change(actor, actions.change.parse({"id": process_id, "version": version, "xml": xml}))
    except Invalid as error:
        say(" ".join(str(words) for _name, words in at_file(error).fields))
        return here
    except (Refusal, cells.Unclear) as error:
        say(str(getattr(error, "detail", error)))
        return here
    say(_("The table of the file is here now"))
    return here
