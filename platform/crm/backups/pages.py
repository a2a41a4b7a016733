"""Backups on the settings pages: what there is, one now, download, upload, and the way back."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from config.settings import settings
from core.actor import Actor
from core.db import database
from core.errors import Invalid
from core.files import CHUNK
from core.pages import Answer, Pages, form_values, refused, render, see
from core.records import KINDS
from crm.accounts.again import when_fresh
from crm.backups import actions, schedule
from crm.backups.actions import One
from tenants.backups import keeping, restoring, vault
from tenants.backups.contents import Unfit
from tenants.backups.models import Backup, Restore
from tenants.models import WorkspaceRow
from tenants.signup import free_slug

pages = Pages("backups", __name__)

SHOWN = 5  # restores
KIND_WORDS: dict[str, Any] = {
    "scheduled": _l("By itself"),
    "by hand": _l("Asked for"),
    "safety": _l("Before a restore"),
    "uploaded": _l("Uploaded"),
}
COUNTED = ("contact", "company", "deal", "task", "note")


@pages.get("/settings/backups")
def index(actor: Actor) -> Answer:
    actor.require(("backup", "view"))
    return render(actor, "backups/index.html", **present(actor))


def present(actor: Actor) -> dict[str, Any]:
    with database().controlling() as control:
        found = keeping.backups(control, actor.workspace.id)
        mine = select(Restore).where(Restore.workspace_id == actor.workspace.id).order_by(Restore.id.desc())
        restores = list(control.scalars(mine.limit(SHOWN)))
        wanted = schedule.wanted(control, control.get_one(WorkspaceRow, actor.workspace.id))
    return {
        "backups": [one for one in found if one.state == "kept"],
        "at_work": next((one for one in found if one.at_work), None),
        "failed": next((one for one in found if one.state == "failed"), None) if newest_failed(found) else None,
        "restores": restores,
        "wanted": wanted if settings().backups_by_the_clock else None,
        "words": KIND_WORDS,
        "records": {one.id: sum(count_of(one, kind) for kind in COUNTED) for one in found},
    }


def count_of(backup: Backup, kind: str) -> int:
    return int(backup.counts.get(KINDS[kind].__tablename__, 0))


def newest_failed(found: list[Backup]) -> bool:
    """Whether the last that was tried failed."""
    tried = [one for one in found if one.state in ("kept", "failed") and one.kind != "uploaded"]
    return bool(tried) and max(tried, key=lambda one: one.moved_at).state == "failed"


@pages.post("/settings/backups")
def create(actor: Actor) -> Answer:
    actions.create(actor, actions.Nothing())
    return see(url_for("backups.index"))


@pages.post("/settings/backups/<uuid:backup_id>/stop")
def stop(actor: Actor, backup_id: UUID) -> Answer:
    actions.stop(actor, One(id=backup_id))
    flash(_("Stopped. No file was kept of it."))
    return see(url_for("backups.index"))


@pages.post("/settings/backups/<uuid:backup_id>/download")
@when_fresh
def download(actor: Actor, backup_id: UUID) -> Answer:
    """The plain zip, decrypted on the way."""
    backup = actions.download(actor, One(id=backup_id))
    name = f"{actor.workspace.slug}-{backup.made_at:%Y-%m-%d-%H%M}.zip"
    response = Response(plain(backup), mimetype="application/zip")
    response.content_length = backup.size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def plain(backup: Backup) -> Iterator[bytes]:
    with vault.reading(backup) as file:
        while block := file.read(CHUNK):
            yield block


@pages.get("/settings/backups/upload")
@when_fresh
def upload_form(actor: Actor) -> Answer:
    actor.require(("backup", "restore"))
    return render(actor, "backups/upload.html", error=None)


@pages.post("/settings/backups/upload")
@when_fresh
def upload(actor: Actor) -> Answer:
    actor.require(("backup", "restore"))
    file = request.files.get("file")
    if file is None or not file.filename:
        return render(actor, "backups/upload.html", error=_("Choose a file.")), 422
    size = file.stream.seek(0, 2)
    try:
        backup = actions.receive(actor, file.stream, size)
    except Unfit as unfit:
        return render(actor, "backups/upload.html", error=unfit.detail), unfit.status
    return see(url_for("backups.restore", backup_id=backup.id))


@pages.get("/settings/backups/<uuid:backup_id>")
def restore(actor: Actor, backup_id: UUID) -> Answer:
    actor.require(("backup", "restore"))
    return render(actor, "backups/restore.html", errors={}, typed={}, **choice(actor, backup_id))


def choice(actor: Actor, backup_id: UUID) -> dict[str, Any]:
    """Both ways back, and what each means."""
    backup = actions.kept(actor, backup_id)
    with database().controlling() as control:
        slug = free_slug(control, f"{actor.workspace.slug[:36]}-2")
    lost = restoring.newer(actor.db, backup.made_at) if backup.kind != "uploaded" else {}
    return {
        "backup": backup,
        "words": KIND_WORDS,
        "counts": [(kind, count_of(backup, kind)) for kind in COUNTED],
        "lost": [line for kind in COUNTED for line in lost_words(kind, *lost.get(kind, (0, 0)))],
        "others": sum(map(sum, (counts for kind, counts in lost.items() if kind not in COUNTED))),
        "proposed": slug,
        "names": kind_words,
    }


def lost_words(kind: str, made: int, changed: int) -> list[str]:
    """ "3 new contacts go", "2 contacts go back to what they were"."""
    lines = []
    if made:
        lines.append(ngettext("%(what)s: %(num)s new goes", "%(what)s: %(num)s new go", made, what=kind_words(kind)))
    if changed:
        lines.append(
            ngettext("%(what)s: %(num)s goes back to what it was", "%(what)s: %(num)s go back to what they were",
                     changed, what=kind_words(kind))
        )  # fmt: skip
    return lines


def kind_words(kind: str) -> str:
    words = {
        "contact": _("Contacts"), "company": _("Companies"), "deal": _("Deals"), "task": _("Tasks"),
        "note": _("Notes and calls"),
    }  # fmt: skip
    return str(words[kind])


@pages.post("/settings/backups/<uuid:backup_id>/beside")
@when_fresh
def beside(actor: Actor, backup_id: UUID) -> Answer:
    return begin(actor, backup_id, actions.beside)


@pages.post("/settings/backups/<uuid:backup_id>/roll-back")
@when_fresh
def roll_back(actor: Actor, backup_id: UUID) -> Answer:
    return begin(actor, backup_id, actions.roll_back)


def begin(actor: Actor, backup_id: UUID, action: Any) -> Answer:
    values = form_values(request.form)
    try:
        actor.require(action.right)
        row = action(actor, action.parse({**values, "id": backup_id}))
    except Invalid as error:
        actor.db.rollback()
        return refused(actor, "backups/restore.html", error, typed=values, **choice(actor, backup_id))
    return see(url_for("backups.show_restore", restore_id=row.id))


@pages.get("/settings/backups/restores/<uuid:restore_id>")
def show_restore(actor: Actor, restore_id: UUID) -> Answer:
    actor.require(("backup", "view"))
    with database().controlling() as control:
        row = actions.restore_of(control, actor, restore_id)
        backup = control.get_one(Backup, row.backup_id)
    return render(actor, "backups/progress.html", row=row, backup=backup)


@pages.post("/settings/backups/restores/<uuid:restore_id>/stop")
def stop_restore(actor: Actor, restore_id: UUID) -> Answer:
    actions.stop_restore(actor, One(id=restore_id))
    return see(url_for("backups.show_restore", restore_id=restore_id))
