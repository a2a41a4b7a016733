"""Mail about what happened: one letter for several things, a way out that scanners cannot press, what comes back."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from config.settings import Settings, SettingsError, Smtp, settings
from core import jobs, mail
from core.ids import new_id
from crm.notifications import bounces, choices, unsubscribing
from crm.notifications.queries import mark
from crm.tasks import actions as tasks
from tests.crm.notifications.office import Office
from tests.crm.people import Desk
from tests.smtp import Inbox, inbox

PETR, EVA = "Petr Malý", "Eva Nová"
LINK = re.compile(r"/unsubscribe/[^\s>]+")


@pytest.fixture
def server(office: Office) -> Iterator[Inbox]:
    """A mail server that the application sends to."""
    with inbox() as made:
        config = office.shop.app.config
        before = config["OKNO"]
        smtp = Smtp("127.0.0.1", made.port, "none")
        config["OKNO"] = replace(before, smtp=smtp, bounces_to="bounces@okno.example")
        yield made
        config["OKNO"] = before


def tell(office: Office, *names: str, to: str = PETR) -> None:
    """Give somebody tasks, and let the clock bind the letter."""
    for name in names:
        office.task(name=name, assignee_id=office.id_of(to))
    office.work()
    office.look(datetime.now(UTC) + timedelta(minutes=3))


def send(office: Office) -> list[str]:
    return office.run("notifications.mail", "notifications.digest")


def parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_a_letter_says_what_and_whom_with_one_button_and_the_way_out(office: Office, server: Inbox) -> None:
    tell(office, "Call Novák")
    send(office)
    (message,) = server.messages
    plain, html = parts(message)
    assert message["Subject"] == "Jana Dvořáková gave you the task Call Novák"
    path = f"/{office.shop.workspace.slug}/tasks/"
    assert plain.count(path) == html.count(path) == 1
    assert html.count('class="button"') == 1
    assert "prefers-color-scheme: dark" in html
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert LINK.search(message["List-Unsubscribe"])
    assert LINK.search(plain)
    assert (server.got[0].mail_from or "").startswith("bounces+")
    assert office.shop.rows("select 1 from notification where mailed_at is null") == []


def test_several_things_within_minutes_are_one_letter(office: Office, server: Inbox) -> None:
    tell(office, "First", "Second", "Third")
    assert send(office) == ["notifications.mail"]
    (message,) = server.messages
    plain, html = parts(message)
    assert message["Subject"] == "Jana Dvořáková gave you the task First, and 2 more"
    assert all(f"task {name}" in plain and f"task {name}" in html for name in ("First", "Second", "Third"))
    office.look(datetime.now(UTC) + timedelta(minutes=9))
    assert send(office) == []


def test_what_was_read_or_is_gone_meanwhile_is_not_mailed(office: Office, server: Inbox) -> None:
    tell(office, "Read", "Gone", "Left")
    with office.acting(PETR) as actor:
        (first,) = office.shop.rows("select record_id from notification n join task t on t.id = record_id "
                                    "where t.name = 'Read'")  # fmt: skip
        mark(actor, records=[first.record_id])
    with office.acting() as actor:
        gone = actor.db.execute(text("select id from task where name = 'Gone'")).scalar_one()
        tasks.delete(actor, tasks.OneTask(id=gone))
    send(office)
    assert [one["Subject"] for one in server.messages] == ["Jana Dvořáková gave you the task Left"]
    tell(office, "All read")
    with office.acting(PETR) as actor:
        mark(actor)
    send(office)
    assert len(server.got) == 1


def test_it_is_written_in_the_language_and_escaped(office: Office, server: Inbox) -> None:
    with office.shop.base.workspace(office.shop.workspace) as session, session.begin():
        session.execute(text("update member set language = 'cs' where name = :name"), {"name": PETR})
    tell(office, "<script>alert(1)</script> & \r\nBcc: x@example.com")
    send(office)
    (message,) = server.messages
    plain, html = parts(message)
    assert "<script>" not in html
    assert message["Bcc"] is None
    assert 'lang="cs"' in html
    assert "alert(1)" in plain


def test_a_greylisting_server_gets_the_same_letter_later(office: Office, server: Inbox) -> None:
    server.to_recipient, server.refusing = "450 4.2.0 come back later", 1
    tell(office, "Call")
    (row,) = [one for one in office.rows("job") if one.payload["job"] == "notifications.mail"]
    with office.shop.app.app_context():
        with pytest.raises(mail.NotSent):
            jobs.perform(office.place(), row.topic, row.payload)
        assert office.shop.rows("select 1 from notification where mailed_at is null")
        jobs.perform(office.place(), row.topic, row.payload)
        jobs.perform(office.place(), row.topic, row.payload)
    assert [one["Message-ID"] for one in server.messages] == [
        f"<{UUID(row.payload['arguments']['mail_id']).hex}@localhost>"
    ]
    assert len(jobs.TERMS["notifications.mail"].pauses) > 8


def test_a_server_that_does_not_answer_is_tried_again(
    office: Office, server: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT", 0.2)
    server.pause = 1.0
    tell(office, "Call")
    (row,) = [one for one in office.rows("job") if one.payload["job"] == "notifications.mail"]
    with office.shop.app.app_context(), pytest.raises(mail.NotSent):
        jobs.perform(office.place(), row.topic, row.payload)
    assert office.shop.rows("select 1 from notification where mailed_at is null")


@pytest.mark.parametrize(
    ("answer", "stops"),
    [("550 5.1.1 no such user", True), ("550 no such user", True), ("552 5.2.2 full", True),
     ("550 5.7.1 we do not trust you", False), ("554 go away", False)],
)  # fmt: skip
def test_a_refused_address_stops_and_a_refused_sender_does_not(
    office: Office, server: Inbox, answer: str, stops: bool
) -> None:
    server.to_recipient = answer
    tell(office, "Call")
    if stops:
        send(office)
    else:
        with pytest.raises(mail.Undeliverable):
            send(office)
    blocked = office.shop.rows("select member_id from mail_block")
    assert [row.member_id for row in blocked] == ([office.id_of(PETR)] if stops else [])


def test_only_an_address_that_is_the_members_own_is_written_to(office: Office, server: Inbox) -> None:
    with office.shop.base.controlling() as control:
        query = text("update control.identity set confirmed_at = null where id = :id")
        control.execute(query, {"id": office.people[PETR]})
    tell(office, "Call")
    send(office)
    assert server.got == []


# The way out


def link_of(office: Office, *kinds: str, name: str = PETR) -> str:
    config: Settings = office.shop.app.config["OKNO"]
    url = unsubscribing.address(config, office.shop.workspace, office.id_of(name), kinds)
    return url.removeprefix(config.url)


def test_following_the_link_changes_nothing_and_one_click_stops_that_kind_alone(office: Office) -> None:
    link = link_of(office, "task_assigned")
    stranger = office.shop.app.test_client()
    for _scanner in range(2):
        page = stranger.get(link)
        assert page.status_code == 200
        assert "A task is given to you" in page.get_data(as_text=True)
    assert office.shop.rows("select 1 from notify_choice") == []
    for _click in range(2):
        answer = stranger.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    with office.acting(PETR) as actor:
        wish = choices.of_actor(actor)
    assert wish.channels("task_assigned") == {"app", "push"}
    assert wish.channels("task_due") == {"app", "mail", "push"}
    with office.acting(EVA) as actor:
        assert "mail" in choices.of_actor(actor).channels("task_assigned")


def test_a_link_that_was_touched_does_nothing(office: Office) -> None:
    link = link_of(office, "task_assigned")
    other = link.replace(office.id_of(PETR).hex, office.id_of(EVA).hex)
    stranger = office.shop.app.test_client()
    for forged in (other, link[:-1], link.replace("task_assigned", "task_due"), "/unsubscribe/nonsense"):
        assert stranger.get(forged).status_code == 410
        assert stranger.post(forged).status_code == 400
    assert office.shop.rows("select 1 from notify_choice") == []


def test_the_digest_is_stopped_by_its_own_link(office: Office) -> None:
    with office.acting(PETR) as actor:
        choices.choose(actor, choices.Said(kinds={}, digest="07:00"))
    office.shop.app.test_client().post(link_of(office, "digest"))
    with office.acting(PETR) as actor:
        assert choices.of_actor(actor).digest is None


# What comes back


def returned(to: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery status notification as Postfix writes one."""
    return f"""Return-Path: <>
From: MAILER-DAEMON@okno.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.okno.example

Final-Recipient: rfc822; petr@example.com
Original-Recipient: rfc822;petr@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <petr@example.com>: Recipient address
    rejected: User unknown

--b1
Content-Type: text/rfc822-headers

Subject: hello
--b1--
""".replace("\n", "\r\n").encode()


def returns_to(office: Office, name: str = PETR) -> str:
    email = office.shop.rows("select email from member where name = :name", name=name)[0].email
    return bounces.address(office.shop.app.config["OKNO"], office.shop.workspace, office.id_of(name), email)


def take(office: Office, written: bytes) -> str:
    return bounces.take(office.shop.app.config["OKNO"], office.shop.base, written)


def test_what_came_back_for_good_stops_mail_and_they_and_an_admin_see_why(office: Office, server: Inbox) -> None:
    address = returns_to(office)
    assert len(address.partition("@")[0]) <= 64
    for _time in range(2):
        take(office, returned(address.upper().replace("BOUNCES", "bounces")))
    assert (
        office.told(PETR)
        == office.told()
        == [("mail_stopped", "Mail to Petr Malý comes back, so none is sent any more")]
    )
    assert office.told(EVA) == []
    tell(office, "Call")
    send(office)
    assert server.got == []
    for desk in (Desk.of(office.shop, office.people[PETR]), Desk.of(office.shop)):
        page = desk.page(f"/people/{office.id_of(PETR)}")
        assert "User unknown" in page
    assert "User unknown" not in Desk.of(office.shop, office.people[EVA]).page(f"/people/{office.id_of(PETR)}")


def test_trying_again_or_a_new_address_resumes(office: Office, server: Inbox) -> None:
    take(office, returned(returns_to(office)))
    stranger = Desk.of(office.shop, office.people[EVA])
    petr = str(office.id_of(PETR))
    assert stranger.send("/notifications/mail/try-again", member=petr).status_code == 404
    assert office.shop.rows("select 1 from mail_block")
    assert Desk.of(office.shop).send("/notifications/mail/try-again", member=petr).status_code == 303
    tell(office, "Call")
    send(office)
    assert len(server.got) == 1
    old = returns_to(office)
    take(office, returned(old))
    with office.shop.base.workspace(office.shop.workspace) as session, session.begin():
        session.execute(text("update member set email = :email where name = :name"),
                        {"email": f"{new_id().hex}@example.com", "name": PETR})  # fmt: skip
    tell(office, "Again")
    send(office)
    assert len(server.got) == 2
    assert take(office, returned(old)) == "this is no mail of ours that came back", "late, from the former address"


@pytest.mark.parametrize(
    ("status", "action"), [("4.4.1", "delayed"), ("4.2.0", "failed"), ("5.7.1", "failed"), ("2.0.0", "delivered")]
)
@pytest.mark.usefixtures("server")
def test_what_is_not_final_stops_nothing(office: Office, status: str, action: str) -> None:
    assert take(office, returned(returns_to(office), status, action)) == "nothing final: mail goes on"
    assert office.shop.rows("select 1 from mail_block") == []


@pytest.mark.parametrize("spoil", ["x", "other", "short", "plain"])
def test_nobody_elses_mail_can_be_stopped(office: Office, server: Inbox, spoil: str) -> None:
    address = returns_to(office)
    token = address.partition("+")[2].partition("@")[0]
    forged = {
        "x": address.replace(token, ("a" if token[0] != "a" else "b") + token[1:]),
        "other": address.replace(token, "a" * len(token)),
        "short": address.replace(token, token[:20]),
        "plain": "bounces@okno.example",
    }[spoil]
    assert take(office, returned(forged)) == "this is no mail of ours that came back"
    for rubbish in (b"", b"\xff\xfe", b"To: " + forged.encode(), returned(forged)[:300]):
        take(office, rubbish)
    assert office.shop.rows("select 1 from mail_block") == []


def test_an_address_that_leaves_no_room_for_the_token_is_refused(installed: None) -> None:
    environ = {"DATABASE_URL": "postgresql://localhost/none", "REDIS_URL": "redis://localhost", "OKNO_ENV": "embedded",
               "OKNO_SECRET_KEY": "a key for tests, long enough to pass as one"}  # fmt: skip
    assert (
        Settings.from_env({**environ, "OKNO_BOUNCES_TO": "bounces@okno.example"}).bounces_to == "bounces@okno.example"
    )
    assert settings().bounces_to is None
    for wrong in ("bounces", "a-very-long-name@okno.example", "x y@okno.example", "<a@b>"):
        with pytest.raises(SettingsError, match="OKNO_BOUNCES_TO"):
            Settings.from_env({**environ, "OKNO_BOUNCES_TO": wrong})


# The digest


def ask_digest(office: Office, name: str = PETR, day: date | None = None) -> None:
    day = day or datetime.now(ZoneInfo("Europe/Prague")).date()
    arguments: dict[str, Any] = {"member_id": str(office.id_of(name)), "day": day.isoformat()}
    with office.shop.app.app_context():
        jobs.JOBS["notifications.digest"](office.place(), **arguments)


def test_the_digest_tells_what_is_due_late_and_unread(office: Office, server: Inbox) -> None:
    ask_digest(office)
    assert server.got == [], "nothing to say is no mail"
    today = datetime.now(ZoneInfo("Europe/Prague")).date()
    office.task(PETR, name="For today", due_on=today)
    office.task(PETR, name="For tomorrow", due_on=today + timedelta(days=2))
    office.task(PETR, name="Long late", due_on=today - timedelta(days=3))
    office.task(EVA, name="Eva's own", due_on=today)
    office.task(name="Given", assignee_id=office.id_of(PETR))
    office.work()
    ask_digest(office)
    (message,) = server.messages
    plain, _html = parts(message)
    assert message["Subject"].startswith("Your day, ")
    assert "For today" in plain
    assert "Long late · 3 days late" in plain
    assert "gave you the task Given" in plain
    assert "For tomorrow" not in plain
    assert "Eva" not in plain
    ask_digest(office, day=today - timedelta(days=1))
    assert len(server.got) == 1, "a digest of yesterday is not sent any more"
