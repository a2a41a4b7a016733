"""When the service makes backups by itself: hourly or nightly by the plan, spread over the hour, of what has changed.

Every five minutes a twelfth of the workspaces is looked at, told by their number, so that thousands never start at
once. Those with nightly ones have one of four hours of the night. Where there is none for thirty hours, because it
failed or nothing ran, every hour is right.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.accounts import backups_of
from billing.models import Account
from config.plans import Backups, plans
from config.settings import settings
from core.db import Database, Workspace
from core.ids import new_id
from core.jobs import later
from tenants.backups import keeping
from tenants.backups.making import newest_event
from tenants.backups.models import Backup
from tenants.directory import catalogue, on_its_own
from tenants.models import WorkspaceRow

SLOT = 5  # minutes
SLOTS = 60 // SLOT
NIGHT = 4  # hours, from midnight UTC
OF_ONES_OWN = Backups("day", 30)  # where nobody pays
LEAST = {"hour": timedelta(minutes=50), "day": timedelta(hours=20)}
OVERDUE = timedelta(hours=30)


def ask(base: Database) -> int:
    """Ask for the backups that are due now. Returns how many."""
    if not settings().backups_by_the_clock:
        return 0
    with base.controlling() as control:
        now = control.scalar(select(func.now())) or datetime.now(UTC)
        rows = [row for row in catalogue(control) if row.state == "open" and in_slot(row.id, now)]
        due = [row for row in rows if is_due(control, row, now)]
    asked = 0
    for row in due:
        with on_its_own(row) as workspace:
            asked += ask_one(base, workspace)
    return asked


def in_slot(number: int, now: datetime) -> bool:
    return number % SLOTS == now.minute // SLOT


def is_due(control: Session, row: WorkspaceRow, now: datetime) -> bool:
    every = wanted(control, row).every
    if not every:
        return False
    last = keeping.newest(control, row.id)
    age = now - last.made_at if last else OVERDUE * 2
    if any(backup.at_work for backup in keeping.backups(control, row.id)) or age < LEAST[every]:
        return False
    tonight = now.hour == row.id // SLOTS % NIGHT
    return every == "hour" or tonight or age > OVERDUE


def wanted(control: Session, row: WorkspaceRow) -> Backups:
    """How often, and for how many days each is kept."""
    if settings().payments is None:
        return OF_ONES_OWN
    account = control.get(Account, row.id)
    if account is None:
        return plans().of(row.plan).backups
    return backups_of(account, account.now or control.scalar(select(func.now())) or datetime.now(UTC))


def rotate(base: Database, workspace_id: int) -> WorkspaceRow:
    """After a new one: say of each when it goes, by the plan."""
    with base.controlling() as control:
        row = control.get_one(WorkspaceRow, workspace_id)
        keeping.rotate(control, workspace_id, wanted(control, row).days)
    return row


def ask_one(base: Database, workspace: Workspace) -> bool:
    """Unless nothing happened since the last one."""
    from crm.backups.jobs import MAKE

    with base.workspace(workspace, reading=True) as session:
        present = newest_event(session)
    with base.controlling() as control:
        last = keeping.newest(control, workspace.id)
        if last is not None and last.newest_event == present:
            return False
        backup = Backup(id=new_id(), workspace_id=workspace.id, kind="scheduled")
        control.add(backup)
        later(control, MAKE, backup_id=backup.id)
    return True
