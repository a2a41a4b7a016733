"""Lists: one declaration of what a list may be sorted, filtered and searched by, for pages and the API alike.

Paging is by keyset: a cursor names the last row seen, so page 1,000 costs what page 1 does, and rows that come or go
meanwhile never make one appear twice. Sorts and filters are names looked up here, never text put into SQL.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from flask_babel import gettext as _
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Row, Select, any_, false, func, literal, literal_column, or_, select, tuple_

from core.actor import Actor
from core.db import plan_for_values
from core.errors import WORDS, Invalid
from core.records import Record
from core.text import searchable

COUNTED = 10_000
LIMIT = 50
MOST = 200
WRITTEN_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")  # Pydantic takes a bare number for seconds since 1970


@dataclass(frozen=True)
class Sort:
    """A column (never null) to sort by, and the type its values have in a cursor."""

    column: Any
    type: Any


@dataclass(frozen=True)
class Filter:
    """A typed value from the URL -> a condition. `description` stands in the API's document."""

    type: Any
    condition: Callable[[Actor, Any], ColumnElement[bool]]
    description: str = ""


@dataclass(frozen=True)
class Ask:
    """What is asked of a list: as a URL says it."""

    q: str = ""
    sort: str = ""
    cursor: str = ""
    limit: int = LIMIT
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Rows in the order asked for, and the cursors of the pages around them (None where there is none)."""

    rows: list[Row[Any]]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class Listing:
    """`custom` makes a condition of a business's own field and the value asked for, as `custom.<key>` in the URL."""

    model: type[Record]
    sorts: Mapping[str, Sort]
    default_sort: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    searched: bool = True
    custom: Callable[[Actor, type[Record], str, str], ColumnElement[bool]] | None = None

    def query(self, actor: Actor, ask: Ask, *columns: Any) -> Select[Any]:
        """SELECT of all that match, in no order. Raises Invalid for an unknown filter or a wrong value."""
        query = actor.visible(self.model, *columns)
        for name, raw in ask.filters.items():
            query = query.where(self.condition(actor, name, raw))
        if ask.q and not self.searched:
            raise Invalid(("q", _("This list cannot be searched.")))
        if ask.q:
            query = query.where(*found(self.model, ask.q))
        return query

    def condition(self, actor: Actor, name: str, raw: str) -> ColumnElement[bool]:
        if self.custom and name.startswith("custom."):
            return self.custom(actor, self.model, name.removeprefix("custom."), raw)
        declared = self.filters.get(name)
        if declared is None:
            raise Invalid((name, _("One cannot filter by this. Known: %(names)s.", names=", ".join(self.filters))))
        if declared.type in (date, datetime) and not WRITTEN_DAY.match(raw):
            raise Invalid((name, WORDS[f"{declared.type.__name__}_parsing"]))
        try:
            return declared.condition(actor, adapter(declared.type).validate_python(raw))
        except ValidationError as error:
            raise Invalid((name, Invalid.of(error).fields[0][1])) from None

    def page(self, actor: Actor, ask: Ask, *columns: Any) -> Page:
        """One page of rows. `columns` must begin with the model's id. Raises Invalid for what cannot be understood."""
        name, down = self.sort_asked(ask.sort)
        sort = self.sorts[name]
        cursor = read_cursor(ask.cursor, name, down, sort) if ask.cursor else None
        backwards = cursor is not None and cursor.backwards
        query = self.query(actor, ask, *columns, sort.column.label("sorted_by"))
        if cursor:
            place = tuple_(sort.column, self.model.id)
            there = tuple_(literal(cursor.value), literal(cursor.id))
            query = query.where(place < there if down != backwards else place > there)
        if down != backwards:
            query = query.order_by(sort.column.desc(), self.model.id.desc())
        else:
            query = query.order_by(sort.column, self.model.id)
        limit = max(1, min(ask.limit, MOST))
        if ask.q:
            plan_for_values(actor.db)
        rows = list(actor.db.connection().execute(query.limit(limit + 1)).all())
        more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()

        def at(row: Row[Any], back: bool) -> str:
            return write_cursor(name, down, row[-1], row[0], back)

        has_next = bool(rows) and (more or backwards)
        has_previous = bool(rows) and ((backwards and more) or (cursor is not None and not backwards))
        return Page(rows, at(rows[-1], False) if has_next else None, at(rows[0], True) if has_previous else None)

    def sort_asked(self, sort: str) -> tuple[str, bool]:
        asked = sort or self.default_sort
        name, down = asked.removeprefix("-"), asked.startswith("-")
        if name not in self.sorts:
            raise Invalid(("sort", _("One cannot sort by this. Known: %(names)s.", names=", ".join(self.sorts))))
        return name, down

    def count(self, actor: Actor, ask: Ask) -> int:
        """How many match, counted no further than COUNTED + 1."""
        counted = self.query(actor, ask, literal(1)).limit(COUNTED + 1).subquery()
        return actor.db.scalar(select(func.count()).select_from(counted)) or 0


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Validation of one type, compiled once."""
    return TypeAdapter(kind)


@dataclass(frozen=True)
class Cursor:
    value: Any
    id: UUID
    backwards: bool


def write_cursor(name: str, down: bool, value: Any, row_id: UUID, backwards: bool) -> str:
    kept = value.hex() if isinstance(value, bytes) else str(value)
    packed = orjson.dumps([name, down, kept, str(row_id), backwards])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(cursor: str, name: str, down: bool, sort: Sort) -> Cursor:
    """The place a cursor names. Raises Invalid for one of another list, another order or no list at all."""
    wrong = Invalid(("cursor", _("This cursor belongs to another list or order. Start again without it.")))
    try:
        packed = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii", "replace") + b"=="))
        cursor_name, cursor_down, kept, row_id, backwards = packed
        if (cursor_name, cursor_down) != (name, down) or not isinstance(backwards, bool):
            raise wrong
        value = bytes.fromhex(kept) if sort.type is bytes else adapter(sort.type).validate_python(kept)
        return Cursor(value, UUID(row_id), backwards)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise wrong from None


PHONE_LIKE = re.compile(r"[+(\d][\d\s()/.-]*\d")
WITH_COUNTRY = 7  # digits from which 00 at the start stands for +


def found(model: Any, q: str) -> list[ColumnElement[bool]]:
    """Conditions for what a person typed: every word somewhere in `search`; a phone in any format by its digits.

    Three letters and more use the trigram index. A shorter first word is taken as the beginning of the name, by the
    prefix index, since no index finds two letters in the middle.
    """
    asked = q[:200].replace("\0", "")
    if PHONE_LIKE.fullmatch(asked.strip()):
        digits = re.sub(r"\D", "", asked)
        words = [digits.removeprefix("00") if len(digits) >= WITH_COUNTRY else digits]
    else:
        words = searchable(asked).split()
    if not words:
        return [false()]
    long = [word for word in words if len(word) >= 3]
    short = [word for word in words if len(word) < 3]
    conditions: list[ColumnElement[bool]] = [model.search.contains(word, autoescape=True) for word in long]
    if short and not long:
        head = short.pop(0)
        if hasattr(model, "match_keys"):
            conditions.append(begins(model, head))
        else:
            conditions.append(model.search.startswith(head, autoescape=True))
    conditions += [
        or_(model.search.startswith(word, autoescape=True), model.search.contains(f" {word}", autoescape=True))
        for word in short
    ]
    return conditions


def begins(model: Any, head: str) -> ColumnElement[bool]:
    """Names that begin so, by the prefix index. An array of its own, or the planner may walk the whole table in the
    order asked for in the hope of meeting one."""
    prefix = func.left(model.search, literal_column("40")).startswith(head, autoescape=True)
    ids = select(model.id).where(model.deleted_at.is_(None), prefix)
    return model.id == any_(func.array(ids.scalar_subquery()))  # type: ignore[no-any-return]
