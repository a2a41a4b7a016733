"""A business outgrows the free plan before a real browser: what it reads, pays, changes and ends."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.db import Database
from tenants.directory import locate
from tenants.models import Person
from tests.browser import plans
from tests.browser.axe import looks
from tests.browser.conftest import DESK, PHONE, Visitors
from tests.browser.site import Site
from tests.shop import Shop

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
FULL = "All 100 contacts of your plan are in use."


@pytest.fixture(autouse=True)
def clock(site: Site) -> Iterator[None]:
    """One test at a time: they share the clock of the site's payments."""
    with site.clock_held():
        yield


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_from_the_101st_contact_to_a_paid_plan_and_the_contact_saved(
    full: Shop, visitors: Visitors, shoot: Shoot, size: tuple[int, int]
) -> None:
    page = visitors.member(full, size=size)
    add_contact(page, full)
    note = page.get_by_text(FULL)
    expect(note).to_be_in_viewport()
    expect(page.locator(".full-plan")).to_be_focused()
    expect(page.get_by_label("Last name")).to_have_value("Beneš")
    shoot(page, f"01-full-{size[0]}")
    page.get_by_role("link", name="Upgrade and save Radek Beneš").click()
    page.wait_for_url("**/settings/plan?**")
    expect(page.get_by_text("What you were adding is kept")).to_be_visible()
    shoot(page, f"02-plan-{size[0]}")
    team = page.get_by_role("form", name="Team")
    team.get_by_label("Seats").fill("3")
    team.get_by_role("button", name="Choose Team").click()
    expect(page.get_by_role("heading", name="Team, 3 seats")).to_be_visible()
    shoot(page, f"03-review-{size[0]}")
    plans.to_payment(page)
    plans.pay(page, plans.DECLINED)
    expect(page.get_by_text("The card was declined.").first).to_be_visible()
    shoot(page, f"04-declined-{size[0]}")
    plans.pay(page, plans.GOOD)
    page.wait_for_url(f"**{full.path('/contacts/')}")
    expect(page.get_by_text("Thank you. You have Team now")).to_be_visible()
    shoot(page, f"05-paid-{size[0]}")
    plans.see_when(page, full.path("/contacts/?q=Radek"), "Radek Beneš")
    assert full.rows("select 1 from waiting") == []


def add_contact(page: Page, shop: Shop) -> None:
    """In the sheet over the list, or on the page of a phone; its end is in view, as somebody leaves it who has filled
    in all."""
    page.goto(shop.path("/contacts/"))
    if page.viewport_size == {"width": DESK[0], "height": DESK[1]}:
        page.get_by_role("link", name="New contact").first.click()
    else:
        page.goto(shop.path("/contacts/new"))
    page.get_by_label("First name").fill("Radek")
    page.get_by_label("Last name").fill("Beneš")
    page.locator("#sheet-form").evaluate("(form) => form.lastElementChild.scrollIntoView()")
    page.get_by_role("button", name="Add contact").click()


def test_a_seller_is_told_whom_to_ask(full: Shop, visitors: Visitors, shoot: Shoot) -> None:
    page = visitors.member(full, full.member("sales", "Petr Malý"))
    add_contact(page, full)
    expect(page.get_by_text(FULL)).to_be_in_viewport()
    expect(page.get_by_text("Ask an owner: Jana Dvořáková")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Upgrade"))).to_have_count(0)
    shoot(page, "06-seller")
    assert len(full.rows("select 1 from waiting")) == 1
    page.goto(full.path("/waiting/"))
    expect(page.get_by_text("Radek Beneš")).to_be_visible()
    shoot(page, "07-waiting")


def test_a_trial_begins_on_the_page_of_prices(site: Site, base: Database, visitors: Visitors, shoot: Shoot) -> None:
    page = visitors.stranger()
    page.goto("/pricing?period=month")
    shoot(page, "08-prices")
    page.get_by_role("link", name="Try Team for 14 days").click()
    email = "eva@okna-mala.example.com"
    page.get_by_label("Your name").fill("Eva Malá")
    page.get_by_label("Work e-mail").fill(email)
    page.get_by_label("Password").fill("three okna in a row")
    page.get_by_label("Business name").fill("Okna Malá")
    page.get_by_text("Windows and doors", exact=True).click()
    page.get_by_role("button", name="Open the workspace").click()
    page.wait_for_url("**/settings/plan?plan=team&period=month")
    confirm(page, email)
    workspace = locate(base, page.url.split("/")[3])
    assert workspace is not None
    with base.controlling() as control:
        owner_id = control.scalars(select(Person.id).where(Person.email == email)).one()
    shop = Shop(site.app, workspace, owner_id, base)
    plans.begin_trial(page, shop)
    expect(page.get_by_text("You are trying Team until")).to_be_visible()
    shoot(page, "09-trial")


def confirm(page: Page, email: str) -> None:
    """By the link in the mail, which the local mailbox shows."""
    plans.see_when(page, "/dev/mail/", email)
    page.get_by_role("link").filter(has_text=email).first.click()
    page.goto(page.locator(".mail-text a[href*='/confirm/']").get_attribute("href") or "")
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_text("Your e-mail address is confirmed")).to_be_visible()


def test_more_seats_are_paid_as_shown_a_month_later_there_is_an_invoice_and_the_plan_is_ended(
    small: Shop, visitors: Visitors, shoot: Shoot
) -> None:
    page = visitors.member(small)
    plans.buy(page, small, seats=2)
    shoot(page, "10-had")
    plans.choose(page, small, seats=5)
    button = page.get_by_role("button", name=re.compile("^Change and pay"))
    shown = (button.text_content() or "").split("pay")[1].strip()
    shoot(page, "11-change")
    button.click()
    expect(page.get_by_text("You have Team for 5 now")).to_be_visible()
    invoices = small.path("/settings/plan/invoices")
    page.goto(invoices)
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text(shown)
    plans.pass_a_month(page)
    shoot(page, "12-clock")
    page.goto(invoices)
    expect(page.locator("tbody tr")).to_have_count(3)
    shoot(page, "13-invoices")
    page.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoice")
    plans.end(page, small)
    expect(page.get_by_text("The plan ends on").first).to_be_visible()
    shoot(page, "14-ends")
    page.get_by_role("button", name="Go on after all").click()
    expect(page.get_by_text("The plan goes on")).to_be_visible()


def running_out(page: Page, shop: Shop) -> None:
    plans.buy(page, shop)
    plans.end(page, shop)


def late(page: Page, shop: Shop) -> None:
    plans.buy(page, shop, card=plans.LATER_BAD)
    plans.pass_a_month(page)
    plans.see_when(page, shop.path("/settings/plan"), "The payment did not go through.")


@pytest.mark.parametrize("state", [plans.begin_trial, running_out, late], ids=["trial", "ending", "late"])
def test_the_page_of_a_plan_is_for_everybody_in_each_state(
    small: Shop, visitors: Visitors, state: Callable[[Page, Shop], None]
) -> None:
    page = visitors.member(small)
    state(page, small)
    page.goto(small.path("/settings/plan"))
    assert not looks(page, f"settings-plan-{state.__name__}")


def test_a_full_plan_is_for_everybody(full: Shop, visitors: Visitors) -> None:
    page = visitors.member(full)
    page.goto(full.path("/settings/plan?next=" + full.path("/contacts/")))
    expect(page.get_by_text(FULL)).to_be_visible()
    found = looks(page, "settings-plan-full")
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.goto(full.path("/contacts/new"))
    page.get_by_label("Last name").fill("Beneš")
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_text(FULL)).to_be_in_viewport()
    found += looks(page, "contacts-new-full")
    page.goto(full.path("/waiting/"))
    assert not [*found, *looks(page, "waiting-full")]
