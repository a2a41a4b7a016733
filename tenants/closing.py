"""A business closes its workspace: for 30 days nobody works in it and an owner can bring it back, then it is erased
(tenants.erasure). Its address stays taken until then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import Field
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import Workspace, database
from core.errors import Busy, Forbidden, Invalid, Refusal
from core.jobs import later
from tenants.directory import directory
from tenants.models import WorkspaceRow

DAYS = 30
# Jobs of rooms above, asked for by name: what is paid for ends or begins again, and the owners are written to.
MONEY, LETTER = "billing.follow", "closing.letter"


class Closed(Refusal):
    """The workspace is closed; its notice says until when it can be brought back."""

    status = 410
    title = _l("This workspace is closed")

    def __init__(self) -> None:
        super().__init__(_l("An owner can bring it back."))


@dataclass(frozen=True)
class Closing:
    """When and by whom a workspace was closed, and when it is erased."""

    closed_at: datetime
    closed_by: str
    erase_at: datetime


class Close(Input):
    address: Annotated[str, Field(max_length=60)] = ""


class Return(Input):
    """Nothing to say."""


@action("settings.close", right=("settings", "edit"))
def close(actor: Actor, data: Close) -> None:
    """Close the workspace; its address must be typed. Only an owner may. Raises Invalid, Forbidden, Busy."""
    require_owner(actor)
    if data.address.strip("/ ").casefold() != actor.workspace.slug:
        raise Invalid(("address", _("Write the address as it stands here: %(slug)s", slug=actor.workspace.slug)))
    note(actor, "settings.close")
    with database().controlling() as control:
        begin(control, actor.workspace.id, actor.member.name)


@action("settings.reopen", right=("settings", "edit"))
def reopen(actor: Actor, data: Return) -> None:  # noqa: ARG001 (an action has an input)
    """Bring it back as it was; what was paid for must be bought anew."""
    require_owner(actor)
    note(actor, "settings.reopen")
    with database().controlling() as control:
        bring_back(control, actor.workspace.id)


def require_owner(actor: Actor) -> None:
    if actor.member.role != "owner":
        raise Forbidden(_("Only an owner may do this."))


def note(actor: Actor, name: str) -> None:
    events.note(actor, name, "settings", UUID(int=actor.workspace.id), actor.workspace.name, change="changed")


def begin(control: Session, workspace_id: int, by: str) -> None:
    """Close it from now on, in the control session's transaction. Raises Busy where it is not open."""
    row = held(control, workspace_id, "open")
    row.state, row.closed_by = "closing", by
    row.closed_at = control.scalar(select(func.now()))
    row.erase_at = control.scalar(text(f"select now() + interval '{DAYS} days'"))
    follow(control, workspace_id)
    later(control, LETTER, workspace_id=workspace_id)


def bring_back(control: Session, workspace_id: int) -> None:
    row = held(control, workspace_id, "closing")
    row.state, row.closed_by, row.closed_at, row.erase_at = "open", "", None, None
    follow(control, workspace_id)


def follow(control: Session, workspace_id: int) -> None:
    """Let everybody know: this process at once, others within seconds, and the payments by a job."""
    later(control, MONEY, workspace_id=workspace_id)
    directory.forget()


def held(control: Session, workspace_id: int, state: str) -> WorkspaceRow:
    row = control.get(WorkspaceRow, workspace_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != state:
        raise Busy(_("Somebody was faster: the workspace is not in this state any more."))
    return row


def closing_of(control: Session, workspace: Workspace) -> Closing | None:
    """The state of a workspace that is closed; None for one that is not."""
    row = control.get(WorkspaceRow, workspace.id)
    if row is None or row.state != "closing" or row.closed_at is None or row.erase_at is None:
        return None
    return Closing(row.closed_at, row.closed_by, row.erase_at)
