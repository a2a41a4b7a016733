"""Quotes: frozen copies with gapless numbers, sent by mail with their PDF."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from core.errors import Busy, Forbidden, Invalid, NotFound
from core.ids import new_id
from crm.deals import actions as deals
from crm.deals import pricing
from crm.quotes import actions
from crm.quotes.models import Quote
from tests.crm.people import Desk
from tests.crm.quotes.offering import draft, failed, mailed_to, priced_deal, sent, work
from tests.shop import Shop

YEAR = datetime.now(UTC).year


def test_a_quote_is_a_frozen_copy_of_the_deals_items_and_client(shop: Shop) -> None:
    with shop.acting() as actor:
        quote = draft(actor)
        pricing.price(actor, pricing.price.parse({"id": quote.deal_id, "items": [{"name": "x", "unit_price": "1"}]}))
    row = shop.rows("select state, number, net, gross, items, client, currency from quote")[0]
    assert (row.state, row.number, row.currency) == ("draft", None, "CZK")
    assert (row.net, row.gross) == (Decimal("76814.00"), Decimal("92791.94"))
    assert [item["name"] for item in row.items] == ["Wooden window", "Montage"]
    assert row.client["name"] == "Petr Černý"
    assert row.client["address"] == "Lidická 24, 602 00 Brno"
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": quote.id, "again": True}))
    assert shop.rows("select net from quote")[0].net == Decimal(1)


def test_a_deal_without_a_price_gives_no_quote(shop: Shop) -> None:
    with shop.acting() as actor:
        empty = deals.create(actor, deals.create.parse({"name": "Door", "amount": "100"}))
        free = priced_deal(actor, {"name": "Gift", "unit_price": "0"})
        for deal in (empty, free):
            with pytest.raises(Invalid):
                actions.create(actor, actions.create.parse({"deal_id": deal.id}))
    assert shop.rows("select 1 from quote") == []


def test_numbers_have_neither_gaps_nor_twins_however_many_are_issued_at_once(shop: Shop) -> None:
    with shop.acting() as actor:
        deal = priced_deal(actor)
        ids = [actions.create(actor, actions.create.parse({"deal_id": deal.id})).id for _one in range(32)]
        refused = actions.create(actor, actions.create.parse({"deal_id": deal.id})).id

    def issue(quote_id: UUID) -> None:
        with shop.acting() as actor, suppress(ZeroDivisionError), actor.transaction():
            actions.send(actor, actions.SentQuote(id=quote_id))
            assert 1 / (quote_id != refused)  # whose transaction fails after the number was drawn

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(issue, [*ids[:16], refused, *ids[16:]]))
    numbers = sorted(row.number for row in shop.rows("select number from quote where number is not null"))
    assert numbers == [f"{YEAR}-{at:04}" for at in range(1, 33)]
    assert shop.rows("select last from quote_counter")[0].last == 32


def test_what_was_sent_stays_as_the_client_has_it(shop: Shop) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
        with pytest.raises(Busy):
            actions.change(actor, actions.change.parse({"id": quote.id, "note": "Cheaper"}))
        with pytest.raises(Busy):
            actions.delete(actor, actions.OneQuote(id=quote.id))
        again = actions.send(actor, actions.SentQuote(id=quote.id))
        assert again.number == f"{YEAR}-0001"
        actions.withdraw(actor, actions.OneQuote(id=quote.id))
        with pytest.raises(Busy):
            actions.send(actor, actions.SentQuote(id=quote.id))
    row = shop.rows("select state, note, number from quote")[0]
    assert row == ("withdrawn", "", f"{YEAR}-0001")


@pytest.mark.parametrize(
    ("field", "value"),
    [("valid_until", "2020-01-01"), ("language", "de"), ("deal_id", str(UUID(int=1))), ("note", "x" * 5001)],
)
def test_bad_input_is_refused_at_its_field(shop: Shop, field: str, value: str) -> None:
    with shop.acting() as actor:
        deal = priced_deal(actor)
        with pytest.raises(Invalid) as refusal:
            actions.create(actor, actions.create.parse({"deal_id": deal.id, field: value}))
    assert [name for name, _words in refusal.value.fields] == [field]
    assert shop.rows("select 1 from quote") == []


def test_it_goes_by_mail_in_the_members_name_with_its_page_and_the_pdf(shop: Shop) -> None:
    to = f"{new_id().hex}@example.com"
    with shop.acting() as actor:
        quote = sent(actor, to, language="cs", note="Děkujeme za poptávku.")
        sender = actor.member
    work(shop, "quote.deliver")
    assert failed(shop) == []
    (letter,) = mailed_to(to)
    assert "Jana Dvořáková" in letter["From"]
    assert letter["Reply-To"] == sender.email
    (file,) = letter.iter_attachments()
    assert file.get_content_type() == "application/pdf"
    assert file.get_content().startswith(b"%PDF")
    body = letter.get_body(("plain",))
    assert body is not None
    assert f"/quote/{shop.workspace.id}." in body.get_content()
    row = shop.rows("select file_key, file_size from quote")[0]
    assert row.file_key.startswith(f"{shop.workspace.schema}/")
    assert row.file_size == len(file.get_content())
    answer = Desk.of(shop).get(f"/quotes/{quote.id}/pdf")
    assert answer.get_data() == file.get_content(), "what was mailed is what is kept"
    work(shop, "quote.deliver")
    assert len(mailed_to(to)) == 1


def test_one_that_nobody_answers_ends_on_its_day(shop: Shop) -> None:
    with shop.acting() as actor:
        early, later = sent(actor), sent(actor)
        actor.db.get_one(Quote, early.id).valid_until -= timedelta(days=60)
        actor.db.commit()
    work(shop, "quote.expire")
    assert failed(shop) == []
    states = {row.id: row.state for row in shop.rows("select id, state from quote")}
    assert states == {early.id: "expired", later.id: "sent"}
    assert [row.action for row in shop.rows("select action from event where via = 'job'")] == ["quote.expire"]


def test_quotes_and_payments_go_with_their_deal(shop: Shop) -> None:
    seller = shop.member("field", "Petr Malý")
    with shop.acting() as actor:
        quote = draft(actor)
        member_id = shop.rows("select id from member where identity_id = :id", id=seller)[0].id
    with shop.acting(seller) as actor, pytest.raises(NotFound):
        actor.find(Quote, quote.id)
    with shop.acting() as actor:
        deals.assign(actor, deals.AssignedDeal(id=quote.deal_id, owner_id=member_id))
    with shop.acting(seller) as actor:
        assert actor.find(Quote, quote.id).owner_id == member_id


def test_who_may_not_see_amounts_sees_no_quote(shop: Shop) -> None:
    seller = shop.member("sales")
    with shop.acting() as actor:
        quote = draft(actor)
    with shop.acting(seller) as actor:
        assert actor.find(Quote, quote.id).state == "draft"
        actor.fields = {"deal": {"amount": "hidden"}}
        with pytest.raises(NotFound):
            actor.find(Quote, quote.id)
        with pytest.raises(Forbidden):
            actions.withdraw(actor, actions.OneQuote(id=quote.id))
    assert shop.rows("select state from quote")[0].state == "draft"


def test_from_the_deal_to_the_sent_quote_by_its_pages(shop: Shop) -> None:
    desk = Desk.of(shop)
    with shop.acting() as actor:
        deal = priced_deal(actor)
    assert "New quote" in desk.page(f"/deals/{deal.id}")
    made = desk.send("/quotes/", deal_id=str(deal.id))
    assert made.status_code == 303
    quote_id = shop.rows("select id from quote")[0].id
    path = f"/quotes/{quote_id}"
    assert "92,791.94" in desk.page(path)
    assert desk.send(path, version="1", valid_until="2020-01-01", language="cs", note="").status_code == 422
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert desk.send(path, version="1", valid_until=until, language="cs", note="Dík").status_code == 303
    assert desk.get(f"{path}/pdf").get_data().startswith(b"%PDF")
    assert "No client on the deal" in desk.page(path)
    assert desk.send(f"{path}/send", to="nobody", message="").status_code == 422
    assert shop.rows("select state from quote")[0].state == "draft"
    assert desk.send(f"{path}/send", to="novakova@example.com", message="").status_code == 303
    assert f"{YEAR}-0001" in desk.page("/quotes/?state=sent")
    page = desk.page(f"/deals/{deal.id}")
    assert f"Quote <b>{YEAR}-0001" in page, "on the timeline"
    assert shop.rows("select note, language from quote")[0] == ("Dík", "cs")
