"""A business that receives requests: its members, a form, what clients send, and time that passes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from core import jobs
from crm.forms import actions as forms
from crm.forms.models import Form
from crm.requests import actions
from crm.requests.models import Request
from tenants import departments
from tenants.departments import DepartmentFields
from tenants.members import acting_client
from tenants.models import Member
from tests.shop import Shop

ALWAYS = {day: ["00:00", "23:59"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def member_of(shop: Shop, identity_id: UUID) -> UUID:
    with shop.acting() as actor:
        return actor.db.scalars(select(Member.id).where(Member.identity_id == identity_id)).one()


def seller(shop: Shop, name: str, role: str = "sales", hours: Any = ALWAYS) -> UUID:
    """A further member; returns the member's id."""
    found = member_of(shop, shop.member(role, name))
    set_hours(shop, found, hours)
    return found


def set_hours(shop: Shop, member_id: UUID, hours: Any) -> None:
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.get_one(Member, member_id).working_hours = hours


def department(shop: Shop, head: UUID, *members: UUID, parent: UUID | None = None) -> UUID:
    with shop.acting() as actor:
        made = departments.create(actor, DepartmentFields(name=f"Sales {head}", head_id=head, parent_id=parent))
        for one in members:
            actor.db.get_one(Member, one).department_id = made.id
        actor.db.commit()
        return made.id


def form(shop: Shop, **values: Any) -> Form:
    given = {
        "name": "Windows",
        "fields": [{"kind": "name"}, {"kind": "email"}, {"kind": "phone"}, {"kind": "message"}],
        **values,
    }
    with shop.acting() as actor:
        return forms.create(actor, forms.create.parse(given))


def received(shop: Shop, **values: Any) -> Request:
    """What a client sent, without what follows of it."""
    given = {"source": "form", "name": "Jan Novák", "phone": "602 114 873", "text": "Six windows", **values}
    with shop.app.test_request_context("/"), acting_client(shop.base, shop.workspace, "192.0.2.1") as actor:
        return actions.receive(actor, actions.receive.parse(given))


def row(shop: Shop, request_id: UUID) -> Any:
    return shop.rows("select * from request where id = :id", id=request_id)[0]


def work(shop: Shop, *names: str) -> None:
    """Do what is ready in this workspace: those jobs, or everything, news to subscribers included."""
    while True:
        with shop.base.controlling() as control:
            control.execute(
                text("update bus.outbox set queue = 'default' where role = :role and payload ? 'news' and ready"),
                {"role": shop.workspace.role},
            )
            found = control.execute(
                text(
                    "select id, payload->>'job' as job from bus.outbox where role = :role and next_at <= now()"
                    " and (topic = 'job' or payload ? 'news') and lease_until is null and failures = 0 order by id"
                ),
                {"role": shop.workspace.role},
            ).all()
        ready = [one.id for one in found if not names or one.job in names]
        if not ready:
            return
        with shop.app.test_request_context("/"):
            for work_id in ready:
                jobs.deliver(work_id)


def pass_time(shop: Shop, minutes: int) -> None:
    """Deadlines and the work that waits for them come nearer."""
    nearer = {"role": shop.workspace.role, "minutes": minutes}
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text(
                "update request set contact_by = contact_by - make_interval(mins => :minutes),"
                " created_at = created_at - make_interval(mins => :minutes)"
            ),
            nearer,
        )
    with shop.base.controlling() as control:
        control.execute(
            text(
                "update bus.outbox set next_at = next_at - make_interval(mins => :minutes) where role = :role"
                " and topic = 'job'"
            ),
            nearer,
        )


def told(shop: Shop, kind: str) -> set[UUID]:
    return {one.member_id for one in shop.rows("select member_id from notification where kind = :kind", kind=kind)}


def at(hour: str, day: str = "2026-11-25") -> datetime:
    return datetime.fromisoformat(f"{day}T{hour}:00+01:00")
