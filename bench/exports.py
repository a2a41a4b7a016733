"""The export's row."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

import orjson
from sqlalchemy import text

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import ROOT
from core.copyout import copy_csv
from core.db import Workspace
from core.jobs import Place
from crm.app import create_app
from crm.contacts.models import Contact
from crm.exports.actions import NewExport, create
from crm.exports.columns import columns_of
from crm.exports.models import Export
from crm.exports.run import run_export
from crm.exports.write import style_of
from tenants.members import acting_identity

ROWS = 100_000
# What an exported contact is made of, as it is stored.
STORED = (
    "id, prefix, first_name, last_name, suffix, position, emails, phones, addresses, source, labels, about, "
    "owner_id, company_id, last_contact_at, created_at, updated_at"
)


def exported(grounds: Grounds) -> Iterator[Figure]:
    """100,000 contacts as CSV: listed, gathered in steps, put together, hashed and stored, by the job in a process of
    its own, whose peak memory is shown. The floor is COPY TO of the same columns into nothing by one statement; beside
    it stands COPY TO of what they are made of, as it is stored, where nothing is shaped for people.
    """
    ground = grounds.few
    workspace = ground.workspace("size-100k", contacts=ROWS)
    bare, raw = shaped(ground, workspace), copied(ground, workspace)
    for wanted in ("csv", "xlsx"):
        command = [sys.executable, "-m", "bench.exports", wanted]
        environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "BENCH_WORKSPACE": workspace.slug}
        done = subprocess.run(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        found = orjson.loads(done.stdout)
        rate = found["bytes"] / 1e6 / found["seconds"]
        said = f"{rate:.1f} MB/s, {found['seconds']:.1f} s"
        if wanted == "csv":
            yield Figure(
                f"export of {ROWS:,} contacts", said, f"{bare:.1f} MB/s by COPY TO", rate / bare, 0.5, at_least=True
            )
            yield Figure("export beside the stored columns", said, f"{raw:.1f} MB/s by COPY TO", rate / raw, None)
        else:
            yield Figure("export as a workbook", said, "-", found["seconds"], None, unit=" s")
        yield Figure(
            f"export: peak memory, {wanted}", f"{found['memory']:.0f} MB", "-", found["memory"], 300, unit=" MB"
        )


class Nowhere:
    """A file that only counts."""

    size = 0

    def writelines(self, blocks: Any) -> None:
        self.size += sum(map(len, blocks))


def shaped(ground: Ground, workspace: Workspace) -> float:
    """MB a second of COPY TO of the exported columns, the better of two."""
    rates = []
    with (
        create_app(ground.settings).test_request_context("/"),
        acting_identity(ground.database, workspace, ground.person.id, "page") as actor,
    ):
        actor.db.execute(text("set local statement_timeout = 0"))
        style = style_of("csv", "en")
        table = style.table(columns_of(actor, Contact), actor.visible(Contact), Contact.id)
        for _ in range(2):
            file, started = Nowhere(), time.perf_counter()
            copy_csv(actor.db, table, cast("Any", file), style.separator)
            rates.append(file.size / 1e6 / (time.perf_counter() - started))
    return max(rates)


def copied(ground: Ground, workspace: Workspace) -> float:
    """MB a second of COPY TO, the better of two."""
    rates = []
    query = f"select {STORED} from {workspace.schema}.contact where deleted_at is null order by id"
    with ground.owner() as owner:
        for _ in range(2):
            size, started = 0, time.perf_counter()
            with owner.cursor().copy(f"copy ({query}) to stdout (format csv)") as rows:
                for block in rows:
                    size += len(block)
            rates.append(size / 1e6 / (time.perf_counter() - started))
    return max(rates)


def main(wanted: Any) -> dict[str, Any]:
    """Make the export as a worker does. Runs in the child."""
    from config.settings import settings
    from core.db import database
    from tenants.directory import locate

    workspace = locate(database(), os.environ["BENCH_WORKSPACE"])
    assert workspace
    with create_app(settings()).test_request_context("/"):
        with database().controlling() as control:
            owner = control.execute(
                text("select identity_id from control.membership where workspace_id = :id"), {"id": workspace.id}
            ).scalar_one()
        with acting_identity(database(), workspace, owner, "page") as actor:
            made = create(actor, NewExport(what="contacts", format=wanted))
            member_id = actor.member.id
        started = time.perf_counter()
        run_export(Place(database(), workspace, 0, lambda: True), made.id, member_id)
        seconds = time.perf_counter() - started
        with database().workspace(workspace) as session, session.begin():
            found = session.get_one(Export, made.id)
            if (found.state, found.rows) != ("done", ROWS):
                raise RuntimeError(f"the export ended as {found.state} with {found.rows} rows: {found.error}")
            size = found.file_size
            session.delete(found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "bytes": size, "memory": memory}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(main(sys.argv[1])))
