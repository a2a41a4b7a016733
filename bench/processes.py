"""What a step of a process costs: the windows shop's story, by one worker."""

from collections.abc import Iterator
from time import perf_counter
from uuid import UUID

from sqlalchemy import func, select

from bench.figures import Figure
from bench.ground import Ground, Grounds
from core.db import Workspace
from crm.app import create_app
from crm.deals import actions as deals
from crm.processes import actions
from crm.processes.bpmn import read
from crm.processes.models import Instance, Process, Step
from crm.processes.running import advance
from crm.processes.walk import Walk
from tenants.members import acting_identity
from tests.crm.processes import drawing as d
from tests.shop import pipelines_alone

RUNS = 60
LEAST = 20  # steps a second
# Call within a quarter of an hour, or the head is told; measure, price, agree, install, report.
STORY = d.process(
    d.start(),
    d.user("call", "who=owner", due="after=PT15M hours=working", fields="result"),
    d.beside("late", "call", d.timer("PT15M"), interrupts=False),
    d.service("tell", "", d.notify("publisher", "'Late: ' + deal.name")),
    d.end("told"),
    d.gateway("size", default="measure"),
    d.user("measure", "step=call", fields="width:number! height:number!"),
    d.service("price", "deal.edit", id="deal.id", amount="steps.measure.width * steps.measure.height * 0.01"),
    d.user("agree", "step=call", fields="agreed:yesno!"),
    d.service("note", "note.create", text="'Agreed with the client'", deal_id="deal.id"),
    d.user("install", "who=owner", due="after=P5D hours=working"),
    d.service("win", "deal.win", id="deal.id"),
    d.service("report", "", d.notify("publisher", "'Done: ' + deal.name")),
    d.end(),
    "start -> call -> size -> measure -> price -> agree -> note -> install -> win -> report -> end",
    "size -> end ? has(steps.call.result) && steps.call.result == 'lost'",
    "late -> tell -> told",
    perHour=1000,
)
FORMS = {"call": {"result": "wants it"}, "measure": {"width": 1200, "height": 1500}, "agree": {"agreed": True}}


def process(grounds: Grounds) -> Iterator[Figure]:
    """Steps passed in a second by one worker; the floor is what SpiffWorkflow needs for its part of one."""
    ground = grounds.few
    workspace = shop(ground)
    with create_app().test_request_context("/"):
        took, passed = played(ground, workspace, begun(ground, workspace))
        definition = read(STORY)
    walk = Walk(definition.specs, lambda _condition: True)
    walk.go()
    state = walk.state()
    began = perf_counter()
    for _time in range(200):
        Walk(definition.specs, lambda _condition: True, state).state()
    alone = (perf_counter() - began) / 200
    each = took / passed
    measured = f"{each * 1000:.1f} ms a step, {1 / each:.0f} steps/s"
    floor = f"{alone * 1000:.2f} ms, tokens out of the state and back"
    yield Figure(
        "a step of the windows process, one worker", measured, floor, 1 / each, LEAST, at_least=True, unit="/s"
    )


def shop(ground: Ground) -> Workspace:
    """A workspace without the processes of its industry, which would run beside what is measured."""
    return ground.workspace("process-alone", furnished=pipelines_alone)


def begun(ground: Ground, workspace: Workspace) -> list[UUID]:
    with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor:
        made = actor.db.scalar(select(Process).where(Process.key == "windows"))
        made = made or actions.create(actor, actions.create.parse({"xml": STORY}))
        actions.publish(actor, actions.OneProcess(id=made.id))
        found = []
        for number in range(RUNS):
            deal = deals.create(actor, deals.create.parse({"name": f"Windows {number}"}))
            found.append(actions.start(actor, actions.Start(process_id=made.id, record_id=deal.id)).id)
        return found


def played(ground: Ground, workspace: Workspace, runs: list[UUID]) -> tuple[float, int]:
    """Seconds that the engine took, and how many steps it passed; what people do in between is not counted."""
    took, passed, waiting = 0.0, 0, list(runs)
    mine = Step.instance_id.in_(runs)
    while waiting:
        began = perf_counter()
        for run_id in waiting:
            advance(ground.database, workspace, run_id)
        took += perf_counter() - began
        with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor:
            for step in actor.db.scalars(select(Step).where(mine, Step.state == "open", Step.kind == "user")).all():
                given = {"id": step.task_id, "values": FORMS.get(step.element, {})}
                actions.complete(actor, actions.complete.parse(given))
            waiting = list(
                actor.db.scalars(select(Instance.id).where(Instance.id.in_(runs), Instance.status == "running"))
            )
            passed = actor.db.scalar(select(func.count()).where(mine, Step.state == "done")) or 0
    return took, passed
