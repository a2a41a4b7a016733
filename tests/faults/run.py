"""One run: load, faults, the end of the backlog, and the comparison."""

import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import aiosmtpd.controller
from redis import Redis
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.db import Workspace
from core.jobs import later
from crm.tasks import actions
from tenants.models import Member
from tests.faults import processes
from tests.faults.clients import Client, acknowledged
from tests.faults.effects import POISON
from tests.faults.running import Okno
from tests.shop import open_shop

DRAINED_WITHIN = 60.0  # seconds
# Who is killed, by chance; masters seldom, since they take some seconds to come back.
VICTIMS = [*["web child", "worker child"] * 3, "web", "worker", "bulk", "bulk child", "relay", "relay-2", "clock"]


@dataclass
class Report:
    """What a run found. `wrong` is empty when every promise was kept."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unknown: int = 0
    mails: int = 0
    repeated: int = 0
    told: int = 0
    lines: int = 0
    followed: int = 0
    drained: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{number} {name}" for name, number in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.acknowledged} writes acknowledged, {self.unknown} answers missing; "
            f"{self.mails} mails, {self.repeated} repeated; {self.told} told in time, {self.lines} of what they were "
            f"given; {self.followed} deals followed by a process; faults: {faults}; "
            f"backlog gone after {self.drained:.1f} s"
        )


class Mailbox:
    """An SMTP server that takes mail, or says "not now" while it is shut."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.shut = False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.server = aiosmtpd.controller.Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.shut:
            return "451 not now"
        lines = envelope.content.decode().splitlines()
        self.got[next(line for line in lines if line.lower().startswith("message-id:"))] += 1
        return "250 OK"


@dataclass
class Place:
    """A workspace under load."""

    workspace: Workspace
    owner_id: UUID
    token: str
    shared: UUID
    colleague_id: UUID


def run(seed: int, *, kills: int, seconds: float, workspaces: int, pause: float) -> Report:
    """Load for so many seconds with so many kills in them, then everything is compared."""
    report = Report(seed)
    mailbox = Mailbox()
    mailbox.server.start()
    with tempfile.TemporaryDirectory(prefix="okno-faults-") as folder:
        okno = Okno(Path(folder), mailbox.port)
        try:
            okno.start()
            places = [furnished(okno) for _ in range(workspaces)]
            until_it_answers(okno)
            poison(okno, places[0])
            load(okno, places, report, mailbox, kills, seconds, pause)
            report.drained = drain(okno, report)
            okno.database.dispose()  # its connections may be to a server that was stopped
            compare(okno, places, report, mailbox)
        except BaseException:
            print((okno.home / "log").read_text()[-20_000:])  # noqa: T201
            raise
        finally:
            okno.stop()
            mailbox.server.stop()
    return report


def furnished(okno: Okno) -> Place:
    with okno.app.test_request_context("/"):
        shop = open_shop(okno.app, base=okno.database)
    with shop.acting() as actor:
        shared = actions.create(actor, actions.create.parse({"name": "shared"}))
        owner = actor.member.id
    identity = shop.member("sales", "Petr Malý")
    with shop.acting() as actor:
        colleague = actor.db.scalars(select(Member.id).where(Member.identity_id == identity)).one()
        processes.publish(actor)
    return Place(shop.workspace, owner, shop.token(), shared.id, colleague)


def until_it_answers(okno: Okno) -> None:
    nobody = UUID(int=0)
    probe = Client(0, okno.port, "none", nobody, nobody, nobody, okno.home / "probe", Random(0), 0, threading.Event())
    wait_until(lambda: probe.call("GET", "/tasks")[0] == 401, 60)


def poison(okno: Okno, place: Place) -> None:
    """Work that ends each child it is begun in: it must not keep the others from going on."""
    with okno.database.workspace(place.workspace) as session, session.begin():
        later(session, POISON)


def load(
    okno: Okno, places: list[Place], report: Report, mailbox: Mailbox, kills: int, seconds: float, pause: float
) -> None:
    random, ending = Random(report.seed), threading.Event()
    clients = [
        Client(
            number, okno.port, place.token, place.shared, place.owner_id, place.colleague_id,
            okno.home / f"book-{number}", Random(report.seed + number), pause, ending,
        )
        for number, place in enumerate(place for place in places for _ in range(2))
    ]  # fmt: skip
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    for number in range(kills):
        time.sleep(max(0.0, began + (number + random.random()) * seconds / kills - time.monotonic()))
        report.faults[fault(okno, mailbox, random)] += 1
    mailbox.shut = False
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    ending.set()
    for thread in threads:
        thread.join()
    report.unknown = sum(client.unknown for client in clients)
    report.wrong += [f"no answer to the end: {mark}" for client in clients for mark in client.unfinished]


def fault(okno: Okno, mailbox: Mailbox, random: Random) -> str:
    """One fault by chance; its name."""
    chance = random.random()
    if chance < 0.06:
        okno.restart_postgres()
        return "PostgreSQL stopped at once"
    if chance < 0.12:
        okno.restart_valkey()
        return "Valkey killed"
    if chance < 0.18:
        with Redis.from_url(okno.settings.redis_url) as redis:
            redis.flushall()
        return "Valkey flushed"
    if chance < 0.26:
        mailbox.shut = not mailbox.shut
        return "SMTP shut or opened"
    name, _space, child = random.choice(VICTIMS).partition(" ")
    return f"{name} {child} {'killed' if okno.kill(name, bool(child)) else 'not there'}".replace("  ", " ")


def drain(okno: Okno, report: Report) -> float:
    """Seconds until nothing is due or waits for its time any more."""
    began = time.monotonic()
    try:
        wait_until(lambda: left_in(okno) == 0, DRAINED_WITHIN + 30)
    except TimeoutError:
        report.wrong.append(f"{left_in(okno)} rows are left")
    took = time.monotonic() - began
    if took > DRAINED_WITHIN:
        report.wrong.append(f"the backlog took {took:.0f} s")
    return took


def left_in(okno: Okno) -> int:
    try:
        with okno.database.controlling() as control:
            return control.scalar(text("select count(*) from bus.outbox where role <> 'okno_control'")) or 0
    except DBAPIError:
        return -1


def compare(okno: Okno, places: list[Place], report: Report, mailbox: Mailbox) -> None:
    stored: dict[str, Any] = {}
    followed: set[str] = set()
    told: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for place in places:
        with okno.database.workspace(place.workspace) as session:
            rows = session.execute(text("select id, name, about, tell_at from task")).all()
            stored.update((str(row.id), row) for row in rows)
            followed.update(session.scalars(text("select id::text from deal where name like 'load %'")))
            report.wrong += processes.astray(session)
            told.update(session.scalars(text("select record_id::text from event where action = 'task.late'")))
            lines.update(session.scalars(LINES, {"colleague": place.colleague_id}))
    said = acknowledged(sorted(okno.home.glob("book-*")))
    report.acknowledged, report.told = len(said), told.total()
    report.mails, report.repeated = mailbox.got.total(), mailbox.got.total() - len(mailbox.got)
    report.followed = len(followed)
    report.wrong += lost(said, stored, followed)
    report.lines = lines.total()
    report.wrong += astray(stored, told, lines, mailbox)
    report.wrong += unexplained(okno)
    if report.repeated > report.faults.total():
        report.wrong.append(f"{report.repeated} mails were repeated by {report.faults.total()} faults")


LINES = text("select record_id::text from notification where kind = 'task_assigned' and member_id = :colleague")


def lost(said: list[dict[str, str]], stored: dict[str, Any], followed: set[str]) -> Iterator[str]:
    """What was acknowledged and is not there."""
    for one in said:
        if one["kind"] == "deal":
            if one["id"] not in followed:
                yield f"lost: {one}"
            continue
        row = stored.get(one["id"])
        if row is None:
            yield f"lost: {one}"
        elif one["kind"] == "add" and one["mark"] not in row.about:
            yield f"lost update: {one}"


def astray(stored: dict[str, Any], told: Counter[str], lines: Counter[str], mailbox: Mailbox) -> Iterator[str]:
    """What did not follow from a task, or followed twice."""
    sent = {line.partition("<")[2].partition("@")[0] for line in mailbox.got}
    made = {task_id: row for task_id, row in stored.items() if row.name != "shared"}
    names = Counter(row.name for row in made.values())
    yield from (f"{name} is there {number} times" for name, number in names.items() if number > 1)
    for task_id, row in made.items():
        if row.about != "x":
            yield f"{row.name} had its effect {len(row.about)} times"
        if task_id not in sent:
            yield f"no mail of {row.name}"
        if lines[task_id] != 1:
            yield f"its colleague was told of {row.name} {lines[task_id]} times"
        if told[task_id] != (row.tell_at is not None):
            yield f"{row.name} was told {told[task_id]} times"


def unexplained(okno: Okno) -> Iterator[str]:
    """What failed and should not have, and the other way round."""
    with okno.database.controlling() as control:
        failed = control.execute(text("select payload->>'job' as job, trace from bus.failed")).all()
    yield from (f"failed: {row.job}: {row.trace[-300:]}" for row in failed if row.job != POISON)
    if not any(row.job == POISON and "its worker ended" in row.trace for row in failed):
        yield "the poisoned job is not among those that failed"


def wait_until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {seconds:g} s")
        time.sleep(0.1)
