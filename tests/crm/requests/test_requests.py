"""A request is kept whole, given to somebody, timed, answered, and becomes a contact and a deal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.errors import Busy, Forbidden, Invalid
from core.ids import new_id
from core.limits import set_caps
from crm.requests import actions, opening
from crm.requests.actions import OneRequest
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.crm.people import company, contact
from tests.crm.requests.house import department, form, member_of, pass_time, received, row, seller, told, work
from tests.shop import Shop


def one(shop: Shop, table: str) -> Any:
    return shop.rows(f"select * from {table}")


def test_what_a_client_sends_becomes_a_contact_and_a_deal_of_whoever_it_is_given_to(shop: Shop) -> None:
    jana = seller(shop, "Jana Malá")
    stage = shop.rows("select id, pipeline_id from stage order by position limit 1")[0]
    made = form(shop, rule="member", member_ids=[jana], pipeline_id=stage.pipeline_id, stage_id=stage.id)
    sent = received(
        shop, form_id=made.id, email="Jan@Example.com", company="Penzion U Lip", utm={"utm_source": "ads"},
        answers=[{"label": "Colour", "value": "white"}],
    )  # fmt: skip
    work(shop)
    found = row(shop, sent.id)
    person = shop.rows("select * from contact where id = :id", id=found.contact_id)[0]
    deal = shop.rows("select * from deal where id = :id", id=found.deal_id)[0]
    assert (found.state, found.assignee_id, found.source, found.utm) == ("new", jana, "form", {"utm_source": "ads"})
    assert (person.first_name, person.last_name, person.owner_id) == ("Jan", "Novák", jana)
    assert person.phones[0]["number"] == "+420602114873"
    assert (person.source, deal.source) == ("Windows", "Windows")
    assert shop.rows("select name from company where id = :id", id=person.company_id)[0].name == "Penzion U Lip"
    assert (deal.owner_id, deal.stage_id, deal.contact_id) == (jana, stage.id, person.id)
    assert "Six windows" in deal.about
    assert "Colour: white" in deal.about
    assert told(shop, "request_assigned") == {jana}
    assert shop.rows("select member_id, via from event where kind = 'contact'") == [(None, "client")]


def test_a_deal_knows_by_which_way_it_came_in_the_language_of_the_business(shop: Shop) -> None:
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set language = 'cs'"))
    sent = received(shop, source="call")
    with shop.acting() as actor:
        opening.convert(actor, opening.convert.parse({"id": sent.id, "first_name": "Jan"}))
    assert [deal.source for deal in shop.rows("select source from deal")] == ["call"]


def test_the_same_sending_twice_is_one_request(shop: Shop) -> None:
    identifier = new_id()
    first = received(shop, id=identifier)
    again = received(shop, id=identifier, text="something else")
    assert first.id == again.id
    assert [found.text for found in one(shop, "request")] == ["Six windows"]


@pytest.mark.parametrize(("email", "phone"), [("JAN@example.com", ""), ("", "00420 602-114-873"), ("", "602114873")])
def test_a_known_client_is_recognised_by_mail_or_phone_in_any_spelling(shop: Shop, email: str, phone: str) -> None:
    known = contact(
        shop, last_name="Novák", emails=[{"address": "jan@example.com"}], phones=[{"number": "602 114 873"}]
    )
    made = form(shop)
    sent = received(shop, form_id=made.id, name="J. N.", email=email, phone=phone)
    work(shop)
    assert row(shop, sent.id).contact_id == known.id
    assert len(one(shop, "contact")) == 1
    person = shop.rows("select version, emails from contact")[0]
    assert person.version == 1, "what is known of a client is not changed by what anybody can send"


def test_a_full_plan_keeps_the_request_whole_and_opens_it_when_there_is_room(shop: Shop) -> None:
    contact(shop)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        set_caps(session, {"contacts": 1, "storage": 0})
    made = form(shop)
    file = {"file_key": f"{shop.workspace.schema}/x", "name": "a.pdf", "type": "application/pdf", "size": 10}
    sent = received(shop, form_id=made.id, files=[file])
    work(shop)
    found = row(shop, sent.id)
    assert (found.text, found.contact_id, found.state) == ("Six windows", None, "new")
    assert len(one(shop, "contact")) == 1
    assert told(shop, "request_waits") == {member_of(shop, shop.owner_id)}
    with shop.base.workspace(shop.workspace) as session, session.begin():
        set_caps(session, {"contacts": 2, "storage": 100})
    work(shop)
    assert row(shop, sent.id).contact_id is not None
    assert len(one(shop, "contact")) == 2
    assert one(shop, "waiting") == []
    assert shop.rows("select value from counter where name = 'storage'")[0].value == 10


def test_only_a_client_receives(shop: Shop) -> None:
    with shop.acting() as actor, pytest.raises(Forbidden):
        actions.receive(actor, actions.receive.parse({"source": "form", "text": "x"}))
    assert one(shop, "request") == []


def test_a_client_is_never_refused_for_length_or_for_zero_bytes(shop: Shop) -> None:
    sent = received(shop, name="n" * 500, email="not an address", phone="1" * 99, text="a\0b" + "t" * 200_000)
    found = row(shop, sent.id)
    assert (len(found.name), found.email, len(found.phone), found.text[:2]) == (200, "not an address", 60, "ab")


# The clock


def test_the_head_of_the_department_is_told_once_when_nobody_answers_in_time(shop: Shop) -> None:
    boss, jana = seller(shop, "Petr Velký", "head"), seller(shop, "Jana Malá")
    department(shop, boss, jana)
    made = form(shop, rule="member", member_ids=[jana], minutes=15)
    sent = received(shop, form_id=made.id)
    left = row(shop, sent.id).contact_by - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15) or left > timedelta(minutes=15)
    work(shop)
    assert told(shop, "request_late") == set()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update request set contact_by = now() + interval '1 minute'"))
    with shop.base.controlling() as control:
        control.execute(
            text("update bus.outbox set next_at = now() + interval '1 minute' where role = :r and topic = 'job'"),
            {"r": shop.workspace.role},
        )
    pass_time(shop, 2)
    work(shop)
    work(shop)
    assert told(shop, "request_late") == {boss}
    assert len(shop.rows("select id from event where action = 'request.late'")) == 1


@pytest.mark.parametrize("way", ["note", "call", "task", "by hand"])
def test_the_first_call_note_or_task_done_stops_the_clock(shop: Shop, way: str) -> None:
    boss, jana = seller(shop, "Petr Velký", "head"), seller(shop, "Jana Malá")
    department(shop, boss, jana)
    sent = received(shop, form_id=form(shop, rule="member", member_ids=[jana]).id)
    work(shop)
    found = row(shop, sent.id)
    with shop.acting() as actor:
        if way == "task":
            made = tasks.create(actor, tasks.create.parse({"name": "Call", "contact_id": found.contact_id}))
            assert row(shop, sent.id).first_contact_at is None
            tasks.done(actor, tasks.OneTask(id=made.id))
        elif way == "by hand":
            actions.contacted(actor, OneRequest(id=sent.id))
        else:
            given = {"form": way, "text": "He wants six", "contact_id": found.contact_id}
            direction = {"direction": "out", "result": "answered"} if way == "call" else {}
            notes.create(actor, notes.create.parse({**given, **direction}))
    after = row(shop, sent.id)
    assert after.first_contact_at is not None
    assert after.state == "converted"
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update request set contact_by = now() - interval '1 minute'"))
    pass_time(shop, 60 * 24 * 5)
    work(shop)
    assert told(shop, "request_late") == set()


def test_a_call_that_we_missed_is_no_answer(shop: Shop) -> None:
    sent = received(shop, form_id=form(shop).id)
    work(shop)
    with shop.acting() as actor:
        given = {"form": "call", "direction": "in", "result": "missed", "contact_id": row(shop, sent.id).contact_id}
        notes.create(actor, notes.create.parse(given))
    assert row(shop, sent.id).first_contact_at is None


def test_what_is_to_be_checked_tells_nobody_until_somebody_says_it_is_a_clients(shop: Shop) -> None:
    jana = seller(shop, "Jana Malá")
    sent = received(shop, form_id=form(shop, rule="member", member_ids=[jana]).id, doubts=["quick"])
    work(shop)
    found = row(shop, sent.id)
    assert (found.assignee_id, found.contact_by, found.contact_id) == (None, None, None)
    assert told(shop, "request_assigned") == set()
    with shop.acting() as actor:
        actions.accept(actor, OneRequest(id=sent.id))
    work(shop)
    found = row(shop, sent.id)
    assert found.doubts == []
    assert found.assignee_id == jana
    assert found.contact_by
    assert found.contact_id
    assert told(shop, "request_assigned") == {jana}


# By hand


def test_converted_by_hand_to_whom_it_matched(shop: Shop) -> None:
    known = contact(shop, last_name="Novák", phones=[{"number": "602 114 873"}])
    firm = company(shop, name="Penzion")
    with shop.acting() as actor:
        made = actions.create(actor, actions.create.parse({"name": "J. N.", "phone": "+420 602114873"}))
        match = opening.matches(actor, made)
        assert [(one.id, one.email, one.phone) for one in match] == [(known.id, False, True)]
        given = {"id": made.id, "contact_id": known.id, "company": "PENZION", "deal_name": "Six", "amount": "1200"}
        done = opening.convert(actor, opening.convert.parse(given))
    deal = shop.rows("select * from deal")[0]
    assert (done.state, deal.name, deal.contact_id, deal.company_id) == ("converted", "Six", known.id, firm.id)
    with shop.acting() as actor, pytest.raises(Busy):
        opening.convert(actor, opening.convert.parse(given))
    assert len(one(shop, "deal")) == 1


def test_a_conversion_that_cannot_be_leaves_nothing_behind(shop: Shop) -> None:
    with shop.acting() as actor:
        made_id = actions.create(actor, actions.create.parse({"text": "Hello"})).id
        with pytest.raises(Invalid):
            opening.convert(actor, opening.convert.parse({"id": made_id, "company": "New s.r.o.", "email": "no"}))
    assert (one(shop, "company"), one(shop, "contact"), one(shop, "deal")) == ([], [], [])
    assert row(shop, made_id).state == "new"


def test_a_seller_takes_what_is_nobodys_over_and_gives_no_other_away(shop: Shop) -> None:
    identity = shop.member("sales", "Jana Malá")
    jana, eva = member_of(shop, identity), seller(shop, "Eva Nová")
    sent = received(shop)
    with shop.acting(identity) as actor:
        taken = actions.take(actor, OneRequest(id=sent.id))
        assert (taken.assignee_id, taken.state) == (jana, "taken")
        actions.assign(actor, actions.assign.parse({"id": sent.id, "assignee_id": eva}))
        with pytest.raises(Forbidden):
            actions.assign(actor, actions.assign.parse({"id": sent.id, "assignee_id": jana}))
    assert row(shop, sent.id).assignee_id == eva


def test_closed_for_a_reason_and_opened_again(shop: Shop) -> None:
    sent = received(shop)
    with shop.acting() as actor:
        with pytest.raises(Invalid):
            actions.close.parse({"id": sent.id, "reason": " "})
        actions.close(actor, actions.close.parse({"id": sent.id, "reason": "Too far away"}))
        assert row(shop, sent.id).reason == "Too far away"
        with pytest.raises(Busy):
            actions.take(actor, OneRequest(id=sent.id))
        actions.reopen(actor, OneRequest(id=sent.id))
    assert (row(shop, sent.id).state, row(shop, sent.id).reason) == ("new", "")
