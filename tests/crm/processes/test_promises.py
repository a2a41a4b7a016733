"""What a business relies on: nothing lost, nothing twice, nobody's rights but the publisher's, nothing without end."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core import jobs
from core.db import database
from core.errors import Busy, Forbidden, Invalid, NotFound
from crm.processes import running, steps
from crm.processes.starting import hear
from tests.crm.processes.drawing import element, end, gateway, process, put, service, start, user, waits
from tests.crm.processes.works import DUE, Works
from tests.shop import Shop

SIMPLE = process(start("deal.created"), user("call"), end(), "start -> call -> end")
ACTING = process(
    start("deal.created"), service("note", "note.create", text="'Began'", deal_id="deal.id"),
    service("price", "deal.edit", id="deal.id", amount="5.0"), user("call"), end(),
    "start -> note -> price -> call -> end",
)  # fmt: skip


class Killed(BaseException):
    """The worker ends here, whatever it was doing."""


@pytest.mark.parametrize("place", ["perform", "settle", "reach", "end"])
def test_a_worker_killed_in_the_middle_of_a_step_loses_nothing_and_does_nothing_twice(
    works: Works, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.published(ACTING)
    deal = works.deal()
    module: Any = steps if place in ("perform", "reach") else running
    whole, calls = getattr(module, place), []

    def dying(*given: Any) -> Any:
        found = whole(*given)
        calls.append(place)
        if len(calls) in (1, 3):
            raise Killed
        return found

    monkeypatch.setattr(module, place, dying)
    for _kill in range(3):
        try:
            works.work()
        except Killed:
            free(works)
    if works.waiting() == ["call"]:
        works.do("process.complete", id=works.task("call").id)
    for _kill in range(3):
        try:
            works.work()
        except Killed:
            free(works)
    assert calls
    assert works.path() == ["note", "price", "call"]
    assert works.run().status == "done"
    assert works.shop.rows("select count(*) as n from note")[0].n == 1
    assert works.shop.rows("select count(*) as n from task")[0].n == 1
    assert works.shop.rows("select count(*) as n from process_instance")[0].n == 1
    actions = works.shop.rows("select action from event where via = 'process' and kind in ('note', 'deal')")
    assert sorted(row.action for row in actions) == ["deal.edit", "note.create"]
    assert works.get_deal(deal).amount == 5


def free(works: Works) -> None:
    """What the relay does with the work of a worker that has ended."""
    with database().controlling() as control:
        control.execute(FREED, {"role": works.shop.workspace.role})


FREED = text("""
update bus.outbox set ready = true, lease_until = null, next_at = now()
where role = :role and not ready and lease_until is not null
""")


def test_an_event_heard_twice_begins_one_run(works: Works) -> None:
    works.published(SIMPLE)
    works.deal()
    with database().controlling() as control:
        rows = control.execute(
            text("select payload from bus.outbox where role = :role and payload ? 'awaited'"),
            {"role": works.shop.workspace.role},
        ).all()
    assert len(rows) == 1
    place = jobs.Place(works.shop.base, works.shop.workspace, 0, lambda: True)
    with works.shop.app.app_context():
        for _time in range(3):
            hear(place, rows[0].payload)
    works.work()
    assert works.shop.rows("select count(*) as n from task")[0].n == 1


def test_only_events_that_are_awaited_wake_a_worker(works: Works) -> None:
    works.published(process(start("deal.changed field=amount"), user("call"), end(), "start -> call -> end"))
    works.work()
    deal = works.deal()
    works.do("deal.edit", id=deal, about="nothing that matters")
    assert awaited(works) == 0
    works.do("deal.edit", id=deal, amount=5)
    assert awaited(works) == 1
    works.do("process.switch_off", id=works.process().id)
    works.work()
    assert works.shop.rows("select count(*) as n from process_instance")[0].n == 0


def awaited(works: Works) -> int:
    with database().controlling() as control:
        query = text("select count(*) from bus.outbox where role = :role and payload ? 'awaited'")
        return int(control.scalar(query, {"role": works.shop.workspace.role}) or 0)


def test_a_run_stays_on_the_version_it_began_on(works: Works) -> None:
    deal = works.begun(process(start(), user("call"), user("price"), end(), "start -> call -> price -> end"))
    process_id = works.process().id
    works.republished(process_id, process(start(), user("call"), user("visit"), end(), "start -> call -> visit -> end"))
    works.complete("call")
    assert works.waiting() == ["price"]
    works.do("process.start", process_id=process_id, record_id=deal)
    works.work()
    works.complete("call")
    assert works.waiting() == ["visit"]
    assert [row.number for row in works.shop.rows("select number from process_version order by number")] == [1, 2]


def test_what_is_refused_stops_the_run_whole_and_can_be_tried_again(works: Works) -> None:
    deal = works.begun(
        process(
            start(), user("call"), service("do", "deal.edit", put("x", "1"), id="deal.id", about="'half'"),
            service("move", "deal.lose", id="deal.id", reason="'Price'"), end(), "start -> call -> do -> move -> end",
        )
    )  # fmt: skip
    works.do("deal.win", id=deal)
    works.complete("call")
    run = works.run()
    assert run.status == "failed"
    assert "won" in run.error
    assert works.step("move").state == "failed"
    assert works.get_deal(deal).status == "won"
    told = works.shop.rows("select kind, member_id from notification where kind = 'process_failed'")
    assert [row.member_id for row in told] == [works.member(works.shop.owner_id)]
    works.do("deal.reopen", id=deal)
    works.do("process.retry", id=run.id)
    works.work()
    assert works.run().status == "done"
    assert works.get_deal(deal).lost_reason == "Price"


def test_a_step_can_be_skipped_and_given_to_another(works: Works) -> None:
    eva = works.member(works.shop.member("sales", "Eva"))
    refused = service("no", "deal.lose", id="deal.name", reason="'x'")
    works.begun(process(start(), user("call"), refused, user("b"), end(), "start -> call -> no -> b -> end"))
    works.do("process.reassign", id=works.run().id, step_id=works.step("call").id, assignee_id=eva)
    assert works.task("call").assignee_id == eva
    works.do("process.skip", id=works.run().id, step_id=works.step("call").id)
    works.work()
    assert works.task("call").deleted_at is not None
    assert works.run().status == "failed"
    works.do("process.skip", id=works.run().id, step_id=works.step("no").id)
    works.work()
    assert works.waiting() == ["b"]
    with pytest.raises(Busy):
        works.do("process.skip", id=works.run().id, step_id=works.step("call").id)
    works.do("process.cancel", id=works.run().id)
    assert works.run().status == "cancelled"
    assert works.task("b").deleted_at is not None


def test_a_task_that_a_run_waits_for_is_not_thrown_away(works: Works) -> None:
    works.begun(SIMPLE.replace('event="deal.created"', 'event="deal.win"'))
    with pytest.raises(Busy):
        works.do("task.delete", id=works.task("call").id)
    assert works.task("call").deleted_at is None


def test_a_process_goes_no_further_than_its_publisher(works: Works) -> None:
    admin = works.shop.member("admin", "Petr")
    works.published(ACTING, by=admin)
    works.work()
    demote(works, admin, "reader")
    works.deal()
    works.work()
    assert works.run().status == "failed"
    assert works.shop.rows("select count(*) as n from note")[0].n == 0


def test_a_right_that_the_publisher_gets_later_does_not_widen_a_process(works: Works) -> None:
    admin = works.shop.member("admin", "Petr")
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        session.execute(
            text("""update role set rights = jsonb_set(rights, '{note,create}', '"none"') where key = 'admin'""")
        )
    works.published(ACTING, by=admin)
    demote(works, admin, "owner")
    works.deal()
    works.work()
    assert works.run().status == "failed"
    assert works.shop.rows("select count(*) as n from note")[0].n == 0


def test_a_process_of_somebody_who_left_stops_and_says_so(works: Works) -> None:
    admin = works.shop.member("admin", "Petr")
    process_id = works.published(process(start(), user("call"), end(), "start -> call -> end"), by=admin)
    works.do("process.start", process_id=process_id, record_id=works.deal())
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        session.execute(text("update member set state = 'left' where identity_id = :id"), {"id": admin})
    works.work()
    assert works.run().status == "failed"
    assert "Publish it again" in works.run().error


def demote(works: Works, identity: UUID, role: str) -> None:
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        session.execute(
            text("update member set role_id = (select id from role where key = :role) where identity_id = :id"),
            {"role": role, "id": identity},
        )


def test_who_may_not_manage_processes_neither_draws_nor_steers_them(works: Works) -> None:
    sales = works.shop.member("sales", "Eva")
    with pytest.raises(Forbidden):
        works.do("process.create", sales, xml=SIMPLE)
    works.begun(process(start(), user("call"), end(), "start -> call -> end"))
    step = {"step_id": works.step("call").id}
    for action, more in (("cancel", {}), ("retry", {}), ("skip", step)):
        with pytest.raises((Forbidden, NotFound)):
            works.do(f"process.{action}", sales, id=works.run().id, **more)
    assert works.run().status == "running"
    assert works.waiting() == ["call"]


def test_processes_of_one_workspace_know_nothing_of_another(works: Works, other: Shop) -> None:
    works.published(SIMPLE)
    works.begun(process(start(), user("call"), end(), "start -> call -> end"))
    theirs = Works(other)
    theirs.deal()
    theirs.work()
    assert other.rows("select count(*) as n from process_instance")[0].n == 0
    step = {"step_id": works.step("call").id}
    for action, more in (("cancel", {}), ("skip", step)):
        with pytest.raises(NotFound):
            theirs.do(f"process.{action}", id=works.run().id, **more)
    with pytest.raises(Invalid):
        theirs.do("process.start", process_id=works.process().id, record_id=works.deal())
    with pytest.raises(NotFound):
        theirs.do("process.complete", id=works.task("call").id)
    foreign = process(
        start(), service("x", "deal.edit", id=f"'{works.deal()}'", name="'Stolen'"), end(), "start -> x -> end"
    )
    theirs.begun(foreign)
    assert theirs.run().status == "failed"
    assert works.shop.rows("select count(*) as n from deal where name = 'Stolen'")[0].n == 0


def test_a_loop_that_never_waits_is_stopped_and_told(works: Works) -> None:
    works.begun(
        process(
            start(), gateway("again"), gateway("back", default="again"), end(), "start -> again -> back -> again",
            "back -> end ? deal.name == 'never'",
        )
    )  # fmt: skip
    assert works.run().status == "failed"
    assert "without ever waiting" in works.run().error


def test_work_that_goes_round_is_stopped_and_told(works: Works) -> None:
    works.begun(
        process(
            start(), gateway("again"), service("w", "", put("x", "1")), gateway("back", default="again"), end(),
            "start -> again -> w -> back -> again", "back -> end ? deal.name == 'never'",
        )
    )  # fmt: skip
    assert works.run().status == "failed"
    assert len(works.shop.rows("select id from notification where kind = 'process_failed'")) == 1


def test_a_process_that_starts_itself_ends_and_is_told(works: Works) -> None:
    drawn = process(
        start("deal.changed field=about"), service("w", "deal.edit", id="deal.id", about="deal.about + 'x'"), end(),
        "start -> w -> end",
    )  # fmt: skip
    works.published(drawn)
    deal = works.deal()
    works.do("deal.edit", id=deal, about="x")
    works.work(most=200)
    assert works.shop.rows("select count(*) as n from process_instance")[0].n == 11
    assert len(works.shop.rows("select id from notification where kind = 'process_flood'")) == 1


def test_no_more_runs_about_one_record_than_may_be_in_an_hour(works: Works) -> None:
    process_id = works.published(process(start(), user("call"), end(), "start -> call -> end", perHour=3))
    deal = works.deal()
    for _time in range(3):
        works.do("process.start", process_id=process_id, record_id=deal)
    with pytest.raises(Busy):
        works.do("process.start", process_id=process_id, record_id=deal)
    works.do("process.start", process_id=process_id, record_id=works.deal())
    assert works.shop.rows("select count(*) as n from process_instance")[0].n == 4


def test_a_gateway_without_a_true_way_is_found_before_it_is_published(works: Works) -> None:
    drawn = process(start(), gateway("g"), user("a"), user("b"), end(), "start -> g", "g -> a ? deal.amount > 1.0",
                    "g -> b ? deal.amount < 1.0", "a -> end", "b -> end")  # fmt: skip
    with pytest.raises(Invalid) as refused:
        works.published(drawn)
    assert [name for name, _words in refused.value.fields] == ["g"]
    assert works.shop.rows("select count(*) as n from process_version")[0].n == 0


def test_a_process_starts_by_the_clock_once_each_time(works: Works) -> None:
    drawn = process(
        element("startEvent", "start", '<okno:every at="08:00"/>'), user("report", "who=publisher"), end(),
        "start -> report -> end", subject="",
    )  # fmt: skip
    works.published(drawn)
    works.work()
    assert works.shop.rows("select id from process_instance") == []
    for days in (1, 2):
        works.pass_time(days * 86400)
        assert works.shop.rows("select count(*) as n from process_instance")[0].n in (days, days + 1)
    with database().controlling() as control:
        waiting = control.execute(
            text("select next_at from bus.outbox where role = :role and payload->>'job' = 'process.by_time'"),
            {"role": works.shop.workspace.role},
        ).all()
    assert len(waiting) == 1
    assert waiting[0].next_at > datetime.now(UTC)


@pytest.mark.slow
def test_a_thousand_times_of_one_second_come_once_each(works: Works) -> None:
    drawn = process(start(), waits("pause", "PT1H"), end(), "start -> pause -> end")
    process_id, deal = works.published(drawn.replace('subject="deal"', 'subject="deal" perHour="1000"')), works.deal()
    works.do("process.start", process_id=process_id, record_id=deal)
    works.work()
    copies(works, 1000)
    works.pass_time(3601)
    found = works.shop.rows("select status, count(*) as n from process_instance group by status")
    assert [(row.status, row.n) for row in found] == [("done", 1000)]
    assert works.shop.rows("select count(*) as n from event where action = 'process.done'")[0].n == 1000
    with database().controlling() as control:
        assert control.scalars(DUE, {"role": works.shop.workspace.role}).all() == []


def copies(works: Works, most: int) -> None:
    """So many runs that wait just as the one there is, each for its own hour of the outbox."""
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        session.execute(text("""
            insert into process_instance (id, process_id, version_id, name, record_kind, record_id, cause, state, data)
            select gen_random_uuid(), process_id, version_id, name, record_kind, record_id, 'copy ' || n, state, data
            from process_instance, generate_series(2, :most) as n"""), {"most": most})  # fmt: skip
        session.execute(
            text("""
            insert into process_step (id, instance_id, token, element, kind, state, due_at)
            select gen_random_uuid(), one.id, step.token, step.element, step.kind, step.state, step.due_at
            from process_step step, process_instance one where one.cause like 'copy %'""")
        )
        session.execute(
            text("""
            insert into bus.outbox (topic, queue, payload, ready, next_at)
            select 'job', 'urgent', jsonb_build_object('job', 'process.advance', 'arguments',
                jsonb_build_object('instance_id', instance_id)), false, due_at
            from process_step join process_instance one on one.id = instance_id where one.cause like 'copy %'""")
        )


def test_a_process_tells_somebody_in_its_own_words(works: Works) -> None:
    said = '<okno:notify who="owner" text="\'Look at \' + deal.name"/>'
    works.begun(process(start(), service("tell", "", said), end(), "start -> tell -> end"))
    assert works.run().status == "done", works.run().error
    told = works.shop.rows("select title, data from notification where kind = 'process_said'")
    assert [row.title for row in told] == ["Look at Okna Novák"]


def test_somebody_is_told_when_a_step_is_late(works: Works) -> None:
    boss = works.member(works.shop.member("admin", "Petr"))
    late = f'<okno:late member="{boss}"/>'
    works.begun(
        process(start(), user("call", "who=owner", late, due="after=PT15M hours=always"), end(), "start -> call -> end")
    )
    task = works.task("call")
    assert task.tell_id == boss
    assert task.tell_at is not None
    assert 890 < (task.tell_at - datetime.now(UTC)).total_seconds() <= 900
    assert task.due_at is not None
    assert (task.due_at - task.tell_at).total_seconds() <= 60


def test_what_a_process_does_is_said_in_its_name_to_whoever_has_the_record(works: Works) -> None:
    petr = works.shop.member("sales", "Petr Malý")
    works.published(ACTING)
    deal = works.deal(petr, name="Okna Dub")
    works.work()
    card = works.shop.browser(petr).get(works.shop.path(f"/deals/{deal}")).get_data(as_text=True)
    assert "<b>Windows</b> wrote" in card
    assert "Began" in card
    assert "Jana Dvořáková" not in card
    noted = works.shop.rows("select form, process, (select name from member where id = author_id) as whose from note")[
        0
    ]
    assert noted == ("process", "Windows", "Petr Malý")
    assert works.shop.rows("select count(*) as n from contact where last_contact_at is not null")[0].n == 0
