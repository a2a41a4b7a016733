"""Each kind is told to the right people and nobody else, once, even when the work is repeated or dies in between."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from core import events
from core.ids import new_id
from core.jobs import JOBS
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.notifications import telling
from crm.notifications.kinds import KINDS
from crm.notifications.mentions import named
from crm.notifications.models import PushSubscription
from crm.notifications.watching import watch
from crm.tasks import actions as tasks
from crm.tasks.models import Task
from crm.timeline import actions as notes
from tenants import roles, staff
from tenants.models import Member
from tests.crm.exports.test_export import exported
from tests.crm.notifications.office import Office

PETR, EVA, OLGA = "Petr Malý", "Eva Nová", "Olga Tichá"


def test_an_ordinary_change_wakes_no_subscriber(office: Office) -> None:
    task = office.task()
    deal = office.deal()
    with office.acting() as actor:
        tasks.done(actor, tasks.OneTask(id=task.id))
        deals.change(actor, deals.change.parse({"id": deal.id, "amount": 5}))
        contact = contacts.create(actor, contacts.create.parse({"first_name": "Jan"}))
        contacts.change(actor, contacts.change.parse({"id": contact.id, "position": "owner"}))
    assert [row.payload.get("news") for row in office.rows()] == [None] * 6


def test_who_is_given_a_task_is_told_once_and_nobody_else(office: Office) -> None:
    task = office.task(assignee_id=office.id_of(PETR))
    office.work(times=2)
    assert office.told(PETR) == [("task_assigned", "Jana Dvořáková gave you the task Call Novák")]
    assert office.told() == office.told(EVA) == []
    with office.acting() as actor:
        tasks.assign(actor, tasks.AssignedTask(id=task.id, assignee_id=office.id_of(EVA)))
    office.work()
    assert [kind for kind, _text in office.told(EVA)] == ["task_assigned"]
    assert len(office.told(PETR)) == 1


def test_a_task_that_was_taken_back_before_the_worker_came_is_told_to_nobody(office: Office) -> None:
    task = office.task(assignee_id=office.id_of(PETR))
    with office.acting() as actor:
        tasks.assign(actor, tasks.AssignedTask(id=task.id, assignee_id=actor.member.id))
    office.work()
    assert office.told(PETR) == office.told() == []


def test_nobody_is_told_of_what_they_did_themselves(office: Office) -> None:
    office.task()
    deal = office.deal(PETR)
    with office.acting(PETR) as actor:
        deals.win(actor, deals.OneDeal(id=deal.id))
    office.note(PETR, f"I am @{PETR}", deal_id=deal.id)
    office.work()
    assert office.told() == office.told(PETR) == []


def test_owner_maker_and_whoever_wrote_hear_how_a_deal_ends(office: Office) -> None:
    deal = office.deal(owner_id=office.id_of(PETR))
    office.note(EVA, "They will sign", deal_id=deal.id)
    office.person(OLGA)
    office.work()
    assert office.told(PETR) == [
        ("deal_assigned", "Jana Dvořáková gave you the deal Windows"),
        ("note", "Eva Nová wrote at Windows"),
    ]
    with office.acting(PETR) as actor:
        deals.win(actor, deals.OneDeal(id=deal.id))
    office.work(times=2)
    won = ("deal_won", "Petr Malý won the deal Windows")
    assert office.told(EVA) == [won]
    assert office.told()[-1] == won
    assert won not in office.told(PETR) + office.told(OLGA)
    with office.acting() as actor:
        deals.reopen(actor, deals.OneDeal(id=deal.id))
        deals.lose(actor, deals.LostDeal(id=deal.id, reason="price"))
    office.work()
    lost = ("deal_lost", "Jana Dvořáková lost the deal Windows")
    assert office.told(PETR)[-1] == office.told(EVA)[-1] == lost


def test_watching_and_stopping_to_is_obeyed(office: Office) -> None:
    deal = office.deal(owner_id=office.id_of(PETR))
    office.work()
    with office.acting(EVA) as actor:
        watch(actor, "deal", deal.id, True)
    with office.acting(PETR) as actor:
        watch(actor, "deal", deal.id, False)
    office.note(text="News", deal_id=deal.id)
    office.work()
    assert office.told(EVA) == [("note", "Jana Dvořáková wrote at Windows")]
    assert [kind for kind, _text in office.told(PETR)] == ["deal_assigned"]


def test_a_mention_is_told_instead_of_the_note_and_anew_only_to_new_names(office: Office) -> None:
    deal = office.deal(owner_id=office.id_of(PETR))
    office.work()
    note = office.note(text="@petr malý, look. Mail x@eva.example", deal_id=deal.id)
    office.work(times=2)
    assert office.told(PETR)[1:] == [("mention", "Jana Dvořáková mentioned you at Windows")]
    assert office.told(EVA) == []
    with office.acting() as actor:
        notes.change(actor, notes.change.parse({"id": note.id, "text": "@Petr Malý and @Eva, look"}))
    office.work()
    assert len(office.told(PETR)) == 2
    assert office.told(EVA) == [("mention", "Jana Dvořáková mentioned you at Windows")]
    assert office.lines(EVA)[0].said == "@Petr Malý and @Eva, look"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("@Jan Novák", {1}), ("@jan novák.", {1}), ("(@Jana Nová)", {2}), ("@Jan", {1}), ("@Jana", set()),
        ("@Janek", set()), ("mail@jan.example", set()), ("a@Jan Novák", set()), ("@ Jan", set()), ("@@Jan", {1}),
        ("@Jana Nová, @Jan", {1, 2}), ("@Jana Nováková", {3}), ("", set()), ("@", set()),
    ],
)  # fmt: skip
def test_a_name_behind_an_at_sign_is_the_longest_that_fits(words: str, expected: set[int]) -> None:
    people = {UUID(int=1): "Jan Novák", UUID(int=2): "Jana Nová", UUID(int=3): "Jana Nováková"}
    assert {one.int for one in named(people, words)} == expected


def test_who_may_not_see_it_is_told_nothing(office: Office) -> None:
    """A field worker sees only what is theirs; sales of another department see neither."""
    office.person(OLGA, "field")
    deal = office.deal(owner_id=office.id_of(PETR))
    office.work()
    office.note(text=f"@{OLGA}, @{EVA}, look", deal_id=deal.id)
    office.work()
    assert office.told(OLGA) == []
    assert [kind for kind, _text in office.told(EVA)] == ["mention"]
    with office.acting() as actor:
        actor.db.execute(text("update member set state = 'left' where name = :name"), {"name": EVA})
        actor.db.commit()
    office.note(text=f"@{EVA}", deal_id=deal.id)
    office.work()
    assert [row.kind for row in office.shop.rows("select kind from notification")].count("mention") == 1


def test_what_was_told_is_silent_once_it_may_not_be_seen(office: Office) -> None:
    """The line stays, without a word of the record, when its reader is demoted or the record goes."""
    deal = office.deal(name="Secret windows", owner_id=office.id_of(PETR))
    office.note(text=f"@{EVA} hush", deal_id=deal.id)
    office.work()
    assert "Secret windows" in office.told(EVA)[0][1]
    with office.acting() as actor:
        field_role = actor.db.execute(text("select id from role where key = 'field'")).scalar_one()
        staff.give_role(actor, staff.GivenRole(id=office.id_of(EVA), role_id=field_role))
    (line,) = office.lines(EVA)
    assert "Secret" not in line.plain + line.said
    assert (line.path, line.said, line.visible) == ("", "", False)
    with office.acting() as actor:
        deals.delete(actor, deals.OneDeal(id=deal.id))
    assert "Secret" not in str(office.told(PETR))


def test_a_hidden_address_stands_in_no_line(office: Office) -> None:
    """A contact without a name is called by their e-mail; whoever may not see e-mails is not told it either."""
    with office.acting() as actor:
        matrix = {kind: dict.fromkeys(verbs, "all") for kind, verbs in roles.matrix_of({}).items()}
        values = {"name": "Clerks", "matrix": matrix, "special": [], "fields": {"contact": {"emails": "hidden"}}}
        role = roles.create(actor, roles.create.parse(values))
        staff.give_role(actor, staff.GivenRole(id=office.id_of(EVA), role_id=role.id))
        reached = {"emails": [{"address": "tajna@example.com"}], "owner_id": office.id_of(EVA)}
        contact = contacts.create(actor, contacts.create.parse(reached))
    office.note(text="Said", contact_id=contact.id)
    office.work()
    assert office.told(EVA) == [("note", "Jana Dvořáková wrote at without a name")]
    assert "tajna" not in str(office.shop.rows("select * from notification"))


def test_a_worker_that_dies_in_between_leaves_nothing_and_the_next_tells_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.acting() as actor:
        browser = {"endpoint": "https://push.example.com/1", "p256dh": "", "auth": "", "server_key": ""}
        actor.db.add(PushSubscription(member_id=office.id_of(PETR), sign_in_id=new_id(), **browser))
        actor.db.commit()
    office.task(assignee_id=office.id_of(PETR))
    (row,) = office.rows()

    def die(*_given: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(telling, "ring", die)
        with pytest.raises(RuntimeError, match="killed"):
            telling.hear(office.place(), row.payload)
    assert office.shop.rows("select 1 from notification") == []
    assert office.rows("job") == office.rows("wake")[1:] == []
    office.work(times=3)
    assert len(office.told(PETR)) == 1
    assert len(office.rows("job")) == 1, "one push is asked for"


def test_nobody_is_pushed_to_without_a_browser(office: Office) -> None:
    office.task(assignee_id=office.id_of(PETR))
    office.work()
    assert len(office.told(PETR)) == 1
    assert office.rows("job") == []


def test_many_at_once_are_one_line(office: Office) -> None:
    petr = office.id_of(PETR)
    with office.acting() as actor, actor.transaction(), events.watched(actor, "task.create"):
        for number in range(8):
            tasks.create(actor, tasks.create.parse({"name": f"Task {number}", "assignee_id": petr}))
    office.work(times=2)
    assert office.told(PETR) == [("task_assigned", "Jana Dvořáková gave you 8 tasks")]


def test_what_a_takeover_hands_over_is_told_by_its_own_page(office: Office) -> None:
    petr = office.id_of(PETR)
    with office.acting() as actor, actor.transaction(), events.watched(actor, "absence.take_over"):
        actor.db.add(Task(name="Taken over", assignee_id=petr))
    assert [row.payload["news"] for row in office.rows()] == [True]
    office.work()
    assert office.told(PETR) == []


Note = Callable[..., None]


def noted(office: Office, action: str, kind: str, **after: Any) -> None:
    with office.acting() as actor, actor.transaction():
        record_id = after.pop("record_id", new_id())
        events.note(actor, action, kind, record_id, "Contacts", after=after)
    office.work(times=2)


def test_an_event_of_another_feature_names_whom_to_tell(office: Office) -> None:
    task = office.task(name="Measure")
    office.work()
    noted(office, "task.late", "task", record_id=task.id, tell=office.id_of(PETR))
    assert office.told(PETR) == [("task_late", "Not done in time: Measure")]
    noted(office, "backup.failed", "backup", tell=None)
    assert office.told() == [("backup_failed", "A backup of Contacts failed")]
    assert (office.told(EVA), len(office.told(PETR))) == ([], 1)


def test_whoever_takes_data_along_hears_that_the_file_is_ready(office: Office) -> None:
    made = exported(office.shop, what="contacts", format="csv")
    office.work()
    (line,) = office.lines()
    assert (line.kind.name, line.plain) == ("export_done", f"Your export is ready: {made.file_name}")
    assert line.path == f"/exports/{made.id}"
    assert office.told(EVA) == []


def test_whoever_began_an_import_hears_of_its_end(office: Office) -> None:
    from crm.imports.run import halt
    from tests.factories import imported

    with office.acting() as actor:
        found = imported(actor, "clients")
        found.state = "running"
        actor.db.commit()
        member_id = actor.member.id
    halt(office.place(), found.id, member_id, "failed", lambda: "Something")
    halt(office.place(), found.id, member_id, "failed", lambda: "Something")
    office.work()
    assert office.told() == [("import_ended", "Your import has ended: clients.csv")]
    assert office.told(PETR) == []


def test_a_log_in_on_a_new_device_stands_in_each_workspace_of_the_person(office: Office) -> None:
    arguments = {"identity_id": str(office.people[PETR]), "device": "Firefox", "address": "192.0.2.1",
                 "seen": "2026-11-24T10:00:00+00:00", "key": str(new_id())}  # fmt: skip
    with office.shop.app.app_context():
        for _time in range(2):
            JOBS["account.new_device"](office.place(), **arguments)
    assert office.told(PETR) == [("new_device", "A log-in with your account on a new device: Firefox, 192.0.2.1")]
    assert office.told() == office.told(EVA) == []


def test_owners_hear_of_a_limit_beside_the_letter(office: Office) -> None:
    with office.shop.base.workspace(office.shop.workspace) as session, session.begin():
        session.execute(text("update counter set cap = 10 where name = 'contacts'"))
    with office.shop.app.app_context():
        for _time in range(2):
            JOBS["limits.tell"](office.place(), limit="contacts", level=100, key="0198" + "0" * 28)
    assert [kind for kind, _text in office.told()] == ["limit"]
    assert office.told(PETR) == []


def test_a_company_is_watched_too(office: Office) -> None:
    with office.acting(PETR) as actor:
        company = companies.create(actor, companies.create.parse({"name": "Penzion"}))
    office.note(text="Called", company_id=company.id, form="call", result="answered")
    office.work()
    assert office.told(PETR) == [("note", "Jana Dvořáková wrote at Penzion")]


def test_every_kind_says_what_is_needed_in_every_channel() -> None:
    for kind in KINDS.values():
        assert kind.channels <= set(kind.offers), kind.name
        assert "%(" in str(kind.sentence), kind.name
    assert {"task_assigned", "mention", "new_device"} <= KINDS.keys()


def test_the_open_pages_of_whom_it_concerns_are_rung(office: Office) -> None:
    office.task(assignee_id=office.id_of(PETR))
    (row,) = office.rows()
    telling.hear(office.place(), row.payload)
    rung = [one.payload for one in office.rows() if one.payload["kinds"] == ["notification"]]
    assert [one["members"] for one in rung] == [[str(office.id_of(PETR))]]
    with office.acting() as actor:
        assert actor.db.scalars(select(Member.id)).all()
