"""Pages of tasks: the form, the tick with its offer, postponing, two people at one task, and where a form may lead."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from core.ids import new_id
from core.pages import today_of
from crm.contacts import actions as contacts
from crm.contacts.actions import NewContact
from crm.tasks import actions
from crm.tasks.models import Task
from tests.shop import Shop, csrf


@pytest.fixture
def browser(shop: Shop) -> FlaskClient:
    return shop.browser()


def added(shop: Shop, **values: object) -> Task:
    with shop.acting() as actor:
        return actions.create(actor, actions.create.parse({"name": "Call Jan", **values}))


def send(shop: Shop, browser: FlaskClient, path: str, **values: str) -> tuple[int, str, str]:
    """Post a form; returns status, where it leads, and the page."""
    token = csrf(browser, shop.path("/tasks/new"))
    answer = browser.post(shop.path(path), data={"csrf_token": token, **values})
    return answer.status_code, answer.headers.get("Location", ""), answer.get_data(as_text=True)


def test_a_form_makes_one_task_though_sent_twice(shop: Shop, browser: FlaskClient) -> None:
    chosen = str(new_id())
    for _ in range(2):
        status, where, _page = send(
            shop,
            browser,
            "/tasks/",
            id=chosen,
            name="Call Jan",
            due_on="2026-12-01",
            due_time="09:30",
            assignee_id="",
            next=shop.path("/today"),
        )
        assert (status, where) == (303, shop.path("/today"))
    rows = shop.rows("select name, due_on::text as due_on, to_char(due_at, 'HH24:MI') as due_at, assignee_id from task")
    assert [(row.name, row.due_on, row.due_at) for row in rows] == [("Call Jan", "2026-12-01", "08:30")]
    assert rows[0].assignee_id is not None


def test_a_refused_form_keeps_what_was_typed(shop: Shop, browser: FlaskClient) -> None:
    status, _where, page = send(shop, browser, "/tasks/", name="", about="Ask about <b>oak</b>", due_time="09:30")
    assert status == 422
    assert "Ask about &lt;b&gt;oak&lt;/b&gt;" in page
    assert 'value="09:30"' in page
    assert 'aria-invalid="true"' in page
    assert shop.rows("select 1 from task") == []


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/another/today", "javascript:alert(1)", "/login"],
)
def test_a_form_leads_nowhere_else(shop: Shop, browser: FlaskClient, elsewhere: str) -> None:
    status, where, _page = send(shop, browser, "/tasks/", name="Call Jan", next=elsewhere)
    assert (status, where) == (303, shop.path("/tasks/"))


def test_a_form_leads_nowhere_else_by_a_path_of_this_workspace(shop: Shop, browser: FlaskClient) -> None:
    for tail in ("/\\evil", "/a\nb", "/\x00"):
        assert send(shop, browser, "/tasks/", name="Call", next=shop.path(tail))[1] == shop.path("/tasks/")


def test_a_tick_asks_for_the_next_step_where_none_is_left(shop: Shop, browser: FlaskClient) -> None:
    with shop.acting() as actor:
        contact = contacts.create(actor, NewContact(first_name="Jan", last_name="Novák"))
    first = added(shop, contact_id=str(contact.id))
    second = added(shop, name="Send the quote", contact_id=str(contact.id))
    _status, where, _page = send(shop, browser, f"/tasks/{first.id}/done", next=shop.path("/tasks/"))
    assert "What comes next" not in browser.get(where).get_data(as_text=True)
    _status, where, _page = send(shop, browser, f"/tasks/{second.id}/done", next=where)
    page = browser.get(where).get_data(as_text=True)
    assert where == shop.path(f"/tasks/?after={second.id}")
    assert "What comes next with Jan Novák?" in page
    assert f"contact_id={contact.id}" in page
    assert len(shop.rows("select 1 from task where done_at is not null")) == 2
    send(shop, browser, f"/tasks/{second.id}/reopen")
    assert "What comes next" not in browser.get(where).get_data(as_text=True)


@pytest.mark.parametrize(("until", "days"), [("today", 0), ("tomorrow", 1), ("week", 7)])
def test_postponed_at_the_hour_it_had_and_back(shop: Shop, browser: FlaskClient, until: str, days: int) -> None:
    task = added(shop, due_on="2026-06-01", due_time="09:00")
    with shop.acting() as actor:
        wanted = today_of(actor) + timedelta(days=days)
    send(shop, browser, f"/tasks/{task.id}/postpone", until=until)
    local = "select (due_at at time zone 'Europe/Prague')::text as local from task"
    assert shop.rows(local)[0].local == f"{wanted} 09:00:00"
    page = browser.get(shop.path("/tasks/")).get_data(as_text=True)
    undo = re.search(r'action="([^"]*postpone[^"]*day=[^"]*)"', page)
    assert undo
    browser.post(undo[1].replace("&amp;", "&"), data={"csrf_token": csrf(browser, shop.path("/tasks/new"))})
    assert shop.rows(local)[0].local == "2026-06-01 09:00:00"


def test_two_people_at_one_task_lose_nothing(shop: Shop, browser: FlaskClient) -> None:
    task = added(shop, due_on="2026-06-01")
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": task.id, "name": "Call Eva"}))
    typed = {"version": "1", "name": "Call Petr", "due_on": "2026-06-01", "due_time": "", "about": "", "todo": "call"}
    status, _where, page = send(shop, browser, f"/tasks/{task.id}", **typed)
    assert status == 412
    assert 'value="Call Petr"' in page
    assert "Saved by somebody else meanwhile: Call Eva" in page
    assert [row.name for row in shop.rows("select name from task")] == ["Call Eva"]
    status, _where, _page = send(shop, browser, f"/tasks/{task.id}", **{**typed, "version": "2"})
    assert status == 303
    assert [tuple(row) for row in shop.rows("select name, todo from task")] == [("Call Petr", "call")]


def test_deleted_and_taken_back(shop: Shop, browser: FlaskClient) -> None:
    task = added(shop)
    send(shop, browser, f"/tasks/{task.id}/delete")
    assert browser.get(shop.path(f"/tasks/{task.id}")).status_code == 404
    send(shop, browser, f"/tasks/{task.id}/restore")
    assert browser.get(shop.path(f"/tasks/{task.id}")).status_code == 200


def test_the_list_has_its_groups_and_whose(shop: Shop, browser: FlaskClient) -> None:
    mate = shop.member("sales", "Tomáš Říha")
    with shop.acting(mate) as colleague:
        actions.create(colleague, actions.create.parse({"name": "Prepare the van"}))
    with shop.acting() as actor:
        today = today_of(actor)
    for name, distance in {"Late one": -1, "Today one": 0, "Soon one": 7, "Later one": 8}.items():
        added(shop, name=name, due_on=str(today + timedelta(days=distance)))
    mine = browser.get(shop.path("/tasks/")).get_data(as_text=True)
    found = re.findall(r'<h2 id="group-(\w+)"|class="t" href="[^"]*">([^<]*)<', mine)
    assert ["".join(one) for one in found] == [
        "late",
        "Late one",
        "today",
        "Today one",
        "soon",
        "Soon one",
        "later",
        "Later one",
    ]
    everybodys = browser.get(shop.path("/tasks/?who=all")).get_data(as_text=True)
    assert "Prepare the van" in everybodys
    assert "Prepare the van" not in mine
