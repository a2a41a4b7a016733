"""On a contact's card: their data as a file, and erasing them."""

import tempfile
from typing import Any, cast
from uuid import UUID

from flask import request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from core.actor import Actor
from core.errors import Invalid
from core.pages import Answer, Pages, refused, render, say, see
from core.text import plain
from crm.accounts.again import when_fresh
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.privacy import erasure, take
from crm.privacy.erasure import OnePerson
from crm.tasks.models import Task
from crm.timeline.models import Note

pages = Pages("privacy", __name__)


@pages.get("/contacts/<uuid:contact_id>/privacy")
def ask(actor: Actor, contact_id: UUID) -> str:
    contact = chosen(actor, contact_id)
    return render(actor, "privacy/ask.html", errors={}, typed="", contact=contact, around=around(actor, contact))


@pages.post("/contacts/<uuid:contact_id>/privacy/file")
@when_fresh
def file(actor: Actor, contact_id: UUID) -> Answer:
    chosen(actor, contact_id)
    local = tempfile.TemporaryFile(prefix="okno-")  # noqa: SIM115 (closed with the answer)
    contact = take.note_taken(actor, OnePerson(id=contact_id))
    take.write_person(actor, contact, cast("Any", local))
    local.seek(0)
    return send_file(cast("Any", local), "application/zip", as_attachment=True, download_name=f"{contact_id}.zip")


@pages.post("/contacts/<uuid:contact_id>/privacy/erase")
@when_fresh
def erase(actor: Actor, contact_id: UUID) -> Answer:
    """The name must be typed, since nothing brings the person back."""
    contact, typed = chosen(actor, contact_id), request.form.get("name", "")
    actor.require(("privacy", "edit"))
    if plain(typed.strip()) != plain(contact.name):
        error = Invalid(("name", _("Write the name as it stands here: %(name)s", name=contact.name)))
        return refused(
            actor, "privacy/ask.html", error, typed=typed, contact=contact, around=around(actor, contact)
        )  # fmt: skip
    erasure.begin(actor, OnePerson(id=contact_id))
    say(_("The person is being erased"))
    return see(url_for("contacts.index"))


def chosen(actor: Actor, contact_id: UUID) -> Contact:
    """Raises NotFound, Forbidden."""
    contact = actor.find(Contact, contact_id)
    actor.require(("privacy", "view"))
    return contact


def around(actor: Actor, contact: Contact) -> dict[str, int]:
    """How many deals, tasks, notes and calls are about the person."""
    theirs = select(Deal.id).where(Deal.contact_id == contact.id).scalar_subquery()
    conditions: dict[Any, Any] = {
        Deal: Deal.contact_id == contact.id,
        Task: or_(Task.contact_id == contact.id, Task.deal_id.in_(theirs)),
        Note: or_(Note.contact_id == contact.id, Note.deal_id.in_(theirs)),
    }
    return {
        model.kind: actor.db.scalar(select(func.count()).select_from(model).where(condition)) or 0
        for model, condition in conditions.items()
    }
