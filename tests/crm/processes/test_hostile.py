"""What a stranger may write into a file: it is refused in plain words, and costs little."""

import time
from typing import Any

import pytest
from flask import Flask

from crm.processes import expressions
from crm.processes.bpmn import LARGEST, Unreadable, read
from crm.processes.expressions import Wrong, checked, evaluate
from crm.processes.walk import Lost, Walk
from tests.crm.processes.drawing import HEAD, element, end, gateway, process, service, start, user
from tests.crm.processes.works import Works


@pytest.fixture(autouse=True)
def words(app: Flask) -> Any:
    with app.test_request_context("/"):
        yield


ENTITY = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
BODY = process(start(), user("call"), end(), "start -> call -> end").split("?>", 1)[1]


@pytest.mark.parametrize(
    "xml",
    [
        ENTITY + BODY.replace("Call", "&x;"),
        LAUGHS + BODY.replace("Call", "&b;"),
        "<!doctype d>" + BODY,
        '<?xml version="1.0" encoding="UTF-16"?>' + BODY,
        BODY[:200],
        "",
        "not xml",
        "<html/>",
        BODY.replace("</bpmn:process>", "<bpmn:x></bpmn:process>"),
        "<a>" * 20_000 + "</a>" * 20_000,
        HEAD + "</bpmn:definitions>",
        BODY + " " * LARGEST,
        BODY.replace('id="call"', 'id="call\'] | //*"'),
        BODY.replace('id="end"', 'id="call"'),
        process(*[user(f"u{n}") for n in range(250)], start(), end(), "start -> u1 -> end"),
    ],
)
def test_xml_that_is_not_bpmn_is_refused(xml: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Unreadable) as refused:
        read(xml)
    assert refused.value.problems[0].words
    assert "root:" not in str(refused.value.detail)
    assert time.perf_counter() - began < 2


def test_elements_that_do_not_run_here_are_listed_by_name_and_id() -> None:
    with pytest.raises(Unreadable) as refused:
        read(
            process(
                start(), element("scriptTask", "code", inner="<bpmn:script>import os</bpmn:script>"),
                element("callActivity", "other", calledElement="x"), end(), "start -> code -> other -> end",
            )
        )  # fmt: skip
    found = {problem.element: problem.words for problem in refused.value.problems}
    assert "scriptTask" in found["code"]
    assert "callActivity" in found["other"]


def test_elements_of_other_programs_are_passed_over() -> None:
    foreign = '<zeebe:taskDefinition xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" type="rm -rf"/>'
    di = '<bpmndi:BPMNDiagram id="d"><bpmndi:BPMNPlane bpmnElement="windows"/></bpmndi:BPMNDiagram>'
    drawn = process(start(), user("call", "who=owner", foreign), end(), "start -> call -> end")
    assert read(drawn.replace("</bpmn:definitions>", f"{di}</bpmn:definitions>")).elements["call"].name == "Call"


PROBLEMS = [
    (user("call", ""), "call"),
    (user("call", "member=nobody@example.com"), "call"),
    (user("call", "role=emperor"), "call"),
    (user("call", "step=zork"), "call"),
    (user("call", "who=owner", fields="a:colour"), "call"),
    (user("call", due="after=soon hours=working"), "call"),
    (service("call", "deal.explode"), "call"),
    (service("call", "role.edit", id="deal.id"), "call"),
    (service("call", "deal.edit", id="deal.id", colour="1"), "call"),
    (service("call", "deal.edit", name="'x'"), "call"),
    (service("call", "deal.edit", id="__import__('os')"), "call"),
    (service("call", "deal.edit", id="zork.id"), "call"),
    (service("call"), "call"),
    (element("intermediateCatchEvent", "call"), "call"),
]


@pytest.mark.parametrize(("drawn", "where"), PROBLEMS)
def test_what_would_go_wrong_is_found_before_it_is_published(works: Works, drawn: str, where: str) -> None:
    from crm.processes.checks import problems

    definition = read(process(start(), drawn, end(), f"start -> {where} -> end"))
    with works.shop.acting() as actor:
        found = problems(actor, definition)
    assert where in {problem.element for problem in found}


def test_what_cannot_be_reached_is_found(works: Works) -> None:
    from crm.processes.checks import problems

    definition = read(process(start(), user("call"), user("alone"), gateway("g"), end(), "start -> call -> end"))
    with works.shop.acting() as actor:
        found = {problem.element for problem in problems(actor, definition)}
    assert found == {"alone", "g"}


HOSTILE = [
    "deal.__class__", "deal.name.__class__", "().__class__", "__import__('os')", "eval('1')", "open('/etc/passwd')",
    "deal.name.format('x')", "[" * 30 + "]" * 30, "!" * 200 + "true", "1" + "+1" * 900, "true?1:" * 150 + "2",
    "size([1].map(a, [1].map(b, deal.many.map(c, deal.many.map(d, deal.many)))))",
    "deal.many.map(x, x + x)" + ".map(x, x + x)" * 60,
    "deal.many.map(a, deal.many.map(b, deal.many.map(c, a + b + c)))",
    "[1, 2].reduce(a, b, 0, a + b)", "x" * 3000, "", "1 +",
    "deal.many.all(x, deal.many.all(y, deal.many.all(z, z >= 0)))",
    "b'abc'", "lambda: 1", "deal; deal",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_an_expression_has_no_way_out_and_a_budget(text: str) -> None:
    evaluate("1 + 1", {})  # the grammar is read once
    began = time.process_time()
    with pytest.raises(Wrong):
        evaluate(text, {"deal": {"name": "Okna", "many": list(range(60))}})
    assert time.process_time() - began < 3


def test_what_is_refused_does_not_depend_on_how_fast_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "SECONDS", 1000.0)
    for text in (one for one in HOSTILE if "many" in one):
        with pytest.raises(Wrong):
            evaluate(text, {"deal": {"many": list(range(60))}})
    assert evaluate("deal.many.filter(x, x > 500).size() == 499", {"deal": {"many": list(range(1000))}}) is True


def test_a_search_pattern_takes_no_longer_for_being_wicked() -> None:
    began = time.perf_counter()
    assert evaluate("deal.name.matches('^(a+)+$')", {"deal": {"name": "a" * 10_000 + "b"}}) is False
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("deal.amount > 1000", True), ("deal.amount == 1200.5", True), ("deal.count == 2.0", True),
        ("deal.count < 2.5", True), ("deal.owner == null", True), ("deal.amount != null", True), ("'a' == 1", False),
        ("has(deal.zork)", False), ("deal.labels.exists(x, x == 'vip')", True), ("'Call ' + deal.name", "Call Okna"),
        ("deal.count % 2 == 0 ? 'even' : 'odd'", "even"), ("duration('90m')", 5400.0), ("deal.amount * 2.0", 2401.0),
        ("money(deal.amount, 'CZK')", "CZK\xa01,200.50"), ("money(deal.count, 'EUR')", "EUR\xa02"),
        ("money(deal.owner, 'EUR')", ""), ("day('2026-11-26')", "26 Nov 2026"), ("day('soon')", "soon"),
    ],
)  # fmt: skip
def test_expressions_compute_what_they_say(text: str, value: Any) -> None:
    deal = {"amount": 1200.5, "count": 2, "owner": None, "labels": ["vip"], "name": "Okna"}
    assert evaluate(text, {"deal": deal}) == value


def test_names_that_there_are_not_are_found_when_it_is_written() -> None:
    checked("deal.labels.exists(one, one == 'vip') && steps.call.result == 'yes'")
    with pytest.raises(Wrong):
        checked("zork > 1")


@pytest.mark.parametrize(
    "state",
    [
        {"serializer_version": "1.0", "spec": {}}, {"format": 0}, {"format": 1}, {"format": 1, "tasks": "x"},
        {"format": 1, "root": "x", "last": None, "completed": False, "success": True, "tasks": [], "inner": []},
        {"format": 1, "root": "x", "last": None, "completed": False, "success": True, "inner": [],
         "tasks": [["01999999-0000-7000-8000-000000000000", None, [], "os.system", 16, False, {}]]},
    ],
)  # fmt: skip
def test_a_state_that_was_made_up_is_refused(state: dict[str, Any]) -> None:
    definition = read(process(start(), user("call"), end(), "start -> call -> end"))
    with pytest.raises(Lost):
        Walk(definition.specs, lambda _condition: True, state)
