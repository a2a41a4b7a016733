"""A telephone exchange in the hands of a test: it signs and delivers, and its workspace's jobs are done."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.jobs import JOBS, Place
from crm.calls import actions
from crm.calls.front import address_of
from crm.contacts import actions as contacts
from tests.shop import Shop


@dataclass
class Exchange:
    shop: Shop
    provider: str = "generic"
    secret: str = ""
    url: str = ""
    lines: dict[UUID, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connect()

    def connect(self, token: str = "twilio's token") -> None:  # noqa: S107 (of a test)
        with self.shop.acting() as actor:
            wish = {"provider": self.provider, "token": token if self.provider == "twilio" else ""}
            telephone, self.secret = actions.connect(actor, actions.connect.parse(wish))
            self.url = address_of(self.shop.workspace.id, telephone.key)

    def line(self, number: str, name: str = "Petr Malý", role: str = "sales") -> UUID:
        """A member at this extension; returns the member's id."""
        self.shop.member(role, name)
        member_id: UUID = self.shop.rows("select id from member where name = :name", name=name)[0].id
        self.lines[member_id] = number
        said = [{"member_id": one, "number": extension} for one, extension in self.lines.items()]
        with self.shop.acting() as actor:
            actions.set_lines(actor, actions.set_lines.parse({"lines": said}))
        return member_id

    def tells(self, event: str, call: str = "c1", **values: Any) -> TestResponse:
        return self.sends(self.said(event, call, **values), time.time())

    def delivers(self, event: str, call: str = "c1", **values: Any) -> None:
        """The same over the wire, to a site that runs; see tests/browser/test_calls.py."""
        body = self.said(event, call, **values)
        assert self.post(body, self.signed(body, time.time())) == 204

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        raise NotImplementedError

    def said(self, event: str, call: str, **values: Any) -> bytes:
        return orjson.dumps({"id": call, "event": event, "from": "+420602114873", "to": "+420541000111", **values})

    def signed(self, body: bytes, at: float) -> dict[str, str]:
        stamp = str(int(at))
        proof = hmac.new(self.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"Okno-Timestamp": stamp, "Okno-Signature": proof}

    def sends(self, body: bytes, at: float, signature: str | None = None) -> TestResponse:
        headers = self.signed(body, at) | ({} if signature is None else {"Okno-Signature": signature})
        path = self.url.partition("//")[2].partition("/")[2]
        return self.shop.app.test_client().post(f"/{path}", data=body, headers=headers, content_type="application/json")

    def tells_as_twilio(self, signature: str = "", **form: str) -> TestResponse:
        """By hand as Twilio's documentation describes it, so that our own reading is not tested against itself."""
        signed = self.url + "".join(f"{name}{form[name]}" for name in sorted(form))
        proof = base64.b64encode(hmac.new(self.secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        path = self.url.partition("//")[2].partition("/")[2]
        headers = {"X-Twilio-Signature": signature or proof}
        return self.shop.app.test_client().post(f"/{path}", data=form, headers=headers)

    def contact(self, number: str = "602 114 873", name: str = "Novák", **values: Any) -> Any:
        with self.shop.acting() as actor:
            given = {"last_name": name, "phones": [{"number": number}], **values}
            return contacts.create(actor, contacts.create.parse(given))

    def calls(self) -> list[Any]:
        return self.shop.rows("select * from call order by began_at, id")

    def rung(self) -> list[list[str]]:
        """The members whose pages were told to look, one list for each ring."""
        return [row.payload["members"] for row in self.outbox("event") if row.payload["action"] == "call.ring"]

    def outbox(self, topic: str) -> list[Any]:
        with self.shop.base.controlling() as control:
            query = "select * from bus.outbox where role = :role and topic = :topic order by id"
            return list(control.execute(text(query), {"role": self.shop.workspace.role, "topic": topic}).all())

    def works(self, name: str) -> int:
        """Does the jobs of this name, whenever they are due; returns how many there were."""
        todo = [row for row in self.outbox("job") if row.payload["job"] == name]
        for row in todo:
            with self.shop.app.test_request_context("/"):
                JOBS[name](Place(self.shop.base, self.shop.workspace, row.id, lambda: True), **row.payload["arguments"])
        return len(todo)
