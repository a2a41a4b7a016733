"""Petr is ill: his manager sees what would go to whom and confirms; Eva reads the briefing; Petr comes back."""

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.browser.axe import Shoot, well
from tests.browser.conftest import DESK, PHONE, Visitors
from tests.crm.absences.office import Office
from tests.shop import Shop

pytestmark = pytest.mark.browser


def clients(office: Office) -> dict[str, dict[str, UUID]]:
    """Four clients of Petr's, with what was said."""
    made = {}
    company = office.company("Penzion U Tří lip")
    people: list[tuple[str, str, dict[str, Any]]] = [
        ("Radek", "Beneš", {"company_id": company, "phones": [{"number": "602 114 873"}]}),
        ("Lenka", "Šťastná", {"phones": [{"number": "777 201 402"}], "addresses": [{"city": "Brno"}]}),
        ("Markéta", "Nováková", {"emails": [{"address": "marketa@example.com"}], "about": "Call after 16:00."}),
        ("Jiří", "Dušek", {}),
    ]
    for first, last, links in people:
        made[last] = office.work(first_name=first, last_name=last, **links)
    with office.shop.acting(office.identities["Petr"]) as actor:
        said = "She wants to know if 14 December can hold: her sister comes on the 18th. Price is fine."
        call = {"form": "call", "result": "answered", "minutes": 4, "contact_id": made["Nováková"]["contact"]}
        notes.create(actor, notes.create.parse({**call, "text": said}))
        notes.create(
            actor, notes.create.parse({"contact_id": made["Beneš"]["contact"], "text": "Measured 14 openings."})
        )
    return made


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_nobodys_clients_are_forgotten(shop: Shop, visitors: Visitors, shoot: Shoot, size: tuple[int, int]) -> None:
    office = Office.of(shop, "Petr Malý", "Eva Nová", "Karel Král")
    work = clients(office)

    def keep(page: Page, name: str) -> None:
        well(page, shoot, f"{size[0]}-{name}")

    page = visitors.member(shop, size=size)
    page.goto(shop.path("/people/absences/"))
    keep(page, "1-nobody")
    page.get_by_role("link", name="Somebody is away").click()
    form = page.get_by_role("dialog", name="Somebody is away")
    form.get_by_label("Who", exact=True).select_option("Petr Malý")
    form.get_by_label("Several evenly").check()
    expect(form.get_by_label("Person", exact=True)).to_be_hidden()
    form.get_by_label("Last day away").fill(office.day(8).isoformat())
    form.get_by_label("Contacts and companies go over too").check()
    form.get_by_role("button", name="Show the preview").click()
    expect(form.get_by_role("alert")).to_contain_text("Choose who takes over.")
    keep(page, "2-refused")
    for name in ("Eva Nová", "Karel Král"):
        form.get_by_label(name).check()
    keep(page, "3-form")
    form.get_by_role("button", name="Show the preview").click()
    expect(page.get_by_role("heading", name="Petr Malý", level=1)).to_be_visible()
    expect(page.get_by_text("Nothing is changed yet.")).to_be_visible()
    page.locator("details.share summary").first.click()
    keep(page, "4-preview")
    assert office.holder("deal", work["Beneš"]["deal"]) == "Petr"

    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="13 records were taken over")).to_be_visible(timeout=30_000)
    keep(page, "5-taken-over")

    taker = office.holder("deal", work["Nováková"]["deal"])
    eva = visitors.member(shop, office.identities[taker], size=size)
    eva.goto(shop.path("/today"))
    keep(eva, "6-today")
    eva.get_by_role("link", name="Taken over from Petr Malý: 2 clients").click()
    expect(eva.get_by_role("heading", name="Taken over from Petr Malý", level=1)).to_be_visible()
    expect(eva.get_by_text("her sister comes on the 18th")).to_be_visible()
    keep(eva, "7-briefing")
    printed(eva, shoot, f"{size[0]}-7-briefing-printed")
    eva.get_by_role("link", name="Markéta Nováková").click()
    expect(eva.get_by_text("took over from Petr Malý (ill until").first).to_be_visible()
    keep(eva, "8-card")
    eva.get_by_role("link", name="Briefing").click()
    expect(eva.locator(".client-brief")).to_have_count(1)

    with shop.acting(office.identities[taker]) as actor:
        tasks.done(actor, tasks.OneTask(id=work["Nováková"]["task"]))
    page.get_by_role("button", name="Is back").click()
    expect(page.get_by_role("heading", name="Back at work: Petr Malý")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("12 records came back.")).to_be_visible()
    expect(page.get_by_text("1 stays as it is, finished meanwhile.")).to_be_visible()
    keep(page, "9-back")
    assert office.holder("deal", work["Beneš"]["deal"]) == "Petr"


def printed(page: Page, shoot: Shoot, name: str) -> None:
    """On paper there is the briefing alone."""
    page.emulate_media(media="print", color_scheme="light")
    expect(page.locator(".top")).to_be_hidden()
    shoot(page, name)
    page.emulate_media(media="screen")
