"""Lists narrowed by a business's own fields, as a URL says it: `custom.material=Wood`, `custom.windows=>5`."""

from typing import Any

from flask import request
from sqlalchemy import ColumnElement, and_, cast, literal_column, not_
from sqlalchemy.dialects.postgresql import JSONB

from core.actor import Actor
from core.errors import Invalid
from core.records import Record
from crm.fields.form import PREFIX
from crm.fields.queries import fields_of
from crm.fields.values import checked, is_nothing

COMPARED = ("number", "day")
OFFERED = ("choice", "choices", "yes")  # on the pages of lists; all others by the URL alone


def asked_for(actor: Actor, kind: str) -> list[str]:
    """The names of the filters by own fields that the present page's URL has."""
    given = any(name.startswith(PREFIX) for name in request.args)
    return [f"{PREFIX}{field.key}" for field in fields_of(actor, kind)] if given else []


def condition(actor: Actor, model: type[Record], key: str, raw: str) -> ColumnElement[bool]:
    """The records of the model whose field says so. Raises Invalid."""
    field = next((field for field in fields_of(actor, model.kind) if field.key == key), None)
    sign = raw[:1] if field is not None and field.type in COMPARED and raw[:1] in ("<", ">") else ""
    try:
        value = checked(field, raw.removeprefix(sign), [raw] if field and field.type == "choices" else raw)
    except Invalid as error:
        raise Invalid((f"{PREFIX}{key}", error.fields[0][1])) from None
    column: Any = model.__table__.c.custom
    # As the partial index has it, so that the planner may use it.
    said = column != literal_column("'{}'::jsonb")
    if sign:
        there = column[key]
        return and_(said, there > cast(value, JSONB) if sign == ">" else there < cast(value, JSONB))
    if is_nothing(value):
        return not_(and_(said, column.has_key(key)))
    return and_(said, column.contains({key: value}))
