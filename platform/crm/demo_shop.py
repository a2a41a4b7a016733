"""`okno demo windows`: a windows shop that has worked for ninety days, with seven people and forty clients.

Nothing is written by hand: clients send the web form, people do the tasks that the process gives them, the client
answers the quote and pays, by the same actions as ever. Time passes by making all that is there older, so that
whatever is due by then happens: deadlines are missed, clients who keep silent are asked again. What is still under way
at the end goes on from there.
"""

import heapq
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Date, DateTime, text

from config.settings import settings
from core import jobs
from core.actions import ACTIONS
from core.actor import Actor
from core.db import Base, Database, Workspace
from crm.accounts.opening import NewWorkspace, open_for
from crm.demo_people import CLIENTS, STAFF, STOPS, WORDS, Client, Hire, Plan, client_of, delay_of, values_of
from crm.notifications.kinds import KINDS
from crm.quotes import answers
from crm.quotes.models import Quote
from tenants import identities, members
from tenants.models import Member, Person

DAYS = 90
TRIES = 10
WORKED = {day: ["00:00", "23:59"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
USUAL = {day: ["08:00", "17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Made:
    """The workspace, and who can log in to it: (name, what they do, e-mail), all with one password."""

    workspace: Workspace
    people: list[tuple[str, str, str]]
    password: str


def build(
    base: Database, language: str, seed: int = 1, advance: Advance = lambda _days: None, plans: Sequence[Plan] = CLIENTS
) -> Made:
    """A new workspace with all that. `advance` is told the days that pass; `plans` are its clients'."""
    password = f"{secrets.token_hex(3)} {secrets.token_hex(3)}"
    with base.controlling() as control:
        address = f"jana{secrets.randbelow(10**6)}@okna-horak.example"
        owner = enrolled(control, STAFF[0].name, address, password, language)
    data = NewWorkspace(business="Okna Horák", industry="windows")
    workspace = open_for(owner, data)
    people = [(STAFF[0].name, WORDS[language][STAFF[0].does], owner.email)]
    for hire in STAFF[1:]:
        email = f"{hire.key}{secrets.randbelow(10**6)}@okna-horak.example"
        join(base, workspace, hire, email, password)
        people.append((hire.name, WORDS[language][hire.does], email))
    rng = random.Random(seed)  # noqa: S311 (a demo, no secret)
    Play(base, workspace, owner.id, rng, advance).run(plans)
    return Made(workspace, people, password)


def enrolled(control: Any, name: str, email: str, password: str, language: str) -> Person:
    return identities.enrol(
        control, email=email, name=name, password=password, language=language, time_zone="Europe/Prague"
    )


def join(base: Database, workspace: Workspace, hire: Hire, email: str, password: str) -> None:
    """One more member, with the role and in the department that the industry's set-up has made."""
    with base.controlling() as control:
        person = enrolled(control, hire.name, email, password, workspace.language)
        members.enter_directory(control, person.id, workspace.id)
    with base.workspace(workspace) as session, session.begin():
        given = (person.id, person.name, person.email, hire.role, workspace.language, workspace.time_zone)
        member = members.join(session, *given)
        words = WORDS[workspace.language]
        named = {"department": words[hire.department], "role": words.get(hire.own_role, ""), "member": member.id}
        session.execute(PLACED, named)
        if hire.role == "head":
            session.execute(HEADED, {"member": member.id, "names": [words["sales"], words["quotes"], words["field"]]})


PLACED = text("""
update member set department_id = (select id from department where name = :department),
    role_id = coalesce((select id from role where name = :role and key is null), role_id) where id = :member
""")
HEADED = text("update department set head_id = :member where name = any(:names)")


@dataclass
class Play:
    """The ninety days. `clock` is when it is in the play; `ahead` what is going to happen, soonest first."""

    base: Database
    workspace: Workspace
    owner_id: UUID
    rng: random.Random
    advance: Advance
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    ahead: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    clients: dict[UUID, Client] = field(default_factory=dict)  # by the deal
    planned: set[UUID] = field(default_factory=set)
    visits: dict[UUID, datetime] = field(default_factory=dict)  # by the task: when it really is

    def run(self, plans: Sequence[Plan]) -> None:
        self.clock = self.now - timedelta(days=DAYS)
        self.order = count()
        self.ages = Ages(self.workspace)
        with self.acting(self.owner_id) as actor:
            # Nobody of the demo gets mail; whoever wants to try it says so in the settings.
            self.do(actor, "settings.notify", kinds={name: ["app"] for name in KINDS})
        self.set_hours(WORKED)
        for number, plan in enumerate(plans):
            client = client_of(self.rng, self.workspace.language, number, plan)
            begins = self.working(self.now - timedelta(days=client.age))
            self.plan(begins, lambda client=client: self.ask(client))  # type: ignore[misc]
        self.settle()
        while self.ahead and self.ahead[0][0] <= self.now:
            moment, _order, happen = heapq.heappop(self.ahead)
            self.pass_until(moment)
            happen()
            self.settle()
            self.look()
        self.pass_until(self.now)
        self.settle()
        self.finish()

    def plan(self, moment: datetime, happen: Callable[[], None]) -> None:
        heapq.heappush(self.ahead, (moment, next(self.order), happen))

    def pass_until(self, moment: datetime) -> None:
        gone = moment - self.clock
        if gone > timedelta(0):
            self.ages.pass_time(gone, DAYS - (self.now - self.clock) / timedelta(days=1))
            self.clock = moment
            self.advance(gone / timedelta(days=1))
            self.settle()

    def working(self, moment: datetime) -> datetime:
        """The same moment, or the next at which people work; never after now."""
        local = moment.astimezone(ZoneInfo(self.workspace.time_zone))
        if local > self.now - timedelta(days=1):
            return min(moment, self.now - timedelta(minutes=1))
        if not 7 <= local.hour < 17:
            local = local.replace(hour=8, minute=self.rng.randrange(60)) + timedelta(days=local.hour >= 17)
        while local.weekday() > 4:
            local += timedelta(days=1)
        return min(local.astimezone(UTC), self.now - timedelta(minutes=1))

    # What clients do

    def ask(self, client: Client) -> None:
        """By the web form, or by telephone, when a manager writes it down."""
        if client.calls:
            with self.acting(self.owner_id) as actor:
                contact = self.do(actor, "contact.create", **client.contact())
                self.do(actor, "deal.create", name=client.name, contact_id=contact.id, about=client.wish,
                        owner_id=self.manager())  # fmt: skip
        else:
            with members.acting_client(self.base, self.workspace, "192.0.2.7") as nobody:
                form_id = nobody.db.scalar(text("select id from form limit 1"))
                self.do(nobody, "request.receive", source="form", form_id=form_id, **client.request())
        self.settle()
        with self.base.workspace(self.workspace, reading=True) as session:
            found = session.scalar(text("select id from deal order by id desc limit 1"))
        self.clients[found] = client

    def answer(self, quote_id: UUID, client: Client) -> None:
        with self.base.workspace(self.workspace) as session, session.begin():
            quote = session.get(Quote, quote_id, with_for_update=True)
            if quote is None or quote.state != "sent":
                return
            if client.fate == "declined":
                answers.decline(session, quote, WORDS[self.workspace.language]["declined"], client.name, "192.0.2.7")
            else:
                answers.accept(session, quote, client.name, "192.0.2.7")

    def pay(self, deal_id: UUID) -> None:
        with self.acting(self.owner_id) as actor:
            (quote,) = actor.db.execute(QUOTED, {"deal": deal_id}).all()
            self.do(actor, "payment.receive", deal_id=deal_id, quote_id=quote.id, amount=quote.gross)

    # What people do

    def look(self) -> None:
        """Whoever has something new to do does it after a while, unless the deal stops there."""
        with self.base.workspace(self.workspace, reading=True) as session:
            waiting = session.execute(WAITING).all()
            quotes = session.execute(SENT).all()
        for step in waiting:
            client = self.clients.get(step.deal_id)
            if client is None or step.id in self.planned or step.element in client.stops:
                continue
            self.planned.add(step.id)
            moment = self.working(self.clock + delay_of(self.rng, step.element, client))
            if step.element == "paid":
                self.plan(moment, lambda deal=step.deal_id: self.pay(deal))  # type: ignore[misc]
            else:
                if step.task_id in self.visits:
                    moment = self.visits[step.task_id] + timedelta(minutes=self.rng.randint(40, 90))
                self.plan(moment, lambda step=step, client=client: self.complete(step, client))  # type: ignore[misc]
        for quote in quotes:
            client = self.clients.get(quote.deal_id)
            if client is None or quote.id in self.planned or "accepted" in client.stops:
                continue
            self.planned.add(quote.id)
            moment = self.working(self.clock + timedelta(days=self.rng.uniform(1, 5)))
            self.plan(moment, lambda quote=quote.id, client=client: self.answer(quote, client))  # type: ignore[misc]

    def complete(self, step: Any, client: Client) -> None:
        """Fill in the step's form as this person would; a call leaves its note first."""
        visit = self.working(self.clock + timedelta(days=self.rng.randint(*STOPS["visit"]))).date()
        if step.element == "agree_installation":
            visit = (self.clock + timedelta(days=14)).date()
        values = values_of(self.rng, self.workspace.language, step.element, client)
        played = visit + timedelta(days=round((self.now - self.clock) / timedelta(days=1)))
        if "hour" in values:
            values["day"] = played.isoformat()
        if "again" in values:
            values["again"] = (played + timedelta(days=10)).isoformat()
        with members.acting_member(self.base, self.workspace, step.assignee_id, "cli") as actor, actor.transaction():
            if actor.db.scalar(STILL, {"id": step.id}) is None:
                return
            if step.element in ("call", "ask", "chase"):
                self.do(actor, "note.create", form="call", direction="out", result="answered", deal_id=step.deal_id,
                        minutes=self.rng.randint(2, 12), text=client.said(step.element))  # fmt: skip
            if step.element == "price":
                self.do(actor, "deal.price", id=step.deal_id, items=self.items(actor))
            self.do(actor, "process.complete", id=step.task_id, values=values)
        if step.element == "measure":
            self.measured(step.deal_id, values)
        self.settle()
        if "hour" in values:
            self.redate(step.deal_id, played, visit, str(values["hour"]))

    def measured(self, deal_id: UUID, values: dict[str, Any]) -> None:
        """What the industry's own fields say from then on. By a rule of its own, so that all else happens as ever."""
        rng = random.Random(values["width"] * values["height"])  # noqa: S311 (a demo, no secret)
        floor = rng.randint(0, 5)
        with self.acting(self.owner_id) as actor:
            offered = {row.key: row.options for row in actor.db.execute(text("select key, options from field"))}
            custom = {"windows": values["count"], "material": values["material"], "floor": floor, "scaffold": floor > 2,
                      "opening": rng.sample(offered["opening"], 2)}  # fmt: skip
            self.do(actor, "deal.edit", id=deal_id, custom=custom)

    def items(self, actor: Actor) -> list[dict[str, Any]]:
        listed = [row.id for row in actor.db.execute(text("select id from product order by code desc"))]
        windows = self.rng.randint(2, 11)
        chosen = self.rng.sample(listed[:6], 2)
        items = [{"product_id": product, "quantity": windows - at} for at, product in enumerate(chosen)]
        return [*items, {"product_id": listed[-1], "quantity": windows}]

    def redate(self, deal_id: UUID, played: date, true: date, hour: str) -> None:
        """A day that was filled in lies as far ahead as all is made older from now on; write the one that was meant."""
        self.ages.replace(deal_id, played, true)
        with self.base.workspace(self.workspace, reading=True) as session:
            made = session.scalar(VISIT, {"deal": deal_id})
        if made:
            at = datetime.combine(true, clock.fromisoformat(hour), ZoneInfo(self.workspace.time_zone))
            self.visits[made] = at

    def manager(self) -> UUID:
        with self.base.workspace(self.workspace, reading=True) as session:
            found: UUID = session.scalar(text("select id from member where email like 'petr%'"))
        return found

    # How it goes on

    def settle(self) -> None:
        """Do what is due now, together with the workers, if there are any."""
        for _round in range(2_000):
            with self.base.controlling() as control:
                rows = control.execute(DUE, {"role": self.workspace.role}).all()
            free = [row.id for row in rows if not row.held]
            if not rows:
                return
            for work_id in free:
                jobs.deliver(work_id)
            if not free:
                time.sleep(0.02)

    def finish(self) -> None:
        """Working hours as usual, visits at their hour, papers of their day, and old news read."""
        self.set_hours(USUAL)
        self.ages.execute(
            "update notification set read_at = at + interval '1 hour' where at < now() - interval '1 day';"
            "update quote set file_key = null, file_size = 0 where file_key is not null;"
        )
        for task_id, at in self.visits.items():
            self.ages.execute(
                f"update task set due_at = '{at}', due_on = '{at.date()}' where id = '{task_id}';"  # noqa: S608
                f"update process_step set due_at = '{at}' where task_id = '{task_id}';"
            )
        with self.base.workspace(self.workspace) as session, session.begin():
            for row in session.execute(text("select id from quote where number is not null")):
                jobs.later(session, "quote.deliver", quote_id=row.id, key=row.id, mailed=0)

    def set_hours(self, hours: dict[str, list[str]]) -> None:
        with self.base.workspace(self.workspace) as session, session.begin():
            for member in session.query(Member):
                member.working_hours = hours

    @contextmanager
    def acting(self, identity_id: UUID) -> Iterator[Actor]:
        with members.acting_identity(self.base, self.workspace, identity_id, "cli") as actor:
            yield actor

    def do(self, actor: Actor, action: str, **values: Any) -> Any:
        return ACTIONS[action](actor, ACTIONS[action].parse(values))


WAITING = text("""
select step.id, step.element, step.task_id, step.assignee_id, instance.record_id as deal_id
from process_step step join process_instance instance on instance.id = step.instance_id
where step.state = 'open' and instance.status = 'running' and (step.kind = 'user' or step.element = 'paid')
order by step.id
""")
STILL = text("select 1 from process_step where id = :id and state = 'open'")
SENT = text("select id, deal_id from quote where state = 'sent' order by id")
QUOTED = text("select id, gross from quote where deal_id = :deal order by id desc limit 1")
VISIT = text("""
select step.task_id from process_step step join process_instance instance on instance.id = step.instance_id
where instance.record_id = :deal and step.element in ('measure', 'install') and step.state = 'open'
""")
DUE = text("""
select id, lease_until is not null and lease_until > now() as held from bus.outbox
where role = :role and (next_at <= now() or lease_until is not null)
    and coalesce(payload->>'job', '') <> 'quote.deliver'
    and (topic = 'job' or payload ? 'awaited' or payload ? 'news') order by id
""")


class Ages:
    """Makes everything in a workspace older. As the owner of the database, since nobody else may change what happened
    (core.events)."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self.connection = psycopg.connect(settings().database_url, autocommit=True)
        self.columns = {
            table.name: [(column.name, type(column.type)) for column in table.columns if is_time(column)]
            for table in Base.metadata.sorted_tables
        }

    def execute(self, sql: str) -> None:
        self.connection.execute(f"set search_path = {self.workspace.schema}, ext; {sql}".encode())

    def pass_time(self, gone: timedelta, passed: float) -> None:
        """`passed` are the days before, so that days of the calendar move when midnight does."""
        seconds = gone.total_seconds()
        days = int(passed + seconds / 86400) - int(passed)
        changes = []
        for table, columns in self.columns.items():
            sets = [f'"{name}" = "{name}" - interval \'{seconds} s\'' for name, kind in columns if kind is DateTime]
            sets += [f'"{name}" = "{name}" - {days}' for name, kind in columns if kind is Date and days]
            changes += [f'update "{table}" set {", ".join(sets)}'] if sets else []  # noqa: S608 (names of ours)
        changes.append(
            f"update bus.outbox set next_at = next_at - interval '{seconds} s' "  # noqa: S608 (a number)
            f"where role = '{self.workspace.role}' and lease_until is null"
        )
        for tried in range(TRIES):
            try:
                self.execute("begin;" + ";".join(changes) + ";commit")
            except psycopg.errors.DeadlockDetected:  # with a worker, who tries again as well
                self.connection.rollback()
                if tried == TRIES - 1:
                    raise
            else:
                break

    def replace(self, deal_id: UUID, played: date, true: date) -> None:
        """One day for another, in whatever was written of it at this deal."""
        days = [
            (played.isoformat(), true.isoformat()),
            (f" {played.day}. {played.month}.", f" {true.day}. {true.month}."),
        ]
        runs = f"select id from process_instance where record_id = '{deal_id}'"  # noqa: S608 (an id)
        tasks = f"select id from task where deal_id = '{deal_id}'"  # noqa: S608 (an id)
        places = (
            ("task", ("name",), f"deal_id = '{deal_id}'"),
            ("process_instance", ("data",), f"record_id = '{deal_id}'"),
            ("process_step", ("values",), f"instance_id in ({runs})"),
            ("event", ("title", "after", "before"), f"record_id in ({tasks})"),
        )
        for was, becomes in days:
            for table, columns, where in places:
                sets = [f"\"{c}\" = replace(\"{c}\"::text, '{was}', '{becomes}'){jsonb(c)}" for c in columns]
                self.execute(f'update "{table}" set {", ".join(sets)} where {where}')  # noqa: S608 (dates and ids)


def is_time(column: Any) -> bool:
    return isinstance(column.type, DateTime | Date)


def jsonb(column: str) -> str:
    return "" if column in ("name", "title") else "::jsonb"
