"""A workspace full of realistic people, companies, deals and a year of work on them, to try Okno and to measure it.

Everything is drawn from one seed, so the same seed makes the same demo on the same day. Rows go in by COPY, a chunk in
a transaction: a run that is stopped leaves whole chunks. A million contacts take about a minute.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from core import limits
from core.db import Base, Database, Workspace
from core.errors import Busy
from core.text import plain
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal, Pipeline, Stage
from crm.demo_words import BRITAIN, CZECHIA, TALK, Country
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member

CHUNK = 5_000
PAST = timedelta(days=365)
MOST = 5_000_000
# Deals refer to people among this many contacts, so that memory does not grow with a large demo.
REMEMBERED = 20_000

Row = dict[str, Any]
Chunk = dict[type[Base], list[Row]]
Advance = Callable[[int], None]


class Person(NamedTuple):
    """What deals and tasks need to know of a contact."""

    id: UUID
    name: str
    town: str
    owner_id: UUID
    company_id: UUID | None
    since: datetime


class Firm(NamedTuple):
    id: UUID
    name: str
    domain: str
    country: Country
    since: datetime


@dataclass
class Place:
    """The workspace as the demo finds it. `lanes` are (pipeline, its stages in order)."""

    workspace: Workspace
    members: list[UUID]
    lanes: list[tuple[UUID, list[UUID]]]
    now: datetime
    rng: random.Random

    @property
    def talk(self) -> Any:
        return TALK.get(self.workspace.language, TALK["en"])

    def moment(self, since: datetime) -> datetime:
        """Some moment between `since` and now, at an hour when people work."""
        drawn = since + (self.now - since) * self.rng.random()
        return min(drawn.replace(hour=self.rng.randint(7, 16)), self.now)

    def id_at(self, moment: datetime) -> UUID:
        """An identifier as it would have been made at that moment (UUID version 7), out of our own chance."""
        milliseconds = int(moment.timestamp() * 1000)
        bits = self.rng.getrandbits(74)
        return UUID(int=milliseconds << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1)

    def digits(self, pattern: str) -> str:
        """The pattern with a digit for each #."""
        head, *rest = pattern.split("#")
        drawn = f"{self.rng.random():.12f}"[2:]
        return head + "".join(digit + part for digit, part in zip(drawn, rest, strict=False))


def check_room(base: Database, workspace: Workspace, contacts: int) -> None:
    """Raises Busy where the plan has no room for so many contacts."""
    with base.workspace(workspace, reading=True) as session:
        room = limits.room(session, "contacts")
    if room is not None and contacts > room:
        raise Busy(
            _l("The plan has room for %(room)s contacts more. Give it a larger one: okno plan give %(slug)s business",
               room=room, slug=workspace.slug)
        )  # fmt: skip


def fill(
    base: Database,
    workspace: Workspace,
    *,
    contacts: int,
    deals: int,
    seed: int = 1,
    advance: Advance = lambda _n: None,
) -> Counter[str]:
    """Add contacts, the companies they work for, deals, tasks, notes and calls. Returns how many of each.

    `advance` is told of every stored chunk by its number of contacts and deals. Run again, it adds other people.
    Raises Busy for a workspace without members or stages, LimitReached half way where the plan is full.
    """
    with base.workspace(workspace) as session:
        place = look_around(session, workspace, seed)
    made: Counter[str] = Counter()

    def keep(chunk: Chunk) -> None:
        with base.workspace(workspace) as session, session.begin():
            for model, rows in chunk.items():
                copy(session, model, rows)
            limits.count(session, "contacts", len(chunk.get(Contact, ())))
        made.update({model.__tablename__: len(rows) for model, rows in chunk.items()})
        advance(len(chunk.get(Contact, ())) + len(chunk.get(Deal, ())))

    # The database stores one chunk while the next is drawn. Leaving the block waits for it, also when stopped.
    with ThreadPoolExecutor(1) as storing:
        stored: Future[None] | None = None
        for chunk in draw(place, contacts, deals):
            if stored:
                stored.result()
            stored = storing.submit(keep, chunk)
        if stored:
            stored.result()
    return made


def look_around(session: Session, workspace: Workspace, seed: int) -> Place:
    members = session.scalars(select(Member.id).where(Member.state == "active").order_by(Member.id)).all()
    stages = session.execute(
        select(Pipeline.id, Stage.id)
        .join(Stage, Stage.pipeline_id == Pipeline.id)
        .where(Pipeline.deleted_at.is_(None), Stage.deleted_at.is_(None))
        .order_by(Pipeline.position, Pipeline.id, Stage.position)
    ).all()
    if not members or not stages:
        raise Busy(_l("The workspace needs a member and a pipeline with stages before a demo can be put into it."))
    lanes: dict[UUID, list[UUID]] = {}
    for pipeline, stage in stages:
        lanes.setdefault(pipeline, []).append(stage)
    known = session.scalar(select(func.count()).select_from(Contact))
    rng = random.Random(f"{seed} after {known}")  # noqa: S311 (a demo, no secret)
    return Place(workspace, list(members), list(lanes.items()), datetime.now(UTC).replace(microsecond=0), rng)


def draw(place: Place, contacts: int, deals: int) -> Iterator[Chunk]:
    """All rows in the order they refer to each other."""
    firms: list[Firm] = []
    people: list[Person] = []
    ranks: Counter[UUID] = Counter()
    for size in chunks(contacts // 8):
        yield {Company: [company(place, firms) for _ in range(size)]}
    for size in chunks(contacts):
        yield with_notes(place, [contact(place, firms, people) for _ in range(size)])
    for size in chunks(deals):
        yield deal_rows(place, size, people, ranks)


def chunks(total: int) -> Iterator[int]:
    """5,000 at a time: each well within the statement timeout, with every index in place."""
    for start in range(0, total, CHUNK):
        yield min(CHUNK, total - start)


def company(place: Place, firms: list[Firm]) -> Row:
    rng = place.rng
    country = country_of(place)
    name, domain = firm_name(rng, country)
    since = place.moment(place.now - PAST)
    firm = Firm(place.id_at(since), name, domain, country, since)
    number = ico(rng) if country is CZECHIA else ""
    row = SimpleNamespace(
        id=firm.id,
        name=name,
        reg_no=number,
        vat_no=f"CZ{number}" if number else "",
        website=f"https://{domain}",
        about="",
        emails=[{"kind": "work", "address": f"info@{domain}"}],
        phones=[phone(place, country, "work")],
        addresses=[address(place, country, "work")],
        labels=[],
        owner_id=rng.choice(place.members),
        **times(since),
    )
    Company.index(cast("Company", row), place.workspace.language)
    remember(rng, firms, firm)
    return vars(row)


def contact(place: Place, firms: list[Firm], people: list[Person]) -> Row:
    rng = place.rng
    firm = rng.choice(firms) if firms and rng.random() < 0.6 else None
    country = firm.country if firm else country_of(place)
    woman = rng.random() < 0.48
    first = rng.choice(country.women if woman else country.men)
    last = rng.choice(country.surnames)[woman]
    since = place.moment(firm.since if firm else place.now - PAST)
    mail = f"{ascii_word(first)}.{ascii_word(last)}"
    mail += f"@{firm.domain}" if firm else f"{rng.randint(1, 9999)}@posta.example"
    row = SimpleNamespace(
        id=place.id_at(since),
        prefix=rng.choice(place.talk.titles) if rng.random() < 0.08 else "",
        first_name=first,
        last_name=last,
        suffix="Ph.D." if rng.random() < 0.01 else "",
        position=rng.choice(place.talk.positions)[woman] if firm else "",
        about="",
        source=rng.choice(place.talk.sources),
        emails=[{"kind": "work" if firm else "home", "address": mail}] if rng.random() < 0.9 else [],
        phones=[phone(place, country, "mobile")] if rng.random() < 0.92 else [],
        addresses=[address(place, country, "work" if firm else "home")],
        labels=[rng.choice(place.talk.labels)] if rng.random() < 0.3 else [],
        company_id=firm.id if firm else None,
        owner_id=rng.choice(place.members),
        last_contact_at=None,
        **times(since),
    )
    Contact.index(cast("Contact", row), place.workspace.language)
    remember(rng, people, Person(row.id, row.name, row.city, row.owner_id, row.company_id, since))
    return vars(row)


def with_notes(place: Place, contacts: list[Row]) -> Chunk:
    """Every eighth contact was spoken with."""
    notes = []
    for row in contacts[::8]:
        written = note(place, row["created_at"], row["owner_id"], contact_id=row["id"])
        row["last_contact_at"] = written["at"]
        notes.append(written)
    return {Contact: contacts, Note: notes}


def deal_rows(place: Place, size: int, people: list[Person], ranks: Counter[UUID]) -> Chunk:
    deals, tasks, notes = [], [], []
    for _ in range(size):
        person = place.rng.choice(people) if people else None
        row = deal(place, person, ranks)
        deals.append(row)
        links = {name: row[name] for name in ("contact_id", "company_id")} | {"deal_id": row["id"]}
        notes += [
            note(place, row["created_at"], row["owner_id"], **links) for _ in range(place.rng.choice((0, 1, 1, 2, 3)))
        ]
        if row["status"] != "open" or place.rng.random() < 0.8:
            tasks.append(task(place, row, person, links))
    return {Deal: deals, Task: tasks, Note: notes}


def deal(place: Place, person: Person | None, ranks: Counter[UUID]) -> Row:
    """Two of five are open, the rest were won or lost at some moment of the last year."""
    rng = place.rng
    pipeline, stages = rng.choice(place.lanes)
    status = rng.choices(("open", "won", "lost"), (40, 33, 27))[0]
    age = timedelta(days=rng.expovariate(1 / 25) + 1)
    closed = None if status == "open" else place.moment(place.now - PAST)
    since = (closed or place.now) - age
    stage = stages[-1] if status == "won" else rng.choice(stages)
    ranks[stage] += 1
    name = f"{rng.choice(place.talk.deals)}, {person.town if person else rng.choice(CZECHIA.towns)[0]}"
    row = SimpleNamespace(
        id=place.id_at(since),
        name=name,
        pipeline_id=pipeline,
        stage_id=stage,
        rank=float(ranks[stage]),
        status=status,
        stage_since=closed or since + age * rng.random(),
        amount=amount(place),
        currency=place.workspace.currency,
        probability=None,
        expected_close=(since + timedelta(days=rng.randint(14, 90))).date(),
        closed_at=closed,
        lost_reason=rng.choice(place.talk.lost) if status == "lost" else "",
        about="",
        contact_id=person.id if person else None,
        company_id=person.company_id if person else None,
        owner_id=person.owner_id if person else rng.choice(place.members),
        **times(since),
    )
    Deal.index(cast("Deal", row), place.workspace.language)
    return vars(row)


def amount(place: Place) -> int:
    """Most deals are small and a few are large, in whole hundreds."""
    drawn = place.rng.lognormvariate(11.6 if place.workspace.currency == "CZK" else 8.4, 0.9)
    return max(100, round(drawn / 100) * 100)


def task(place: Place, deal: Row, person: Person | None, links: Row) -> Row:
    """The next step of an open deal: overdue, today or soon. What was to be done for a closed one is done."""
    rng = place.rng
    todo, words = rng.choice(place.talk.tasks)
    name = words.format(who=person.name if person else deal["name"], town=person.town if person else deal["name"])
    if deal["closed_at"]:
        done = deal["closed_at"]
        due = done
    else:
        done = None
        due = place.now + timedelta(days=rng.choice((-9, -4, -2, -1, 0, 0, 0, 1, 1, 2, 3, 5, 7, 12, 20)))
    timed = rng.random() < 0.4
    due_at = due.replace(hour=rng.randint(6, 15), minute=rng.choice((0, 30)), second=0) if timed else None
    created = deal["created_at"]
    return {
        "id": place.id_at(created), "name": name[:200], "todo": todo, "about": "",
        "due_on": due.date(), "due_at": due_at,
        "assignee_id": deal["owner_id"], "done_at": done, "done_by_id": deal["owner_id"] if done else None,
        **links, **times(created),
    }  # fmt: skip


def note(place: Place, since: datetime, author: UUID, **links: Any) -> Row:
    rng = place.rng
    at = place.moment(since)
    row: Row = {
        "id": place.id_at(at), "form": "note", "text": rng.choice(place.talk.notes), "at": at, "direction": "",
        "result": "", "minutes": None, "author_id": author, **links, **times(at),
    }  # fmt: skip
    if rng.random() < 0.4:
        answered = rng.random() < 0.75
        row |= {
            "form": "call", "text": rng.choice(place.talk.calls), "direction": rng.choice(("in", "out")),
            "result": "answered" if answered else "missed", "minutes": rng.randint(1, 25) if answered else None,
        }  # fmt: skip
    return row


def times(moment: datetime) -> Row:
    return {"version": 1, "created_at": moment, "updated_at": moment}


def country_of(place: Place) -> Country:
    czech = 0.93 if place.workspace.language == "cs" else 0.6
    return CZECHIA if place.rng.random() < czech else BRITAIN


def firm_name(rng: random.Random, country: Country) -> tuple[str, str]:
    """("Okna Horák s.r.o.", "okna-horak.example"), ("Whitfield Joinery Ltd", "whitfield-joinery.example")."""
    family, trade = rng.choice(country.surnames)[0], rng.choice(country.trades)
    form, town = rng.choice(country.forms), rng.choice(country.towns)[0]
    words = [trade, family] if country is CZECHIA else [family, trade]
    if rng.random() < 0.3:
        words.append(town)
    domain = re.sub(r"[^a-z0-9]+", "-", plain(" ".join(words)))
    return " ".join([*words, form]).strip(), f"{domain}.example"


def ico(rng: random.Random) -> str:
    """A Czech registration number: seven digits and the check digit that the statistical office's rule gives."""
    digits = [rng.randint(0, 9) for _ in range(7)]
    rest = sum(digit * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True)) % 11
    return "".join(map(str, digits)) + str((11 - rest) % 10)


def phone(place: Place, country: Country, kind: str) -> Row:
    pattern = country.mobile if kind == "mobile" else country.landline
    return {"kind": kind, "number": place.digits(pattern), "valid": True}


def address(place: Place, country: Country, kind: str) -> Row:
    town, code = place.rng.choice(country.towns)
    number, street = place.rng.randint(1, 180), place.rng.choice(country.streets)
    return {
        "kind": kind, "street": f"{street} {number}" if country is CZECHIA else f"{number} {street}",
        "city": town, "zip": place.digits(code), "country": country.name,
    }  # fmt: skip


def ascii_word(name: str) -> str:
    return re.sub(r"[^a-z]", "", plain(name))


def remember(rng: random.Random, known: list[Any], one: Any) -> None:
    """Keep all of the first 20,000; after that each new one takes the place of another, now and then."""
    if len(known) < REMEMBERED:
        known.append(one)
    elif rng.random() < 0.1:
        known[rng.randrange(REMEMBERED)] = one


def copy(session: Session, model: type[Base], rows: list[Row]) -> None:
    """COPY rows into the model's table, within the session's transaction. All rows have the keys of the first."""
    if not rows:
        return
    columns = [column.name for column in model.__table__.columns if column.name in rows[0]]
    packed = {name for name in columns if isinstance(model.__table__.columns[name].type, JSONB)}
    cursor = session.connection().connection.driver_connection.cursor()  # type: ignore[union-attr]
    quoted = ", ".join(f'"{name}"' for name in columns)
    with cursor.copy(f'copy "{model.__tablename__}" ({quoted}) from stdin') as target:
        for row in rows:
            target.write_row([orjson.dumps(row[name]).decode() if name in packed else row[name] for name in columns])
