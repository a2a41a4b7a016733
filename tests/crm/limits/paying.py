"""A workspace whose plan has limits, in the hands of a test."""

from typing import Any

from sqlalchemy import text

from config.plans import Limit
from core import limits
from crm.contacts import actions
from crm.contacts.models import Contact
from tests.shop import Shop


def cap(shop: Shop, **caps: int | None) -> None:
    """The caps of the plan from now on, as billing sets them."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        limits.set_caps(session, caps)  # type: ignore[arg-type]


def value(shop: Shop, name: Limit = "contacts") -> int:
    return int(shop.rows("select value from counter where name = :name", name=name)[0].value)


def live(shop: Shop) -> int:
    """How many contacts there are."""
    return int(shop.rows("select count(*) from contact where deleted_at is null")[0].count)


def create(shop: Shop, name: str = "Radek Beneš") -> Contact:
    with shop.acting() as actor:
        return actions.create(actor, actions.create.parse({"last_name": name}))


def one(contact: Contact) -> actions.OneContact:
    return actions.OneContact(id=contact.id)


def asked(shop: Shop, job: str) -> list[dict[str, Any]]:
    """The arguments of each such job that waits for a worker, oldest first."""
    query = text("""
    select payload->'arguments' from bus.outbox where role = :role and payload->>'job' = :job order by id
    """)
    with shop.base.controlling() as control:
        return list(control.scalars(query, {"role": shop.workspace.role, "job": job}))
