"""People as pages: the directory, inviting a pasted list, joining by the link, sharing a record."""

from uuid import UUID

import pytest
from flask import Flask

from crm.people.joining import letter, plain_words
from tenants import invitations
from tenants.models import Invitation
from tests.crm.people import Desk, contact
from tests.shop import Shop, csrf
from tests.visitor import PASSWORD, Visitor


def role_id(shop: Shop, key: str) -> str:
    return str(shop.rows("select id from role where key = :key", key=key)[0].id)


def member_id(shop: Shop, identity_id: UUID) -> UUID:
    return UUID(str(shop.rows("select id from member where identity_id = :id", id=identity_id)[0].id))


def link_of(shop: Shop) -> str:
    with shop.base.workspace(shop.workspace) as session:
        invitation = session.query(Invitation).one()
        return invitations.address(shop.app.config["OKNO"], shop.workspace, invitation).removeprefix(
            shop.app.config["OKNO"].url
        )


def test_a_pasted_list_is_invited(shop: Shop) -> None:
    desk = Desk.of(shop)
    emails = "petr@example.com, Eva <eva@example.com>;\nPETR@example.com"
    assert desk.send("/people/invite", emails=emails, role_id=role_id(shop, "sales")).status_code == 303
    page = desk.page("/people/")
    assert page.count("petr@example.com") >= 1
    assert "eva@example.com" in page
    assert shop.rows("select count(*) as n from invitation")[0].n == 2
    found = shop.rows("select id from invitation order by id limit 1")[0].id
    assert desk.send(f"/people/invitations/{found}/resend").status_code == 303
    assert desk.send(f"/people/invitations/{found}/withdraw").status_code == 303
    assert desk.send(f"/people/invitations/{found}/withdraw").status_code == 404
    assert desk.page("/people/").count("petr@example.com") == 0


def test_a_wrong_address_is_named_and_what_was_typed_stays(shop: Shop) -> None:
    answer = Desk.of(shop).send(
        "/people/invite", emails="petr@example.com, eva@nowhere", role_id=role_id(shop, "sales")
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "eva@nowhere: This is not an e-mail address" in text
    assert "petr@example.com, eva@nowhere" in text
    assert shop.rows("select count(*) as n from invitation")[0].n == 0


def test_a_stranger_joins_with_a_new_account(app: Flask, shop: Shop) -> None:
    email = f"{shop.workspace.slug}@example.com"
    Desk.of(shop).send("/people/invite", emails=email, role_id=role_id(shop, "reader"))
    link = link_of(shop)
    client = app.test_client()
    page = client.get(link).get_data(as_text=True)
    assert "Join Okna Horák" in page
    token = csrf(client, link)
    weak = client.post(link, data={"csrf_token": token, "name": "Petr", "password": "short"})
    assert weak.status_code == 422
    assert shop.rows("select count(*) as n from member")[0].n == 1
    answer = client.post(link, data={"csrf_token": token, "name": "Petr Malý", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, shop.path("/today"))
    assert client.get(shop.path("/today")).status_code == 200
    assert client.get(link).status_code == 410


def test_an_account_joins_only_signed_in_as_itself(app: Flask, shop: Shop) -> None:
    visitor = Visitor(app)
    visitor.sign_up()
    with shop.base.controlling() as control:
        from sqlalchemy import text

        control.execute(text("update control.identity set confirmed_at = now() where email = :e"), {"e": visitor.email})
    Desk.of(shop).send("/people/invite", emails=visitor.email, role_id=role_id(shop, "reader"))
    link = link_of(shop)
    outside = app.test_client()
    assert "Log in to join" in outside.get(link).get_data(as_text=True)
    outside.post(link, data={"csrf_token": csrf(outside, "/login"), "name": "x", "password": PASSWORD})
    stranger = Visitor(app)
    stranger.sign_up()
    assert "Log out, and open the link again" in stranger.get(link).get_data(as_text=True)
    assert stranger.client.post(link, data={"csrf_token": csrf(stranger.client, link)}).status_code == 303
    assert shop.rows("select count(*) as n from member")[0].n == 1
    token = csrf(visitor.client, link)
    answer = visitor.client.post(link, data={"csrf_token": token})
    assert answer.location == shop.path("/today")
    assert shop.rows("select count(*) as n from member")[0].n == 2


def test_a_letter_carries_no_advertisement(app: Flask) -> None:
    for name in ("Win at http://evil.example", "www.evil.example", "Buy evil.com now", "a@evil"):
        assert plain_words(name, "okno") == "okno"
    assert plain_words("Okna Horák s.r.o.", "okno") == "Okna Horák s.r.o."
    with app.test_request_context("/"):
        assert "Okna Horák" in letter("Okna Horák", "Jana", "Sales", "http://localhost/invite/x").subject


def test_a_member_is_described_and_given_a_role_at_once(shop: Shop) -> None:
    seller = member_id(shop, shop.member("sales"))
    desk = Desk.of(shop)
    sent = {"position": "Obchodnice", "phone": "602 114 873", "role_id": role_id(shop, "head"), "mon_from": "08:00"}
    assert desk.send(f"/people/{seller}", **sent).status_code == 422
    row = shop.rows("select position, role_id from member where id = :id", id=seller)[0]
    assert (row.position, str(row.role_id)) == ("", role_id(shop, "sales"))
    assert desk.send(f"/people/{seller}", **sent, mon_to="16:30").status_code == 303
    row = shop.rows("select position, role_id, working_hours from member where id = :id", id=seller)[0]
    assert (row.position, str(row.role_id)) == ("Obchodnice", role_id(shop, "head"))
    assert row.working_hours == {"mon": ["08:00", "16:30"]}
    assert "Obchodnice" in desk.page(f"/people/{seller}")


def test_handing_over_is_confirmed_by_the_address(shop: Shop) -> None:
    admin = member_id(shop, shop.member("admin"))
    desk = Desk.of(shop)
    assert desk.send(f"/people/{admin}/hand-over", slug="something").status_code == 409
    assert desk.send(f"/people/{admin}/hand-over", slug=shop.workspace.slug).status_code == 303
    keys = shop.rows("select key from member join role on role.id = role_id where member.id = :id", id=admin)
    assert keys[0].key == "owner"


@pytest.mark.parametrize("who", ["head", "sales", "field", "reader"])
def test_everybody_sees_the_directory_and_few_change_it(shop: Shop, who: str) -> None:
    other = member_id(shop, shop.member("sales", "Pavel Šimek"))
    desk = Desk.of(shop, shop.member(who))
    assert "Pavel Šimek" in desk.page("/people/")
    assert desk.get(f"/people/{other}").status_code == 200
    for path in ("/people/invite", f"/people/{other}/edit", "/people/departments/new", "/people/teams/new"):
        assert desk.get(path).status_code == 403, path
    for path in (
        "/people/invite",
        f"/people/{other}",
        f"/people/{other}/leave",
        "/people/departments",
        "/people/teams",
    ):
        assert desk.send(path, name="x", emails="a@example.com").status_code in (403, 422), path
    assert shop.rows("select count(*) as n from invitation")[0].n == 0
    assert shop.rows("select count(*) as n from member where state <> 'active'")[0].n == 0


def test_a_card_is_shared_from_its_page(shop: Shop) -> None:
    worker = shop.member("field", "Radek Beneš")
    made = contact(shop, last_name="Novák")
    desk, theirs = Desk.of(shop), Desk.of(shop, worker)
    assert theirs.get(f"/contacts/{made.id}").status_code == 404
    path = f"/share/contact/{made.id}"
    assert desk.send(path).status_code == 422
    sent = {"with": f"member {member_id(shop, worker)}", "may_edit": "1"}
    assert desk.send(path, **sent).status_code == 303
    assert theirs.get(f"/contacts/{made.id}").status_code == 200
    assert theirs.send(f"/contacts/{made.id}/facts/position", position="jednatel").status_code == 303
    assert theirs.get(path).status_code == 200
    share = shop.rows("select id from share")[0].id
    assert desk.send(f"/share/{share}/end").status_code == 303
    assert theirs.get(f"/contacts/{made.id}").status_code == 404
