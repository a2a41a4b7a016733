"""What stands on a diagram: how many runs wait where, and the way that one run has gone."""

from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from SpiffWorkflow.util.task import TaskState

from crm.processes.bpmn import Definition
from crm.processes.following import Place, Wait
from crm.processes.models import Instance, Process

Marks = dict[str, dict[str, Any]]


def counted(process: Process, found: dict[str, Place]) -> Marks:
    """How many runs stand at each element, and how many of them are late or cannot go on, each leading to them."""
    marks: Marks = {}
    for element, place in found.items():
        href = url_for("processes.show", process_id=process.id, element=element, _anchor="runs")
        waiting = ngettext("%(num)s run waits here", "%(num)s runs wait here", place.runs)
        badges = [{"text": str(place.runs), "label": str(waiting), "tone": "", "href": href}]
        if place.late:
            label = ngettext("%(num)s late", "%(num)s late", place.late)
            badges.append({"text": str(label), "label": str(label), "tone": "late", "href": href})
        if place.failed:
            label = ngettext("%(num)s cannot go on", "%(num)s cannot go on", place.failed)
            badges.append({"text": f"{place.failed} !", "label": str(label), "tone": "late", "href": href})
        marks[element] = {"badges": badges, "state": "late" if place.late or place.failed else "here"}
    return marks


def walked(definition: Definition, run: Instance, waits: list[Wait]) -> Marks:
    """The elements and arrows that a run has gone along, and where it stands."""
    passed, pairs = way(run)
    marks: Marks = {one: {"state": "walked"} for one in passed if one in definition.elements}
    for flow in definition.flows:
        if (flow.source, flow.target) in pairs:
            marks[flow.id] = {"state": "walked"}
    for wait in waits:
        state = "failed" if wait.state == "failed" else "late" if wait.late else "here"
        words = {"failed": _("Cannot go on"), "late": _("Late"), "here": _("Waits here")}[state]
        tone = "" if state == "here" else "late"
        marks[wait.element] = {
            "state": state, "badges": [{"text": str(words), "label": str(words), "tone": tone}],
        }  # fmt: skip
    return marks


def way(run: Instance) -> tuple[set[str], set[tuple[str, str]]]:
    """The names of what was passed, and the pairs of names that a token went between, as the stored state has them."""
    passed: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for tree in (run.state, *run.state.get("inner", ())):
        rows = {row[0]: row for row in tree.get("tasks", ())}
        for row in rows.values():
            if not row[4] & (TaskState.COMPLETED | TaskState.STARTED | TaskState.READY | TaskState.WAITING):
                continue
            if row[4] & TaskState.COMPLETED:
                passed.add(row[3])
            above = rows.get(row[1])
            while above is not None and "." in above[3]:  # what stands between by itself: the split of a border
                above = rows.get(above[1])
            if above is not None and above[4] & TaskState.COMPLETED:
                pairs.add((above[3], row[3].partition(".")[0]))
    return passed, pairs
