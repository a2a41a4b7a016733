"""Where the elements of a process stand, for a file that does not say: the flow from left to right, each branch in a
row of its own.

A modeler draws what stands in `bpmndi:BPMNDiagram`. Files written by hand or by a program often have none; `drawn` adds
one, and leaves those that have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from crm.processes.bpmn import BPMN, FLOW_NODES, inside_extensions, parsed, split, the_process

Node = Any  # lxml's element, which has no useful type

SPACES = {
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}
COLUMN, ROW = 160, 130  # from the middle of one place to that of the next
EDGE = 60  # around all of it, and inside a subprocess
TASK = (100, 80)
EVENT = (36, 36)
GATEWAY = (50, 50)


@dataclass
class Box:
    """A place in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass
class Drawing:
    boxes: dict[str, Box] = field(default_factory=dict)
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def drawn(xml: str) -> str:
    """The file with a diagram. Raises Unreadable for what is no BPMN at all."""
    root = parsed(xml.encode())
    if root.find(f"{{{SPACES['bpmndi']}}}BPMNDiagram") is not None:
        return xml
    process = the_process(root)
    drawing = Drawing()
    lay_out(process, drawing, EDGE, EDGE)
    append_diagram(root, process, drawing)
    return str(etree.tostring(root, encoding="unicode"))


def lay_out(scope: Node, drawing: Drawing, left: float, top: float) -> tuple[float, float]:
    """Give each element of a process or subprocess its place, the first one at (left, top). Returns how wide and high
    all of it is."""
    nodes = {one.get("id"): one for one in scope if is_flow_node(one)}
    hosts = {key: one.get("attachedToRef") for key, one in nodes.items() if one.get("attachedToRef") in nodes}
    flows = [one for one in scope if split(one) == (BPMN, "sequenceFlow") and ends_of(one) <= nodes.keys()]
    places = places_of(nodes, hosts, flows)
    sizes = {key: size_of(one, drawing) for key, one in nodes.items() if key not in hosts}
    widths = [
        max([COLUMN - 60.0, *(sizes[key][0] for key in sizes if places[key][0] == at)]) for at in range(columns(places))
    ]
    heights = [
        max([ROW - 50.0, *(sizes[key][1] for key in sizes if places[key][1] == at)]) for at in range(rows(places))
    ]
    for key, (width, height) in sizes.items():
        column, row = places[key]
        x = left + sum(widths[:column]) + 60 * column + (widths[column] - width) / 2
        y = top + sum(heights[:row]) + 50 * row + (heights[row] - height) / 2
        drawing.boxes[key] = Box(x, y, width, height)
        if split(nodes[key])[1] == "subProcess":
            lay_out(nodes[key], drawing, x + EDGE / 2, y + EDGE / 2)
    for number, (key, host) in enumerate(hosts.items()):
        sat_on = drawing.boxes[host]
        x = sat_on.x + sat_on.width - EVENT[0] - 4 - 40 * (number % 2)
        drawing.boxes[key] = Box(x, sat_on.y + sat_on.height - EVENT[1] / 2, *EVENT)
    bottom = top + sum(heights) + 50 * len(heights)
    for flow in flows:
        source, target = flow.get("sourceRef"), flow.get("targetRef")
        drawing.lines[flow.get("id")] = line(drawing.boxes[source], drawing.boxes[target], source in hosts, bottom)
    return sum(widths) + 60 * (len(widths) - 1), sum(heights) + 50 * (len(heights) - 1)


def is_flow_node(node: Node) -> bool:
    return split(node)[0] == BPMN and split(node)[1] in FLOW_NODES and not inside_extensions(node)


def ends_of(flow: Node) -> set[str]:
    return {flow.get("sourceRef"), flow.get("targetRef")}


def places_of(nodes: Mapping[str, Node], hosts: Mapping[str, str], flows: list[Node]) -> dict[str, tuple[int, int]]:
    """Column and row of each: one column behind whoever leads there, in the same row where it is free."""
    after: dict[str, list[str]] = {key: [] for key in nodes}
    for flow in flows:
        after[flow.get("sourceRef")].append(flow.get("targetRef"))
    for key, host in hosts.items():  # what sits on a border leads on from its host, below it
        after[host] += after[key]
    starts = [key for key, one in nodes.items() if split(one)[1] == "startEvent"]
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    for key in [*starts, *(key for key in nodes if key not in hosts)]:
        walk(key, after, order, back, ())
    column = dict.fromkeys(reversed(order), 0)
    for key in column:
        for one in after[key]:
            if (key, one) not in back and one in column:
                column[one] = max(column[one], column[key] + 1)
    places: dict[str, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    for key in column:
        row = min((places[one][1] for one in places if key in after[one] and (one, key) not in back), default=0)
        while (column[key], row) in taken:
            row += 1
        places[key] = (column[key], row)
        taken.add(places[key])
    return places


def walk(
    key: str, after: Mapping[str, list[str]], order: list[str], back: set[tuple[str, str]], path: tuple[str, ...]
) -> None:
    """Depth first, so that `order` ends with whatever comes first; arrows that lead back are kept apart."""
    if key in order:
        return
    for one in reversed(after[key]):
        if one in path or one == key:
            back.add((key, one))
        else:
            walk(one, after, order, back, (*path, key))
    order.append(key)


def columns(places: Mapping[str, tuple[int, int]]) -> int:
    return max((column for column, _row in places.values()), default=0) + 1


def rows(places: Mapping[str, tuple[int, int]]) -> int:
    return max((row for _column, row in places.values()), default=0) + 1


def size_of(node: Node, drawing: Drawing) -> tuple[float, float]:
    name = split(node)[1]
    if name == "subProcess":
        width, height = lay_out(node, drawing, 0, 0)
        return width + EDGE, height + EDGE
    if name.endswith("Event"):
        return EVENT
    return GATEWAY if name.endswith("Gateway") else TASK


def line(source: Box, target: Box, from_border: bool, bottom: float) -> list[tuple[float, float]]:
    """The corners of an arrow."""
    (x, y), (to_x, to_y) = source.middle, target.middle
    if from_border and to_y > y:
        return [(x, source.y + source.height), (x, to_y), (target.x, to_y)]
    if target.x < source.x + source.width:  # back, below everything
        return [(x, source.y + source.height), (x, bottom), (to_x, bottom), (to_x, target.y + target.height)]
    right = source.x + source.width
    if abs(y - to_y) < 1:
        return [(right, y), (target.x, to_y)]
    if to_y > y and source.width == GATEWAY[0]:
        return [(x, source.y + source.height), (x, to_y), (target.x, to_y)]
    between = target.x - 30
    return [(right, y), (between, y), (between, to_y), (target.x, to_y)]


def append_diagram(root: Node, process: Node, drawing: Drawing) -> None:
    def tag(space: str, name: str) -> str:
        return f"{{{SPACES[space]}}}{name}"

    diagram = etree.SubElement(root, tag("bpmndi", "BPMNDiagram"), nsmap=SPACES, id="diagram")
    plane = etree.SubElement(diagram, tag("bpmndi", "BPMNPlane"), id="plane", bpmnElement=process.get("id"))
    for key, box in drawing.boxes.items():
        shape = etree.SubElement(plane, tag("bpmndi", "BPMNShape"), id=f"{key}_di", bpmnElement=key)
        if process.find(f".//{{{BPMN}}}subProcess[@id='{key}']") is not None:
            shape.set("isExpanded", "true")
        bounds = {name: f"{getattr(box, name):g}" for name in ("x", "y", "width", "height")}
        etree.SubElement(shape, tag("dc", "Bounds"), bounds)
    for key, corners in drawing.lines.items():
        edge = etree.SubElement(plane, tag("bpmndi", "BPMNEdge"), id=f"{key}_di", bpmnElement=key)
        for x, y in corners:
            etree.SubElement(edge, tag("di", "waypoint"), x=f"{x:g}", y=f"{y:g}")
