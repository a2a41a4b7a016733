"""A full plan in a real browser: the form keeps what was typed, in the sheet too, and leads on."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import looks
from tests.browser.conftest import PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser


def test_what_does_not_fit_is_kept_and_the_sheet_says_so(visitors: Visitors, full: Shop) -> None:
    page = visitors.member(full)
    page.goto(full.path("/contacts/"))
    page.keyboard.press("c")
    expect(page.locator("#new-menu .menu-pop")).to_be_visible()
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="New contact")
    form.get_by_label("First name").fill("Radek")
    form.get_by_label("Last name").fill("Beneš")
    form.get_by_role("button", name="Add contact").click()
    expect(form.get_by_text("Radek Beneš is kept and will be saved the moment there is room.")).to_be_visible()
    expect(form.get_by_label("Last name")).to_have_value("Beneš")
    upgrade = form.get_by_role("link", name="Upgrade and save Radek Beneš")
    expect(upgrade).to_have_attribute(
        "href", f"{full.path('/settings/plan')}?next=%2F{full.workspace.slug}%2Fcontacts%2F"
    )
    assert looks(page, "full-plan-sheet") == []
    page.goto(full.path("/contacts/new"))
    expect(page.get_by_label("Last name")).to_have_value("")  # it is kept on the server, not typed a second time
    page.goto(full.path("/waiting/"))
    expect(page.get_by_text("Radek Beneš")).to_be_visible()
    assert looks(page, "waiting") == []
    page.get_by_role("button", name="Throw away").click()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()


def test_on_a_phone_a_seller_is_told_whom_to_ask(visitors: Visitors, full: Shop) -> None:
    page = visitors.member(full, full.member("sales"), size=PHONE)
    page.goto(full.path("/contacts/new"))
    page.get_by_label("Last name").fill("Beneš")
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_text("Ask an owner: Jana Dvořáková")).to_be_visible()
    assert looks(page, "full-plan-phone") == []
