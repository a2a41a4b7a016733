"""Each element of BPMN that there is does what the standard says of it."""

from datetime import UTC, datetime
from uuid import UUID
from xml.sax.saxutils import escape

import pytest

from core.errors import Invalid
from tests.crm.processes.drawing import (
    MESSAGE,
    beside,
    element,
    end,
    gateway,
    hears,
    process,
    put,
    service,
    start,
    timer,
    trigger,
    user,
    waits,
)
from tests.crm.processes.works import Works


def test_a_run_begins_when_a_deal_is_created_and_gives_its_owner_a_task(works: Works) -> None:
    works.published(process(start("deal.created"), user("call", todo="call"), end(), "start -> call -> end"))
    deal = works.deal()
    works.work()
    task = works.task("call")
    assert (task.name, task.deal_id, task.assignee_id) == ("Call", deal, works.member(works.shop.owner_id))
    assert works.run().record_id == deal
    works.do("task.done", id=task.id)
    works.work()
    assert works.run().status == "done"
    assert works.path() == ["call"]


def test_a_form_is_filled_in_before_the_step_is_done(works: Works) -> None:
    works.begun(process(start(), user("measure", fields="width:number! note"), end(), "start -> measure -> end"))
    task = works.task("measure")
    with pytest.raises(Invalid) as refused:
        works.do("task.done", id=task.id)
    assert refused.value.fields[0][0] == "width"
    with pytest.raises(Invalid):
        works.do("process.complete", id=task.id, values={"width": "wide"})
    with pytest.raises(Invalid):
        works.do("process.complete", id=task.id, values={"width": 5, "colour": "red"})
    assert works.task("measure").done_at is None
    works.complete("measure", width="1200,5", note="left wing")
    assert works.run().data["steps"]["measure"] == {
        "width": 1200.5, "note": "left wing", "by": str(works.member(works.shop.owner_id)),
    }  # fmt: skip
    assert works.run().status == "done"


def test_an_action_is_taken_in_the_name_of_the_process(works: Works) -> None:
    deal = works.begun(
        process(
            start(),
            service("price", "deal.edit", id="deal.id", amount="25.0 * 4.0", about="'For ' + deal.name"),
            service("ask", "task.create", name="'Send the quote'", deal_id="deal.id"),
            service("keep", "", put("task", "steps.ask.id")),
            end(),
            "start -> price -> ask -> keep -> end",
        )
    )
    found = works.get_deal(deal)
    assert (float(found.amount or 0), found.about) == (100.0, "For Okna Novák")
    run = works.run()
    assert run.status == "done", run.error
    assert run.data["data"]["task"] == run.data["steps"]["ask"]["id"]
    events = works.shop.rows("select action, via, request_id from event where via = 'process' order by id")
    said = [(row.action, row.request_id) for row in events if row.action.startswith(("deal", "task"))]
    assert said == [("deal.edit", f"process:{run.id}"), ("task.create", f"process:{run.id}")]


@pytest.mark.parametrize(("amount", "way"), [("200000", "large"), ("5", "small"), (None, "small")])
def test_an_exclusive_gateway_takes_the_first_true_way_or_the_usual_one(works: Works, amount: str, way: str) -> None:
    works.begun(
        process(
            start(), gateway("size", default="small"), user("large"), user("small"), end(),
            "start -> size", "size -> large ? deal.amount != null && deal.amount > 100000.0", "size -> small",
            "large -> end", "small -> end",
        ),
        amount=amount,
    )  # fmt: skip
    assert works.waiting() == [way], works.run().error


def test_parallel_ways_meet_again(works: Works) -> None:
    works.begun(
        process(
            start(), gateway("split", "parallelGateway"), user("a"), user("b"), gateway("join", "parallelGateway"),
            user("c"), end(), "start -> split -> a -> join", "split -> b -> join -> c -> end",
        )
    )  # fmt: skip
    assert works.waiting() == ["a", "b"]
    works.complete("a")
    assert works.waiting() == ["b"]
    works.complete("b")
    assert works.waiting() == ["c"]


def test_a_timer_waits_for_its_time(works: Works) -> None:
    works.begun(process(start(), waits("pause", "PT15M"), user("call"), end(), "start -> pause -> call -> end"))
    due = works.step("pause").due_at
    assert due is not None
    assert 890 < (due - datetime.now(UTC)).total_seconds() <= 900
    works.pass_time(890)
    assert works.waiting() == ["pause"]
    works.pass_time(11)
    assert works.waiting() == ["call"]


def late(interrupts: bool, value: str = "PT15M", what: str = "Duration") -> str:
    return process(
        start(), user("call"), beside("late", "call", timer(value, what=what), interrupts=interrupts), user("tell"),
        end(), end("end2"), "start -> call -> end", "late -> tell -> end2",
    )  # fmt: skip


def test_a_deadline_beside_a_step_lets_it_go_on(works: Works) -> None:
    works.begun(late(interrupts=False))
    works.pass_time(901)
    assert works.waiting() == ["call", "tell"]
    works.complete("call")
    assert works.waiting() == ["tell"]
    assert works.run().status == "running"
    works.complete("tell")
    assert works.run().status == "done"


def test_a_deadline_that_interrupts_takes_the_step_away(works: Works) -> None:
    works.begun(late(interrupts=True))
    works.pass_time(901)
    assert works.waiting() == ["tell"]
    assert works.task("call").deleted_at is not None
    assert works.step("call").state == "cancelled"


def test_a_step_done_in_time_ends_its_deadline(works: Works) -> None:
    works.begun(late(interrupts=False))
    works.complete("call")
    assert works.run().status == "done"
    works.pass_time(2000)
    assert [step.state for step in works.steps() if step.element == "late"] == ["cancelled"]
    assert not [step for step in works.steps() if step.element == "tell"]


def test_a_reminder_repeats_as_often_as_it_says(works: Works) -> None:
    works.begun(late(interrupts=False, value="R3/PT10M", what="Cycle"))
    for times in (1, 2, 3, 3):
        works.pass_time(601)
        assert works.waiting().count("tell") == times
    assert "call" in works.waiting()


def test_an_event_gateway_goes_the_way_of_what_comes_first(works: Works) -> None:
    drawn = process(
        start(), gateway("either", "eventBasedGateway"), hears("won", "deal.win"), waits("long", "P3D"),
        user("install"), user("remind"), end(), "start -> either -> won -> install -> end",
        "either -> long -> remind -> end",
    )  # fmt: skip
    deal = works.begun(drawn)
    assert works.waiting() == ["long", "won"]
    other = works.deal(name="Another")
    works.do("deal.win", id=other)
    works.work()
    assert works.waiting() == ["long", "won"]
    works.do("deal.win", id=deal)
    works.work()
    assert works.waiting() == ["install"]
    works.pass_time(4 * 86400)
    assert works.waiting() == ["install"]
    works.do("process.start", process_id=works.process().id, record_id=other)
    works.work()
    works.pass_time(3 * 86400 + 1)
    assert works.waiting() == ["remind"]


def test_a_message_by_name_reaches_the_runs_about_its_record(works: Works) -> None:
    before = '<bpmn:message id="m" name="paid"/>'
    catch = element("intermediateCatchEvent", "paid", inner='<bpmn:messageEventDefinition messageRef="m"/>')
    deal = works.begun(
        process(start(), catch, user("install"), end(), "start -> paid -> install -> end", before=before)
    )
    works.do("process.message", record_id=works.deal(), name="paid")
    works.do("process.message", record_id=deal, name="unpaid")
    works.work()
    assert works.waiting() == ["paid"]
    works.do("process.message", record_id=deal, name="paid", values={"amount": 5})
    works.work()
    assert works.waiting() == ["install"]
    assert works.run().data["steps"]["paid"]["amount"] == 5


def test_a_subprocess_runs_inside_and_its_errors_reach_its_border(works: Works) -> None:
    before = '<bpmn:error id="e" errorCode="no" name="No"/>'
    error = '<bpmn:errorEventDefinition errorRef="e"/>'
    inside = (
        start(element_id="s2") + user("ask", fields="agreed:yesno!") + gateway("g", default="bad")
        + end("good") + element("endEvent", "bad", inner=error)
        + '<bpmn:sequenceFlow id="i1" sourceRef="s2" targetRef="ask"/>'
        '<bpmn:sequenceFlow id="i2" sourceRef="ask" targetRef="g"/>'
        '<bpmn:sequenceFlow id="i3" sourceRef="g" targetRef="good"><bpmn:conditionExpression>steps.ask.agreed'
        '</bpmn:conditionExpression></bpmn:sequenceFlow><bpmn:sequenceFlow id="f_g_bad" sourceRef="g" targetRef="bad"/>'
    )  # fmt: skip
    drawn = process(
        start(), element("subProcess", "agree", inner=inside), beside("no", "agree", error), user("next"),
        user("sorry"), end(), "start -> agree -> next -> end", "no -> sorry -> end", before=before,
    )  # fmt: skip
    deal = works.begun(drawn)
    works.complete("ask", agreed=True)
    assert works.waiting() == ["next"]
    works.do("process.start", process_id=works.process().id, record_id=deal)
    works.work()
    works.complete("ask", agreed="no")
    assert works.waiting() == ["sorry"]


def test_an_escalation_tells_and_goes_on(works: Works) -> None:
    before = '<bpmn:escalation id="x" escalationCode="late" name="Late"/>'
    thrown = '<bpmn:escalationEventDefinition escalationRef="x"/>'
    inside = (
        start(element_id="s2") + element("intermediateThrowEvent", "shout", inner=thrown) + user("work") + end("e2")
        + '<bpmn:sequenceFlow id="i1" sourceRef="s2" targetRef="shout"/>'
        '<bpmn:sequenceFlow id="i2" sourceRef="shout" targetRef="work"/>'
        '<bpmn:sequenceFlow id="i3" sourceRef="work" targetRef="e2"/>'
    )  # fmt: skip
    works.begun(
        process(
            start(), element("subProcess", "all", inner=inside), beside("heard", "all", thrown, interrupts=False),
            user("boss"), end(), end("end2"), "start -> all -> end", "heard -> boss -> end2", before=before,
        )
    )  # fmt: skip
    assert works.waiting() == ["boss", "work"]


def test_an_action_that_is_refused_goes_on_at_its_border(works: Works) -> None:
    catch = beside("refused", "lose", "<bpmn:errorEventDefinition/>")
    deal = works.begun(
        process(
            start(), service("win", "deal.win", id="deal.id"), service("lose", "deal.lose", id="deal.id", reason="'x'"),
            catch, user("mend"), end(), "start -> win -> lose -> end", "refused -> mend -> end",
        )
    )  # fmt: skip
    assert works.waiting() == ["mend"]
    assert works.get_deal(deal).status == "won"
    assert "won" in works.run().data["steps"]["lose"]["error"]


def test_a_terminating_end_ends_everything(works: Works) -> None:
    works.begun(
        process(
            start(), gateway("split", "parallelGateway"), user("a"), user("b"), end(),
            element("endEvent", "stop", inner="<bpmn:terminateEventDefinition/>"),
            "start -> split -> a -> end", "split -> b -> stop",
        )
    )  # fmt: skip
    works.complete("b")
    assert works.run().status == "done"
    assert works.task("a").deleted_at is not None


def row(when: list[str], then: list[str]) -> str:
    cells = [f"<dmn:inputEntry><dmn:text>{escape(one)}</dmn:text></dmn:inputEntry>" for one in when]
    cells += [f"<dmn:outputEntry><dmn:text>{escape(one)}</dmn:text></dmn:outputEntry>" for one in then]
    return f"<dmn:rule>{''.join(cells)}</dmn:rule>"


def column(text: str) -> str:
    return f"<dmn:input><dmn:inputExpression><dmn:text>{text}</dmn:text></dmn:inputExpression></dmn:input>"


TABLE = "".join(
    [
        '<dmn:decisionTable hitPolicy="FIRST">',
        column("deal.amount"),
        column("deal.currency"),
        '<dmn:output name="discount"/><dmn:output name="who"/>',
        row([">= 100000.0", '"CZK", "EUR"'], ["10", '"head"']),
        row(["[1000.0..100000.0)", "-"], ["5", '"sales"']),
        row(["", ""], ["0", '"sales"']),
        "</dmn:decisionTable>",
    ]
)


@pytest.mark.parametrize(("amount", "found"), [(250000, (10, "head")), (99999, (5, "sales")), (10, (0, "sales"))])
def test_a_decision_table_decides(works: Works, amount: int, found: tuple[int, str]) -> None:
    works.begun(
        process(start(), element("businessRuleTask", "decide", TABLE), end(), "start -> decide -> end"), amount=amount
    )
    decided = works.run().data["steps"]["decide"]
    assert (decided["discount"], decided["who"]) == found


def test_a_deal_that_comes_into_a_stage_begins_a_run(works: Works) -> None:
    works.published(process(start("deal.stage to=Measurement"), user("measure"), end(), "start -> measure -> end"))
    deal = works.deal()
    works.work()
    assert works.shop.rows("select id from process_instance") == []
    (stage,) = works.shop.rows("select id from stage where name = 'Measurement'")
    works.do("deal.move", id=deal, stage_id=stage.id)
    works.work()
    assert works.waiting() == ["measure"]
    works.do("deal.edit", id=deal, about="something else")
    works.work()
    assert len(works.shop.rows("select id from process_instance")) == 1


def test_a_receiving_task_and_a_message_beside_a_step_hear_events(works: Works) -> None:
    deal = works.begun(
        process(
            start(), element("receiveTask", "changed", trigger("deal.changed field=amount if=(deal.amount > 10.0)")),
            user("call"), beside("lost", "call", MESSAGE, trigger("deal.lose")), end(), end("end2"),
            "start -> changed -> call -> end", "lost -> end2",
        )
    )  # fmt: skip
    works.do("deal.edit", id=deal, about="x")
    works.do("deal.edit", id=deal, amount=5)
    works.work()
    assert works.waiting() == ["changed"]
    works.do("deal.edit", id=deal, amount=50)
    works.work()
    assert works.waiting() == ["call", "lost"]
    works.do("deal.lose", id=deal, reason="Price")
    works.work()
    assert works.run().status == "done"


def test_whoever_did_a_step_does_the_next(works: Works) -> None:
    eva = works.shop.member("sales", "Eva Nová")
    works.begun(
        process(
            start(), user("call", "role=sales"), user("price", "step=call"), user("check", "who=starter"), end(),
            "start -> call -> price -> check -> end",
        )
    )  # fmt: skip
    assert works.step("call").assignee_id == works.member(eva)
    works.complete("call", eva)
    assert works.step("price").assignee_id == works.member(eva)
    works.complete("price", eva)
    assert works.step("check").assignee_id == works.member(works.shop.owner_id)


def test_a_department_is_named_as_people_write_it(works: Works) -> None:
    eva = works.member(works.shop.member("sales", "Eva Nová"))
    made = works.do("department.create", name="Žaluzie Čáslav", head_id=eva)
    works.do("member.edit", id=eva, department_id=made.id)
    works.begun(
        process(start(), user("call", "head=(Žaluzie Čáslav)"), user("go", "department=(Žaluzie Čáslav)"), end(),
                "start -> call -> go -> end")
    )  # fmt: skip
    assert works.step("call").assignee_id == eva
    works.complete("call")
    assert works.step("go").assignee_id == eva


def test_turns_are_taken_round_robin(works: Works) -> None:
    people = {works.member(works.shop.member("sales", name)) for name in ("Eva", "Jan", "Petr")}
    process_id = works.published(process(start(), user("call", "role=sales"), end(), "start -> call -> end"))
    given: list[UUID | None] = []
    for _time in range(6):
        works.do("process.start", process_id=process_id, record_id=works.deal())
        works.work()
        given.append(works.step("call").assignee_id)
    assert set(given[:3]) == people
    assert given[:3] == given[3:]
