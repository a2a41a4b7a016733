"""Which backups there are, for how long, and what goes.

Of those made by the clock all are kept for two days, then the last of each day, for as many days as the plan says.
Those made by hand or for safety stay for thirty days at least. The newest one stays in any case: where nothing changes
no new one is made, and there must never be none.
"""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from core.db import Database, Workspace
from core.files import files
from tenants.backups import contents, vault
from tenants.backups.models import Backup, Restore
from tenants.erasure import ERASERS
from tenants.models import WorkspaceRow

log = logging.getLogger(__name__)

ALL_FOR = timedelta(days=2)
BY_HAND, UPLOADED = timedelta(days=30), timedelta(days=7)
FAILED_FOR = timedelta(days=7)
REPLACED_FOR = timedelta(days=1)


def backups(control: Session, workspace_id: int) -> list[Backup]:
    """The workspace's own, the newest first."""
    mine = select(Backup).where(Backup.workspace_id == workspace_id)
    return list(control.scalars(mine.order_by(Backup.made_at.desc(), Backup.id.desc())))


def newest(control: Session, workspace_id: int) -> Backup | None:
    """The last that is kept and shows what was here, not what was uploaded."""
    kept = select(Backup).where(Backup.workspace_id == workspace_id, Backup.state == "kept", Backup.kind != "uploaded")
    return control.scalars(kept.order_by(Backup.made_at.desc()).limit(1)).first()


def rotate(control: Session, workspace_id: int, days: int) -> None:
    """Say of each kept backup of a workspace when it goes, after a new one was made."""
    now = datetime.now(UTC)
    last = newest(control, workspace_id)
    following: dict[str, datetime] = {}
    for backup in backups(control, workspace_id):  # the newest first, so a day's last is met first
        if backup.state != "kept":
            continue
        if backup.kind == "uploaded":  # which may be old; it goes a week after it came
            continue
        most = timedelta(days=days) if backup.kind == "scheduled" else max(BY_HAND, timedelta(days=days))
        backup.expires_at = backup.made_at + most
        day = backup.made_at.date().isoformat()
        if backup.kind == "scheduled":
            if day in following and now - backup.made_at > ALL_FOR:
                backup.expires_at = min(backup.expires_at, now)
            following.setdefault(day, backup.made_at)
    if last is not None:
        last.expires_at = None


def sweep(base: Database) -> int:
    """Do away with what has expired, what failed a week ago, and workspaces that gave way. Returns how many backups."""
    now = func.now()
    with base.controlling() as control:
        over = select(Backup).where(
            or_(
                Backup.expires_at < now,
                Backup.state.in_(("failed", "stopped")) & (Backup.moved_at < now - FAILED_FOR),
            )
        )
        gone = list(control.scalars(over))
        old = select(WorkspaceRow).where(WorkspaceRow.state == "replaced", WorkspaceRow.taken_at < now - REPLACED_FOR)
        replaced = list(control.scalars(old))
    for backup in gone:
        remove(base, backup)
    for row in replaced:
        discard(base, row)
    return len(gone)


def remove(base: Database, backup: Backup) -> None:
    """The file first: a row without a file would promise what is not there."""
    if backup.state == "kept":
        with base.controlling() as control:
            control.execute(update(Backup).where(Backup.id == backup.id).values(state="stopped"))
    vault.store().delete(backup.key)
    with base.controlling() as control:
        control.execute(delete(Restore).where(Restore.backup_id == backup.id))
        control.execute(delete(Backup).where(Backup.id == backup.id))


def erase(base: Database, workspace: Workspace) -> int:
    """Every backup of a workspace that is erased."""
    with base.controlling() as control:
        mine = list(control.scalars(select(Backup).where(Backup.workspace_id == workspace.id)))
    for backup in mine:
        remove(base, backup)
    return len(mine)


ERASERS["backups"] = erase


def discard(base: Database, row: WorkspaceRow) -> None:
    """A workspace that gave way, its files and its schema."""
    for key, _size in files().under(f"{row.schema_name}/"):
        files().delete(key)
    with base.controlling() as control:
        control.execute(text("set local statement_timeout = 0"))
        control.execute(text("select control.discard(:id)"), {"id": row.id})


def verify(base: Database, backup_id: UUID) -> Backup:
    """Read a kept file once more, all of it. Raises Unfit, vault.Damaged, FileNotFoundError."""
    with base.controlling() as control:
        backup = control.get_one(Backup, backup_id)
    with vault.reading(backup, seeking=True) as file:
        contents.opened(file, backup.size).verify()
    with base.controlling() as control:
        backup = control.get_one(Backup, backup_id)
        backup.verified_at = datetime.now(UTC)
    return backup
