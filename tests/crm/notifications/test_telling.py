"""Each kind is told to the right people and nobody else, once, even when the work is repeated or dies in between."""

from typing import Any

import pytest

from core import events
from core.ids import new_id
from crm.deals import actions as deals
from crm.notifications import telling, watching
from crm.tasks import actions as tasks
from tests.crm.notifications.office import Office
from tests.shop import Shop


@pytest.fixture
def office(shop: Shop) -> Office:
    made = Office(shop)
    made.person("Petr Malý")
    made.person("Eva Nová")
    return made


def test_who_is_given_a_task_is_told_once_and_nobody_else(office: Office) -> None:
    office.task(assignee_id=office.id_of("Petr Malý"))
    office.work(times=2)
    assert office.told("Petr Malý") == [("task_assigned", "Jana Dvořáková gave you the task Call Novák")]
    assert office.told() == office.told("Eva Nová") == []


def test_nobody_is_told_of_what_they_did_themselves(office: Office) -> None:
    office.task()
    office.deal()
    assert [row.payload.get("news") for row in office.rows()] == [None, None], "an ordinary change wakes no subscriber"
    deal = office.deal("Petr Malý")
    with office.acting("Petr Malý") as actor:
        deals.win(actor, deals.OneDeal(id=deal.id))
    office.work()
    assert office.told() == office.told("Petr Malý") == []
