"""The contacts' pages: list, card, form, facts in place, and what happens to what people type."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core.ids import new_id
from core.pages import today_of
from crm.contacts import actions
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.crm.people import HARMFUL, RUNNING, Desk, company, contact
from tests.shop import Shop


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk.of(shop)


def names(page: str) -> list[str]:
    return re.findall(r'<a class="main"[^>]*>([^<]*)</a>', page)


def test_an_empty_list_says_what_it_is_for(desk: Desk) -> None:
    page = desk.page("/contacts/")
    assert "Bring your customers in" in page
    assert "<table" not in page


def test_the_list_is_found_filtered_and_sorted_by_its_url(desk: Desk) -> None:
    contact(desk.shop, last_name="Novák", addresses=[{"city": "Brno"}], labels=["customer"])
    contact(desk.shop, last_name="Adámek", addresses=[{"city": "Praha"}])
    contact(desk.shop, last_name="Černý", addresses=[{"city": "Brno"}])
    assert names(desk.page("/contacts/")) == ["Jan Adámek", "Jan Černý", "Jan Novák"]
    assert names(desk.page("/contacts/?sort=-name")) == ["Jan Novák", "Jan Černý", "Jan Adámek"]
    assert names(desk.page("/contacts/?q=cerny")) == ["Jan Černý"]
    assert names(desk.page("/contacts/?city=Brno")) == ["Jan Černý", "Jan Novák"]
    assert names(desk.page("/contacts/?label=customer")) == ["Jan Novák"]
    assert "Nothing matches" in desk.page("/contacts/?q=nobody")
    assert desk.get("/contacts/?sort=colour").status_code == 422
    assert desk.get("/contacts/?cursor=x").status_code == 422


def test_pages_lead_forth_and_back_and_say_where_one_is(desk: Desk) -> None:
    for number in range(120):
        contact(desk.shop, first_name=f"N{number:03}")
    first = desk.page("/contacts/")
    assert "Rows 1 to 50 of 120" in first
    second = desk.page(link(first, "next", desk))
    assert "Rows 51 to 100 of 120" in second
    assert names(second)[0] == "N050"
    third = desk.page(link(second, "next", desk))
    assert "Rows 101 to 120 of 120" in third
    assert 'rel="next"' not in third
    assert names(desk.page(link(third, "prev", desk))) == names(second)


def link(page: str, rel: str, desk: Desk) -> str:
    found = re.search(rf'href="([^"]*)" rel="{rel}"', page)
    assert found
    return found[1].replace("&amp;", "&").removeprefix(f"/{desk.shop.workspace.slug}")


def test_a_row_shows_the_next_step_the_open_deals_and_the_owner(desk: Desk) -> None:
    firm = company(desk.shop, name="Stavby Krejčí")
    made = contact(desk.shop, company_id=firm.id, phones=[{"number": "602114873"}])
    with desk.shop.acting() as actor:
        late = {"name": "Call back", "contact_id": made.id, "due_on": today_of(None) - timedelta(days=2)}
        tasks.create(actor, tasks.create.parse(late))
        tasks.create(actor, tasks.create.parse({"name": "Later", "contact_id": made.id, "due_on": date(2100, 1, 1)}))
        notes.create(actor, notes.create.parse({"form": "call", "contact_id": made.id}))
    page = desk.page("/contacts/")
    assert re.search(r'<span class="late">.*Call back<span class="visually-hidden"> \(late\)', page)
    assert "Later" not in page
    assert "+420 602 114 873" in page
    assert "Stavby Krejčí" in page
    assert re.search(r'<td class="la[^>]*>today</td>', page)
    assert 'aria-label="Jana Dvořáková"' in page


def test_a_list_costs_the_same_few_statements_whatever_its_length(desk: Desk) -> None:
    from core.db import database

    def statements() -> int:
        said: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            said.append(statement)

        event.listen(database().ws, "before_cursor_execute", note)
        try:
            desk.page("/contacts/")
        finally:
            event.remove(database().ws, "before_cursor_execute", note)
        return len(said)

    firm = company(desk.shop)
    contact(desk.shop, company_id=firm.id)
    one = statements()
    for _ in range(30):
        contact(desk.shop, company_id=firm.id)
    assert statements() == one
    assert one <= 9  # the last are the business's own fields, and the numbers beside the bell and the inbox


def test_a_form_makes_one_contact_with_its_company_though_sent_twice(desk: Desk) -> None:
    chosen = str(new_id())
    values = {
        "id": chosen,
        "first_name": "Jan",
        "last_name": "Novák",
        "phones-0-number": "602 114 873",
        "phones-0-kind": "work",
        "emails-0-address": "",
        "emails-0-kind": "work",
        "emails-1-address": "jan@example.com",
        "emails-1-kind": "home",
        "addresses-0-city": "Brno",
        "labels": "customer, VIP, customer",
        "company_id": "",
        "company_name": "Stavby Krejčí",
        "owner_id": "",
    }
    for _ in range(2):
        answer = desk.send("/contacts/", **values)
        assert (answer.status_code, answer.headers["Location"]) == (303, desk.shop.path(f"/contacts/{chosen}"))
    (row,) = desk.shop.rows("select c.*, f.name as company from contact c join company f on f.id = c.company_id")
    assert (row.name, row.company, row.labels) == ("Jan Novák", "Stavby Krejčí", ["customer", "VIP"])
    assert row.emails == [{"kind": "home", "address": "jan@example.com"}]
    assert row.phones == [{"kind": "work", "number": "+420602114873", "valid": True}]
    assert len(desk.shop.rows("select 1 from company")) == 1


def test_a_company_written_otherwise_is_the_same_company(desk: Desk) -> None:
    company(desk.shop, name="Stavby Krejčí")
    desk.send("/contacts/", first_name="Jan", company_name="STAVBY KREJČÍ")
    assert len(desk.shop.rows("select 1 from company")) == 1
    assert desk.shop.rows("select company_id from contact")[0].company_id is not None


def test_a_refused_form_keeps_what_was_typed_and_stores_nothing(desk: Desk) -> None:
    answer = desk.send(
        "/contacts/",
        first_name="Jan",
        about="Likes <b>oak</b>",
        company_name="Nová firma",
        **{"emails-0-address": "ok@example.com", "emails-3-address": "wrong"},
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#emails.1.address"' in page
    assert re.search(r'id="emails\.1\.address"[^>]*value="wrong"[^>]*aria-invalid="true"', page)
    assert "Likes &lt;b&gt;oak&lt;/b&gt;" in page
    assert 'value="Nová firma"' in page
    assert desk.shop.rows("select 1 from contact union all select 1 from company") == []


def test_one_more_row_is_had_without_a_script(desk: Desk) -> None:
    answer = desk.send("/contacts/", first_name="Jan", more="phones", **{"phones-0-number": "602"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'name="phones-2-number"' in page
    assert 'value="602"' in page
    assert desk.shop.rows("select 1 from contact") == []


def test_two_people_at_one_contact_see_both_values(desk: Desk) -> None:
    made = contact(desk.shop, last_name="Novák", phones=[{"number": "602114873"}])
    with desk.shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": made.id, "position": "Buyer"}))
    phone = {"phones-0-number": "+420 602 114 873", "phones-0-kind": "mobile"}
    typed = {"first_name": "Jan", "last_name": "Nováček", "position": "", "version": "1", **phone}
    answer = desk.send(f"/contacts/{made.id}/edit", **typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 412
    assert 'value="Nováček"' in page
    assert "Saved by somebody else meanwhile: Novák" in page
    assert "Saved by somebody else meanwhile: Buyer" in page
    assert page.count("Saved by somebody else meanwhile") == 2
    assert 'name="version" value="2"' in page
    assert desk.send(f"/contacts/{made.id}/edit", **{**typed, "version": "2"}).status_code == 303
    assert desk.shop.rows("select last_name, position from contact")[0] == ("Nováček", "")


def test_one_fact_is_changed_in_its_place(desk: Desk) -> None:
    made = contact(desk.shop, last_name="Novák", position="Buyer")
    form = desk.page(f"/contacts/{made.id}/facts/position")
    assert '<turbo-frame id="edit-position">' in form
    answer = desk.send(f"/contacts/{made.id}/facts/position", version="1", position="Head", last_name="Smuggled")
    assert (answer.status_code, answer.headers["Location"]) == (303, desk.shop.path(f"/contacts/{made.id}"))
    assert desk.shop.rows("select last_name, position from contact")[0] == ("Novák", "Head")
    refused = desk.send(f"/contacts/{made.id}/facts/emails", version="2", **{"emails-0-address": "x"})
    assert refused.status_code == 422
    assert "This is not an e-mail address" in refused.get_data(as_text=True)
    assert desk.get(f"/contacts/{made.id}/facts/search").status_code == 404


def test_what_was_deleted_says_so_and_comes_back(desk: Desk) -> None:
    made = contact(desk.shop, last_name="Novák")
    assert desk.send(f"/contacts/{made.id}/delete").headers["Location"] == desk.shop.path("/contacts/")
    listed = desk.page("/contacts/")
    assert f'action="{desk.shop.path(f"/contacts/{made.id}/restore")}"' in listed
    assert names(listed) == []
    gone = desk.get(f"/contacts/{made.id}")
    assert gone.status_code == 410
    assert "Restore" in gone.get_data(as_text=True)
    reader = Desk.of(desk.shop, desk.shop.member("reader")).get(f"/contacts/{made.id}")
    assert reader.status_code == 410
    assert "/restore" not in reader.get_data(as_text=True)
    desk.send(f"/contacts/{made.id}/restore")
    assert names(desk.page("/contacts/")) == ["Jan Novák"]


def test_the_card_of_another_workspace_is_not_there(desk: Desk, other: Shop) -> None:
    foreign = contact(other)
    assert desk.get(f"/contacts/{foreign.id}").status_code == 404
    assert desk.send(f"/contacts/{foreign.id}/delete").status_code == 404
    assert desk.send("/contacts/bulk", do="delete", id=[str(foreign.id)]).status_code == 303
    assert other.rows("select deleted_at from contact")[0].deleted_at is None


def test_many_are_given_labelled_and_deleted_and_it_is_undone(desk: Desk) -> None:
    colleague = desk.shop.member("sales", "Lucie Marešová")
    new_owner = desk.shop.rows("select id from member where identity_id = :who", who=colleague)[0].id
    ids = [str(contact(desk.shop, first_name=f"N{number}").id) for number in range(3)]
    for change in ({"do": "give", "owner_id": str(new_owner)}, {"do": "label", "label": "fair"}, {"do": "delete"}):
        before = desk.shop.rows("select id, owner_id, labels, deleted_at from contact order by id")
        assert desk.send("/contacts/bulk", id=ids, **change).status_code == 303
        changed = desk.shop.rows("select id, owner_id, labels, deleted_at from contact order by id")
        assert all(old != new for old, new in zip(before, changed, strict=True))
        undo = re.search(r'action="[^"]*(/contacts/undo[^"]*)"', desk.page("/contacts/"))
        assert undo
        desk.send(undo[1].replace("&amp;", "&"))
        assert desk.shop.rows("select id, owner_id, labels, deleted_at from contact order by id") == before
    assert len(desk.shop.rows("select 1 from event where action = 'contact.delete'")) == 3


def test_undo_leaves_what_somebody_changed_since(desk: Desk) -> None:
    made = contact(desk.shop)
    desk.send("/contacts/bulk", id=[str(made.id)], do="label", label="fair")
    undo = re.search(r'action="[^"]*(/contacts/undo[^"]*)"', desk.page("/contacts/"))
    assert undo
    with desk.shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": made.id, "labels": ["mine"]}))
    desk.send(undo[1].replace("&amp;", "&"))
    assert desk.shop.rows("select labels from contact")[0].labels == ["mine"]


def test_a_colleague_cannot_undo_what_i_did(desk: Desk) -> None:
    made = contact(desk.shop)
    desk.send("/contacts/bulk", id=[str(made.id)], do="delete")
    undo = re.search(r'action="[^"]*(/contacts/undo[^"]*)"', desk.page("/contacts/"))
    assert undo
    Desk.of(desk.shop, desk.shop.member("head")).send(undo[1].replace("&amp;", "&"))
    assert desk.shop.rows("select deleted_at from contact")[0].deleted_at is not None


def test_a_bulk_form_without_an_answer_asks_for_it(desk: Desk) -> None:
    made = contact(desk.shop)
    for do, field in (("give", "owner_id"), ("label", "label")):
        answer = desk.send("/contacts/bulk", id=[str(made.id)], do=do)
        assert answer.status_code == 422
        assert f'id="{field}"' in answer.get_data(as_text=True)
        assert f'name="id" value="{made.id}"' in answer.get_data(as_text=True)
    assert desk.send("/contacts/bulk", do="delete").status_code == 303
    assert desk.send("/contacts/bulk", do="delete", id=[str(new_id()) for _ in range(201)]).status_code == 422


def test_who_may_not_change_is_offered_no_change(desk: Desk) -> None:
    made = contact(desk.shop)
    reader = Desk.of(desk.shop, desk.shop.member("reader"))
    for path in ("/contacts/", f"/contacts/{made.id}"):
        page = reader.page(path)
        for offer in ("/contacts/new", "/edit", "/facts/", "/contacts/bulk", "/delete", 'name="text"'):
            assert offer not in page.split('id="main"')[1].split("</main>")[0], f"{path}: {offer}"
    assert reader.get("/contacts/new").status_code == 403
    assert reader.get(f"/contacts/{made.id}/edit").status_code == 403
    assert reader.send("/contacts/bulk", do="delete", id=[str(made.id)]).status_code == 403


def test_the_new_form_takes_what_was_looked_for(desk: Desk) -> None:
    assert re.search(r'name="last_name"[^>]*value="Beneš"', desk.page("/contacts/new?name=Radek+Beneš"))
    assert re.search(r'name="phones-0-number"[^>]*value="602 114"', desk.page("/contacts/new?name=602+114"))
    assert re.search(r'name="emails-0-address"[^>]*value="a@b.cz"', desk.page("/contacts/new?name=a@b.cz"))


@pytest.mark.parametrize("text", RUNNING)
def test_texts_that_would_run_are_shown_as_texts(desk: Desk, text: str) -> None:
    firm = company(desk.shop, name=text, about=text, labels=[text[:60]])
    made = contact(
        desk.shop,
        first_name=text,
        last_name=text,
        position=text,
        about=text,
        source=text,
        labels=[text[:60]],
        company_id=firm.id,
        phones=[{"number": text[:60]}],
        addresses=[{"street": text, "city": text[:100]}],
    )
    with desk.shop.acting() as actor:
        notes.create(actor, notes.create.parse({"contact_id": made.id, "text": text}))
        tasks.create(actor, tasks.create.parse({"contact_id": made.id, "name": text}))
        actions.change(
            actor, actions.change.parse({"id": made.id, "labels": [text[:50]], "position": "x", "source": ""})
        )
    paths = ("/contacts/", f"/contacts/{made.id}", f"/contacts/{made.id}/edit", "/companies/", f"/companies/{firm.id}")
    for path in (
        *paths,
        f"/contacts/{made.id}/facts/labels",
        "/contacts/?label=" + text[:20],
        "/contacts/?q=" + text[:20],
    ):
        page = desk.page(path)
        assert not [harm for harm in HARMFUL if harm in page], path


@pytest.mark.parametrize("text", ["يوسف الحاج", "🏠👩‍👩‍👧", "a\u202eb", "Nguyễn", "x" * 200])
def test_any_letters_are_kept(desk: Desk, text: str) -> None:
    answer = desk.send("/contacts/", first_name=text)
    assert answer.status_code == 303
    assert desk.shop.rows("select first_name from contact")[0].first_name == text
    assert text in desk.page("/contacts/")


def test_too_much_is_refused_clearly(desk: Desk) -> None:
    answer = desk.send("/contacts/", first_name="Jan", about="x" * 10_000_000)
    assert answer.status_code in (413, 422)
    assert "Too long: at most 10000 characters." in desk.send("/contacts/", first_name="Jan", about="x" * 20_000).text
    assert desk.send("/contacts/", first_name="Jan\0").status_code == 422
    assert desk.shop.api().post("/contacts", {"first_name": "x" * 10_000_000}).status_code == 413
    assert desk.page("/contacts/?q=a%00b")
    assert desk.shop.rows("select 1 from contact") == []


def test_last_contact_is_shown_on_the_members_calendar(desk: Desk) -> None:
    made = contact(desk.shop)
    moment = datetime.now(UTC) - timedelta(days=1)
    with desk.shop.acting() as actor:
        notes.create(actor, notes.create.parse({"form": "call", "contact_id": made.id, "at": moment}))
    assert re.search(r'<td class="la[^>]*>yesterday</td>', desk.page("/contacts/"))
