"""Who acts, where, with which rights.

An Actor is made once per request, job, API call or process step and handed to every action and query as the first
argument. It carries the one database session of that unit of work, already inside its workspace.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from core.access import TELLING, Circle, FieldRules, Right, Rights, Scope, covers, scope_of, within
from core.db import Workspace
from core.errors import Busy, Conflict, Forbidden, Invalid, NotFound
from core.full import LimitReached
from core.records import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Member:
    """The person acting, as the workspace knows them."""

    id: UUID
    identity_id: UUID
    name: str
    email: str
    role: str
    language: str
    time_zone: str


@dataclass
class Actor:
    workspace: Workspace
    member: Member
    rights: Rights
    circle: Circle
    fields: FieldRules
    db: Session
    via: Literal["page", "api", "import", "job", "cli", "scim", "client", "process"] = "page"
    request_id: str = ""
    confirmed: bool = True
    address: str = ""
    depth: int = field(default=0, repr=False)

    def may(self, kind: str, verb: str, record: Record | None = None) -> bool:
        """Whether the right is held; for one record, whether its scope reaches that record."""
        scope = self.scope(kind, verb)
        if record is None:
            return scope != "none" or bool(self.circle.shared.get((kind, verb)))
        return covers(scope, record, self.circle, verb)

    def scope(self, kind: str, verb: str) -> Scope:
        told = TELLING.get(kind)
        if told and self.fields.get(told[0], {}).get(told[1]) == "hidden":
            return "none"
        return scope_of(self.rights, (kind, verb))

    def reach(self, model: type[Record], verb: str = "view") -> ColumnElement[bool]:
        """The rows, those in the bin too, that a right reaches, as a condition for WHERE."""
        return within(self.scope(model.kind, verb), model, self.circle, verb)

    def hidden(self, kind: str) -> list[str]:
        """The fields of a kind that this actor may not see."""
        return [name for name, rule in self.fields.get(kind, {}).items() if rule == "hidden"]

    def locked(self, kind: str) -> set[str]:
        """The fields of a kind that this actor may not change."""
        return set(self.fields.get(kind, {}))

    def require(self, right: Right, record: Record | None = None) -> None:
        if not self.may(*right, record):
            raise Forbidden()

    def visible(self, model: type[Record], *columns: Any) -> Select[Any]:
        """SELECT of the live records this actor may see: where every query starts. Of whole records, or of columns."""
        chosen = select(*columns) if columns else select(model)
        return chosen.where(model.deleted_at.is_(None), self.reach(model))

    def find(self, model: type[R], record_id: UUID | None) -> R:
        """One visible record. Raises NotFound alike for missing, deleted, foreign and invisible ones."""
        record = self.db.scalar(self.visible(model).where(model.id == record_id))
        if record is None:
            raise NotFound()
        return record  # type: ignore[no-any-return]

    def take(
        self, model: type[R], record_id: UUID, verb: str, version: int | None = None, *, deleted: bool = False
    ) -> R:
        """One record, locked to be changed. Raises NotFound, Forbidden, or Conflict when `version` is not the present.

        With `deleted`, one from the bin.
        """
        query = select(model).where(
            model.id == record_id,
            model.deleted_at.is_not(None) if deleted else model.deleted_at.is_(None),
            self.reach(model),
        )
        record = self.db.scalar(query.with_for_update(of=model).execution_options(populate_existing=True))
        if record is None:
            raise NotFound()
        self.require((model.kind, verb), record)
        if version is not None and record.version != version:
            raise Conflict(record.version)
        return record

    def linked(self, model: type[Record], record_id: UUID | None, name: str, *conditions: ColumnElement[bool]) -> None:
        """Check that a record named by the field `name` is there for this actor. Raises Invalid."""
        if record_id is None:
            return
        with self.db.no_autoflush:  # or the database would refuse the unknown id first, in its own words
            known = self.db.scalar(self.visible(model, model.id).where(model.id == record_id, *conditions))
        if known is None:
            raise Invalid((name, _("There is no such record, or you may not see it.")))

    def repeated(self, model: type[R], record_id: UUID | None) -> R | None:
        """The record that an earlier sending of the same form or request made, told by the id it chose. Raises Busy
        where that id is in use for something this actor did not make."""
        if record_id is None:
            return None
        record = self.db.get(model, record_id)
        if record is None:
            return None
        if not self.may(model.kind, "view", record) or record.deleted_at:
            raise Busy(_("This identifier is in use. Choose another."))
        return record

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Everything inside is stored together or not at all; inner transactions join the outermost."""
        self.depth += 1
        try:
            yield self.db
            if self.depth == 1:
                self.db.commit()
        except BaseException as error:
            if self.depth == 1:
                self.db.rollback()
            if isinstance(error, LimitReached):
                error.may_buy = self.may("billing", "edit")
            raise
        finally:
            self.depth -= 1
