"""What the telephone tells: proven first, then one row a call, whatever the order in which it is told."""

import itertools
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.calls.hearing import spoken
from crm.requests.models import Request
from tests.crm.calls.exchange import Exchange
from tests.shop import Shop


@pytest.fixture
def exchange(shop: Shop) -> Exchange:
    return Exchange(shop)


def test_a_ringing_call_of_a_known_number_stands_on_the_page_of_whose_line_it_is(exchange: Exchange) -> None:
    petr, _eva = exchange.line("101"), exchange.line("102", "Eva Nová")
    contact = exchange.contact()
    answer = exchange.tells("ringing", extension="101")
    assert (answer.status_code, answer.data) == (204, b"")
    (call,) = exchange.calls()
    assert (call.state, call.direction, call.contact_id, call.shown_to) == ("ringing", "in", contact.id, [petr])
    assert exchange.rung() == [[str(petr)]]


@pytest.mark.parametrize(
    "spelled", ["602114873", "602 114 873", "+420 602-114-873", "00420602114873", "420602114873",
                "sip:+420602114873@pbx.example.com;user=phone", "tel:+420602114873"],
)  # fmt: skip
def test_a_number_is_known_in_every_spelling(spelled: str) -> None:
    assert spoken(spelled, "CZ") == "+420602114873"


@pytest.mark.parametrize("hidden", ["", "anonymous", "Restricted"])
def test_a_hidden_number_is_nobodys(exchange: Exchange, hidden: str) -> None:
    exchange.contact()
    exchange.tells("ringing", "c1", **{"from": hidden})
    (call,) = exchange.calls()
    assert (call.contact_id, call.from_number) == (None, hidden)


def test_events_in_any_order_and_repeated_make_the_same_one_call(shop: Shop, exchange: Exchange) -> None:
    petr = exchange.line("101")
    exchange.contact()
    began = time.time() - 100
    said = {"ringing": began, "answered": began + 5, "ended": began + 65}
    for number, order in enumerate(itertools.permutations(said)):
        for event in (*order, *order):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(said[event]))
            assert exchange.tells(event, f"c{number}", extension="101", at=at).status_code == 204
    calls = exchange.calls()
    assert len(calls) == 6
    assert {(one.state, one.member_id, one.began_at, one.answered_at, one.ended_at) for one in calls} == {
        ("ended", petr, calls[0].began_at, calls[0].answered_at, calls[0].ended_at)
    }
    notes = shop.rows("select * from note")
    assert {(one.form, one.direction, one.result, one.minutes, one.author_id) for one in notes} == {
        ("call", "in", "answered", 1, petr)
    }
    assert len(notes) == 6
    exchange.works("calls.missed")
    assert shop.rows("select 1 from task") == [], "an answer that was overtaken by the end is no missed call"


def test_what_is_forged_or_stale_is_refused_and_nothing_is_stored(shop: Shop, exchange: Exchange) -> None:
    now, body = time.time(), orjson.dumps({"id": "c1", "event": "ringing", "from": "1"})
    other = Exchange(exchange.shop, "twilio")
    for answer in (
        exchange.sends(body, now, signature="0" * 64),
        exchange.sends(body, now, signature=""),
        exchange.sends(body, now, signature="žluťoučký"),
        exchange.sends(body, now - 400),
        exchange.sends(body, now + 400),
        other.sends(body, now),
        other.tells_as_twilio(signature="nonsense", CallSid="CA1", CallStatus="ringing"),
        other.tells_as_twilio(CallSid="CA1", CallStatus="ringing", Timestamp="Thu, 01 Jan 2026 10:00:00 +0000"),
        shop.app.test_client().post(f"/telephone/{shop.workspace.id}-nonsense", data=body),
        shop.app.test_client().post("/telephone/nonsense", data=body),
    ):
        assert answer.status_code == 403
    exchange.url = exchange.url[:-1] + ("a" if exchange.url[-1] != "a" else "b")
    assert exchange.tells("ringing").status_code == 403
    assert (exchange.calls(), exchange.rung()) == ([], [])


def test_a_signed_event_without_sense_is_refused(exchange: Exchange) -> None:
    for body in (b"", b"{}", b"[1]", b'{"id": "", "event": "ringing"}', b'{"id": "1", "event": "exploded"}'):
        assert exchange.sends(body, time.time()).status_code == 422
    assert exchange.sends(b"x" * 70_000, time.time()).status_code == 413
    assert exchange.calls() == []


def test_while_the_secret_is_changed_both_hold_and_after_disconnecting_none(shop: Shop, exchange: Exchange) -> None:
    former = exchange.secret
    exchange.connect()
    present, exchange.secret = exchange.secret, former
    assert present != former
    assert exchange.tells("ringing", "by the former").status_code == 204
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.connection().exec_driver_sql("update telephone set former_until = now() - interval '1 second'")
    assert exchange.tells("ringing", "too late").status_code == 403
    exchange.secret = present
    assert exchange.tells("ringing", "by the present").status_code == 204
    assert shop.rows("select 1 from telephone where secret like :secret", secret=present.encode()) == []
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.connection().exec_driver_sql("update telephone set deleted_at = now()")
    assert exchange.tells("ended", "by the present").status_code == 403


def test_the_telephone_of_another_workspace_is_not_heard_here(exchange: Exchange, other: Shop) -> None:
    theirs = Exchange(other)
    exchange.secret = theirs.secret
    assert exchange.tells("ringing").status_code == 403
    exchange.url = theirs.url
    assert exchange.tells("ringing").status_code == 204
    assert (len(exchange.calls()), len(theirs.calls())) == (0, 1)


def test_twilio_is_understood_from_the_first_ring_to_the_end(shop: Shop) -> None:
    exchange = Exchange(shop, "twilio")
    petr = exchange.line("+420 541 000 222")
    contact = exchange.contact()
    both = {"From": "+420602114873", "AccountSid": "AC1"}
    call = {**both, "CallSid": "CA1", "To": "+420541000111", "Direction": "inbound"}
    leg = {**both, "CallSid": "CA2", "ParentCallSid": "CA1", "To": "+420541000222", "Direction": "outbound-dial"}
    for form in (
        {**call, "CallStatus": "ringing"},
        {**call, "CallStatus": "in-progress"},
        {**leg, "CallStatus": "ringing"},
    ):
        assert exchange.tells_as_twilio(**form).status_code == 204
        assert exchange.calls()[0].state == "ringing"
    assert exchange.calls()[0].shown_to == [petr]
    exchange.tells_as_twilio(**leg, CallStatus="in-progress")
    assert (exchange.calls()[0].state, exchange.calls()[0].member_id) == ("answered", petr)
    exchange.tells_as_twilio(**leg, CallStatus="completed")
    assert exchange.calls()[0].state == "answered", "a leg that ends is no end of the call"
    exchange.tells_as_twilio(**call, CallStatus="completed", CallDuration="60")
    (only,) = exchange.calls()
    assert (only.state, only.contact_id, only.provider_id) == ("ended", contact.id, "CA1")


EVENTS = st.lists(st.sampled_from(["ringing", "answered", "ended"]), min_size=1, max_size=6)


@given(EVENTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_call_only_goes_forward(exchange: Exchange, events: list[str]) -> None:
    order = ("ringing", "answered", "missed", "ended")
    call, state, before = f"h{time.monotonic_ns()}", "", 0
    for event in events:
        exchange.tells(event, call)
        state = exchange.shop.rows("select state from call where provider_id = :call", call=call)[0].state
        assert order.index(state) >= before
        before = order.index(state)
    expected = "ended" if {"answered", "ended"} <= set(events) else "missed" if "ended" in events else None
    assert state == (expected or ("answered" if "answered" in events else "ringing"))


@pytest.mark.parametrize(
    ("direction", "told", "stops"),
    [("in", ["ringing", "ended"], False), ("in", ["ringing", "answered"], True), ("out", ["ringing", "ended"], True)],
)
def test_who_was_called_or_spoken_with_has_been_contacted(
    exchange: Exchange, direction: str, told: list[str], stops: bool
) -> None:
    petr, contact = exchange.line("101"), exchange.contact()
    with exchange.shop.base.workspace(exchange.shop.workspace) as session, session.begin():
        ago = datetime.now(UTC) - timedelta(minutes=5)
        session.add(Request(source="form", name="Novák", state="new", contact_id=contact.id, created_at=ago))
    ends = {"from": "101", "to": "+420602114873"} if direction == "out" else {}
    for event in told:
        exchange.tells(event, extension="101", direction=direction, **ends)
    (row,) = exchange.shop.rows("select first_contact_at, assignee_id, state from request")
    assert (row.first_contact_at is not None) is stops
    if direction == "in" and stops:
        assert (row.assignee_id, row.state) == (petr, "converted")
