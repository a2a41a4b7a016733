"""What a client said in a business's own fields, on its way from a request into what is made of it."""

from collections.abc import Mapping
from typing import Any

from core.actor import Actor
from core.errors import Invalid
from crm.fields.queries import fields_of
from crm.fields.values import checked, said_of
from crm.forms.own import own_fields
from crm.requests.models import Request

KINDS = ("contact", "deal")


def fitting(actor: Actor, request: Request, kind: str) -> dict[str, Any]:
    """{"custom": ...} for a new record of the kind, as far as what was said still fits; the rest becomes an answer in
    words. Nothing from whoever may not change these fields: it stays with the request."""
    said = custom_of(request, kind)
    if not said or "custom" in actor.locked(kind):
        return {}
    fields = {field.key: field for field in fields_of(actor, kind)}
    fits: dict[str, Any] = {}
    for key, value in said.items():
        try:
            fits[key] = checked(fields.get(key), value)
        except Invalid:
            tell(actor, request, kind, {key: value})
    return {"custom": fits} if fits else {}


def tell(actor: Actor, request: Request, kind: str, said: Mapping[str, Any] | None = None) -> None:
    """Make answers in words of what has no place in a record; of all that was said, when left out."""
    gone = custom_of(request, kind) if said is None else said
    if gone:
        words = [{"label": label, "value": value} for label, value in in_words(actor, kind, gone)]
        request.answers = [*request.answers, *words]
        kept = {key: value for key, value in custom_of(request, kind).items() if key not in gone}
        request.fields = {**request.fields, kind: {**request.fields[kind], "custom": kept}}


def shown(actor: Actor, request: Request) -> list[tuple[str, str]]:
    """(label, words) of what was said in own fields that this actor may see."""
    return [
        pair
        for kind in KINDS
        if "custom" not in actor.hidden(kind)
        for pair in in_words(actor, kind, custom_of(request, kind))
    ]


def in_words(actor: Actor, kind: str, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = own_fields(actor.db, removed=True) if said else {}
    return [
        (field.label, said_of(field, value)) if (field := known.get(f"{kind}.{key}")) else (key, str(value))
        for key, value in said.items()
    ]


def custom_of(request: Request, kind: str) -> dict[str, Any]:
    return dict(request.fields.get(kind, {}).get("custom") or {})
