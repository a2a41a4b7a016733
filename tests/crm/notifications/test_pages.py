"""The pages of notifications: each one's own lines alone, read and unread, and how one wants to be told."""

from datetime import time

import pytest
from sqlalchemy import event

from core.ids import new_id
from crm.notifications import choices
from tests.crm.notifications.office import Office
from tests.crm.people import HARMFUL, RUNNING, Desk

PETR, EVA = "Petr Malý", "Eva Nová"


def unread(office: Office, name: str = PETR) -> int:
    query = "select 1 from notification n join member m on m.id = n.member_id where m.name = :name and read_at is null"
    return len(office.shop.rows(query, name=name))


def test_the_bell_counts_only_ones_own_and_is_one_query(office: Office) -> None:
    office.task(assignee_id=office.id_of(PETR))
    office.work()
    petr, eva = (Desk.of(office.shop, office.people[name]) for name in (PETR, EVA))
    assert "Notifications, 1 unread" in petr.page("/contacts/")
    assert "unread" not in eva.page("/contacts/")
    asked: list[str] = []
    listening = (office.shop.base.ws, "before_cursor_execute")

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(*listening, note)
    petr.page("/contacts/")
    event.remove(*listening, note)
    assert [("notification" in one) for one in asked].count(True) == 1
    api = office.shop.api(office.people[PETR])
    event.listen(*listening, note)
    asked.clear()
    api.get("/contacts")
    event.remove(*listening, note)
    assert not any("notification" in one for one in asked)


def test_the_list_reads_by_day_and_record_and_marks_them(office: Office) -> None:
    deal = office.deal(owner_id=office.id_of(PETR))
    office.note(text="First words", deal_id=deal.id)
    office.task(name="A task", assignee_id=office.id_of(PETR))
    office.work()
    desk = Desk.of(office.shop, office.people[PETR])
    page = desk.page("/notifications/")
    assert page.count('<li class="told-group unread"') == 2
    assert page.count('class="told-line unread"') == 3
    assert f"/deals/{deal.id}" in page
    assert "First words" in page
    desk.send("/notifications/seen", at=office.shop.path(f"/deals/{deal.id}"))
    assert unread(office) == 1
    assert desk.page("/notifications/?unread=1").count('class="told-line unread"') == 1
    (left,) = office.shop.rows("select id from notification where read_at is null")
    desk.send(f"/notifications/{left.id}/read")
    assert unread(office) == 0
    desk.send(f"/notifications/{left.id}/read")
    assert unread(office) == 1
    desk.send("/notifications/read")
    assert unread(office) == 0
    assert "All is read" in desk.page("/notifications/?unread=1")


def test_nobody_reads_or_marks_what_another_was_told(office: Office) -> None:
    office.task(name="For Petr alone", assignee_id=office.id_of(PETR))
    office.work()
    (row,) = office.shop.rows("select id, record_id from notification")
    for desk in (Desk.of(office.shop), Desk.of(office.shop, office.people[EVA])):
        assert "For Petr alone" not in desk.page("/notifications/")
        assert desk.send(f"/notifications/{row.id}/read").status_code == 404
        desk.send("/notifications/seen", at=f"/tasks/{row.record_id}/edit")
        desk.send("/notifications/read")
        assert unread(office) == 1


def test_who_looks_with_anothers_eyes_sees_nothing_of_it(office: Office) -> None:
    office.task(assignee_id=office.id_of(PETR))
    office.work()
    desk = Desk.of(office.shop)
    with desk.client.session_transaction() as stored:
        stored["seeing"] = {str(office.shop.workspace.id): str(office.id_of(PETR))}
    assert "1 unread" not in desk.page("/contacts/")
    for path in ("/notifications/", "/notifications/preferences"):
        assert desk.get(path).status_code == 403


@pytest.mark.parametrize("text", RUNNING)
def test_nothing_that_was_written_runs(office: Office, text: str) -> None:
    deal = office.deal(name=text, owner_id=office.id_of(PETR))
    office.note(text=text, deal_id=deal.id)
    office.work()
    page = Desk.of(office.shop, office.people[PETR]).page("/notifications/")
    assert not [one for one in HARMFUL if one in page]


def test_watching_is_a_button_of_the_card(office: Office) -> None:
    deal = office.deal()
    desk = Desk.of(office.shop, office.people[EVA])
    assert ">Watch<" in desk.page(f"/deals/{deal.id}").replace("</svg>", "</svg>>")
    answer = desk.send(
        "/notifications/watch", kind="deal", record=str(deal.id), watching="1", next=desk.shop.path("/deals/")
    )
    assert answer.headers["Location"] == desk.shop.path("/deals/")
    assert "Stop watching" in desk.page(f"/deals/{deal.id}")
    for kind, record in (("deal", str(new_id())), ("member", str(office.id_of(PETR))), ("deal", "x"), ("", "")):
        assert desk.send("/notifications/watch", kind=kind, record=record, watching="1").status_code == 404
    assert len(office.shop.rows("select 1 from watch")) == 1


def test_ones_own_choice_is_stored_refused_and_given_back(office: Office) -> None:
    desk = Desk.of(office.shop, office.people[PETR])
    said = {"on": ["task_due.mail", "task_due.app", "new_device.mail", "nonsense.app"], "digest": "06:30",
            "quiet_from": "22:00", "quiet_to": "07:00"}  # fmt: skip
    assert desk.send("/notifications/preferences", **said).status_code == 303
    with office.acting(PETR) as actor:
        wish = choices.of_actor(actor)
    assert wish.channels("task_due") == {"app", "mail"}
    assert wish.channels("new_device") == set(), "there is no mail of this kind to choose"
    assert (wish.digest, wish.quiet) == (time(6, 30), (time(22), time(7)))
    for wrong in ({"quiet_from": "22:00"}, {"digest": "25:00"}, {"quiet_from": "x", "quiet_to": "07:00"}):
        assert desk.send("/notifications/preferences", **wrong).status_code == 422
    with office.acting(PETR) as actor:
        assert choices.of_actor(actor) == wish
    assert 'value="task_due.mail" ' in desk.page("/notifications/preferences")
    desk.send("/notifications/preferences/reset")
    with office.acting(PETR) as actor:
        assert choices.of_actor(actor) == choices.Wish()


def test_only_who_may_edit_the_settings_chooses_for_all(office: Office) -> None:
    desk = Desk.of(office.shop, office.people[PETR])
    assert desk.get("/settings/notifications").status_code == 403
    assert desk.send("/settings/notifications", on=[]).status_code == 403
    assert office.shop.rows("select 1 from notify_choice") == []
    owner = Desk.of(office.shop)
    assert owner.send("/settings/notifications", on=["task_due.app"], digest="07:00").status_code == 303
    with office.acting(PETR) as actor:
        assert choices.of_actor(actor).digest == time(7)
        assert choices.of_actor(actor).channels("mention") == set()
    (noted,) = office.shop.rows("select * from event where action = 'settings.notify'")
    assert noted.after["digest"] == "07:00"


def test_the_app_can_be_installed_and_its_worker_keeps_no_page(office: Office) -> None:
    client = office.shop.app.test_client()
    manifest = client.get("/manifest.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    icons = (manifest.json or {})["icons"]
    assert {icon["sizes"] for icon in icons} == {"192x192", "512x512"}
    for icon in icons:
        assert client.get(icon["src"]).status_code == 200
    worker = client.get("/service-worker.js")
    assert worker.mimetype == "text/javascript"
    source = worker.get_data(as_text=True)
    assert "showNotification" in source
    assert "caches" not in source
    assert '"fetch"' not in source
