"""The fields of a business's own in the forms of its records: each is called `custom.<key>` there."""

from collections.abc import Mapping
from typing import Any

from flask import g

from core.actor import Actor
from core.errors import NotFound
from crm.fields.models import Field
from crm.fields.queries import fields_of
from crm.fields.values import text_of

PREFIX = "custom."


def shown_fields(kind: str) -> list[Field]:
    """The fields of contacts, companies or deals, for the templates of the present page, asked for once."""
    actor: Actor = g.actor
    known: dict[str, list[Field]] = g.setdefault("own_fields", {})
    if kind not in known:
        known[kind] = fields_of(actor, kind)
    return known[kind]


def offered(field: Field, chosen: list[str]) -> list[tuple[str, str]]:
    """What a choice offers, and what is chosen though it is offered no more, as (value, text)."""
    return [(one, one) for one in dict.fromkeys((*field.options, *filter(None, chosen)))]


def own_stored(actor: Actor, kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """A record's `custom` as its form shows it."""
    return {f"{PREFIX}{field.key}": text_of(values.get(field.key)) for field in fields_of(actor, kind)}


def own_given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, with the fields of the business's own as the actions take them."""
    own = {name.removeprefix(PREFIX): value for name, value in typed.items() if name.startswith(PREFIX)}
    rest = {name: value for name, value in typed.items() if not name.startswith(PREFIX)}
    return {**rest, "custom": own} if own else rest


def parts_of(actor: Actor, kind: str, facts: Mapping[str, tuple[str, ...]], fact: str) -> tuple[str, ...]:
    """The fields of a fact that is edited in place: one of `facts`, or one of the business's own. Raises NotFound."""
    if fact in facts:
        return facts[fact]
    if any(f"{PREFIX}{field.key}" == fact for field in fields_of(actor, kind)):
        return (fact,)
    raise NotFound()
