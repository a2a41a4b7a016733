"""Nightly: every counter against the rows it counts, and the day's numbers kept for the page of the plan.

A counter is locked while its rows are counted: whoever is about to commit waits, and whoever has committed is seen. A
difference is an error of ours. It is logged, listed by `okno limits drift`, and mended.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.plans import Limit, plans
from config.settings import settings
from core.calls import calls
from core.db import Database
from core.jobs import Place, job
from core.limits import COUNTED, set_caps, truths
from tenants.directory import as_workspace, catalogue, on_its_own
from tenants.models import Drift, WorkspaceRow

log = logging.getLogger(__name__)

KEPT = 400  # days of usage


@dataclass(frozen=True)
class Found:
    """A counter of a workspace that was not what its rows say. `was` is None for one that was missing."""

    workspace: str
    name: Limit
    was: int | None
    truth: int


@job("limits.check", queue="bulk")
def check(place: Place) -> None:
    check_all(place.database)


def check_all(base: Database, advance: Callable[[int, int], None] = lambda _done, _all: None) -> list[Found]:
    """Check and mend every open workspace, and note the numbers of the day that has ended. `advance` is told how many
    are done of how many."""
    day = datetime.now(UTC).date() - timedelta(days=1)
    with base.controlling() as control:
        rows = [row for row in catalogue(control) if row.state == "open"]
    highest = calls().highest(day)
    drifts: list[Found] = []
    for done, row in enumerate(rows, 1):
        with on_its_own(row):
            drifts += check_one(base, row, day, highest.get(row.id, 0))
        advance(done, len(rows))
    return drifts


def check_one(base: Database, row: WorkspaceRow, day: date, highest: int) -> list[Found]:
    with base.workspace(as_workspace(row)) as session, session.begin():
        locked: dict[Limit, int] = {row.name: row.value for row in session.execute(LOCK)}
        make_missing(session, row, locked)
        drifts = [
            Found(row.slug or "", name, locked.get(name), truth)
            for name, truth in truths(session).items()
            if locked.get(name) != truth
        ]
        for drift in drifts:
            session.execute(MEND, {"name": drift.name, "truth": drift.truth})
        note_usage(session, day, highest)
    report(base, row, drifts)
    return drifts


LOCK = text("select name, value from counter order by name for update")
MEND = text("update counter set value = :truth where name = :name")


def make_missing(session: Session, row: WorkspaceRow, there: dict[Limit, int]) -> None:
    """Counters that are not there, by the workspace's plan."""
    missing = [name for name in COUNTED if name not in there]
    plan = plans().of(row.plan) if settings().payments else None
    if missing:
        set_caps(session, {name: plan.cap(name, row.seats) if plan else None for name in missing})


def report(base: Database, row: WorkspaceRow, drifts: list[Found]) -> None:
    if not drifts:
        return
    with base.controlling() as control:
        for drift in drifts:
            log.error("workspace %s: %s was %s, in truth %s", row.id, drift.name, drift.was, drift.truth)
            control.add(Drift(workspace_id=row.id, name=drift.name, was=drift.was or 0, truth=drift.truth))


# A month that has ended leaves its last number behind; one that began since the day tells nothing of it.
NOTE = text("""
insert into usage (name, day, value)
select name, :day, case when since is null or since = date_trunc('month', cast(:day as date)) then value else 0 end
from counter
on conflict (name, day) do update set value = excluded.value
""")
NOTE_CALLS = text("""
insert into usage (name, day, value) values ('api_calls', :day, :highest)
on conflict (name, day) do update set value = greatest(usage.value, excluded.value)
""")
FORGET = text(f"delete from usage where day < current_date - {KEPT}")  # noqa: S608 (a constant)


def note_usage(session: Session, day: date, highest: int) -> None:
    session.execute(NOTE, {"day": day})
    session.execute(NOTE_CALLS, {"day": day, "highest": highest})
    session.execute(FORGET)


def drifted(control: Session) -> list[dict[str, object]]:
    """Every difference that was found, the newest first."""
    rows = control.execute(
        text("""
        select coalesce(workspace.slug, '') as workspace, drift.name, drift.was, drift.truth, drift.at
        from control.drift join control.workspace on workspace.id = drift.workspace_id order by drift.at desc, drift.id
        """)
    )
    return [dict(row) for row in rows.mappings()]
