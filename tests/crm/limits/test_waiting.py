"""What a full plan refuses is kept as it was typed, and saved oldest first when there is room."""

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from config.settings import settings
from core.ids import new_id
from crm.contacts import actions
from tests.crm.imports.importing import work
from tests.crm.limits.paying import cap, create, live, one, value
from tests.shop import Shop, csrf


@pytest.fixture(autouse=True)
def selling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """There are plans, as on the service."""
    monkeypatch.setenv("OKNO_PAYMENTS", "test")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def send(shop: Shop, browser: FlaskClient, **typed: Any) -> Any:
    token = csrf(browser, shop.path("/contacts/new"))
    return browser.post(shop.path("/contacts/"), data={"csrf_token": token, "id": str(new_id()), **typed})


def press(shop: Shop, browser: FlaskClient, row_id: UUID, what: str) -> Any:
    token = csrf(browser, shop.path("/contacts/new"))
    return browser.post(shop.path(f"/waiting/{row_id}/{what}"), data={"csrf_token": token})


def names(shop: Shop) -> list[str]:
    return [row.name for row in shop.rows("select name from contact where deleted_at is null order by created_at, id")]


def waits(shop: Shop) -> list[Any]:
    return shop.rows("select * from waiting order by created_at, id")


def test_the_form_comes_back_with_what_was_typed_and_an_offer_and_the_contact_is_kept(shop: Shop) -> None:
    cap(shop, contacts=0)
    browser, row_id = shop.browser(), new_id()
    typed = {
        "id": row_id,
        "first_name": "Radek",
        "last_name": "Beneš",
        "company_name": "Okna Beneš",
        "labels": "VIP, new",
    }
    answer = send(shop, browser, **typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 402
    assert 'value="Radek"' in page
    assert str(row_id) in page
    assert "Radek Beneš is kept and will be saved the moment there is room." in page
    assert "Upgrade and save Radek Beneš" in page
    assert f"{shop.path('/settings/plan')}?next=" in page
    assert (live(shop), shop.rows("select id from company")) == (0, [])
    (row,) = waits(shop)
    assert (row.id, row.title, row.action, row.error) == (row_id, "Radek Beneš", "contact.create", "")
    assert row.input["company_name"] == "Okna Beneš"


def test_the_same_form_sent_again_is_kept_once_as_it_was_typed_last(shop: Shop) -> None:
    cap(shop, contacts=0)
    browser, row_id = shop.browser(), new_id()
    send(shop, browser, id=row_id, last_name="Benes")
    send(shop, browser, id=row_id, last_name="Beneš")
    assert [(row.id, row.title) for row in waits(shop)] == [(row_id, "Beneš")]


def test_all_that_fits_is_saved_oldest_first_when_the_plan_grows(shop: Shop) -> None:
    cap(shop, contacts=0)
    browser = shop.browser()
    for name in ("First", "Second", "Third"):
        send(shop, browser, last_name=name, company_name="Okna")
    work(shop)
    assert live(shop) == 0
    cap(shop, contacts=2)
    work(shop)
    assert names(shop) == ["First", "Second"]
    assert [row.title for row in waits(shop)] == ["Third"]
    assert len(shop.rows("select id from company")) == 1
    events = shop.rows("select member_id, via from event where action = 'contact.create'")
    owner = shop.rows("select id from member")[0].id
    assert {(row.member_id, row.via) for row in events} == {(owner, "page")}


def test_deleting_one_lets_one_in(shop: Shop) -> None:
    cap(shop, contacts=1)
    first = create(shop, "First")
    browser = shop.browser()
    send(shop, browser, last_name="Second")
    work(shop)
    with shop.acting() as actor:
        actions.delete(actor, one(first))
    work(shop)
    assert (names(shop), waits(shop), value(shop)) == (["Second"], [], 1)


def test_a_form_sent_again_after_there_is_room_makes_one_contact(shop: Shop) -> None:
    cap(shop, contacts=0)
    browser, row_id = shop.browser(), new_id()
    send(shop, browser, id=row_id, last_name="Beneš")
    cap(shop, contacts=5)
    assert send(shop, browser, id=row_id, last_name="Beneš").status_code == 303
    work(shop)
    assert (names(shop), waits(shop), value(shop)) == (["Beneš"], [], 1)


def test_who_left_or_may_no_longer_is_named_and_the_row_stays(shop: Shop) -> None:
    cap(shop, contacts=0)
    seller, reader = shop.member("sales", "Petr"), shop.member("sales", "Iva")
    send(shop, shop.browser(seller), last_name="Of who left")
    send(shop, shop.browser(reader), last_name="Of who may not")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set state = 'left' where name = 'Petr'"))
        session.execute(
            text("update member set role_id = (select id from role where key = 'reader') where name = 'Iva'")
        )
    cap(shop, contacts=5)
    work(shop)
    assert live(shop) == 0
    errors = {row.title: row.error for row in waits(shop)}
    assert "works here no more" in errors["Of who left"]
    assert errors["Of who may not"]
    browser = shop.browser()
    page = browser.get(shop.path("/waiting/")).get_data(as_text=True)
    assert "Of who left" in page
    row_id = next(row.id for row in waits(shop) if row.title == "Of who left")
    assert press(shop, browser, row_id, "save").status_code == 303
    assert names(shop) == ["Of who left"]


def test_others_see_their_own_alone_and_are_told_whom_to_ask(shop: Shop) -> None:
    cap(shop, contacts=0)
    seller = shop.browser(shop.member("sales", "Petr"))
    answer = send(shop, seller, last_name="Mine").get_data(as_text=True)
    assert "Ask an owner: Jana Dvořáková" in answer
    assert "/settings/plan" not in answer
    send(shop, shop.browser(), last_name="Theirs")
    page = seller.get(shop.path("/waiting/")).get_data(as_text=True)
    assert "Mine" in page
    assert "Theirs" not in page
    theirs = next(row.id for row in waits(shop) if row.title == "Theirs")
    assert press(shop, seller, theirs, "discard").status_code == 404
    assert press(shop, seller, theirs, "save").status_code == 404
    assert len(waits(shop)) == 2
    owners_page = shop.browser().get(shop.path("/waiting/")).get_data(as_text=True)
    assert "Mine" in owners_page
    assert "2 contacts wait for room" in shop.browser().get(shop.path("/contacts/")).get_data(as_text=True)


def test_what_waits_is_saved_by_hand_or_thrown_away(shop: Shop) -> None:
    cap(shop, contacts=0)
    browser = shop.browser()
    send(shop, browser, last_name="Kept")
    send(shop, browser, last_name="Not wanted")
    kept, unwanted = waits(shop)
    assert press(shop, browser, kept.id, "save").status_code == 402
    assert len(waits(shop)) == 2
    assert press(shop, browser, unwanted.id, "discard").status_code == 303
    assert [row.title for row in waits(shop)] == ["Kept"]


def test_another_workspace_sees_nothing_of_it(shop: Shop, other: Shop) -> None:
    cap(shop, contacts=0)
    send(shop, shop.browser(), last_name="Beneš")
    (row,) = waits(shop)
    browser = other.browser()
    assert "Beneš" not in browser.get(other.path("/waiting/")).get_data(as_text=True)
    assert press(other, browser, row.id, "save").status_code == 404


def test_a_change_of_what_is_there_is_never_refused_for_room(shop: Shop) -> None:
    contact = create(shop)
    cap(shop, contacts=0)
    browser = shop.browser()
    token = csrf(browser, shop.path(f"/contacts/{contact.id}/edit"))
    data = {"csrf_token": token, "last_name": "Changed", "version": "1"}
    assert browser.post(shop.path(f"/contacts/{contact.id}/edit"), data=data).status_code == 303
