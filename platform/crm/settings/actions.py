"""Changes of the workspace itself."""

from typing import Annotated, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import select

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import database
from core.jobs import later
from crm import places
from crm.accounts.opening import Language, TimeZone
from crm.settings import jobs
from tenants.directory import directory
from tenants.models import WorkspaceRow


def known_currency(value: str) -> str:
    if value not in places.currency_codes():
        raise ValueError(_("Choose a currency from the list."))
    return value


class WorkspaceSettings(Input):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    language: Language
    time_zone: TimeZone
    currency: Annotated[str, AfterValidator(known_currency)]
    second_factor: Literal["nobody", "admins", "everybody"]


@action("settings.edit")
def change_workspace(actor: Actor, data: WorkspaceSettings) -> None:
    """What the catalogue says of the workspace. Other processes notice it within a few seconds."""
    asked = data.model_dump()
    with database().controlling() as control:
        row = control.scalars(select(WorkspaceRow).where(WorkspaceRow.id == actor.workspace.id).with_for_update()).one()
        before = {key: getattr(row, key) for key, value in asked.items() if getattr(row, key) != value}
        note(actor, before, {key: asked[key] for key in before})
        for key in before:
            setattr(row, key, asked[key])
    directory.forget()


def note(actor: Actor, before: dict[str, str], after: dict[str, str]) -> None:
    """The event of a change; the workspace has no row of its own inside itself, so its number stands for the record."""
    if not before:
        return
    record_id = UUID(int=actor.workspace.id)
    events.note(
        actor, "settings.edit", "settings", record_id, actor.workspace.name,
        change="changed", before=before, after=after,
    )  # fmt: skip
    if "language" in after:
        later(actor.db, jobs.SORT_AGAIN, language=after["language"])
