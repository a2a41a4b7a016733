"""What an action of a process is given: told to the designer by its type, and what is wrong said beside its field."""

from typing import Any
from uuid import uuid4

import pytest

from core.actions import ACTIONS
from core.errors import Invalid
from crm.processes.arguments import allowed, arguments_of, doing
from crm.processes.bpmn import read
from crm.processes.checks import problems
from crm.processes.expressions import NAMES, Wrong, checked, evaluate
from crm.processes.values import KNOWN, to_look_at
from crm.processes.words import DOES
from tests.crm.processes.drawing import end, process, service, start, user
from tests.crm.processes.works import Works


def test_every_action_that_has_words_is_told_with_words_for_all_that_is_offered(works: Works) -> None:
    with works.shop.app.test_request_context("/"):
        assert [one["name"] for one in doing()][: len(DOES)] == list(DOES)
        for action in DOES:
            assert allowed(action)
            for one in arguments_of(action).values():
                if one.offered and one.type != "other":
                    assert one.label != one.name, f"{action}.{one.name} has no words"


def test_arguments_have_the_types_of_their_fields() -> None:
    def types(action: str) -> dict[str, tuple[str, str]]:
        return {one.name: (one.type, one.choices or one.kind) for one in arguments_of(action).values() if one.offered}

    assert types("deal.move") == {"id": ("record", "deal"), "stage_id": ("record", "stages")}
    task = types("task.create")
    assert (task["due_on"], task["assignee_id"], task["todo"]) == (("date", ""), ("record", "members"), ("choice", ""))
    assert task["tell_at"] == ("moment", "")
    assert types("deal.price")["items"] == ("items", "products")
    assert types("mail.send")["body"] == ("long", "")
    assert set(ACTIONS) >= set(DOES)


def test_what_is_wrong_with_an_argument_is_said_with_its_place_and_not_published(works: Works) -> None:
    stage = works.shop.rows("select id from stage order by position limit 1")[0].id

    def said(**given: str) -> dict[str, str]:
        drawn = process(start(), user("a"), service("b", "deal.move", **given), end(), "start -> a -> b -> end")
        with works.shop.acting() as actor:
            return {one.field: one.words for one in problems(actor, read(drawn)) if one.element == "b"}

    assert said(id="deal.id", stage_id=f"'{stage}'") == {}
    assert said(id="deal.id") == {"0.stage_id": "Move the deal to a stage needs: Stage."}
    assert said(id="deal.id", stage_id=f"'{uuid4()}'") == {"0.stage_id": "Stage: what was chosen is not here any more."}
    assert "is not known here" in said(id="deal.id", stage_id="nonsense")["0.stage_id"]
    assert set(said(id="'5'", stage_id=f"'{stage}'", colour="'red'")) == {"0.id", "0.colour"}
    with pytest.raises(Invalid):
        works.published(process(start(), service("b", "deal.move", id="deal.id"), end(), "start -> b -> end"))
    assert works.shop.rows("select id from process_version") == []


def test_days_and_numbers_are_written_by_functions_of_their_own(works: Works) -> None:
    with works.shop.app.test_request_context("/"):
        assert evaluate('days_after("2026-12-30", 3)', {}) == "2027-01-02"
        assert evaluate('days_after("2026-12-30", -30)', {}) == "2026-11-30"
        assert evaluate("number(1200.0) + ' mm'", {}) == "1,200 mm"
        assert evaluate("number(null)", {}) == ""
        for wrong in ('days_after("soon", 1)', 'days_after("2026-12-30", 99999999)', "days_after(null, 1)"):
            with pytest.raises(Wrong):
                evaluate(wrong, {})


def test_every_value_that_is_offered_can_be_computed(works: Works) -> None:
    for one in (one for all_of in KNOWN.values() for one in all_of):
        for text in filter(None, (one.raw, one.text, one.guard)):
            checked(text, NAMES)
    drawn = process(
        start(), user("call", fields="width:number! note"), service("keep", "deal.edit", id="deal.id"), end(),
        "start -> call -> keep -> end",
    )  # fmt: skip
    for kind in ("deal", "contact"):
        works.do("field.create", record_kind=kind, label="Windows", type="number")
    with works.shop.app.test_request_context("/"), works.shop.acting() as actor:
        found: Any = {one["expression"]: one["kind"] for one in to_look_at(actor, drawn)}
    empty: dict[str, Any] = {"deal": {}, "contact": {}, "company": {}, "steps": {}, "today": "2026-12-30"}
    looked = {text: evaluate(text, empty) for text in found if not text.startswith(("deal.", "now"))}
    assert set(looked.values()) == {None, "2026-12-30"}
    own = "has(contact.custom) && has(contact.custom.windows) && contact.custom.windows != null"
    assert found[f"{own} ? contact.custom.windows : null"] == "number"
    assert found["has(steps.call) && has(steps.call.width) ? steps.call.width : null"] == "number"


def test_a_task_by_a_process_is_due_on_the_day_that_was_chosen(works: Works) -> None:
    made = service(
        "make", "task.create", name="has(contact.name) ? contact.name : 'Look'", due_on="days_after(today, 3)",
        assignee_id="has(steps.call) && has(steps.call.by) ? steps.call.by : null", deal_id="deal.id",
    )  # fmt: skip
    works.begun(process(start(), made, end(), "start -> make -> end"))
    row = works.shop.rows("select name, due_on - current_date as days from task")[0]
    assert row.name == "Look"
    assert row.days in (3, 4)  # the workspace's day may be the next one already
    assert works.run().status == "done"
