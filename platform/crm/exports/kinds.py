"""What can be taken along, and who may: each kind with its list, its shape in the API and the right it needs."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from core.access import Right
from core.actor import Actor
from core.api import Resource
from core.errors import Forbidden
from core.records import Record
from crm.calls import api as calls
from crm.companies import api as companies
from crm.contacts import api as contacts
from crm.deals import api as deals
from crm.mails import api as mails
from crm.payments import api as payments
from crm.products import api as products
from crm.quotes import api as quotes
from crm.requests import api as requests
from crm.tasks import api as tasks
from crm.timeline import api as notes

EXPORTS: tuple[Right, ...] = (("contact", "export"), ("company", "export"), ("deal", "export"))


@dataclass(frozen=True)
class Kind:
    """`right` is None for what only those may take who may export everything."""

    name: Any
    resource: Resource
    right: Right | None

    @property
    def model(self) -> type[Record]:
        return self.resource.model


KINDS: dict[str, Kind] = {
    "contacts": Kind(_l("Contacts"), contacts.RESOURCE, ("contact", "export")),
    "companies": Kind(_l("Companies"), companies.RESOURCE, ("company", "export")),
    "deals": Kind(_l("Deals"), deals.DEALS, ("deal", "export")),
    "tasks": Kind(_l("Tasks"), tasks.RESOURCE, None),
    "notes": Kind(_l("Notes and calls"), notes.RESOURCE, None),
    "requests": Kind(_l("Requests"), requests.RESOURCE, None),
    "quotes": Kind(_l("Quotes"), quotes.RESOURCE, None),
    "payments": Kind(_l("Payments"), payments.RESOURCE, None),
    "products": Kind(_l("Price list"), products.RESOURCE, None),
    "calls": Kind(_l("Calls"), calls.RESOURCE, None),
    "mails": Kind(_l("Mails"), mails.RESOURCE, None),
}
NAMES: dict[str, Any] = {
    **{what: kind.name for what, kind in KINDS.items()},
    "everything": _l("Everything"),
    "files": _l("All files"),
}
FORMATS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*KINDS, "everything"), ("csv", "xlsx", "json")),
    "files": ("zip",),
}


def may_export(actor: Actor, what: str) -> bool:
    """One kind by its own right, as far as that reaches; the rest by who may export all of every kind."""
    right = KINDS[what].right if what in KINDS else None
    if right:
        return actor.may(*right)
    return all(actor.scope(*one) == "all" for one in EXPORTS)


def require_export(actor: Actor, what: str) -> None:
    if not may_export(actor, what):
        raise Forbidden()


def allowed(actor: Actor) -> list[str]:
    """What this actor may take along."""
    return [what for what in NAMES if may_export(actor, what)]


def kinds_in(what: str) -> list[str]:
    """The tables that an export of this has, in their order."""
    return [what] if what in KINDS else list(KINDS) if what == "everything" else []


def standing(actor: Actor, what: str) -> dict[str, Any]:
    """How far this actor sees what is asked for: the scopes and hidden fields of each kind in it."""
    kinds = [KINDS[one].model.kind for one in kinds_in(what)]
    return {
        kind: [actor.scope(kind, "view"), actor.scope(kind, "export") if (kind, "export") in EXPORTS else "all",
               sorted(actor.hidden(kind))]
        for kind in kinds
    }  # fmt: skip
