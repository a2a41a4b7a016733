"""Hidden and read-only fields: no page, list, order, filter, sum, search, event or answer tells a hidden one, and
nobody changes what their role may not."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.errors import Forbidden
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.timeline import actions as notes
from tenants import roles, staff
from tenants.models import Member
from tests.crm.people import Desk
from tests.security.test_isolation import filled, page_rules
from tests.shop import Shop

PHONE, EMAIL, AMOUNT, STREET = "+420602114873", "tajna.adresa@example.com", "148937", "Tajná 77"
SECRETS = ("602114873", "602 114 873", "tajna.adresa", "148937", "148,937", "148\N{NO-BREAK SPACE}937", "Tajná 77")
HIDDEN = {
    "contact": {"phones": "hidden", "emails": "hidden", "addresses": "hidden"},
    "company": {"emails": "hidden"},
    "deal": {"amount": "hidden", "about": "readonly"},
}


@pytest.fixture
def ids(shop: Shop) -> dict[str, UUID]:
    """Records full of secrets, changed once so that their events have them too."""
    with shop.acting() as actor:
        company = companies.create(actor, companies.create.parse({"name": "Penzion", "emails": [{"address": EMAIL}]}))
        reached = {
            "phones": [{"number": PHONE}],
            "emails": [{"address": EMAIL}],
            "addresses": [{"street": STREET, "city": "Znojmo"}],
        }
        contact = contacts.create(
            actor,
            contacts.create.parse({"first_name": "Jan", "last_name": "Novák", "company_id": company.id, **reached}),
        )
        nameless = contacts.create(actor, contacts.create.parse({"emails": [{"address": EMAIL}]}))
        links = {"contact_id": contact.id, "company_id": company.id}
        deal = deals.create(actor, deals.create.parse({"name": "Windows", "amount": AMOUNT, "about": "seen", **links}))
        contacts.change(actor, contacts.change.parse({"id": contact.id, "phones": [], "position": "jednatel"}))
        contacts.change(actor, contacts.change.parse({"id": contact.id, **reached}))
        deals.change(actor, deals.change.parse({"id": deal.id, "amount": "1", "probability": 40}))
        deals.change(actor, deals.change.parse({"id": deal.id, "amount": AMOUNT}))
        note = notes.create(actor, notes.create.parse({"text": "Said", "contact_id": contact.id}))
    return {"contact": contact.id, "company": company.id, "deal": deal.id, "note": note.id, "nameless": nameless.id}


@pytest.fixture
def clerk(shop: Shop, ids: dict[str, UUID]) -> UUID:
    """Somebody who may do everything but see and change these fields."""
    identity = shop.member("reader", "Clerk")
    with shop.acting() as owner:
        matrix = {kind: dict.fromkeys(verbs, "all") for kind, verbs in roles.matrix_of({}).items()}
        values = {"name": "Clerks", "matrix": matrix, "special": ["audit", "tokens", "members"], "fields": HIDDEN}
        role = roles.create(owner, roles.create.parse(values))
        member = owner.db.query(Member).filter(Member.identity_id == identity).one()
        staff.give_role(owner, staff.GivenRole(id=member.id, role_id=role.id))
    return identity


def silent(text: str, where: str) -> None:
    for secret in SECRETS:
        assert secret not in text, (where, secret)


def test_the_api_answers_without_them(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    api = shop.api(clerk)
    for path in ("contacts", "companies", "deals"):
        kind = {"contacts": "contact", "companies": "company", "deals": "deal"}[path]
        for query in (f"/{path}", f"/{path}?limit=200", f"/{path}/{ids[kind]}"):
            answer = api.get(query)
            assert answer.status_code == 200
            silent(answer.get_data(as_text=True), query)
    found = api.get(f"/contacts/{ids['contact']}").json
    assert (found["phones"], found["emails"], found["addresses"], found["city"]) == ([], [], [], "")
    assert found["name"] == "Jan Novák"
    assert api.get(f"/deals/{ids['deal']}").json["amount"] is None
    whole = shop.api().get(f"/deals/{ids['deal']}").json
    assert whole["amount"] == f"{AMOUNT}.00"


def test_no_filter_order_or_search_tells_of_them(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    api, whole = shop.api(clerk), shop.api()
    for query in (
        f"/contacts?email={EMAIL}", f"/contacts?phone=%2B{PHONE[1:]}", "/contacts?city=Znojmo", "/contacts?q=602114",
        "/contacts?q=tajna", "/contacts?q=znojmo", "/companies?q=tajna",
    ):  # fmt: skip
        assert whole.get(query).json["data"], query
        assert api.get(query).json["data"] == [], query
    assert [row["id"] for row in api.get("/contacts?q=novak").json["data"]] == [str(ids["contact"])]
    with shop.acting() as owner:
        cheap = deals.create(owner, deals.create.parse({"name": "Cheap", "amount": 5})).id
        dear = deals.create(owner, deals.create.parse({"name": "Dear", "amount": 5_000_000})).id
    by_amount = [row["id"] for row in api.get("/deals?sort=amount").json["data"]]
    by_time = [row["id"] for row in api.get("/deals?sort=created").json["data"]]
    assert by_amount == by_time == [str(ids["deal"]), str(cheap), str(dear)]


def test_answers_of_writes_are_without_them_too(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    api = shop.api(clerk)
    answer = api.patch(f"/contacts/{ids['contact']}", {"position": "ředitel"})
    assert answer.status_code == 200
    silent(answer.get_data(as_text=True), "PATCH")
    row = shop.rows("select phones, search, match_keys from contact where id = :id", id=ids["contact"])[0]
    assert row.phones[0]["number"] == PHONE, "what one does not see stays"
    assert "602114873" in row.search
    assert PHONE in row.match_keys
    silent(api.post(f"/deals/{ids['deal']}/win").get_data(as_text=True), "win")
    assert str(shop.rows("select amount from deal where id = :id", id=ids["deal"])[0].amount) == f"{AMOUNT}.00"


@pytest.mark.parametrize(
    ("path", "kind", "values"),
    [
        ("contacts", "contact", {"phones": []}),
        ("contacts", "contact", {"emails": [{"address": "a@example.com"}], "position": "x"}),
        ("deals", "deal", {"amount": 1}),
        ("deals", "deal", {"about": "x"}),
    ],
)
def test_by_api_they_are_not_written(
    shop: Shop, ids: dict[str, UUID], clerk: UUID, path: str, kind: str, values: dict[str, Any]
) -> None:
    before = shop.rows(f"select * from {kind}")
    api = shop.api(clerk)
    for answer in (
        api.patch(f"/{path}/{ids[kind]}", values),
        api.post(f"/{path}", {"name": "x", **values} if kind == "deal" else {"first_name": "x", **values}),
    ):
        assert answer.status_code == 422
        assert {error["field"] for error in answer.json["errors"]} <= values.keys()
    assert shop.rows(f"select * from {kind}") == before


def test_no_page_shows_them(app: Flask, shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    desk = Desk.of(shop, clerk)
    seen = 0
    for rule in page_rules(app, with_ids=False):
        if "GET" in (rule.methods or ()):
            for query in ("", "?q=novak", "?q=602114", f"?q={EMAIL}", "?sort=amount"):
                answer = desk.get(filled(rule, {}) + query)
                if answer.status_code in (200, 422):
                    text = answer.get_data(as_text=True)
                    asked = query.partition("q=")[2].partition("@")[0]  # what was searched for stands in the field
                    silent(text.replace(asked, "") if asked else text, rule.rule + query)
                    seen += 1
    for rule in page_rules(app, with_ids=True):
        named = {f"{kind}": record_id for kind, record_id in ids.items()}
        try:
            path = filled(rule, named)
        except KeyError:
            continue
        if "GET" in (rule.methods or ()):
            answer = desk.get(path)
            silent(answer.get_data(as_text=True), path)
            seen += answer.status_code == 200
    silent(desk.get(f"/contacts/{ids['nameless']}").get_data(as_text=True), "nameless")
    assert seen > 60


def test_the_audit_log_and_its_file_are_without_them(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    desk = Desk.of(shop, clerk)
    page = desk.page("/settings/audit?kind=deal")
    silent(page, "audit")
    assert "probability" in page
    assert "148937" in Desk.of(shop).page("/settings/audit?kind=deal")
    exported = desk.send("/settings/audit/export", kind="deal")
    assert exported.status_code == 200
    text = exported.get_data(as_text=True)
    assert "deal.edit" in text
    silent(text, "audit.csv")


def test_a_form_cannot_empty_what_its_reader_does_not_see(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    desk = Desk.of(shop, clerk)
    form = desk.page(f"/contacts/{ids['contact']}/edit")
    assert "disabled" in form.split('id="phones"')[1].split(">")[0]
    before = shop.rows("select phones, emails from contact where id = :id", id=ids["contact"])
    version = str(shop.rows("select version from contact where id = :id", id=ids["contact"])[0].version)
    sent = {
        "first_name": "Josef",
        "last_name": "Novák",
        "version": version,
        "emails-0-address": "",
        "phones-0-number": "",
    }
    assert desk.send(f"/contacts/{ids['contact']}/edit", **sent).status_code == 303
    assert shop.rows("select phones, emails from contact where id = :id", id=ids["contact"]) == before
    assert shop.rows("select first_name from contact where id = :id", id=ids["contact"])[0].first_name == "Josef"


def test_a_word_of_an_action_is_no_locked_field(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    """What is said when a deal is lost becomes a note, though the field `about` of the deal is closed."""
    answer = shop.api(clerk).post(f"/deals/{ids['deal']}/lose", {"reason": "price", "about": "Too dear for them"})
    assert answer.status_code == 200
    assert shop.rows("select text from note where deal_id = :id", id=ids["deal"])[0].text == "Too dear for them"
    assert shop.rows("select about from deal where id = :id", id=ids["deal"])[0].about == "seen"


def test_nobody_opens_a_field_that_is_closed_to_them(shop: Shop, ids: dict[str, UUID], clerk: UUID) -> None:
    with shop.acting(clerk) as actor:
        open_role = {"name": "Open", "matrix": {}, "fields": {}}
        with pytest.raises(Forbidden):
            roles.create(actor, roles.create.parse(open_role))
        roles.create(actor, roles.create.parse({**open_role, "name": "As closed", "fields": HIDDEN}))
        own = actor.db.query(Member).filter(Member.id == actor.member.id).one().role_id
        with pytest.raises(Forbidden):
            roles.change(actor, roles.change.parse({"id": own, "fields": {}}))
    assert shop.rows("select fields from role where role.name = 'Clerks'")[0].fields == HIDDEN
