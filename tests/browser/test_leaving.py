"""In a real browser: everything is taken along while a bar runs, the workspace is closed, and comes back."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from crm import demo
from tests.browser.axe import Shoot, well
from tests.browser.conftest import DESK, PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser


def test_the_list_as_it_is_shown_is_taken_along(shop: Shop, visitors: Visitors, shoot: Shoot) -> None:
    demo.fill(shop.base, shop.workspace, contacts=300, deals=20)
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/?q=nov&sort=-name"))
    page.get_by_role("link", name="Export").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("as the list is narrowed")).to_be_visible()
    well(page, shoot, "export-sheet")
    sheet.get_by_role("button", name="Make the file").click()
    expect(page.get_by_text("Ready")).to_be_visible()
    well(page, shoot, "export-ready")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download").click()
    assert taken.value.suggested_filename.startswith("contacts-")
    lines = Path(taken.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("Title before the name,First name,Last name")
    assert len(lines) > 1


def test_a_long_one_shows_how_far_it_is_stops_and_goes_on(shop: Shop, visitors: Visitors, shoot: Shoot) -> None:
    demo.fill(shop.base, shop.workspace, contacts=25_000, deals=0)
    page = visitors.member(shop)
    page.goto(shop.path("/exports/new?what=everything"))
    page.get_by_label("Excel").check()
    page.get_by_role("button", name="Make the file").click()
    page.get_by_role("progressbar").wait_for()
    expect(page.get_by_text("Writing the file").or_(page.get_by_text("Gathering the rows"))).to_be_visible()
    well(page, shoot, "export-running")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=60_000)


def sent_to_closing(page: Page, path: str) -> None:
    """Each of the site's processes notices within five seconds that a workspace is closed."""
    for _again in range(30):
        page.goto(path)
        if page.url.endswith("/closing"):
            break
        page.wait_for_timeout(250)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_a_workspace_is_closed_and_comes_back(
    shop: Shop, visitors: Visitors, shoot: Shoot, size: tuple[int, int]
) -> None:
    page = visitors.member(shop, size=size)
    sales = visitors.member(shop, shop.member("sales"), size=size)
    page.goto(shop.path("/settings/"))
    page.get_by_role("link", name="Close the workspace").click()
    expect(page.get_by_label("To go on, write the address")).to_be_visible()
    page.wait_for_load_state("networkidle")
    well(page, shoot, f"{size[0]}-close-ask")
    page.get_by_label("To go on, write the address").fill("another")
    page.get_by_role("button", name="Close the workspace").click()
    expect(page.get_by_text(f"Write the address as it stands here: {shop.workspace.slug}").first).to_be_visible()
    page.get_by_label("To go on, write the address").fill(shop.workspace.slug)
    page.get_by_role("button", name="Close the workspace").click()
    expect(page.get_by_role("heading", name="Okna Horák is closed")).to_be_visible()
    well(page, shoot, f"{size[0]}-closed")
    sent_to_closing(sales, shop.path("/contacts/"))
    expect(sales.get_by_text("The owner can bring it back: Jana Dvořáková.")).to_be_visible()
    expect(sales.get_by_role("button", name="Bring it back")).to_have_count(0)
    page.get_by_role("link", name="Take everything along").click()
    expect(page.get_by_role("heading", name="Take your data along")).to_be_visible()
    sent_to_closing(page, shop.path("/contacts/"))
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_text("The workspace is open again")).to_be_visible()
    sales.goto(shop.path("/contacts/"))
    expect(sales.get_by_role("heading", name="Contacts")).to_be_visible()
