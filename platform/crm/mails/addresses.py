"""The address for replies: it names the thread by itself, so that nothing a sender claims is asked.

As with mail that comes back (crm.notifications.bounces) the token is signed; who has never had a mail of the thread
cannot write into it.
"""

import base64
from uuid import UUID

from config.settings import Settings
from core import signing
from core.db import Workspace
from crm.notifications.bounces import NUMBER, tokens

PURPOSE = "replies"


def address(config: Settings, workspace: Workspace, thread_id: UUID) -> str:
    """Where a reply into the thread goes; "" where nothing takes it. In small letters and digits."""
    if config.replies_to is None:
        return ""
    name, _at, domain = config.replies_to.partition("@")
    said = workspace.id.to_bytes(NUMBER, "big") + thread_id.bytes
    token = base64.b32encode(said + signing.stamp(config, PURPOSE, said.hex()))
    return f"{name}+{token.decode().rstrip('=').lower()}@{domain}"


def thread_in(config: Settings, text: str) -> tuple[int, UUID] | None:
    """The workspace's number and the thread that an address in the text names, where we have written it."""
    for said, stamp in tokens(text):
        if len(said) == NUMBER + 16 and signing.stamped(config, PURPOSE, said.hex(), stamp):
            return int.from_bytes(said[:NUMBER], "big"), UUID(bytes=said[NUMBER:])
    return None
