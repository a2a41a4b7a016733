"""How late timers of processes are with 10,000 waiting, and how many steps real workers take in a second."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text

from bench.changes import relaying
from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.processes import FORMS, begun, shop
from bench.timing import Times
from bench.work import timed, wait_until, working
from core.db import Workspace
from crm.app import create_app
from crm.deals import actions as deals
from crm.processes import actions
from crm.processes.models import Instance, Step
from crm.processes.running import ADVANCE
from tenants.members import acting_identity
from tests.crm.processes import drawing as d

WAITING = 10_000
COMING = 300  # of them within SOON
SOON = 30.0  # seconds
LEAST = 20  # steps a second of one worker
WAITS = d.process(d.start(), d.waits("wait", "P30D"), d.end(), "start -> wait -> end")
# One run that waits, as often as is needed: its own rows under other numbers, each due at a time of its own.
MORE = text(f"""
with made as (
  insert into process_instance (id, process_id, version_id, name, record_kind, cause, state, data, passed)
  select gen_random_uuid(), process_id, version_id, name, record_kind, 'bench ' || :mark || n, state, data, passed
  from process_instance, generate_series(1, {WAITING}) n where id = :model
  returning id, cause
), timed as (
  select made.id, case when n <= {COMING} then :at + n * interval '{SOON / COMING} second'
                       else :at + interval '1 day' end as due_at
  from made join (select row_number() over (order by cause) as n, id from made) numbered using (id)
), stepped as (
  insert into process_step (id, instance_id, token, element, kind, due_at)
  select gen_random_uuid(), timed.id, token, element, step.kind, timed.due_at
  from timed, process_step step where step.instance_id = :model and step.state = 'open'
)
select id, due_at from timed
""")
LATE = text("""
select extract(epoch from done_at - due_at) * 1000 from process_step
where state = 'done' and due_at > :at and instance_id in (select id from process_instance where cause like :mark)
""")


def timers(grounds: Grounds) -> Iterator[Figure]:
    """From a timer's moment until its run has gone on, by one worker: 300 come due in 30 s, 9,700 go on waiting."""
    ground = grounds.few
    workspace = ground.workspace("timers")
    with relaying(ground), working(ground):
        at = datetime.now(UTC) + timedelta(seconds=15)
        mark = f"{at:%H%M%S}-"
        values = {"at": at, "mark": f"bench {mark}%"}
        with ground.database.workspace(workspace) as session, session.begin():
            model = waiting_run(ground, workspace)
            rows = session.execute(MORE, {"model": model, "mark": mark, "at": at}).all()
            ask(ground, workspace, [(row.id, row.due_at) for row in rows])

        def late() -> list[float]:
            with ground.database.workspace(workspace, reading=True) as session:
                return [float(one) for one in session.scalars(LATE, values)]

        wait_until(lambda: len(late()) == COMING)
        found = Times(sorted(late()))
    yield Figure(
        f"timers of processes, {WAITING:,} waiting", str(found), "-", found.values[-1] / 1000, 5, unit=" s",
    )  # fmt: skip


def waiting_run(ground: Ground, workspace: Workspace) -> UUID:
    """A run that waits for its timer, as the engine left it."""
    with (
        create_app().test_request_context("/"),
        acting_identity(ground.database, workspace, ground.person.id, "cli") as actor,
    ):
        made = actions.create(actor, actions.create.parse({"xml": WAITS}))
        actions.publish(actor, actions.OneProcess(id=made.id))
        deal = deals.create(actor, deals.create.parse({"name": "Windows"}))
        run_id = actions.start(actor, actions.Start(process_id=made.id, record_id=deal.id)).id

    def waits() -> bool:
        with ground.database.workspace(workspace, reading=True) as session:
            return session.scalar(select(Step.id).where(Step.instance_id == run_id, Step.state == "open")) is not None

    wait_until(waits)
    return run_id


def ask(ground: Ground, workspace: Workspace, runs: list[tuple[UUID, datetime]]) -> None:
    """As `later(..., at=...)` does for one."""
    with (
        ground.owner() as owner,
        owner.cursor().copy("copy bus.outbox (role, topic, queue, payload, ready, next_at) from stdin") as copy,
    ):
        for run_id, due_at in runs:
            payload = f'{{"job": "{ADVANCE}", "arguments": {{"instance_id": "{run_id}"}}}}'
            copy.write_row((workspace.role, "job", "urgent", payload, False, due_at))


def workers(grounds: Grounds) -> Iterator[Figure]:
    """Steps of the windows process in a second, from the moment at which people have done theirs until every run waits
    again, with one worker and with two, relay and all."""
    ground = grounds.few
    workspace = shop(ground)
    for number in (1, 2):
        with relaying(ground), ExitStack() as stack:
            for _worker in range(number):
                stack.enter_context(working(ground))
            with create_app().test_request_context("/"):
                took, passed = worked(ground, workspace)
        yield Figure(
            f"steps of the windows process, {number} worker{'s' * (number > 1)}", f"{passed} in {took:.1f} s", "-",
            passed / took, LEAST * number, at_least=True, unit="/s",
        )  # fmt: skip


def worked(ground: Ground, workspace: Workspace) -> tuple[float, int]:
    """Seconds of the engine, and the steps that it passed."""
    runs = begun(ground, workspace)
    wait_until(lambda: quiet(ground, workspace))
    took = 0.0
    while people_do_theirs(ground, workspace, runs):
        took += timed(lambda: wait_until(lambda: quiet(ground, workspace)))
    with ground.database.workspace(workspace, reading=True) as session:
        done = select(func.count()).where(Step.instance_id.in_(runs), Step.state == "done")
        return took, session.scalar(done) or 0


def people_do_theirs(ground: Ground, workspace: Workspace, runs: list[UUID]) -> bool:
    with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor:
        steps = select(Step).where(Step.instance_id.in_(runs), Step.state == "open", Step.kind == "user")
        found = actor.db.scalars(steps).all()
        for step in found:
            actions.complete(actor, actions.complete.parse({"id": step.task_id, "values": FORMS.get(step.element, {})}))
        left = actor.db.scalar(select(func.count()).where(Instance.id.in_(runs), Instance.status == "running"))
        if not found and left:
            raise RuntimeError(f"{left} runs have stopped")
        return bool(found)


def quiet(ground: Ground, workspace: Workspace) -> bool:
    """Whether nothing is to be done now; timers may wait."""
    due = text("select count(*) from bus.outbox where role = :role and (ready or next_at <= now() or holder <> '')")
    with ground.database.controlling() as control:
        return not control.scalar(due, {"role": workspace.role})
