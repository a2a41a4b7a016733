"""What people do about plans in a browser: choose, pay on the page of test payments, let time pass."""

import re

from playwright.sync_api import Page, expect

from tests.shop import Shop

GOOD, LATER_BAD, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0341", "4000 0000 0000 0002"


def choose(page: Page, shop: Shop, plan: str = "Team", *, seats: int = 2, period: str = "month") -> None:
    """From the page of the plan to the review."""
    page.goto(shop.path(f"/settings/plan?period={period}"))
    form = page.get_by_role("form", name=re.compile(f"^{plan}"))
    form.get_by_label("Seats").fill(str(seats))
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(plan)


def to_payment(page: Page) -> None:
    """From the review to the page of payment, by the page between."""
    page.get_by_role("button", name="Go to payment").click()
    page.wait_for_url("**/dev/payments/checkout/*")


def pay(page: Page, card: str = GOOD) -> None:
    page.get_by_label(card).check()
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def buy(page: Page, shop: Shop, plan: str = "Team", card: str = GOOD, *, seats: int = 2) -> None:
    choose(page, shop, plan, seats=seats)
    to_payment(page)
    pay(page, card)
    expect(page.get_by_text(f"Thank you. You have {plan} now")).to_be_visible()


def begin_trial(page: Page, shop: Shop) -> None:
    choose(page, shop)
    page.get_by_role("button", name="Try it for 14 days without a card").click()
    expect(page.get_by_text("You have Team until")).to_be_visible()


def end(page: Page, shop: Shop) -> None:
    page.goto(shop.path("/settings/plan"))
    page.get_by_role("link", name="End the plan").click()
    page.get_by_role("button", name="End the plan on").click()
    expect(page.get_by_role("button", name="Go on after all")).to_be_visible()


def pass_a_month(page: Page) -> None:
    """On the clock that all test payments of the site go by, and a day more: a bill is paid an hour after it begins."""
    page.goto("/dev/payments/")
    clock = page.locator("h2 + p b").first
    for step in ("1 month", "1 day"):
        before = clock.inner_text()
        page.get_by_role("button", name=step).click()
        expect(clock).not_to_have_text(before)


def see_when(page: Page, path: str, text: str) -> None:
    """Look at the page until the worker has done what brings the text there."""
    page.goto(path)
    for _ in range(50):
        if page.get_by_text(text).first.is_visible():
            return
        page.wait_for_timeout(200)
        page.reload()
    expect(page.get_by_text(text).first).to_be_visible()
