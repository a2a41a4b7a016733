"""Every page there is, found by its address: axe-core in both themes and at both widths, nothing wider than the window,
whole Czech, and its weight. A new page is tested by being there; a new kind of address needs a line in `Records`.
"""

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, FilePayload, Page, expect

from config.settings import Settings
from core import mail
from core.db import Database
from core.pages import Pages
from core.signing import sign
from crm import demo, features
from crm.app import create_app
from crm.closing.certificates import PURPOSE
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.exports import actions as exports
from crm.fields import actions as fields
from crm.forms.fields import KINDS
from crm.notifications import unsubscribing
from crm.notifications.models import MailBlock, Notification
from crm.processes import actions as processes
from crm.processes import rule_actions
from crm.quotes import actions as quotes
from crm.quotes import links as quote_links
from crm.quotes.models import Quote
from crm.tasks import actions as tasks
from tenants import departments, invitations, links, roles
from tenants.backups.models import Backup, Restore
from tenants.models import Certificate, Passkey, Person, WorkspaceRow
from tenants.sign_on_models import Domain
from tests.browser.axe import LOOKS, looks
from tests.browser.conftest import DESK, Visitors
from tests.browser.site import ARTEFACTS, Site
from tests.crm.absences.office import Office
from tests.crm.imports.messy import write_messy
from tests.crm.processes import drawing
from tests.crm.requests import house
from tests.factories import FACTORIES
from tests.shop import Shop, open_shop

pytestmark = pytest.mark.browser

# The photo of a person; what a frame on the page of a mail shows; the way to a provider of single sign-on, which is
# away from here, and what follows it (tests/browser/test_single_sign_on.py); parts of the app, and of every page.
NO_PAGES = (
    "static", "healthz", "people.photo", "mailbox.html", "sso.begin", "sso.back", "sso.question", "sso.done",
    "app.manifest", "app.service_worker", "notifications.bell", "notifications.offer",
    # Files, and the style sheet of the client's page.
    "client_quote.pdf", "client_quote.logo", "client_quote.look", "client_quote.paid", "quotes.pdf", "documents.logo",
    "form.look", "form.embed", "requests.download", "designer.download",
    "tables.download",
    "documents.download", "documents.template_file",
    "calls.now", "mails.html", "mails.file", "mailbox.file",
)  # fmt: skip
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


@cache
def rules() -> dict[str, bool]:
    """Each address of a page -> whether it is inside a workspace. No server is asked."""
    nowhere = {"DATABASE_URL": "postgresql://localhost/none", "REDIS_URL": "redis://localhost", "OKNO_ENV": "embedded"}
    app = create_app(Settings.from_env(nowhere | {"OKNO_SECRET_KEY": "only for reading the rules of addresses"}))
    return {
        rule.rule: isinstance(app.blueprints.get(rule.endpoint.partition(".")[0]), Pages)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.rule.startswith(("/api/v1/", "/scim/"))
        and rule.endpoint not in NO_PAGES
    }


class Records:
    """A workspace with something on every page, and what the arguments in addresses may stand for."""

    def __init__(self, site: Site, base: Database, browser: Browser, language: str):
        self.site = site
        self.browser = browser
        with site.app.test_request_context("/"):
            self.shop = open_shop(site.app, language=language, base=base)
        demo.fill(base, self.shop.workspace, contacts=60, deals=40)
        self.done, self.draft = self.imports()
        self.invitation = self.people()
        self.single_sign_on()
        self.quote = self.offered()
        with site.clock_held():
            self.payments()
        self.notifications()
        self.form = self.web_form()
        self.calls_and_mails()
        self.own_fields()
        self.exported()
        self.rule = self.ruled()
        self.backups = self.backed_up()

    def addresses(self, rule: str) -> Iterator[str]:
        """The rule with its arguments filled in, in all the ways that look different."""
        arguments = re.findall(r"<(?:[^:<>]+:)?(\w+)>", rule)
        if arguments == ["link"]:
            yield rule.replace("<link>", "nonsense")
            yield self.opened(rule.split("/")[1]).removeprefix(self.site.url)
            return
        if arguments == ["absence_id"]:
            yield from (self.shop.path(rule.replace("<uuid:absence_id>", one)) for one in self.absences)
            return
        if rule in self.payment_pages:
            yield from self.payment_pages[rule]
            return
        if rule.startswith("/certificate/"):
            yield re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda found: str(self.certificate[found[1]]), rule)
            return
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda found: str(self.value(rule, found[1])), rule)
        yield self.shop.path(path) if rules()[rule] else path

    def value(self, rule: str, argument: str) -> Any:
        if argument == "record_id":
            argument = "contact_id"
        if argument in ("key", "element"):
            known = {"f": self.form, "settings": "table" if argument == "element" else "windows"}
            return known.get(rule.split("/")[1]) or self.mail
        if argument == "import_id":
            return self.draft if rule.endswith(("columns", "duplicates")) else self.done
        if argument in ("kind", "record_kind", "number"):
            return {"kind": "contact", "record_kind": "deal", "number": self.shop.workspace.id}[argument]
        if argument in ("passkey_id", "instance_id", "process_id") or rule.endswith("/step"):
            process = "rule" if "/rules/" in rule else "deciding" if "/tables/" in rule else "drawn"
            kept = {"passkey_id": "passkey", "instance_id": "run", "process_id": process}
            return getattr(self, kept.get(argument, "step"))
        if argument == "fact":
            return "amount" if rule.startswith("/deals/") else "phones"
        table = argument.removesuffix("_id")
        if table == argument:
            pytest.fail(f"{rule}: say in Records.value what <{argument}> is")
        return self.backups.get(table) or self.shop.rows(f'select id from "{table}" order by id limit 1')[0].id

    def calls_and_mails(self) -> None:
        with self.shop.acting() as actor:
            for kind in ("telephone", "call", "mail", "mail_template", "document"):
                FACTORIES[kind](actor, "Novák")

    def own_fields(self) -> None:
        """One of each type, of which a deal says something."""
        said = {
            "text": "Vekra 68", "lines": "Klíče u sousedů", "number": 6, "day": "2026-12-01", "choice": "Dřevo",
            "choices": ["Dřevo", "Plast"], "yes": True, "link": "https://example.com/plan.pdf",
        }  # fmt: skip
        with self.shop.acting() as actor:
            for kind in said:
                wish = {"record_kind": "deal", "label": f"Okno {kind}", "key": kind, "type": kind}
                fields.create(actor, fields.create.parse({**wish, "options": ["Dřevo", "Plast"], "hint": "Ke stavbě"}))
            deal = self.shop.rows("select id from deal order by id limit 1")[0].id
            deals.change(actor, deals.change.parse({"id": deal, "custom": said}))

    @cached_property
    def absences(self) -> list[str]:
        """One that waits to be confirmed, and one where the owner has taken over."""
        office = Office.of(self.shop, "Petr Malý", "Eva Nová")
        for number in range(3):
            office.work(last_name=f"Novák {number}", phones=[{"number": "602 114 873"}])
        draft = office.draft("Petr", rule="several", takers={"all": ["Jana", "Eva"]}, with_clients=True)
        office.work("Eva", last_name="Horák")
        begun = office.confirm(office.draft("Eva", takers={"all": ["Jana"]}, with_clients=True))
        while office.state(begun) != "away":
            time.sleep(0.1)
        return [str(draft.id), str(begun.id)]

    def imports(self) -> tuple[str, str]:
        """One import that has run, with refused rows, and one that waits for its columns to be matched."""
        file = io.BytesIO()
        write_messy(300, file)
        context = self.browser.new_context(base_url=self.site.url)
        context.add_cookies([{"name": "okno", "value": self.shop.session(), "url": self.site.url}])
        form = context.request.get(self.shop.path("/imports/new")).text()
        token = form.split('name="csrf_token" value="')[1].split('"')[0]
        ids = []
        for name in ("customers.csv", "more.csv"):
            table: FilePayload = {"name": name, "mimeType": "text/csv", "buffer": file.getvalue()}
            answer = context.request.post(
                self.shop.path("/imports/"), multipart={"csrf_token": token, "file": table}, fail_on_status_code=True
            )
            ids.append(answer.url.split("/")[-2])
        begun = self.shop.path(f"/imports/{ids[0]}/duplicates")
        context.request.post(begun, form={"csrf_token": token, "duplicates": "skip"}, fail_on_status_code=True)
        context.close()
        while self.shop.rows("select state from import where id = :id", id=ids[0])[0].state != "done":
            time.sleep(0.1)
        return ids[0], ids[1]

    def opened(self, purpose: Any) -> str:
        """The address of a link as it stands in a mail."""
        if purpose == "unsubscribe":
            member = self.shop.rows("select id from member order by id limit 1")[0].id
            return unsubscribing.address(self.site.settings, self.shop.workspace, member, ["mention", "task_due"])
        if purpose == "quote":
            return quote_links.address(self.site.settings, self.shop.workspace, self.quote)
        if purpose == "invite":
            return invitations.address(self.site.settings, self.shop.workspace, self.invitation)
        return links.address(self.link(purpose), self.site.settings)

    def people(self) -> Any:
        """A department, a team, and somebody invited."""
        with self.shop.acting() as actor:
            departments.create(actor, departments.create.parse({"name": "Kancelář"}))
            departments.create_team(actor, departments.create_team.parse({"name": "Veletrhy"}))
            role_id = roles.all_roles(actor)[-1].id
            values = {"emails": [f"{uuid4().hex}@example.com"], "role_id": role_id}
            return invitations.invite(actor, invitations.invite.parse(values))[0]

    def offered(self) -> Quote:
        """A price list, a deal with its price and a payment, and its quote at the client."""
        with self.shop.acting() as actor:
            for kind in ("product", "payment", "letterhead"):
                FACTORIES[kind](actor, "Horák")
            quote = FACTORIES["quote"](actor, "Horák")
            return quotes.send(actor, quotes.SentQuote(id=quote.id))

    def single_sign_on(self) -> None:
        """A provider, domains proven and not, somebody who comes by it and a key, as they are stored."""
        with self.shop.acting() as actor:
            for kind in ("domain", "link", "scim_token"):
                FACTORIES[kind](actor, "Entra")
            actor.db.add(Domain(name="example.com", code="code", proven_at=datetime.now(UTC)))
            actor.db.commit()
        with self.shop.base.controlling() as control:
            control.get_one(WorkspaceRow, self.shop.workspace.id).single_sign_on = "offered"

    def payments(self) -> None:
        """A plan that is paid for, with an invoice; and a page of payment where nobody has paid."""
        context = self.browser.new_context(base_url=self.site.url, locale="en-GB")
        context.add_cookies([{"name": "okno", "value": self.shop.session(), "url": self.site.url}])
        page = context.new_page()
        review, plan = self.shop.path("/settings/plan/review"), self.shop.path("/settings/plan")
        page.goto(f"{review}?plan=team&period=month&seats=30")
        self.press(page, "plan/buy", "**/checkout/*")
        page.locator("form").last.get_by_role("button").click()
        page.wait_for_url(f"**{plan}")
        bought = [
            f"{review}?plan={wish}&period=month" for wish in ("team&seats=1", "business&seats=40", "team&seats=30")
        ]
        portals = []
        for form in ("card", "portal"):
            page.goto(plan)
            portals.append(self.press(page, f"plan/{form}", "**/portal/*"))
        page.goto(f"{plan}/invoices")
        invoice = (page.locator("tbody a").first.get_attribute("href") or "").removeprefix(self.site.url)
        context.add_cookies([{"name": "okno", "value": self.empty.session(), "url": self.site.url}])
        wish = self.empty.path("/settings/plan/review?plan=team&seats=3&addons=long_backups")
        page.goto(wish)
        checkout = self.press(page, "plan/buy", "**/checkout/*")
        context.close()
        pay = "/dev/payments"
        self.payment_pages = {
            "/settings/plan/review": bought,
            f"{pay}/checkout/<session_id>": [checkout],
            f"{pay}/portal/<session_id>": portals,
            f"{pay}/invoices/<invoice_id>": [invoice],
            f"{pay}/invoices/<invoice_id>/print": [f"{invoice}/print"],
        }

    def press(self, page: Page, form: str, leads_to: str) -> str:
        """Send the form of this address, go where it leads, and tell the address there."""
        page.locator(f"form[action$='/{form}'] button").click()
        page.wait_for_url(leads_to)
        return page.url.removeprefix(self.site.url)

    def notifications(self) -> None:
        """The owner was told something by everybody's deeds, and their mail came back."""
        rows = self.shop.rows("select id from deal where deleted_at is null order by id limit 3")
        with self.shop.acting() as actor:
            for number, row in enumerate(rows):
                for kind in ("deal_assigned", "deal_won", "deal_stale"):
                    told = Notification(
                        member_id=actor.member.id, kind=kind, event_id=uuid4(), record_kind="deal", record_id=row.id,
                        by_id=actor.member.id, data={"n": 14} if kind == "deal_stale" else {},
                        read_at=datetime.now(UTC) if number else None,
                    )  # fmt: skip
                    actor.db.add(told)
            actor.db.add(
                Notification(member_id=actor.member.id, kind="task_assigned", event_id=uuid4(), data={"n": 12})
            )
            reason = "smtp; 550 5.1.1 <jana@example.com>: Recipient address rejected: User unknown"
            actor.db.add(MailBlock(member_id=actor.member.id, email=actor.member.email, reason=reason))
            actor.db.commit()

    def web_form(self) -> str:
        """The key of a form with a field of each kind, by which a request came; another waits to be checked."""
        more: dict[str, Any] = {"choice": {"options": ["1", "2"]}, "consent": {"text": "…"}}
        asked = [{"kind": kind, "label": "№", "hint": "№", **more.get(kind, {})} for kind in KINDS]
        stage = self.shop.rows("select id, pipeline_id from stage order by position limit 1")[0]
        place = {"pipeline_id": stage.pipeline_id, "stage_id": stage.id, "origins": ["https://www.example.com"]}
        made = house.form(self.shop, fields=asked, **place)
        answers = [{"label": "№", "value": "1"}]
        house.received(self.shop, form_id=made.id, answers=answers, utm={"utm_source": "ads"})
        house.received(self.shop, name="Eva", doubts=["quick", "unproven"])
        return made.key

    @cached_property
    def run(self) -> UUID:
        """A run of a process that waits for somebody."""
        with self.shop.acting() as actor:
            return FACTORIES["instance"](actor, "Windows").id

    @cached_property
    def drawn(self) -> UUID:
        """A process with a run."""
        found: UUID = self.shop.rows("select process_id from process_instance where id = :id", id=self.run)[
            0
        ].process_id
        return found

    @cached_property
    def deciding(self) -> UUID:
        """A process with a decision table."""
        decides = drawing.element("businessRuleTask", "table", name="№")
        drawn = drawing.process(drawing.start(), decides, drawing.end(), name="№")
        with self.shop.acting() as actor:
            found: UUID = processes.create(actor, processes.create.parse({"xml": drawn})).id
        return found

    @cached_property
    def step(self) -> UUID:
        """The task that the run waits for."""
        waiting = "select task_id from process_step where instance_id = :id and task_id is not null"
        while not (found := self.shop.rows(waiting, id=self.run)):
            time.sleep(0.1)
        task_id: UUID = found[0].task_id
        return task_id

    def ruled(self) -> UUID:
        """A rule with all that a rule can say; another one says little."""
        stage = str(self.shop.rows("select id from stage order by position limit 1")[0].id)
        works = [
            {"do": "task", "text": "№", "due": 2, "late": "who:head", "todo": "call"}, {"do": "notify", "text": "№"},
            {"do": "move", "stage_id": stage}, {"do": "set", "field": "amount", "value": "5"},
        ]  # fmt: skip
        asked = [{"field": "deal.amount", "op": "more", "value": "5"}, {"field": "contact.labels", "op": "empty"}]
        rule = {"when": "stage", "stage_id": stage, "conditions": asked, "works": works, "wait": 2}
        with self.shop.acting() as actor:
            rule_actions.create(actor, rule_actions.create.parse({"when": "won", "works": works[:1]}))
            return rule_actions.create(actor, rule_actions.create.parse(rule)).id

    def exported(self) -> None:
        """A file to take along, made."""
        with self.shop.acting() as actor:
            exports.create(actor, exports.NewExport(what="contacts", format="xlsx", q="nov"))
        while self.shop.rows("select state from export")[0].state != "done":
            time.sleep(0.1)

    def backed_up(self) -> dict[str, UUID]:
        """A backup that is kept, and a return from it that failed."""
        now = datetime.now(UTC)
        made = Backup(
            workspace_id=self.shop.workspace.id, kind="by hand", state="kept", size=48_213, made_at=now,
            counts={"contact": 60, "deal": 40, "task": 12, "company": 7}, verified_at=now,
        )  # fmt: skip
        with self.shop.base.controlling() as control:
            control.add(made)
            control.flush()
            back = Restore(
                workspace_id=self.shop.workspace.id, backup_id=made.id, identity_id=self.shop.owner_id,
                in_place=True, slug="", name="", state="failed", error="errno 28",
            )  # fmt: skip
            control.add(back)
        return {"backup": made.id, "restore": back.id}

    @cached_property
    def certificate(self) -> dict[str, Any]:
        """Of a workspace that was erased, by the parts of its address."""
        said = {"tables": {"contact": 218, "event": 4127}, "shared": {"memberships": 3}, "files": 2, "bytes": 48_213,
                "elsewhere": {}}  # fmt: skip
        number = uuid4()
        with self.shop.base.controlling() as control:
            control.add(
                Certificate(
                    id=number, workspace_id=uuid4().int >> 66, address="okna-horak", name="Okna Horák", said=said,
                    closed_at=datetime.now(UTC), closed_by="Petr Horák", finished_at=datetime.now(UTC), owners=[],
                )
            )  # fmt: skip
        return {"number": number, "signature": sign(self.site.settings, PURPOSE, str(number))}

    def link(self, purpose: Any) -> Any:
        with self.shop.base.controlling() as control:
            person = control.get_one(Person, self.shop.owner_id)
            return links.make(control, purpose, person, person.email, uuid4())

    @cached_property
    def mail(self) -> str:
        """A mail in the local mailbox, by its key."""
        written = mail.write(
            mail.Message(uuid4().hex, "jana@example.com", "Good day", "Text", "<p>Text</p>"), self.site.settings
        )
        return mail.local_mailbox(self.site.settings).add(written.as_bytes())

    @cached_property
    def passkey(self) -> UUID:
        """A passkey of the owner."""
        with self.shop.base.controlling() as control:
            known = Passkey(
                identity_id=self.shop.owner_id, credential_id=uuid4().bytes, public_key=b"", sign_count=0, name="Laptop"
            )
            control.add(known)
            control.flush()
            return known.id

    @cached_property
    def empty(self) -> Shop:
        with self.site.app.test_request_context("/"):
            return open_shop(self.site.app, base=self.shop.base)


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
