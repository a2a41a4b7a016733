"""Reads over tasks: the list, and what pages show of each task."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import format_date
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, DateTime, Row, ScalarSelect, and_, case, cast, exists, func, literal, or_, select

from core.actor import Actor
from core.days import from_day, to_day
from core.listing import Filter, Listing, Sort
from core.pages import day, today_of, zone_of
from core.records import Record
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.processes.models import Instance, Process, Step
from crm.tasks.due import Due, Group, group, lateness
from crm.tasks.models import Task
from tenants.departments import members_in
from tenants.models import Member

# A day without an hour comes after the hours of that day; what has no day comes last. Days end by UTC here, since an
# order must be the same for everybody.
END_OF_DAY = func.timezone("UTC", cast(Task.due_on + 1, DateTime))
DUE = func.coalesce(Task.due_at, END_OF_DAY, literal(datetime(9999, 1, 1, tzinfo=UTC)))


def overdue(actor: Actor) -> ColumnElement[bool]:
    """Open, and its hour passed or its day over where the actor is."""
    passed = case((Task.due_at.is_not(None), Task.due_at < func.now()), else_=Task.due_on < today_of(actor))
    return and_(Task.done_at.is_(None), func.coalesce(passed, False))


def done_late(actor: Actor) -> ColumnElement[bool]:
    """Done after its hour, or after its day had ended where the workspace is."""
    end = func.timezone(actor.workspace.time_zone, cast(Task.due_on + 1, DateTime))
    return func.coalesce(Task.done_at > Task.due_at, Task.done_at >= end, False)


# Of the process that waits for a task: its name, and whether something must be filled in.
WAITS = and_(Step.task_id == Task.id, Step.state == "open")
NAMED = (
    select(Process.name)
    .join(Instance, Instance.process_id == Process.id)
    .join(Step, Step.instance_id == Instance.id)
    .where(WAITS)
)
OF_PROCESS = (
    NAMED.limit(1).scalar_subquery().label("process"),
    select(Step.asks).where(WAITS).limit(1).scalar_subquery().label("asks"),
)

LISTING = Listing(
    model=Task,
    sorts={"due": Sort(DUE, datetime), "created": Sort(Task.id, UUID)},
    default_sort="due",
    filters={
        "assignee_id": Filter(UUID, lambda _actor, value: Task.assignee_id == value, "tasks of this member"),
        "mine": Filter(bool, lambda actor, value: (Task.assignee_id == actor.member.id) == value, "own tasks only"),
        "done": Filter(bool, lambda _actor, value: Task.done_at.is_not(None) == value, "only those done, or only open"),
        "overdue": Filter(bool, lambda actor, value: overdue(actor) == value, "open and late, where you are"),
        "contact_id": Filter(UUID, lambda _actor, value: Task.contact_id == value, "tasks with this contact"),
        "company_id": Filter(UUID, lambda _actor, value: Task.company_id == value, "tasks with this company"),
        "deal_id": Filter(UUID, lambda _actor, value: Task.deal_id == value, "tasks of this deal"),
        "due_before": Filter(date, lambda _actor, value: Task.due_on < value, "due on a day before this one"),
        "nobodys": Filter(bool, lambda _actor, value: Task.assignee_id.is_(None) == value, "of nobody"),
        "department_id": Filter(UUID, lambda _actor, value: Task.assignee_id.in_(members_in(value)), "of its members"),
        "done_from": Filter(date, from_day(Task.done_at), "done on this day of the workspace or later"),
        "done_to": Filter(date, to_day(Task.done_at), "done on this day of the workspace or earlier"),
        "done_late": Filter(bool, lambda actor, value: done_late(actor) == value, "done after it was due"),
    },
    searched=False,
)


@dataclass(frozen=True)
class Item:
    """A task as pages show it to one member: when it is due there, and the names it is about (None where there is none
    or the member may not see it). `process` is the name of the one that waits for it, `asks` whether it has a form."""

    id: UUID
    version: int
    name: str
    todo: str
    due: Due
    group: Group
    late: str | None
    assignee_id: UUID | None
    assignee: str | None
    contact: str | None
    company: str | None
    deal: str | None
    deal_id: UUID | None
    phone: str | None
    email: str | None
    tell: str | None
    tell_by: Due
    process: str | None
    asks: bool

    @property
    def about(self) -> str:
        """ "Penzion U Tří lip · Wooden windows, 14 pcs"."""
        return " · ".join(name for name in (self.contact or self.company, self.deal) if name)

    @property
    def tells(self) -> str:
        """ "Petr is told if it is not done by Fri 14:00", or nothing."""
        if not self.tell or self.group == "done":
            return ""
        by = f"{day(self.tell_by.day)} {self.tell_by.clock}"
        return str(_("%(name)s is told if it is not done by %(time)s", name=self.tell, time=by))

    @property
    def when(self) -> str:
        """ "today 14:00", "Fri", or nothing where no day was set."""
        return " ".join(part for part in (day(self.due.day), self.due.clock) if part)

    def at(self, today: date) -> str:
        """The same in a list by days: of today only the hour, of the next days "Tue 08:00"."""
        if self.due.day == today and self.group != "soon":
            return self.due.clock or _("Any time")
        if self.group == "soon":
            return f"{format_date(self.due.day, 'EEE')} {self.due.clock}".strip()
        return self.when


@dataclass(frozen=True)
class FollowUp:
    """A task that was just done, and the record it was about, for which nothing is planned now."""

    done: str
    subject: str
    link: dict[str, UUID]


def shown(actor: Actor) -> tuple[Any, ...]:
    """The columns from which `items` makes what a page shows, the id first."""

    def of(model: type[Record], column: Any, link: Any) -> ScalarSelect[Any]:
        return actor.visible(model, column).where(model.id == link).scalar_subquery()

    return (
        Task.id,
        Task.version,
        Task.name,
        Task.todo,
        Task.due_on,
        Task.due_at,
        Task.done_at,
        Task.assignee_id,
        Task.deal_id,
        select(Member.name).where(Member.id == Task.assignee_id).scalar_subquery().label("assignee"),
        Task.tell_at,
        select(Member.name).where(Member.id == Task.tell_id).scalar_subquery().label("tell"),
        of(Contact, Contact.name, Task.contact_id).label("contact"),
        of(Contact, Contact.phones[0]["number"].astext, Task.contact_id).label("phone"),
        of(Contact, Contact.emails[0]["address"].astext, Task.contact_id).label("email"),
        of(Company, Company.name, Task.company_id).label("company"),
        of(Deal, Deal.name, Task.deal_id).label("deal"),
        *OF_PROCESS,
    )


def items(actor: Actor, rows: Iterable[Row[Any]]) -> list[Item]:
    """What to show of each row, in the order of their hours; a day's tasks without an hour after those with one."""
    zone = zone_of(actor)
    now = datetime.now(zone)
    found = [
        Item(
            id=row.id,
            version=row.version,
            name=row.name,
            todo=row.todo,
            due=Due.seen(row.due_on, row.due_at, zone),
            group="done" if row.done_at else group(row.due_on, row.due_at, now),
            late=None if row.done_at else lateness(row.due_on, row.due_at, now),
            assignee_id=row.assignee_id,
            assignee=row.assignee,
            contact=row.contact,
            company=row.company,
            deal=row.deal,
            deal_id=row.deal_id,
            phone=row.phone,
            email=row.email,
            tell=row.tell,
            tell_by=Due.seen(row.tell_at.date() if row.tell_at else None, row.tell_at, zone),
            process=row.process,
            asks=bool(row.asks),
        )
        for row in rows
    ]
    return sorted(found, key=order)


def order(item: Item) -> tuple[Any, ...]:
    due = item.due
    return (due.day is None, due.day or date.max, due.hour is None, due.hour or datetime.max.time(), item.id)


def grouped(found: Sequence[Item]) -> dict[Group, list[Item]]:
    """By group, the most pressing first; each group is there, though it be empty."""
    groups: tuple[Group, ...] = ("late", "today", "soon", "later", "someday", "done")
    return {name: [item for item in found if item.group == name] for name in groups}


def of_subject(actor: Actor, subject: Record, most: int = 20) -> list[Item]:
    """The open tasks of a contact, a company or a deal, the next step first. Those of its open deals are its own."""
    link = {"contact": Task.contact_id, "company": Task.company_id, "deal": Task.deal_id}[subject.kind]
    condition = link == subject.id
    if subject.kind != "deal":
        owner = {"contact": Deal.contact_id, "company": Deal.company_id}[subject.kind]
        open_deals = actor.visible(Deal, Deal.id).where(owner == subject.id, Deal.status == "open").limit(200)
        condition = or_(condition, Task.deal_id.in_(list(actor.db.scalars(open_deals))))
    query = actor.visible(Task, *shown(actor)).where(condition, Task.done_at.is_(None))
    return items(actor, actor.db.execute(query.order_by(DUE, Task.id).limit(most)))


def agenda(actor: Actor, days: int, most: int = 200) -> list[Item]:
    """The member's own open tasks due within so many days or late, those that a process waits for whenever they are
    due, and those done today."""
    today = today_of(actor)
    midnight = datetime.combine(today, datetime.min.time(), zone_of(actor))
    # One day more than asked: an hour in another member's calendar may fall on the next day there.
    open_soon = and_(Task.done_at.is_(None), Task.due_on <= today + timedelta(days=days + 1))
    query = actor.visible(Task, *shown(actor)).where(
        Task.assignee_id == actor.member.id,
        or_(open_soon, Task.done_at >= midnight, and_(Task.done_at.is_(None), exists(select(Step.id).where(WAITS)))),
    )
    rows = actor.db.execute(query.order_by(Task.due_on, Task.due_at, Task.id).limit(most))
    return [item for item in items(actor, rows) if item.process or item.group not in ("later", "someday")]


def lately_done(actor: Actor, mine: bool, most: int = 10) -> list[Item]:
    """What was done last, the newest first."""
    query = actor.visible(Task, *shown(actor)).where(Task.done_at.is_not(None))
    if mine:
        query = query.where(Task.assignee_id == actor.member.id)
    rows = actor.db.execute(query.order_by(Task.done_at.desc(), Task.id).limit(most)).all()
    by_id = {item.id: item for item in items(actor, rows)}
    return [by_id[row.id] for row in rows]


def step_of(actor: Actor, task_id: UUID) -> Step | None:
    """The step of a process that waits for this task."""
    step: Step | None = actor.db.scalar(select(Step).where(Step.task_id == task_id, Step.state == "open"))
    return step


def follow_up(actor: Actor, task_id: UUID) -> FollowUp | None:
    """What to ask after a task: the next step of its deal, else of its contact or company, where there is none yet."""
    row = actor.db.execute(
        actor.visible(Task, Task.name, Task.deal_id, Task.contact_id, Task.company_id).where(
            Task.id == task_id, Task.done_at.is_not(None)
        )
    ).first()
    if row is None:
        return None
    subjects: tuple[tuple[str, Any, Any], ...] = (
        ("deal_id", Deal, Task.deal_id),
        ("contact_id", Contact, Task.contact_id),
        ("company_id", Company, Task.company_id),
    )
    named = [one for one in subjects if getattr(row, one[0])]
    if not named:
        return None
    name, model, column = named[0]
    subject_id = getattr(row, name)
    planned = select(Task.id).where(column == subject_id, Task.done_at.is_(None), Task.deleted_at.is_(None))
    query = actor.visible(model, model.name).where(model.id == subject_id, ~planned.exists())
    if model is Deal:
        query = query.where(Deal.status == "open")
    title = actor.db.scalar(query)
    return FollowUp(row.name, title, {name: subject_id}) if title is not None else None
