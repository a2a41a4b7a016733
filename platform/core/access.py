"""Rights: what a role may do with which kind of record, and how far.

A right is (kind, verb); a role gives each right a scope: none, own or all. The declaration below is the only place
that knows the kinds and verbs; the tests walk it and fail for an action or resource it does not name.
"""

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import ColumnElement, false, true

from core.records import Record

Scope = Literal["none", "own", "all"]
Right = tuple[str, str]

VERBS: dict[str, tuple[str, ...]] = {
    "contact": ("view", "create", "edit", "delete", "import", "export", "assign"),
    "company": ("view", "create", "edit", "delete", "export", "assign"),
    "deal": ("view", "create", "edit", "delete", "export", "assign"),
    "pipeline": ("view", "create", "edit", "delete"),
    "task": ("view", "create", "edit", "delete", "assign"),
    "note": ("view", "create", "edit", "delete"),
    "token": ("view", "create", "delete"),
    "member": ("view", "create", "edit"),
    "settings": ("view", "edit"),
}

# Records without rights of their own: whoever holds this one may see and change them, as far as its scope reaches.
DECIDED_BY: dict[str, Right] = {"import": ("contact", "import")}

Rights = Mapping[str, Mapping[str, Scope]]


def everything(scope: Scope = "all") -> dict[str, dict[str, Scope]]:
    return {kind: dict.fromkeys(verbs, scope) for kind, verbs in VERBS.items()}


def only(view: Scope, change: Scope, kinds: tuple[str, ...]) -> dict[str, dict[str, Scope]]:
    """Rights over some kinds of record: how far one may look, and how far do all the rest. Pipelines may be seen."""
    rights: dict[str, dict[str, Scope]] = {
        kind: {verb: view if verb == "view" else change for verb in VERBS[kind]} for kind in kinds
    }
    return {"pipeline": {"view": "all"}, "member": {"view": "all"}, **rights}


WORK = ("contact", "company", "deal", "task", "note")
TOKENS: dict[str, dict[str, Scope]] = {"token": {"view": "own", "create": "own", "delete": "own"}}

# The ready-made roles of a new workspace, in the order of the choice.
ROLES: dict[str, dict[str, dict[str, Scope]]] = {
    "owner": everything(),
    "admin": everything(),
    "head": {**only("all", "all", WORK), **TOKENS},
    "sales": {**only("all", "all", WORK), **TOKENS},
    "field": {**only("own", "own", WORK)},
    "reader": {**only("all", "none", WORK)},
}


def scope_of(rights: Rights, right: Right) -> Scope:
    kind, verb = DECIDED_BY.get(right[0], right)
    if verb not in VERBS.get(kind, ()):
        raise LookupError(f"no such right is declared: {kind}.{verb}")
    return rights.get(kind, {}).get(verb, "none")


def within(scope: Scope, model: type[Record], member_id: object) -> ColumnElement[bool]:
    """The rows of a scope, as a condition for WHERE."""
    if scope == "all":
        return true()
    if scope == "own" and model.owner_column:
        return getattr(model, model.owner_column) == member_id  # type: ignore[no-any-return]
    return false()


def covers(scope: Scope, record: Record, member_id: object) -> bool:
    """The same question of one record in hand."""
    if scope == "own" and record.owner_column:
        return bool(getattr(record, record.owner_column) == member_id)
    return scope == "all"
