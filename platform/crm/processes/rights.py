"""What a process may: what its publisher may now, of what was in it when it was published.

Kinds that its actions name, with every verb of them but those that lose or take out data, unless an action asks for
just that; and seeing. So a right that the publisher gets later does not widen a process, and one that is taken from
them narrows it at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.access import SCOPES, VERBS, Right, Scope, scope_of
from core.actions import ACTIONS
from core.actor import Actor
from crm.processes.bpmn import USER, Definition

HELD_BACK = ("delete", "export", "import")
SEEN = ("contact", "company", "deal", "task", "note", "pipeline", "member", "department", "team", "mail_template")


def rights_of(actor: Actor, definition: Definition) -> dict[str, dict[str, Scope]]:
    """What is kept with a version: for each right that it needs, as far as its publisher has it."""
    needed: set[Right] = {(kind, "view") for kind in SEEN}
    for element in definition.elements.values():
        if element.tag in USER:
            needed |= {("task", verb) for verb in ("create", "edit", "assign")}
        for one in element.all("action"):
            action = ACTIONS.get(one.get("name"))
            if action is not None:
                kind = action.right[0]
                needed |= {action.right, *((kind, verb) for verb in VERBS.get(kind, ()) if verb not in HELD_BACK)}
    kept: dict[str, dict[str, Scope]] = {}
    for kind, verb in sorted(needed):
        if verb in VERBS.get(kind, ()):
            kept.setdefault(kind, {})[verb] = scope_of(actor.rights, (kind, verb))
    return kept


def narrowed(actor: Actor, kept: Mapping[str, Any]) -> Actor:
    """The actor with these rights alone, and each no further than they reach now."""
    rights: dict[str, dict[str, Scope]] = {}
    for kind, verbs in kept.items():
        for verb, scope in verbs.items():
            if verb in VERBS.get(kind, ()) and scope in SCOPES:
                now = scope_of(actor.rights, (kind, verb))
                rights.setdefault(kind, {})[verb] = min(now, scope, key=SCOPES.index)
    return replace(actor, rights=rights)
