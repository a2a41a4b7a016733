"""Where the bench works: embedded servers with data sets that are kept from run to run.

`few` holds a handful of workspaces, some of them large; `many` holds 2,000 (10,000 with OKNO_BENCH_WORKSPACES) and is
otherwise the same. A change of the schema makes both anew, which takes some minutes.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import text

from config.embedded import plan
from config.settings import Settings, settings
from core.db import Database, Workspace
from crm import demo
from crm.industries import furnish
from crm.models import METADATA
from migrations.runner import HERE, Urls, upgrade
from migrations.script import schema_script
from tenants import sessions, tokens
from tenants.directory import directory, locate
from tenants.members import acting_identity
from tenants.models import Person
from tenants.signup import Furnish, open_workspace

HOME = Path(".okno-bench").absolute()
EMAIL = "bench@okno.example"
MANY = int(os.environ.get("OKNO_BENCH_WORKSPACES", "2000"))
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ground:
    """One cluster with Okno's tables. `environ` is what programs that run on it are told."""

    name: str
    environ: dict[str, str]
    say: Say

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_env(self.environ)

    @cached_property
    def urls(self) -> Urls:
        here = self.settings
        return Urls(here.database_url, here.workspace_database_url, here.control_database_url)

    @cached_property
    def database(self) -> Database:
        return Database(self.urls.ws, self.urls.control)

    @contextmanager
    def owner(self) -> Iterator["psycopg.Connection[TupleRow]"]:
        """A bare connection that may see everything, each statement on its own."""
        with psycopg.connect(self.urls.owner, autocommit=True) as connection:
            yield connection

    @cached_property
    def person(self) -> Person:
        """The owner of every workspace of the bench."""
        with self.database.controlling() as control:
            person = control.query(Person).filter_by(email=EMAIL).one_or_none()
            if person is None:
                person = Person(email=EMAIL, name="Jana Dvořáková", password_hash="none")
                control.add(person)
                control.flush()
                control.execute(text("update control.identity set confirmed_at = now()"))
            return person

    def workspace(self, slug: str, contacts: int = 0, deals: int = 0, *, furnished: Furnish = furnish) -> Workspace:
        """A workspace with that many demo contacts and deals, from an earlier run where there is one."""
        found = locate(self.database, slug) or open_workspace(
            self.database, self.person, slug=slug, name="Okna Horák", industry="windows", language="cs",
            time_zone="Europe/Prague", country="CZ", currency="CZK", furnish=furnished,
        )  # fmt: skip
        with self.owner() as owner:
            row = owner.execute(
                f"select (select count(*) from {found.schema}.contact), (select count(*) from {found.schema}.deal)"
            ).fetchone()
            assert row
            if contacts > row[0] or deals > row[1]:
                missing = {"contacts": max(0, contacts - row[0]), "deals": max(0, deals - row[1])}
                if sum(missing.values()) > 500:
                    self.say(f"making {missing['contacts']:,} contacts and {missing['deals']:,} deals in {slug}")
                demo.fill(self.database, found, **missing)
                for table in METADATA.tables if sum(missing.values()) > 500 else ():
                    owner.execute(f'vacuum (freeze, analyze) {found.schema}."{table}"')
        return found

    def empty(self, slug: str) -> Workspace:
        """A workspace without contacts and their events."""
        found = self.workspace(slug)
        with self.owner() as owner:
            owner.execute(f"truncate {found.schema}.contact, {found.schema}.event, {found.schema}.import cascade")
            owner.execute(f"update {found.schema}.counter set value = 0 where name in ('contacts', 'storage')")
        return found

    def token(self, workspace: Workspace) -> str:
        """A fresh key to the API, of the workspace's owner."""
        with acting_identity(self.database, workspace, self.person.id, "cli") as actor:
            return tokens.create(actor, tokens.NewToken(name="bench"))[1]

    def cookie(self) -> str:
        """The value of a fresh session cookie."""
        with self.database.controlling() as control:
            return sessions.start(control, self.person.id, "127.0.0.1", "bench")

    def fill_to(self, wanted: int) -> list[Workspace]:
        """So many open workspaces with 20 contacts each; they are made where they are missing."""
        with self.owner() as owner:
            row = owner.execute("select count(*) from control.workspace where slug like 'tenant-%'").fetchone()
        missing = wanted - (row[0] if row else 0)
        if missing > 0:
            self.say(f"making {missing:,} workspaces")
            upgrade(self.urls, METADATA, pool=missing + 20, say=self.say)
        return [self.workspace(f"tenant-{number}", contacts=20) for number in range(wanted)]

    def drop(self, workspace: Workspace) -> None:
        """Away with a workspace that a row made for itself."""
        with self.owner() as owner:
            owner.execute(f"drop schema {workspace.schema} cascade")
            owner.execute(f"drop owned by {workspace.role}")
            owner.execute(f"drop role {workspace.role}")
            owner.execute("delete from control.workspace where id = %s", (workspace.id,))
        directory.forget()


class Grounds:
    """The clusters of one run, each started when a row first asks for it."""

    def __init__(self, stack: ExitStack, say: Say):
        self.stack, self.say = stack, say

    @cached_property
    def few(self) -> Ground:
        return self.stack.enter_context(ground("few", self.say))

    @cached_property
    def many(self) -> Ground:
        return self.stack.enter_context(ground("many", self.say))


@contextmanager
def grounds(say: Say) -> Iterator[Grounds]:
    """All clusters of this run, stopped at the end. One bench at a time."""
    HOME.mkdir(mode=0o711, exist_ok=True)
    with (HOME / "lock").open("w") as lock, ExitStack() as stack:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Grounds(stack, say)


@contextmanager
def ground(name: str, say: Say) -> Iterator[Ground]:
    home = HOME / f"{name}-{fingerprint()}"
    for old in HOME.glob(f"{name}-*"):
        if old != home:
            shutil.rmtree(old)
    home.mkdir(mode=0o711, exist_ok=True)
    servers = plan(home, say=say)
    servers.start()
    try:
        environ = {
            "OKNO_ENV": "embedded", "OKNO_HOME": str(home), "OKNO_PAYMENTS": "off", "PATH": os.environ["PATH"],
            **servers.environ(),
        }  # fmt: skip
        os.environ.update(environ)  # workspaces are opened in this process too
        settings.cache_clear()
        found = Ground(name, environ, say)
        upgrade(found.urls, METADATA, pool=20, say=say)
        directory.forget()
        yield found
        found.database.dispose()
    finally:
        servers.stop()


def fingerprint() -> str:
    """Of everything that shapes the tables."""
    shape = hashlib.sha256(schema_script(METADATA).encode())
    for path in sorted(HERE.rglob("*.py")):
        shape.update(path.read_bytes())
    return shape.hexdigest()[:10]
