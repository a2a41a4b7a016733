"""Reads over requests: the inbox with its clocks, the number beside its name, and what stands on cards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, Row, and_, case, func, literal, or_, select, text

from core.actor import Actor
from core.days import from_day, to_day
from core.listing import Filter, Listing, Sort
from core.pages import clock, day, zone_of
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.forms.models import Form
from crm.related import member_name, record_name
from crm.requests.models import OPEN, Request, RequestFile
from crm.requests.words import sources
from tenants.departments import members_in

Deadline = Literal["kept", "missed"]
SOON = timedelta(minutes=5)
TICKS = timedelta(hours=1)  # so near its end a clock shows seconds
FAR = literal(datetime.fromisoformat("9999-01-01T00:00:00+00:00"))
MOST = 99

UNDOUBTED = func.cardinality(Request.doubts) == 0
STILL_OPEN = text(f"({OPEN})")
UNANSWERED = and_(
    Request.first_contact_at.is_(None),
    Request.state.in_(("new", "taken", "converted")),
    Request.contact_by.is_not(None),
)


def whose(actor: Actor, value: str) -> ColumnElement[bool]:
    """The parts of the inbox."""
    parts = {
        "mine": and_(STILL_OPEN, UNDOUBTED, Request.assignee_id == actor.member.id),
        "nobody": and_(STILL_OPEN, UNDOUBTED, Request.assignee_id.is_(None)),
        "all": and_(STILL_OPEN, UNDOUBTED),
        "late": and_(UNANSWERED, UNDOUBTED, Request.contact_by < func.now()),
        "check": and_(STILL_OPEN, ~UNDOUBTED),
        "done": or_(
            Request.state.in_(("closed", "spam")),
            and_(Request.state == "converted", Request.first_contact_at.is_not(None)),
        ),
        "any": and_(Request.state != "spam", UNDOUBTED),
    }
    return parts.get(value, parts["all"])


# Whether the client heard of us by the deadline; where it has not come yet, or there is none, neither is so.
KEPT = func.coalesce(Request.first_contact_at <= Request.contact_by, False)
MISSED = or_(
    func.coalesce(Request.first_contact_at > Request.contact_by, False),
    and_(UNANSWERED, Request.contact_by < func.now()),
)


def by_deadline(_actor: Actor, value: str) -> ColumnElement[bool]:
    return KEPT if value == "kept" else MISSED


LISTING = Listing(
    model=Request,
    sorts={
        "deadline": Sort(case((UNANSWERED, Request.contact_by), else_=FAR), datetime),
        "created": Sort(Request.id, UUID),
    },
    default_sort="-created",
    filters={
        "whose": Filter(str, whose, "mine, nobody, all (that are open), late, check, done or any (but spam)"),
        "state": Filter(str, lambda _actor, value: Request.state == value, "new, taken, converted, closed or spam"),
        "source": Filter(str, lambda _actor, value: Request.source == value, "form, mail, call or hand"),
        "form_id": Filter(UUID, lambda _actor, value: Request.form_id == value, "that came by this form"),
        "assignee_id": Filter(UUID, lambda _actor, value: Request.assignee_id == value, "of this member"),
        "contact_id": Filter(UUID, lambda _actor, value: Request.contact_id == value, "of this contact"),
        "deal_id": Filter(UUID, lambda _actor, value: Request.deal_id == value, "of this deal"),
        "nobodys": Filter(bool, lambda _actor, value: Request.assignee_id.is_(None) == value, "of nobody"),
        "department_id": Filter(
            UUID, lambda _actor, value: Request.assignee_id.in_(members_in(value)), "of its people"
        ),
        "created_from": Filter(date, from_day(Request.created_at), "that came on this day or later"),
        "created_to": Filter(date, to_day(Request.created_at), "that came on this day or earlier"),
        "deadline": Filter(Deadline, by_deadline, "first contact by the deadline: kept or missed"),
        "no_form": Filter(bool, lambda _actor, value: Request.form_id.is_(None) == value, "by no form"),
        "with_deal": Filter(bool, lambda _actor, value: Request.deal_id.is_not(None) == value, "that became a deal"),
    },
    searched=False,
)


@dataclass(frozen=True)
class Clock:
    """The time to the first contact as a page shows it: `said` in words, and until when a script counts down."""

    tone: str
    said: str
    until: str = ""


@dataclass(frozen=True)
class Item:
    """A request as a list shows it."""

    id: UUID
    version: int
    name: str
    words: str
    came: str
    at: datetime
    state: str
    assignee_id: UUID | None
    assignee: str | None
    phone: str
    email: str
    clock: Clock
    contact_id: UUID | None
    contact: str | None
    deal_id: UUID | None
    deal: str | None


def shown(actor: Actor) -> tuple[Any, ...]:
    """The columns from which `item` makes what a page shows, the id first."""
    return (
        Request.id, Request.version, Request.name, func.left(Request.text, 200).label("words"), Request.source,
        Request.created_at, Request.state, Request.assignee_id, Request.phone, Request.email, Request.contact_by,
        Request.first_contact_at, Request.contact_id, Request.deal_id,
        member_name(Request.assignee_id).label("assignee"),
        select(Form.name).where(Form.id == Request.form_id).scalar_subquery().label("form"),
        record_name(actor, Contact, Request.contact_id).label("contact"),
        record_name(actor, Deal, Request.deal_id).label("deal"),
        func.now().label("now"),
    )  # fmt: skip


def item(actor: Actor, row: Row[Any]) -> Item:
    return Item(
        id=row.id, version=row.version, name=row.name, words=row.words, came=row.form or sources()[row.source],
        at=row.created_at, state=row.state, assignee_id=row.assignee_id, assignee=row.assignee, phone=row.phone,
        email=row.email, clock=clock_of(actor, row, row.now), contact_id=row.contact_id, contact=row.contact,
        deal_id=row.deal_id, deal=row.deal,
    )  # fmt: skip


def clock_of(actor: Actor, request: Any, now: datetime) -> Clock:
    """ "12 min", "7 min late" in red once it has passed, far from it the hour by which; or when the client heard."""
    until, answered = request.contact_by, request.first_contact_at
    if answered is not None:
        return Clock("good", _("answered %(when)s", when=moment(actor, answered)))
    if until is None or request.state not in ("new", "taken", "converted"):
        return Clock("", "")
    left = until - now
    if left < timedelta():
        return Clock("late", _("%(time)s late", time=span(-left)), until.isoformat() if -left < TICKS else "")
    tone = "soon" if left < SOON else ""
    if left > TICKS:
        return Clock("", _("by %(when)s", when=moment(actor, until)))
    return Clock(tone, _("%(minutes)s min", minutes=left // timedelta(minutes=1) + 1), until.isoformat())


def moment(actor: Actor, at: datetime) -> str:
    return f"{day(at.astimezone(zone_of(actor)).date())} {clock(at)}"


def span(length: timedelta) -> str:
    minutes = max(1, length // timedelta(minutes=1))
    if minutes < 60:
        return str(_("%(minutes)s min", minutes=minutes))
    if minutes < 60 * 48:
        return str(_("%(hours)s h", hours=minutes // 60))
    days = minutes // (60 * 24)
    return str(ngettext("%(num)s day", "%(num)s days", days))


def to_see_to(actor: Actor) -> int:
    """The number beside the inbox: new ones that are the actor's or nobody's, counted no further than 100."""
    if not actor.may("request", "view"):
        return 0
    mine = or_(Request.assignee_id == actor.member.id, Request.assignee_id.is_(None))
    new = actor.visible(Request, literal(1)).where(STILL_OPEN, UNDOUBTED, Request.state == "new", mine)
    return actor.db.scalar(select(func.count()).select_from(new.limit(MOST + 1).subquery())) or 0


def parts(actor: Actor) -> dict[str, int]:
    """How many requests are in each part of the inbox that is short enough to say so."""
    names = ("mine", "nobody", "late", "check")
    counted = [func.count().filter(whose(actor, name)).label(name) for name in names]
    recent = actor.visible(Request, *counted).where(or_(STILL_OPEN, UNANSWERED))
    return dict(actor.db.execute(recent).one()._mapping)


def files_of(actor: Actor, ids: Iterable[UUID]) -> list[RequestFile]:
    wanted = list(ids)
    return list(
        actor.db.scalars(select(RequestFile).where(RequestFile.request_id.in_(wanted)).order_by(RequestFile.id))
    )
