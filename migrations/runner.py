"""`okno db upgrade`: bring the shared tables, the schema script, every workspace and the pool to this release.

Which workspaces are behind is one query. Each is upgraded in its own transaction, one message to the database, by the
SQL of the steps between its version and ours, compiled once by Alembic; a failure is kept with that workspace and
leaves the others done. Waiting for a lock is short (LOCK_TIMEOUT) and retried, so that nobody's request queues behind a
migration. A second upgrade waits for the first.
"""

import io
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock

import psycopg
from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData

from migrations import cluster
from migrations.script import (
    COMMON,
    DROP_WORKSPACE,
    ERASE_EVENTS,
    PROVISION,
    RESTORING,
    UNHURRIED,
    grants,
    schema_script,
)

HERE = Path(__file__).parent
LOCK_TIMEOUT = "50ms"
TRIES = 40
POOL = 20
# Those in use first.
BEHIND = """
select id, schema_name, role_name, version from control.workspace
where version <> %s and state <> 'gone' order by state = 'ready', id
"""
BATCH = 20
WORKERS = 2


@dataclass(frozen=True)
class Urls:
    owner: str
    ws: str
    control: str


@dataclass(frozen=True)
class Behind:
    """A workspace at an older version than ours."""

    id: int
    schema: str
    role: str
    version: str


@dataclass
class Report:
    upgraded: int = 0
    made: int = 0
    failed: int = 0


def upgrade(
    urls: Urls,
    metadata: MetaData,
    *,
    pool: int = POOL,
    history: Path = HERE,
    say: Callable[[str], None] = print,
) -> Report:
    """Everything, in order. Safe to run again; where another upgrade runs, this one waits for its end."""
    report = Report()
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("select pg_advisory_lock(hashtext('okno upgrade'))")
        for line in cluster.prepare(owner, urls.ws, urls.control):
            say(line)
        upgrade_control(owner, urls.owner, history, say)
        head = renew_script(owner, metadata, history)
        renew_steps(owner, metadata, head, history)
        behind = [Behind(*row) for row in owner.execute(BEHIND, (head,))]
        if behind:
            say(f"{len(behind)} workspaces to upgrade")
            upgrade_workspaces(urls.owner, behind, Steps(metadata, head, history), report, say)
        report.made = fill_pool(owner, pool)
    return report


def upgrade_control(owner: psycopg.Connection, url: str, history: Path, say: Callable[[str], None]) -> None:
    config = alembic_config("control", history)
    head = ScriptDirectory.from_config(config).get_current_head()
    begun = owner.execute("select to_regclass('control.alembic_version')").fetchone() != (None,)
    if begun and owner.execute("select version_num from control.alembic_version").fetchone() == (head,):
        return
    say("upgrading the shared tables")
    config.attributes["url"] = url
    command.upgrade(config, "head")
    with owner.transaction():
        for functions in (PROVISION, DROP_WORKSPACE, ERASE_EVENTS, RESTORING, UNHURRIED):
            owner.execute(functions.encode())
        owner.execute("revoke execute on all functions in schema control, bus from public")
        owner.execute("grant execute on function bus.unhurried() to okno_control")
        owner.execute("grant execute on function control.provision(), control.drop_workspace(bigint) to okno_control")
        owner.execute(f"grant usage on schema control to {COMMON}".encode())
        owner.execute(f"grant execute on function control.erase_events to {COMMON}".encode())
        owner.execute("grant select, insert, update, delete on all tables in schema control, bus to okno_control")
        owner.execute(f"grant insert (topic, queue, payload, ready, next_at) on bus.outbox to {COMMON}".encode())
        owner.execute(
            "revoke all on control.alembic_version, control.schema_script, control.schema_step from okno_control"
        )
        owner.execute("grant select (version) on control.schema_script to okno_control")
        owner.execute("grant select (number, version) on control.schema_step to okno_control")


def renew_script(owner: psycopg.Connection, metadata: MetaData, history: Path) -> str:
    """Store the script by which the pool makes workspaces; returns the version it makes."""
    head = ScriptDirectory.from_config(alembic_config("tenant", history)).get_current_head() or "none"
    owner.execute(
        """
        insert into control.schema_script (id, version, body) values (1, %s, %s)
        on conflict (id) do update set version = excluded.version, body = excluded.body
        where schema_script.body <> excluded.body or schema_script.version <> excluded.version
        """,
        (head, schema_script(metadata)),
    )
    return head


def renew_steps(owner: psycopg.Connection, metadata: MetaData, head: str, history: Path) -> None:
    """Store the SQL of each step of the history, by which a backup of an older release is brought up."""
    known = {row[0] for row in owner.execute("select version from control.schema_step")}
    if head in known:
        return
    steps = Steps(metadata, head, history)
    for number, version in enumerate(steps.versions()):
        if version not in known:
            owner.execute(
                "insert into control.schema_step (number, version, body) values (%s, %s, %s)",
                (number, version, steps.alone(version)),
            )


class Steps:
    """The SQL from one version to the head, compiled by Alembic once for each version met: the steps alone, since a
    workspace's version stands in the catalogue."""

    def __init__(self, metadata: MetaData, head: str, history: Path):
        self.head = head
        self.tables = [table.name for table in metadata.sorted_tables]
        self.scripts = ScriptDirectory.from_config(alembic_config("tenant", history))
        self.compiled: dict[str, str] = {}
        self.compiling = Lock()  # Alembic's `op` is one for the process

    def sql(self, version: str) -> str:
        with self.compiling:
            if version not in self.compiled:
                self.compiled[version] = self.compile(version)
            return self.compiled[version]

    def versions(self) -> list[str]:
        """All that there ever were, the first first."""
        return [revision.revision for revision in reversed(list(self.scripts.walk_revisions("base", self.head)))]

    def alone(self, version: str) -> str:
        """The one step that leads to this version."""
        with self.compiling:
            return self.compile(str(self.scripts.get_revision(version).down_revision or "base"), version)

    def compile(self, version: str, upto: str | None = None) -> str:
        written = io.StringIO()
        # "named", or each % would be doubled for a driver that never sees it.
        context = MigrationContext.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},
            opts={"as_sql": True, "output_buffer": written},
        )
        with Operations.context(context):
            for revision in reversed(list(self.scripts.iterate_revisions(upto or self.head, version))):
                revision.module.upgrade()
        return written.getvalue()

    def grants(self, version: str, schema: str, role: str) -> str:
        """What the workspace's role must be given where a step has made tables."""
        made = "create table" in self.sql(version).lower()
        return ";".join(grants(self.tables, schema, role)) if made else ""


def upgrade_workspaces(
    url: str, behind: list[Behind], steps: Steps, report: Report, say: Callable[[str], None]
) -> None:
    """WORKERS connections take one workspace after the other, each a fresh connection after BATCH of them."""
    started = time.monotonic()
    left = iter(behind)
    taking = Lock()

    def taken() -> list[Behind]:
        with taking:
            return list(islice(left, BATCH))

    def work(_number: int) -> None:
        while batch := taken():
            with psycopg.connect(url, autocommit=True) as connection:
                for workspace in batch:
                    upgrade_one(connection, workspace, steps, report, say)
                    if (report.upgraded + report.failed) % 500 == 0:
                        say(f"{report.upgraded} upgraded, {time.monotonic() - started:.0f} s")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))


def upgrade_one(
    connection: psycopg.Connection, workspace: Behind, steps: Steps, report: Report, say: Callable[[str], None]
) -> None:
    """Upgrade one workspace in one transaction, or keep what went wrong."""
    message = (  # names and versions are ours
        f"begin; set local lock_timeout = '{LOCK_TIMEOUT}'; set local statement_timeout = '30s';"  # noqa: S608
        f"set local search_path = {workspace.schema}, ext;{steps.sql(workspace.version)}"
        f"{steps.grants(workspace.version, workspace.schema, workspace.role)};"
        f"update control.workspace set version = '{steps.head}', migration_error = null where id = {workspace.id};"
        "commit"
    ).encode()
    problem: psycopg.Error | None = None
    for attempt in range(TRIES):
        try:
            connection.execute(message)
            report.upgraded += 1
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            connection.execute("rollback")
            problem = error
            time.sleep(0.1 + 0.2 * random.random() * min(attempt, 5))  # noqa: S311 (jitter)
        except psycopg.Error as error:
            connection.execute("rollback")
            problem = error
            break
    reason = str(problem).strip().split("\n", 1)[0]
    connection.execute("update control.workspace set migration_error = %s where id = %s", (reason, workspace.id))
    report.failed += 1
    say(f"workspace {workspace.id}: {reason}")


def fill_pool(connection: psycopg.Connection, wanted: int) -> int:
    """Make workspaces until `wanted` are ready, twenty in a transaction. Returns how many were made."""
    row = connection.execute("select count(*) from control.workspace where state = 'ready'").fetchone()
    missing = max(0, wanted - (row[0] if row else 0))
    for start in range(0, missing, BATCH):
        connection.execute("select control.provision() from generate_series(1, %s)", (min(BATCH, missing - start),))
    return missing


def alembic_config(part: str, history: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(history / part))
    return config
