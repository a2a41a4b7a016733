"""An SMTP server that takes mail into a list, refuses as it is told, or is slow."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Inbox:
    """`to_recipient` and `to_data` are refusals; `refusing` counts how often they are still given, None: always.
    `pause` are the seconds before the answer to the message."""

    def __init__(self) -> None:
        self.port = 0
        self.got: list[Envelope] = []
        self.to_recipient = self.to_data = ""
        self.refusing: int | None = None
        self.pause = 0.0

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(one.original_content or b"", policy=policy.default) for one in self.got]

    def refuses(self, answer: str) -> bool:
        if not answer or self.refusing == 0:
            return False
        if self.refusing is not None:
            self.refusing -= 1
        return True

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.refuses(self.to_recipient):
            return self.to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        await asyncio.sleep(self.pause)
        if self.refuses(self.to_data):
            return self.to_data
        self.got.append(envelope)
        return "250 OK"


@contextmanager
def inbox() -> Iterator[Inbox]:
    handler = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        handler.port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop(no_assert=True)
