"""Deals and pipelines by the API."""

from uuid import UUID

from tests.shop import Shop


def test_a_deal_from_creation_to_won(shop: Shop) -> None:
    api = shop.api()
    stages = api.get("/pipelines").get_json()["data"][0]["stages"]
    made = api.post("/deals", {"name": "Balcony door", "amount": "148900.50", "expected_close": "2026-12-04"})
    assert made.status_code == 201
    deal = made.get_json()
    assert (deal["amount"], deal["currency"], deal["status"], deal["stage_id"]) == (
        "148900.50",
        "CZK",
        "open",
        stages[0]["id"],
    )
    path = f"/deals/{deal['id']}"
    moved = api.post(f"{path}/move", {"stage_id": stages[3]["id"]})
    assert (moved.status_code, moved.get_json()["stage_id"], moved.headers["ETag"]) == (200, stages[3]["id"], '"2"')
    won = api.post(f"{path}/win")
    assert (won.get_json()["status"], won.get_json()["closed_at"] is not None) == ("won", True)
    assert api.post(f"{path}/lose", {"reason": "Too expensive"}).status_code == 409
    assert api.post(f"{path}/reopen").get_json()["status"] == "open"
    assert api.post(f"{path}/lose", {"reason": "Too expensive"}).get_json()["lost_reason"] == "Too expensive"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/restore").get_json()["name"] == "Balcony door"


def test_a_change_needs_the_version_it_was_read_at(shop: Shop) -> None:
    api = shop.api()
    deal = api.post("/deals", {"name": "Balcony door"}).get_json()
    assert api.call("PATCH", f"/deals/{deal['id']}", {"name": "Door"}).status_code == 428
    assert api.patch(f"/deals/{deal['id']}", {"name": "Door"}, 1).get_json()["version"] == 2
    assert api.patch(f"/deals/{deal['id']}", {"name": "Gate"}, 1).status_code == 412
    assert [row.name for row in shop.rows("select name from deal")] == ["Door"]


def test_wrong_fields_are_named(shop: Shop) -> None:
    api = shop.api()
    answer = api.post("/deals", {"amount": "-1", "currency": "XXX", "stage_id": str(UUID(int=1)), "color": "red"})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.get_json()["errors"]} == {"name", "amount", "currency", "color"}
    move = api.post(f"/deals/{UUID(int=1)}/move", {"stage_id": str(UUID(int=1))})
    assert move.status_code in (404, 422)
    assert shop.rows("select 1 from deal") == []


def test_a_list_is_filtered_sorted_and_paged(shop: Shop) -> None:
    api = shop.api()
    for number in range(5):
        api.post("/deals", {"name": f"Deal {number}", "amount": number * 100})
    page = api.get("/deals?status=open&sort=-amount&limit=3").get_json()
    assert [deal["name"] for deal in page["data"]] == ["Deal 4", "Deal 3", "Deal 2"]
    rest = api.get(f"/deals?status=open&sort=-amount&limit=3&cursor={page['next']}").get_json()
    assert [deal["name"] for deal in rest["data"]] == ["Deal 1", "Deal 0"]
    assert api.get("/deals?status=gone").status_code == 422
    assert api.get("/deals?q=deal 3").get_json()["data"][0]["name"] == "Deal 3"


def test_a_pipeline_is_made_changed_and_deleted(shop: Shop) -> None:
    api = shop.api()
    made = api.post("/pipelines", {"name": "Service", "stages": [{"name": "Asked", "probability": 10}]}).get_json()
    stage = made["stages"][0]
    assert (stage["name"], stage["probability"]) == ("Asked", 10)
    stages = [{"name": "New", "probability": 5}, stage]
    changed = api.patch(f"/pipelines/{made['id']}", {"stages": stages}, made["version"])
    assert [one["name"] for one in changed.get_json()["stages"]] == ["New", "Asked"]
    assert changed.get_json()["version"] == made["version"] + 1
    api.post("/deals", {"name": "Balcony door", "stage_id": stage["id"]})
    assert api.delete(f"/pipelines/{made['id']}").status_code == 422
    gone = api.patch(f"/pipelines/{made['id']}", {"stages": changed.get_json()["stages"][:1]}, 2)
    assert (gone.status_code, gone.get_json()["errors"][0]["field"]) == (422, "deals_to")
    to = changed.get_json()["stages"][0]["id"]
    moved = {"stages": changed.get_json()["stages"][:1], "deals_to": {stage["id"]: to}}
    assert api.patch(f"/pipelines/{made['id']}", moved, 2).status_code == 200
    assert api.get("/deals").get_json()["data"][0]["stage_id"] == to


def test_another_workspaces_deal_is_not_there(shop: Shop, other: Shop) -> None:
    deal = other.api().post("/deals", {"name": "Balcony door"}).get_json()
    api = shop.api()
    for verb, body in (("win", {}), ("lose", {"reason": "x"}), ("reopen", {}), ("restore", {})):
        assert api.post(f"/deals/{deal['id']}/{verb}", body).status_code == 404
    assert api.patch(f"/deals/{deal['id']}", {"name": "Taken"}).status_code == 404
    assert [(row.name, row.status) for row in other.rows("select name, status from deal")] == [("Balcony door", "open")]
