"""What must be true of a workspace that came out of a backup, before anybody enters it."""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from core.access import ROLES, SCOPES, VERBS, everything, scopes_in
from core.db import Base, Workspace
from core.ids import new_id
from core.limits import truths
from tenants.models import Invitation, Member, Person, Role
from tenants.sign_on_models import Domain

# Called after each restore, in its transaction, once the rows are in and settled. Features ask here anew for their
# timed work, and erased persons are erased again. Records have kept their identifiers, members theirs; the workspace
# may be another one than the rows came from: those that it may have been are given by their numbers.
HOOKS: list[Callable[[Session, Workspace, Collection[int]], object]] = []

RESTORED = "restored"  # the state of a member who is nobody's until invited and joined


def after_restore(session: Session, workspace: Workspace, pasts: Collection[int]) -> None:
    for hook in HOOKS:
        hook(session, workspace, pasts)
    session.flush()
    count_anew(session)


def count_anew(session: Session) -> None:
    """Every counter says what the rows say."""
    session.info.pop("counted", None)
    for name, value in truths(session).items():
        session.execute(text("update counter set value = :value where name = :name"), {"name": name, "value": value})


def settle_roles(session: Session) -> None:
    """The rights that there are, in scopes that there are, and every ready-made role."""
    roles = list(session.scalars(select(Role)))
    for role in roles:
        role.rights = everything() if role.key == "owner" else known_rights(role.rights)
        role.scopes = scopes_in(role.rights)
    missing = ROLES.keys() - {role.key for role in roles}
    session.add_all(Role(key=key, rights=ROLES[key], scopes=scopes_in(ROLES[key])) for key in sorted(missing))
    session.flush()


def known_rights(rights: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: {verb: scope for verb, scope in verbs.items() if verb in VERBS[kind] and scope in SCOPES}
        for kind, verbs in rights.items()
        if kind in VERBS and isinstance(verbs, dict)
    }


def switch_off(session: Session) -> None:
    """What opens the workspace from outside opens nothing until the owner turns it on: tokens, keys of provisioning,
    single sign-on; whatever has a secret. Invitations are withdrawn."""
    for table in secret_tables():
        off = table.update().where(table.c.deleted_at.is_(None)).values(deleted_at=func.now())
        session.execute(off)
    session.execute(update(Domain).values(proven_at=None))
    open_ones = and_(Invitation.accepted_at.is_(None), Invitation.deleted_at.is_(None))
    session.execute(update(Invitation).where(open_ones).values(deleted_at=func.now()))


def secret_tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if any("secret" in column.info for column in table.columns)]


def settle_members(session: Session, person: Person) -> Member:
    """The person is the owner, in the place of the member who had their address. All others stay as records, and are
    nobody until they are invited and join (tenants.invitations)."""
    session.execute(text("update member set identity_id = gen_random_uuid(), state = :state"), {"state": RESTORED})
    owners = session.scalars(select(Role.id).where(Role.key == "owner")).one()
    session.expire_all()
    mine = select(Member).where(func.lower(Member.email) == person.email, Member.deleted_at.is_(None))
    member = session.scalars(mine.order_by(Member.id).limit(1)).first()
    if member is None:
        member = Member(id=new_id(), language=person.language, time_zone=person.time_zone)
        session.add(member)
    with session.no_autoflush:
        member.identity_id, member.name, member.email = person.id, person.name, person.email
        member.role_id, member.state = owners, "active"
    session.flush()
    return member


# In place


# Each after those that it names.
KEPT = ("connection", "domain", "link", "token", "scim_token", "push_subscription", "mail_block", "telephone")


class Present:
    """What stays as it is now when an older state takes its place: who may work here and with which role, keys, single
    sign-on, where members are reached, what of a month is used up. Otherwise whoever was shut out would be in again."""

    def __init__(self, session: Session):
        self.members = {row.id: dict(row._mapping) for row in session.execute(select(*Member.__table__.columns))}
        self.roles = {row.id: row.key for row in session.execute(select(Role.id, Role.key))}
        tables = Base.metadata.tables
        self.rows = {name: [dict(row) for row in session.execute(select(tables[name])).mappings()] for name in KEPT}
        caps = session.execute(text("select name, cap from counter"))
        self.caps = {row.name: row.cap for row in caps}
        monthly = text("select name, value, since from counter where since is not null")
        self.used = [dict(row) for row in session.execute(monthly).mappings()]

    def put_into(self, session: Session, person: Person) -> None:
        """The rows that were loaded get what is present. Who asked for the restore is there and an owner."""
        roles = {row.id: row.key for row in session.execute(select(Role.id, Role.key))}
        by_key = {key: role_id for role_id, key in roles.items() if key}
        for member in session.scalars(select(Member)):
            now = self.members.get(member.id)
            if now is None or now["state"] != "active" or now["identity_id"] != member.identity_id:
                member.state = "left" if now else RESTORED
            if now is not None:
                member.identity_id = now["identity_id"]
                key = self.roles.get(now["role_id"])
                member.role_id = now["role_id"] if now["role_id"] in roles else by_key.get(key or "", member.role_id)
        session.flush()
        self.add_asker(session, person, by_key["owner"])
        for name in reversed(KEPT):
            session.execute(delete(Base.metadata.tables[name]))
        for name in KEPT:
            put_rows(session, Base.metadata.tables[name], self.rows[name])
        for used in self.used:
            session.execute(text("update counter set value = :value, since = :since where name = :name"), used)

    def add_asker(self, session: Session, person: Person, owner_role: UUID) -> None:
        asker = session.scalar(select(Member).where(Member.identity_id == person.id))
        if asker is None:
            now = next(row for row in self.members.values() if row["identity_id"] == person.id)
            kept = {name: now[name] for name in ("id", "identity_id", "name", "email", "language", "time_zone")}
            asker = Member(**kept, role_id=owner_role)
            session.add(asker)
        asker.state, asker.role_id = "active", owner_role
        session.flush()


def put_rows(session: Session, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """These rows, without those that name what is not there any more."""
    known = {key.parent.name: set(session.scalars(select(key.column))) for key in table.foreign_keys}
    for row in rows:
        gone = {name for name, ids in known.items() if row[name] is not None and row[name] not in ids}
        if any(not table.columns[name].nullable for name in gone):
            continue
        session.execute(insert(table).values({**row, **dict.fromkeys(gone)}))
