"""A client on somebody else's web site fills a form in, and the seller sees it come, with the time running."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.forms import spam
from crm.forms.models import Form
from tests.browser.conftest import PHONE, Visitors
from tests.crm.requests.house import form, member_of, received, set_hours
from tests.shop import Shop

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
ALWAYS = {day: ["00:00", "23:59"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@contextmanager
def elsewhere(page: Callable[[], str]) -> Iterator[str]:
    """A web site of another origin with one page; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page().encode())

        def log_message(self, *_said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def site_with(tag: str) -> str:
    return f'<!doctype html><link rel="icon" href="data:,"><h1>Okna</h1><div id="here">{tag}</div><p>Foot</p>'


@pytest.fixture
def seller(shop: Shop) -> Any:
    identity = shop.member("sales", "Petr Malý")
    set_hours(shop, member_of(shop, identity), ALWAYS)
    return identity


def made_for(shop: Shop, seller: Any, origin: str, **values: Any) -> Form:
    stage = shop.rows("select id, pipeline_id from stage order by position limit 1")[0]
    fields = [
        {"kind": "name", "required": True},
        {"kind": "phone", "required": True},
        {"kind": "email"},
        {"kind": "message"},
        {"kind": "file"},
        {"kind": "consent", "id": "q-yes", "label": "I agree", "text": "You keep my data.", "required": True},
    ]
    given = {"heading": "Ask for a quote", "fields": fields, "pipeline_id": stage.pipeline_id, "stage_id": stage.id}
    rule = {"rule": "member", "member_ids": [member_of(shop, seller)], "origins": [origin]}
    return form(shop, **{**given, **rule, **values})


def test_a_client_on_another_site_asks_and_the_seller_sees_it_come_with_the_time_running(
    shop: Shop, visitors: Visitors, shoot: Shoot, seller: Any
) -> None:
    tag: list[str] = [""]
    with elsewhere(lambda: site_with(tag[0])) as origin:
        visitors.excuse(f"asked another host: {origin}")
        made = made_for(shop, seller, origin, look={"colour": "#7a1f5c", "button": "Ask", "done": "We will call."})
        address = f"{visitors.site.url}/f/{shop.workspace.id}-{made.key}"
        tag[0] = f'<script src="{address}/embed.js" data-title="Ask" async></script>'
        petr = visitors.member(shop, seller)
        with petr.expect_response(lambda response: "/live/" in response.url):
            petr.goto(shop.path("/requests/?whose=mine"))
        expect(petr.get_by_text("Nothing here")).to_be_visible()

        client = visitors.stranger()
        client.goto(f"{origin}/windows?utm_source=ads&utm_campaign=spring")
        inside = client.frame_locator("iframe")
        inside.get_by_label("Your name").fill("Jan Novák")
        inside.get_by_label("Phone").fill("602 114 873")
        inside.get_by_label("How can we help?").fill("Six windows for a flat")
        time.sleep(spam.QUICK + 1)
        inside.get_by_role("button", name="Ask").click()
        expect(inside.get_by_text("Tick this box.").first).to_be_visible()
        expect(inside.get_by_label("How can we help?")).to_have_value("Six windows for a flat")
        shoot(client, "refused")
        inside.get_by_label("Photos").set_input_files({"name": "a.pdf", "mimeType": "", "buffer": b"%PDF-1.7 x"})
        inside.get_by_role("button", name="Ask").click()
        expect(inside.get_by_label("I agree")).to_be_focused()
        inside.get_by_label("I agree").check()
        height = client.locator("iframe").evaluate("frame => frame.offsetHeight")
        inside.get_by_role("button", name="Ask").click()
        expect(inside.get_by_text("We will call.")).to_be_visible()
        began = time.monotonic()
        assert client.context.cookies() == []

        row = petr.locator("tr", has_text="Jan Novák")
        expect(row).to_be_visible(timeout=10_000)
        took = time.monotonic() - began
        clock = row.locator("[data-controller=countdown]")
        expect(clock).to_have_text(re.compile(r"1[45]:\d\d"))
        first = clock.inner_text()
        expect(clock).not_to_have_text(first, timeout=3_000)
        assert took < 5, f"it came after {took:.2f} s"
        expect(petr.locator(".side-item[aria-current] .n")).to_contain_text("1")
        shoot(petr, "inbox")
        assert client.locator("iframe").evaluate("frame => frame.offsetHeight") < height, "the frame fits what it shows"

        row.get_by_role("link", name="Jan Novák").click()
        expect(petr.get_by_text("utm_source")).to_be_visible()
        expect(petr.get_by_text("You keep my data.")).to_be_visible()
        expect(petr.get_by_role("link", name="a.pdf")).to_be_visible()
        shoot(petr, "request")
        petr.get_by_role("link", name="Windows: Jan Novák").click()
        expect(petr.locator("#timeline").get_by_text("Six windows for a flat")).to_be_visible()
        shoot(petr, "deal")
        petr.get_by_label("Note about").fill("He wants them in May")
        petr.get_by_role("button", name="Add note").click()
        expect(petr.get_by_text("He wants them in May")).to_be_visible()
    (sent,) = shop.rows("select * from request")
    assert sent.doubts == []
    assert sent.utm == {"utm_source": "ads", "utm_campaign": "spring"}
    assert sent.page == f"{origin}/windows"
    assert sent.first_contact_at is not None
    assert sent.state == "converted"


def test_a_site_that_is_not_named_cannot_frame_it(shop: Shop, visitors: Visitors, seller: Any) -> None:
    tag: list[str] = [""]
    with elsewhere(lambda: site_with(tag[0])) as origin:
        visitors.excuse(f"asked another host: {origin}")
        visitors.excuse("(Refused to frame|Framing).*frame-ancestors")
        made = made_for(shop, seller, "https://www.example.com")
        tag[0] = f'<iframe src="{visitors.site.url}/f/{shop.workspace.id}-{made.key}?frame=1"></iframe>'
        client = visitors.stranger()
        client.goto(origin)
        time.sleep(0.5)
        assert "Ask for a quote" not in (client.frames[1].content() if len(client.frames) > 1 else "")


def test_without_a_script_a_form_is_sent_all_the_same(
    shop: Shop, visitors: Visitors, shoot: Shoot, seller: Any
) -> None:
    made = made_for(shop, seller, "https://www.example.com", look={"redirect": f"{visitors.site.url}/login"})
    client = visitors.stranger(PHONE, java_script_enabled=False)
    client.goto(f"/f/{shop.workspace.id}-{made.key}?utm_source=card")
    shoot(client, "phone")
    client.get_by_label("Your name").fill("Jan Novák")
    client.get_by_label("Phone").fill("602 114 873")
    client.get_by_label("I agree").check()
    client.get_by_role("button", name="Send").click()
    client.wait_for_url("**/login")
    (sent,) = shop.rows("select * from request")
    assert sent.name == "Jan Novák"
    assert "unproven" in sent.doubts
    assert sent.utm == {"utm_source": "card"}


def test_a_form_is_made_seen_and_sent_and_a_request_converted_to_whom_it_matches(
    shop: Shop, visitors: Visitors, shoot: Shoot, seller: Any
) -> None:
    owner = visitors.member(shop)
    owner.goto(shop.path("/requests/"))
    owner.get_by_role("link", name="Make a web form").click()
    owner.get_by_role("link", name="New form").click()
    owner.get_by_label("Name", exact=True).fill("Doors")
    owner.get_by_label("Field to add").select_option("choice")
    owner.get_by_role("button", name="Add the field").click()
    owner.get_by_label("Label of field 5").fill("Colour")
    owner.get_by_label("Answers to").fill("white\nbrown")
    owner.get_by_role("button", name="Move Choice of several up").click()
    owner.get_by_role("radio", name="Nobody, it waits").check(force=True)
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_text("Doors is stored")).to_be_visible()
    seen = owner.frame_locator("iframe.form-preview")
    expect(seen.get_by_label("Colour")).to_be_visible()
    shoot(owner, "maker")
    made = shop.rows("select fields from form")[0]
    assert [one["kind"] for one in made.fields] == ["name", "phone", "email", "choice", "message"]

    known = received(shop, name="Jan Novák", phone="602 114 873")
    assert known.name == "Jan Novák"
    for size, name in (((1440, 900), "convert"), (PHONE, "convert-phone")):
        petr = visitors.member(shop, seller, size)
        petr.goto(shop.path(f"/requests/{known.id}"))
        if size == PHONE:
            shoot(petr, "request-phone")
            petr.goto(shop.path("/requests/"))
            shoot(petr, "inbox-phone")
            continue
        petr.get_by_role("button", name="Take").click()
        petr.get_by_role("link", name="Convert").first.click()
        expect(petr.get_by_label("First name")).to_have_value("Jan")
        shoot(petr, name)
        petr.locator("#sheet-form").get_by_label("Name", exact=True).fill("Doors for Jan")
        petr.get_by_role("button", name="Convert").click()
        petr.wait_for_url("**/deals/*")
    assert shop.rows("select name from deal")[0].name == "Doors for Jan"
