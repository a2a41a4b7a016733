"""What can be handed over: one entry for each kind of work that somebody may leave open.

A new kind (a running process step, an incoming request) is one more entry here. Its model's `owner_column` says whose
it is; everything else, from the preview to the return, follows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from core.records import Record
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.requests.models import Request
from crm.tasks.models import Task


@dataclass(frozen=True)
class Duty:
    """`open` tells what is still to be done, `is_open` the same of one record in hand. `client` is the id of the
    company or contact it is done for. By the rule "kind", all duties of one `key` go to one person, whom the form asks
    for by `asks`. `plural` and `counted` are its words, `card` the endpoint of its page and the name of its id there.
    What is `lasting` goes over only when somebody leaves, or by choice."""

    model: type[Record]
    key: str
    asks: Any
    plural: Any
    counted: Callable[[int], str]
    icon: str
    card: tuple[str, str]
    open: Callable[[], ColumnElement[bool]]
    is_open: Callable[[Any], bool]
    client: ColumnElement[UUID]
    lasting: bool = False

    @property
    def kind(self) -> str:
        return self.model.kind

    @property
    def holder(self) -> Any:
        """The column that says whose it is."""
        return getattr(self.model, self.model.owner_column or "")

    @property
    def name(self) -> InstrumentedAttribute[str]:
        return self.model.name  # type: ignore[attr-defined, no-any-return]


def company_of(contact_id: Any) -> Any:
    """The company that a contact works for."""
    return select(Contact.company_id).where(Contact.id == contact_id).scalar_subquery()


CLIENT_OF_DEAL = func.coalesce(Deal.company_id, company_of(Deal.contact_id), Deal.contact_id, Deal.id)
CLIENT_OF_TASK = func.coalesce(
    Task.company_id,
    company_of(Task.contact_id),
    Task.contact_id,
    select(CLIENT_OF_DEAL).where(Deal.id == Task.deal_id).scalar_subquery(),
    Task.id,
)
CLIENT_OF_REQUEST = func.coalesce(
    Request.company_id, company_of(Request.contact_id), Request.contact_id, Request.deal_id, Request.id
)

DUTIES: tuple[Duty, ...] = (
    Duty(
        model=Deal,
        key="deal",
        asks=_l("Deals to"),
        plural=_l("Deals"),
        counted=lambda n: str(ngettext("%(num)s deal", "%(num)s deals", n)),
        icon="layout-kanban",
        card=("deals.show", "deal_id"),
        open=lambda: Deal.status == "open",
        is_open=lambda deal: bool(deal.status == "open"),
        client=CLIENT_OF_DEAL,
    ),
    Duty(
        model=Task,
        key="task",
        asks=_l("Tasks to"),
        plural=_l("Tasks"),
        counted=lambda n: str(ngettext("%(num)s task", "%(num)s tasks", n)),
        icon="checkbox",
        card=("tasks.edit", "task_id"),
        open=lambda: Task.done_at.is_(None),
        is_open=lambda task: task.done_at is None,
        client=CLIENT_OF_TASK,
    ),
    Duty(
        model=Request,
        key="deal",
        asks=_l("Deals to"),
        plural=_l("Requests"),
        counted=lambda n: str(ngettext("%(num)s request", "%(num)s requests", n)),
        icon="inbox",
        card=("requests.show", "request_id"),
        open=lambda: Request.state.in_(("new", "taken")),
        is_open=lambda request: bool(request.state in ("new", "taken")),
        client=CLIENT_OF_REQUEST,
    ),
    Duty(
        model=Contact,
        key="client",
        asks=_l("Contacts and companies to"),
        plural=_l("Contacts"),
        counted=lambda n: str(ngettext("%(num)s contact", "%(num)s contacts", n)),
        icon="users",
        card=("contacts.show", "contact_id"),
        open=true,
        is_open=lambda _contact: True,
        client=func.coalesce(Contact.company_id, Contact.id),
        lasting=True,
    ),
    Duty(
        model=Company,
        key="client",
        asks=_l("Contacts and companies to"),
        plural=_l("Companies"),
        counted=lambda n: str(ngettext("%(num)s company", "%(num)s companies", n)),
        icon="building",
        card=("companies.show", "company_id"),
        open=true,
        is_open=lambda _company: True,
        client=Company.id.expression,
        lasting=True,
    ),
)
BY_KIND = {duty.kind: duty for duty in DUTIES}
# What the rule by kind asks for, in the order of its form.
KEYS: dict[str, Any] = {duty.key: duty.asks for duty in DUTIES}
