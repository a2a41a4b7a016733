"""The import's row."""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import ROOT
from core.db import Workspace
from core.jobs import Place
from crm.imports import actions
from crm.imports.run import run_import
from tenants.members import acting_identity

ROWS = 100_000
HEADINGS = ("Jméno", "Příjmení", "Pozice", "Firma", "E-mail", "Mobil", "Ulice", "Město", "PSČ")
# Columns of a contact that the import fills, so that the floor stores the same rows.
STORED = (
    "id, name, first_name, last_name, position, emails, phones, addresses, city, search, sort_key, match_keys, "
    "company_id, owner_id, import_id"
)


def imported(grounds: Grounds) -> Iterator[Figure]:
    """A CSV of 100,000 contacts with companies: parsed, validated, looked for among those there, stored, reported.

    The job runs in a process of its own, whose peak memory is shown. The floor is COPY of the very rows that came of it
    into the emptied table with its indexes, 5,000 a transaction.
    """
    ground = grounds.few
    source = ground.workspace("size-100k", contacts=ROWS)
    workspace = ground.empty("import")
    with ground.owner() as owner:
        owner.execute(f"truncate {workspace.schema}.company cascade")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contacts.csv"
        write_csv(ground, source, path)
        command = [sys.executable, "-m", "bench.imports", str(path)]
        environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "BENCH_WORKSPACE": workspace.slug}
        done = subprocess.run(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = orjson.loads(done.stdout)
    bare = copied(ground, workspace)
    rate = ROWS / found["seconds"]
    yield Figure(
        f"import of {ROWS:,} rows", f"{rate:,.0f} rows/s, {found['created']:,} made, {found['skipped']:,} known",
        f"{bare:,.0f} rows/s by COPY", rate / bare, 0.5, at_least=True,
    )  # fmt: skip
    yield Figure("import: peak memory", f"{found['memory']:.0f} MB", "-", found["memory"], 300, unit=" MB")


def write_csv(ground: Ground, source: Workspace, path: Path) -> None:
    columns = (
        "c.first_name, c.last_name, c.position, f.name, c.emails->0->>'address', c.phones->0->>'number', "
        "c.addresses->0->>'street', c.city, c.addresses->0->>'zip'"
    )
    with ground.owner() as owner, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADINGS)
        writer.writerows(
            owner.execute(
                f"select {columns} from {source.schema}.contact c "
                f"left join {source.schema}.company f on f.id = c.company_id limit {ROWS}"
            )
        )


def copied(ground: Ground, workspace: Workspace) -> float:
    """Rows a second of COPY. The table has its indexes and nothing else in it."""
    chunks = []
    with ground.owner() as owner:
        ids = [row[0] for row in owner.execute(f"select id from {workspace.schema}.contact order by id")]
        for start in range(0, len(ids), 5_000):
            chunk = ids[start : start + 5_000]
            wanted = f"select {STORED} from {workspace.schema}.contact where id between '{chunk[0]}' and '{chunk[-1]}'"
            with owner.cursor().copy(f"copy ({wanted}) to stdout") as source:
                chunks.append(b"".join(bytes(part) for part in source))
        owner.execute(f"truncate {workspace.schema}.contact cascade")
        started = time.perf_counter()
        for content in chunks:
            with owner.cursor().copy(f"copy {workspace.schema}.contact ({STORED}) from stdin") as target:
                target.write(content)
        return len(ids) / (time.perf_counter() - started)


def main(path: str) -> dict[str, Any]:
    """Bring the file in as a worker does. Runs in the child."""
    import os

    from core.db import database
    from crm.app import create_app
    from tenants.directory import locate

    workspace = locate(database(), os.environ["BENCH_WORKSPACE"])
    assert workspace
    with create_app().app_context():
        with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
            row = owner.execute(f"select identity_id, id from {workspace.schema}.member").fetchone()
        assert row
        started = time.perf_counter()
        with acting_identity(database(), workspace, row[0], "page") as actor, Path(path).open("rb") as file:
            found = actions.receive(actor, file, "contacts.csv", actions.Choices())
            actions.run(actor, actions.OneImport(id=found.id))
        run_import(Place(database(), workspace, 0, lambda: True), UUID(str(found.id)), row[1])
        seconds = time.perf_counter() - started
        with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
            numbers = owner.execute(
                f"select state, created, changed, skipped, refused from {workspace.schema}.import where id = %s",
                (found.id,),
            ).fetchone()
    assert numbers
    if numbers[0] != "done" or sum(numbers[1:]) != ROWS:
        raise RuntimeError(f"the import ended as {numbers}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "created": numbers[1], "skipped": numbers[3], "refused": numbers[4], "memory": memory}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(main(sys.argv[1])))
