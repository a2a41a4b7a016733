"""Notes and calls: what they need, whose they are, and what they say of the last contact."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.deals import actions as deals
from crm.timeline import actions
from crm.timeline.models import Note
from tests.crm.people import contact
from tests.shop import Shop


def noted(shop: Shop, **values: Any) -> Note:
    with shop.acting() as actor:
        return actions.create(actor, actions.create.parse(values))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "x", "form": "fax"}, "form"),
        ({"text": "x", "minutes": 5}, "form"),
        ({"form": "call", "minutes": -1}, "minutes"),
        ({"form": "call", "minutes": 1441}, "minutes"),
        ({"form": "call", "direction": "up"}, "direction"),
        ({"text": "x", "at": "2026-01-01T10:00:00"}, "at"),
        ({"text": "x", "at": "2999-01-01T10:00:00Z"}, "at"),
        ({"text": "x", "deal_id": "01900000-0000-7000-8000-000000000000"}, "deal_id"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(shop: Shop, values: dict[str, Any], field: str) -> None:
    person = contact(shop)
    with pytest.raises(Invalid) as refusal:
        noted(shop, contact_id=person.id, **values)
    assert [name for name, _message in refusal.value.fields] == [field]
    assert shop.rows("select 1 from note") == []


def test_a_note_is_about_something(shop: Shop) -> None:
    with pytest.raises(Invalid):
        noted(shop, text="Nobody in particular")


def test_a_note_on_a_foreign_contact_is_refused(shop: Shop, other: Shop) -> None:
    foreign = contact(other)
    with pytest.raises(Invalid):
        noted(shop, text="x", contact_id=foreign.id)


def last_contact(shop: Shop) -> datetime | None:
    return shop.rows("select last_contact_at from contact")[0].last_contact_at  # type: ignore[no-any-return]


def test_the_last_contact_is_the_latest_note_whatever_their_order(shop: Shop) -> None:
    person = contact(shop)
    now = datetime.now(UTC).replace(microsecond=0)
    later, earlier = now - timedelta(days=1), now - timedelta(days=9)
    call = noted(shop, form="call", contact_id=person.id, at=later)
    noted(shop, text="x", contact_id=person.id, at=earlier)
    assert last_contact(shop) == later
    with shop.acting() as actor:
        actions.delete(actor, actions.OneNote(id=call.id))
    assert last_contact(shop) == earlier
    with shop.acting() as actor:
        actions.restore(actor, actions.OneNote(id=call.id))
    assert last_contact(shop) == later


def test_a_call_about_a_deal_is_a_contact_with_its_client(shop: Shop) -> None:
    person = contact(shop)
    with shop.acting() as actor:
        deal = deals.create(actor, deals.create.parse({"name": "Windows", "contact_id": person.id}))
    noted(shop, form="call", deal_id=deal.id)
    assert last_contact(shop) is not None


def test_a_call_makes_no_conflict_for_who_edits_the_contact(shop: Shop) -> None:
    person = contact(shop)
    before = shop.rows("select version, updated_at from contact")
    noted(shop, form="call", contact_id=person.id)
    assert shop.rows("select version, updated_at from contact") == before
    kinds = [row.kind for row in shop.rows("select kind from event order by id")]
    assert kinds[-2:] == ["contact", "note"]


def test_versions_and_rights_hold(shop: Shop) -> None:
    person = contact(shop)
    note = noted(shop, text="x", contact_id=person.id)
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": note.id, "version": 1, "text": "y"}))
        with pytest.raises(Conflict):
            actions.change(actor, actions.change.parse({"id": note.id, "version": 1, "text": "z"}))
        with pytest.raises(Invalid):
            actions.change(actor, actions.change.parse({"id": note.id, "contact_id": None}))
    with shop.acting(shop.member("reader")) as reader, pytest.raises(Forbidden):
        actions.create(reader, actions.create.parse({"text": "x", "contact_id": person.id}))
    with shop.acting(shop.member("field")) as worker, pytest.raises(NotFound):
        actions.delete(worker, actions.OneNote(id=note.id))
    assert shop.rows("select text from note")[0].text == "y"


def test_the_api_writes_lists_and_filters(shop: Shop) -> None:
    person, other_person = contact(shop), contact(shop)
    api = shop.api()
    body = {
        "form": "call",
        "contact_id": str(person.id),
        "direction": "in",
        "result": "missed",
        "at": "2026-01-05T10:00:00+01:00",
    }
    made = api.post("/notes", body)
    assert made.status_code == 201
    assert made.get_json()["at"] == "2026-01-05T09:00:00+00:00"
    api.post("/notes", {"text": "x", "contact_id": str(other_person.id)})
    assert [row["id"] for row in api.get(f"/notes?contact_id={person.id}").get_json()["data"]] == [
        made.get_json()["id"]
    ]
    assert [row["form"] for row in api.get("/notes?sort=at").get_json()["data"]] == ["call", "note"]
    assert api.patch(f"/notes/{made.get_json()['id']}", {"minutes": 3}, 1).get_json()["minutes"] == 3
    assert api.post("/notes", {"text": "x"}).status_code == 422
    assert api.post("/notes", {"text": "x" * 10_000_000, "contact_id": str(person.id)}).status_code == 413
