"""Backups and restores as jobs of the service itself, since a workspace that is being put back cannot be entered.

A job that was killed is taken up by another worker and begins anew: a file is there only when it is whole, and what was
half filled is done away with. What cannot be mended by trying again is said on the page, told to the owner by an event,
and kept in `bus.failed` for the operator.
"""

import errno
import logging
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from flask_babel import force_locale
from flask_babel import gettext as _

from core.db import Database
from core.errors import Invalid, Refusal
from core.events import note_by_itself
from core.ids import new_id
from core.jobs import TRY_AGAIN, GiveUp, Place, job
from core.outbox import put
from core.sealing import Unreadable
from crm.backups import schedule
from tenants.backups import contents, drill, keeping, making, restoring, vault
from tenants.backups.making import Moved, Noting, Stopped
from tenants.backups.models import Backup, Restore
from tenants.directory import as_workspace
from tenants.members import acting_identity
from tenants.models import Person, WorkspaceRow

log = logging.getLogger(__name__)

MAKE, RESTORE = "backup.make", "backup.restore"


@job("backup.due")
def ask_for_due(place: Place) -> None:
    schedule.ask(place.database)


@job(MAKE, queue="bulk")
def make(place: Place, backup_id: str) -> None:
    made = UUID(backup_id)
    with place.database.controlling() as control:
        backup = control.get(Backup, made)
    if backup is None or not backup.at_work:
        return
    try:
        make_kept(place.database, made, place)
    except Stopped:
        if place.still_ours():
            making.fail(place.database, made, "", "stopped")
    except (*TRY_AGAIN, Moved):
        raise
    except Exception as error:
        said = failed(place.database, backup, error)
        raise GiveUp(said) from error


def make_kept(base: Database, backup_id: UUID, place: Place) -> None:
    backup = making.make(base, backup_id, ours=place.still_ours)
    ring(base, schedule.rotate(base, backup.workspace_id))


def failed(base: Database, backup: Backup, error: Exception) -> str:
    """Keep why, and tell the owner by an event."""
    with base.controlling() as control:
        row = control.get_one(WorkspaceRow, backup.workspace_id)
    said = in_words(error, row.language)
    making.fail(base, backup.id, said)
    log.error("the backup of workspace %s failed: %s", row.id, type(error).__name__)
    with base.workspace(as_workspace(row)) as session, session.begin():
        told = {"why": said, "tell": None}  # whoever may change the settings
        note_by_itself(session, "backup.failed", "backup", [(backup.id, row.name, told)])
    return said


def ring(base: Database, row: WorkspaceRow) -> None:
    """Refresh the open page of backups."""
    with base.workspace(as_workspace(row)) as session, session.begin():
        put(session, "event", {"action": MAKE, "events": [], "kinds": ["backup"], "request": ""})


@job(RESTORE, queue="bulk")
def restore(place: Place, restore_id: str) -> None:
    base = place.database
    with base.controlling() as control:
        row = control.get(Restore, UUID(restore_id))
        if row is None or not row.at_work:
            return
        row.state = "running"
        backup = control.get_one(Backup, row.backup_id)
        person = control.get_one(Person, row.identity_id)
        workspace = control.get_one(WorkspaceRow, row.workspace_id)
    if row.made_id is not None:
        restoring.drop_unfinished(base, row.made_id)
    note = Noting(base, row.id, lambda _done, _all: None, place.still_ours, Restore)
    try:
        with vault.reading(backup, seeking=True) as file:
            opened = contents.opened(file, backup.size)
            opened.verify(lambda _bytes: note.step(0))
            with acting_identity(base, as_workspace(workspace), person.id, "job") as actor:
                actor.require(("backup", "restore"))
            if not row.in_place:
                restoring.beside(base, opened, person, row.slug, row.name, note)
                return
            restoring.in_place(base, workspace.id, opened, person, note, lambda: safety(base, row, note))
    except Stopped:
        if place.still_ours():
            end(base, row.id, "stopped", "")
    except (*TRY_AGAIN, Moved):
        raise
    except Exception as error:
        said = in_words(error, person.language)
        end(base, row.id, "failed", said)
        if not isinstance(error, Refusal):
            raise GiveUp(said) from error


def safety(base: Database, row: Restore, note: Noting) -> UUID | None:
    """What there is now, before it gives way."""
    with base.controlling() as control:
        backup = Backup(id=new_id(), workspace_id=row.workspace_id, kind="safety")
        control.add(backup)
    try:
        made = making.make(base, backup.id, ours=note.ours)
    except BaseException as error:
        making.fail(base, backup.id, type(error).__name__)
        raise
    schedule.rotate(base, row.workspace_id)
    note.keep(safety_id=made.id)
    return made.newest_event


def end(base: Database, restore_id: UUID, state: str, said: str) -> None:
    with base.controlling() as control:
        row = control.get_one(Restore, restore_id)
        row.state, row.error = state, said[:500]


@job("backup.tidy", queue="bulk")
def tidy(place: Place) -> None:
    keeping.sweep(place.database)


@job("backup.drill", queue="bulk")
def try_one(place: Place) -> None:
    """Each week one of all there are is restored for a trial; `okno backups list` shows how it went."""
    with place.database.controlling() as control:
        backup = drill.one_of_them(control)
    if backup is None:
        return
    try:
        found = drill.drill(place.database, backup.id)
    except Exception as error:
        raise GiveUp(f"the trial of backup {backup.id} failed") from error
    if not all(one.equal for one in found):
        raise GiveUp(f"backup {backup.id} is not equal to what came out of it")


def in_words(error: BaseException, language: str) -> str:
    """Why it did not work, for the owner."""
    with force_locale(language):
        match error:
            case Invalid():
                said = " ".join(str(message) for _name, message in error.fields)
            case Refusal():
                said = error.detail
            case FileNotFoundError():
                said = _("The file is not there any more.")
            case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
                said = _("There is no room left where backups are kept. The earlier ones are whole.")
            case OSError() | BotoCoreError() | ClientError():
                said = _("The place where backups are kept does not answer. The earlier ones are whole.")
            case vault.Damaged() | Unreadable():
                said = _("The file was damaged where it is kept, or its key is another now.")
            case _other:
                said = _("Something went wrong here, not with your data. Whoever runs this service was told.")
        return str(said)
