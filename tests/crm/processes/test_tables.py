"""Decision tables: what people write in a cell is what a run decides by, and comes back as they wrote it."""

import json
from typing import Any

import pytest
from lxml import etree

from core.errors import Refusal
from crm.processes.cells import Unclear, condition_of, outcome_of, shown_condition, shown_outcome
from crm.processes.decisions import decide, read_table
from crm.processes.tables import Column, Row, Sheet, from_file, sheet_of, table_in, to_file, tried, with_table, wrong
from tests.crm.processes.drawing import element, end, process, service, start
from tests.crm.processes.works import Works


@pytest.fixture(autouse=True)
def in_english(works: Works) -> Any:
    with works.shop.app.test_request_context("/"):
        yield


CELLS = (
    ("number", "> 100 000", "> 100000"), ("number", "≥ 5,5", ">= 5.5"), ("number", "10 - 20", "[10..20]"),
    ("number", "10 – 20", "[10..20]"), ("number", "-5", "-5"), ("number", "1; 2,5", "1, 2.5"),
    ("number", "not 3", "not(3)"), ("text", "CZ, SK", '"CZ", "SK"'), ("text", "not CZ", 'not("CZ")'),
    ("text", '"a, b"', '"a, b"'), ("text", "Anything", "-"), ("text", "", "-"), ("text", "nothing", "null"),
    ("yesno", "yes", "true"), ("yesno", "No", "false"), ("date", "31. 12. 2026", 'date("2026-12-31")'),
    ("date", "> 2026-12-31", '> date("2026-12-31")'), ("text", "= deal.amount > 1.0", "deal.amount > 1.0"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "typed", "dmn"), CELLS)
def test_a_cell_is_stored_as_dmn_and_shown_as_it_was_typed(kind: str, typed: str, dmn: str) -> None:
    assert condition_of(kind, typed) == dmn
    again = shown_condition(kind, dmn)
    assert condition_of(kind, again) == dmn


@pytest.mark.parametrize(("kind", "typed"), [("number", "much"), ("number", "> CZ"), ("date", "31. 2. 2026"),
                                             ("yesno", "perhaps"), ("text", "> 5")])  # fmt: skip
def test_a_cell_that_says_nothing_is_refused(kind: str, typed: str) -> None:
    with pytest.raises(Unclear):
        condition_of(kind, typed)


@pytest.mark.parametrize("typed", ['12" board, Oak', 'Oak, 12" board', '"Oak" or so', '"Oak'])
def test_quotation_marks_that_leave_something_out_are_refused(typed: str) -> None:
    with pytest.raises(Unclear):
        condition_of("text", typed)


@pytest.mark.parametrize("dmn", ['"a;b", "O\'Brien"', '"Smith, J.", "Praha (CZ)"', "\"'x'\"", '"CZ", "SK"'])
def test_a_list_of_any_texts_comes_back_as_it_was(dmn: str) -> None:
    assert condition_of("text", shown_condition("text", dmn)) == dmn


def test_an_awkward_text_comes_back_as_the_same_text() -> None:
    for text in ("not here", "a, b", 'say "x"', "anything", "= 5", "> 5", "C:\\new", ""):
        cell = json.dumps(text)
        assert outcome_of("text", shown_outcome("text", cell)) == cell


def sheet(policy: Any = "FIRST", *rows: tuple[list[str], list[str]]) -> Sheet:
    return Sheet(
        policy=policy,
        inputs=[
            Column(label="Amount", kind="number", expression="deal.amount"),
            Column(label="Currency", expression="deal.currency"),
        ],
        outputs=[Column(label="Discount", kind="number", name="discount")],
        rows=[Row(when=when, then=then) for when, then in rows],
    )


DISCOUNTS = sheet("FIRST", (["> 100 000", "CZK, EUR"], ["10"]), (["nothing", ""], ["1"]), (["", "not CZK"], ["5"]))


def test_a_saved_table_decides_in_a_run_as_it_did_when_it_was_tried(works: Works) -> None:
    assert tried(DISCOUNTS, ["200 000", "EUR"]).outcome == {"discount": 10}
    assert tried(DISCOUNTS, ["50", "EUR"]).rows == [2]
    assert tried(DISCOUNTS, ["", "CZK"]).rows == [1]
    assert tried(DISCOUNTS, ["50", "CZK"]).words == "No row of the decision table fits."
    drawn = process(
        start(), element("businessRuleTask", "rate"), service("keep", "deal.edit", id="deal.id",
        probability="int(steps.rate.discount)"), end(), "start -> rate -> keep -> end",
    )  # fmt: skip
    deal = works.begun(with_table(drawn, "rate", DISCOUNTS), amount="150000", currency="EUR")
    assert works.shop.rows("select probability from deal where id = :id", id=deal)[0].probability == 10
    _name, table = table_in(with_table(drawn, "rate", DISCOUNTS), "rate")
    assert table is not None
    assert sheet_of(table) == DISCOUNTS.model_copy(
        update={"rows": [Row(when=["> 100\u00a0000", "CZK, EUR"], then=["10"]), *DISCOUNTS.rows[1:]]}
    )


def test_each_way_of_choosing_among_rows_holds() -> None:
    def outcome(policy: Any) -> Any:
        rows = (["> 10", ""], ["1"]), (["> 20", ""], ["2"])
        return tried(sheet(policy, *rows), ["30", "CZK"])

    assert outcome("FIRST").outcome == {"discount": 1}
    assert outcome("COLLECT").outcome == outcome("RULE ORDER").outcome == {"discount": [1, 2]}
    assert [outcome(f"COLLECT {how}").outcome["discount"] for how in ("SUM", "MIN", "MAX", "COUNT")] == [3, 1, 2, 2]
    assert outcome("UNIQUE").words == outcome("ANY").words == "Several rows of the decision table fit."


def test_a_table_that_sums_stays_one_in_a_file() -> None:
    summed = sheet("COLLECT SUM", (["> 10", ""], ["1"]), (["> 20", ""], ["2,5"]))
    content = to_file(summed, "rate", "Discount").decode()
    assert 'hitPolicy="COLLECT" aggregation="SUM"' in content
    assert from_file(content).policy == "COLLECT SUM"
    assert decide(read_table(table_of(summed)), {"deal": {"amount": 30, "currency": ""}}) == {"discount": 3.5}
    words = sheet("COLLECT SUM", (["", ""], ['= "a"']))
    assert tried(words, ["1", ""]).words == "Only numbers can be summed or compared."
    with pytest.raises(Refusal):
        from_file(content.replace("SUM", "AVERAGE"))


def test_what_is_wrong_is_said_at_its_cell() -> None:
    bad = Sheet(
        inputs=[Column(label="A", kind="number", expression="nonsense")],
        outputs=[Column(label="B", name="b b")],
        rows=[Row(when=["much"], then=["= 1 +"]), Row(when=["1"], then=[""]), Row(when=["1"], then=[""])],
    )
    assert [one.at for one in wrong(bad)] == ["inputs.0", "outputs.0", "0.when.0", "0.then.0", "row.2"]
    assert list(wrong(DISCOUNTS)) == []


def test_a_file_of_the_table_is_dmn_and_comes_back() -> None:
    content = to_file(DISCOUNTS, "rate", "Discount")
    root = etree.fromstring(content)
    assert root.tag == "{https://www.omg.org/spec/DMN/20191111/MODEL/}definitions"
    assert [etree.QName(one).localname for one in root] == ["decision", "DMNDI"]
    again = from_file(content.decode())
    assert decided_by(again) == decided_by(DISCOUNTS)
    assert again.outputs == DISCOUNTS.outputs
    for text in ("<a/>", "<!DOCTYPE a><a/>", "no"):
        with pytest.raises(Refusal):
            from_file(text)


def decided_by(table: Sheet) -> list[Any]:
    return [tried(table, list(given)).outcome for given in (("200000", "CZK"), ("5", "EUR"), ("", "CZK"))]


CAMUNDA = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="DRD" namespace="http://c">
<decision id="D1" name="Dish"><decisionTable id="T1" hitPolicy="FIRST">
<input id="I1" label="Season"><inputExpression id="E1" typeRef="string"><text>deal.source</text>
</inputExpression></input>
<output id="O1" label="Dish" name="dish" typeRef="string" />
<rule id="R1"><description>cold</description><inputEntry id="a"><text>not("Summer")</text></inputEntry>
<outputEntry id="b"><text>"Soup"</text></outputEntry></rule>
<rule id="R2"><inputEntry id="c"><text>"Summer", "Spring"</text></inputEntry><outputEntry id="e"><text>"Salad"</text>
</outputEntry></rule></decisionTable></decision></definitions>"""


def test_a_table_drawn_in_another_editor_is_shown_in_words() -> None:
    found = from_file(CAMUNDA)
    assert [(row.when, row.then, row.note) for row in found.rows] == [
        (["not Summer"], ["Soup"], "cold"), (["Summer, Spring"], ["Salad"], ""),
    ]  # fmt: skip
    assert decide(read_table(table_of(found)), {"deal": {"source": "Winter"}}) == {"dish": "Soup"}


def table_of(found: Sheet) -> Any:
    drawn = process(start(), element("businessRuleTask", "rate"), end())
    _name, table = table_in(with_table(drawn, "rate", found), "rate")
    return table
