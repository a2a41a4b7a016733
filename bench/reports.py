"""The dashboard's row."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.timing import in_turn
from core.actor import Actor
from core.db import Workspace
from crm.reports import queries
from crm.reports.view import View, view_of
from tenants.members import acting_identity

DEALS = int(os.environ.get("OKNO_BENCH_DEALS", "1000000"))

FLOOR = """
select stage_id, count(*) from {schema}.deal
where pipeline_id = %s and created_at >= %s and deleted_at is null group by stage_id
"""

CAME = """
insert into {schema}.event (id, at, action, kind, change, record_id, member_id, via, before, after)
select gen_random_uuid(), created_at + n * (coalesce(closed_at, now()) - created_at) / 3,
    case n when 0 then 'deal.create' else 'deal.move' end, 'deal', case n when 0 then 'created' else 'changed' end,
    deal.id, owner_id, 'page', '{{}}', jsonb_build_object('stage_id', stage_id)
from {schema}.deal cross join generate_series(0, 2) n where created_at > now() - interval '60 days' order by deal.id, n
"""

CHARTS: dict[str, Callable[[Actor, View], Any]] = {
    "how many came how far, and how long they stayed": queries.funnel,
    "won and lost by month and person, revenue": queries.outcomes,
    "reasons": queries.reasons,
    "sources": queries.sources,
    "forecast": queries.forecast,
    "people": queries.doings,
}


def dashboard(grounds: Grounds) -> Iterator[Figure]:
    """Every chart's data over a year of 1,000,000 deals with their tasks, notes and calls, in process, by the owner.

    The floor is one scan of the same deals in a covering index, counted by stage, by psycopg.
    """
    ground = grounds.few
    workspace = ground.workspace("reports", contacts=20_000, deals=DEALS)
    with_moves(ground, workspace)
    with (
        ground.owner() as owner,
        acting_identity(ground.database, workspace, ground.person.id, "cli", reading=True) as actor,
    ):
        for period in ("last_12_months", "this_quarter"):
            view = view_of(actor, {"period": period})
            sql, values = FLOOR.format(schema=workspace.schema), (view.pipeline.id, view.period.first)
            for name, chart in CHARTS.items():
                floor, drawn = partial(counted, owner, sql, values), partial(draw, chart, actor, view)
                bare, ours = in_turn(floor, drawn, times=9, warm=3)
                title = f"dashboard, {period.replace('_', ' ')}: {name}"
                yield Figure(title, str(ours), str(bare), ours.p50 / bare.p50, 4)


def counted(owner: Any, sql: str, values: tuple[Any, ...], _number: int) -> None:
    owner.execute(sql, values).fetchall()


def draw(chart: Callable[[Actor, View], Any], actor: Actor, view: View, _number: int) -> None:
    chart(actor, view)


def with_moves(ground: Ground, workspace: Workspace) -> None:
    """Events of three stays for each deal of the last sixty days: those whose times the funnel reads."""
    with ground.owner() as owner:
        row = owner.execute(f"select count(*) from {workspace.schema}.event where kind = 'deal'").fetchone()
        if row and row[0] < 1000:
            owner.execute(CAME.format(schema=workspace.schema))
            owner.execute(f"vacuum (freeze, analyze) {workspace.schema}.event")
