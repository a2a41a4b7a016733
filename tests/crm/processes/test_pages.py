"""Pages of processes show what there is to whoever may see it."""

from tests.crm.processes.drawing import end, process, start, user
from tests.crm.processes.works import Works


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
