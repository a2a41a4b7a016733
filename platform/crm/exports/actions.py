"""Every change of an export: it is asked for, stopped, taken up again, and thrown away."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field

from core.actions import Input, action
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid
from core.jobs import later
from core.listing import Ask
from crm.exports.kinds import FORMATS, KINDS, require_export, standing
from crm.exports.models import Export, Format, What

MOST_KEPT = 20  # exports of one member whose files are kept at the same time


class NewExport(Input):
    """What to take along, as which kind of file. A list can be narrowed and sorted as the API's own lists are."""

    what: What
    format: Format = "csv"
    q: Annotated[str, Field(max_length=200)] = ""
    sort: Annotated[str, Field(max_length=40)] = ""
    filters: Annotated[dict[str, str], Field(max_length=20)] = {}


class OneExport(Input):
    id: UUID
    version: int | None = None


@action("export.create")
def create(actor: Actor, data: NewExport) -> Export:
    """Ask for a file, which the job "export.run" makes."""
    require_export(actor, data.what)
    if not actor.confirmed:
        raise Forbidden(_("Confirm your e-mail address first."))
    if data.format not in FORMATS[data.what]:
        raise Invalid(("format", _("Choose one of: %(expected)s.", expected=", ".join(FORMATS[data.what]))))
    check_ask(actor, data)
    kept = actor.db.query(Export).filter(
        Export.owner_id == actor.member.id, Export.state != "expired", Export.deleted_at.is_(None)
    )
    if kept.count() >= MOST_KEPT:
        raise Busy(_("You have %(num)s exports here already. Delete one, or wait until it expires.", num=MOST_KEPT))
    narrowed = {"q": data.q, "sort": data.sort, "filters": data.filters}
    made = Export(
        owner_id=actor.member.id,
        what=data.what,
        format=data.format,
        ask={name: value for name, value in narrowed.items() if value},
        standing=standing(actor, data.what),
    )
    actor.db.add(made)
    actor.db.flush()
    later(actor.db, "export.run", export_id=made.id, member_id=actor.member.id)
    return made


def check_ask(actor: Actor, data: NewExport) -> None:
    """Only a list can be narrowed or sorted, and only by what it knows. Raises Invalid."""
    ask = Ask(data.q, data.sort, filters=data.filters)
    if data.what in KINDS:
        listing = KINDS[data.what].resource.listing
        listing.sort_asked(ask.sort)
        listing.query(actor, ask)
    elif ask != Ask():
        raise Invalid(("filters", _("Only one kind of record can be narrowed or sorted.")))


@action("export.run", right=("export", "edit"))
def run(actor: Actor, data: OneExport) -> Export:
    """Go on with an export that was stopped or failed, after the last step that is stored."""
    found = mine(actor, data)
    if not found.may_go_on:
        raise Busy(_("The export is under way or finished."))
    check_standing(actor, found)
    found.state, found.error = "waiting", ""
    later(actor.db, "export.run", export_id=found.id, member_id=actor.member.id)
    return found


@action("export.stop", right=("export", "edit"))
def stop(actor: Actor, data: OneExport) -> Export:
    """Stop after the step that is being made now. It can go on later."""
    found = mine(actor, data)
    if not found.may_stop:
        raise Busy(_("The export is not running."))
    found.state = "stopped"
    return found


@action("export.delete")
def delete(actor: Actor, data: OneExport) -> Export:
    """Throw away an export and its file."""
    found = mine(actor, data, "delete")
    found.deleted_at = datetime.now(UTC)
    later(actor.db, "export.forget", export_id=found.id)
    return found


def mine(actor: Actor, data: OneExport, verb: str = "edit") -> Export:
    """The export, locked, which nobody but who asked for it may touch. Raises NotFound, Forbidden, Conflict."""
    found = actor.take(Export, data.id, verb, data.version)
    if found.owner_id != actor.member.id:
        raise Forbidden(_("Only who asked for an export may use it."))
    return found


def check_standing(actor: Actor, found: Export) -> None:
    """Raises Forbidden where the actor sees another part of the data than when the export was begun."""
    require_export(actor, found.what)
    if standing(actor, found.what) != found.standing:
        raise Forbidden(_("Your rights have changed since. Export anew."))
