"""Members: who works in a workspace, and the Actor each of their requests becomes."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import (
    Case,
    Row,
    ScalarSelect,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from core.access import Circle, Right, Rights, covers, scope_of
from core.actor import Actor
from core.actor import Member as Acting
from core.db import Database, Workspace
from core.errors import Forbidden
from core.masking import mask_reads
from core.records import Record
from tenants.models import Department, Member, Membership, Role, Share, Team

Via = Literal["page", "api", "import", "job", "cli", "scim", "client", "process"]


class NotAMember(Forbidden):
    """The identity is known but has no active place in this workspace."""


# Who acts, built once. Member, rights and circle come with one query, so a change of rights counts from the next
# request; a circle is looked up only where the role has a right that goes so far.
Mate, Above = aliased(Member), aliased(Department)


def if_scope(scope: str, circle: ScalarSelect[Any]) -> Case[Any]:
    return case((literal_column(f"'{scope}'") == any_(Role.scopes), circle))


MATE_ID = func.unnest(Team.member_ids).column_valued("mate_id", joins_implicitly=True)
TEAM_MATES = (
    select(func.array_agg(MATE_ID))
    .select_from(Team)
    .where(Team.deleted_at.is_(None), Member.id == any_(Team.member_ids))
    .correlate(Member)
    .scalar_subquery()
)
# The departments a member works in or heads, and all that are below them.
OWN_DEPARTMENTS = (
    select(func.array_agg(Above.id))
    .where(Above.deleted_at.is_(None), or_(Above.id == Member.department_id, Above.head_id == Member.id))
    .correlate(Member)
    .scalar_subquery()
)
DEPARTMENT_MATES = (
    select(func.array_agg(Mate.id))
    .outerjoin(Department, Department.id == Mate.department_id)
    .where(
        or_(
            Department.path.overlap(OWN_DEPARTMENTS),
            and_(Mate.department_id.is_(None), Member.department_id.is_(None), OWN_DEPARTMENTS.is_(None)),
        )
    )
    .correlate(Member)
    .scalar_subquery()
)
SHARED = (
    select(func.jsonb_agg(func.jsonb_build_array(Share.record_kind, Share.record_id, Share.may_edit)))
    .outerjoin(Team, Team.id == Share.team_id)
    .where(
        Share.deleted_at.is_(None),
        or_(Share.member_id == Member.id, and_(Team.deleted_at.is_(None), Member.id == any_(Team.member_ids))),
    )
    .correlate(Member)
    .scalar_subquery()
)
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
        Role.fields,
        if_scope("team", TEAM_MATES).label("team"),
        if_scope("department", DEPARTMENT_MATES).label("department"),
        case((literal_column("'{all}'") != Role.scopes, SHARED)).label("shared"),
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
    address: str = "",
    reading: bool = False,
) -> Iterator[Actor]:
    """The Actor of one active member, with a session inside the workspace. Raises NotAMember.

    `who` is one of the queries above and `known` by what it finds the member. With `reading`, nothing can be changed.
    """
    with database.workspace(workspace, reading=reading) as session:
        row = session.connection().execute(who, {"known": known}).first()
        if row is None:
            raise NotAMember()
        yield actor_of(row, workspace, session, via, request_id, confirmed, address)


def actor_of(
    row: Row[Any],
    workspace: Workspace,
    session: Session,
    via: Via,
    request_id: str,
    confirmed: bool = True,
    address: str = "",
) -> Actor:
    """The Actor that a row of WHO describes."""
    mask_reads(session, row.fields)
    return described(row, workspace, session, via, request_id, confirmed, address)


def described(
    row: Row[Any],
    workspace: Workspace,
    session: Session,
    via: Via,
    request_id: str = "",
    confirmed: bool = True,
    address: str = "",
) -> Actor:
    """The same, for questions of rights alone: what the session reads is not masked."""
    columns: list[Any] = list(row)
    return Actor(
        workspace, Acting(*columns[:7]), row.rights, circle_of(row), row.fields, session, via, request_id, confirmed,
        address,
    )  # fmt: skip


def circle_of(row: Row[Any]) -> Circle:
    shared: dict[Right, set[UUID]] = {}
    for kind, record_id, may_edit in row.shared or ():
        for verb in ("view", "edit") if may_edit else ("view",):
            shared.setdefault((kind, verb), set()).add(UUID(record_id))
    return Circle(row.id, frozenset(row.team or ()), frozenset(row.department or ()), shared)


def acting_in(session: Session, workspace: Workspace, member_id: UUID, via: Via, request_id: str = "") -> Actor | None:
    """The Actor of a member within a session that is open already; None where they work here no more."""
    row = session.connection().execute(BY_ID, {"known": member_id}).first()
    return actor_of(row, workspace, session, via, request_id) if row is not None else None


def again(actor: Actor, session: Session) -> Actor:
    """The same Actor in a session of its own, for the next transaction of one piece of work."""
    mask_reads(session, actor.fields)
    return replace(actor, db=session, depth=0)


def sees(session: Session, member_id: UUID, record: Record) -> bool:
    """Whether this member works here and may see the record."""
    row = session.connection().execute(BY_ID, {"known": member_id}).first()
    return row is not None and covers(scope_of(row.rights, (record.kind, "view")), record, circle_of(row))


def asked_of(session: Session, workspace: Workspace, ids: Collection[UUID]) -> dict[UUID, Actor]:
    """The active ones among these members, as Actors that say what they may; they are not to read with."""
    rows = session.connection().execute(WHO.where(Member.id.in_(ids)))
    return {row.id: described(row, workspace, session, "job") for row in rows}


def acting_identity(
    database: Database,
    workspace: Workspace,
    identity_id: UUID,
    via: Via,
    request_id: str = "",
    confirmed: bool = True,
    *,
    address: str = "",
    reading: bool = False,
) -> AbstractContextManager[Actor]:
    """The Actor of the member that this person is here. Whether their session may enter, tenants.entrance asks."""
    return acting(
        database, workspace, BY_IDENTITY, identity_id, via, request_id,
        confirmed=confirmed, address=address, reading=reading,
    )  # fmt: skip


def acting_member(
    database: Database, workspace: Workspace, member_id: UUID, via: Via, request_id: str = ""
) -> AbstractContextManager[Actor]:
    """The Actor of a member known by id, as jobs need it: with the rights the member has now."""
    return acting(database, workspace, BY_ID, member_id, via, request_id)


# What may be done in the name of a client, who is no member: leave a request, and have it opened.
OF_CLIENTS: Rights = {
    "request": dict.fromkeys(("view", "create", "edit", "assign"), "all"),
    **{kind: dict.fromkeys(("view", "create", "assign"), "all") for kind in ("contact", "company", "deal")},
    **{kind: {"view": "all"} for kind in ("pipeline", "form", "field", "member", "department")},
}
NOBODY = cast("UUID", None)


@contextmanager
def acting_client(database: Database, workspace: Workspace, address: str = "") -> Iterator[Actor]:
    """The Actor of a client: the events of what it does name no member."""
    with database.workspace(workspace) as session:
        nobody = Acting(NOBODY, NOBODY, "", "", "", workspace.language, workspace.time_zone)
        yield Actor(
            workspace, nobody, OF_CLIENTS, Circle(NOBODY), {}, session, "client", address=address
        )  # fmt: skip


def as_client(actor: Actor) -> Actor:
    """The same unit of work in the name of a client, for what was sent by one and is done only now."""
    nobody = replace(actor.member, id=NOBODY, identity_id=NOBODY, name="", email="", role="")
    return replace(actor, member=nobody, rights=OF_CLIENTS, circle=Circle(NOBODY), fields={}, via="client")


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


def restored(session: Session, email: str) -> Member | None:
    """The member of this address who came out of a backup and is nobody's yet (tenants.backups.after)."""
    waiting = select(Member).where(Member.state == "restored", func.lower(Member.email) == email)
    return session.scalars(waiting.order_by(Member.id).limit(1)).first()


def colleagues(actor: Actor) -> list[tuple[UUID, str]]:
    """(id, name) of every active member, the actor first: the choices of an owner or assignee."""
    rows = actor.db.execute(
        select(Member.id, Member.name)
        .where(Member.state == "active", Member.deleted_at.is_(None))
        .order_by(Member.id != actor.member.id, func.lower(Member.name))
    )
    return [(row.id, row.name) for row in rows]


def owners(session: Session) -> list[Member]:
    """The active owners, by name."""
    found = select(Member).join(Role, Role.id == Member.role_id).where(Role.key == "owner", Member.state == "active")
    return list(session.scalars(found.order_by(func.lower(Member.name), Member.id)))


def enter_directory(control: Session, identity_id: UUID, workspace_id: int) -> None:
    """Note in the shared directory that this person may enter the workspace."""
    control.merge(Membership(identity_id=identity_id, workspace_id=workspace_id))
