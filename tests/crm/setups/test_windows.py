"""The windows shop runs by itself: the process of config/industries/windows, taken through each of its ways."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from crm.quotes import answers
from crm.quotes.models import Quote
from tests.crm.processes.works import Works
from tests.shop import open_shop

TODAY = datetime.now(UTC).date()
DAY = (TODAY + timedelta(days=3)).isoformat()


@pytest.fixture
def works(app: Flask) -> Works:
    with app.test_request_context("/"):
        shop = open_shop(app, "windows", whole=True)
    return Works(shop)


def new_deal(works: Works, email: str = "jan@example.com", **values: Any) -> UUID:
    given: dict[str, Any] = {"last_name": "Novák", "emails": [{"address": email}] if email else [],
             "phones": [{"number": "602 114 873"}], "addresses": [{"street": "Dlouhá 5", "city": "Brno"}]}  # fmt: skip
    contact = works.do("contact.create", **given)
    deal = works.deal(contact_id=contact.id, about="Six windows", **values)
    works.work()
    return deal


def stage(works: Works, deal: UUID) -> str:
    found = "select name from stage where id = (select stage_id from deal where id = :id)"
    return str(works.shop.rows(found, id=deal)[0].name)


def called(works: Works, **values: Any) -> None:
    works.complete("call", **{"outcome": "Take measurements", "day": DAY, "hour": "09:30", **values})


def measured(works: Works) -> None:
    works.complete("measure", count=6, width="1200", height=1500, material="Plastic", notes="Rotten sill")


def priced(works: Works, deal: UUID) -> None:
    item = {"name": "Plastic window", "quantity": 6, "unit_price": 11400}
    works.do("deal.price", id=deal, items=[item])
    works.complete("price", agreed="By the end of May")


def answered(works: Works, way: str) -> None:
    """The client answers the quote sent last, on its page."""
    (row,) = works.shop.rows("select id from quote order by id desc limit 1")
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        quote = session.get_one(Quote, row.id)
        if way == "accept":
            answers.accept(session, quote, "Jan Novák", "127.0.0.1")
        else:
            answers.decline(session, quote, "Too dear", "Jan Novák", "127.0.0.1")
    works.work()


def test_a_deal_goes_from_the_request_to_the_installation_by_itself(works: Works) -> None:
    deal = new_deal(works)
    assert works.waiting() == ["call"], works.run().error
    assert works.task("call").name == "Call Novák"
    assert "602" in works.task("call").about
    called(works)
    assert stage(works, deal) == "Measurement", works.run().error
    assert works.task("measure").name.startswith("Measure: Dlouhá 5, Brno, ")
    assert works.task("measure").due_at is not None
    measured(works)
    assert stage(works, deal) == "Quote", works.run().error
    priced(works, deal)
    (quote,) = works.shop.rows("select * from quote")
    assert (quote.state, quote.sent_to, quote.number) == ("sent", "jan@example.com", f"{TODAY.year}-0001")
    assert "6 × 1200 × 1500 mm, Plastic" in quote.note
    answered(works, "accept")
    assert stage(works, deal) == "Waiting for payment", works.run().error
    works.do("payment.receive", deal_id=deal, amount=1000)
    works.work()
    assert stage(works, deal) == "Installation", works.run().error
    works.complete("agree_installation", day=DAY, hour="08:00", notes="Ring twice")
    assert works.task("install").name.startswith("Install: Dlouhá 5, Brno, ")
    assert works.task("install").about.startswith("Ring twice\n6 × 1200 × 1500 mm")
    works.complete("install", done="All is in place")
    assert works.get_deal(deal).status == "won", works.run().error
    assert works.run().status == "done", works.run().error
    assert works.get_deal(deal).about == "Six windows\nMeasured: 6 × 1200 × 1500 mm, Plastic\nRotten sill"


def test_a_client_without_e_mail_gets_the_quote_by_hand(works: Works) -> None:
    deal = new_deal(works, email="")
    called(works)
    measured(works)
    works.complete("price")
    assert works.waiting() == ["price"], "there is no price yet"
    priced(works, deal)
    assert works.waiting() == ["send_by_hand"], works.run().error
    works.complete("send_by_hand")
    assert works.waiting() == ["accepted", "declined", "silence"]


def test_who_will_think_about_it_is_called_again(works: Works) -> None:
    new_deal(works)
    works.complete("call", outcome="Call again", again=DAY)
    assert works.waiting() == ["call_later"], works.run().error
    works.pass_time(5 * 86400)
    assert works.waiting() == ["call"]
    works.complete("call", outcome="Take measurements")
    assert works.waiting() == ["agree_visit"], "nobody said when"
    works.complete("agree_visit", day=DAY, hour="11:00")
    assert works.waiting() == ["measure"], works.run().error


@pytest.mark.parametrize("where", ["call", "ask", "chase"])
def test_a_deal_is_lost_with_the_reason_that_was_given(works: Works, where: str) -> None:
    deal = new_deal(works)
    no: dict[str, Any] = {"outcome": "No interest", "reason": "Too expensive"}
    if where != "call":
        called(works)
        measured(works)
        priced(works, deal)
        answered(works, "decline" if where == "ask" else "accept")
    if where == "chase":
        works.pass_time(15 * 86400)
    works.complete(where, **no)
    lost = works.get_deal(deal)
    assert (lost.status, lost.lost_reason) == ("lost", "Too expensive"), works.run().error
    assert works.run().status == "done"


def test_a_declined_quote_can_become_another_one(works: Works) -> None:
    deal = new_deal(works)
    called(works)
    measured(works)
    priced(works, deal)
    answered(works, "decline")
    works.complete("ask", outcome="Wants another quote")
    assert works.waiting() == ["price"], works.run().error
    works.complete("price")
    assert [row.state for row in works.shop.rows("select state from quote order by id")] == ["declined", "sent"]
    works.pass_time(8 * 86400)
    assert works.waiting() == ["ask"]
    works.complete("ask", outcome="Still thinks")
    works.pass_time(8 * 86400)
    works.complete("ask", outcome="Agrees")
    assert stage(works, deal) == "Waiting for payment", works.run().error


def test_who_is_late_is_told_of_and_a_request_is_told_of_once(works: Works) -> None:
    head = works.member(works.shop.member("head", "Hana Malá"))
    petr = works.member(works.shop.member("sales", "Petr Malý"))
    (sales,) = works.shop.rows("select id from department where name = 'Sales'")
    works.do("department.edit", id=sales.id, head_id=head)
    works.do("member.edit", id=petr, department_id=sales.id)
    works.deal(owner_id=petr)
    works.work()
    assert (works.task("call").assignee_id, works.task("call").tell_id) == (petr, head)


def test_everything_of_it_is_in_czech(app: Flask) -> None:
    with app.test_request_context("/"):
        works = Works(open_shop(app, "windows", "cs", whole=True))
    deal = new_deal(works)
    works.complete("call", outcome="Zaměřit", day="2027-03-05", hour="09:30")
    assert works.task("measure").name == "Zaměřit: Dlouhá 5, Brno, 5. 3. 2027 09:30"
    measured_in_czech: dict[str, Any] = {"count": 2, "width": 900, "height": 1400, "material": "Dřevo"}
    works.complete("measure", **measured_in_czech)
    assert stage(works, deal) == "Nabídka", works.run().error
