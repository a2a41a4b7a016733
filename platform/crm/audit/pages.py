"""The audit log: asked, read, and taken along as a file."""

import tempfile
from typing import Any

from flask import request, send_file
from flask_babel import lazy_gettext as _l

from core.actor import Actor
from core.csvout import CsvFile
from core.db import as_uuid
from core.errors import Invalid
from core.pages import Answer, Pages, refused, render, url_with
from crm.accounts.again import when_fresh
from crm.roles.pages import KINDS
from tenants import audit, members

pages = Pages("audit", __name__)
NAMES = tuple(audit.Question.model_fields)
HEADINGS = (
    _l("When"), _l("Who"), _l("What"), _l("Kind"), _l("Record"), _l("By"), _l("From"), _l("Before"), _l("After"),
)  # fmt: skip


@pages.get("/settings/audit")
def index(actor: Actor) -> Answer:
    actor.require(("audit", "view"))
    typed = {name: request.args.get(name, "").strip() for name in NAMES}
    try:
        question = audit.export.parse({name: value for name, value in typed.items() if value})
    except Invalid as error:
        return refused(actor, "audit/index.html", error, entries=[], older=None, **shown(actor, typed))
    entries, more = audit.page(actor, question, as_uuid(request.args.get("before", "")))
    older = url_with(before=entries[-1].id) if more else None
    return render(actor, "audit/index.html", errors={}, entries=entries, older=older, **shown(actor, typed))


@pages.post("/settings/audit/export")
@when_fresh
def export(actor: Actor) -> Answer:
    values = {name: value for name in NAMES if (value := request.form.get(name, "").strip())}
    question = audit.export.parse(values)
    file = tempfile.TemporaryFile(prefix="okno-")  # noqa: SIM115 (closed with the answer)
    with actor.transaction():
        audit.export(actor, question)
        with CsvFile(file) as out:
            out.row([str(heading) for heading in HEADINGS])
            for entry in audit.every(actor, question):
                out.row(cells(entry))
    file.seek(0)
    return send_file(file, "text/csv; charset=utf-8", as_attachment=True, download_name="audit.csv")


def cells(entry: audit.Entry) -> list[str]:
    what = [entry.at.isoformat(), entry.who, entry.action, entry.kind, entry.title, entry.via, entry.address]
    return [*what, in_words(entry, 1), in_words(entry, 2)]


def in_words(entry: audit.Entry, side: int) -> str:
    return "; ".join(f"{change[0]}={change[side]}" for change in entry.changes if change[side] is not None)


def shown(actor: Actor, typed: dict[str, str]) -> dict[str, Any]:
    people = members.colleagues(actor)
    return {
        "typed": typed,
        "people": people,
        "kinds": [(kind, str(KINDS[kind][0]) if kind in KINDS else kind) for kind in audit.kinds()],
        "narrowed": any(typed.values()),
    }
