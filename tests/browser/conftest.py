"""What a browser test may ask for: `shop` on the running site, and `visitors`, whose pages fail the test by themselves.

A test fails when a page logs an error, breaks the content policy, throws, asks another host for anything, or gets an
answer of 500 or a missing file. Pictures are kept in tests/artefacts/.
"""

import re
from collections.abc import Callable, Generator, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    ViewportSize,
    sync_playwright,
)

from core.db import Database
from crm.contacts import actions as contacts
from tests.browser.chromium import launch
from tests.browser.site import ARTEFACTS, Site
from tests.crm.limits.paying import cap
from tests.shop import Shop, open_shop

DESK, PHONE = (1440, 900), (390, 844)
PATIENCE = 10_000  # milliseconds
# Refused forms and sign-ins are a page's daily work; the browser logs them all the same.
REFUSALS = re.compile(r"the server responded with a status of (401|402|409|412|422|429)\b")
# A page left while it was still asking for something: Turbo gives that request up.
GONE_ON = r"^thrown: signal is aborted without reason$"
OUTCOME = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def base(site: Site) -> Iterator[Database]:
    """The site's database."""
    opened = Database(site.settings.workspace_database_url, site.settings.control_database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def shop(site: Site, base: Database, installed: None) -> Shop:
    """A workspace of one test, on the running site, without limits: by the settings of the tests' own process."""
    with site.app.test_request_context("/"):
        return open_shop(site.app, base=base)


@pytest.fixture
def small(site: Site, base: Database, installed: None) -> Shop:
    """A workspace on the free plan."""
    with site.app.test_request_context("/"):
        return open_shop(site.app, base=base, plan="free")


@pytest.fixture
def full(small: Shop) -> Shop:
    """A workspace whose free plan has no room for another contact: the hundred is what the site sets by itself, too."""
    cap(small, contacts=100)
    with small.acting() as actor:
        for number in range(100):
            contacts.create(actor, contacts.NewContact(last_name=f"Novák {number}"))
    return small


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium, ended with the module: the event loop of Playwright is in the way of tests that have their own."""
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


class Visitors:
    """People before their browsers, each with cookies of their own."""

    def __init__(self, browser: Browser, site: Site):
        self.browser = browser
        self.site = site
        self.contexts: list[BrowserContext] = []
        self.troubles: list[str] = []
        self.excused: list[str] = []

    def stranger(self, size: tuple[int, int] = DESK, **options: Any) -> Page:
        """Somebody who is not signed in. `options` are Playwright's for a context."""
        phone = {"has_touch": True, "is_mobile": True} if size == PHONE else {}
        viewport: ViewportSize = {"width": size[0], "height": size[1]}
        usual = {"reduced_motion": "reduce", "locale": "en-GB", "timezone_id": "Europe/Prague"}
        context = self.browser.new_context(
            base_url=self.site.url,
            viewport=viewport,
            **(usual | phone | options),
        )
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        self.watch(context)
        return context.new_page()

    def member(self, shop: Shop, identity_id: UUID | None = None, size: tuple[int, int] = DESK, **options: Any) -> Page:
        """The owner of the workspace, or another member, signed in."""
        page = self.stranger(size, **options)
        page.context.add_cookies([{"name": "okno", "value": shop.session(identity_id), "url": self.site.url}])
        return page

    def excuse(self, pattern: str) -> None:
        """Trouble that the test itself makes."""
        self.excused.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        ours = {f"localhost:{self.site.port}", f"localhost:{self.site.stream_port}"}

        def asked(request: Request) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in ("data", "blob") and parts.netloc not in ours:
                self.troubles.append(f"asked another host: {request.url}")

        def answered(response: Response) -> None:
            file = "/static/" in response.url and response.status >= 400
            if response.status >= 500 or file:
                self.troubles.append(f"{response.status} at {response.request.method} {response.url}")

        def logged(message: ConsoleMessage) -> None:
            if message.type == "error" and not REFUSALS.search(message.text):
                self.troubles.append(f"console: {message.text} ({message.location.get('url', '')})")

        context.on("request", asked)
        context.on("response", answered)
        context.on("console", logged)
        context.on("weberror", lambda error: self.troubles.append(f"thrown: {error.error}"))

    def left(self) -> list[str]:
        """Trouble that nobody excused."""
        excused = [*self.excused, GONE_ON]
        return [one for one in self.troubles if not any(re.search(pattern, one) for pattern in excused)]


@pytest.fixture
def visitors(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitors]:
    made = Visitors(browser, site)
    yield made
    if request.node.stash.get(OUTCOME, False):
        name = re.sub(r"\W+", "-", request.node.name)
        for number, context in enumerate(made.contexts):
            for page in context.pages:
                picture(page, f"failed/{name}-{number}")
    for context in made.contexts:
        context.close()
    assert not made.left()


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """`shoot(page, "signed-up")` keeps a picture in tests/artefacts/<name of the test module>/."""
    folder = request.path.stem.removeprefix("test_")
    return lambda page, name: picture(page, f"{folder}/{name}")


def picture(page: Page, name: str) -> None:
    path = ARTEFACTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tells `visitors` that the test failed."""
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.failed
    return report
