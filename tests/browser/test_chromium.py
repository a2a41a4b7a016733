"""The browser that the other tests stand on really loads and draws a page."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

PAGE = "<!doctype html><meta charset=utf-8><title>Okno</title><h1>Příliš žluťoučký kůň</h1>"


class Page(BaseHTTPRequestHandler):
    """Serves PAGE."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_loads_and_draws_a_page(browser: Browser, url: str, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 600, "height": 200})
    page.goto(url)
    assert page.title() == "Okno"
    heading = page.get_by_role("heading")
    drawn = heading.screenshot(path=tmp_path / "heading.png")
    heading.evaluate("element => element.replaceChildren()")
    page.add_style_tag(content="h1 { height: 1.2em }")
    assert drawn != heading.screenshot()
    page.close()
