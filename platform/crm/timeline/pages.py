"""Writing notes and calls on a record's card, correcting them, and the older part of a timeline."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from core.actor import Actor
from core.db import as_uuid
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.pages import Answer, Pages, blank_to_none, came_from, day, form_values, refused, render, say, see, zone_of
from core.records import KINDS
from crm.timeline import actions
from crm.timeline.models import Note
from crm.timeline.queries import timeline_of

pages = Pages("notes", __name__)
pages.add_app_template_global(new_id, "fresh_id")

CARDS = {"contact": "contacts", "company": "companies", "deal": "deals"}


@pages.post("/notes/")
def create(actor: Actor) -> Answer:
    values = typed(actor, request.form)
    try:
        note = actions.create(actor, actions.create.parse(values))
    except Invalid as error:
        people = people_of(request.form)
        return refused(actor, "timeline/form.html", error, note=None, values=request.form, people=people, back=back())
    return see(back(note))


@pages.get("/notes/<uuid:note_id>/edit")
def edit(actor: Actor, note_id: UUID) -> Answer:
    actor.require(("note", "edit"))
    note = actor.find(Note, note_id)
    values = form_of(actor, note)
    return render(actor, "timeline/form.html", values=values, was=as_shown(values), errors={}, **shown(note))


@pages.post("/notes/<uuid:note_id>/edit")
def change(actor: Actor, note_id: UUID) -> Answer:
    values = {**typed(actor, request.form), "id": note_id}
    note = actor.find(Note, note_id)
    try:
        actions.change(actor, actions.change.parse(values))
    except Invalid as error:
        was = as_shown(form_of(actor, note))
        return refused(actor, "timeline/form.html", error, values=request.form, was=was, **shown(note))
    except Conflict as conflict:
        now = form_of(actor, actor.find(Note, note_id))
        again = {**settled(request.form.to_dict(), now), "version": str(conflict.current)}
        theirs = meanwhile(again, now)
        if theirs:
            both = {"values": again, "was": as_shown(now), "theirs": in_words(theirs)}
            return render(actor, "timeline/form.html", errors={}, **both, **shown(note)), conflict.status
        values = {**typed(actor, MultiDict(again)), "id": note_id}
        actions.change(actor, actions.change.parse(values))
    return see(back(note))


@pages.post("/notes/<uuid:note_id>/delete")
def delete(actor: Actor, note_id: UUID) -> Answer:
    note = actions.delete(actor, actions.OneNote(id=note_id))
    said = _("Call deleted") if note.form == "call" else _("Note deleted")
    say(said, url_for("notes.restore", note_id=note.id, next=back(note)))
    return see(back(note))


@pages.post("/notes/<uuid:note_id>/restore")
def restore(actor: Actor, note_id: UUID) -> Answer:
    return see(back(actions.restore(actor, actions.OneNote(id=note_id))))


@pages.get("/timeline/<kind>/<uuid:record_id>")
def older(actor: Actor, kind: str, record_id: UUID) -> str:
    """What a card's timeline shows after "Older"; a page of its own where no script puts it there."""
    if kind not in CARDS:
        raise NotFound()
    subject = actor.find(KINDS[kind], record_id)
    before = request.args.get("before", "")
    find: dict[str, Any] = {kind: subject}
    feed = timeline_of(actor, **find, before=before)
    return render(actor, "timeline/older.html", feed=feed, subject=subject, before=before, active=CARDS[kind])


def typed(actor: Actor, form: "MultiDict[str, str]") -> dict[str, Any]:
    """The form as the actions' input. Its hour is of the member's clock."""
    given = {name: value for name, value in form_values(form).items() if name not in ("next", "was")}
    values = blank_to_none(given, "at", "minutes", "contact_id", "company_id", "deal_id")
    try:
        at = datetime.fromisoformat(values.get("at") or "")
    except ValueError:
        return values
    return {**values, "at": at if at.tzinfo else at.replace(tzinfo=zone_of(actor))}


def form_of(actor: Actor, note: Note) -> dict[str, Any]:
    """A stored note as its form shows it."""
    return {
        "form": note.form,
        "text": note.text,
        "at": note.at.astimezone(zone_of(actor)).strftime("%Y-%m-%dT%H:%M"),
        "direction": note.direction,
        "result": note.result,
        "minutes": "" if note.minutes is None else str(note.minutes),
        "version": note.version,
    }


def shown(note: Note) -> dict[str, Any]:
    """What the form of a stored note has beside its values; `people` answers with whom an @ in it may name."""
    people = url_for("notifications.offer", kind="note", record_id=note.id)
    return {"note": note, "people": people, "back": back(note)}


def people_of(form: "MultiDict[str, str]") -> str:
    """The same for a note that is not stored yet, by what it says it is about."""
    named = ((kind, as_uuid(form.get(f"{kind}_id", ""))) for kind in CARDS)
    kind, record_id = next((one for one in named if one[1]), ("", None))
    return url_for("notifications.offer", kind=kind, record_id=record_id) if record_id else ""


def in_words(theirs: dict[str, str]) -> dict[str, str]:
    """What somebody else stored meanwhile, as it is read: a choice by its name, an hour with its day."""
    names = {
        "in": _("They did"), "out": _("We did"),
        "answered": _("Answered"), "missed": _("Missed"), "voicemail": _("Voicemail"),
    }  # fmt: skip
    said = {
        name: names.get(value, value) if name in ("direction", "result") else value for name, value in theirs.items()
    }
    if said.get("at"):
        at = datetime.fromisoformat(said["at"])
        said["at"] = f"{day(at.date())} {at:%H:%M}"
    return {name: value or _("nothing") for name, value in said.items()}


def back(note: Note | None = None) -> str:
    """Where the person was, else the card that the note stands on."""
    linked = (kind for kind in CARDS if getattr(note, f"{kind}_id", None))
    kind = next(linked, None)
    card = (
        url_for(f"{CARDS[kind]}.show", **{f"{kind}_id": getattr(note, f"{kind}_id")})
        if kind
        else url_for("today.index")
    )
    return came_from(card)
