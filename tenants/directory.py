"""The catalogue of workspaces: the one way from an address, a number or a role to where a business lives."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.db import Database, NoWorkspace, Workspace, database
from core.errors import Refusal
from core.jobs import LOCATORS
from tenants.models import Membership, WorkspaceRow

log = logging.getLogger(__name__)

REMEMBERED = 5.0  # seconds; a workspace that is closed or renamed is noticed after this


class Directory:
    """Answers from the catalogue, remembered for a few seconds by each process."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], tuple[float, Workspace | None]] = {}
        self.lock = Lock()

    def find(
        self, base: Database, key: str, condition: ColumnElement[bool], states: tuple[str, ...] = ("open",)
    ) -> Workspace | None:
        at = time.monotonic()
        place = (id(base), f"{key} {states}")
        kept = self.known.get(place)
        if kept and kept[0] > at:
            return kept[1]
        with base.controlling() as control:
            row = control.scalar(select(WorkspaceRow).where(condition, WorkspaceRow.state.in_(states)))
        found = as_workspace(row) if row else None
        with self.lock:
            if len(self.known) > 20_000:
                self.known.clear()
            if found:
                self.known[place] = (at + REMEMBERED, found)
        return found

    def forget(self) -> None:
        self.known.clear()


directory = Directory()


def locate(base: Database, slug: str) -> Workspace | None:
    """The open workspace at this address, or None."""
    return directory.find(base, f"slug {slug}", WorkspaceRow.slug == slug)


def locate_closing(base: Database, slug: str) -> Workspace | None:
    """The workspace at this address that is closed and not erased yet, or None."""
    return directory.find(base, f"slug {slug}", WorkspaceRow.slug == slug, ("closing",))


def locate_number(base: Database, number: int) -> Workspace | None:
    """The open workspace an API token names, or None."""
    return directory.find(base, f"id {number}", WorkspaceRow.id == number)


def locate_role(role: str) -> Workspace | None:
    """The workspace whose role wrote an outbox row, or None. One that is closed still makes its exports."""
    return directory.find(database(), f"role {role}", WorkspaceRow.role_name == role, ("open", "closing"))


LOCATORS.append(locate_role)


def workspaces_of(control: Session, identity_id: UUID, state: str = "open") -> list[Workspace]:
    """Every open workspace a person may enter, by name; or those in another state."""
    rows = control.scalars(
        select(WorkspaceRow)
        .join(Membership, Membership.workspace_id == WorkspaceRow.id)
        .where(Membership.identity_id == identity_id, WorkspaceRow.state == state)
        .order_by(WorkspaceRow.name)
    )
    return [as_workspace(row) for row in rows]


def catalogue(control: Session) -> list[WorkspaceRow]:
    """Every workspace in use, oldest first."""
    query = select(WorkspaceRow).where(WorkspaceRow.state != "ready").order_by(WorkspaceRow.taken_at, WorkspaceRow.id)
    return list(control.scalars(query))


@contextmanager
def on_its_own(row: WorkspaceRow) -> Iterator[Workspace]:
    """One workspace of a walk through all: it may be erased since the walk began, and what fails in it is logged and
    keeps no other waiting."""
    try:
        yield as_workspace(row)
    except NoWorkspace:
        log.info("workspace %s is no more", row.id)
    except Exception:
        log.exception("workspace %s is passed over", row.id)


class BeingRestored(Refusal):
    """An older state of the workspace takes the place of the present one; a page asks again by itself."""

    status = 503
    title = _l("The backup is being put in place")

    def __init__(self) -> None:
        super().__init__(_l("This takes a moment. The page opens by itself when it is done."))


def check_not_restoring(base: Database, condition: ColumnElement[bool]) -> None:
    """Of a workspace that was not found: raises BeingRestored where it is closed for that moment only, or is open again
    by now."""
    coming = WorkspaceRow.state.in_(("restoring", "open"))
    with base.controlling() as control:
        if control.scalar(select(WorkspaceRow.id).where(condition, coming)):
            raise BeingRestored()


def as_workspace(row: WorkspaceRow) -> Workspace:
    return Workspace(
        id=row.id,
        slug=row.slug or "",
        name=row.name,
        schema=row.schema_name,
        role=row.role_name,
        language=row.language,
        time_zone=row.time_zone,
        country=row.country,
        currency=row.currency,
        second_factor=row.second_factor,
        single_sign_on=row.single_sign_on,
        plan=row.plan,
    )
