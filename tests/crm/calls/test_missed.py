"""A missed call is called back by somebody: one task, for whoever is to, told at once."""

from typing import Any

import pytest

from tests.crm.calls.exchange import Exchange
from tests.shop import Shop


@pytest.fixture
def exchange(shop: Shop) -> Exchange:
    return Exchange(shop)


def miss(exchange: Exchange, call: str = "c1", **values: Any) -> None:
    exchange.tells("ringing", call, **values)
    exchange.tells("ended", call, **values)
    exchange.works("calls.missed")


def test_it_is_a_task_for_whom_it_rang_at_linked_and_told_once(shop: Shop, exchange: Exchange) -> None:
    petr = exchange.line("101")
    contact = exchange.contact(owner_id=petr)
    miss(exchange, extension="101")
    exchange.works("calls.missed")
    (task,) = shop.rows("select * from task")
    assert (task.name, task.todo, task.assignee_id, task.contact_id) == ("Call back Novák", "call", petr, contact.id)
    (told,) = shop.rows("select * from notification where kind = 'call_missed'")
    assert (told.member_id, told.record_id) == (petr, task.id)
    (note,) = shop.rows("select * from note")
    assert (note.form, note.direction, note.result, note.author_id) == ("call", "in", "missed", petr)
    assert shop.rows("select last_contact_at from contact")[0].last_contact_at == note.at


def test_where_no_line_is_named_the_owner_of_the_contact_calls_back(shop: Shop, exchange: Exchange) -> None:
    exchange.line("101")
    eva = exchange.line("102", "Eva Nová")
    exchange.contact(owner_id=eva)
    miss(exchange)
    assert [row.assignee_id for row in shop.rows("select * from task")] == [eva]


def test_unknown_callers_are_called_back_in_turns(shop: Shop, exchange: Exchange) -> None:
    both = {exchange.line("101"), exchange.line("102", "Eva Nová")}
    for number in range(4):
        miss(exchange, f"c{number}", **{"from": f"+42060211480{number}"})
    given = [row.assignee_id for row in shop.rows("select * from task order by created_at")]
    assert set(given[:2]) == both
    assert given[2:] == given[:2]
    assert shop.rows("select name from task order by created_at")[0].name == "Call back +420 602 114 800"


def test_who_may_have_no_task_is_passed_over_and_without_anybody_an_owner_does_it(
    shop: Shop, exchange: Exchange
) -> None:
    exchange.line("101", "Jan Čtenář", "reader")
    miss(exchange, extension="101")
    (task,) = shop.rows("select member.name from task join member on member.id = assignee_id")
    assert task.name == "Jana Dvořáková"


def test_an_answered_call_and_one_of_ours_make_no_task(shop: Shop, exchange: Exchange) -> None:
    exchange.line("101")
    exchange.tells("ringing", extension="101")
    exchange.tells("answered", extension="101")
    exchange.tells("ended", extension="101")
    exchange.tells("ended", "c2", direction="out")
    exchange.works("calls.missed")
    assert shop.rows("select 1 from task") == []
