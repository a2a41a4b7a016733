"""The first day of a business, from sign-up to a won deal, in two browsers and with every step on a picture."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from core.db import Database
from core.text import plain
from tenants.directory import locate
from tenants.models import Person
from tests.browser.conftest import Visitors
from tests.browser.site import Site
from tests.crm.imports.messy import Expected, write_messy
from tests.shop import Shop

pytestmark = pytest.mark.browser

ROWS = 5_000
PASSWORD = "three okna in a row"
Shoot = Callable[[Page, str], None]


def test_the_first_day(site: Site, base: Database, visitors: Visitors, shoot: Shoot, tmp_path: Path) -> None:
    page = visitors.stranger(accept_downloads=True)
    shop = sign_up(page, site, base, shoot)
    confirm(page, shop, shoot)
    give_plan(site, shop)
    expected = bring_customers(page, shop, tmp_path / "zakaznici.csv", shoot)
    take_the_refused(page, expected, shoot)
    name = somebody(shop)
    find(page, name, shoot)
    new_deal(page, shoot)
    colleague = visitors.member(shop, shop.member("sales"))
    work_the_board(page, colleague, shop, name, shoot)
    win(page, colleague, name, shoot)


def give_plan(site: Site, shop: Shop) -> None:
    """As an operator does it for a business whose customers do not fit into the free plan."""
    okno = str(Path(sys.executable).with_name("okno"))
    command = [okno, "plan", "give", shop.workspace.slug, "business", "--seats", "20"]
    environ = {**os.environ, "OKNO_HOME": str(site.home), "OKNO_PAYMENTS": "test"}
    for name in ("DATABASE_URL", "REDIS_URL", "OKNO_SECRET_KEY"):
        environ.pop(name, None)
    subprocess.run(command, env=environ, check=True)


def sign_up(page: Page, site: Site, base: Database, shoot: Shoot) -> Shop:
    page.goto("/")
    page.get_by_role("link", name="Open a workspace").first.click()
    page.get_by_label("Your name").fill("Jana Dvořáková")
    page.get_by_label("Work e-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Business name").fill("Okna Dvořák")
    page.get_by_text("Windows and doors", exact=True).click()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Prague")
    shoot(page, "01-sign-up")
    page.get_by_role("button", name="Open the workspace").click()
    page.wait_for_url("**/okna-dvorak*/today")
    expect(page.get_by_text("Confirm your e-mail address.")).to_be_visible()
    shoot(page, "02-workspace-open")
    workspace = locate(base, page.url.split("/")[3])
    assert workspace is not None
    with base.controlling() as control:
        owner_id = control.scalars(select(Person.id).where(Person.email == EMAIL)).one()
    return Shop(site.app, workspace, owner_id, base)


EMAIL = "jana@okna-dvorak.example.com"


def confirm(page: Page, shop: Shop, shoot: Shoot) -> None:
    """The worker has sent a mail, which the local mailbox shows."""
    mail = page.get_by_role("link").filter(has_text=EMAIL)
    page.goto("/dev/mail/")
    while not mail.count():
        page.wait_for_timeout(200)
        page.reload()
    mail.first.click()
    shoot(page, "03-mail")
    page.goto(page.locator(".mail-text a[href*='/confirm/']").get_attribute("href") or "")
    page.get_by_role("button", name="Confirm the address").click()
    page.wait_for_url("**/today")
    expect(page.get_by_text("Your e-mail address is confirmed")).to_be_visible()
    with shop.base.controlling() as control:
        assert control.get_one(Person, shop.owner_id).confirmed_at is not None


def bring_customers(page: Page, shop: Shop, path: Path, shoot: Shoot) -> Expected:
    """A file from Excel as it is: Windows-1250, semicolons, the same people twice, broken rows."""
    with path.open("wb") as file:
        expected = write_messy(ROWS, file, encoding="cp1250", separator=";")
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Contacts").click()
    page.get_by_role("link", name="Import a table").click()
    page.get_by_label("Table of contacts").set_input_files(path)
    page.get_by_role("button", name="Match the columns").click()
    expect(page.get_by_text("zakaznici.csv · Windows-1250")).to_be_visible()
    expect(page.locator("#numbers")).to_contain_text(f"{expected.refused} refused", timeout=60_000)
    shoot(page, "04-columns")
    page.get_by_role("button", name="Check duplicates").click()
    page.get_by_label("Skip them").check()
    shoot(page, "05-duplicates")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name=f"{expected.rows:,} rows of the file")).to_be_visible(timeout=60_000)
    shoot(page, "06-imported")
    names, numbers = page.locator(".facts dt").all_inner_texts(), page.locator(".facts dd").all_inner_texts()
    counted = expected.numbers("skip")
    wanted = {"New": "created", "Changed": "changed", "Skipped": "skipped", "Refused": "refused"}
    assert dict(zip(names, numbers, strict=True)) == {shown: f"{counted[name]:,}" for shown, name in wanted.items()}
    assert shop.rows("select count(*) as n from contact where deleted_at is null")[0].n == counted["created"]
    return expected


def take_the_refused(page: Page, expected: Expected, shoot: Shoot) -> None:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the refused rows").click()
    rows = list(csv.reader(io.StringIO(Path(started.value.path()).read_text("utf-8-sig")), delimiter=";"))
    assert len(rows) - 1 == expected.refused
    page.get_by_role("link", name="See the new contacts").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    shoot(page, "07-contacts")


def somebody(shop: Shop) -> str:
    """Whose name has accents and belongs to nobody else."""
    two_words = "^[^ ,.]+ [^ ,.]+$"
    rows = shop.rows("select name from contact where name ~ :shape group by 1 having count(*) = 1", shape=two_words)
    return next(str(row.name) for row in rows if plain(row.name) != row.name.lower())


def find(page: Page, name: str, shoot: Shoot) -> None:
    page.keyboard.press("/")
    page.keyboard.type(plain(name))
    hit = page.get_by_role("option").filter(has_text=name).first
    expect(hit).to_have_attribute("aria-selected", "true")
    shoot(page, "08-found")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    shoot(page, "09-card")


def new_deal(page: Page, shoot: Shoot) -> None:
    page.locator("#deals").get_by_role("link", name="New deal").click()
    form = page.get_by_role("dialog", name="New deal")
    form.get_by_label("What it is about").fill("Eleven windows, three panes")
    form.get_by_label("Amount").fill("148 900")
    shoot(page, "10-new-deal")
    form.get_by_role("button", name="Add deal").click()
    expect(page.get_by_role("heading", name="Eleven windows, three panes", level=1)).to_be_visible()


def work_the_board(page: Page, colleague: Page, shop: Shop, name: str, shoot: Shoot) -> None:
    """By mouse from stage to stage, the last step by keys; the colleague sees each without a reload."""
    with colleague.expect_response("**/live/**"):
        colleague.goto(shop.path("/deals/"))
    page.get_by_role("link", name="Deals").first.click()
    page.wait_for_url("**/deals/")
    lanes = page.locator("[data-stage]")
    last = lanes.count() - 1
    expect(lane_with(page, name)).to_have_attribute("data-name", "New request")
    shoot(page, "11-board")
    for at in range(1, last):
        drag(page, name, lanes.nth(at))
        arrived(page, colleague, name, lanes.nth(at).get_attribute("data-name") or "")
        shoot(page, f"12-stage-{at}")
    grip = page.get_by_role("button", name=f"Move {name}")
    grip.focus()
    for key in ("Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    arrived(page, colleague, name, lanes.nth(last).get_attribute("data-name") or "")
    shoot(colleague, "13-board-of-a-colleague")


def drag(page: Page, name: str, lane: Locator) -> None:
    """As a hand does it: press, move in steps, let go."""
    page.locator(".deal").filter(has_text=name).drag_to(lane.locator("ol"), source_position={"x": 20, "y": 50})


def arrived(page: Page, colleague: Page, name: str, stage: str) -> None:
    expect(page.get_by_role("status").filter(has_text=f"{name} moved to {stage}")).to_be_visible()
    for board in (page, colleague):
        expect(lane_with(board, name)).to_have_attribute("data-name", stage)


def lane_with(board: Page, name: str) -> Locator:
    return board.locator("[data-stage]").filter(has=board.locator(".deal").filter(has_text=name))


def win(page: Page, colleague: Page, name: str, shoot: Shoot) -> None:
    page.locator(".deal").filter(has_text=name).get_by_role("link").click()
    page.get_by_role("button", name="Won", exact=True).click()
    expect(page.locator(".head .pill.good")).to_have_text("Won")
    expect(colleague.locator(".deal").filter(has_text=name)).to_have_count(0)
    feed = page.locator(".feed")
    for stage in ("Called", "Measurement", "Quote", "Waiting for payment", "Installation"):
        expect(feed.get_by_text(stage).first).to_be_visible()
    shoot(page, "14-won")
