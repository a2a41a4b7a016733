"""The matrix of roles as a page: saved, explained while it is filled in, two at once; and looking with others' eyes."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tenants import roles
from tenants.models import Member
from tests.crm.people import Desk, contact
from tests.shop import Shop


def role_row(shop: Shop, key: str) -> Any:
    return shop.rows("select id, rights, fields, role.name, version from role where key = :key", key=key)[0]


def form_of(rights: dict[str, Any], **changed: str) -> dict[str, str]:
    """The matrix as its form sends it; fields with a dot are named with __."""
    sent: dict[str, str] = {
        f"{kind}.{verb}": scope for kind, verbs in roles.matrix_of(rights).items() for verb, scope in verbs.items()
    }
    sent |= {f"special.{name}": "1" for name in roles.special_of(rights)}
    return sent | {name.replace("__", "."): value for name, value in changed.items()}


def member_id(shop: Shop, identity_id: UUID) -> UUID:
    with shop.base.workspace(shop.workspace) as session:
        return session.query(Member).filter(Member.identity_id == identity_id).one().id


def stale(shop: Shop) -> None:
    """The last proof of every session of the workspace's people is an hour old."""
    theirs = "select identity_id from control.membership where workspace_id = :id"
    stale = f"update control.sign_in set proven_at = now() - interval '1 hour' where identity_id in ({theirs})"
    with shop.base.controlling() as control:
        control.execute(text(stale), {"id": shop.workspace.id})


def test_a_changed_matrix_holds_from_the_next_request(shop: Shop) -> None:
    seller = shop.member("sales")
    made = contact(shop)
    assert Desk.of(shop, seller).get(f"/contacts/{made.id}").status_code == 200
    sales = role_row(shop, "sales")
    sent = form_of(sales.rights, contact__view="own", field__deal__amount="hidden", special__audit="1")
    answer = Desk.of(shop).send(f"/settings/roles/{sales.id}", name="Obchod", version=str(sales.version), **sent)
    assert answer.status_code == 303
    now = role_row(shop, "sales")
    assert now.rights["contact"]["view"] == "own"
    assert now.rights["audit"] == {"view": "all", "export": "all"}
    assert (now.name, now.fields) == ("Obchod", {"deal": {"amount": "hidden"}})
    assert Desk.of(shop, seller).get(f"/contacts/{made.id}").status_code == 404
    event = shop.rows("select before, after, address from event where kind = 'role'")[-1]
    assert event.before["rights"]["contact"]["view"] == "department"
    assert event.after["rights"]["contact"]["view"] == "own"
    assert event.address == "127.0.0.1"


def test_what_a_change_means_is_said_before_it_is_saved(shop: Shop) -> None:
    shop.member("sales", "Pavel Šimek")
    sales = role_row(shop, "sales")
    sent = form_of(sales.rights, contact__export="department", contact__delete="none", field__deal__amount="hidden")
    said = Desk.of(shop).send(f"/settings/roles/{sales.id}/summary", name="Sales", **sent).get_data(as_text=True)
    assert "3 changes." in said
    assert "Contacts, Export: None → Department" in said.split("Loses")[0]
    assert "Contacts, Delete: Own → None" in said.split("Loses")[1]
    assert "Deals, Amount: Hidden" in said.split("Loses")[1]
    assert "Pavel Šimek" in said
    assert role_row(shop, "sales").rights == sales.rights


def test_two_people_at_one_matrix(shop: Shop) -> None:
    sales = role_row(shop, "sales")
    desk = Desk.of(shop)
    first = form_of(sales.rights, contact__view="own")
    assert (
        desk.send(f"/settings/roles/{sales.id}", name="Sales", version=str(sales.version), **first).status_code == 303
    )
    second = form_of(sales.rights, contact__view="all")
    answer = desk.send(f"/settings/roles/{sales.id}", name="Sales", version=str(sales.version), **second)
    assert answer.status_code == 412
    assert "Contacts, View: Own → All" in answer.get_data(as_text=True)
    assert role_row(shop, "sales").rights["contact"]["view"] == "own"


@pytest.mark.parametrize("who", ["head", "sales", "field", "reader"])
def test_only_who_may_sees_and_changes_roles(shop: Shop, who: str) -> None:
    sales = role_row(shop, "sales")
    desk = Desk.of(shop, shop.member(who))
    for path in ("/settings/roles", "/settings/roles/new", "/settings/roles/explain", "/settings/audit"):
        assert desk.get(path).status_code == 403, path
    sent = form_of(sales.rights, contact__view="all")
    for path in ("/settings/roles", f"/settings/roles/{sales.id}", f"/settings/roles/{sales.id}/delete"):
        assert desk.send(path, name="x", **sent).status_code in (403, 404), path
    assert role_row(shop, "sales") == sales


def test_a_role_is_changed_only_soon_after_a_proof(shop: Shop) -> None:
    sales = role_row(shop, "sales")
    desk = Desk.of(shop)
    stale(shop)
    sent = form_of(sales.rights, contact__view="all")
    answer = desk.send(f"/settings/roles/{sales.id}", name="Sales", version=str(sales.version), **sent)
    assert answer.status_code == 401
    assert 'name="contact.view"' in answer.get_data(as_text=True), "what was chosen waits"
    assert role_row(shop, "sales") == sales


def test_why_is_explained_on_a_page(shop: Shop) -> None:
    seller = member_id(shop, shop.member("sales", "Pavel Šimek"))
    made = contact(shop, last_name="Novák")
    desk = Desk.of(shop)
    query = f"member={seller}&kind=contact&verb=edit&record={shop.path(f'/contacts/{made.id}')}"
    said = desk.page(f"/settings/roles/explain?{query}")
    assert "So Pavel Šimek may not." in said
    assert "Jan Novák belongs to Jana Dvořáková." in said
    assert "So Pavel Šimek may." in desk.page(f"/settings/roles/explain?{query.replace('edit', 'view')}")
    assert "There is no such record" in desk.page("/settings/roles/explain?" + query.replace(str(made.id), "nonsense"))


# ---- with another member's eyes ----


def test_one_looks_with_a_members_eyes_and_changes_nothing(shop: Shop) -> None:
    worker = shop.member("field", "Radek Beneš")
    made = contact(shop, last_name="Tajný")
    desk = Desk.of(shop)
    assert desk.send(f"/settings/roles/see-as/{member_id(shop, worker)}").status_code == 303
    page = desk.page("/contacts/")
    assert "You look with the eyes of Radek Beneš" in page
    assert "Tajný" not in page
    assert desk.get(f"/contacts/{made.id}").status_code == 404
    assert desk.send("/contacts/", first_name="Jan").status_code == 403
    assert shop.rows("select count(*) as n from contact")[0].n == 1
    noted = shop.rows("select title, member_id from event where action = 'member.see_as'")
    assert [(row.title, row.member_id) for row in noted] == [("Radek Beneš", member_id(shop, shop.owner_id))]
    assert desk.send("/settings/roles/stop-seeing").status_code == 303
    assert "Tajný" in desk.page("/contacts/")


def test_looking_ends_with_the_right_to_look(shop: Shop) -> None:
    admin = shop.member("admin")
    desk = Desk.of(shop, admin)
    desk.send(f"/settings/roles/see-as/{member_id(shop, shop.member('reader', 'Eva'))}")
    assert "You look with the eyes of Eva" in desk.page("/today")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        member = session.query(Member).filter(Member.identity_id == admin).one()
        member.role_id = role_row(shop, "sales").id
    assert "You look with the eyes" not in desk.page("/today")
