"""The base of all that a workspace keeps: contacts, deals, tasks ... A record has an identity, a version and a past."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, func, inspect
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from config.plans import Limit
from core.db import Base
from core.ids import new_id

KINDS: dict[str, "type[Record]"] = {}


@dataclass(frozen=True)
class Counted:
    """What a record takes up of a limit while its columns have the values of `where`: one place, or as much as the
    number in the column `by`."""

    limit: Limit
    where: Mapping[str, Any]
    by: str = ""
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", (*self.where, *([self.by] if self.by else ())))

    def taken(self, values: Mapping[str, Any]) -> int:
        """What a record of these values takes up."""
        return (values[self.by] if self.by else 1) if all(values[k] == v for k, v in self.where.items()) else 0


class Record(Base):
    """One row that people see and change by actions.

    `kind` is its name in actions, rights, events and the API ("contact"). `derived` columns are computed from the
    others and stay out of the events. `counted` is what it takes up of the plan's limits (core.limits). A new value of
    a column in `news` may be news to somebody else than who set it (core.events). The version guards against two
    people's edits overwriting each other.
    """

    __abstract__ = True

    kind: ClassVar[str]
    derived: ClassVar[frozenset[str]] = frozenset()
    owner_column: ClassVar[str | None] = "owner_id"
    counted: ClassVar[tuple[Counted, ...]] = ()
    news: ClassVar[frozenset[str]] = frozenset()

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-3)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", sort_order=-2)
    created_at: Mapped[datetime] = mapped_column(default=func.now(), server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(
        default=func.now(), server_default=func.now(), onupdate=func.now(), sort_order=91
    )
    deleted_at: Mapped[datetime | None] = mapped_column(sort_order=92, active_history=True)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True} if hasattr(cls, "__table__") else {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__tablename__" in cls.__dict__:
            KINDS[cls.kind] = cls

    def title(self) -> str:
        """What people call the record, in lists, events and messages."""
        raise NotImplementedError

    def wakes(self, _changed: Collection[str]) -> datetime | None:
        """When the clock must look at the workspace at the latest, now that these columns are changed; None for no
        sooner than it would anyway."""
        return None

    def values(self) -> dict[str, Any]:
        """What an event keeps of the record: every column that is neither derived nor bookkeeping."""
        return {name: getattr(self, name) for name in kept_columns(type(self))}


BOOKKEEPING = frozenset({"id", "version", "created_at", "updated_at"})


def kept_columns(model: type[Record]) -> list[str]:
    return [c.key for c in inspect(model).columns if c.key not in BOOKKEEPING | model.derived]


class Owned:
    """Mixin of records that belong to a member; the scope "own" looks at this column."""

    @declared_attr
    def owner_id(cls) -> Mapped[UUID | None]:
        return mapped_column(ForeignKey("member.id"))
