"""What opens over a page, and what a page says back: the same eyes on these as on the pages themselves."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from crm.contacts import actions as contacts
from tests.browser.axe import looks
from tests.browser.conftest import Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser


def palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("jan")
    expect(page.locator("#hits [role=option]").first).to_be_visible()


def keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def new_menu(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator("#new-menu .menu-pop")).to_be_visible()


def person_menu(page: Page) -> None:
    page.locator(".top .me").click()
    expect(page.locator(".top").get_by_role("button", name="Log out")).to_be_visible()


def filter_menu(page: Page) -> None:
    page.locator(".filters .chip summary").first.click()
    expect(page.locator(".filters .menu-pop").first).to_be_visible()


def bulk_bar(page: Page) -> None:
    page.get_by_role("checkbox", name="Select all on this page").check()
    expect(page.get_by_role("toolbar", name="With the selected")).to_be_visible()


def refused_form(page: Page) -> None:
    new_menu(page)
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="New contact")
    expect(form.get_by_label("First name")).to_be_focused()  # or the sheet takes the focus away while one types
    form.locator("[name=emails-0-address]").fill("jan@nowhere")
    form.get_by_role("button", name="Add contact").click()
    expect(form.get_by_role("alert")).to_be_visible()


def toast_with_undo(page: Page) -> None:
    page.get_by_role("checkbox", name="Select Jan Novák").check()
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").focus()  # pointed at, it stays


@pytest.mark.parametrize(
    "opened", [palette, keys, new_menu, person_menu, filter_menu, bulk_bar, refused_form, toast_with_undo]
)
def test_everybody_can_read_and_use_it(opened: Callable[[Page], None], shop: Shop, visitors: Visitors) -> None:
    for first, last in (("Jan", "Novák"), ("Jana", "Adamová")):
        with shop.acting() as actor:
            contacts.create(actor, contacts.create.parse({"first_name": first, "last_name": last}))
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/"))
    opened(page)
    found = looks(page, f"over-{opened.__name__}")
    assert not found, "\n".join(found)
