"""Mail that comes back: to which member it was, whether for good, and what becomes of that.

Each letter to a member is sent from `bounces+<token>@...` (VERP), so that whatever comes back names them by itself,
however it is written. The token is signed; without it nobody's mail can be stopped.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from uuid import UUID, uuid5

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from config.settings import Settings
from core import signing
from core.actor import Actor
from core.db import Database, Workspace
from core.errors import NotFound
from core.mail import is_final
from crm.notifications.kinds import holding
from crm.notifications.models import MailBlock
from crm.notifications.telling import tell_members
from tenants.directory import locate_number
from tenants.models import Member

PURPOSE = "bounces"
NUMBER = 5  # bytes of a workspace's number
# Headers of a returned mail in which its own addressee stands, the surest first.
ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To")
LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class Returned:
    """`final`: the address takes nothing any more, for this reason."""

    workspace: Workspace
    member_id: UUID
    final: bool
    reason: str


def address(config: Settings, workspace: Workspace, member_id: UUID, email: str) -> str:
    """Where a letter to this member comes back to; "" where nothing takes it. In small letters and digits, since mail
    servers may not keep capitals."""
    if config.bounces_to is None:
        return ""
    name, _at, domain = config.bounces_to.partition("@")
    said = workspace.id.to_bytes(NUMBER, "big") + member_id.bytes
    token = base64.b32encode(said + signing.stamp(config, PURPOSE, stamped_text(said, email)))
    return f"{name}+{token.decode().rstrip('=').lower()}@{domain}"


def stamped_text(said: bytes, email: str) -> str:
    """With the address, so that what comes back late from a former one stops nothing."""
    return f"{said.hex()} {email}"


def tokens(text: str) -> Iterator[tuple[bytes, bytes]]:
    """What the addresses in a text name, and by which stamp: not looked at yet."""
    for token in re.findall(r"\+([A-Za-z2-7]{40,60})@", text):
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except binascii.Error:
            continue
        yield raw[: NUMBER + 16], raw[NUMBER + 16 :]


def whose(config: Settings, database: Database, said: bytes, stamp: bytes) -> tuple[Workspace, UUID] | None:
    """The member that a token names, where we have written it for the address they still have."""
    workspace = locate_number(database, int.from_bytes(said[:NUMBER], "big")) if len(said) == NUMBER + 16 else None
    if workspace is None:
        return None
    with database.workspace(workspace, reading=True) as session:
        member = session.get(Member, UUID(bytes=said[NUMBER:]))
    if member is None or not signing.stamped(config, PURPOSE, stamped_text(said, member.email), stamp):
        return None
    return workspace, member.id


def returned(config: Settings, database: Database, written: bytes) -> Returned | None:
    """What a returned mail (RFC 3464) says, or None where it is none of ours."""
    message = message_from_bytes(written, policy=policy.default)
    named = (token for text in addressees(message) for token in tokens(text))
    found = next((member for token in named if (member := whose(config, database, *token))), None)
    if found is None:
        return None
    for part in recipients(message):
        action, status = str(part.get("Action", "")).strip().lower(), str(part.get("Status", "")).strip()
        if action == "failed" and is_final(status):
            said = str(part.get("Diagnostic-Code") or status)
            return Returned(*found, True, " ".join(said.split())[:LONGEST])
    return Returned(*found, False, "")


def addressees(message: Message) -> Iterator[str]:
    for name in ADDRESSED:
        yield from (str(value) for value in message.get_all(name, []))


def recipients(message: EmailMessage | Message) -> Iterator[Message]:
    """The groups of fields of each delivery status in it."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            groups = part.get_payload()
            yield from (group for group in groups if isinstance(group, Message)) if isinstance(groups, list) else ()


def take(config: Settings, database: Database, written: bytes) -> str:
    """Do what a returned mail asks for, and say in a line what that was."""
    found = returned(config, database, written)
    if found is None:
        return "this is no mail of ours that came back"
    if not found.final:
        return "nothing final: mail goes on"
    if block(database, found.workspace, found.member_id, found.reason):
        return f"no more mail goes to member {found.member_id} of workspace {found.workspace.id}"
    return "known already"


def block(database: Database, workspace: Workspace, member_id: UUID, reason: str) -> bool:
    """Send nothing to the member's present address any more; they and whoever cares for people hear why, in the app.
    False where it is so already."""
    with database.workspace(workspace) as session, session.begin():
        member = session.scalar(select(Member).where(Member.id == member_id).with_for_update())
        if member is None:
            return False
        values = {"email": member.email, "reason": reason, "at": func.now()}
        row = insert(MailBlock).values(member_id=member_id, **values)
        new = session.execute(
            row.on_conflict_do_update(
                index_elements=[MailBlock.member_id], set_=values, where=MailBlock.email != member.email
            ).returning(MailBlock.at)
        ).first()
        if new is None:
            return False
        cause = uuid5(member_id, f"{member.email} {new.at.isoformat()}")
        to = [member_id, *holding(session, "member", "edit")]
        data = {"record_kind": "member", "record_id": member_id}
        tell_members(session, workspace, "mail_stopped", cause, to, title=member.name, **data)
        return True


def blocks(actor: Actor) -> dict[UUID, MailBlock]:
    """Whose mail is stopped, as far as the actor may know: oneself, and all for who may change people. A new address
    is not stopped."""
    query = select(MailBlock).join(Member, Member.id == MailBlock.member_id).where(MailBlock.email == Member.email)
    if not actor.may("member", "edit"):
        query = query.where(MailBlock.member_id == actor.member.id)
    return {row.member_id: row for row in actor.db.scalars(query)}


def try_again(actor: Actor, member_id: UUID) -> None:
    """Send mail there again. Raises NotFound."""
    with actor.transaction():
        if member_id not in blocks(actor):
            raise NotFound()
        actor.db.execute(delete(MailBlock).where(MailBlock.member_id == member_id))
