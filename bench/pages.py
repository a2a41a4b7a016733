"""What a page weighs on the wire and how soon something is painted."""

import http.client
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

import brotli  # type: ignore[import-untyped]

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import served
from core.db import Workspace

VIEWS = {"contacts": "/contacts/", "board": "/deals/", "today": "/today"}
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
# Waits for the paint by itself, since the pages' Content-Security-Policy rightly refuses eval.
PAINTED = """() => new Promise(done => new PerformanceObserver(seen => {
    const paint = seen.getEntriesByName("first-contentful-paint")[0];
    if (paint) done(paint.startTime);
}).observe({type: "paint", buffered: true}))"""
STORED_COMPRESSED = (".woff2", ".png", ".jpg")
REFERENCE = re.compile(rb"""(?:src|href)="(/static/[^"#]+)|url\(["']?([^"')]+?)["']?\)""")


def pages(grounds: Grounds) -> Iterator[Figure]:
    """The list of contacts, the board and Today of a busy workspace, compressed by brotli as a browser asks for it.

    A first visit is the page with every script, style, font and picture it names; after that the page alone, since the
    rest is kept for good. First paint is the median of five fresh loads in Chromium, where there is one.
    """
    ground = grounds.few
    workspace = ground.workspace("board", contacts=5_000, deals=50_500)
    cookie = {"Cookie": f"okno={ground.cookie()}"}
    with served(ground) as port:
        for name, path in VIEWS.items():
            page, rest, parts = weigh(port, f"/{workspace.slug}{path}", cookie)
            first, after = (page + rest) / 1000, page / 1000
            yield Figure(f"page {name}: first visit", f"{first:.1f} KB in {parts} parts", "-", first, 150, unit=" KB")
            yield Figure(f"page {name}: after", f"{after:.1f} KB", "-", after, 25, unit=" KB")
        for name, painted in paints(ground, workspace, port).items():
            yield Figure(f"page {name}: first paint", f"{painted:.0f} ms", "-", painted, 300, unit=" ms")


def weigh(port: int, path: str, headers: dict[str, str]) -> tuple[int, int, int]:
    """(bytes of the page, bytes of all it names, how many those are), as sent."""
    body, page = fetch(port, path, headers)
    known: dict[str, int] = {}
    waiting = [urljoin(path, url) for url in references(body)]
    while waiting:
        url = waiting.pop()
        if url in known:
            continue
        content, known[url] = fetch(port, url, {})
        if url.endswith((".css", ".js")):
            waiting += [urljoin(url, found) for found in references(content)]
    return page, sum(known.values()), len(known)


def references(content: bytes) -> list[str]:
    """What a page or a style sheet names for the browser to load at once; of fonts, those of Latin script."""
    found = [(first or second).decode() for first, second in REFERENCE.findall(content)]
    return [url for url in found if not url.startswith("data:")]


def fetch(port: int, path: str, headers: dict[str, str]) -> tuple[bytes, int]:
    """(content, bytes on the wire). Raises RuntimeError for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": "localhost", "Accept-Encoding": "br", **headers})
        answer = connection.getresponse()
        sent = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} answered {answer.status}")
        if answer.getheader("Content-Encoding") == "br":
            return brotli.decompress(sent), len(sent)
        return sent, len(sent) if path.endswith(STORED_COMPRESSED) else len(brotli.compress(sent, quality=5))
    finally:
        connection.close()


def paints(ground: Ground, workspace: Workspace, port: int) -> dict[str, float]:
    """Milliseconds to the first contentful paint, by view; nothing without Chromium and Playwright."""
    browser_path = next((path for path in CHROMIUM if Path(path).exists()), None)
    if browser_path is None or find_spec("playwright") is None:
        ground.say("there is no Chromium here, so no first paint")
        return {}
    from playwright.sync_api import sync_playwright

    painted = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context()
        origin = f"http://localhost:{port}"
        context.add_cookies([{"name": "okno", "value": ground.cookie(), "url": origin}])
        for name, path in VIEWS.items():
            times = []
            for _ in range(6):
                page = context.new_page()
                page.goto(f"{origin}/{workspace.slug}{path}", wait_until="load")
                times.append(page.evaluate(PAINTED))
                page.close()
            painted[name] = median(times[1:])
        browser.close()
    return painted
