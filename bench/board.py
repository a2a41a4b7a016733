"""The board's row."""

from collections.abc import Iterator

from bench.figures import Figure
from bench.ground import Grounds
from bench.timing import in_turn
from core.listing import Ask
from crm.deals import queries
from tenants.members import acting_identity

OPEN = 20_000

CARDS = """
select s.id as stage, d.id, d.name, d.amount, d.currency, d.expected_close, d.rank,
    (select name from {schema}.member m where m.id = d.owner_id) as owner,
    coalesce((select name from {schema}.company c where c.id = d.company_id and c.deleted_at is null),
             (select name from {schema}.contact c where c.id = d.contact_id and c.deleted_at is null)) as client,
    t.name as step, t.due_on, t.due_at
from {schema}.stage s
cross join lateral (
    select * from {schema}.deal d
    where d.pipeline_id = s.pipeline_id and d.stage_id = s.id and d.status = 'open' and d.deleted_at is null
    order by d.rank, d.id limit {first}
) d
left join lateral (
    select name, due_on, due_at from {schema}.task t
    where t.deal_id = d.id and t.done_at is null and t.deleted_at is null order by due_on, due_at limit 1
) t on true
where s.deleted_at is null
order by s.position, d.rank, d.id
"""


def board(grounds: Grounds) -> Iterator[Figure]:
    """A pipeline of 20,000 open deals, its first screen: 30 cards a lane and the totals of all, in process.

    The floor is one statement of the same cards, by psycopg, without the totals.
    """
    ground = grounds.few
    workspace = ground.workspace("board", contacts=5_000, deals=OPEN * 5 // 2 + 500)
    with (
        ground.owner() as owner,
        acting_identity(ground.database, workspace, ground.person.id, "cli", reading=True) as actor,
    ):
        (pipeline, *_) = queries.pipelines(actor)
        found = owner.execute(f"select count(*) from {workspace.schema}.deal where status = 'open'").fetchone()
        assert found
        if found[0] < OPEN:
            raise RuntimeError(f"there are only {found[0]} open deals")
        sql = CARDS.format(schema=workspace.schema, first=queries.FIRST)
        cards = sum(len(lane.cards) for lane in queries.board(actor, pipeline, Ask()))
        if cards != len(owner.execute(sql).fetchall()):
            raise RuntimeError("the floor does not show the same cards")
        bare, ours = in_turn(
            lambda _: owner.execute(sql).fetchall(), lambda _: queries.board(actor, pipeline, Ask()), times=60
        )
    yield Figure(f"board: {cards} cards of {found[0]:,} open deals", str(ours), str(bare), ours.p50 / bare.p50, 3)
