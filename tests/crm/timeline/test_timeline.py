"""The timeline: people's words and the machine's lines, in order, in the reader's language, page by page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import Invalid
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.deals.models import Pipeline
from crm.tasks import actions as tasks
from crm.timeline import actions
from crm.timeline.queries import Entry, timeline_of
from tests.crm.people import HARMFUL, RUNNING, Desk, company, contact
from tests.shop import Shop


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk.of(shop)


def told(shop: Shop, identity_id: Any = None, **subject: Any) -> list[str]:
    """The lines as plain text, the newest first."""
    with shop.acting(identity_id) as actor:
        feed = timeline_of(actor, **subject)
    return [plain(entry) for _day, entries in feed.days for entry in entries]


def plain(entry: Entry) -> str:
    return re.sub(r"<[^>]*>", "", str(entry.line)) + (f": {entry.said}" if entry.said else "")


def test_what_happened_to_a_contact_is_told_in_sentences(shop: Shop) -> None:
    person = contact(shop, last_name="Novák", position="Buyer")
    with shop.acting() as actor:
        change = {
            "id": person.id,
            "position": "Head buyer",
            "emails": [{"address": "jan@example.com"}],
            "labels": ["VIP"],
        }
        contacts.change(actor, contacts.change.parse(change))
        actions.create(actor, actions.create.parse({"contact_id": person.id, "text": "Price is fine."}))
        contacts.delete(actor, contacts.OneContact(id=person.id))
        contacts.restore(actor, contacts.OneContact(id=person.id))
    assert told(shop, contact=person) == [
        "Contact restored · Jana Dvořáková",
        "Contact deleted · Jana Dvořáková",
        "Jana Dvořáková wrote: Price is fine.",
        "Position changed from Buyer to Head buyer; E-mail: jan@example.com; Label VIP added · Jana Dvořáková",
        "Contact added · Jana Dvořáková",
    ]


def test_deals_and_tasks_stand_on_their_contacts_timeline(shop: Shop) -> None:
    person = contact(shop)
    with shop.acting() as actor:
        stages = actor.db.scalars(actor.visible(Pipeline)).one().stages
        first, second = stages[0].name, stages[1].name
        deal = deals.create(actor, deals.create.parse({"name": "Windows", "contact_id": person.id}))
        deals.move(actor, deals.move.parse({"id": deal.id, "stage_id": stages[1].id}))
        task = tasks.create(actor, tasks.create.parse({"name": "Measure", "deal_id": deal.id}))
        tasks.done(actor, tasks.OneTask(id=task.id))
        actions.create(
            actor, actions.create.parse({"form": "call", "deal_id": deal.id, "minutes": 4, "result": "answered"})
        )
        deals.win(actor, deals.win.parse({"id": deal.id}))
    expected = [
        "Deal Windows won",
        "Jana Dvořáková called, 4 min, answered",
        "Task Measure done",
        "Task Measure added",
        f"Deal Windows moved from {first} to {second}",
        "Deal Windows added",
        "Contact added",
    ]
    assert [line.split(" · ")[0] for line in told(shop, contact=person)] == expected
    own = [line.split(" · ")[0].replace("  ", " ") for line in told(shop, deal=deal)]
    assert own[0] == "Deal won"
    assert own[-1] == "Deal added"


def test_a_company_hears_of_its_people(shop: Shop) -> None:
    firm = company(shop)
    person, stranger = contact(shop, company_id=firm.id), contact(shop)
    with shop.acting() as actor:
        for about in (person, stranger):
            actions.create(actor, actions.create.parse({"contact_id": about.id, "text": f"About {about.id}"}))
    lines = told(shop, company=firm)
    assert [line for line in lines if "About" in line] == [f"Jana Dvořáková wrote: About {person.id}"]


def test_names_one_may_not_see_stay_unnamed(shop: Shop) -> None:
    worker = shop.member("field", "Petr Malý")
    with shop.acting(worker) as actor:
        person = contacts.create(actor, contacts.create.parse({"first_name": "Jan"}))
    secret = company(shop, name="Tajná firma")
    with shop.acting() as actor:
        contacts.change(actor, contacts.change.parse({"id": person.id, "company_id": secret.id}))
        actions.create(actor, actions.create.parse({"contact_id": person.id, "text": "Not for Petr"}))
    lines = told(shop, worker, contact=person)
    assert not [line for line in lines if "Tajná" in line or "Not for Petr" in line]
    assert [line for line in told(shop, contact=person) if "Tajná" in line]


def test_entries_are_read_page_by_page_each_once(desk: Desk) -> None:
    person = contact(desk.shop)
    start = datetime.now(UTC) - timedelta(days=40)
    with desk.shop.acting() as actor:
        for number in range(75):
            note = {"contact_id": person.id, "text": f"N{number}", "at": start + timedelta(hours=number)}
            actions.create(actor, actions.create.parse(note))
        for number in range(40):
            contacts.change(actor, contacts.change.parse({"id": person.id, "position": f"P{number}"}))
    seen: list[Any] = []
    before = ""
    with desk.shop.acting() as actor:
        for _page in range(20):
            feed = timeline_of(actor, contact=person, before=before)
            seen += [entry for _day, entries in feed.days for entry in entries]
            if feed.older is None:
                break
            before = feed.older
    assert len(seen) == len({entry.id for entry in seen}) == 75 + 40 + 1
    assert [entry.at for entry in seen] == sorted((entry.at for entry in seen), reverse=True)
    card = desk.page(f"/contacts/{person.id}")
    older = re.search(r'href="[^"]*(/timeline/contact/[^"]*)"', card)
    assert older
    page = desk.page(older[1].replace("&amp;", "&"))
    frame = re.search(r'<turbo-frame id="(before-[^"]*)"', card)
    assert frame
    assert f'<turbo-frame id="{frame[1]}"' in page


@pytest.mark.parametrize("before", ["x", "2026-01-01~x", "2026-01-01T00:00:00~01900000-0000-7000-8000-000000000000"])
def test_a_place_that_is_none_is_refused(shop: Shop, before: str) -> None:
    person = contact(shop)
    with shop.acting() as actor, pytest.raises(Invalid):
        timeline_of(actor, contact=person, before=before)


def test_a_card_costs_the_same_few_statements_however_long_its_past(desk: Desk) -> None:
    from sqlalchemy import event

    from core.db import database

    person = contact(desk.shop)
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    def statements() -> int:
        said.clear()
        event.listen(database().ws, "before_cursor_execute", note)
        try:
            desk.page(f"/contacts/{person.id}")
        finally:
            event.remove(database().ws, "before_cursor_execute", note)
        return len(said)

    with desk.shop.acting() as actor:
        contacts.change(actor, contacts.change.parse({"id": person.id, "position": "P"}))
        actions.create(actor, actions.create.parse({"contact_id": person.id, "text": "x"}))
    few = statements()
    with desk.shop.acting() as actor:
        for number in range(12):
            contacts.change(actor, contacts.change.parse({"id": person.id, "position": f"P{number}"}))
            actions.create(actor, actions.create.parse({"contact_id": person.id, "text": f"N{number}"}))
    assert statements() == few
    assert few <= 19  # the last: numbers beside bell and inbox, whether clients come regularly, the business's fields


def test_a_note_is_written_corrected_deleted_and_back(desk: Desk) -> None:
    person = contact(desk.shop)
    card = desk.shop.path(f"/contacts/{person.id}")
    answer = desk.send("/notes/", form="note", text="Wants oak\r\nand glass", contact_id=str(person.id))
    assert (answer.status_code, answer.headers["Location"]) == (303, card)
    (note,) = desk.shop.rows("select id, text, author_id from note")
    assert note.text == "Wants oak\nand glass"
    assert "Wants oak\nand glass" in desk.page(f"/contacts/{person.id}")
    at = re.search(r'name="at"[^>]*value="([^"]*)"', desk.page(f"/notes/{note.id}/edit"))
    assert at
    sent = {"form": "note", "at": at[1], "version": "1"}
    assert desk.send(f"/notes/{note.id}/edit", text="Wants beech", **sent).headers["Location"] == card
    conflict = desk.send(f"/notes/{note.id}/edit", text="Wants pine", **sent)
    assert conflict.status_code == 412
    assert "Wants pine" in conflict.get_data(as_text=True)
    assert "Saved by somebody else meanwhile: Wants beech" in conflict.get_data(as_text=True)
    assert desk.send(f"/notes/{note.id}/delete").headers["Location"] == card
    assert "Wants beech" not in desk.page(f"/contacts/{person.id}")
    desk.send(f"/notes/{note.id}/restore")
    assert "Wants beech" in desk.page(f"/contacts/{person.id}")


def test_two_people_at_one_call_see_both_values_in_words(desk: Desk) -> None:
    person = contact(desk.shop)
    desk.send("/notes/", form="call", direction="out", result="answered", text="Oak", contact_id=str(person.id))
    (note,) = desk.shop.rows("select id from note")
    page = desk.page(f"/notes/{note.id}/edit")
    hidden = dict(re.findall(r'name="(was|version)" value="([^"]*)"', page))
    at = re.search(r'name="at"[^>]*value="([^"]*)"', page)
    assert at
    sent = {"form": "call", "at": at[1], "version": hidden["version"], "was": hidden["was"].replace("&#34;", '"')}
    theirs = {"direction": "in", "result": "missed", "text": "Oak"}
    assert desk.send(f"/notes/{note.id}/edit", **theirs, **sent).status_code == 303
    conflict = desk.send(f"/notes/{note.id}/edit", direction="out", result="voicemail", text="Beech", **sent)
    shown = conflict.get_data(as_text=True)
    assert conflict.status_code == 412
    assert re.findall(r"meanwhile: ([^<]*)<", shown) == ["Missed"]
    assert re.search(r'value="in" checked', shown)  # left alone here, so theirs holds
    again = {"direction": "out", "result": "answered", "text": "Beech"}
    assert desk.send(f"/notes/{note.id}/edit", **again, **sent).status_code == 303
    assert tuple(desk.shop.rows("select direction, result, text from note")[0]) == ("in", "missed", "Beech")


def test_a_refused_note_keeps_its_words(desk: Desk) -> None:
    person = contact(desk.shop)
    answer = desk.send("/notes/", form="call", text="Long talk", minutes="many", contact_id=str(person.id))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Long talk" in page
    assert re.search(r'id="minutes"[^>]*value="many"', page)
    assert f'name="contact_id" value="{person.id}"' in page


def test_a_call_is_at_the_hour_of_the_members_clock(desk: Desk) -> None:
    person = contact(desk.shop)
    desk.send("/notes/", form="call", at="2026-07-01T10:30", direction="out", minutes="", contact_id=str(person.id))
    assert desk.shop.rows("select at from note")[0].at == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", RUNNING)
def test_texts_that_would_run_are_shown_as_texts(desk: Desk, text: str) -> None:
    person = contact(desk.shop)
    with desk.shop.acting() as actor:
        deal = deals.create(actor, deals.create.parse({"name": text, "contact_id": person.id, "about": text}))
        deals.lose(actor, deals.lose.parse({"id": deal.id, "reason": text}))
        actions.create(actor, actions.create.parse({"deal_id": deal.id, "text": text}))
    card = desk.page(f"/contacts/{person.id}")
    assert not [harm for harm in HARMFUL if harm in card]


def test_czech_readers_read_czech_days(app: Any) -> None:
    from tests.shop import open_shop

    with app.test_request_context("/"):
        czech = open_shop(app, language="cs")
    person = contact(czech)
    with czech.acting() as actor:
        past = {"contact_id": person.id, "text": "x", "at": "2024-11-20T10:00:00Z"}
        actions.create(actor, actions.create.parse(past))
    page = czech.browser().get(czech.path(f"/contacts/{person.id}")).get_data(as_text=True)
    assert "Středa 20. listopadu 2024" in page
