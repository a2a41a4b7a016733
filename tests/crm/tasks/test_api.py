"""Tasks by API: filters, orders and verbs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.shop import Api, Shop


def names(api: Api, query: str) -> list[str]:
    answer = api.get(f"/tasks{query}")
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in json(answer)["data"]]


def json(answer: TestResponse) -> Any:
    return answer.json


def test_tasks_in_the_order_in_which_they_are_due(shop: Shop) -> None:
    api = shop.api()
    for name, values in {
        "whenever": {},
        "evening": {"due_on": "2026-05-01", "due_time": "20:00"},
        "that day": {"due_on": "2026-05-01"},
        "morning": {"due_on": "2026-05-01", "due_time": "08:00"},
        "day before": {"due_on": "2026-04-30"},
    }.items():
        assert api.post("/tasks", {"name": name, **values}).status_code == 201
    order = ["day before", "morning", "evening", "that day", "whenever"]
    assert names(api, "?sort=due") == order
    assert names(api, "?sort=-due") == order[::-1]
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = json(api.get(f"/tasks?sort=due&limit=2{cursor and '&cursor=' + cursor}"))
        found += [row["name"] for row in page["data"]]
        cursor = page["next"]
    assert found == order


def test_filters(shop: Shop) -> None:
    api, mate = shop.api(), shop.api(shop.member("sales"))
    today = datetime.now(UTC).date()
    contact = json(api.post("/contacts", {"first_name": "Jan"}))["id"]
    late = json(api.post("/tasks", {"name": "late", "due_on": str(today - timedelta(days=2)), "contact_id": contact}))
    done = json(api.post("/tasks", {"name": "done", "due_on": str(today - timedelta(days=2))}))
    mate.post("/tasks", {"name": "theirs"})
    assert json(api.post(f"/tasks/{done['id']}/done"))["done_at"]
    assert names(api, "?mine=true&sort=created") == ["late", "done"]
    assert names(api, "?mine=false") == ["theirs"]
    assert names(api, "?done=true") == ["done"]
    assert names(api, "?overdue=true") == ["late"]
    assert names(api, "?overdue=false&sort=created") == ["done", "theirs"]
    assert names(api, f"?contact_id={contact}") == ["late"]
    assert names(api, f"?assignee_id={late['assignee_id']}&done=false") == ["late"]
    assert names(api, f"?due_before={today}&done=false") == ["late"]
    assert api.get("/tasks?q=late").status_code == 422


def test_verbs_and_versions(shop: Shop) -> None:
    api = shop.api()
    task = json(api.post("/tasks", {"name": "Call", "due_on": "2026-10-25", "due_time": "02:30"}))
    assert (task["due_on"], task["due_at"]) == ("2026-10-25", "2026-10-25T00:30:00+00:00")
    path = f"/tasks/{task['id']}"
    assert api.call("PATCH", path, {"name": "Call again"}).status_code == 428
    assert api.patch(path, {"name": "Call again"}, 1).headers["ETag"] == '"2"'
    assert api.patch(path, {"name": "Third"}, 1).status_code == 412
    assert json(api.post(f"{path}/done"))["done_by_id"] == task["assignee_id"]
    assert json(api.post(f"{path}/reopen"))["done_at"] is None
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert json(api.post(f"{path}/restore"))["name"] == "Call again"
