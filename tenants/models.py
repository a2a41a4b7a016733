"""Tables of this room: the shared ones of `control`, and those every workspace has."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, ControlBase
from core.ids import new_id
from core.records import Counted, Record


class WorkspaceRow(ControlBase):
    """The catalogue of workspaces. A row is `ready` in the pool until a sign-up takes it by one UPDATE, then `opening`
    and `open`. A workspace that is closed is `closing` until `erase_at`, then `erasing`, and then there is no row.

    `plan` and `seats` are what the workspace may use now (billing.accounts); without payments nothing asks for them.
    """

    __tablename__ = "workspace"
    __table_args__ = (
        Index("ix_workspace_pool", "id", postgresql_where=text("state = 'ready'")),
        Index("ix_workspace_version", "version"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    schema_name: Mapped[str] = mapped_column(unique=True)
    role_name: Mapped[str] = mapped_column(unique=True)
    version: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="ready")
    slug: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(server_default="en")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    country: Mapped[str] = mapped_column(server_default="CZ")
    currency: Mapped[str] = mapped_column(server_default="CZK")
    industry: Mapped[str] = mapped_column(server_default="")
    second_factor: Mapped[str] = mapped_column(server_default="nobody")
    single_sign_on: Mapped[str] = mapped_column(server_default="off")
    plan: Mapped[str] = mapped_column(server_default="free")
    seats: Mapped[int] = mapped_column(server_default="0")
    taken_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(server_default="")
    erase_at: Mapped[datetime | None]
    migration_error: Mapped[str | None]


class SchemaScript(ControlBase):
    """A workspace's whole schema as SQL, with @@S@@ and @@R@@ for names: one row, renewed by `okno db upgrade`."""

    __tablename__ = "schema_script"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str]
    body: Mapped[str]


class Person(ControlBase):
    """One person who signs in, in however many workspaces. `email` is lower case.

    Until its owner opens the link sent there, an address is only claimed: several may claim it, one at most has
    confirmed it (tenants.identities). Who has a `workspace_id` was made by that workspace's single sign-on or
    provisioning and lives in it alone: they have no password, no account page, and no claim to the address elsewhere.
    """

    __tablename__ = "identity"
    __table_args__ = (
        Index(None, "email"),
        Index(
            "uq_identity_confirmed_email",
            "email",
            unique=True,
            postgresql_where=text("confirmed_at is not null and workspace_id is null"),
        ),
        Index(
            "uq_identity_workspace_email",
            "workspace_id",
            "email",
            unique=True,
            postgresql_where=text("workspace_id is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    language: Mapped[str] = mapped_column(server_default="en")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    workspace_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"))


class Membership(ControlBase):
    """Which workspaces an identity may enter: the switcher's directory. The rights are the workspace's own `member`."""

    __tablename__ = "membership"

    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("control.workspace.id", ondelete="cascade"), primary_key=True)


class SignIn(ControlBase):
    """A session of a browser. The key is the SHA-256 of the cookie's random value, which is kept nowhere.

    `proof` is what it was begun with (tenants.sessions.Proof), `proven_at` when the person last proved who they are. A
    session that a workspace's single sign-on began has its `workspace_id`, and is worth nothing outside of it.
    """

    __tablename__ = "sign_in"
    __table_args__ = (Index(None, "identity_id"), Index(None, "workspace_id"))

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(default=new_id, unique=True)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    address: Mapped[str] = mapped_column(server_default="")
    device: Mapped[str] = mapped_column(server_default="")
    proof: Mapped[str] = mapped_column(server_default="password")
    proven_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    workspace_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"))


class WaitingSignIn(ControlBase):
    """Somebody has given the password and is asked for the second factor. No session; the key is as of one."""

    __tablename__ = "waiting_sign_in"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), index=True)
    to: Mapped[str]
    stay: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class KnownDevice(ControlBase):
    """A browser in which the person has logged in. The key is the SHA-256 of a cookie that stays for a year."""

    __tablename__ = "known_device"

    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Totp(ControlBase):
    """The app that shows a person's codes. `secret` is sealed (core.sealing); codes up to `last_step` are used up."""

    __tablename__ = "totp"

    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class RecoveryCode(ControlBase):
    """A code that stands in for a lost second factor, kept as passwords are; its row goes when it is used."""

    __tablename__ = "recovery_code"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), index=True)
    hash: Mapped[str]


class Passkey(ControlBase):
    """A key pair that a device keeps for a person, of which this is the public half."""

    __tablename__ = "passkey"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    used_at: Mapped[datetime | None]


class PasskeyChallenge(ControlBase):
    """What a passkey is asked to sign; its row goes with the answer. Without an identity at the log-in."""

    __tablename__ = "passkey_challenge"

    value: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    identity_id: Mapped[UUID | None] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SignOnTrip(ControlBase):
    """Somebody was sent to a workspace's provider of single sign-on and is expected back with a state, of which the key
    is the SHA-256. `proves` is the session that they prove once more, if they do.

    What the provider said stays here while the person decides whether to link it with the member they are.
    """

    __tablename__ = "sign_on_trip"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"))
    connection_id: Mapped[UUID]
    nonce: Mapped[str]
    verifier: Mapped[str]
    to: Mapped[str]
    proves: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    returned_at: Mapped[datetime | None]
    issuer: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str] = mapped_column(server_default="")


class ProvenDomain(ControlBase):
    """A domain whose owner has shown by the DNS that a workspace may vouch for its e-mail addresses."""

    __tablename__ = "proven_domain"

    name: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"), primary_key=True
    )


class MailedLink(ControlBase):
    """A link sent by mail: to confirm an address, to change it, to set a new password. Used once, in its time.

    The link's secret is computed from the row by our signing key, so neither it nor its hash is stored.
    """

    __tablename__ = "mailed_link"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    purpose: Mapped[str]
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"), index=True)
    email: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class FailedSignIn(ControlBase):
    """Wrong passwords of the last minutes, by account and by address: the locks that do not depend on Valkey."""

    __tablename__ = "failed_sign_in"
    __table_args__ = (Index(None, "email", "at"), Index(None, "address", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class FailedCode(ControlBase):
    """Wrong codes of the last day, by account (tenants.locks)."""

    __tablename__ = "failed_code"
    __table_args__ = (Index(None, "identity_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("control.identity.id", ondelete="cascade"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PeriodicRun(ControlBase):
    """One row for each due time of each periodic task: whichever clock writes it first runs it."""

    __tablename__ = "periodic_run"

    task: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)


class Drift(ControlBase):
    """A counter that was not what the rows said, mended by the nightly check (tenants.counting)."""

    __tablename__ = "drift"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("control.workspace.id", ondelete="cascade"), index=True)
    name: Mapped[str]
    was: Mapped[int] = mapped_column(BigInteger)
    truth: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Certificate(ControlBase):
    """What was erased of a workspace that was closed: kept when nothing else is. `said` are counts, and no contents;
    `owners` are those it is mailed to, as [{"name", "email", "language"}], until that is done."""

    __tablename__ = "certificate"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    address: Mapped[str]
    name: Mapped[str]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    finished_at: Mapped[datetime | None]
    said: Mapped[dict[str, Any]]
    owners: Mapped[list[dict[str, Any]]]


class Erased(ControlBase):
    """The ledger of erased people: replayed after each restore of a backup, which is older than the erasure."""

    __tablename__ = "erased"

    workspace_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("control.workspace.id", ondelete="cascade"), primary_key=True
    )
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    by: Mapped[UUID | None]


class Role(Record):
    """A named set of rights; `rights` maps kind to verb to scope, `fields` kind to field to "readonly" or "hidden"
    (core.access). A ready-made role has a `key`, and goes by its usual name until it is given one. `scopes` are those
    that occur in it: what a request must look up."""

    __tablename__ = "role"
    kind: ClassVar[str] = "role"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"scopes"})

    key: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(server_default="", default="")
    rights: Mapped[dict[str, Any]]
    fields: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))

    def title(self) -> str:
        return self.name or self.key or ""


class Department(Record):
    """A part of the business. `path` holds the ids from the topmost department down to this one, itself included."""

    __tablename__ = "department"
    kind: ClassVar[str] = "department"
    owner_column: ClassVar[str | None] = None
    derived: ClassVar[frozenset[str]] = frozenset({"path"})

    name: Mapped[str]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("department.id"))
    head_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id", use_alter=True))
    path: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))

    def title(self) -> str:
        return self.name


class Team(Record):
    """People who work together, whatever their departments."""

    __tablename__ = "team"
    kind: ClassVar[str] = "team"
    owner_column: ClassVar[str | None] = None

    name: Mapped[str]
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"), default=list)

    def title(self) -> str:
        return self.name


class Member(Record):
    """A person in this workspace. Members leave, and are never deleted, since records name them.

    `state` is active or left. `working_hours` maps mon .. sun to ["08:00", "16:30"]; a day that is not there is free.
    `external_id` is what a provider that provisions people calls the person (tenants.provisioning).
    """

    __tablename__ = "member"
    kind: ClassVar[str] = "member"
    derived: ClassVar[frozenset[str]] = frozenset({"photo_size"})
    owner_column: ClassVar[str | None] = None
    counted: ClassVar[tuple[Counted, ...]] = (
        Counted("users", {"state": "active", "deleted_at": None}),
        Counted("storage", {}, by="photo_size"),
    )

    identity_id: Mapped[UUID] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str]
    role_id: Mapped[UUID] = mapped_column(ForeignKey("role.id"))
    state: Mapped[str] = mapped_column(server_default="active", default="active", active_history=True)
    language: Mapped[str]
    time_zone: Mapped[str]
    department_id: Mapped[UUID | None] = mapped_column(ForeignKey("department.id"))
    manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    position: Mapped[str] = mapped_column(server_default="", default="")
    phone: Mapped[str] = mapped_column(server_default="", default="")
    photo_key: Mapped[str | None] = mapped_column(info={"file": True})
    photo_size: Mapped[int] = mapped_column(server_default="0", default=0, active_history=True)
    working_hours: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    external_id: Mapped[str] = mapped_column(server_default="", default="")

    role: Mapped[Role] = relationship(lazy="joined", innerjoin=True)

    def title(self) -> str:
        return self.name


class Invitation(Record):
    """An e-mail address that may join, with this role. The link in the mail is computed from the row by our signing key
    (tenants.invitations), so neither it nor its hash is stored."""

    __tablename__ = "invitation"
    kind: ClassVar[str] = "invitation"
    owner_column: ClassVar[str | None] = None

    email: Mapped[str]
    role_id: Mapped[UUID] = mapped_column(ForeignKey("role.id"))
    department_id: Mapped[UUID | None] = mapped_column(ForeignKey("department.id"))
    invited_by_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    expires_at: Mapped[datetime]
    sent: Mapped[int] = mapped_column(server_default="1", default=1)
    accepted_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.email


class Share(Record):
    """One record shared with a member or a team beyond what their roles reach."""

    __tablename__ = "share"
    __table_args__ = (
        Index(None, "record_id"),
        CheckConstraint("num_nonnulls(member_id, team_id) = 1", name="with_one"),
    )
    kind: ClassVar[str] = "share"
    owner_column: ClassVar[str | None] = None

    record_kind: Mapped[str]
    record_id: Mapped[UUID]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"), index=True)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"), index=True)
    may_edit: Mapped[bool] = mapped_column(server_default=text("false"), default=False)

    def title(self) -> str:
        return self.record_kind


class Token(Record):
    """A named key to the API. Only the SHA-256 of its secret is kept."""

    __tablename__ = "token"
    kind: ClassVar[str] = "token"
    derived: ClassVar[frozenset[str]] = frozenset({"hash", "used_at", "addresses"})
    owner_column: ClassVar[str | None] = "member_id"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    name: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, info={"secret": "uuid_send(id)"})
    ending: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)

    def title(self) -> str:
        return self.name


class IdempotentAnswer(Base):
    """The answer to a POST that carried an Idempotency-Key, given again when the same call is repeated within 24 h."""

    __tablename__ = "idempotent_answer"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    etag: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
