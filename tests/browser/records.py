"""The addresses of all pages there are, and a workspace with something behind each of them. A new kind of address needs
a line in `Records`."""

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, FilePayload, Page

from config.settings import Settings
from core import mail
from core.db import Database
from core.pages import Pages
from core.signing import sign
from crm import demo
from crm.app import create_app
from crm.closing.certificates import PURPOSE
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
from tenants import departments, invitations, links, roles
from tenants.backups.models import Backup, Restore
from tenants.models import Certificate, Passkey, Person, WorkspaceRow
from tenants.sign_on_models import Domain
from tests.browser.site import Site
from tests.crm.absences.office import Office
from tests.crm.imports.messy import write_messy
from tests.crm.processes import drawing
from tests.crm.requests import house
from tests.factories import FACTORIES
from tests.shop import Shop, open_shop

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
