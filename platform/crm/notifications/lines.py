"""Lines as they are read: each notification in the reader's words, with the names as the reader may see them now.

Nothing that a line says is kept with it. Names come by the reader's own queries, so that what was deleted, taken away
or hidden meanwhile is neither on the page nor in a mail that goes later.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import select

from core.actor import Actor
from core.pages import highlight
from core.records import KINDS as RECORDS
from crm.notifications.kinds import KINDS, Kind
from crm.notifications.models import Notification
from crm.timeline.models import Note
from tenants.models import Member

# Where a record is read, below the workspace's address.
PATHS = {
    "contact": "/contacts/{}",
    "company": "/companies/{}",
    "deal": "/deals/{}",
    "task": "/tasks/{}/edit",
    "quote": "/quotes/{}",
    "payment": "/payments/{}/edit",
    "request": "/requests/{}",
    "import": "/imports/{}",
    "export": "/exports/{}",
    "member": "/people/{}",
    "instance": "/settings/processes/runs/{}",
}
# Where what is no record leads.
PLACES = {
    "task_assigned": "/tasks/",
    "task_due": "/tasks/",
    "task_overdue": "/tasks/",
    "task_late": "/tasks/",
    "request_assigned": "/requests/",
    "request_unassigned": "/requests/?whose=nobody",
    "request_late": "/requests/?whose=late",
    "request_waits": "/waiting/",
    "call_missed": "/tasks/",
    "deal_assigned": "/deals/?view=list",
    "deal_stale": "/today",
    "limit": "/settings/plan",
    "backup_failed": "/settings/backups",
    "process_flood": "/settings/processes",
}
FILES = ("import", "export")  # which go by their file's name
LONGEST = 300  # characters of a note


@dataclass(frozen=True)
class Line:
    """`text` is the sentence with its names in bold; `said` what somebody wrote. `visible` is False where the record is
    gone or no more to be seen: then the line says only of what kind it was. `path` is below the workspace's address."""

    id: UUID
    kind: Kind
    text: Markup
    said: str
    path: str
    at: datetime
    read: bool
    visible: bool
    record_id: UUID | None

    @property
    def plain(self) -> str:
        return self.text.striptags()


def lines(actor: Actor, rows: Sequence[Notification]) -> list[Line]:
    """One line for each row, in the same order."""
    names = names_of(actor, rows)
    people = people_in(actor, rows)
    notes = notes_in(actor, rows)
    return [line(row, names, people, notes) for row in rows if row.kind in KINDS]


def names_of(actor: Actor, rows: Sequence[Notification]) -> dict[UUID, str]:
    """The names of the records that the reader may see now: one query for each kind of record."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        if row.record_id and row.record_kind in PATHS:
            wanted[row.record_kind].add(row.record_id)
    found: dict[UUID, str] = {}
    for kind, ids in wanted.items():
        model: Any = RECORDS[kind]
        name = model.file_name if kind in FILES else model.name
        found.update(actor.db.execute(actor.visible(model, model.id, name).where(model.id.in_(ids))).all())
    return found


def people_in(actor: Actor, rows: Sequence[Notification]) -> dict[UUID, str]:
    ids = {row.by_id for row in rows if row.by_id}
    found = actor.db.execute(select(Member.id, Member.name).where(Member.id.in_(ids))) if ids else None
    return dict(found.all()) if found else {}


def notes_in(actor: Actor, rows: Sequence[Notification]) -> dict[str, str]:
    ids = {row.data["note"] for row in rows if row.data.get("note")}
    if not ids:
        return {}
    found = actor.db.execute(actor.visible(Note, Note.id, Note.text).where(Note.id.in_(ids)))
    return {str(row.id): row.text for row in found}


def line(row: Notification, names: dict[UUID, str], people: dict[UUID, str], notes: dict[str, str]) -> Line:
    kind = KINDS[row.kind]
    tied = row.record_id is not None and row.record_kind in PATHS
    note_gone = "note" in row.data and row.data["note"] not in notes
    visible = not (tied and row.record_id not in names) and not note_gone
    title = names.get(row.record_id, "") if row.record_id else row.title
    values = {"who": people.get(row.by_id, "") if row.by_id else "", "title": title or _("without a name")}
    values["who"] = values["who"] or _("Somebody")
    counted = {"n": row.data["n"]} if "n" in row.data else {}
    if not visible:
        text = highlight(_("%(kind)s. It is gone, or you may not see it any more.", kind=kind.label), {})
    elif "n" in row.data and row.record_id is None:
        text = highlight(str(kind.many).replace("%(title)s", ""), {"who": values["who"]}, **counted)
    else:
        text = highlight(str(kind.sentence), values, **counted)
    said = notes.get(row.data.get("note", ""), "") if visible else ""
    return Line(
        row.id,
        kind,
        text,
        said if len(said) <= LONGEST else said[:LONGEST].rstrip() + "…",
        path_of(row) if visible else "",
        row.at,
        row.read_at is not None,
        visible,
        row.record_id,
    )


def path_of(row: Notification) -> str:
    if row.record_id and row.record_kind in PATHS:
        return PATHS[row.record_kind].format(row.record_id)
    kind, record_id = row.data.get("place", ("", ""))
    if kind in PATHS and record_id:
        return PATHS[kind].format(record_id)
    return PLACES.get(row.kind, "")
