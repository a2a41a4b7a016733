"""What a backup says of itself: the member manifest.json, the last of the zip."""

from importlib.metadata import version
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from tenants.models import Membership, Person, WorkspaceRow

FORMAT: Literal[1] = 1
NAME = "manifest.json"

Short = Annotated[str, StringConstraints(max_length=400)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, lt=1 << 50)]


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TableSaid(Said):
    """A table's rows in the text format of COPY, as tables/<name>.copy."""

    name: Word
    columns: Annotated[list[Word], Field(min_length=1, max_length=1600)]
    rows: Size
    size: Size
    sha256: Sha

    @property
    def member(self) -> str:
        return f"tables/{self.name}.copy"


class FileSaid(Said):
    """A file that rows name, as files/<id>."""

    id: UUID
    size: Size
    sha256: Sha

    @property
    def member(self) -> str:
        return f"files/{self.id}"


class MemberSaid(Said):
    """Whose account a member was: enough to invite them, and nothing they log in with."""

    identity_id: UUID
    name: Short
    email: Short
    language: Short


class WorkspaceSaid(Said):
    name: Short
    slug: Short
    language: Short
    time_zone: Short
    country: Short
    currency: Short
    industry: Short


class Manifest(Said):
    """`version` is the schema's, `okno` the program's. `missing` are files that rows named and that were not there."""

    format: Literal[1] = FORMAT
    product: Literal["okno"] = "okno"
    okno: Short
    version: Short
    made_at: AwareDatetime
    workspace: WorkspaceSaid
    members: list[MemberSaid]
    tables: Annotated[list[TableSaid], Field(max_length=2000)]
    files: list[FileSaid]
    missing: list[UUID] = []

    @property
    def members_of_zip(self) -> "list[TableSaid | FileSaid]":
        return [*self.tables, *self.files]

    @property
    def counts(self) -> dict[str, int]:
        return {table.name: table.rows for table in self.tables}


def program() -> str:
    return version("okno")


def settings_of(row: WorkspaceRow) -> WorkspaceSaid:
    return WorkspaceSaid(slug=row.slug or "", **{name: getattr(row, name) for name in SETTINGS})


SETTINGS = tuple(name for name in WorkspaceSaid.model_fields if name != "slug")


def members_of(control: Session, workspace_id: int) -> list[MemberSaid]:
    people = select(Person.id, Person.name, Person.email, Person.language).join(
        Membership, Membership.identity_id == Person.id
    )
    rows = control.execute(people.where(Membership.workspace_id == workspace_id).order_by(Person.id))
    return [MemberSaid(identity_id=row.id, name=row.name, email=row.email, language=row.language) for row in rows]
