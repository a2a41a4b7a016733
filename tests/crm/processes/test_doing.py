"""Whoever does a step finds on its page what they need, and says there what came of it."""

from typing import Any
from uuid import UUID

import pytest

from core.errors import Busy
from tests.crm.processes.drawing import end, process, start, user
from tests.crm.processes.works import Works
from tests.shop import csrf

FIELDS = "width:number! note opens:choice:Left|Right lift:yesno on:date"


def measuring(works: Works, who: str = "who=owner") -> UUID:
    return works.begun(
        process(
            start(), user("call", who, fields="floor:number"), user("measure", who, fields=FIELDS), end(),
            "start -> call -> measure -> end", name="Windows by itself",
        ),
        contact_id=works.do(
            "contact.create", first_name="Markéta", last_name="Nováková",
            phones=[{"number": "+420602114873"}], addresses=[{"street": "Lidická 24", "city": "Brno"}],
            about="At home after 14:00.",
        ).id,
    )  # fmt: skip


def send(works: Works, element: str, by: UUID | None = None, **typed: str) -> Any:
    browser, path = works.shop.browser(by), works.shop.path(f"/tasks/{works.task(element).id}/step")
    values = {f"field-{name}": value for name, value in typed.items()}
    answer = browser.post(path, data={"csrf_token": csrf(browser, path), **values})
    works.work()
    return answer


def test_a_step_shows_its_form_the_client_and_what_earlier_steps_found(works: Works) -> None:
    measuring(works)
    works.complete("call", floor=3)
    page = works.shop.browser().get(works.shop.path(f"/tasks/{works.task('measure').id}/step")).get_data(as_text=True)
    for said in ("Markéta Nováková", "tel:+420602114873", "Lidická 24", "At home after 14:00.", "Windows by itself"):
        assert said in page
    assert '<dt>floor</dt><dd class="words" dir="auto">3</dd>' in page
    assert "width *" in page
    assert "note *" not in page


def test_what_is_filled_in_wrongly_is_said_beside_its_field_and_kept(works: Works) -> None:
    measuring(works)
    works.complete("call")
    answer = send(works, "measure", width="wide", note="two <b>wings</b>", opens="Up")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Write a number." in page.split('id="field-width-error"')[1][:300]
    assert "Choose one of: Left, Right." in page.split('id="field-opens-error"')[1][:300]
    assert 'value="wide"' in page
    assert "two &lt;b&gt;wings&lt;/b&gt;" in page
    assert works.step("measure").state == "open"
    assert works.task("measure").done_at is None
    assert send(works, "measure", width="").status_code == 422
    assert works.step("measure").values == {}


def test_done_sends_the_form_and_completes_the_task_in_one_go(works: Works) -> None:
    measuring(works)
    works.complete("call")
    assert send(works, "measure", width="1 180,5", opens="Left", lift="no").status_code == 303
    assert works.step("measure").values == {"width": 1180.5, "opens": "Left", "lift": False}
    assert works.task("measure").done_at is not None
    assert works.run().status == "done"


def test_a_tick_in_a_list_leads_to_the_form_and_a_step_without_one_is_simply_done(works: Works) -> None:
    works.begun(process(start(), user("call", fields="result!"), user("visit"), end(), "start -> call -> visit -> end"))
    browser, today = works.shop.browser(), works.shop.path("/tasks/")
    page = browser.get(today).get_data(as_text=True)
    assert f"/tasks/{works.task('call').id}/step" in page
    tick = works.shop.path(f"/tasks/{works.task('call').id}/done")
    answer = browser.post(tick, data={"csrf_token": csrf(browser, today)})
    assert "/step" in answer.headers["Location"]
    assert works.task("call").done_at is None
    works.complete("call", result="yes")
    ticked = works.shop.path(f"/tasks/{works.task('visit').id}/done")
    assert browser.post(ticked, data={"csrf_token": csrf(browser, today)}).status_code == 303
    works.work()
    assert works.run().status == "done"


def test_a_step_that_the_process_has_gone_on_from_is_not_opened_again(works: Works) -> None:
    works.begun(process(start(), user("call"), end(), "start -> call -> end"))
    task = works.task("call")
    works.complete("call")
    with pytest.raises(Busy):
        works.do("task.reopen", id=task.id)
    assert works.task("call").done_at is not None


def test_who_does_a_step_sees_its_client_though_their_role_does_not_and_nobody_else_does(works: Works) -> None:
    field = works.shop.member("field", "Tomáš Říha")
    measuring(works, f"member={works.member(field)}")
    path = works.shop.path(f"/tasks/{works.task('call').id}/step")
    page = works.shop.browser(field).get(path).get_data(as_text=True)
    assert "+420602114873" in page
    contact = works.shop.rows("select contact_id from task where contact_id is not null")[0].contact_id
    assert works.shop.browser(field).get(works.shop.path(f"/contacts/{contact}")).status_code == 404
    assert works.shop.browser(works.shop.member("field", "Jiný")).get(path).status_code == 404
    assert send(works, "call", by=field, floor="2").status_code == 303
    assert works.step("call").values == {"floor": 2.0}
    assert works.waiting() == ["measure"]
