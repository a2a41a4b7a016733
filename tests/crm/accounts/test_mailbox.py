"""The local mailbox, which is there in the embedded run alone."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from config.settings import Smtp, settings
from core import jobs, mail
from core.db import database
from core.mail import Message
from tests.visitor import Visitor


def test_mail_is_listed_and_shown_without_running_anything_in_it(app: Flask) -> None:
    visitor = Visitor(app)
    hostile = "<script>alert(1)</script><p onclick='x()'>Hi</p><img src='https://evil.example/x.png'>"
    mail.send(Message("one", visitor.email, "Zkouška <b>", "text & http://localhost:8000/x", hostile), settings())
    page = visitor.get("/dev/mail/").text
    assert "Zkouška &lt;b&gt;" in page
    path = (
        "/dev/mail/" + next(part for part in page.split('href="/dev/mail/') if visitor.email in part).split('"', 1)[0]
    )
    shown = visitor.get(path)
    assert 'sandbox="allow-popups' in shown.text
    assert "frame-src 'self'" in shown.headers["Content-Security-Policy"]
    assert "<script>alert" not in shown.text
    html = visitor.get(f"{path}/html")
    rules = html.headers["Content-Security-Policy"]
    assert rules.startswith("sandbox allow-popups")
    assert "default-src 'none'" in rules
    assert "allow-scripts" not in rules
    assert html.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("key", ["nothing", "..", "%2e%2e%2fsecret.key", "..%5csecret.key"])
def test_only_mail_is_shown(app: Flask, key: str) -> None:
    assert Visitor(app).get(f"/dev/mail/{key}").status_code == 404


def test_in_production_there_is_no_such_page(installed: None) -> None:
    from crm.app import create_app

    there = create_app(replace(settings(), env="production", smtp=Smtp("mail.example.com", 25, "none")))
    assert there.test_client().get("/dev/mail/").status_code == 404
    assert there.test_client().get("/login").status_code == 200


def test_mail_that_can_never_arrive_is_given_up_at_once_and_other_trouble_is_not(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trouble, kept, waiting in ((mail.NotSent("451"), 0, 1), (mail.Undeliverable("550"), 1, 0)):

        def fail(_message: Message, _config: object, trouble: Exception = trouble) -> None:
            raise trouble

        visitor = Visitor(app)
        visitor.sign_up()
        with database().controlling() as control:
            identity, work = control.execute(
                text("""
                select i.id, o.id from control.identity i, bus.outbox o
                where i.email = :e and o.payload->'arguments'->>'identity_id' = i.id::text
                    and o.payload->>'job' = 'account.confirm'
                """),
                {"e": visitor.email},
            ).one()
        assert identity
        monkeypatch.setattr(mail, "send", fail)
        with app.app_context():
            jobs.deliver(work)
        monkeypatch.undo()
        with database().controlling() as control:
            for table, count in (("failed", kept), ("outbox", waiting)):
                found = control.scalar(text(f"select count(*) from bus.{table} where id = :id"), {"id": work})
                assert found == count


def test_a_repeated_job_sends_the_same_link_under_the_same_message_id(app: Flask) -> None:
    from crm.accounts.jobs import send_confirm

    visitor = Visitor(app)
    visitor.sign_up()
    (letter,) = visitor.letters()
    link_id = str(letter["Message-ID"])[1:].partition("@")[0]
    with database().controlling() as control:
        identity = control.scalar(text("select id from control.identity where email = :e"), {"e": visitor.email})
    with app.app_context():
        send_confirm(jobs.Place(database(), None, 0, lambda: True), str(identity), link_id)
    first, second = visitor.letters()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_string().split("X-")[0].count("confirm") == second.as_string().split("X-")[0].count("confirm")
    visitor.post(visitor.link())
    with app.app_context():
        send_confirm(jobs.Place(database(), None, 0, lambda: True), str(identity), link_id)
    assert len(visitor.letters()) == 2
