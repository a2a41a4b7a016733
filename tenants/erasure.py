"""A closed workspace is erased: its files, its tables with everything in them, and every row elsewhere that names it.

Erasing goes in steps that may each be done twice, and the last one drops the schema, the role and the row of the
catalogue in one transaction; so one that was killed goes on. What was there is counted first, into a certificate that
stays: counts, no contents. What other rooms keep of a workspace, they erase themselves (ERASERS).
"""

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.db import Base, Database, Workspace
from core.files import files
from core.jobs import Place, job, later
from tenants import members
from tenants.directory import as_workspace, directory
from tenants.models import Certificate, Person, WorkspaceRow

log = logging.getLogger(__name__)

CERTIFICATE = "closing.certificate"  # the job of a room above that mails it

# What each room keeps of a workspace outside of its schema and its files: {name: erase(database, workspace)}, which
# deletes it, may be called again, and returns how many there were.
ERASERS: dict[str, Callable[[Database, Workspace], int]] = {}

# The shared tables whose rows go with the row of the catalogue, counted for the certificate.
SHARED = {
    "memberships": "select count(*) from control.membership where workspace_id = :id",
    "identities that lived here alone": "select count(*) from control.identity where workspace_id = :id",
    "proven domains": "select count(*) from control.proven_domain where workspace_id = :id",
    "sessions": "select count(*) from control.sign_in where workspace_id = :id",
}


@job("workspace.erase_due", queue="bulk")
def erase_due(place: Place) -> None:
    """Ask for the erasure of every workspace whose time is over, each as work of its own."""
    with place.database.controlling() as control:
        due = (WorkspaceRow.state == "closing") & (WorkspaceRow.erase_at <= func.now())
        for workspace_id in control.scalars(select(WorkspaceRow.id).where(due | (WorkspaceRow.state == "erasing"))):
            later(control, "workspace.erase", workspace_id=workspace_id)


@job("workspace.erase", queue="bulk")
def erase_one(place: Place, workspace_id: int) -> None:
    with place.database.controlling() as control:
        row = control.get(WorkspaceRow, workspace_id, with_for_update=True)
        if row is None or not (row.state == "erasing" or (row.state == "closing" and is_over(control, row.erase_at))):
            return
        row.state = "erasing"
    erase(place.database, workspace_id)


def is_over(control: Session, erase_at: datetime | None) -> bool:
    return erase_at is not None and erase_at <= control.execute(select(func.now())).scalar_one()


def erase(base: Database, workspace_id: int) -> None:
    """Erase a workspace whose state is `erasing`. Raises when something does not work; then call it again."""
    directory.forget()
    with base.controlling() as control:
        row = control.get(WorkspaceRow, workspace_id)
        if row is None:
            return
        workspace = as_workspace(row)
    begin_certificate(base, row, workspace)
    for name, erase_part in ERASERS.items():
        count(base, workspace_id, name, erase_part(base, workspace))
    for key, _size in files().under(f"{workspace.schema}/"):
        files().delete(key)
    with base.controlling() as control:
        for table in ("outbox", "failed", "wake"):
            control.execute(text(f"delete from bus.{table} where role = :role"), {"role": workspace.role})  # noqa: S608
        control.execute(text("select control.drop_workspace(:id)"), {"id": workspace_id})
        certificate = of_workspace(control, workspace_id)
        certificate.finished_at = control.scalar(select(func.now()))
        later(control, CERTIFICATE, certificate_id=certificate.id)
    directory.forget()
    log.info("workspace %s is erased", workspace_id)


def begin_certificate(base: Database, row: WorkspaceRow, workspace: Workspace) -> None:
    """Count everything before the first of it goes; where that was done before, it stands."""
    with base.controlling() as control:
        if control.scalar(select(Certificate.id).where(Certificate.workspace_id == row.id)):
            return
        shared = {name: control.scalar(text(query), {"id": row.id}) or 0 for name, query in SHARED.items()}
    with base.workspace(workspace, reading=True) as session:
        tables = {
            f"{table.name}": session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
        found = members.owners(session)
        session.expunge_all()
    kept = [size for _key, size in files().under(f"{workspace.schema}/")]
    with base.controlling() as control:
        owners = [
            {"name": owner.name, "email": owner.email, "language": owner.language}
            for owner in found
            if (person := control.get(Person, owner.identity_id)) and person.confirmed_at
        ]
        control.execute(
            insert(Certificate)
            .values(
                workspace_id=row.id, address=row.slug or "", name=row.name, closed_at=row.closed_at,
                closed_by=row.closed_by, owners=owners,
                said={"tables": tables, "shared": shared, "files": len(kept), "bytes": sum(kept), "elsewhere": {}},
            )
            .on_conflict_do_nothing(index_elements=[Certificate.workspace_id])
        )  # fmt: skip


def count(base: Database, workspace_id: int, name: str, erased: int) -> None:
    """Add to the certificate what another room has erased; after a repeat, both add up."""
    with base.controlling() as control:
        certificate = of_workspace(control, workspace_id)
        elsewhere = certificate.said["elsewhere"]
        certificate.said = {**certificate.said, "elsewhere": {**elsewhere, name: elsewhere.get(name, 0) + erased}}


def of_workspace(control: Session, workspace_id: int) -> Certificate:
    return control.scalars(select(Certificate).where(Certificate.workspace_id == workspace_id).with_for_update()).one()
