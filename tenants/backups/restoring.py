"""The way back: from the contents of a backup to a workspace, beside the present one or in its place.

Either way the rows go into an empty schema, in one transaction. Beside, that schema becomes a workspace with an address
of its own. In place, the workspace is closed when all is loaded, a safety backup is made, and its row in the catalogue
is given the new schema; until that last statement the old one is whole, and a failure opens it again as it was.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import events
from core.access import Circle
from core.actor import Actor
from core.actor import Member as Acting
from core.db import Database, Workspace
from core.errors import Invalid
from core.files import files
from core.limits import first_caps, set_caps
from core.records import KINDS
from tenants import members
from tenants.backups import after
from tenants.backups.contents import Contents, Unfit
from tenants.backups.loading import keep_files, load
from tenants.backups.making import Noting, newest_event
from tenants.backups.manifest import WorkspaceSaid
from tenants.backups.models import SchemaStep
from tenants.directory import REMEMBERED, as_workspace, directory
from tenants.models import Member, Membership, Person, SchemaScript, WorkspaceRow
from tenants.signup import check_slug, take_ready

NEWER = _l("It is of a newer Okno. Upgrade this one first.")
UNHURRIED = "set local statement_timeout = 0"
Settle = Callable[[Session, Workspace], None]
# Makes the safety backup, and returns the newest event in it.
Safety = Callable[[], UUID | None]


def beside(base: Database, contents: Contents, person: Person, slug: str, name: str, note: Noting) -> Workspace:
    """A new workspace at this address, with the person as its owner. Raises Unfit, Invalid for the address, Stopped."""
    address, told = check_slug(slug), sound(contents.manifest.workspace)
    with base.controlling() as control:
        pasts = set(control.scalars(select(Membership.workspace_id).where(Membership.identity_id == person.id)))

    def settle(session: Session, into: Workspace) -> None:
        set_caps(session, first_caps())
        after.settle_roles(session)
        after.switch_off(session)
        owner = after.settle_members(session, person)
        after.after_restore(session, into, pasts)
        tell(session, into, owner, {"from": told["name"], "made_at": contents.manifest.made_at})

    row = take(base, contents.manifest.version, address)
    note.keep(made_id=row.id)  # to be done away with should we be killed
    with filled(base, row, contents, note, settle):
        with base.controlling() as control:
            opened = control.get_one(WorkspaceRow, row.id)
            for setting, value in told.items():
                setattr(opened, setting, value)
            opened.name, opened.state = name or told["name"], "open"
            control.flush()
            members.enter_directory(control, person.id, row.id)
            note.finish(control)
        return as_workspace(opened)


def in_place(
    base: Database, workspace_id: int, contents: Contents, person: Person, note: Noting, safety: Safety
) -> None:
    """The workspace as it was. What is newer is in the safety backup alone. Raises Unfit, Stopped."""
    with base.controlling() as control:
        present = control.get_one(WorkspaceRow, workspace_id)
        present.state = "open"  # where an earlier try ended in the middle
    entering: set[UUID] = set()

    def settle(session: Session, into: Workspace) -> None:
        saved = safety()
        close(base, workspace_id)
        with base.workspace(as_workspace(present), reading=True) as old:
            kept = after.Present(old)
            changed = newest_event(old) != saved
        if changed:
            safety()
        set_caps(session, kept.caps)
        after.settle_roles(session)
        kept.put_into(session, person)
        after.after_restore(session, into, {workspace_id})
        tell(session, into, members.of_identity(session, person.id), {"made_at": contents.manifest.made_at})
        active = select(Member.identity_id).where(Member.state == "active", Member.deleted_at.is_(None))
        entering.update(session.scalars(active))

    row = take(base, contents.manifest.version, None)
    note.keep(made_id=row.id)
    try:
        with filled(base, row, contents, note, settle), base.controlling() as control:
            exchange(control, workspace_id, row.id, contents.manifest.workspace)
            let_in(control, workspace_id, entering)
            note.finish(control)
    finally:
        with base.controlling() as control:
            control.execute(update(WorkspaceRow).where(WorkspaceRow.id == workspace_id).values(state="open"))
        directory.forget()


def take(base: Database, version: str, slug: str | None) -> WorkspaceRow:
    """An empty workspace of that version which nobody can enter. Raises Unfit, Invalid."""
    with base.controlling() as control:
        head = control.scalar(select(SchemaScript.version))
        known = control.scalar(select(SchemaStep.number).where(SchemaStep.version == version)) is not None
    if not known:
        raise Unfit(NEWER)
    try:
        with base.controlling() as control:
            control.execute(text(UNHURRIED))
            taken = take_ready(control, slug) if version == head else None
            if taken is None:
                taken = control.scalar(text("select control.provision_at(:version)"), {"version": version})
                mine = update(WorkspaceRow).where(WorkspaceRow.id == taken)
                control.execute(mine.values(slug=slug, state="opening", taken_at=func.now()))
            return control.scalars(select(WorkspaceRow).where(WorkspaceRow.id == taken)).one()
    except IntegrityError:
        raise Invalid(("slug", _l("This address is taken. Choose another."))) from None


@contextmanager
def filled(base: Database, row: WorkspaceRow, contents: Contents, note: Noting, settle: Settle) -> Iterator[None]:
    """The block runs when the workspace is loaded, at this release and settled. If anything fails, nothing stays."""
    into, kept, empty = as_workspace(row), list[str](), True
    try:
        kept += keep_files(contents, into, note)
        with base.controlling() as control:
            older = control.scalar(select(SchemaScript.version)) != row.version
        with base.workspace(into) as session, session.begin():
            load(session, contents, into, note)
            if not older:
                settle(session, into)
            empty = False  # should the commit's answer be lost
        if older:
            with base.controlling() as control:
                control.execute(text(UNHURRIED))
                control.execute(text("select control.migrate(:id)"), {"id": row.id})
            with base.workspace(into) as session, session.begin():
                settle(session, into)
        yield
    except BaseException:
        give_back(base, row, kept, empty=empty)
        raise


def drop_unfinished(base: Database, made_id: int) -> None:
    """What a restore that was killed had begun to fill."""
    with base.controlling() as control:
        mine = update(WorkspaceRow).where(WorkspaceRow.id == made_id, WorkspaceRow.state == "opening")
        control.execute(mine.values(state="replaced", slug=None, taken_at=func.now()))


def give_back(base: Database, row: WorkspaceRow, kept: list[str], *, empty: bool) -> None:
    """A workspace that was not filled: back into the pool, or to be done away with."""
    with base.controlling() as control:
        pristine = empty and control.scalar(select(SchemaScript.version)) == row.version
        state = "ready" if pristine else "replaced"
        mine = update(WorkspaceRow).where(WorkspaceRow.id == row.id, WorkspaceRow.state.in_(("opening", "ready")))
        control.execute(mine.values(state=state, slug=None, taken_at=None if pristine else func.now()))
    for key in kept:
        with suppress(OSError):
            files().delete(key)


def close(base: Database, workspace_id: int) -> None:
    """Nobody enters from now on, and whoever was let in by what a process remembers has been and gone."""
    with base.controlling() as control:
        control.execute(update(WorkspaceRow).where(WorkspaceRow.id == workspace_id).values(state="restoring"))
        role = control.scalar(select(WorkspaceRow.role_name).where(WorkspaceRow.id == workspace_id))
    directory.forget()
    time.sleep(REMEMBERED + 1)
    until = time.monotonic() + 60
    while time.monotonic() < until:  # work that was begun before
        with base.controlling() as control:
            if not control.scalar(
                text("select count(*) from bus.outbox where role = :r and lease_until > now()"), {"r": role}
            ):
                return
        time.sleep(1)


def exchange(control: Session, workspace_id: int, filled_id: int, said: WorkspaceSaid) -> None:
    """Each of the two rows gets the other's schema: one stays the workspace, with the number by which everything knows
    it, the other holds what gave way until it is done away with."""
    rows = select(WorkspaceRow).where(WorkspaceRow.id.in_((workspace_id, filled_id))).with_for_update()
    found = {row.id: row for row in control.scalars(rows.execution_options(populate_existing=True))}
    here, there = found[workspace_id], found[filled_id]
    names = ("schema_name", "role_name", "version")
    olds = {name: getattr(here, name) for name in names}
    news = {name: getattr(there, name) for name in names}
    here.schema_name, here.role_name = f"-{here.id}", f"-{here.id}"  # both are unique
    control.flush()
    for name in names:
        setattr(there, name, olds[name])
    there.state, there.slug, there.taken_at = "replaced", None, control.scalar(select(func.now()))
    control.flush()
    for name in names:
        setattr(here, name, news[name])
    for setting, value in sound(said).items():
        setattr(here, setting, value)
    here.state = "open"
    control.flush()
    for table in ("outbox", "wake"):
        control.execute(text(f"delete from bus.{table} where role = :role"), {"role": olds["role_name"]})  # noqa: S608


def let_in(control: Session, workspace_id: int, identities: set[UUID]) -> None:
    """The directory names just those who work there now."""
    control.query(Membership).filter(
        Membership.workspace_id == workspace_id, Membership.identity_id.not_in(identities)
    ).delete()
    for identity_id in control.scalars(select(Person.id).where(Person.id.in_(identities))):
        members.enter_directory(control, identity_id, workspace_id)


def sound(said: WorkspaceSaid) -> dict[str, str]:
    """The settings of the workspace that a file speaks of, where they are possible."""
    possible = {
        "name": said.name.strip()[:100] or said.slug[:40] or "Okno",
        "language": said.language if said.language in ("en", "cs") else "en",
        "time_zone": said.time_zone if said.time_zone in available_timezones() else "UTC",
        "country": said.country if re.fullmatch("[A-Z]{2}", said.country) else "CZ",
        "currency": said.currency if re.fullmatch("[A-Z]{3}", said.currency) else "CZK",
        "industry": said.industry if re.fullmatch("[a-z]{0,40}", said.industry) else "",
    }
    return {name: value.replace("\0", "") for name, value in possible.items()}


def tell(session: Session, workspace: Workspace, owner: Member | None, after_: dict[str, Any]) -> None:
    """The audit log of the workspace says where it came from."""
    if owner is None:
        return
    who = Acting(owner.id, owner.identity_id, owner.name, owner.email, "owner", owner.language, owner.time_zone)
    actor = Actor(workspace, who, {}, Circle(owner.id), {}, session, "job")
    events.note(actor, "backup.restore", "backup", UUID(int=workspace.id), workspace.name, after=after_)


def newer(session: Session, made_at: Any) -> dict[str, tuple[int, int]]:
    """What a return to that moment takes away: by kind, how many records were made since, and how many changed."""
    found = {}
    for kind, model in KINDS.items():
        made = func.count().filter(model.created_at > made_at)
        changed = func.count().filter(model.created_at <= made_at, model.updated_at > made_at)
        row = session.execute(select(made, changed)).one()
        if any(row):
            found[kind] = (row[0], row[1])
    return found
