"""What the reports tell of requests and processes is what plain Python counts over the same records."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import median_low

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.errors import Forbidden
from core.ids import new_id
from crm.forms.models import Form
from crm.processes.models import Instance, Process, Step, Version
from crm.reports import first_contact, process_runs
from crm.reports.view import view_of
from crm.requests.models import Request
from tests.crm.reports.test_numbers import ROLES, House, day_of, house, moment

__all__ = ["house"]
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
PERIOD = {"from": str(FIRST), "to": str(LAST)}


def inside(at: datetime | None) -> bool:
    return at is not None and FIRST <= day_of(at) <= LAST


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), who=st.sampled_from(["owner", "head", "outside"]))
def test_how_soon_clients_heard_of_us(house: House, seed: int, who: str) -> None:
    """Roles that sell see all requests; who works outside sees their own."""
    rng, now = random.Random(seed), datetime.now(UTC)
    seen = []
    with house.shop.base.workspace(house.shop.workspace) as session, session.begin():
        session.execute(text("delete from request"))
        form = Form(name="On the web", key=new_id().hex)
        session.add(form)
        session.flush()
        for _ in range(40):
            at, owner = moment(rng), rng.choice(["owner", *ROLES, "nobody"])
            source = rng.choice(("form", "mail", "call", "hand"))
            one = Request(
                name="Somebody", source=source, form_id=form.id if source == "form" and rng.random() < 0.7 else None,
                created_at=at, assignee_id=house.id(owner), doubts=rng.choice([[], [], [], ["quick"]]),
                state=rng.choice(("new", "taken", "converted", "closed", "spam")),
                contact_by=rng.choice([None, at + timedelta(minutes=15), now + timedelta(days=9)]),
                first_contact_at=rng.choice([None, at + timedelta(seconds=rng.randint(0, 2000))]),
            )  # fmt: skip
            session.add(one)
            if who != "outside" or owner == "outside":
                seen.append(one)
        session.flush()
        session.expunge_all()
    asked = [one for one in seen if inside(one.created_at) and one.state != "spam" and not one.doubts]
    with house.shop.acting(house.members[who][0]) as actor:
        here = view_of(actor, PERIOD)
        people, sources = first_contact.by_person(actor, here), first_contact.by_source(actor, here)
        whole = first_contact.altogether(actor, here)
    assert people == {
        member: told([one for one in asked if one.assignee_id == member], now)
        for member in {one.assignee_id for one in asked}
    }
    assert {(source, form_id): found for source, form_id, found in sources} == {
        kind: told([one for one in asked if (one.source, one.form_id) == kind], now)
        for kind in {(one.source, one.form_id) for one in asked}
    }
    assert whole == told(asked, now)


def told(asked: list[Request], now: datetime) -> first_contact.Answered:
    waited = [one.first_contact_at - one.created_at for one in asked if one.first_contact_at]
    due = [(one, one.contact_by) for one in asked if one.contact_by]
    kept = [one for one, by in due if one.first_contact_at and one.first_contact_at <= by]
    late = [one for one, by in due if one.first_contact_at and one.first_contact_at > by]
    open_still = ("new", "taken", "converted")
    never = [one for one, by in due if not one.first_contact_at and by < now and one.state in open_still]
    average = sum(waited, timedelta()) / len(waited) if waited else None
    middle = median_low(waited) if waited else None
    return first_contact.Answered(len(asked), len(kept), len(late) + len(never), 0, middle, average)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_where_processes_spend_their_time(house: House, seed: int) -> None:
    rng, now = random.Random(seed), datetime.now(UTC)
    runs, steps = [], []
    with house.shop.base.workspace(house.shop.workspace) as session, session.begin():
        session.execute(text("delete from process"))
        process = Process(name="Windows", key=new_id().hex)
        session.add(process)
        session.flush()
        version = Version(process_id=process.id, number=1, xml="", rights={}, publisher_id=house.id("owner"))
        session.add(version)
        session.flush()
        for number in range(15):
            at, status = moment(rng), rng.choice(("running", "running", "done", "failed", "cancelled"))
            ended = at + timedelta(minutes=rng.randint(1, 90_000)) if status == "done" else None
            run = Instance(
                process_id=process.id, version_id=version.id, cause=str(number), status=status, created_at=at,
                ended_at=ended,
            )  # fmt: skip
            session.add(run)
            session.flush()
            runs.append(run)
            for element in rng.sample(("call", "measure", "wait", "mail"), rng.randint(0, 4)):
                state = rng.choice(("open", "done", "skipped"))
                step = Step(
                    instance_id=run.id, token=new_id(), element=element, name=element.title(), state=state, began_at=at,
                    kind={"wait": "timer", "mail": "service"}.get(element, "user"),
                    done_at=at + timedelta(seconds=rng.randint(1, 90_000)) if state != "open" else None,
                    due_at=rng.choice([None, now - timedelta(hours=1), now + timedelta(days=1)]),
                )  # fmt: skip
                session.add(step)
                steps.append(step)
        session.flush()
        session.expunge_all()
    with house.shop.acting() as actor:
        (found,) = process_runs.runs_of(actor, view_of(actor, PERIOD).period)
    running = {run.id for run in runs if run.status == "running"}
    behind = {s.instance_id for s in steps if s.kind == "user" and s.state == "open" and s.due_at and s.due_at < now}
    lasted = [run.ended_at - run.created_at for run in runs if run.ended_at and inside(run.ended_at)]
    assert (found.running, found.late, found.failed, found.done, found.median) == (
        len(running), len(running & behind), sum(run.status == "failed" for run in runs), len(lasted),
        median_low(lasted) if lasted else None,
    )  # fmt: skip
    spent: dict[str, list[timedelta]] = defaultdict(list)
    for step in steps:
        if step.state == "done" and step.kind != "timer" and step.done_at and inside(step.done_at):
            spent[step.element].append(step.done_at - step.began_at)
    assert {one.element: (one.times, one.median, one.longest) for one in found.steps} == {
        element: (len(times), median_low(times), max(times)) for element, times in spent.items()
    }
    assert [one.median for one in found.steps] == sorted((one.median for one in found.steps), reverse=True)
    with house.shop.acting(house.members["mate"][0]) as actor, pytest.raises(Forbidden):
        process_runs.runs_of(actor, view_of(actor, {}).period)
