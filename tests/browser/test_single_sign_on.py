"""Single sign-on before a real browser: through the provider and back, what the pages on the way look like, and that no
content policy stands in the way. The application runs in this process, so that it trusts the provider of the tests."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text
from werkzeug.serving import make_server

from config.settings import settings
from core.db import database
from crm.app import create_app
from tests.browser.axe import looks
from tests.browser.conftest import picture
from tests.browser.site import free_ports
from tests.crm.sso.office import Office, role_id
from tests.idp import Idp, running_dns, running_provider
from tests.shop import open_shop

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Idp, Any]]:
    """The application on a port of its own, the provider, and the DNS."""
    patch = pytest.MonkeyPatch()
    with running_provider(Path(tmp_path_factory.mktemp("idp"))) as idp, running_dns() as names:
        patch.setenv("SSL_CERT_FILE", str(idp.authority))
        port, _other = free_ports()
        config = dataclasses.replace(settings(), url=f"http://localhost:{port}", inner_hosts=(idp.host,))
        app = create_app(dataclasses.replace(config, dns_servers=(names.address,)))
        server = make_server("localhost", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield app, idp, names
        server.shutdown()
        thread.join(5)
    patch.undo()


@pytest.fixture
def office(house: tuple[Flask, Idp, Any]) -> Office:
    app, idp, names = house
    idp.straight()
    with app.test_request_context("/"):
        return Office(open_shop(app, base=database()), idp, names)


@pytest.fixture
def visit(browser: Browser, house: tuple[Flask, Idp, Any]) -> Iterator[Callable[..., Page]]:
    """A page of a new browser, with the session of a member if one is given. Nothing may break the content policy."""
    url: str = house[0].config["OKNO"].url
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(session: str = "") -> Page:
        context = browser.new_context(
            base_url=url, viewport={"width": 1440, "height": 900}, ignore_https_errors=True, locale="en-GB"
        )
        contexts.append(context)
        if session:
            context.add_cookies([{"name": "okno", "value": session, "url": url}])
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def at_provider(page: Page, subject: str) -> None:
    """Log in at the provider's own page."""
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_somebody_new_comes_in_from_the_login_and_out_again(office: Office, visit: Callable[..., Page]) -> None:
    office.ready()
    office.idp.user("b1", email=office.address(), name="Petr Nový")
    page = visit()
    page.goto("/login")
    page.get_by_label("E-mail").fill(office.address())
    page.get_by_role("button", name="Log in with single sign-on").click()
    expect(page.get_by_role("link", name="Log in with Pilot")).to_be_visible()
    found = looks(page, "sso-find")
    page.get_by_role("link", name="Log in with Pilot").click()
    at_provider(page, "b1")
    page.wait_for_url(f"**{office.shop.path('/today')}")
    page.locator(".top .me").click()
    expect(page.get_by_role("link", name="Your account")).to_have_count(0)
    page.locator("form[action='/logout'] button").first.click()
    page.wait_for_url("**/login")
    assert not found, "\n".join(found)


def test_a_member_logs_in_as_before_and_links_the_two(office: Office, visit: Callable[..., Page]) -> None:
    office.ready(only=True)
    seller = office.shop.member("sales")
    office.idp.user("b2", email=office.address("seller"))
    page = visit(office.shop.session(seller))
    page.goto(office.shop.path("/contacts/"))
    expect(page.get_by_role("heading", name=office.shop.workspace.name)).to_be_visible()
    found = looks(page, "sso-ask")
    page.get_by_role("link", name="Log in with Pilot").click()
    at_provider(page, "b2")
    expect(page.get_by_role("heading", name="Is this you?")).to_be_visible()
    found += looks(page, "sso-link")
    page.get_by_role("button", name="Yes, link the two").click()
    page.wait_for_url(f"**{office.shop.path('/contacts/')}")
    stranger = visit()
    stranger.goto(f"/login?next={office.shop.path('/contacts/')}")
    found += looks(stranger, "sso-login")
    stranger.get_by_role("link", name="Log in with Pilot").click()
    at_provider(stranger, "nobody-known")
    expect(stranger.get_by_role("heading", name="Single sign-on did not work")).to_be_visible()
    found += looks(stranger, "sso-failed")
    assert not found, "\n".join(found)


def test_what_was_typed_waits_while_the_provider_asks_again(office: Office, visit: Callable[..., Page]) -> None:
    with office.shop.acting() as actor:
        admin = role_id(actor, "admin")
    office.ready(default_role_id=admin)
    office.idp.user("b3", email=office.address())
    page = visit()
    page.goto(f"/sso/{office.number}/begin")
    at_provider(page, "b3")
    page.wait_for_url(f"**{office.shop.path('/today')}")
    with database().controlling() as control:
        old = text("update control.sign_in set proven_at = now() - interval '1 hour' where workspace_id = :me")
        control.execute(old, {"me": office.number})
    page.goto(office.shop.path("/settings/tokens"))
    page.get_by_label("What is it for?").fill("Accounting")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    found = looks(page, "sso-again")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Log in at your provider").click()
    second = opened.value
    at_provider(second, "b3")
    expect(second.get_by_role("heading", name="It is you")).to_be_visible()
    found += looks(second, "sso-done")
    second.close()
    page.get_by_role("button", name="Done, go on").click()
    expect(page.get_by_text("The token Accounting: copy it now")).to_be_visible()
    assert not found, "\n".join(found)


def test_an_owner_sets_it_up_proves_a_domain_and_makes_a_key(office: Office, visit: Callable[..., Page]) -> None:
    page = visit(office.shop.session())
    page.goto(office.shop.path("/settings/"))
    page.get_by_role("link", name="Single sign-on").click()
    expect(page.get_by_text(f"/sso/{office.number}/back")).to_be_visible()
    page.get_by_label("Issuer").fill("https://localhost:9")
    page.get_by_label("Client ID").fill("okno")
    page.get_by_label("Client secret").fill("the secret of the client")
    page.locator("form.stack").first.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert")).to_be_visible()
    found = looks(page, "sso-settings-refused")
    page.get_by_label("Issuer").fill(office.idp.issuer)
    page.get_by_label("Client secret").fill("the secret of the client")
    page.get_by_label("Claim that decides on the role").fill("groups")
    page.get_by_label("Value").first.fill("sellers")
    page.get_by_label("Role", exact=True).first.select_option("Sales")
    page.get_by_role("button", name="Add another").click()
    expect(page.get_by_label("Value")).to_have_count(3)
    page.get_by_label("Client secret").fill("the secret of the client")
    page.locator("form.stack").first.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", name="Turn single sign-on off")).to_be_visible()
    page.get_by_label("Add a domain").fill(office.domain)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Not proven yet")).to_be_visible()
    record = page.locator("#domains code").nth(1).inner_text()
    page.get_by_role("button", name=f"Check now: {office.domain}").click()
    expect(page.get_by_text("is not there yet")).to_be_visible()
    office.names.records[f"_okno.{office.domain}"] = [record]
    page.get_by_role("button", name=f"Check now: {office.domain}").click()
    expect(page.get_by_text("Proven", exact=True)).to_be_visible()
    page.get_by_label("What is it for?").fill("Entra")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("The key Entra: copy it now")).to_be_visible()
    found += looks(page, "sso-settings")
    page.set_viewport_size({"width": 1440, "height": 2400})
    picture(page, "pages/sso-settings-whole")
    assert not found, "\n".join(found)
