"""What a page weighs on the wire and how soon something is painted, in a real browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import served
from core.db import Workspace
from tests.browser.chromium import launch

VIEWS = {"contacts": "/contacts/", "board": "/deals/", "today": "/today", "contact": "/contacts/{contact}"}
LOADS = 5
# Waits for the paint by itself, since the pages' Content-Security-Policy rightly refuses eval.
PAINTED = """() => new Promise(done => new PerformanceObserver(seen => {
    const paint = seen.getEntriesByName("first-contentful-paint")[0];
    if (paint) done(paint.startTime);
}).observe({type: "paint", buffered: true}))"""
SENT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(entry => entry.transferSize).map(entry => entry.encodedBodySize)"""


@dataclass(frozen=True)
class Visits:
    """Bytes of each answer that came over the wire, and milliseconds to the first paint of the later loads."""

    first: list[int]
    after: list[int]
    paint: float


def pages(grounds: Grounds) -> Iterator[Figure]:
    """The list of contacts, the board, Today and a contact's card in a busy workspace, as Chromium gets them.

    A first visit is the page with every script, style, font and picture the browser then asks for; after that the page
    alone, since the rest is kept for good. First paint is the median of five loads after the first.
    """
    ground = grounds.few
    workspace = ground.workspace("board", contacts=5_000, deals=50_500)
    with served(ground) as port, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, path in VIEWS.items():
            here = f"/{workspace.slug}{filled(ground, workspace, path)}"
            found = visits(browser, ground, f"http://localhost:{port}{here}")
            first, after = sum(found.first) / 1000, sum(found.after) / 1000
            said = f"{first:.1f} KB in {len(found.first)} parts"
            yield Figure(f"page {name}: first visit", said, "-", first, 150, unit=" KB")
            yield Figure(f"page {name}: after", f"{after:.1f} KB", "-", after, 25, unit=" KB")
            yield Figure(f"page {name}: first paint", f"{found.paint:.0f} ms", "-", found.paint, 300, unit=" ms")
        browser.close()


def filled(ground: Ground, workspace: Workspace, path: str) -> str:
    """The path with a contact that has a deal."""
    with ground.owner() as owner:
        row = owner.execute(f"select contact_id from {workspace.schema}.deal where contact_id is not null limit 1")
        return path.format(contact=(row.fetchone() or ("none",))[0])


def visits(browser: Browser, ground: Ground, url: str) -> Visits:
    context = browser.new_context(locale="cs-CZ")
    context.add_cookies([{"name": "okno", "value": ground.cookie(), "url": url}])
    page = context.new_page()
    first = sent(page, url)
    after, paints = [], []
    for _ in range(LOADS):
        after = sent(page, url)
        paints.append(page.evaluate(PAINTED))
    context.close()
    return Visits(first, after, median(paints))


def sent(page: Page, url: str) -> list[int]:
    """What came over the wire for the page until it was quiet."""
    answer = page.goto(url, wait_until="load")
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{url} answered {answer and answer.status}")
    page.wait_for_timeout(500)
    found: list[int] = page.evaluate(SENT)
    return found
