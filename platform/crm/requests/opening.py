"""Opening a request: whom we know behind it, and the contact, company and deal that are made of it.

A form may open what it receives by itself. Where the plan has no room for a contact more, the request stays whole and
waits (core.waiting) until there is some, and the owners are told: what a client sends is never refused.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import func, select

from core import waiting
from core.actions import action
from core.actor import Actor
from core.errors import Busy, Invalid, NotFound
from core.full import LimitReached
from core.jobs import Place, job
from core.people import checked_email, e164
from core.records import Record
from crm.companies import actions as companies
from crm.companies.models import Company
from crm.contacts import actions as contacts
from crm.contacts.models import Contact
from crm.deals import actions as deals
from crm.deals.actions import Amount
from crm.deals.models import Stage
from crm.forms.models import Form
from crm.imports.matching import companies_named, plain_name, same_people
from crm.imports.names import split_name
from crm.notifications.telling import tell_members
from crm.requests.actions import OPEN, OneRequest
from crm.requests.contacted import answered
from crm.requests.models import Request
from crm.requests.own import fitting, tell
from crm.requests.words import sources
from tenants.members import acting_client, as_client, owners

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Match:
    """A contact that is probably who asked, and by what: the same e-mail, the same phone or both."""

    id: UUID
    name: str
    email: bool
    phone: bool


def matches(actor: Actor, request: Request) -> list[Match]:
    """Visible contacts with the request's e-mail or phone, however it is spelt; who has both comes first."""
    email, phone = keys_of(actor, request)
    found = same_people(actor, [key for key in (email, phone) if key])
    ids = set(found.values())
    names: dict[UUID, str] = dict(
        actor.db.execute(actor.visible(Contact, Contact.id, Contact.name).where(Contact.id.in_(ids))).all()
    )
    known = [
        Match(one, names[one], found.get(email) == one, found.get(phone) == one) for one in sorted(ids) if one in names
    ]
    return sorted(known, key=lambda match: (not (match.email and match.phone), not match.email))


def keys_of(actor: Actor, request: Request) -> tuple[str, str]:
    """E-mail and phone as contacts are matched by them; nothing where they are none."""
    email = ""
    with suppress(ValueError):
        email = checked_email(request.email).lower() if request.email else ""
    return email, e164(request.phone, actor.workspace.country) or ""


def hold_keys(actor: Actor, request: Request) -> None:
    """Two requests of one person at once must not make two contacts."""
    for key in sorted(key for key in keys_of(actor, request) if key):
        actor.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"{actor.workspace.schema} {key}", 0)))
        )


# By itself


@action(OPEN, right=("request", "edit"))
def open_request(actor: Actor, data: OneRequest) -> Request:
    """Make its contact and, in its form's pipeline, its deal, both of whom the request was given to. What is known of a
    contact already stays as it is, since anybody can write anybody's e-mail into a form."""
    request = actor.take(Request, data.id, "edit")
    if request.deal_id or request.doubts or request.state not in ("new", "taken"):
        return request
    form = actor.db.get(Form, request.form_id) if request.form_id else None
    hold_keys(actor, request)
    known = request.contact_id or known_contact(actor, request)
    if known:
        tell(actor, request, "contact")
    request.contact_id = known or new_contact(actor, request, form)
    if form is not None and form.pipeline_id:
        request.deal_id = new_deal(actor, request, form)
    request.files_counted = True
    if request.first_contact_at:
        answered(request, request.first_contact_at, actor.member.id)
    return request


def known_contact(actor: Actor, request: Request) -> UUID | None:
    return next((match.id for match in matches(actor, request)), None)


def new_contact(actor: Actor, request: Request, form: Form | None) -> UUID | None:
    """None where the client said nothing that a contact could be made of."""
    said = reachable(actor, request)
    if not said:
        return None
    given = {**said, "source": form.name[:200] if form else "", "owner_id": request.assignee_id}
    if request.company:
        given["company_id"] = request.company_id = company_of(actor, request.company, request.assignee_id)
    return stored(actor, contacts.create(actor, contacts.create.parse(given)))


def reachable(actor: Actor, request: Request) -> dict[str, Any]:
    """Name, e-mail, phone and what else of a contact was asked for, as a contact takes them."""
    said = asked_of(actor, request, "contact")
    if not (said.get("first_name") or said.get("last_name")) and request.name not in (request.email, request.phone):
        name = split_name(request.name)
        parts = {"prefix": name.prefix, "first_name": name.first, "last_name": name.last, "suffix": name.suffix}
        said |= {key: part[:40] if key.endswith("fix") else part for key, part in parts.items() if part}
    email, _phone = keys_of(actor, request)
    if email:
        said["emails"] = [{"address": request.email}]
    if request.phone:
        said["phones"] = [{"number": request.phone}]
    known = ("first_name", "last_name", "emails", "phones")
    return said if any(said.get(name) for name in known) else {}


def asked_of(actor: Actor, request: Request, kind: str) -> dict[str, Any]:
    """What was asked for a new record of the kind; what no longer fits in its own fields is told in words."""
    own = fitting(actor, request, kind)
    return {name: value for name, value in request.fields.get(kind, {}).items() if name != "custom"} | own


def company_of(actor: Actor, name: str, owner_id: UUID | None) -> UUID:
    """The company of that name, however it is written; a new one where there is none."""
    plain = plain_name(name)
    known = companies_named(actor, [plain]).get(plain)
    return known or stored(actor, companies.create(actor, companies.create.parse({"name": name, "owner_id": owner_id})))


def new_deal(actor: Actor, request: Request, form: Form) -> UUID | None:
    stage = actor.db.get(Stage, form.stage_id) if form.stage_id else None
    stage_id = stage.id if stage and stage.deleted_at is None and stage.pipeline_id == form.pipeline_id else None
    given = {
        **asked_of(actor, request, "deal"),
        "name": f"{form.name}: {request.name}"[:200],
        "about": words_of(request)[:10_000],
        "source": source_of(actor, request, form),
        "pipeline_id": form.pipeline_id,
        "stage_id": stage_id,
        "owner_id": request.assignee_id,
        "contact_id": request.contact_id,
        "company_id": request.company_id,
    }
    return stored(
        actor, deals.create(actor, deals.create.parse({name: value for name, value in given.items() if value}))
    )


def stored(actor: Actor, record: Record) -> UUID:
    """The id of what was just made."""
    actor.db.flush()
    return record.id


def words_of(request: Request) -> str:
    """What was asked for, then each further question with its answer."""
    lines = [f"{answer['label']}: {answer['value']}" for answer in request.answers]
    return "\n".join(part for part in (request.text, *lines) if part)


def source_of(actor: Actor, request: Request, form: Form | None) -> str:
    """Where a deal came from: the form by its name, else the way, in the language of the workspace. What somebody wrote
    down by hand came from they know where."""
    if form is not None:
        return form.name[:200]
    with force_locale(actor.workspace.language):
        return "" if request.source == "hand" else sources()[request.source]


@job(OPEN)
def open_later(place: Place, request_id: str) -> None:
    workspace, one = place.here(), OneRequest(id=UUID(request_id))
    with acting_client(place.database, workspace) as actor, force_locale(workspace.language):
        try:
            open_request(actor, one)
        except LimitReached:
            wait_for_room(actor, one.id)
        except (Invalid, NotFound):  # what no contact can be made of, a person looks at
            log.info("request %s is not opened by itself", request_id)


def wait_for_room(actor: Actor, request_id: UUID) -> None:
    with actor.transaction():
        request = actor.db.get(Request, request_id)
        known = owners(actor.db)
        if request is None or not known:
            return
        holder = request.assignee_id or known[0].id
        waiting.hold(actor, OPEN, request.id, {"id": request.id}, request.name, holder)
        told = [owner.id for owner in known]
        tell_members(actor.db, actor.workspace, "request_waits", uuid5(request.id, "waits"), told, request.name)


waiting.SAVERS[OPEN] = lambda actor, typed: open_request(as_client(actor), OneRequest(id=typed["id"]))


# By hand


class ConvertedRequest(OneRequest):
    """To a contact that is there (`contact_id`), else to a new one by the name, e-mail and phone given; with a company,
    by its id or its name, and with a deal, unless there shall be none."""

    contact_id: UUID | None = None
    first_name: contacts.Line = ""
    last_name: contacts.Line = ""
    email: Annotated[str, Field(max_length=254)] = ""
    phone: Annotated[str, Field(max_length=60)] = ""
    company_id: UUID | None = None
    company: contacts.Line = ""
    deal: bool = True
    deal_name: Annotated[str, Field(max_length=200)] = ""
    pipeline_id: UUID | None = None
    stage_id: UUID | None = None
    amount: Amount | None = None


@action("request.convert", right=("request", "edit"))
def convert(actor: Actor, data: ConvertedRequest) -> Request:
    """The contact and the deal are the actor's own, and so is the request from now on."""
    request = actor.take(Request, data.id, "edit", data.version)
    if request.state not in ("new", "taken"):
        raise Busy(_("%(name)s is finished. Open it again first.", name=request.name))
    form = actor.db.get(Form, request.form_id) if request.form_id else None
    hold_keys(actor, request)
    request.assignee_id, request.state, request.doubts = actor.member.id, "converted", []
    company_id = data.company_id or (company_of(actor, data.company, actor.member.id) if data.company else None)
    actor.linked(Company, data.company_id, "company_id")
    actor.linked(Contact, data.contact_id, "contact_id")
    request.company_id = company_id or request.company_id
    known, opened = data.contact_id or request.contact_id, request.files_counted
    if known and not opened and "custom" not in actor.hidden("contact"):
        tell(actor, request, "contact")
    request.contact_id = known or contact_given(actor, request, data, form)
    if data.deal and request.deal_id is None:
        given = {
            **fitting(actor, request, "deal"),
            "name": data.deal_name or f"{form.name}: {request.name}"[:200] if form else data.deal_name or request.name,
            "about": words_of(request)[:10_000],
            "source": source_of(actor, request, form),
            "amount": data.amount,
            "pipeline_id": data.pipeline_id,
            "stage_id": data.stage_id,
            "contact_id": request.contact_id,
            "company_id": request.company_id,
        }
        made = deals.create(actor, deals.create.parse({name: value for name, value in given.items() if value}))
        request.deal_id = stored(actor, made)
    request.files_counted = True
    return request


def contact_given(actor: Actor, request: Request, data: ConvertedRequest, form: Form | None) -> UUID:
    given: dict[str, Any] = {
        **asked_of(actor, request, "contact"),
        "first_name": data.first_name,
        "last_name": data.last_name,
        "source": form.name[:200] if form else "",
        "company_id": request.company_id,
        "emails": [{"address": data.email}] if data.email else [],
        "phones": [{"number": data.phone}] if data.phone else [],
    }
    return stored(actor, contacts.create(actor, contacts.create.parse(given)))
