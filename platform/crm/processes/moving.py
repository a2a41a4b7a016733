"""Runs under way move to another version: by choice, and only where the new version has what they are in.

A run's state names elements. What lies ahead of it was foreseen by the old version, and is foreseen anew by the new
one; what it has passed and where it stands must be there, and be of the same kind.
"""

from typing import Any

from crm.processes.bpmn import Definition
from crm.processes.models import Instance, Step
from crm.processes.walk import AHEAD, Lost, Walk, stored


def moved_state(run: Instance, steps: list[Step], old: Definition, new: Definition) -> tuple[dict[str, Any], list[str]]:
    """The run's state in the new version, or ({}, what it misses there: titles of elements)."""
    missing = missed(run, steps, old, new)
    if missing or not run.state:
        return {}, missing
    try:
        walk = Walk(new.specs, lambda _condition: False, {**run.state, **kept(run.state)})
        walk.foresee()
    except Lost:
        return {}, [old.name]
    return stored(walk.flow), []


def missed(run: Instance, steps: list[Step], old: Definition, new: Definition) -> list[str]:
    """What a run has passed or stands at, and the new version does not have, or not as the same."""
    named = {row[3] for tree in (run.state, *run.state.get("inner", ())) for row in kept(tree).get("tasks", ())}
    named = {name.partition(".")[0] for name in named} | {step.element for step in steps}
    gone = [
        element
        for element in old.elements.values()
        if element.id in named and not same(element, new.elements.get(element.id))
    ]
    whole = [] if old.key == new.key else [old.name]
    return whole + [element.title for element in gone]


def same(one: Any, other: Any) -> bool:
    return other is not None and (one.tag, one.event, one.inside, one.host) == (
        other.tag, other.event, other.inside, other.host,
    )  # fmt: skip


def kept(tree: dict[str, Any]) -> dict[str, Any]:
    """A state, or one of its subprocesses, without what was only foreseen."""
    if "tasks" not in tree:
        return {}
    rows = [row for row in tree["tasks"] if not row[4] & AHEAD]
    ids = {row[0] for row in rows}
    bare = [[row[0], row[1], [child for child in row[2] if child in ids], *row[3:]] for row in rows]
    inner = [{**one, **kept(one)} for one in tree.get("inner", ())]
    return {"tasks": bare, **({"inner": inner} if "inner" in tree else {})}
