"""Somebody who comes from outside with a browser: fills in forms, gets mail, has an address of their own."""

import random
import re
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from config.settings import settings
from core import jobs
from core.db import database
from core.ids import new_id
from core.mail import local_mailbox
from tests.shop import csrf

PASSWORD = "zima jaro leto podzim"

# Work of the service itself that will send mail to an address.
WORK_FOR = text("""
select id from bus.outbox where role = 'okno_control' and topic = 'job' and (
    payload->'arguments'->>'email' = :email or payload->'arguments'->>'former' = :email
    or payload->'arguments'->>'identity_id' in (select id::text from control.identity where email = :email)
    or payload->'arguments'->>'link_id' in (select id::text from control.mailed_link where email = :email)
) order by id
""")


@dataclass
class Visitor:
    app: Flask
    email: str = field(default_factory=lambda: f"{new_id().hex}@example.com")

    def __post_init__(self) -> None:
        self.client = self.app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = ".".join(str(random.randint(1, 250)) for _ in range(4))

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, form_at: str | None = None, **fields: str) -> TestResponse:
        """Send a form; its token is read from the page `form_at` (else the same path)."""
        return self.client.post(path, data={"csrf_token": csrf(self.client, form_at or path), **fields})

    def sign_up(self, **fields: str) -> TestResponse:
        """The sign-up form with everything filled in, but for what is given."""
        given = {
            "name": "Petr Horák", "email": self.email, "password": PASSWORD, "business": "Okna Horák",
            "slug": f"okna-{new_id().hex[-10:]}", "industry": "windows", "language": "en",
            "time_zone": "Europe/Prague", **fields,
        }  # fmt: skip
        return self.post("/signup", **given)

    def log_in(self, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.post("/login", email=self.email, password=password, **fields)

    def ask(self, path: str, form_at: str) -> Any:
        """The JSON that a script of the page `form_at` is told when it asks for it."""
        headers = {"Accept": "application/json, application/problem+json"}
        return self.client.post(path, data={"csrf_token": csrf(self.client, form_at)}, headers=headers).json

    def one(self, sql: str) -> Any:
        """The single value that the shared tables hold; :me is the person's id."""
        with database().controlling() as control:
            me = control.scalar(text("select id from control.identity where email = :e"), {"e": self.email})
            return control.execute(text(sql), {"me": me} if ":me" in sql else {}).scalar()

    def change(self, sql: str) -> None:
        """Change the shared tables as time or an accident would."""
        with database().controlling() as control:
            me = "(select id from control.identity where email = :e)"
            control.execute(text(sql.replace(":me", me)), {"e": self.email})

    def fresh(self) -> "Visitor":
        """The same person in another browser elsewhere."""
        return Visitor(self.app, self.email)

    def letters(self, to: str | None = None) -> list[EmailMessage]:
        """All mail to the person (or another address), newest last, after the workers had their turn."""
        address = to or self.email
        work_off(self.app, address)
        box = local_mailbox(settings())
        mails = [
            message_from_bytes(box.get_bytes(key), _class=EmailMessage, policy=policy.default) for key in box.iterkeys()
        ]
        return sorted((mail for mail in mails if mail["To"] == address), key=lambda mail: str(mail["Message-ID"]))

    def link(self, to: str | None = None) -> str:
        """The path of the link in the newest letter."""
        found = re.search(r"http://localhost:8000(/(?:confirm|reset|email)/\S+)", body(self.letters(to)[-1]))
        assert found
        return found[1]


def body(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part
    return str(part.get_content())


def work_off(app: Flask, email: str) -> None:
    """Do the work that sends mail to the address; another test's worker may have it in hand for a moment."""
    for _ in range(100):
        with database().controlling() as control:
            waiting = [row.id for row in control.execute(WORK_FOR, {"email": email})]
        if not waiting:
            return
        with app.app_context():
            for work in waiting:
                jobs.deliver(work)
        time.sleep(0.02)
    raise AssertionError("mail does not go out")
