"""Hidden fields: what a member's role may not see reads as nothing, whatever asks for it.

The mask lies below all queries. In the session of somebody with hidden fields every SELECT has the hidden columns, and
what is computed from them, replaced before it is sent, and records are loaded without them. So pages, the API, lists,
sums, search, filters, orders, exports, the timeline and the audit log cannot forget it, and neither an order nor a
filter by a hidden field tells anything about it. Only inside an action records are whole (`unmasked`), since they are
stored with what the one who changes them does not see.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, cast, func, literal, literal_column, null
from sqlalchemy import event as listening
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.orm import QueryContext, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.schema import Column

from core.access import FieldRules
from core.records import Record

Hidden = Mapping[str, frozenset[str]]

# What is computed from other columns, and hidden with any of them.
COMPUTED = {"match_keys": ("emails", "phones"), "city": ("addresses",), "search": ("emails", "phones", "addresses"),
            "items": ("amount",)}  # fmt: skip
REACHED = ("emails", "phones")
# What somebody without a name is called by.
ADDRESS_OR_NUMBER = r"@|^\+?[0-9 ()/.-]+$"
ACCENTS = ("áäčďéěíľĺňóôŕřšťúůüýž", "aacdeeillnoorrstuuuyz")


def mask_reads(session: Session, fields: FieldRules) -> None:
    """From now on the session reads nothing that these rules hide."""
    found = {
        kind: frozenset(name for name, rule in rules.items() if rule == "hidden") for kind, rules in fields.items()
    }
    hidden = {kind: names | computed_from(names) for kind, names in found.items() if names}
    if hidden:
        session.info["hidden"] = hidden
        session.connection().execution_options(hidden=hidden)


def computed_from(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name, sources in COMPUTED.items() if names.intersection(sources))


@contextmanager
def unmasked(session: Session) -> Iterator[None]:
    """Inside, the session reads everything."""
    hidden: Hidden | None = session.info.pop("hidden", None)
    if hidden is None:
        yield
        return
    session.connection().execution_options(hidden=None)
    try:
        yield
        session.connection().execution_options(hidden=hidden)
    finally:
        session.info["hidden"] = hidden


@listening.listens_for(Session, "after_begin")
def mask_transaction(session: Session, _transaction: object, connection: Connection) -> None:
    if "hidden" in session.info:
        connection.execution_options(hidden=session.info["hidden"])


def is_hidden(name: str, names: frozenset[str]) -> bool:
    return name in names or bool(names.intersection(COMPUTED.get(name, ())))


@listening.listens_for(Engine, "before_execute", retval=True)
def mask_statement(
    connection: Connection, statement: Any, many: Any, values: Any, _options: Mapping[str, Any]
) -> tuple[Any, Any, Any]:
    hidden: Hidden | None = connection.get_execution_options().get("hidden")
    return (masked(statement, hidden) if hidden else statement), many, values


def masked(statement: Any, hidden: Hidden) -> Any:
    """The statement with the hidden columns replaced wherever they stand in it."""

    def replaced(element: Any, **_named: Any) -> Any:
        found = replacement(element, hidden)
        return None if found is None else found.label(element.key)  # a row is asked by the column's name

    return visitors.replacement_traverse(statement, {}, replaced)


def replacement(element: Any, hidden: Hidden) -> ColumnElement[Any] | None:
    """What is read in the place of a column; None where it may be seen."""
    origin = (
        next((base for base in element.base_columns if isinstance(base, Column)), None) if is_column(element) else None
    )
    if origin is None or origin.table is None:
        return None
    columns = element.table.columns
    if origin.table.name == "event":
        return of_event(element, origin.name, columns, hidden)
    names = hidden.get(origin.table.name, frozenset())
    if is_hidden(origin.name, names):
        return by_name(columns) if origin.name == "search" else nothing_of(origin)
    if origin.name == "name" and names.intersection(REACHED) and "first_name" in columns:
        # Nobody named goes by an e-mail or a phone, which are hidden.
        return case(((columns.first_name != "") | (columns.last_name != ""), element), else_=literal(""))
    return None


def is_column(element: Any) -> bool:
    return isinstance(element, Column) and element.table is not None


def nothing_of(column: Any) -> ColumnElement[Any]:
    """Nothing, of the column's own type."""
    empty = cast(null() if column.nullable else literal_column(EMPTY[empty_of(column)]), column.type)
    return Grouping(empty)  # or a subscript behind it would be no SQL


EMPTY = {"list": "'[]'", "map": "'{}'", "array": "'{}'", "text": "''"}
EMPTY_VALUES: dict[str, Any] = {"list": [], "map": {}, "array": [], "text": ""}


def empty_of(column: Any) -> str:
    if isinstance(column.type, ARRAY):
        return "array"
    if column.name == "custom":
        return "map"
    return "list" if isinstance(column.type, JSONB) else "text"


def by_name(columns: Any) -> ColumnElement[Any]:
    """Whoever may not see how somebody is reached finds them by their name alone, accents aside."""
    name = columns.last_name + " " + columns.first_name if "first_name" in columns else columns.name
    return func.translate(func.lower(name), *ACCENTS)


def of_event(element: Any, name: str, columns: Any, hidden: Hidden) -> ColumnElement[Any] | None:
    """An event's values without the hidden fields of its kind, and its title where that is an e-mail or a phone."""
    if name == "title" and hidden.get("contact", frozenset()).intersection(REACHED):
        return case((element.regexp_match(ADDRESS_OR_NUMBER), literal("")), else_=element)
    if name not in ("before", "after") or "kind" not in columns:
        return None
    cut = {
        kind: element.op("-", return_type=JSONB())(literal_column(f"array[{listed(names)}]::text[]"))
        for kind, names in sorted(hidden.items())
    }
    return case(*((columns.kind == kind, rest) for kind, rest in cut.items()), else_=element)


def listed(names: frozenset[str]) -> str:
    """Names that are declared in core.access, as literals."""
    return ", ".join(f"'{name}'" for name in sorted(names))


@listening.listens_for(Record, "load", propagate=True)
def mask_loaded(record: Record, context: QueryContext) -> None:
    """A whole record comes without what is hidden of it."""
    hidden: Hidden = context.session.info.get("hidden", {})
    names = hidden.get(record.kind)
    if not names:
        return
    for column in record.__table__.columns:
        if is_hidden(column.name, names):
            empty = None if column.nullable else copy(EMPTY_VALUES[empty_of(column)])
            set_committed_value(record, column.key, empty)
    named = getattr(record, "first_name", "named") or getattr(record, "last_name", "")
    if names.intersection(REACHED) and not named:
        set_committed_value(record, "name", "")
