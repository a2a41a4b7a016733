"""Pages of deals and pipelines, as a browser without scripts uses them."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.ids import new_id
from crm.contacts import actions as contacts
from crm.deals import actions, form, pipelines, queries
from crm.deals.actions import OneDeal
from crm.tasks import actions as tasks
from tests.shop import Shop, csrf


def add(shop: Shop, name: str, **values: Any) -> UUID:
    with shop.acting() as actor:
        return actions.create(actor, actions.create.parse({"name": name, **values})).id


def stage_ids(shop: Shop) -> list[UUID]:
    return [row.id for row in shop.rows("select id from stage where deleted_at is null order by position")]


def send(client: FlaskClient, shop: Shop, path: str, **fields: Any) -> TestResponse:
    token = csrf(client, shop.path("/deals/"))
    return client.post(shop.path(path), data={"csrf_token": token, **fields})


def page(client: FlaskClient, shop: Shop, path: str) -> str:
    answer = client.get(shop.path(path))
    assert answer.status_code == 200, answer.status
    return answer.get_data(as_text=True)


def test_an_empty_board_says_what_it_is_for(shop: Shop) -> None:
    assert "Every possible sale has its place here" in page(shop.browser(), shop, "/deals/")
    reader = page(shop.browser(shop.member("reader")), shop, "/deals/")
    assert "No open deals" in reader
    assert "New deal" not in reader


def test_the_board_tells_client_next_step_amount_and_sums(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = contacts.create(actor, contacts.NewContact(first_name="Radek", last_name="Beneš")).id
    add(shop, "5 plastic windows", contact_id=contact, amount="1480000")
    add(shop, "<b>Gate</b>", amount="2500.50", currency="EUR")
    board = page(shop.browser(), shop, "/deals/").replace("\N{NO-BREAK SPACE}", " ")
    assert '2 open · <b class="ink">CZK 1.48 m + EUR 2,50' in board
    assert 'data-name="Radek Beneš"' in board
    assert "&lt;b&gt;Gate" in board
    assert board.count("No next step") >= 2
    assert "EUR 2,500.50" in board


def test_filters_of_the_address_narrow_board_and_list(shop: Shop) -> None:
    add(shop, "Early door", expected_close="2026-01-10")
    late = add(shop, "Late gate", expected_close="2026-12-10")
    with shop.acting() as actor:
        tasks.create(actor, tasks.NewTask(name="Call", deal_id=late))
    client = shop.browser()
    for view in ("", "&view=list"):
        for query, shown, hidden in (
            ("closes_before=2026-02-01", "Early door", "Late gate"),
            ("no_next_step=true", "Early door", "Late gate"),
            ("q=gate", "Late gate", "Early door"),
            ("mine=false", None, "Early door"),
        ):
            text = page(client, shop, f"/deals/?{query}{view}")
            assert shown is None or shown in text
            assert hidden not in text
    assert client.get(shop.path("/deals/?owner_id=nobody")).status_code == 422


def test_the_list_shows_won_and_lost_when_asked(shop: Shop) -> None:
    won, lost = add(shop, "Won door"), add(shop, "Lost door")
    with shop.acting() as actor:
        actions.win(actor, OneDeal(id=won))
        actions.lose(actor, actions.LostDeal(id=lost, reason="Too expensive"))
    client = shop.browser()
    assert "Nothing matches" in page(client, shop, "/deals/?view=list")
    assert "1 won" in page(client, shop, "/deals/?view=list&status=won")
    both = page(client, shop, "/deals/?view=list&status=any")
    assert "Won door" in both
    assert "Lost door" in both


def test_a_form_sent_twice_makes_one_deal_and_opens_its_card(shop: Shop) -> None:
    client, chosen = shop.browser(), str(new_id())
    fields = {
        "id": chosen,
        "name": "Balcony door",
        "amount": "148,900.50",
        "currency": "CZK",
        "owner_id": "",
        "contact_id": "",
        "company_id": "",
        "expected_close": "2026-12-04",
        "probability": "",
        "about": "",
    }
    answers = [send(client, shop, "/deals/", **fields) for _time in range(2)]
    assert [(one.status_code, urlsplit(one.location).path) for one in answers] == [
        (303, shop.path(f"/deals/{chosen}"))
    ] * 2
    row = shop.rows("select amount, owner_id from deal")
    assert [str(one.amount) for one in row] == ["148900.50"]
    card = page(client, shop, f"/deals/{chosen}").replace("\N{NO-BREAK SPACE}", " ")
    assert "CZK 148,900.50" in card
    assert "10 %, as its stage" in card


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Fill this in."),
        ("amount", "-5", "At least 0."),
        ("amount", "a lot", "Write a number"),
        ("amount", "1.2.3", "Write a number"),
        ("amount", "10,00", "Write a number"),
        ("amount", "1e9999", "Write a number"),
        ("probability", "150", "At most"),
        ("expected_close", "soon", "Write a date"),
        ("currency", "XXX", "no such currency"),
        ("contact_id", "x", "not an identifier"),
        ("stage_id", str(UUID(int=1)), "no such stage"),
        ("about", "zero\0byte", "zero bytes"),
        ("name", "<script>" * 40, "Too long"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(shop: Shop, field: str, value: str, words: str) -> None:
    fields = {"id": str(new_id()), "name": "Gate", "about": "Typed for an hour", field: value}
    answer = send(shop.browser(), shop, "/deals/", **fields)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in text
    assert "Gate" in text or field == "name"
    assert "Typed for an hour" in text or field == "about"
    assert "<script><script>" not in text
    assert shop.rows("select 1 from deal") == []


def test_an_edit_over_anothers_edit_shows_both_and_can_be_saved_again(shop: Shop) -> None:
    deal = add(shop, "Balcony door", amount="100")
    client = shop.browser()
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": deal, "name": "Garage door", "amount": "200"}))
    fields = {**dict.fromkeys(form.FIELDS, ""), "name": "Balcony door, oak", "amount": "100", "currency": "CZK"}
    fields["version"] = "1"
    answer = send(client, shop, f"/deals/{deal}/edit", **fields)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 412
    assert "Saved by somebody else meanwhile: Garage door" in text
    assert "Saved by somebody else meanwhile: 200" in text
    assert 'value="Balcony door, oak"' in text
    version = re.search(r'name="version" value="(\d+)"', text)
    assert version
    assert send(client, shop, f"/deals/{deal}/edit", **{**fields, "version": version[1]}).status_code == 303
    row = shop.rows("select name, amount from deal")[0]
    assert (row.name, int(row.amount)) == ("Balcony door, oak", 100)


@pytest.mark.parametrize("fact", sorted(form.FACTS))
def test_a_fact_is_edited_where_it_stands(shop: Shop, fact: str) -> None:
    deal = add(shop, "Balcony door", about="Oak")
    client = shop.browser()
    assert f'<turbo-frame id="edit-{fact}">' in page(client, shop, f"/deals/{deal}/facts/{fact}")
    values = {"amount": "5", "currency": "EUR", "expected_close": "2026-12-01", "probability": "30", "about": "Ash"}
    fields = {name: values.get(name, "") for name in form.FACTS[fact]}
    assert send(client, shop, f"/deals/{deal}/facts/{fact}", version="1", **fields).status_code == 303
    row = shop.rows("select about, currency from deal")[0]
    assert row.about == ("Ash" if fact == "about" else "Oak")
    stale = send(client, shop, f"/deals/{deal}/facts/about", version="0", about="Pine").get_data(as_text=True)
    assert "Saved by somebody else meanwhile" in stale


def test_an_unknown_fact_is_nowhere(shop: Shop) -> None:
    deal = add(shop, "Balcony door")
    assert shop.browser().get(shop.path(f"/deals/{deal}/facts/rank")).status_code == 404


def test_a_drag_answers_in_json_and_its_undo_brings_the_card_back(shop: Shop) -> None:
    _low, middle, _high = (add(shop, name) for name in ("Low", "Middle", "High"))
    first, second = stage_ids(shop)[:2]
    client = shop.browser()
    token = csrf(client, shop.path("/deals/"))
    url = shop.path(f"/deals/{middle}/move?next={shop.path('/deals/')}")
    fields = {"csrf_token": token, "stage": second, "before": "", "after": ""}
    answer = client.post(url, data=fields, headers={"Accept": "application/json"})
    assert answer.get_json()["text"] == "Middle moved to Called"
    assert shop.rows("select stage_id from deal where id = :id", id=middle)[0].stage_id == second
    undone = client.post(answer.get_json()["undo"], data={"csrf_token": token})
    assert (undone.status_code, undone.location) == (303, shop.path("/deals/"))
    order = shop.rows("select name from deal where stage_id = :id order by rank", id=first)
    assert [row.name for row in order] == ["High", "Middle", "Low"]


def test_a_move_into_a_stage_that_is_gone_says_so_and_leaves_the_card(shop: Shop) -> None:
    deal = add(shop, "Balcony door")
    client = shop.browser()
    token = csrf(client, shop.path("/deals/"))
    fields = {"csrf_token": token, "stage": UUID(int=1)}
    answer = client.post(shop.path(f"/deals/{deal}/move"), data=fields, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert "stage is gone" in answer.get_json()["detail"]
    assert shop.rows("select stage_id from deal")[0].stage_id == stage_ids(shop)[0]


def test_the_card_moves_wins_loses_and_opens_again_without_scripts(shop: Shop) -> None:
    deal = add(shop, "Balcony door", amount="100")
    client = shop.browser()
    third = stage_ids(shop)[2]
    assert send(client, shop, f"/deals/{deal}/move", stage=third).status_code == 303
    assert "Balcony door moved to Measurement" in page(client, shop, f"/deals/{deal}")
    assert send(client, shop, f"/deals/{deal}/win").status_code == 303
    assert "Open again" in page(client, shop, f"/deals/{deal}")
    assert send(client, shop, f"/deals/{deal}/lose", reason="Too expensive").status_code == 409
    assert send(client, shop, f"/deals/{deal}/reopen").status_code == 303
    assert "Why was it lost?" in page(client, shop, f"/deals/{deal}/lose")
    for fields, where in (({}, "reason-error"), ({"reason": "other", "other": " "}, "other-error")):
        refused = send(client, shop, f"/deals/{deal}/lose", about="They wanted wood.", **fields)
        assert refused.status_code == 422
        assert where in refused.get_data(as_text=True)
        assert "They wanted wood." in refused.get_data(as_text=True)
    lost = send(client, shop, f"/deals/{deal}/lose", reason="other", other="Moved away", about="They wanted wood.")
    assert lost.status_code == 303
    card = page(client, shop, f"/deals/{deal}")
    assert "Moved away" in card
    assert "They wanted wood." in card
    assert shop.rows("select status, lost_reason from deal")[0].lost_reason == "Moved away"


def test_a_deleted_deal_says_so_and_comes_back(shop: Shop) -> None:
    deal = add(shop, "Balcony door")
    client = shop.browser()
    assert send(client, shop, f"/deals/{deal}/delete").status_code == 303
    gone = client.get(shop.path(f"/deals/{deal}"))
    assert (gone.status_code, "was deleted" in gone.get_data(as_text=True)) == (410, True)
    assert send(client, shop, f"/deals/{deal}/restore").status_code == 303
    assert "Balcony door" in page(client, shop, "/deals/")


def test_a_reader_sees_a_card_without_ways_to_change_it(shop: Shop) -> None:
    deal = add(shop, "Balcony door")
    client = shop.browser(shop.member("reader"))
    card = page(client, shop, f"/deals/{deal}")
    for path in ("win", "lose", "delete", "edit"):
        assert f"/deals/{deal}/{path}" not in card
    assert client.get(shop.path(f"/deals/{deal}/edit")).status_code == 403
    assert send(client, shop, f"/deals/{deal}/win").status_code == 403
    assert shop.rows("select status from deal")[0].status == "open"


def test_another_workspaces_deal_has_no_page(shop: Shop, other: Shop) -> None:
    deal = add(other, "Balcony door")
    client = shop.browser()
    for path in ("", "/edit", "/lose", "/facts/amount"):
        assert client.get(shop.path(f"/deals/{deal}{path}")).status_code == 404
    for path in ("/win", "/lose", "/move", "/delete", "/restore", "/reopen", "/edit"):
        assert send(client, shop, f"/deals/{deal}{path}", reason="x", stage=stage_ids(shop)[0]).status_code == 404
    assert other.rows("select status, version from deal")[0].version == 1


def rows_of(shop: Shop) -> dict[str, str]:
    found = shop.rows("select id, name, probability from stage where deleted_at is null order by position")
    return {f"stages-{n}-{name}": str(value) for n, row in enumerate(found) for name, value in row._mapping.items()}


def test_stages_are_edited_without_scripts(shop: Shop) -> None:
    add(shop, "Balcony door")
    client = shop.browser()
    pipeline = shop.rows("select id, name from pipeline")[0]
    path = f"/settings/pipelines/{pipeline.id}"
    assert pipeline.name in page(client, shop, "/settings/pipelines")
    fields = {"name": "Doors", "version": "1", **rows_of(shop)}
    moved = send(client, shop, path, down="0", **fields)
    assert moved.status_code == 422
    assert 'name="stages-0-name" value="Called"' in moved.get_data(as_text=True)
    assert len(shop.rows("select 1 from stage where position = 0 and name = 'New request'")) == 1
    new = {"stages-6-name": "Paid", "stages-6-probability": "99"}
    refused = send(client, shop, path, **{**fields, "stages-0-goes": "go"}, **new)
    assert (refused.status_code, "1 deal is in New request" in refused.get_data(as_text=True)) == (422, True)
    target = stage_ids(shop)[1]
    stored = send(client, shop, path, **{**fields, "stages-0-goes": str(target), "stages-2-goes": "go"}, **new)
    assert stored.status_code == 303
    names = [row.name for row in shop.rows("select name from stage where deleted_at is null order by position")]
    assert names == ["Called", "Quote", "Waiting for payment", "Installation", "Paid"]
    assert shop.rows("select stage_id from deal")[0].stage_id == target


def test_an_editor_of_stages_who_was_late_sees_both(shop: Shop) -> None:
    client = shop.browser()
    fields = {"name": "Doors", "version": "1", **rows_of(shop)}
    with shop.acting() as actor:
        pipeline = queries.pipelines(actor)[0]
        stages = [{"id": one.id, "name": one.name, "probability": 50} for one in pipeline.stages[1:]]
        stages.append({"name": "Their stage", "probability": 7})
        pipelines.change(actor, pipelines.change.parse({"id": pipeline.id, "stages": stages}))
        path = f"/settings/pipelines/{pipeline.id}"
    answer = send(client, shop, path, **fields)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 412
    assert "Their stage (7 %)" in text
    assert 'value="Doors"' in text
    again = dict(re.findall(r'name="((?:stages-\d+-\w+)|version)" value="([^"]*)"', text))
    assert send(client, shop, path, name="Doors", **again).status_code == 303
    names = [row.name for row in shop.rows("select name from stage where deleted_at is null order by position")]
    assert names[0] == "New request"
    assert names[-1] == "Their stage"


def test_a_pipeline_is_made_and_deleted_with_its_deals_handed_over(shop: Shop) -> None:
    client = shop.browser()
    fields = {"id": str(new_id()), "name": "Service", "stages-0-name": "Asked", "stages-0-probability": "10"}
    assert send(client, shop, "/settings/pipelines", **fields).status_code == 303
    stage = shop.rows("select id from stage where name = 'Asked'")[0].id
    deal = add(shop, "Repair", stage_id=stage)
    path = f"/settings/pipelines/{fields['id']}/delete"
    assert send(client, shop, path).status_code == 409
    target = shop.rows("select id from stage where name = 'Quote'")[0].id
    assert send(client, shop, path, deals_to=target).status_code == 303
    assert shop.rows("select stage_id from deal where id = :id", id=deal)[0].stage_id == target


def test_who_may_not_change_pipelines_only_looks(shop: Shop) -> None:
    client = shop.browser(shop.member("sales"))
    pipeline = shop.rows("select id from pipeline")[0].id
    assert "New pipeline" not in page(client, shop, "/settings/pipelines")
    assert client.get(shop.path(f"/settings/pipelines/{pipeline}")).status_code == 403
    assert client.get(shop.path("/settings/pipelines/new")).status_code == 403
