"""What does not grow with the number of workspaces: a sign-up, a request, a release."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from alembic.script import ScriptDirectory

from bench.figures import Figure
from bench.ground import MANY, Ground, Grounds
from bench.serving import ROOT, Request, Side, compare, served
from bench.timing import Times, in_turn
from core.ids import new_id
from crm.industries import furnish
from crm.models import METADATA
from migrations.runner import HERE, Steps, alembic_config, upgrade
from tenants.signup import open_workspace

SIGN_UPS = 15


def signup(grounds: Grounds) -> Iterator[Figure]:
    """The database work of a sign-up, 15 times, beside the script that makes one workspace for the pool."""
    taken, made = {}, {}
    for ground, number in ((grounds.few, 10), (grounds.many, MANY)):
        ground.fill_to(number)
        taken[number], made[number] = sign_ups(ground)
        yield Figure(
            f"sign-up at {number:,} workspaces", str(taken[number]), f"making one: {made[number]}",
            taken[number].p50 / made[number].p50, 0.3,
        )  # fmt: skip
    yield Figure(
        f"sign-up at {MANY:,} beside 10", str(taken[MANY]), str(taken[10]), taken[MANY].p50 / taken[10].p50, 1.3
    )
    yield Figure(
        f"making one for the pool at {MANY:,} beside 10",
        str(made[MANY]),
        str(made[10]),
        made[MANY].p50 / made[10].p50,
        2.5,
    )


def sign_ups(ground: Ground) -> tuple[Times, Times]:
    opened = []
    with ground.owner() as owner:
        (made,) = in_turn(lambda _: owner.execute("select control.provision()"), times=SIGN_UPS + 1, warm=1)

        def sign_up(_: int) -> None:
            opened.append(
                open_workspace(
                    ground.database, ground.person, slug=f"new-{new_id().hex[-12:]}", name="Okna Horák",
                    industry="windows", language="cs", time_zone="Europe/Prague", country="CZ", currency="CZK",
                    furnish=furnish,
                )
            )  # fmt: skip

        (taken,) = in_turn(sign_up, times=SIGN_UPS, warm=2)
    for workspace in opened:
        ground.drop(workspace)
    return taken, made


def growth(grounds: Grounds) -> Iterator[Figure]:
    """A list of 20 contacts by API, each request to another workspace, among 10 workspaces and among 2,000."""
    sides = []
    for ground, number in ((grounds.few, 10), (grounds.many, MANY)):
        requests = [
            Request("/api/v1/contacts", headers={"Authorization": f"Bearer {token}"})
            for token in tokens(ground, number)
        ]
        random.Random(3).shuffle(requests)
        sides.append((ground, requests))
    with served(sides[0][0]) as few, served(sides[1][0]) as many:
        at_few, at_many = compare(Side(few, sides[0][1]), Side(many, sides[1][1]), seconds=4)
    yield Figure(
        f"a request at {MANY:,} workspaces beside 10", f"{at_many.rate:.0f}/s, p95 {at_many.percentile(0.95):.1f} ms",
        f"{at_few.rate:.0f}/s, p95 {at_few.percentile(0.95):.1f} ms",
        at_many.percentile(0.95) / at_few.percentile(0.95), 1.3,
    )  # fmt: skip


def tokens(ground: Ground, number: int) -> list[str]:
    """A token of each workspace, kept beside the data since making thousands takes a while."""
    kept = Path(ground.environ["OKNO_HOME"]) / f"tokens-{number}.json"
    if not kept.exists():
        made = [ground.token(workspace) for workspace in ground.fill_to(number)]
        kept.touch(mode=0o600)
        kept.write_bytes(orjson.dumps(made))
    found: list[str] = orjson.loads(kept.read_bytes())
    return found


ADDED = """revision = "bench"
down_revision = {head!r}

from alembic import op
import sqlalchemy as sa


def upgrade():
    op.add_column("contact", sa.Column("bench", sa.Text()))
    op.create_index("ix_contact_bench", "contact", ["bench"])
"""


def release(grounds: Grounds) -> Iterator[Figure]:
    """`okno db upgrade` with nothing to do, the whole process; then with a column and an index for every workspace.

    The floor runs the same statements for each schema over one connection, a transaction each, as psql would.
    """
    ground = grounds.many
    ground.fill_to(MANY)
    nothing = [upgrade_by_command(ground) for _ in range(3)]
    yield Figure(f"db upgrade, nothing to do, {MANY:,}", f"{min(nothing):.2f} s", "-", min(nothing), 2, unit=" s")
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "migrations"
        shutil.copytree(HERE, history)
        known = head_of(HERE)
        (history / "tenant" / "versions" / "9999_bench.py").write_text(ADDED.format(head=known))
        started = time.perf_counter()
        report = upgrade(ground.urls, METADATA, pool=0, history=history, say=lambda _line: None)
        ours = time.perf_counter() - started
        sql = Steps(METADATA, "bench", history).sql(known)
    bare = undo_and_do_bare(ground, sql, known)
    if report.failed:
        raise RuntimeError(f"{report.failed} workspaces were not upgraded")
    rate = report.upgraded / ours
    yield Figure(
        f"db upgrade, column and index, {report.upgraded:,}", f"{rate:.0f} schemas/s", f"{bare:.0f} schemas/s",
        rate / bare, 0.5, at_least=True,
    )  # fmt: skip


def upgrade_by_command(ground: Ground) -> float:
    environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    started = time.perf_counter()
    command = [sys.executable, "-c", "from crm.cli import main; main()", "db", "upgrade", "--pool", "0"]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def head_of(history: Path) -> str:
    return ScriptDirectory.from_config(alembic_config("tenant", history)).get_current_head() or ""


def undo_and_do_bare(ground: Ground, sql: str, head: str) -> float:
    """Schemas a second of the bare statements. Leaves everything as it was before the upgrade."""
    with ground.owner() as owner:
        schemas = [row[0] for row in owner.execute("select schema_name from control.workspace where version = 'bench'")]
        for schema in schemas:
            owner.execute(f"alter table {schema}.contact drop column bench")
        started = time.perf_counter()
        for schema in schemas:
            owner.execute(f"begin; set local search_path = {schema}, ext; {sql}; commit")
        taken = time.perf_counter() - started
        for schema in schemas:
            owner.execute(f"alter table {schema}.contact drop column bench")
        owner.execute("update control.workspace set version = %s where version = 'bench'", (head,))
    upgrade(ground.urls, METADATA, pool=0, say=lambda _line: None)
    return len(schemas) / taken
