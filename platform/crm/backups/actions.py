"""What the owner does with backups: one now, a file of theirs, the way back, and stopping what is under way.

Backups are rows of the shared tables, so an action writes there in a transaction of its own; the log of the workspace
keeps that it was asked.
"""

import hashlib
from datetime import UTC, datetime
from typing import IO, Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import database
from core.errors import Busy, Invalid, NotFound
from core.files import CHUNK
from core.ids import new_id
from core.jobs import later
from crm.backups import jobs
from tenants.backups import contents, keeping, vault
from tenants.backups.manifest import Manifest
from tenants.backups.models import Backup, Restore
from tenants.models import Person, WorkspaceRow
from tenants.signup import check_slug


class Nothing(Input):
    pass


class One(Input):
    id: UUID


class Beside(One):
    """A new workspace out of the backup, at this address."""

    slug: Annotated[str, Field(max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=100)]


class InPlace(One):
    """Back to the backup; `confirm` is the workspace's address, typed."""

    confirm: str


@action("backup.create", takes=Nothing)
def create(actor: Actor, _data: Nothing) -> Backup:
    """One now. Raises Busy while another is being made."""
    with database().controlling() as control:
        held(control, actor)
        if any(backup.at_work for backup in keeping.backups(control, actor.workspace.id)):
            raise Busy(_("A backup is being made already."))
        backup = Backup(id=new_id(), workspace_id=actor.workspace.id, kind="by hand")
        control.add(backup)
        later(control, jobs.MAKE, backup_id=backup.id)
    note(actor, "backup.create", backup)
    return backup


@action("backup.stop", right=("backup", "create"))
def stop(actor: Actor, data: One) -> Backup:
    """A backup that is being made is given up."""
    with database().controlling() as control:
        backup = found(control, actor, data.id)
        if not backup.at_work:
            raise Busy(_("It is finished."))
        backup.state = "stopped"
    return backup


@action("backup.download", right=("backup", "view"))
def download(actor: Actor, data: One) -> Backup:
    """That a backup left the house is kept in the log; its content is read by vault.reading."""
    backup = kept(actor, data.id)
    note(actor, "backup.download", backup)
    return backup


@action("backup.restore")
def beside(actor: Actor, data: Beside) -> Restore:
    """A new workspace, of which the actor is the owner."""
    backup, address = kept(actor, data.id), check_slug(data.slug)
    with database().controlling() as control:
        if control.scalar(select(WorkspaceRow.id).where(WorkspaceRow.slug == address)):
            raise Invalid(("slug", _("This address is taken. Choose another.")))
    return begun(actor, backup, in_place=False, slug=address, name=data.name)


@action("backup.roll_back", right=("backup", "restore"))
def roll_back(actor: Actor, data: InPlace) -> Restore:
    """The workspace as it was. Raises Invalid for another address, Forbidden for who is no owner."""
    backup = kept(actor, data.id)
    if data.confirm.strip() != actor.workspace.slug:
        raise Invalid(("confirm", _("Type %(slug)s to confirm.", slug=actor.workspace.slug)))
    if backup.kind == "uploaded":
        raise Busy(_("A file that was uploaded goes into a new workspace only."))
    return begun(actor, backup, in_place=True, slug=actor.workspace.slug, name=actor.workspace.name)


@action("backup.stop_restore", right=("backup", "restore"))
def stop_restore(actor: Actor, data: One) -> Restore:
    with database().controlling() as control:
        row = restore_of(control, actor, data.id)
        if not row.at_work:
            raise Busy(_("It is finished."))
        row.state = "stopped"
    return row


def receive(actor: Actor, file: IO[bytes], size: int) -> Backup:
    """Take in a backup that somebody brings, of this installation or another. Raises Unfit with what is wrong with it;
    then nothing is kept."""
    actor.require(("backup", "restore"))
    opened = contents.opened(file, size)
    opened.verify()
    backup = Backup(id=new_id(), workspace_id=actor.workspace.id, size=size)
    digest = hashlib.sha256()
    file.seek(0)
    with vault.writing(backup) as out:
        while block := file.read(CHUNK):
            digest.update(block)
            out.write(block)
    given = {"id": backup.id, "size": size, "sha256": digest.hexdigest(), "key_id": out.key_id}
    return upload(actor, Uploaded(**given, manifest=opened.manifest))


class Uploaded(One):
    """What `receive` took in; never somebody's own values."""

    size: int
    sha256: str
    key_id: str
    manifest: Manifest


@action("backup.upload", right=("backup", "restore"))
def upload(actor: Actor, data: Uploaded) -> Backup:
    with database().controlling() as control:
        now = control.scalar(select(func.now())) or datetime.now(UTC)
        backup = Backup(
            id=data.id, workspace_id=actor.workspace.id, kind="uploaded", state="kept", size=data.size,
            sha256=data.sha256, key_id=data.key_id, counts=data.manifest.counts, version=data.manifest.version,
            made_at=data.manifest.made_at, verified_at=now, expires_at=now + keeping.UPLOADED,
        )  # fmt: skip
        control.add(backup)
    note(actor, "backup.upload", backup)
    return backup


def begun(actor: Actor, backup: Backup, *, in_place: bool, slug: str, name: str) -> Restore:
    with database().controlling() as control:
        held(control, actor)
        if control.get_one(Person, actor.member.identity_id).workspace_id is not None:
            raise Busy(
                _("Your account is one of this workspace's single sign-on. An owner with a password can do this.")
            )
        at_work = select(Restore).where(Restore.workspace_id == actor.workspace.id)
        if any(row.at_work for row in control.scalars(at_work)):
            raise Busy(_("A restore is under way already."))
        row = Restore(
            id=new_id(), workspace_id=actor.workspace.id, backup_id=backup.id, identity_id=actor.member.identity_id,
            in_place=in_place, slug=slug, name=name,
        )  # fmt: skip
        control.add(row)
        later(control, jobs.RESTORE, restore_id=row.id)
    note(actor, "backup.roll_back" if in_place else "backup.restore", backup, slug=slug)
    return row


def held(control: Session, actor: Actor) -> None:
    """The workspace's row, so that two at once see each other."""
    control.execute(select(WorkspaceRow.id).where(WorkspaceRow.id == actor.workspace.id).with_for_update())


def found(control: Session, actor: Actor, backup_id: UUID) -> Backup:
    """A backup of this workspace. Raises NotFound."""
    mine = select(Backup).where(Backup.id == backup_id, Backup.workspace_id == actor.workspace.id)
    backup = control.scalars(mine).one_or_none()
    if backup is None:
        raise NotFound()
    return backup


def kept(actor: Actor, backup_id: UUID) -> Backup:
    with database().controlling() as control:
        backup = found(control, actor, backup_id)
    if backup.state != "kept":
        raise Busy(_("This backup has no file."))
    return backup


def restore_of(control: Session, actor: Actor, restore_id: UUID) -> Restore:
    mine = select(Restore).where(Restore.id == restore_id, Restore.workspace_id == actor.workspace.id)
    row = control.scalars(mine).one_or_none()
    if row is None:
        raise NotFound()
    return row


def note(actor: Actor, action_name: str, backup: Backup, **more: str) -> None:
    said = {"kind": backup.kind, "made_at": backup.made_at, **more}
    events.note(actor, action_name, "backup", backup.id, actor.workspace.name, after=said)
