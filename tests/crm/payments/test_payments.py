"""Payments recorded by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.errors import Invalid
from core.ids import new_id
from crm.payments import actions
from tests.crm.people import Desk
from tests.crm.quotes.offering import priced_deal, sent
from tests.shop import Shop


def test_a_payment_by_a_quote_has_its_currency_and_says_what_is_left(shop: Shop) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
    desk = Desk.of(shop)
    form = desk.page(f"/deals/{quote.deal_id}/payments/new?quote_id={quote.id}")
    assert "92791.94" in form, "what is left to be paid"
    today = datetime.now(UTC).date().isoformat()
    values = {"deal_id": str(quote.deal_id), "quote_id": str(quote.id), "paid_on": today, "how": "cash"}
    assert desk.send("/payments/", amount="90,000", **values).status_code == 303
    row = shop.rows("select amount, currency, how, name from payment")[0]
    assert row == (Decimal(90000), "CZK", "cash", "Windows for a flat")
    assert "2,791.94" in desk.page(f"/quotes/{quote.id}")
    event = shop.rows("select kind, via, member_id from event where action = 'payment.receive'")[0]
    assert (event.kind, event.via) == ("payment", "page")


def test_what_cannot_be_is_refused_at_its_field(shop: Shop) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
        elsewhere = priced_deal(actor)
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
        for values, field in (
            ({"amount": "0"}, "amount"), ({"amount": "-5"}, "amount"), ({"amount": "1.001"}, "amount"),
            ({"paid_on": tomorrow}, "paid_on"), ({"how": "online"}, "how"), ({"quote_id": new_id()}, "quote_id"),
            ({"deal_id": elsewhere.id, "quote_id": quote.id}, "quote_id"),
        ):  # fmt: skip
            with pytest.raises(Invalid) as refusal:
                actions.receive(actor, actions.receive.parse({"deal_id": quote.deal_id, "amount": "1", **values}))
            assert [name for name, _words in refusal.value.fields] == [field]
    assert shop.rows("select 1 from payment") == []


def test_the_same_form_sent_twice_is_one_payment_and_one_taken_back_counts_no_more(shop: Shop) -> None:
    chosen = new_id()
    with shop.acting() as actor:
        deal = priced_deal(actor)
    for _time in range(2):
        with shop.acting() as actor:
            actions.receive(actor, actions.receive.parse({"id": chosen, "deal_id": deal.id, "amount": "500"}))
    assert len(shop.rows("select 1 from payment")) == 1
    desk = Desk.of(shop)
    assert "CZK\N{NO-BREAK SPACE}500" in desk.page(f"/deals/{deal.id}")
    assert desk.send(f"/payments/{chosen}/edit", amount="600", how="cash", version="1").status_code == 303
    assert shop.rows("select amount from payment")[0].amount == Decimal(600)
    assert desk.send(f"/payments/{chosen}/delete").status_code == 303
    assert "Nothing has come yet" not in desk.page(f"/deals/{deal.id}")
    assert shop.rows("select 1 from payment where deleted_at is null") == []
