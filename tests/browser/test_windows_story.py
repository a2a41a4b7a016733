"""The windows shop runs by itself: all its people, each before a browser of their own, from the form to the report.

Time is moved by making what waits come due (`pass_time`): the deadlines are rows, and nothing else knows of them.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import orjson
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from core import jobs
from core.db import Database
from crm.forms import actions as forms
from crm.forms import spam
from tests.browser.conftest import PHONE, Visitors
from tests.browser.site import Site
from tests.browser.test_web_form import elsewhere, site_with
from tests.crm.requests.house import ALWAYS
from tests.shop import Shop, open_shop

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
PEOPLE = {
    "Hana Malá": ("head", "", "Sales"),
    "Petr Novotný": ("sales", "", "Sales"),
    "Klára Veselá": ("sales", "", "Sales"),
    "Eva Králová": ("sales", "Estimator", "Quotes"),
    "Tomáš Beneš": ("field", "Measurer", "Measuring and installation"),
    "Karel Fiala": ("field", "Installer", "Measuring and installation"),
}
VISIT = datetime.now(UTC).date() + timedelta(days=2)
INSTALLATION = datetime.now(UTC).date() + timedelta(days=20)


@dataclass
class House:
    """The shop with its people, by their first names: as identities, and as members."""

    shop: Shop
    identities: dict[str, UUID]
    ids: dict[str, UUID]

    def row(self, sql: str, **values: Any) -> Any:
        (found,) = self.shop.rows(sql, **values)
        return found

    def when(self, sql: str, **values: Any) -> Any:
        """The row, as soon as it is there: workers take a moment."""
        until = time.monotonic() + 15
        while not (found := self.shop.rows(sql, **values)):
            assert time.monotonic() < until, sql
            time.sleep(0.05)
        return found[0]

    def task(self, element: str) -> Any:
        """The open task of a step, and whose it is."""
        return self.when(
            "select task.id, task.name, member.name as who from process_step step join task on task.id = step.task_id "
            "join member on member.id = task.assignee_id where step.element = :element and step.state = 'open'",
            element=element,
        )

    def stage(self, name: str) -> None:
        self.when("select 1 from deal join stage on stage.id = stage_id where stage.name = :name", name=name)

    def told(self, first: str, kind: str) -> str:
        """What the member was told of in the app."""
        told = "select title, record_id from notification where member_id = :who and kind = :kind"
        return str(self.when(told, who=self.ids[first], kind=kind).title)

    def pass_time(self, minutes: float) -> None:
        """So much of it goes by for whatever waits for its moment."""
        seconds = {"s": minutes * 60}
        with self.shop.base.workspace(self.shop.workspace) as session, session.begin():
            for table, column in DEADLINES:
                later = f"update {table} set {column} = {column} - make_interval(secs => :s)"
                session.execute(text(later), seconds)
            jobs.later(session, "notifications.look")  # as the clock does within a minute
        with self.shop.base.controlling() as control:
            sooner = "update bus.outbox set next_at = next_at - make_interval(secs => :s) where role = :role"
            control.execute(text(sooner), {**seconds, "role": self.shop.workspace.role})


DEADLINES = (
    ("request", "contact_by"), ("process_step", "due_at"), ("task", "due_at"), ("task", "tell_at"),
    ("notification", "mail_at"), ("request", "created_at"),
)  # fmt: skip


@pytest.fixture
def house(site: Site, base: Database, installed: None) -> House:
    with site.app.test_request_context("/"):
        shop = open_shop(site.app, "windows", base=base, whole=True)
    identities = {"Jana": shop.owner_id}
    for name, (role, _own, _department) in PEOPLE.items():
        identities[name.split()[0]] = shop.member(role, name)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        for name, (_role, own, department) in PEOPLE.items():
            session.execute(text(PLACED), {"name": name, "own": own, "department": department})
        session.execute(
            text("update member set working_hours = cast(:hours as jsonb)"), {"hours": orjson.dumps(ALWAYS).decode()}
        )
        session.execute(text("update form set turn_id = (select id from member where name = 'Klára Veselá')"))
        session.execute(text("update department set head_id = (select id from member where name = 'Hana Malá')"))
    ids = {row.name.split()[0]: row.id for row in shop.rows("select id, name from member")}
    return House(shop, identities, ids)


PLACED = """
update member set department_id = (select id from department where name = :department),
    role_id = coalesce((select id from role where name = :own and key is null), role_id) where name = :name
"""


def test_the_windows_shop_runs_by_itself(house: House, visitors: Visitors, shoot: Shoot) -> None:
    shop = house.shop
    hana = visitors.member(shop, house.identities["Hana"])
    hana.goto(shop.path("/today"))
    client_asks(house, visitors, shoot)
    petr_is_late(house, hana, shoot)
    petr = visitors.member(shop, house.identities["Petr"])
    petr_calls(house, petr, shoot)
    tomas_measures(house, visitors, shoot)
    eva_prices(house, visitors, shoot)
    client_accepts(house, visitors, shoot)
    klara = petr_is_ill(house, visitors, shoot)
    payment_comes(house, klara, shoot)
    karel_installs(house, visitors, klara, shoot)
    hana_gets_the_report(house, hana, shoot)


def client_asks(house: House, visitors: Visitors, shoot: Shoot) -> None:
    """On the shop's own site, which shows the form that the industry came with."""
    shop, tag = house.shop, [""]
    with elsewhere(lambda: site_with(tag[0])) as origin:
        visitors.excuse(f"asked another host: {origin}")
        form = house.row("select id, key, version from form")
        with shop.acting() as actor:
            forms.change(actor, forms.change.parse({"id": form.id, "origins": [origin]}))
        address = f"{visitors.site.url}/f/{shop.workspace.id}-{form.key}"
        tag[0] = f'<script src="{address}/embed.js" data-title="Ask" async></script>'
        client = visitors.stranger()
        client.goto(f"{origin}/okna")
        inside = client.frame_locator("iframe")
        inside.get_by_label("Your name").fill("Jan Novák")
        inside.get_by_label("Phone").fill("602 114 873")
        inside.get_by_label("E-mail").fill("jan.novak@example.com")
        inside.get_by_label("Street and number").fill("Dlouhá 5")
        inside.get_by_label("City").fill("Brno")
        inside.get_by_label("How can we help?").fill("Six windows for a flat")
        inside.get_by_label("I agree to the processing of my data").check()
        shoot(client, "01-form")
        time.sleep(spam.QUICK + 1)  # nobody is faster, but robots
        inside.get_by_role("button", name="Send").click()
        expect(inside.get_by_text("Thank you. We will call you.")).to_be_visible()
    house.stage("New request")
    contact = house.row("select name, owner_id from contact")
    assert contact.name == "Jan Novák"


def petr_is_late(house: House, hana: Page, shoot: Shoot) -> None:
    """The manager whose turn it is does not call in fifteen minutes, and the head is told at once, by mail, too."""
    task = house.task("call")
    assert task.name == "Call Jan Novák"
    assert task.who == "Petr Novotný", "Klára had the last turn"
    house.pass_time(14)
    assert house.shop.rows("select 1 from notification where kind = 'request_late'") == []
    house.pass_time(2)
    house.when("select 1 from notification where kind = 'request_late' and member_id = :who", who=house.ids["Hana"])
    assert len(house.shop.rows("select 1 from notification where kind in ('request_late', 'task_late')")) == 1
    hana.goto(house.shop.path("/notifications/"))
    expect(hana.get_by_text("Not contacted in time").first).to_be_visible()
    shoot(hana, "02-head-is-told")
    house.pass_time(3)
    mailed(house, hana, "Hana", "Not contacted in time")


def petr_calls(house: House, petr: Page, shoot: Shoot) -> None:
    petr.goto(house.shop.path("/today"))
    expect(petr.get_by_text("Call Jan Novák").first).to_be_visible()
    shoot(petr, "03-today")
    petr.goto(house.shop.path(f"/deals/{house.row('select id from deal').id}"))
    petr.get_by_label("Note about").fill("Called him, he is at home after four")
    petr.get_by_role("button", name="Add note").click()
    expect(petr.get_by_text("Called him, he is at home after four")).to_be_visible()
    fill_step(petr, house, "call", shoot, outcome="Take measurements", wants="Six plastic windows, second floor",
              day=VISIT, hour="09:30")  # fmt: skip
    house.stage("Measurement")
    assert house.row("select first_contact_at is not null as answered from request").answered


def tomas_measures(house: House, visitors: Visitors, shoot: Shoot) -> None:
    """On his phone, at the client's."""
    task = house.task("measure")
    assert task.who == "Tomáš Beneš"
    assert task.name == f"Measure: Dlouhá 5, Brno, {VISIT:%-d %b %Y} 09:30"
    tomas = visitors.member(house.shop, house.identities["Tomáš"], PHONE)
    tomas.goto(house.shop.path("/tasks/?when=all"))
    shoot(tomas, "04-phone")
    fill_step(tomas, house, "measure", shoot, count=6, width=1200, height=1500, material="Plastic",
              notes="The sill is rotten", phone="602 114 873")  # fmt: skip
    house.stage("Quote")


def eva_prices(house: House, visitors: Visitors, shoot: Shoot) -> None:
    assert house.task("price").who == "Eva Králová"
    eva = visitors.member(house.shop, house.identities["Eva"])
    deal = house.row("select id from deal").id
    eva.goto(house.shop.path(f"/deals/{deal}"))
    expect(eva.get_by_text("6 × 1200 × 1500 mm, Plastic").first).to_be_visible()
    eva.goto(house.shop.path(f"/deals/{deal}/items"))
    eva.get_by_label("From the price list").select_option(label_of(eva, "Plastic window, two sashes"))
    eva.get_by_role("button", name="Put it on").click()
    expect(eva.locator("[name='items-0-name']")).to_have_value(re.compile("two sashes"))
    eva.get_by_label("Quantity").first.fill("6")
    eva.get_by_role("button", name="Save", exact=True).last.click()
    eva.wait_for_url(f"**/deals/{deal}")
    expect(eva.locator("#items").get_by_text("Plastic window, two sashes")).to_be_visible()
    shoot(eva, "06-price")
    fill_step(eva, house, "price", shoot, agreed="By the end of May")
    house.when("select 1 from quote where state = 'sent'")


def label_of(page: Page, begins: str) -> str:
    option = page.get_by_label("From the price list").locator("option", has_text=begins).first
    return option.text_content() or ""


def client_accepts(house: House, visitors: Visitors, shoot: Shoot) -> None:
    """By the link in the mail."""
    client = visitors.stranger()
    see_mail(client, "jan.novak@example.com")
    client.goto(client.locator(".mail-text a[href*='/quote/']").first.get_attribute("href") or "")
    expect(client.get_by_text("6 × 1200 × 1500 mm, Plastic").first).to_be_visible()
    client.get_by_label("Your name").first.fill("Jan Novák")
    shoot(client, "07-quote")
    client.get_by_role("button", name="Accept the quote").click()
    expect(client.get_by_text("You accepted this quote")).to_be_visible()
    house.stage("Waiting for payment")
    house.told("Petr", "quote_accepted")


def petr_is_ill(house: House, visitors: Visitors, shoot: Shoot) -> Page:
    """Jana says so, and Klára has his deals and all that is known of them."""
    jana = visitors.member(house.shop)
    jana.goto(house.shop.path("/people/absences/"))
    jana.get_by_role("link", name="Somebody is away").click()
    form = jana.get_by_role("dialog", name="Somebody is away")
    form.get_by_label("Who", exact=True).select_option("Petr Novotný")
    form.get_by_label("Person", exact=True).select_option("Klára Veselá")
    form.get_by_label("Last day away").fill((VISIT + timedelta(days=6)).isoformat())
    form.get_by_label("Contacts and companies go over too").check()
    form.get_by_role("button", name="Show the preview").click()
    expect(jana.get_by_text("Nothing is changed yet.")).to_be_visible()
    jana.get_by_role("button", name="Confirm").click()
    expect(jana.get_by_role("heading", name="taken over")).to_be_visible(timeout=20_000)
    shoot(jana, "08-ill")
    klara = visitors.member(house.shop, house.identities["Klára"])
    klara.goto(house.shop.path("/today"))
    klara.get_by_role("link", name="Taken over from Petr Novotný").first.click()
    expect(klara.get_by_text("Called him, he is at home after four")).to_be_visible()
    shoot(klara, "09-briefing")
    return klara


def payment_comes(house: House, klara: Page, shoot: Shoot) -> None:
    deal = house.row("select id, owner_id from deal")
    assert deal.owner_id == house.ids["Klára"]
    klara.goto(house.shop.path(f"/deals/{deal.id}"))
    klara.get_by_role("link", name="Record a payment").click()
    form = klara.get_by_role("dialog", name="Record a payment")
    expect(form).to_be_visible(timeout=20_000)
    form.get_by_label("Amount, CZK").fill("82764")
    form.get_by_role("button", name="Record").click()
    house.stage("Installation")
    expect(klara.get_by_text("Installation").first).to_be_visible()
    shoot(klara, "10-paid")
    assert house.task("agree_installation").who == "Klára Veselá"
    fill_step(klara, house, "agree_installation", shoot, day=INSTALLATION, hour="08:00", notes="Ring twice")


def karel_installs(house: House, visitors: Visitors, klara: Page, shoot: Shoot) -> None:
    task = house.task("install")
    assert task.who == "Karel Fiala"
    assert task.name == f"Install: Dlouhá 5, Brno, {INSTALLATION:%-d %b %Y} 08:00"
    house.when("select 1 from notification where kind = 'task_assigned' and member_id = :who", who=house.ids["Karel"])
    karel = visitors.member(house.shop, house.identities["Karel"], PHONE)
    karel.goto(house.shop.path("/notifications/"))
    expect(karel.get_by_text("Install: Dlouhá 5, Brno").first).to_be_visible()
    shoot(karel, "11-installer")
    house.pass_time(3)
    mailed(house, karel, "Karel", "Install: Dlouhá 5, Brno")
    fill_step(karel, house, "install", shoot, done="All is in place", notes="")
    house.when("select 1 from deal where status = 'won'")


def hana_gets_the_report(house: House, hana: Page, shoot: Shoot) -> None:
    """A message at once, and the report by mail with all that was done."""
    address = house.row("select email from member where id = :id", id=house.ids["Hana"]).email
    see_mail(hana, address, "Job done: Windows: Jan Novák")
    paper = hana.get_by_role("link", name=".pdf").get_attribute("href")
    assert paper
    assert hana.request.get(urljoin(hana.url, paper)).body().startswith(b"%PDF")
    shoot(hana, "12-report-by-mail")
    assert house.told("Hana", "process_said").startswith("Done: Windows: Jan Novák")
    hana.goto(house.shop.path("/notifications/"))
    expect(hana.get_by_text("All is in place").first).to_be_visible()
    shoot(hana, "13-report")
    deal = house.row("select id from deal").id
    hana.goto(house.shop.path(f"/deals/{deal}"))
    feed = hana.locator(".feed")
    hana.get_by_role("link", name="Older").click()
    expect(hana.get_by_role("link", name="Older")).to_have_count(0)
    for said in (
        "Not contacted in time; Hana Malá was told",
        "First contact after the request",
        "Called him, he is at home after four",
        "Measured: 6 × 1200 × 1500 mm",
        "took over from Petr Novotný",
    ):
        expect(hana.get_by_text(said).first).to_be_visible()
    for stage in ("Called", "Measurement", "Quote", "Waiting for payment", "Installation"):
        expect(feed.get_by_text(stage, exact=True).first).to_be_visible()
    shoot(hana, "14-timeline")
    assert house.when("select status from process_instance").status == "done"


def fill_step(page: Page, house: House, element: str, shoot: Shoot, **values: Any) -> None:
    """Fill in the form of the step that this task is, and press Done."""
    task = house.task(element)
    page.goto(house.shop.path(f"/tasks/{task.id}/step"))
    for name, value in values.items():
        field = page.locator(f"[name='field-{name}']")
        if field.first.get_attribute("type") == "radio":
            page.locator(f"[name='field-{name}'][value='{value}']").check(force=True)
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(value.isoformat() if isinstance(value, date) else str(value))
    shoot(page, f"step-{element}")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(f"Done: {task.name}").first).to_be_visible()


def mailed(house: House, page: Page, first: str, words: str) -> None:
    """The mail that this member got, read in the mailbox of the embedded run."""
    address = house.row("select email from member where id = :id", id=house.ids[first]).email
    see_mail(page, address)
    expect(page.locator(".mail-text").get_by_text(words).first).to_be_visible()


def see_mail(page: Page, address: str, subject: str = "") -> None:
    until = time.monotonic() + 15
    mail = page.get_by_role("link").filter(has_text=address).filter(has_text=subject)
    page.goto("/dev/mail/")
    while not mail.count():
        assert time.monotonic() < until, f"no mail to {address}"
        page.wait_for_timeout(200)
        page.reload()
    mail.first.click()
