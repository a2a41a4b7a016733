"""Tokens: named keys to the API.

A token reads okno_<workspace number>_<43 characters of 256 random bits><6 of a checksum>. The number finds the
workspace; the rest is known to it only by its SHA-256. The checksum lets scanners of leaked secrets recognise one.
"""

import hashlib
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import Text, all_, bindparam, func, select, text, update

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import Database, Workspace
from core.errors import Refusal
from tenants import factors
from tenants.directory import check_not_restoring, locate_number
from tenants.members import WHO, actor_of
from tenants.models import Member, Token, WorkspaceRow

SHAPE = re.compile(r"okno_(\d{1,12})_([A-Za-z0-9_-]{43})([0-9a-f]{6})")
LIFE = timedelta(days=365)


class NotSignedIn(Refusal):
    """No token, or one that is wrong, expired, revoked or of a member who left: the same answer for all."""

    status = 401


class NewToken(Input):
    name: Annotated[str, Field(min_length=1, max_length=80)]


class OneToken(Input):
    id: UUID


@action("token.create")
def create(actor: Actor, data: NewToken) -> tuple[Token, str]:
    """A token of the actor's own. Its text is returned here and can never be shown again."""
    value = secrets.token_urlsafe(32)
    full = f"okno_{actor.workspace.id}_{value}{checksum(value)}"
    token = Token(
        member_id=actor.member.id,
        name=data.name,
        hash=hash_of(full),
        ending=full[-4:],
        expires_at=datetime.now(UTC) + LIFE,
    )
    actor.db.add(token)
    return token, full


@action("token.delete")
def revoke(actor: Actor, data: OneToken) -> Token:
    """The token opens nothing from now on."""
    token = actor.take(Token, data.id, "delete")
    token.deleted_at = datetime.now(UTC)
    return token


def of_actor(actor: Actor) -> list[Token]:
    """The tokens this actor may see, newest first."""
    return list(actor.db.scalars(actor.visible(Token).order_by(Token.id.desc())))


NEW_PLACE = bindparam("address", type_=Text) != all_(Token.addresses)
UNNOTED = Token.used_at.is_(None) | (Token.used_at < func.now() - text("interval '1 hour'")) | NEW_PLACE
BY_TOKEN = (
    WHO.join(Token, Token.member_id == Member.id)
    .where(Token.hash == bindparam("known"), Token.deleted_at.is_(None), Token.expires_at > func.now())
    .add_columns(UNNOTED.label("unnoted"))
)
PLACES = 20  # addresses of one token that are remembered


@contextmanager
def acting_token(
    database: Database, given: str, request_id: str, address: str = "", *, reading: bool = False
) -> Iterator[Actor]:
    """The Actor behind a token, with the rights its member has now. Raises NotSignedIn, NeedsSecondFactor."""
    shape = SHAPE.fullmatch(given)
    workspace = locate_number(database, int(shape[1])) if shape and checksum(shape[2]) == shape[3] else None
    if workspace is None:
        if shape:
            check_not_restoring(database, WorkspaceRow.id == int(shape[1]))
        raise NotSignedIn()
    with database.workspace(workspace, reading=reading) as session:
        row = session.connection().execute(BY_TOKEN, {"known": hash_of(given), "address": address}).first()
        if row is None:
            raise NotSignedIn()
        actor = actor_of(row, workspace, session, "api", request_id, address=address)
        factors.check_demanded(database, workspace, actor.member)
        yield actor
    if row.unnoted:
        note_use(database, workspace, given, address)


def note_use(database: Database, workspace: Workspace, given: str, address: str) -> None:
    """Keep when the token was last used, to the hour, and from where, in a transaction of its own. A new place is an
    event."""
    with database.workspace(workspace) as session, session.begin():
        token = session.scalar(select(Token).where(Token.hash == hash_of(given)).with_for_update(skip_locked=True))
        row = session.connection().execute(BY_TOKEN, {"known": hash_of(given), "address": address}).first()
        if token is None or row is None:
            return
        actor = actor_of(row, workspace, session, "api", "", address=address)
        new_place = address not in token.addresses
        if new_place and token.addresses:
            events.note(actor, "token.use", "token", token.id, token.name, after={"address": address})
        places = [*token.addresses, address][-PLACES:] if new_place else token.addresses
        session.execute(update(Token).where(Token.id == token.id).values(used_at=func.now(), addresses=places))


def checksum(value: str) -> str:
    return f"{zlib.crc32(value.encode()) & 0xFFFFFF:06x}"


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
