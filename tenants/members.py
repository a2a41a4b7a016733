"""Members: who works in a workspace, and the Actor each of their requests becomes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from core.actor import Actor
from core.actor import Member as Acting
from core.db import Database, Workspace
from core.errors import Forbidden
from tenants import factors
from tenants.models import Member, Membership, Role, WorkspaceRow

Via = Literal["page", "api", "import", "job", "cli"]


class NotAMember(Forbidden):
    """The identity is known but has no active place in this workspace."""


# Who acts, built once. Member and rights come with one query, so a change of rights counts from the next request.
WHO = (
    select(
        Member.id,
        Member.identity_id,
        Member.name,
        Member.email,
        Role.key,
        Member.language,
        Member.time_zone,
        Role.rights,
    )
    .join(Role, Role.id == Member.role_id)
    .where(Member.state == "active", Member.deleted_at.is_(None))
)
BY_IDENTITY = WHO.where(Member.identity_id == bindparam("known"))
BY_ID = WHO.where(Member.id == bindparam("known"))
BY_EMAIL = WHO.where(Member.email == bindparam("known"))


@contextmanager
def acting(
    database: Database,
    workspace: Workspace,
    who: Select[Any],
    known: UUID | str,
    via: Via,
    request_id: str = "",
    *,
    confirmed: bool = True,
    reading: bool = False,
) -> Iterator[Actor]:
    """The Actor of one active member, with a session inside the workspace. Raises NotAMember.

    `who` is one of the queries above and `known` by what it finds the member. With `reading`, nothing can be changed.
    """
    with database.workspace(workspace, reading=reading) as session:
        row = session.execute(who, {"known": known}).first()
        if row is None:
            raise NotAMember()
        yield actor_of(row, workspace, session, via, request_id, confirmed)


def actor_of(
    row: Row[Any], workspace: Workspace, session: Session, via: Via, request_id: str, confirmed: bool = True
) -> Actor:
    """The Actor that a row of WHO describes."""
    columns: list[Any] = list(row)
    return Actor(workspace, Acting(*columns[:7]), columns[7], session, via, request_id, confirmed)


@contextmanager
def acting_identity(
    database: Database,
    workspace: Workspace,
    identity_id: UUID,
    via: Via,
    request_id: str = "",
    confirmed: bool = True,
    *,
    reading: bool = False,
) -> Iterator[Actor]:
    """The Actor of the member that this person is here. On pages, raises NeedsSecondFactor where they lack one."""
    with acting(
        database, workspace, BY_IDENTITY, identity_id, via, request_id, confirmed=confirmed, reading=reading
    ) as actor:
        if via == "page":
            factors.check_demanded(database, workspace, actor.member)
        yield actor


def acting_member(
    database: Database, workspace: Workspace, member_id: UUID, via: Via, request_id: str = ""
) -> AbstractContextManager[Actor]:
    """The Actor of a member known by id, as jobs need it: with the rights the member has now."""
    return acting(database, workspace, BY_ID, member_id, via, request_id)


def acting_email(database: Database, workspace: Workspace, email: str, via: Via) -> AbstractContextManager[Actor]:
    """The Actor of the member with this e-mail, as the command line names people."""
    return acting(database, workspace, BY_EMAIL, email.strip().lower(), via)


def join(
    session: Session, identity_id: UUID, name: str, email: str, role: str, language: str, time_zone: str
) -> Member:
    """A new member with a ready-made role, in the session's transaction. Raises LookupError for an unknown role."""
    role_id = session.scalar(select(Role.id).where(Role.key == role))
    if role_id is None:
        raise LookupError(f"there is no role {role}")
    member = Member(
        identity_id=identity_id, name=name, email=email, role_id=role_id, language=language, time_zone=time_zone
    )
    session.add(member)
    session.flush()
    return member


def of_identity(session: Session, identity_id: UUID) -> Member | None:
    """The member that this person is in the session's workspace, whatever their state."""
    return session.scalar(select(Member).where(Member.identity_id == identity_id))


def colleagues(actor: Actor) -> list[tuple[UUID, str]]:
    """(id, name) of every active member, the actor first: the choices of an owner or assignee."""
    rows = actor.db.execute(
        select(Member.id, Member.name)
        .where(Member.state == "active", Member.deleted_at.is_(None))
        .order_by(Member.id != actor.member.id, func.lower(Member.name))
    )
    return [(row.id, row.name) for row in rows]


def enter_directory(control: Session, identity_id: UUID, workspace_id: int) -> None:
    """Note in the shared directory that this person may enter the workspace."""
    control.merge(Membership(identity_id=identity_id, workspace_id=workspace_id))


def catalogue(control: Session) -> list[WorkspaceRow]:
    """Every workspace in use, oldest first."""
    query = select(WorkspaceRow).where(WorkspaceRow.state != "ready").order_by(WorkspaceRow.taken_at, WorkspaceRow.id)
    return list(control.scalars(query))
