"""What the stand-in remembers: one SQLite file, each request one immediate transaction.

An object is kept as the JSON that Stripe would answer, and beside it `inner`: what Stripe knows of it and never says.
`due` is the next moment at which something happens to it by itself; the clock plays those in order.
"""

import json
import secrets
import sqlite3
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.standin.wire import Thing, missing

TABLES = """
create table if not exists objects (
    number integer primary key autoincrement, id text not null unique, kind text not null,
    body text not null, inner text not null, due integer
);
create index if not exists objects_by_kind on objects (kind, number);
create index if not exists objects_by_due on objects (due) where due is not null;
create table if not exists events (
    number integer primary key autoincrement, id text not null unique, type text not null, body text not null,
    taken integer not null default 0, tried integer not null default 0, answer text not null default ''
);
create index if not exists events_waiting on events (number) where not taken;
create table if not exists answers (
    key text primary key, asked text not null, status integer not null, body text not null
);
create table if not exists clock (ahead integer not null, played integer not null);
"""
LETTERS = string.ascii_letters + string.digits
API_VERSION = "2026-10-28.endive"
Due = Callable[[Thing, Thing], int | None]


@dataclass(frozen=True)
class Answered:
    """What a request with an idempotency key was answered. `asked` is a hash of the request."""

    asked: str
    status: int
    body: str


class Store:
    """The file. `dues` says for a kind of object when something next happens to one of it."""

    def __init__(self, path: str | Path, origin: str, dues: dict[str, Due]):
        self.path = str(path)
        self.origin = origin
        self.dues = dues
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        with self.connection() as connection:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(TABLES)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("pragma synchronous = normal")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def books(self, real_now: int) -> Iterator["Books"]:
        """One transaction, alone with the file; whatever is raised in it leaves nothing behind."""
        with self.connection() as connection:
            connection.execute("begin immediate")
            try:
                ahead, played = connection.execute(
                    "select coalesce(max(ahead), 0), coalesce(max(played), 0) from clock"
                ).fetchone()
                yield Books(connection, real_now, ahead, played, self.origin, self.dues)
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")


class Books:
    """What one transaction reads and changes. `now` is the moment it happens: the clock's, or the one being played;
    `played` is the last moment up to which everything has happened."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        real_now: int,
        ahead: int,
        played: int,
        origin: str,
        dues: dict[str, Due],
    ):
        self.connection = connection
        self.now = real_now + ahead
        self.ahead = ahead
        self.played = played
        self.origin = origin
        self.dues = dues
        self.request: Thing = {"id": None, "idempotency_key": None}

    # ---- objects ----

    def find(self, id: str) -> Thing | None:  # noqa: A002
        row = self.connection.execute("select body from objects where id = ?", (id,)).fetchone()
        return json.loads(row[0]) if row else None

    def get(self, kind: str, id: str, param: str = "id", status: int = 404) -> Thing:  # noqa: A002
        """The object. Raises Refused, as Stripe does, if there is none of this kind."""
        found = self.find(id)
        if found is None or found["object"] != kind:
            raise missing(kind, id, param, status)
        return found

    def all(self, kind: str, **fields: Any) -> list[Thing]:
        """Those of the kind whose fields are these, oldest first; `parent__type` is a field within."""
        wanted = {f"$.{name.replace('__', '.')}": value for name, value in fields.items()}
        rows = self.connection.execute(
            "select body from objects where kind = ? and not exists"
            " (select from_wanted.key from json_each(?) from_wanted"
            " where json_extract(body, from_wanted.key) is not from_wanted.value) order by number",
            (kind, json.dumps(wanted)),
        )
        return [json.loads(body) for (body,) in rows]

    def inner(self, id: str) -> Thing:  # noqa: A002
        row = self.connection.execute("select inner from objects where id = ?", (id,)).fetchone()
        return json.loads(row[0]) if row else {}

    def put(self, thing: Thing, **inner: Any) -> Thing:
        """Keep the object as it now is; what is named in `inner` is added to what Stripe knows of it."""
        known = {**self.inner(thing["id"]), **inner}
        due = self.dues.get(thing["object"])
        self.connection.execute(
            "insert into objects (id, kind, body, inner, due) values (:id, :kind, :body, :inner, :due)"
            " on conflict (id) do update set body = :body, inner = :inner, due = :due",
            {
                "id": thing["id"],
                "kind": thing["object"],
                "body": json.dumps(thing),
                "inner": json.dumps(known),
                "due": due(thing, known) if due else None,
            },
        )
        return thing

    def drop(self, id: str) -> None:  # noqa: A002
        self.connection.execute("delete from objects where id = ?", (id,))

    def next_due(self, until: int) -> tuple[int, Thing] | None:
        row = self.connection.execute(
            "select due, body from objects where due <= ? order by due, number limit 1", (until,)
        ).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    # ---- events ----

    def emit(self, type: str, thing: Thing, previous: Thing | None = None) -> None:  # noqa: A002
        """An event that tells of the object as it now is."""
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": {"object": thing} if previous is None else {"object": thing, "previous_attributes": previous},
            "livemode": False,
            "pending_webhooks": 1,
            "request": dict(self.request),
            "type": type,
        }
        self.connection.execute(
            "insert into events (id, type, body) values (?, ?, ?)", (event["id"], type, json.dumps(event))
        )

    def events(self) -> list[Thing]:
        """All of them, oldest first."""
        rows = self.connection.execute("select body, taken from events order by number")
        return [{**json.loads(body), "pending_webhooks": 0 if taken else 1} for body, taken in rows]

    def waiting_events(self) -> list[Thing]:
        """Those that nobody has taken yet, oldest first."""
        rows = self.connection.execute("select body from events where not taken order by number")
        return [json.loads(body) for (body,) in rows]

    def latest_events(self, most: int) -> list[tuple[Thing, Thing]]:
        """Each with what became of it: `taken`, how often it was `tried`, the last `answer`. Newest first."""
        rows = self.connection.execute(
            "select body, taken, tried, answer from events order by number desc limit ?", (most,)
        )
        return [
            (json.loads(body), {"taken": bool(taken), "tried": tried, "answer": said})
            for body, taken, tried, said in rows
        ]

    def change(self, thing: Thing, type: str, **inner: Any) -> Thing:  # noqa: A002
        """Keep the object and tell what is other than before; nothing is told where nothing is."""
        before = self.find(thing["id"]) or {}
        self.put(thing, **inner)
        previous = difference(before, thing)
        if previous:
            self.emit(type, thing, previous)
        return thing

    # ---- trying something out ----

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is done inside is undone if it raises."""
        self.connection.execute("savepoint attempt")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback to attempt")
            self.connection.execute("release attempt")
            raise
        self.connection.execute("release attempt")

    def would_be(self, make: Callable[[], Thing]) -> Thing:
        """What `make` makes, and then undoes: a look ahead by doing it."""
        now = self.now
        try:
            with self.attempt():
                raise Undone(make())
        except Undone as undone:
            return undone.thing
        finally:
            self.now = now

    # ---- the clock, deliveries, answers given ----

    def set_clock(self, ahead: int) -> None:
        """Remember by how much the clock is ahead of the real one, and up to where everything has happened."""
        self.connection.execute("delete from clock")
        self.connection.execute("insert into clock (ahead, played) values (?, ?)", (ahead, self.played))

    def note_delivery(self, event_id: str, taken: bool, said: str) -> None:
        self.connection.execute(
            "update events set taken = ?, tried = tried + 1, answer = ? where id = ?", (taken, said, event_id)
        )

    def send_again(self, event_id: str) -> None:
        self.connection.execute("update events set taken = 0 where id = ?", (event_id,))

    def answered(self, key: str) -> Answered | None:
        row = self.connection.execute("select asked, status, body from answers where key = ?", (key,)).fetchone()
        return Answered(*row) if row else None

    def keep_answer(self, key: str, asked: str, status: int, body: str) -> None:
        self.connection.execute("insert into answers values (?, ?, ?, ?)", (key, asked, status, body))


class Undone(Exception):
    """Carries something out of what is then undone."""

    def __init__(self, thing: Thing):
        super().__init__(thing["id"])
        self.thing = thing


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"


def difference(before: Thing, after: Thing) -> Thing:
    """The former values of what changed, as Stripe's `previous_attributes`: objects by their parts, lists whole."""
    changed: Thing = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        both = isinstance(old, dict) and isinstance(new, dict) and old and new
        changed[name] = difference(old, new) if both else old  # type: ignore[arg-type]
    return changed
