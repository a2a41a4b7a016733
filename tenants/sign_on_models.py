"""Tables of single sign-on and provisioning that every workspace has."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from core.records import Record


class Connection(Record):
    """The workspace's provider of single sign-on, one at a time. `secret` is sealed (core.sealing).

    `role_map` says which value of the claim `role_claim` gives which role, as [{"value", "role_id"}].
    """

    __tablename__ = "connection"
    __table_args__ = (
        Index("uq_connection_present", text("(true)"), unique=True, postgresql_where=text("deleted_at is null")),
    )
    kind: ClassVar[str] = "connection"
    derived: ClassVar[frozenset[str]] = frozenset({"secret"})
    owner_column: ClassVar[str | None] = None

    issuer: Mapped[str]
    client_id: Mapped[str]
    secret: Mapped[bytes] = mapped_column(LargeBinary, info={"secret": "''::bytea"})
    button: Mapped[str]
    role_claim: Mapped[str] = mapped_column(server_default="", default="")
    role_map: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    default_role_id: Mapped[UUID | None] = mapped_column(ForeignKey("role.id"))
    only: Mapped[bool] = mapped_column(server_default=text("false"), default=False)

    def title(self) -> str:
        return self.button


class Domain(Record):
    """A domain whose addresses single sign-on and provisioning may bring in, once a TXT record proves it."""

    __tablename__ = "domain"
    __table_args__ = (Index("uq_domain_name", "name", unique=True, postgresql_where=text("deleted_at is null")),)
    kind: ClassVar[str] = "domain"
    derived: ClassVar[frozenset[str]] = frozenset({"checked_at"})
    owner_column: ClassVar[str | None] = None

    name: Mapped[str]
    code: Mapped[str]
    proven_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.name


class Link(Record):
    """Whom the provider means by a subject: a member of this workspace, and nobody elsewhere."""

    __tablename__ = "link"
    __table_args__ = (Index("uq_link_subject", "connection_id", "issuer", "subject", unique=True),)
    kind: ClassVar[str] = "link"
    owner_column: ClassVar[str | None] = "member_id"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connection.id"))
    issuer: Mapped[str]
    subject: Mapped[str]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), index=True)

    def title(self) -> str:
        return self.subject


class ScimToken(Record):
    """A key by which a provider keeps the list of members (SCIM). Only the SHA-256 of its secret is kept."""

    __tablename__ = "scim_token"
    kind: ClassVar[str] = "scim_token"
    derived: ClassVar[frozenset[str]] = frozenset({"hash", "used_at"})
    owner_column: ClassVar[str | None] = None

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    name: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, info={"secret": "uuid_send(id)"})
    ending: Mapped[str]
    used_at: Mapped[datetime | None]

    def title(self) -> str:
        return self.name
