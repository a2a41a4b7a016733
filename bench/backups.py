"""A backup beside COPY TO of the same tables, its memory at a million rows, and what other workspaces cost it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from statistics import median

import psycopg

from bench.figures import Figure
from bench.ground import MANY, Ground, Grounds
from bench.serving import ROOT
from bench.timing import in_turn
from core.db import Workspace
from core.ids import new_id
from tenants.backups import vault
from tenants.backups.making import Quiet, write
from tenants.backups.shape import shape_of

ROUNDS = 5
MOST = 120  # MB of memory beyond what a process of Okno has anyway

# In a process of its own: prints MB of memory before and at the peak.
MEASURED = """
import re, sys
from pathlib import Path
from sqlalchemy import text
import crm.models
from core.db import Database
from bench.backups import Nowhere
from tenants.backups.making import Quiet, write
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
base = Database(sys.argv[1], sys.argv[2])
with base.controlling() as control:
    control.execute(text("select 1"))
before = peak()
write(base, int(sys.argv[3]), Nowhere(), Quiet(lambda done, all_: None))
print(before, peak())
"""


class Nowhere:
    """Takes what is written and forgets it."""

    def write(self, data: bytes) -> int:
        return len(data)


def backup(grounds: Grounds) -> Iterator[Figure]:
    """MB/s of the tables' text, sealed and all, beside COPY TO; both read in this process, in turn."""
    ground = grounds.few
    workspace = ground.workspace("size-100k", contacts=100_000)
    copies, made, size = [], [], 0
    for _ in range(ROUNDS):
        size, taken = copied(ground, workspace)
        copies.append(size / taken)
        made.append(size / sealed(ground, workspace))
    ours, floor = median(made), median(copies)
    yield Figure(
        f"backup of {size / 1e6:.0f} MB, sealed", f"{ours / 1e6:.0f} MB/s", f"COPY TO: {floor / 1e6:.0f} MB/s",
        ours / floor, 0.5, at_least=True,
    )  # fmt: skip
    yield memory(ground, ground.workspace("size-1m", contacts=1_000_000))
    yield among_others(grounds)


def copied(ground: Ground, workspace: Workspace) -> tuple[int, float]:
    """Bytes and seconds of a bare COPY TO of each table."""
    with ground.database.workspace(workspace, reading=True) as session:
        tables = list(shape_of(session, workspace.schema).tables)
    size, started = 0, time.perf_counter()
    with psycopg.connect(ground.urls.owner) as owner, owner.cursor() as cursor:
        for table in tables:
            with cursor.copy(f'copy {workspace.schema}."{table}" to stdout') as lines:
                for line in lines:
                    size += len(line)
    return size, time.perf_counter() - started


def sealed(ground: Ground, workspace: Workspace) -> float:
    """Seconds of a whole backup, packed and sealed, to nowhere."""
    started = time.perf_counter()
    sealer = vault.Sealer(Nowhere(), new_id(), ground.settings)
    write(ground.database, workspace.id, sealer, Quiet(lambda _done, _all: None))
    sealer.close()
    return time.perf_counter() - started


def memory(ground: Ground, workspace: Workspace) -> Figure:
    command = [sys.executable, "-c", MEASURED, ground.urls.ws, ground.urls.control, str(workspace.id)]
    environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    before, peak = map(float, done.stdout.split())
    return Figure(
        "backup of 1M contacts, memory",
        f"peak {peak:.0f} MB",
        f"before {before:.0f} MB",
        peak - before,
        MOST,
        unit=" MB",
    )


def among_others(grounds: Grounds) -> Figure:
    """The same small workspace, among ten and among thousands."""
    sides = [(grounds.few, grounds.few.fill_to(10)[-1]), (grounds.many, grounds.many.fill_to(MANY)[-1])]
    ways = [partial(small, ground, workspace) for ground, workspace in sides]
    few, many = in_turn(*ways, times=60)
    return Figure(f"a backup at {MANY:,} workspaces beside 10", str(many), str(few), many.p50 / few.p50, 1.2)


def small(ground: Ground, workspace: Workspace, _at: int) -> None:
    sealed(ground, workspace)
