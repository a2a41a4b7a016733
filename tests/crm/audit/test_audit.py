"""The audit log: what it keeps, who may read it, and that nobody rewrites it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from core.jobs import Place
from tenants import audit
from tests.crm.people import Desk, contact
from tests.shop import Shop


def actions(shop: Shop) -> list[str]:
    return [row.action for row in shop.rows("select action from event order by id")]


def test_it_tells_who_what_when_and_from_where(shop: Shop) -> None:
    desk = Desk.of(shop)
    desk.send("/contacts/", first_name="Jan", last_name="Novák")
    made = shop.rows("select id from contact")[0].id
    api = shop.api()
    assert api.patch(f"/contacts/{made}", {"position": "jednatel"}).status_code == 200
    page = desk.page("/settings/audit")
    for said in ("contact.create", "contact.edit", "jednatel", "Jan Novák", "Jana Dvořáková", "127.0.0.1"):
        assert said in page, said


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("kind=contact", True),
        ("kind=deal", False),
        ("text=nov%C3%A1k", True),
        ("text=contact.create", True),
        ("text=%25", False),
        ("since=2020-01-01&until=2020-12-31", False),
        ("since=2020-01-01", True),
        ("until=2099-01-01", True),
    ],
)
def test_it_is_asked(shop: Shop, query: str, there: bool) -> None:
    contact(shop, last_name="Novák")
    assert ("contact.create" in Desk.of(shop).page(f"/settings/audit?{query}")) == there


def test_wrong_questions_are_answered_beside_the_field(shop: Shop) -> None:
    answer = Desk.of(shop).get("/settings/audit?since=yesterday&member=x")
    assert answer.status_code == 422
    assert "Write a date" in answer.get_data(as_text=True)


def test_older_ones_come_page_by_page(shop: Shop) -> None:
    for number in range(audit.PAGE + 5):
        contact(shop, last_name=f"Number {number}")
    with shop.acting() as actor:
        first, more = audit.page(actor, audit.Question(kind="contact"))
        rest, none = audit.page(actor, audit.Question(kind="contact"), first[-1].id)
    assert (len(first), more, len(rest), none) == (audit.PAGE, True, 5, False)
    assert [entry.title for entry in (*first, *rest)] == [f"Jan Number {n}" for n in reversed(range(audit.PAGE + 5))]


def test_its_export_is_kept_in_it(shop: Shop) -> None:
    contact(shop, last_name="=cmd|' /C calc'!A0")
    answer = Desk.of(shop).send("/settings/audit/export", kind="contact")
    rows = answer.get_data(as_text=True).splitlines()
    assert len(rows) == 2
    assert "contact.create" in rows[1]
    assert ";Jan =cmd" in rows[1]
    assert actions(shop)[-1] == "audit.export"


def test_without_the_right_it_stays_closed(shop: Shop) -> None:
    desk = Desk.of(shop, shop.member("head"))
    assert desk.get("/settings/audit").status_code == 403
    assert desk.send("/settings/audit/export").status_code == 403
    assert actions(shop) == []


def test_a_sign_in_is_kept_in_each_workspace_of_the_person(shop: Shop, other: Shop) -> None:
    with shop.base.controlling() as control:
        known = str(shop.owner_id)
        control.execute(
            text("insert into control.membership (identity_id, workspace_id) values (:i, :w)"),
            {"i": known, "w": other.workspace.id},
        )
    audit.signed_in(Place(shop.base, None, 0, lambda: True), known, "10.0.0.7", "Firefox, Windows", 0)
    found = shop.rows("select action, address, after from event")
    assert [(row.action, row.address, row.after) for row in found] == [
        ("member.sign_in", "10.0.0.7", {"device": "Firefox, Windows"})
    ]
    assert other.rows("select count(*) as n from event")[0].n == 0, "a name in the directory alone is no member"


def test_a_token_from_a_new_place_is_kept(shop: Shop) -> None:
    api = shop.api()
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"):
        client = shop.app.test_client()
        headers = {"Authorization": f"Bearer {api.token}"}
        answer = client.get("/api/v1/contacts", headers=headers, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 200
    rows = shop.rows("select address, after from event where action = 'token.use'")
    assert [(row.address, row.after) for row in rows] == [("10.0.0.2", {"address": "10.0.0.2"})]


@pytest.mark.parametrize("statement", ["update event set title = 'x'", "delete from event", "truncate event"])
def test_nobody_in_a_workspace_rewrites_it(shop: Shop, statement: str) -> None:
    contact(shop)
    with shop.base.workspace(shop.workspace) as session, pytest.raises(ProgrammingError):
        session.execute(text(statement))
    assert actions(shop) == ["contact.create"]
