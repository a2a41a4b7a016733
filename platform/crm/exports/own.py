"""The columns of a business's own fields: which there are is fixed when an export begins, so that each part of its file
has the same, whatever becomes of the fields meanwhile."""

from collections.abc import Iterable, Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Text, case, cast, func, literal, literal_column, select

from core.actor import Actor
from core.records import Record
from crm.exports.columns import Column, Kind, columns_of
from crm.fields.queries import fields_of

KINDS: dict[str, Kind] = {"number": "number", "day": "day"}


def own_of(actor: Actor, model: type[Record]) -> list[dict[str, str]]:
    """What an export's plan keeps of each field in use; nothing of them for whom they are hidden."""
    return [{"key": one.key, "label": one.label, "type": one.type} for one in fields_of(actor, model.kind)]


def all_columns(actor: Actor, model: Any, own: Iterable[dict[str, str]]) -> list[Column]:
    """The columns of a kind that this actor may see, and behind them those of the fields in the plan."""
    return [*columns_of(actor, model), *own_columns(model, own)]


def own_columns(model: Any, own: Iterable[dict[str, str]]) -> Iterator[Column]:
    for field in own:
        yield Column(field["label"], cell(model.custom, **field), KINDS.get(field["type"], "text"), of=("custom",))


def cell(custom: Any, key: str, type: str, label: str) -> ColumnElement[Any]:  # noqa: A002, ARG001 (the plan's names)
    value, said = custom.op("->")(key), custom.op("->>")(key)
    if type == "number":
        return case((func.jsonb_typeof(value) == "number", said))
    if type == "yes":
        return case((said == "true", literal(_("yes"))))
    if type == "choices":  # a line each, as labels are, since an option may have a comma
        options = func.jsonb_array_elements_text(case((func.jsonb_typeof(value) == "array", value)))
        lines = func.string_agg(options.column_valued("one"), literal_column("E'\\n'"))
        return select(lines).scalar_subquery()
    return cast(said, Text)
