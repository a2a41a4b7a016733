"""Somebody types @ in a note, chooses a colleague, and the colleague is told."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE, Visitors
from tests.crm.notifications.office import Office
from tests.shop import Shop

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_colleague_chosen_behind_an_at_sign_is_told(
    shop: Shop, visitors: Visitors, shoot: Shoot, size: tuple[int, int]
) -> None:
    office = Office(shop)
    for name in ("Petr Malý", "Eva Nová", "Adam Dvorský"):
        office.person(name)
    deal = office.deal(owner_id=office.id_of("Eva Nová"))
    petr = visitors.member(shop, office.people["Petr Malý"], size=size)
    petr.goto(shop.path(f"/deals/{deal.id}"))
    note = petr.get_by_label("Note about Windows")
    people = petr.get_by_role("listbox", name="People")

    note.press_sequentially("Write to x@dv")
    expect(people).to_be_hidden()
    note.fill("Ask ")
    note.press_sequentially("@dv")
    expect(people.get_by_role("option")).to_have_text(["ADAdam Dvorský", "JDJana Dvořáková"])
    expect(note).to_have_attribute("aria-controls", "note-people")
    expect(note).to_have_attribute("aria-activedescendant", "note-people-0")
    expect(note.locator("xpath=..").get_by_role("status")).to_have_text("Found: 2")
    assert violations(petr) == []
    assert petr.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    shoot(petr, f"list-{size[0]}")
    note.press("ArrowDown")
    expect(people.get_by_role("option", name="Jana Dvořáková")).to_have_attribute("aria-selected", "true")
    expect(note).to_have_attribute("aria-activedescendant", "note-people-1")
    note.press("Enter")
    expect(note).to_have_value("Ask @Jana Dvořáková ")
    expect(people).to_be_hidden()
    expect(note).not_to_have_attribute("aria-activedescendant", re.compile(""))

    note.press_sequentially("or @e")
    expect(people).to_be_visible()
    note.press("Escape")
    expect(people).to_be_hidden()
    note.press_sequentially("v")
    petr.wait_for_timeout(300)
    expect(people).to_be_hidden()
    for _letter in "@ev":
        note.press("Backspace")
    note.press_sequentially("@n")
    people.get_by_role("option", name="Eva Nová").click()
    expect(note).to_have_value("Ask @Jana Dvořáková or @Eva Nová ")
    expect(note).to_be_focused()
    note.press_sequentially("@ada")
    expect(people).to_be_visible()
    note.press("Tab")
    expect(note).to_have_value("Ask @Jana Dvořáková or @Eva Nová @Adam Dvorský ")
    petr.get_by_role("button", name="Add note").click()
    expect(petr.get_by_text("Ask @Jana Dvořáková or")).to_be_visible()

    jana = visitors.member(shop, size=size)
    jana.goto(shop.path("/notifications/"))
    expect(jana.get_by_text("Petr Malý mentioned you at Windows")).to_be_visible(timeout=15_000)


def test_a_note_that_is_corrected_offers_colleagues_in_its_sheet(shop: Shop, visitors: Visitors, shoot: Shoot) -> None:
    office = Office(shop)
    for number in range(12):
        office.person(f"Petr {'ABCDEFGHIJKL'[number]}rálek")
    note = office.note(text="Said", deal_id=office.deal().id)
    for name, options in (
        ("light", {}), ("dark", {"color_scheme": "dark"}), ("390", {"size": PHONE}),
    ):  # fmt: skip
        page = visitors.member(shop, **options)
        page.goto(shop.path(f"/deals/{note.deal_id}"))
        page.locator(f"#entry-{note.id} summary").click()
        page.locator(f"#entry-{note.id}").get_by_role("link", name="Edit").click()
        field = page.get_by_label("What happened").last
        field.press("ControlOrMeta+End")
        field.press_sequentially(" @petr")
        people = page.locator("#text-people")
        expect(people.get_by_role("option")).to_have_count(8)
        assert page.evaluate("() => document.querySelector('#sheet-dialog').scrollTop") == 0, (
            "what is typed is in sight"
        )
        shoot(page, f"sheet-{name}")
        for _press in range(3):
            field.press("ArrowUp")
        shoot(page, f"sheet-down-{name}")
        field.press("Escape")
        expect(people).to_be_hidden()
        expect(field).to_be_visible()
