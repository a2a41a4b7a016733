"""The card of a client who comes again and again says how often, and what they spend."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from crm.contacts.models import Contact
from crm.contacts.visits import Visits, visits_of
from tests.crm.processes.works import Works
from tests.shop import Shop, open_shop


@pytest.fixture(scope="module")
def salon(app: Flask) -> Shop:
    with app.test_request_context("/"):
        return open_shop(app, "salon", whole=True)


def visited(salon: Shop, *bills: int) -> UUID:
    """A client whose visits were 30 days apart, the last one today."""
    works = Works(salon)
    contact = UUID(str(works.do("contact.create", last_name="Malá").id))
    for number, bill in enumerate(bills):
        deal = works.deal(contact_id=contact, amount=bill)
        works.do("deal.win", id=deal)
        with salon.base.workspace(salon.workspace) as session, session.begin():
            at = datetime.now(UTC) - timedelta(days=30 * (len(bills) - 1 - number))
            session.execute(text("update deal set closed_at = :at where id = :id"), {"at": at, "id": deal})
    works.deal(contact_id=contact, amount=9_999)  # not won: no visit
    return contact


def seen(salon: Shop, contact: UUID) -> Visits | None:
    with salon.acting() as actor:
        return visits_of(actor, actor.find(Contact, contact))


def test_visits_are_deals_won(salon: Shop) -> None:
    contact = visited(salon, 600, 900, 750)
    found = seen(salon, contact)
    assert found is not None
    assert (found.count, found.every, found.average) == (3, 30, [(Decimal(750), "CZK")])
    page = salon.browser().get(salon.path(f"/contacts/{contact}")).get_data(as_text=True)
    assert "every 30 days" in page
    assert "Average bill" in page


def test_who_came_once_has_no_rhythm_yet(salon: Shop) -> None:
    found = seen(salon, visited(salon, 600))
    assert found is not None
    assert (found.count, found.every) == (1, None)


def test_no_pipeline_asks_no_card_says(other: Shop) -> None:
    contact = visited(other, 600, 900)
    assert seen(other, contact) is None
    assert "Average bill" not in other.browser().get(other.path(f"/contacts/{contact}")).get_data(as_text=True)


def test_a_pipeline_says_its_reasons_and_whether_clients_come_again(other: Shop) -> None:
    works = Works(other)
    deal = works.deal()
    (pipeline,) = other.rows("select id from pipeline")
    works.do("pipeline.edit", id=pipeline.id, lost_reasons=["No time", "Too far"], returning=True)
    page = other.browser().get(other.path(f"/deals/{deal}/lose")).get_data(as_text=True)
    assert "Too far" in page
    assert "Too expensive" not in page
    form = other.browser().get(other.path(f"/settings/pipelines/{pipeline.id}")).get_data(as_text=True)
    assert "No time\nToo far" in form
