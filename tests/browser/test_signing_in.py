"""The second factor and passkeys before a real browser, on a desk and on a phone; each page is looked at by axe too."""

import re
import time

import pyotp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from core.db import Database
from tenants import passwords
from tests.browser.axe import looks
from tests.browser.conftest import DESK, PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser

PASSWORD = "three okna in a row"
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_device(page: Page) -> None:
    """Give the browser a device that keeps passkeys and whose owner always shows the right finger."""
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def owner(shop: Shop) -> str:
    """Give the owner a password; returns the e-mail."""
    with shop.base.controlling() as control:
        given = {"hash": passwords.hashed(PASSWORD), "id": shop.owner_id}
        control.execute(text("update control.identity set password_hash = :hash where id = :id"), given)
        return str(control.scalar(text("select email from control.identity where id = :id"), given))


def log_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def code(secret: str, base: Database) -> str:
    """The code shown now, as if none had been used."""
    with base.controlling() as control:
        control.execute(text("update control.totp set last_step = 0"))
    return pyotp.TOTP(secret).at(int(time.time()))


def seen(page: Page, name: str, size: tuple[int, int]) -> None:
    """Nothing is wrong with how the page looks, at any width and in both themes; then back to the size of the test."""
    found = looks(page, name)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert not found, "\n".join(found)


@SIZES
def test_the_app_is_set_up_and_asked_for(shop: Shop, base: Database, visitors: Visitors, size: tuple[int, int]) -> None:
    email, page = owner(shop), visitors.member(shop, size=size)
    page.goto("/account/")
    page.get_by_role("link", name="Set up a second factor").click()
    page.get_by_role("link", name="Set up the app").click()
    expect(page.get_by_role("img", name="A QR code")).to_be_visible()
    page.get_by_text("It cannot be scanned").click()
    secret = page.locator(".secret code").inner_text().replace(" ", "")
    seen(page, "second-factor-app-open", size)
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("This is not the code that belongs to the picture.").first).to_be_visible()
    page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Keep these codes")).to_be_visible()
    seen(page, "second-factor-codes", size)
    codes = page.locator(".recovery code").all_inner_texts()
    assert len(codes) == 10
    assert page.locator(".recovery").inner_text().splitlines() == codes  # so they are copied
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 codes are left.")).to_be_visible()
    seen(page, "second-factor-on", size)

    other = visitors.stranger(size)
    log_in(other, email)
    expect(other.get_by_role("heading", name="Second factor")).to_be_visible()
    expect(other.get_by_label("Code from the app")).to_be_focused()
    seen(other, "login-second-app", size)
    other.get_by_label("Code from the app").fill("000000")
    other.keyboard.press("Enter")
    expect(other.get_by_text("This code is wrong, too old, or was used before.").first).to_be_visible()
    seen(other, "login-second-wrong", size)
    other.get_by_label("Code from the app").fill(code(secret, base))
    other.keyboard.press("Enter")
    other.wait_for_url(f"**{shop.path('/today')}")
    third = visitors.stranger(size)
    log_in(third, email)
    third.get_by_role("link", name="Lost your phone?").click()
    seen(third, "login-second-recovery", size)
    third.get_by_label("Recovery code").fill("aaaaa-aaaaa")
    third.get_by_role("button", name="Log in", exact=True).click()
    expect(third.get_by_text("This code is wrong, too old, or was used before.").first).to_be_visible()
    third.get_by_label("Recovery code").fill(codes[0])
    third.get_by_role("button", name="Log in", exact=True).click()
    third.wait_for_url(f"**{shop.path('/today')}")
    third.goto("/account/")
    expect(third.get_by_text("with the password and a second factor").first).to_be_visible()


@SIZES
def test_a_passkey_is_added_and_logs_in(shop: Shop, visitors: Visitors, size: tuple[int, int]) -> None:
    email, page = owner(shop), visitors.member(shop, size=size)
    with_device(page)
    page.goto("/account/second-factor")
    page.get_by_role("link", name="Add a passkey").click()
    seen(page, "passkey-new", size)
    page.get_by_label("What you will call it").fill("Jana's phone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keep these codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Jana's phone", exact=True)).to_be_visible()
    seen(page, "second-factor-passkey", size)
    page.goto("/account/")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url("**/login")
    seen(page, "login-passkey", size)
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"**{shop.path('/today')}")
    page.goto("/account/")
    expect(page.get_by_text("with a passkey", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url("**/login")
    log_in(page, email)
    expect(page.get_by_text("The password is right. Now your passkey.")).to_be_visible()
    seen(page, "login-second-passkey", size)
    page.get_by_role("button", name="Give the passkey").click()
    page.wait_for_url(f"**{shop.path('/today')}")
    page.goto("/account/second-factor")
    page.get_by_role("link", name="Change: Jana's phone").click()
    page.get_by_label("Name").fill("Old phone")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Change: Old phone").click()
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Old phone opens your account no more")).to_be_visible()
    expect(page.get_by_role("link", name="Set up the app")).to_be_visible()


def test_a_passkey_that_is_not_given_is_said_and_nothing_is_lost(shop: Shop, visitors: Visitors) -> None:
    owner(shop)
    page = visitors.stranger()
    with_device(page)
    page.goto("/login")
    page.get_by_label("E-mail").fill("jana@example.com")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_text("No passkey was given. Try again, or go another way.")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("jana@example.com")
    seen(page, "login-no-passkey", DESK)


@SIZES
def test_what_was_typed_comes_through_the_question_who_it_is(
    shop: Shop, base: Database, visitors: Visitors, size: tuple[int, int]
) -> None:
    owner(shop)
    page = visitors.member(shop, size=size)
    with_device(page)
    page.goto("/account/passkeys/new")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("link", name="I have kept them").click()
    for number, proof in enumerate(("password", "passkey", "by Turbo")):
        page.goto(shop.path("/settings/tokens"))
        page.get_by_label("What is it for?").fill(f"Web form {number}")
        with base.controlling() as control:
            control.execute(
                text("update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :id"),
                {"id": shop.owner_id},
            )
        if proof == "by Turbo":  # as most forms are sent
            page.locator("form.stack").evaluate("form => form.removeAttribute('data-turbo')")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
        if proof == "password":
            seen(page, "again", size)
            page.get_by_label("Your password").fill(PASSWORD)
            page.keyboard.press("Enter")
        else:
            page.get_by_role("button", name="Give the passkey").click()
        expect(page.get_by_text(re.compile(f"The token Web form {number}: copy it now"))).to_be_visible()


def test_a_member_without_one_is_led_to_it_and_back(shop: Shop, visitors: Visitors) -> None:
    owner(shop)
    page = visitors.member(shop)
    page.goto(shop.path("/settings/workspace"))
    page.get_by_role("radio", name="Everybody").check()
    seen(page, "settings-workspace-second-factor", DESK)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This workspace asks you for a second factor.")).to_be_visible()
    seen(page, "second-factor-demanded", DESK)
    page.get_by_role("link", name="Set up the app").click()
    page.get_by_text("It cannot be scanned").click()
    secret = page.locator(".secret code").inner_text().replace(" ", "")
    page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url(f"**{shop.path('/settings/workspace')}")
    expect(page.get_by_role("heading", name="Workspace")).to_be_visible()
