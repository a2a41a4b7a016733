"""The report of a finished job: the mail and its PDF say what is stored, and no more than their reader may see."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from config.settings import Smtp
from core.errors import Invalid, NotFound
from crm.deals import actions as deals
from crm.deals.models import Deal
from crm.notifications import choices
from crm.notifications.choices import Said
from crm.payments import actions as payments
from crm.reports import job_report
from crm.reports.job_facts import job_of
from crm.requests import actions as requests
from crm.tasks import actions as tasks
from tests.crm.processes.drawing import end, process, service, start, user
from tests.crm.processes.works import Works
from tests.crm.quotes.offering import client, failed, priced_deal, work
from tests.shop import Shop
from tests.smtp import Inbox, inbox

ASKED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def server(shop: Shop) -> Iterator[Inbox]:
    """A mail server that the application sends to."""
    with inbox() as made:
        before = shop.app.config["OKNO"]
        shop.app.config["OKNO"] = replace(before, smtp=Smtp("127.0.0.1", made.port, "none"))
        yield made
        shop.app.config["OKNO"] = before


def read(message: EmailMessage) -> str:
    """The words of the PDF that came with a mail, each run of spaces as one."""
    (file,) = message.iter_attachments()
    assert (file.get_content_type(), (file.get_filename() or "")[:7]) == ("application/pdf", "report-")
    pages = PdfReader(io.BytesIO(file.get_content())).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def finished(shop: Shop) -> UUID:
    """A deal from a request on, contacted 20 minutes late, with two tasks of which one was late, partly paid."""
    with shop.acting() as actor:
        deal = priced_deal(actor, contact_id=client(actor))
        asked = requests.create(actor, requests.create.parse({"name": "Petr Černý", "text": "Three windows"}))
        for name, due, done in (("Measure", 9, 10), ("Install", 30, 29)):
            task = tasks.create(
                actor, tasks.create.parse({"name": name, "deal_id": deal.id, "assignee_id": actor.member.id})
            )
            actor.db.execute(
                text("update task set due_on = :day, due_at = :due, done_at = :done, done_by_id = :me where id = :id"),
                {"id": task.id, "day": (ASKED + timedelta(hours=due)).date(), "due": ASKED + timedelta(hours=due),
                 "done": ASKED + timedelta(hours=done), "me": actor.member.id},
            )  # fmt: skip
        payments.receive(actor, payments.receive.parse({"deal_id": deal.id, "amount": "50000"}))
        deals.win(actor, deals.win.parse({"id": deal.id}))
        actor.db.execute(
            text("update request set deal_id = :deal, created_at = :at, contact_by = :by, first_contact_at = :late, "
                 "state = 'converted' where id = :id"),
            {"deal": deal.id, "id": asked.id, "at": ASKED, "by": ASKED + timedelta(minutes=15),
             "late": ASKED + timedelta(minutes=35)},
        )  # fmt: skip
        actor.db.execute(
            text("update deal set closed_at = :at where id = :id"), {"id": deal.id, "at": ASKED + timedelta(days=9)}
        )
        actor.db.commit()
    return deal.id


def ask(shop: Shop, deal_id: UUID, *, by: UUID | None = None, **to: Any) -> None:
    with shop.acting(by) as actor:
        job_report.report(actor, job_report.report.parse({"deal_id": deal_id, **to}))


def test_the_head_gets_a_pdf_whose_numbers_are_those_of_the_deal(shop: Shop, server: Inbox) -> None:
    head = shop.member("reader", "Eva Hlavní")
    deal_id = finished(shop)
    ask(shop, deal_id, role="reader")
    work(shop, "report.job")
    assert failed(shop) == []
    (message,) = server.messages
    assert message["Subject"] == "Job done: Windows for a flat"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    words = read(message)
    with shop.acting(head) as actor:
        found = job_of(actor, actor.find(Deal, deal_id), ASKED + timedelta(days=9))
    assert (found.due, found.paid.amounts) == (Decimal("92791.94"), {"CZK": Decimal(50000)})
    for said in (
        "Petr Černý", "CZK 92,791.94", "CZK 76,814.00 without VAT", "CZK 50,000.00", "CZK 42,791.94 is missing",
        "9 days", "35 min", "20 min late", "1 task", "Wooden window", "27,820.00", "75,114.00",
    ):  # fmt: skip
        assert said in words, said
    assert re.search(r"Measure Jana Dvořáková 2 Nov 2026, 18:00 2 Nov 2026, 19:00, late", words)
    assert re.search(r"Install Jana Dvořáková 3 Nov 2026, 15:00 3 Nov 2026, 14:00 (?!, late)", words)
    told = shop.rows("select after from event where action = 'report.job'")
    assert [row.after for row in told] == [{"sent_to": str(found_member(shop, head))}]


def found_member(shop: Shop, identity_id: UUID) -> UUID:
    return UUID(str(shop.rows("select id from member where identity_id = :id", id=identity_id)[0].id))


def test_whoever_may_not_see_amounts_reads_none(shop: Shop, server: Inbox) -> None:
    shop.member("reader", "Eva Hlavní")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("""update role set fields = '{"deal": {"amount": "hidden"}}' where key = 'reader'"""))
    deal_id = finished(shop)
    ask(shop, deal_id, role="reader")
    work(shop, "report.job")
    (message,) = server.messages
    words = read(message) + (message.get_body(("plain",)) or message).get_content()
    assert "9 days" in words
    for hidden in ("92,791", "76,814", "50,000", "27,820", "Wooden window", "Amount", "Paid"):
        assert hidden not in words, hidden


def test_it_goes_to_nobody_who_may_not_see_the_deal_not_even_later(shop: Shop, server: Inbox) -> None:
    shop.member("field", "Karel Pole")
    deal_id = finished(shop)
    somebody: tuple[dict[str, Any], ...] = ({"role": "field"}, {"role": "nobody has this"}, {}, {"head": "Sales"})
    for to in somebody:
        with pytest.raises(Invalid):
            ask(shop, deal_id, **to)
    with pytest.raises(NotFound):
        ask(shop, deal_id, by=shop.member("field", "Pavel Jiný"), role="owner")
    assert shop.rows("select 1 from event where action = 'report.job'") == []
    shop.member("reader", "Eva Hlavní")
    ask(shop, deal_id, role="reader")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set role_id = (select id from role where key = 'field')"))
    work(shop, "report.job")
    assert server.got == []
    assert failed(shop) == []


def test_whoever_wants_none_gets_none(shop: Shop, server: Inbox) -> None:
    reader = shop.member("reader", "Eva Hlavní")
    with shop.acting(reader) as actor:
        choices.choose(actor, Said(kinds={}))
    ask(shop, finished(shop), role="reader")
    work(shop, "report.job")
    assert server.got == []


def test_a_process_sends_it_with_its_own_steps(shop: Shop, server: Inbox) -> None:
    shop.member("reader", "Eva Hlavní")
    works = Works(shop)
    xml = process(
        start(), user("measure", name="Measure the windows"),
        service("tell", "report.job", deal_id="deal.id", role="'reader'"), end(), "start -> measure -> tell -> end",
    )  # fmt: skip
    works.begun(xml)
    works.complete("measure")
    work(shop, "report.job")
    assert works.run().status == "done"
    (message,) = server.messages
    assert "Measure the windows" in read(message)
