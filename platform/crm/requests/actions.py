"""Every change of a request, but for its conversion (crm.requests.opening)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import func, select

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid
from core.ids import new_id
from core.jobs import later
from core.people import checked_email, e164
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.forms.models import Form
from crm.requests.assigning import MINUTES, assignee_for, deadline
from crm.requests.contacted import answered
from crm.requests.models import Request, RequestFile
from tenants.models import Member

# Jobs of crm.requests.late and crm.requests.opening, asked for by name.
LATE, OPEN = "request.late", "request.open"


def email_or_nothing(value: str) -> str:
    return checked_email(value) if value else ""


Line = Annotated[str, Field(max_length=200)]
Email = Annotated[str, Field(max_length=254), AfterValidator(email_or_nothing)]


class RequestFields(Input):
    """What a client asked for, as somebody here writes it down. It needs some words, a name, an e-mail or a phone."""

    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one.")] = None
    source: Annotated[Literal["form", "mail", "call", "hand"], Field(description="By which way it came.")] = "hand"
    name: Line = ""
    company: Line = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=60)] = ""
    text: Annotated[str, Field(max_length=20_000, description="In the client's own words.")] = ""
    form_id: Annotated[UUID | None, Field(description="The form whose rule, deadline and pipeline hold.")] = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None
    assignee_id: Annotated[UUID | None, Field(description="A member; by the form's rule, when left out.")] = None


class NewRequest(RequestFields):
    pass


ChangedRequest = changes_of(RequestFields, "ChangedRequest")


def cut(most: int) -> Callable[[Any], Any]:
    """What a client sends is never refused for its length."""
    return lambda value: value.strip()[:most] if isinstance(value, str) else value


def without_zeros(value: Any) -> Any:
    """Zero bytes cannot be stored, and nobody typed them."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_zeros(one) for one in value]
    return {name: without_zeros(one) for name, one in value.items()} if isinstance(value, dict) else value


class SentFile(Input):
    """A file that is stored already (core.files)."""

    file_key: str
    name: Annotated[str, BeforeValidator(cut(200))]
    type: str
    size: int


class Received(Input):
    """What came from a client by itself. `minutes` are those of working time until the first contact."""

    id: UUID | None = None
    source: Literal["form", "mail", "call"]
    form_id: UUID | None = None
    name: Annotated[str, BeforeValidator(cut(200))] = ""
    company: Annotated[str, BeforeValidator(cut(200))] = ""
    email: Annotated[str, BeforeValidator(cut(254))] = ""
    phone: Annotated[str, BeforeValidator(cut(60))] = ""
    text: Annotated[str, BeforeValidator(cut(100_000))] = ""
    answers: list[dict[str, str]] = []
    fields: dict[str, dict[str, Any]] = {}
    consents: list[dict[str, str]] = []
    utm: dict[str, str] = {}
    page: Annotated[str, BeforeValidator(cut(500))] = ""
    doubts: list[str] = []
    files: list[SentFile] = []
    contact_id: UUID | None = None
    deal_id: UUID | None = None
    assignee_id: UUID | None = None
    minutes: int | None = None

    @model_validator(mode="before")
    @classmethod
    def storable_as_sent(cls, values: Any) -> Any:
        return without_zeros(values)


class OneRequest(Input):
    id: UUID
    version: int | None = None


class AssignedRequest(OneRequest):
    assignee_id: UUID


class ClosedRequest(OneRequest):
    reason: Annotated[str, Field(min_length=1, max_length=200)]


@action("request.create")
def create(actor: Actor, data: NewRequest) -> Request:
    """Written down by somebody here, whose it is unless a form's rule or they themselves say otherwise."""
    known = actor.repeated(Request, data.id)
    if known:
        return known
    if not (data.name or data.email or data.phone or data.text):
        raise Invalid(("name", _("Write at least a name, an e-mail, a phone or what was asked for.")))
    request = Request(**data.model_dump(exclude_none=True))
    check_links(actor, request, data.model_fields_set)
    if request.assignee_id not in (None, actor.member.id):
        actor.require(("request", "assign"), request)
    if data.form_id is None:
        request.assignee_id = request.assignee_id or actor.member.id
    keep(actor, request, data.form_id)
    return request


@action("request.receive", right=("request", "create"))
def receive(actor: Actor, data: Received) -> Request:
    """From a client, whose Actor tenants.members.acting_client makes. By the same id it is received once, however often
    and at once it is sent. Nothing that it names is asked for rights; no limit refuses it."""
    if actor.via != "client":
        raise Forbidden()
    identifier = data.id or new_id()
    actor.db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(identifier), 0))))
    known = actor.db.get(Request, identifier)
    if known:
        return known
    given = data.model_dump(exclude_none=True, exclude={"files", "minutes"})
    request = Request(**{**given, "id": identifier}, address=actor.address)
    request.files_size = sum(file.size for file in data.files)
    keep(actor, request, data.form_id, data.minutes)
    actor.db.flush()
    actor.db.add_all(RequestFile(request_id=identifier, **file.model_dump()) for file in data.files)
    return request


def keep(actor: Actor, request: Request, form_id: UUID | None, minutes: int | None = None) -> None:
    request.phone = e164(request.phone, actor.workspace.country) or request.phone
    request.name = request.name or request.email or request.phone or first_words(request.text)
    form = actor.db.get(Form, form_id) if form_id else None
    actor.db.add(request)
    if not request.doubts:
        begin(actor, request, form, minutes)


def first_words(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:59]}…" if len(line) > 60 else line or _("Somebody")


def begin(actor: Actor, request: Request, form: Form | None, minutes: int | None = None) -> None:
    """It is a client's: somebody gets it, its time runs, and a form that says so makes its contact and deal."""
    now = datetime.now(UTC)
    if request.assignee_id is None and form is not None:
        request.assignee_id = assignee_for(actor, form, now)
    request.contact_by = deadline(actor, minutes or (form.minutes if form else MINUTES), now)
    actor.db.flush()
    later(actor.db, LATE, at=request.contact_by, request_id=request.id)
    if form is not None and form.opens and request.deal_id is None:
        later(actor.db, OPEN, request_id=request.id)


@action("request.edit", takes=ChangedRequest)
def change(actor: Actor, data: Changes) -> Request:
    request = actor.take(Request, data.id, "edit", data.version)
    given = data.given()
    if "phone" in given:
        given["phone"] = e164(given["phone"], actor.workspace.country) or given["phone"]
    changed = {name: value for name, value in given.items() if getattr(request, name) != value}
    if changed.get("assignee_id", actor.member.id) != actor.member.id:
        actor.require(("request", "assign"), request)
    for name, value in changed.items():
        setattr(request, name, value)
    check_links(actor, request, changed.keys())
    request.name = request.name or request.email or request.phone or first_words(request.text)
    return request


@action("request.take", right=("request", "edit"))
def take(actor: Actor, data: OneRequest) -> Request:
    """It is mine from now on, whoever had it."""
    request = still_open(actor, data)
    request.assignee_id = actor.member.id
    request.state = "taken"
    accepted(actor, request)
    return request


@action("request.assign")
def assign(actor: Actor, data: AssignedRequest) -> Request:
    request = actor.take(Request, data.id, "assign", data.version)
    request.assignee_id = data.assignee_id
    check_links(actor, request, {"assignee_id"})
    return request


@action("request.accept", right=("request", "edit"))
def accept(actor: Actor, data: OneRequest) -> Request:
    """It was to be checked and is a client's: given to somebody, and its time runs from now on."""
    request = still_open(actor, data)
    accepted(actor, request)
    return request


@action("request.contacted", right=("request", "edit"))
def contacted(actor: Actor, data: OneRequest) -> Request:
    """The client has heard of us, in a way that left no other trace here."""
    request = actor.take(Request, data.id, "edit", data.version)
    accepted(actor, request)
    answered(request, datetime.now(UTC), actor.member.id)
    return request


@action("request.close", right=("request", "edit"))
def close(actor: Actor, data: ClosedRequest) -> Request:
    """Nothing comes of it, for a reason."""
    request = actor.take(Request, data.id, "edit", data.version)
    request.state, request.reason = "closed", data.reason
    return request


@action("request.spam", right=("request", "edit"))
def mark_spam(actor: Actor, data: OneRequest) -> Request:
    request = actor.take(Request, data.id, "edit", data.version)
    request.state, request.reason = "spam", ""
    return request


@action("request.reopen", right=("request", "edit"))
def reopen(actor: Actor, data: OneRequest) -> Request:
    request = actor.take(Request, data.id, "edit", data.version)
    if request.state in ("closed", "spam"):
        request.state, request.reason = "taken" if request.assignee_id else "new", ""
        if request.contact_by and request.first_contact_at is None:
            later(actor.db, LATE, at=request.contact_by, request_id=request.id)
    return request


@action("request.delete")
def delete(actor: Actor, data: OneRequest) -> Request:
    """Into the bin, from which `restore` brings it back."""
    request = actor.take(Request, data.id, "delete", data.version)
    request.deleted_at = datetime.now(UTC)
    return request


@action("request.restore", right=("request", "delete"))
def restore(actor: Actor, data: OneRequest) -> Request:
    request = actor.take(Request, data.id, "delete", deleted=True)
    request.deleted_at = None
    return request


def accepted(actor: Actor, request: Request) -> None:
    if request.doubts:
        request.doubts = []
        begin(actor, request, actor.db.get(Form, request.form_id) if request.form_id else None)


def still_open(actor: Actor, data: OneRequest) -> Request:
    """One to be changed that nobody has finished. Raises Busy."""
    request = actor.take(Request, data.id, "edit", data.version)
    if request.state not in ("new", "taken"):
        raise Busy(_("%(name)s is finished. Open it again first.", name=request.name))
    return request


def check_links(actor: Actor, request: Request, given: Any) -> None:
    """Records newly named must be there and visible. Raises Invalid."""
    links: tuple[tuple[str, Any], ...] = (
        ("form_id", Form), ("contact_id", Contact), ("company_id", Company), ("deal_id", Deal)
    )  # fmt: skip
    for name, model in links:
        if name in given:
            actor.linked(model, getattr(request, name), name)
    if "assignee_id" in given:
        actor.linked(Member, request.assignee_id, "assignee_id", Member.state == "active")
