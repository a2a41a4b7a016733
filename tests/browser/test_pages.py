"""Every page there is, found by its address: axe-core in both themes and at both widths, nothing wider than the window,
whole Czech, and its weight. A new page is tested by being there (tests/browser/records.py).
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Page, expect

from core.db import Database
from crm import features
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.tasks import actions as tasks
from tests.browser.axe import LOOKS, looks
from tests.browser.conftest import DESK, Visitors
from tests.browser.records import Records, rules
from tests.browser.site import ARTEFACTS, Site
from tests.shop import Shop

pytestmark = pytest.mark.browser

CATALOGUE = Path(features.TRANSLATIONS) / "cs" / "LC_MESSAGES" / "messages.po"
ENGLISH_TIMES = re.compile(
    r"\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b|\b\d{1,2}:\d\d\s?[AP]M\b"
    r"|\b(January|February|March|April|June|July|August|September|October|November|December)\b"
    r"|\b(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
)
# What a reader sees or hears, leaving out what people wrote themselves and English things' names.
TEXTS = """
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style, template, textarea, [lang=en], code, pre")) found.push(walker.currentNode.data);
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    if (!element.closest("template, [lang=en]"))
      for (const name of ["aria-label", "title", "placeholder"]) found.push(element.getAttribute(name) ?? "");
  return found.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean);
}
"""


@pytest.fixture(scope="module")
def records(site: Site, base: Database, browser: Browser, installed: None) -> Records:
    return Records(site, base, browser, "en")


@pytest.fixture(scope="module")
def czech_records(site: Site, base: Database, browser: Browser, installed: None) -> Records:
    return Records(site, base, browser, "cs")


class Readers(Visitors):
    """A stranger and an owner who read one page after the other, so that a browser is not begun anew for each."""

    def __init__(self, browser: Browser, site: Site):
        super().__init__(browser, site)
        self.pages: dict[tuple[str, str], Page] = {}

    def page(self, shop: Shop | None, locale: str) -> Page:
        key = (shop.workspace.slug if shop else "", locale)
        if key not in self.pages:
            self.pages[key] = self.member(shop, locale=locale) if shop else self.stranger(locale=locale)
        return self.pages[key]

    def open(self, shop: Shop, address: str, locale: str = "en-GB") -> Page | None:
        """The page at the address, seen by a stranger where it may be; None where it is no page."""
        page = self.page(None, locale)
        seen = page.request.get(address, max_redirects=0)
        if seen.headers.get("location", "").startswith("/login"):
            page = self.page(shop, locale)
            seen = page.request.get(address, max_redirects=0)
        stale = address.endswith("nonsense")
        assert seen.status < 400 or stale, f"{seen.status} at {address}"
        if (seen.status >= 300 and not stale) or "text/html" not in seen.headers["content-type"]:
            return None
        if stale:
            self.excuse("status of 410")
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        page.goto(address)
        return page

    def rest(self) -> None:
        """Away from the last page, whose trouble is not the next one's."""
        for page in self.pages.values():
            if page.url != "about:blank":
                page.goto("about:blank")
        self.troubles.clear()
        self.excused.clear()


@pytest.fixture(scope="module")
def all_readers(browser: Browser, site: Site) -> Readers:
    return Readers(browser, site)


@pytest.fixture
def readers(all_readers: Readers) -> Iterator[Readers]:
    yield all_readers
    troubles = all_readers.left()
    all_readers.rest()
    assert not troubles


@pytest.mark.parametrize("rule", rules())
def test_everybody_can_read_and_use_it(rule: str, records: Records, readers: Readers) -> None:
    found = []
    for number, address in enumerate(records.addresses(rule)):
        page = readers.open(records.shop, address)
        if page is not None:
            found += looks(page, f"{named(rule)}{number or ''}")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [rule for rule, inside in rules().items() if inside and "<" not in rule])
def test_so_it_is_with_nothing_in_it(rule: str, records: Records, readers: Readers) -> None:
    page = readers.open(records.empty, records.empty.path(rule))
    if page is not None:
        found = looks(page, f"{named(rule)}-empty", LOOKS[-1:])
        assert not found, "\n".join(found)


def test_a_list_of_long_values_fits_any_window(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        company = companies.create(actor, companies.create.parse({"name": "Bytové družstvo České Budějovice s.r.o."}))
        values = {
            "first_name": "Anežka",
            "last_name": "Kolářová-Svobodová",
            "company_id": company.id,
            "emails": [{"address": "predsedkyne.svj@lidicka24.example.com"}],
            "phones": [{"number": "+420 602 114 873"}],
            "addresses": [{"city": "Rožnov pod Radhoštěm"}],
        }
        contact = contacts.create(actor, contacts.create.parse(values))
        deals.create(actor, deals.create.parse({"name": "Windows", "amount": 98765432, "contact_id": contact.id}))
        task = {"name": "Ověřit termín výroby a domluvit montáž", "contact_id": contact.id}
        tasks.create(actor, tasks.create.parse(task))
    page = visitors.member(shop)
    for place in ("contacts", "companies", "deals/?view=list"):
        page.goto(shop.path(f"/{place}"))
        for width in range(768, 1500, 32):
            page.set_viewport_size({"width": width, "height": 900})
            over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{place}: {over} px too wide at {width} px"


def named(rule: str) -> str:
    """The rule as the name of a file: /contacts/<uuid:contact_id>/edit -> contacts-contact_id-edit."""
    return "-".join(re.findall(r"\w+", re.sub(r"<\w+:", "<", rule))) or "front"


@pytest.mark.slow
@pytest.mark.parametrize("rule", [rule for rule in rules() if not rule.startswith(("/api/", "/dev/"))])
def test_a_czech_reader_finds_no_english(rule: str, czech_records: Records, readers: Readers) -> None:
    for address in czech_records.addresses(rule):
        page = readers.open(czech_records.shop, address, locale="cs-CZ")
        if page is None:
            continue
        assert page.locator("html").get_attribute("lang") == "cs"
        texts: list[str] = page.evaluate(TEXTS)
        assert [text for text in texts if text in english() or ENGLISH_TIMES.search(text)] == []


@cache
def english() -> frozenset[str]:
    """English texts that Czech says otherwise, wherever they stand."""
    with CATALOGUE.open("rb") as file:
        said = [
            (str(message.id), message.string) for message in read_po(file) if message.id and not message.pluralizable
        ]
    return frozenset(msgid for msgid, _czech in said) - {msgid for msgid, czech in said if czech == msgid}


class Scales:
    """Bytes that a page took over the wire, compressed as they came, headers included."""

    def __init__(self, page: Page):
        self.urls: dict[str, str] = {}
        self.taken: dict[str, int] = {}
        wire = page.context.new_cdp_session(page)
        wire.on(
            "Network.requestWillBeSent", lambda event: self.urls.update({event["requestId"]: event["request"]["url"]})
        )
        wire.on("Network.loadingFinished", self.add)
        wire.send("Network.enable")

    def add(self, event: dict[str, Any]) -> None:
        self.taken[self.urls[event["requestId"]]] = int(event["encodedDataLength"])

    def read(self) -> dict[str, int]:
        """The bytes by URL since the last reading."""
        taken, self.taken = self.taken, {}
        return taken


@pytest.mark.parametrize(
    ("place", "rule"),
    [("list", "/contacts/"), ("card", "/contacts/<uuid:contact_id>"), ("board", "/deals/"), ("today", "/today")],
)
def test_pages_are_light(place: str, rule: str, records: Records, visitors: Visitors) -> None:
    """A first visit takes 150 KB at most and one after it 25 KB; the figures are kept in tests/artefacts/weight/."""
    (address,) = records.addresses(rule)
    page = visitors.member(records.shop)
    scales = Scales(page)
    page.goto(address)
    page.evaluate("() => document.fonts.ready")
    first = scales.read()
    page.goto(records.shop.path("/tasks/"))
    scales.read()
    page.evaluate("(address) => document.querySelector('.side-item').setAttribute('href', address)", address)
    page.locator(".side-item").first.click()
    page.wait_for_url(f"**{address}")
    expect(page.locator("html")).not_to_have_attribute("aria-busy", "true")
    after = scales.read()
    paint = min(first_paint(page, address) for _ in range(3))
    figures = f"{place}: first visit {sum(first.values()):,} bytes, then {sum(after.values()):,}; paint {paint:.0f} ms"
    path = ARTEFACTS / "weight" / f"{place}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([figures, *(f"{size:8,} {url}" for url, size in first.items())]))
    assert sum(first.values()) <= 150_000, figures
    assert sum(after.values()) <= 25_000, figures
    assert paint <= 1_000, figures


def first_paint(page: Page, address: str) -> float:
    """Milliseconds from the click to the first text on a page whose files are at hand."""
    page.goto(address)
    entry = page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    return float(entry.json_value())
