"""Roles and people before a real browser: what a change means is said as it is made, and it holds at once."""

import pytest
from playwright.sync_api import expect

from crm.contacts import actions as contacts
from tests.browser.axe import looks
from tests.browser.conftest import PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser


def test_the_matrix_says_who_loses_what_and_the_colleague_does(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        contacts.create(actor, contacts.create.parse({"first_name": "Jan", "last_name": "Novák"}))
    seller = shop.member("sales", "Pavel Šimek")
    theirs = visitors.member(shop, seller)
    theirs.goto(shop.path("/contacts/"))
    expect(theirs.get_by_role("link", name="Jan Novák")).to_be_visible()
    page = visitors.member(shop)
    page.goto(shop.path("/settings/roles"))
    page.get_by_label("Contacts: View").select_option("own")
    expect(page.get_by_text("1 change.")).to_be_visible()
    expect(page.get_by_text("Loses: Contacts, View: Department → Own.")).to_be_visible()
    expect(page.get_by_text("This is for Pavel Šimek.")).to_be_visible()
    assert not looks(page, "roles-changed")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The role Sales is stored")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("link", name="Jan Novák")).to_have_count(0)


def test_one_looks_with_a_colleagues_eyes_and_stops(shop: Shop, visitors: Visitors) -> None:
    shop.member("field", "Radek Beneš")
    page = visitors.member(shop, size=PHONE)
    page.goto(shop.path("/people/"))
    page.get_by_role("link", name="Radek Beneš").tap()
    page.get_by_role("button", name="See as Radek").tap()
    banner = page.get_by_text("You look with the eyes of Radek Beneš.")
    expect(banner).to_be_visible()
    assert not looks(page, "seeing-as")
    page.get_by_role("button", name="Stop looking").tap()
    expect(banner).to_have_count(0)


def test_people_are_invited_from_a_sheet(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/people/"))
    page.get_by_role("link", name="Invite people").click()
    form = page.get_by_role("dialog")
    form.get_by_label("E-mail addresses").fill("petr@example.com\neva@example.com")
    form.get_by_label("Role").select_option(label="Sales")
    form.get_by_role("button", name="Send invitations").click()
    expect(page.get_by_text("Invitations sent: 2")).to_be_visible()
    expect(page.get_by_text("eva@example.com")).to_be_visible()
    page.get_by_role("button", name="Withdraw: eva@example.com").click()
    expect(page.get_by_role("button", name="Withdraw: eva@example.com")).to_have_count(0)
