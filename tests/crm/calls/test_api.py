"""Calls and mails in the API: a call is written down and stands on the timeline; a mail is sent and read back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.errors import Forbidden, NotFound
from crm.calls import by_hand
from crm.mails.models import Mail
from tests.crm.people import contact
from tests.shop import Shop

PHONE = "+420602114873"


def test_a_call_that_is_written_down_finds_its_contact_and_is_a_note(shop: Shop) -> None:
    who = contact(shop, phones=[{"number": PHONE}])
    api = shop.api()
    sent = {"number": "602 114 873", "minutes": 4, "text": "Wants six windows", "direction": "in"}
    made = api.post("/calls", sent)
    assert made.status_code == 201, made.json
    call = made.json
    assert (call["contact_id"], call["from_number"], call["state"]) == (str(who.id), PHONE, "ended")
    (note,) = shop.rows("select * from note")
    assert (note.form, note.minutes, note.text, note.direction) == ("call", 4, "Wants six windows", "in")
    assert (str(note.id), note.contact_id) == (call["note_id"], who.id)
    assert api.get(f"/calls/{call['id']}").json == call
    listed = api.get(f"/calls?contact_id={who.id}&direction=in").json["data"]
    assert [one["id"] for one in listed] == [call["id"]]
    assert api.get("/calls?direction=out").json["data"] == []


def test_written_down_twice_it_is_one_call(shop: Shop) -> None:
    who = contact(shop)
    body = {"id": "0190f2b4-0000-7000-8000-00000000c0de", "contact_id": str(who.id), "result": "missed"}
    first, second = (shop.api().post("/calls", body) for _time in range(2))
    assert (first.json["id"], first.json["state"]) == (second.json["id"], "missed")
    assert len(shop.rows("select 1 from call")) == len(shop.rows("select 1 from note")) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "number"),
        ({"number": PHONE, "minutes": -1}, "minutes"),
        ({"number": PHONE, "began_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, "began_at"),
        ({"contact_id": "0190f2b4-0000-7000-8000-000000000001"}, "contact_id"),
    ],
)
def test_a_call_that_cannot_have_been_is_refused(shop: Shop, body: dict[str, Any], field: str) -> None:
    answer = shop.api().post("/calls", body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert shop.rows("select 1 from call") == []


def test_who_may_not_write_calls_writes_none(shop: Shop) -> None:
    who = contact(shop)
    with shop.acting(shop.member("reader")) as actor, pytest.raises(Forbidden):
        by_hand.write_down(actor, by_hand.WrittenCall(contact_id=who.id))
    assert shop.rows("select 1 from call") == []


def test_a_mail_is_sent_and_read_back_by_those_who_may(shop: Shop) -> None:
    who = contact(shop)
    body = {"contact_id": str(who.id), "to": "jan@example.com", "subject": "Your windows", "body": "Dear Jan"}
    made = shop.api().post("/mails", body)
    assert (made.status_code, made.json["state"], made.json["text"]) == (201, "waiting", "Dear Jan")
    assert [one["id"] for one in shop.api().get(f"/mails?contact_id={who.id}").json["data"]] == [made.json["id"]]
    with shop.acting(shop.member("field")) as actor, pytest.raises(NotFound):
        actor.find(Mail, UUID(made.json["id"]))
    refused = shop.api().post("/mails", {**body, "to": "nobody"})
    assert (refused.status_code, [one["field"] for one in refused.json["errors"]]) == (422, ["to"])
    assert len(shop.rows("select 1 from mail")) == 1
