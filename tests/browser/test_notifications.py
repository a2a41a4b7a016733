"""Two people at their browsers: one gives the other work, and it is told without anybody reloading a page."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visitors
from tests.crm.notifications.office import Office
from tests.shop import Shop

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_the_bell_lights_up_at_the_other_persons_page_and_goes_out_with_a_look(
    shop: Shop, visitors: Visitors, shoot: Shoot, size: tuple[int, int]
) -> None:
    office = Office(shop)
    office.person("Petr Malý")
    office.person("Eva Nová")
    deal = office.deal(owner_id=office.id_of("Petr Malý"))
    petr = visitors.member(shop, office.people["Petr Malý"], size=size)
    eva = visitors.member(shop, office.people["Eva Nová"], size=size)
    for page in (petr, eva):
        with page.expect_response(lambda response: "/live/" in response.url):
            page.goto(shop.path("/contacts/"))
    expect(petr.locator(".bell-count")).to_have_text("1", timeout=15_000)  # of the deal; and the worker is awake
    asked: list[str] = []
    eva.on("request", lambda request: asked.append(request.url))
    petr.evaluate("() => { window.stayed = true }")
    giver = visitors.member(shop)
    giver.goto(shop.path(f"/tasks/new?deal_id={deal.id}"))
    giver.get_by_label("What is to be done").fill("Call about the delivery")
    giver.get_by_label("Who does it").select_option(label="Petr Malý")
    giver.get_by_role("button", name="Add task").click()
    began = time.monotonic()
    expect(petr.locator(".bell-count")).to_have_text("2", timeout=10_000)
    took = time.monotonic() - began

    assert took < 2, f"the bell lit up after {took:.2f} s"
    assert petr.evaluate("() => window.stayed")
    assert [url for url in asked if "/notifications/bell" in url] == [], "nobody else asks"
    expect(eva.locator(".bell-count")).to_have_count(0)
    shoot(petr, f"bell-{size[0]}")
    petr.locator(".bell").click()
    expect(petr.get_by_text("Jana Dvořáková gave you the task Call about the delivery")).to_be_visible()
    shoot(petr, f"list-{size[0]}")
    petr.get_by_role("link", name="gave you the deal Windows").click()
    petr.wait_for_url(f"**/deals/{deal.id}")
    expect(petr.locator(".bell-count")).to_have_text("1")
    petr.goto(shop.path("/notifications/"))
    petr.get_by_role("button", name="Mark all read").click()
    expect(petr.locator(".bell-count")).to_have_count(0)
    petr.goto(shop.path("/notifications/?unread=1"))
    expect(petr.get_by_text("All is read")).to_be_visible()


def test_how_one_wants_to_be_told_is_chosen_in_every_dress(shop: Shop, visitors: Visitors, shoot: Shoot) -> None:
    for name, options in (
        ("light", {}), ("dark", {"color_scheme": "dark"}), ("390", {"size": PHONE}),
    ):  # fmt: skip
        page = visitors.member(shop, **options)
        page.goto(shop.path("/notifications/preferences"))
        box = page.get_by_role("checkbox", name="A deal you watch is won: E-mail")
        box.set_checked(name != "dark")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved")).to_be_visible()
        expect(box).to_be_checked(checked=name != "dark")
        shoot(page, f"preferences-{name}")


def test_the_service_worker_shows_what_is_pushed_and_keeps_nothing(shop: Shop, visitors: Visitors) -> None:
    """A headless browser shows no notifications, so that what the worker would show is caught in it."""
    page = visitors.member(shop)
    page.goto(shop.path("/notifications/preferences"))
    expect(page.get_by_text("Push in this browser")).to_be_visible()
    with page.context.expect_event("serviceworker") as began:
        scope = page.evaluate(
            "async () => { await navigator.serviceWorker.register('/service-worker.js');"
            " return (await navigator.serviceWorker.ready).scope }"
        )
    assert scope == f"{visitors.site.url}/"
    shown = began.value.evaluate(
        """async () => {
          const shown = [];
          self.registration.showNotification = async (title, { body, data }) => shown.push([title, body, data.url]);
          const message = { title: "Call Novák", text: "Okna Horák", url: "/x", tag: "1" };
          self.dispatchEvent(new PushEvent("push", { data: JSON.stringify(message) }));
          return shown;
        }"""
    )
    assert shown == [["Call Novák", "Okna Horák", "/x"]]
    assert page.evaluate("async () => (await caches.keys()).length") == 0
