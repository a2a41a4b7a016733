"""Processes in daily work: a step filled in on a phone, runs seen on the diagram, a process tried out."""

import pytest
from playwright.sync_api import expect

from crm.processes import actions
from tests.browser.axe import looks
from tests.browser.conftest import PHONE, Visitors
from tests.crm.processes.drawing import beside, end, gateway, process, service, start, timer, user
from tests.crm.processes.works import Works
from tests.shop import Shop

pytestmark = pytest.mark.browser

DRAWN = process(
    start(), user("call", "who=owner", fields="wanted:yesno!", due="after=PT15M hours=always", name="Call the client"),
    beside("late", "call", timer("PT20M"), interrupts=False),
    service("tell", "", '<okno:notify who="owner" text="1"/>'),
    gateway("g", default="none"),
    user("measure", "who=owner", fields="width:number! height:number! opening:choice:Left|Right|Tilt floor:long",
         due="after=P1D hours=working", name="Take measurements"),
    user("price", "who=owner", name="Work out the price"), end(), end("none"), end("told"),
    "start -> call -> g", "g -> measure ? steps.call.wanted", "g -> none", "measure -> price -> end",
    "late -> tell -> told", name="Windows: from request to report",
)  # fmt: skip


def begun(shop: Shop, *names: str) -> Works:
    works = Works(shop)
    process_id = works.published(DRAWN)
    for name in names:
        contact = works.do(
            "contact.create", first_name="Markéta", last_name=name, phones=[{"number": "+420602114873"}],
            addresses=[{"street": "Lidická 24", "city": "Brno"}], about="At home after 14:00, ring at Novák.",
        )  # fmt: skip
        deal = works.deal(name=f"Windows {name}", contact_id=contact.id)
        with shop.acting() as actor:
            actions.start(actor, actions.Start(process_id=process_id, record_id=deal))
    return works


def test_a_step_is_filled_in_on_a_phone(shop: Shop, visitors: Visitors) -> None:
    works = begun(shop, "Nováková")
    page = visitors.member(shop, size=PHONE)
    page.goto(shop.path("/today"))
    page.get_by_role("link", name="Call the client", exact=True).click()
    expect(page.get_by_role("link", name="Call", exact=True)).to_have_attribute("href", "tel:+420602114873")
    page.get_by_role("radio", name="Yes").check(force=True)
    page.get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Take measurements", exact=True).click()
    expect(page.get_by_role("region", name="Call the client")).to_contain_text("Yes")
    page.get_by_label("width *").fill("1180")
    page.get_by_label("height *").fill("tall")
    page.get_by_role("radio", name="Right").check(force=True)
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Write a number.").first).to_be_visible()
    expect(page.get_by_label("width *")).to_have_value("1180")
    found = looks(page, "step")
    assert not found, "\n".join(found)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("height *").fill("1 210")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("link", name="Work out the price", exact=True)).to_be_visible()
    assert works.step("measure").values == {"width": 1180.0, "height": 1210.0, "opening": "Right"}


def test_runs_are_seen_on_the_diagram_helped_on_and_tried_out(shop: Shop, visitors: Visitors) -> None:
    works = begun(shop, "Nováková", "Horáková")
    page = visitors.member(shop)
    page.goto(shop.path(f"/settings/processes/{works.process().id}"))
    mark = page.locator(".diagram").get_by_role("link", name="2 runs wait here")
    expect(mark).to_have_text("2")
    found = looks(page, "process")
    page.set_viewport_size({"width": 1440, "height": 900})
    mark.click()
    expect(page.locator("#runs .chip")).to_contain_text("Call the client")
    works.complete("call", wanted="yes")
    page.goto(shop.path(f"/settings/processes/runs/{works.run().id}"))
    expect(page.locator(".diagram .djs-connection.walked")).to_have_count(3)
    found += looks(page, "run")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Skip: Take measurements").click()
    expect(page.locator(".run-waits")).to_contain_text("Work out the price")
    page.goto(shop.path(f"/settings/processes/{works.process().id}/try"))
    page.get_by_label("About which record").select_option(label="Windows Horáková")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Task for Jana Dvořáková: Call the client")).to_be_visible()
    page.get_by_role("button", name="Let time pass").click()
    expect(page.get_by_text("Jana Dvořáková is told: 1")).to_be_visible()
    found += looks(page, "trial")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("radio", name="No").check(force=True)
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("The process comes to its end.")).to_be_visible()
    assert not found, "\n".join(found)
