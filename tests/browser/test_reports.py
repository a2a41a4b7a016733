"""Reports as they are drawn: under the content policy, light and dark, wide and narrow, by keys, without a script."""

import pytest
from playwright.sync_api import Page, expect

from crm import demo
from crm.deals import actions as deals
from tests.browser.axe import looks
from tests.browser.conftest import Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser

PAINTED = """
(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}
"""


def sales(shop: Shop, visitors: Visitors) -> Page:
    """The sales report of a year's work, drawn."""
    demo.fill(shop.base, shop.workspace, contacts=40, deals=150)
    page = visitors.member(shop)
    page.goto(shop.path("/reports/?period=last_12_months"))
    expect(page.locator("#report-funnel canvas")).to_be_visible()
    return page


def test_charts_are_drawn_and_followed_and_read_as_tables(shop: Shop, visitors: Visitors) -> None:
    page = sales(shop, visitors)
    for canvas in page.locator("canvas").all():
        assert canvas.evaluate(PAINTED) > 5, "nothing is drawn"
    light = page.locator("#report-funnel canvas").evaluate("(canvas) => canvas.toDataURL()")
    found = looks(page, "reports-drawn")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert page.locator("#report-funnel canvas").evaluate("(canvas) => canvas.toDataURL()") != light
    assert not found, "\n".join(found)

    funnel = page.locator("#report-funnel")
    assert (funnel.get_by_role("img").get_attribute("aria-label") or "").count(";") == 6, "not every stage is said"
    expect(funnel.get_by_role("table")).to_be_hidden()
    switch = funnel.get_by_role("button", name="Show as a table")
    switch.focus()
    page.keyboard.press("Enter")
    expect(funnel.get_by_role("table")).to_be_visible()
    count = funnel.get_by_role("link").first.inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".deals-total")).to_contain_text(count)


def test_a_bar_leads_to_its_records_and_the_page_is_live(shop: Shop, visitors: Visitors) -> None:
    page = sales(shop, visitors)
    made = page.locator(".figures > div", has_text="New deals").locator("dd a").first
    before = int(made.inner_text())
    with shop.acting() as actor:
        deals.create(actor, deals.NewDeal(name="One more"))
    expect(made).to_have_text(str(before + 1))
    expect(page.locator("#report-funnel canvas")).to_be_visible()
    expect(page.locator("#report-funnel table")).to_be_hidden()
    box = page.locator("#report-funnel canvas").bounding_box()
    assert box
    page.mouse.click(box["x"] + 180, box["y"] + 18)
    page.wait_for_url("**/deals/?*reached=*")
    page.go_back()
    expect(page.locator("#report-funnel canvas")).to_be_visible()


def test_without_a_script_there_are_the_tables(shop: Shop, visitors: Visitors) -> None:
    demo.fill(shop.base, shop.workspace, contacts=10, deals=30)
    page = visitors.member(shop, java_script_enabled=False)
    page.goto(shop.path("/reports/?period=last_12_months"))
    assert page.locator(".report table:visible").count() == page.locator(".report").count() >= 5
    expect(page.get_by_role("button", name="Show as a table")).to_have_count(0)
