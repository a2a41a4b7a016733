"""The telephone rings, and whose line it is sees who calls; nobody else does."""

import time
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from crm.contacts import actions as contacts
from tests.browser.conftest import PHONE, Visitors
from tests.crm.calls.exchange import Exchange
from tests.shop import Shop

pytestmark = pytest.mark.browser


class RealExchange(Exchange):
    """Delivers to the running site, as an exchange does."""

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        with urlopen(Request(self.url, body, headers | {"Content-Type": "application/json"}, method="POST")) as answer:  # noqa: S310
            return int(answer.status)


def at_their_pages(shop: Shop, visitors: Visitors, name: str, path: str, **options: Any) -> Page:
    identity = shop.rows("select identity_id from member where name = :name", name=name)[0].identity_id
    page = visitors.member(shop, identity, **options)
    with page.expect_response(lambda response: "/live/" in response.url):
        page.goto(shop.path(path))
    return page


def test_the_callers_card_pops_up_at_the_right_page_within_a_second_and_the_result_is_noted(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    exchange = RealExchange(shop)
    petr_id = exchange.line("101")
    exchange.line("102", "Eva Nová")
    with shop.acting() as actor:
        novak = {"first_name": "Jan", "last_name": "Novák", "phones": [{"number": "602 114 873"}], "owner_id": petr_id}
        contacts.create(actor, contacts.create.parse(novak))
    petr = at_their_pages(shop, visitors, "Petr Malý", "/deals/")
    eva = at_their_pages(shop, visitors, "Eva Nová", "/contacts/")
    asked: list[str] = []
    eva.on("request", lambda request: asked.append(request.url))
    exchange.delivers("ringing", "first", extension="101")  # and the site is warm
    card = petr.get_by_role("region", name="Telephone")
    expect(card).to_be_visible()
    exchange.delivers("answered", "first", extension="101")
    exchange.delivers("ended", "first", extension="101")
    expect(card.get_by_text("The call has ended")).to_be_visible()
    card.get_by_role("button", name="Close").click()
    expect(card).to_have_count(0)

    began = time.monotonic()
    exchange.delivers("ringing", extension="101")
    expect(card.get_by_role("link", name="Jan Novák")).to_be_visible()
    took = time.monotonic() - began
    assert took < 1, f"the card popped up after {took:.2f} s"
    shoot(petr, "ringing")
    petr.get_by_role("link", name="Today").first.click()
    expect(petr.get_by_role("heading", name="The day is yours")).to_be_visible()
    expect(card).to_be_visible()
    petr.reload()
    expect(card).to_be_visible()
    exchange.delivers("answered", extension="101")
    expect(card.get_by_text("Speaking since")).to_be_visible()
    card.get_by_role("link", name="Log result").click()
    petr.get_by_role("textbox", name="What was said").fill("Wants oak frames")
    shoot(petr, "log")
    petr.get_by_role("button", name="Save").click()
    expect(petr.get_by_role("heading", name="Jan Novák")).to_be_visible()
    expect(petr.get_by_text("Wants oak frames")).to_be_visible()
    expect(card).to_have_count(0)
    assert [url for url in asked if "/calls/" in url] == [], "nobody else asks"
    expect(eva.get_by_role("region", name="Telephone")).to_have_count(0)


def test_an_unknown_caller_becomes_a_contact_on_the_phone_too(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    exchange = RealExchange(shop)
    exchange.line("101")
    petr = at_their_pages(shop, visitors, "Petr Malý", "/contacts/", size=PHONE, color_scheme="dark")
    exchange.delivers("ringing", extension="101")
    exchange.delivers("answered", extension="101")
    card = petr.get_by_role("region", name="Telephone")
    expect(card.get_by_text("Unknown caller")).to_be_visible()
    shoot(petr, "unknown")
    card.get_by_role("link", name="New contact").click()
    petr.get_by_label("Last name").fill("Dvořák")
    petr.get_by_role("button", name="Save").click()
    expect(petr.get_by_role("heading", name="Dvořák")).to_be_visible()
    exchange.delivers("ended", extension="101")
    expect(petr.get_by_text("Petr Malý was called")).to_be_visible()


def test_the_telephone_is_connected_on_its_page(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/settings/telephone"))
    page.get_by_role("button", name="Connect: Your exchange").click()
    expect(page.get_by_text("shown only this once")).to_be_visible()
    page.get_by_label("Jana Dvořáková").fill("101")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Saved")).to_be_visible()
    expect(page.get_by_label("Jana Dvořáková")).to_have_value("101")
    shoot(page, "settings")
