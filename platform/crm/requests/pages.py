"""Pages of requests: the inbox, one request, its conversion, and what a client sent along."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from flask import Response, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from core.actor import Actor
from core.errors import Invalid, NotFound
from core.files import files
from core.full import LimitReached
from core.ids import new_id
from core.listpage import asked, list_page
from core.pages import Answer, Pages, blank_to_none, came_from, form_values, refused, render, say, see, written_day
from crm.absences.queries import to_choose
from crm.contacts.models import Contact
from crm.deals import queries as deals
from crm.deals.form import stage_choices
from crm.deals.models import Deal
from crm.forms.models import Form
from crm.imports.names import split_name
from crm.requests import actions, opening, own, queries
from crm.requests.actions import OneRequest
from crm.requests.models import Request, RequestFile
from crm.requests.words import doubts, sources, states
from tenants.models import Department, Member

pages = Pages("requests", __name__)
pages.add_app_template_global(queries.to_see_to, "requests_to_see_to")

PARTS = ("mine", "nobody", "all", "late", "check", "done", "any")
# What the numbers of reports lead to.
OF_REPORTS = (
    "assignee_id", "nobodys", "department_id", "created_from", "created_to", "deadline", "no_form", "with_deal",
)  # fmt: skip


@pages.get("/requests/")
def index(actor: Actor) -> str:
    actor.require(("request", "view"))
    part = request.args.get("whose", "")
    part = part if part in PARTS else "all"
    ask = asked(("form_id", "source", *OF_REPORTS), "-created" if part in ("done", "check", "any") else "deadline")
    ask = replace(ask, filters={**ask.filters, "whose": part})
    found = list_page(actor, queries.LISTING, ask, queries.shown(actor), lambda row: queries.item(actor, row))
    return render(
        actor,
        "requests/index.html",
        found=found,
        ask=ask,
        part=part,
        counts=queries.parts(actor),
        states=states(),
        narrowed=told_filters(actor, ask.filters),
    )


def told_filters(actor: Actor, filters: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(name, label, value) of the filters on, but the part of the inbox."""
    labels = {
        "source": pgettext("request", "Came by"), "form_id": _("Form"), "no_form": _("Form"),
        "assignee_id": _("Assignee"), "nobodys": _("Assignee"), "department_id": _("Department"),
        "created_from": pgettext("period", "From"), "created_to": pgettext("period", "To"),
        "deadline": _("First contact"), "with_deal": _("Deal"),
    }  # fmt: skip
    names = {
        **dict(deals.named(actor, Member, filters.get("assignee_id", ""))),
        **dict(deals.named(actor, Department, filters.get("department_id", ""))),
        **dict(deals.named(actor, Form, filters.get("form_id", ""))),
    }
    words = {
        "nobodys": _("nobody"), "no_form": _("none"), "with_deal": _("made"),
        "deadline": _("in time") if filters.get("deadline") == "kept" else _("too late"),
    }  # fmt: skip
    return [
        (name, label, words.get(name) or names.get(value) or sources().get(value) or written_day(value))
        for name, label in labels.items()
        if (value := filters.get(name))
    ]


@pages.get("/requests/new")
def new(actor: Actor) -> str:
    actor.require(("request", "create"))
    typed = {"id": str(new_id()), "source": "call", "assignee_id": str(actor.member.id)}
    return render(actor, "requests/form.html", errors={}, **filled(actor, typed))


@pages.post("/requests/")
def create(actor: Actor) -> Answer:
    typed = form_values(request.form)
    try:
        made = actions.create(actor, actions.create.parse(blank_to_none(typed, "assignee_id", "form_id", "version")))
    except Invalid as error:
        return refused(actor, "requests/form.html", error, **filled(actor, typed))
    say(_("%(name)s is stored", name=made.name))
    return see(url_for("requests.show", request_id=made.id))


@pages.get("/requests/<uuid:request_id>")
def show(actor: Actor, request_id: UUID) -> str:
    found = actor.find(Request, request_id)
    row = actor.db.execute(actor.visible(Request, *queries.shown(actor)).where(Request.id == request_id)).one()
    return render(
        actor,
        "requests/show.html",
        found=found,
        item=queries.item(actor, row),
        files=queries.files_of(actor, [found.id]),
        matches=opening.matches(actor, found) if found.contact_id is None else [],
        members=to_choose(actor),
        states=states(),
        sources=sources(),
        own=own.shown(actor, found),
        doubts=[doubts().get(one, one) for one in found.doubts],
        consents=[(one["text"], datetime.fromisoformat(one["at"])) for one in found.consents],
    )


@pages.post("/requests/<uuid:request_id>/<step>")
def do(actor: Actor, request_id: UUID, step: str) -> Answer:
    """What needs no more than a click."""
    if step not in STEPS:
        raise NotFound()
    act, words = STEPS[step]
    done = act(actor, OneRequest(id=request_id))
    undo = url_for("requests.do", request_id=request_id, step=UNDONE_BY[step]) if step in UNDONE_BY else None
    say(str(words) % {"name": done.name}, undo)
    gone = url_for("requests.index")
    return see(gone if step == "delete" else came_from(url_for("requests.show", request_id=request_id)))


STEPS: dict[str, tuple[Any, Any]] = {
    "take": (actions.take, _l("%(name)s is yours")),
    "accept": (actions.accept, _l("%(name)s is a client's")),
    "contacted": (actions.contacted, _l("Noted: %(name)s has heard of us")),
    "spam": (actions.mark_spam, _l("%(name)s is spam")),
    "reopen": (actions.reopen, _l("%(name)s is open again")),
    "delete": (actions.delete, _l("%(name)s deleted")),
    "restore": (actions.restore, _l("%(name)s is back")),
}
UNDONE_BY = {"spam": "reopen", "delete": "restore"}


@pages.post("/requests/<uuid:request_id>/assign")
def assign(actor: Actor, request_id: UUID) -> Answer:
    given = {"id": request_id, "assignee_id": request.form.get("assignee_id") or None}
    made = actions.assign(actor, actions.assign.parse(given))
    say(_("%(name)s is given", name=made.name))
    return see(came_from(url_for("requests.show", request_id=request_id)))


@pages.post("/requests/<uuid:request_id>/close")
def close(actor: Actor, request_id: UUID) -> Answer:
    reason = request.form.get("reason", "")
    made = actions.close(actor, actions.close.parse({"id": request_id, "reason": reason}))
    undo = url_for("requests.do", request_id=request_id, step="reopen")
    say(_("%(name)s closed", name=made.name), undo)
    return see(came_from(url_for("requests.index")))


@pages.get("/requests/<uuid:request_id>/convert")
def ask_convert(actor: Actor, request_id: UUID) -> str:
    found = editable(actor, request_id)
    return render(actor, "requests/convert.html", errors={}, **conversion(actor, found, prefilled(actor, found)))


@pages.post("/requests/<uuid:request_id>/convert")
def convert(actor: Actor, request_id: UUID) -> Answer:
    typed = form_values(request.form)
    given = {name: value for name, value in typed.items() if name != "next"}
    given = {**blank_to_none(given, "contact_id", "stage_id", "amount"), "id": request_id, "deal": "deal" in typed}
    try:
        made = opening.convert(actor, opening.convert.parse(given))
    except Invalid as error:
        found = editable(actor, request_id)
        return refused(actor, "requests/convert.html", error, **conversion(actor, found, typed))
    except LimitReached as full:
        found = editable(actor, request_id)
        errors = {"": str(full.detail)}
        return render(actor, "requests/convert.html", errors=errors, **conversion(actor, found, typed)), full.status
    say(_("%(name)s is converted", name=made.name))
    if made.deal_id and actor.may("deal", "view"):
        return see(url_for("deals.show", deal_id=made.deal_id))
    return see(url_for("requests.show", request_id=request_id))


@pages.get("/requests/<uuid:request_id>/files/<uuid:file_id>")
def download(actor: Actor, request_id: UUID, file_id: UUID) -> Response:
    """What a client sent, never shown in the page: it may be anything."""
    found = actor.find(Request, request_id)
    sent = actor.db.get(RequestFile, file_id)
    if sent is None or sent.request_id != found.id or sent.file_key is None:
        raise NotFound()
    content = cast("Any", files().open(sent.file_key))
    answer = send_file(content, "application/octet-stream", as_attachment=True, download_name=sent.name, max_age=0)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def editable(actor: Actor, request_id: UUID) -> Request:
    found = actor.find(Request, request_id)
    actor.require(("request", "edit"), found)
    return found


def prefilled(actor: Actor, found: Request) -> dict[str, Any]:
    """What is known of the client already, as the form of the conversion shows it."""
    said = found.fields.get("contact", {})
    name = split_name("" if found.name in (found.email, found.phone) else found.name)
    form = actor.db.get(Form, found.form_id) if found.form_id else None
    known = opening.matches(actor, found)
    return {
        "contact_id": str(found.contact_id or (known[0].id if known else "")),
        "first_name": said.get("first_name") or name.first,
        "last_name": said.get("last_name") or name.last,
        "email": found.email,
        "phone": found.phone,
        "company": found.company,
        "deal": "1",
        "deal_name": f"{form.name}: {found.name}"[:200] if form else found.name,
        "stage_id": str(form.stage_id or "") if form else "",
        "amount": "",
    }


def conversion(actor: Actor, found: Request, typed: dict[str, Any]) -> dict[str, Any]:
    blank = dict.fromkeys(("contact_id", "first_name", "last_name", "email", "phone", "company", "stage_id"), "")
    linked = actor.visible(Contact, Contact.name).where(Contact.id == found.contact_id)
    return {
        "found": found,
        "typed": {**blank, "deal_name": "", "amount": "", **typed},
        "matches": opening.matches(actor, found),
        "linked": actor.db.scalar(linked) if found.contact_id else None,
        "has_deal": bool(actor.db.scalar(actor.visible(Deal, Deal.id).where(Deal.id == found.deal_id))),
        "stages": stage_choices(deals.pipelines(actor)),
    }


def filled(actor: Actor, typed: dict[str, Any]) -> dict[str, Any]:
    blank = dict.fromkeys(("id", "source", "name", "company", "email", "phone", "text", "assignee_id", "form_id"), "")
    forms = actor.db.execute(actor.visible(Form, Form.id, Form.name).order_by(Form.name)).all()
    return {
        "typed": {**blank, **typed},
        "members": [(str(key), name) for key, name in to_choose(actor)],
        "forms": [(str(key), name) for key, name in forms],
        "ways": list(sources().items())[1:],
    }
