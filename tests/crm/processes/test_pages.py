"""Pages of processes show what there is to whoever may see it."""

from crm.processes.tables import Row
from tests.crm.processes.drawing import element, end, process, start, user
from tests.crm.processes.test_tables import DISCOUNTS
from tests.crm.processes.works import Works
from tests.shop import csrf


def test_the_list_and_the_way_of_a_run_are_shown_to_who_manages_processes(works: Works) -> None:
    browser = works.shop.browser()
    assert "No processes yet" in browser.get(works.shop.path("/settings/processes")).get_data(as_text=True)
    works.begun(process(start(), user("call"), end(), "start -> call -> end", name="Windows by itself"))
    assert "Windows by itself" in browser.get(works.shop.path("/settings/processes")).get_data(as_text=True)
    path = works.shop.path(f"/settings/processes/runs/{works.run().id}")
    page = browser.get(path).get_data(as_text=True)
    assert "Call" in page
    assert "Under way" in page
    sales = works.shop.browser(works.shop.member("sales"))
    assert sales.get(works.shop.path("/settings/processes")).status_code == 403
    assert sales.get(path).status_code == 404


def test_a_process_and_its_run_are_in_the_api(works: Works) -> None:
    api, deal = works.shop.api(), works.deal()
    drawn = process(start(), user("call", fields="result!"), end(), "start -> call -> end")
    made = api.post("/processes", {"xml": drawn})
    assert made.status_code == 201
    assert api.post(f"/processes/{made.json['id']}/publish").json["enabled"] is True
    run = api.post("/runs", {"process_id": made.json["id"], "record_id": str(deal)})
    assert run.status_code == 201
    works.work()
    steps = api.get(f"/runs/{run.json['id']}").json["steps"]
    assert [(step["element"], step["state"]) for step in steps] == [("call", "open")]
    assert api.post(f"/tasks/{steps[0]['task_id']}/done").status_code == 422
    assert api.post(f"/tasks/{steps[0]['task_id']}/complete", {"values": {"result": "yes"}}).status_code == 200
    works.work()
    assert api.get(f"/runs/{run.json['id']}").json["status"] == "done"
    refused = api.post("/processes", {"xml": drawn.replace("userTask", "scriptTask")})
    assert refused.status_code == 422
    assert "scriptTask" in refused.get_data(as_text=True)


def test_a_table_is_saved_into_the_draft_by_who_may_and_never_over_somebody_elses_change(works: Works) -> None:
    drawn = process(start(), element("businessRuleTask", "rate", name="Discount"), end(), "start -> rate -> end")
    made = works.do("process.create", xml=drawn)
    path = works.shop.path(f"/settings/processes/{made.id}/tables/rate")
    browser = works.shop.browser()
    assert "Amount of the deal" in browser.get(path).get_data(as_text=True)
    sent = {"sheet": DISCOUNTS.model_dump_json(), "version": "1", "csrf_token": csrf(browser, path)}
    assert (browser.post(f"{path}/save", data=sent).json or {}).get("version") == 2
    draft = works.shop.rows("select draft from process")[0].draft
    assert "decisionTable" in draft
    assert browser.post(f"{path}/save", data=sent).status_code == 412
    unclear = DISCOUNTS.model_copy(update={"rows": [Row(when=["much", ""], then=["1"])]})
    broken = {**sent, "sheet": unclear.model_dump_json(), "version": "2"}
    assert browser.post(f"{path}/save", data=broken).status_code == 400
    for nonsense in ("", "[1]", '{"inputs": []}'):
        assert browser.post(f"{path}/save", data={**sent, "sheet": nonsense, "version": "2"}).status_code == 400
    assert browser.get(f"{path}x").status_code == 404
    sales = works.shop.browser(works.shop.member("sales"))
    sent["csrf_token"] = csrf(sales, works.shop.path("/contacts/new"))
    assert sales.get(path).status_code == 403
    for page in ("save", "look"):
        assert sales.post(f"{path}/{page}", data=sent).status_code == 403, page
    assert works.shop.rows("select draft from process")[0].draft == draft
    assert b"decisionTable" in browser.get(f"{path}/file").data
