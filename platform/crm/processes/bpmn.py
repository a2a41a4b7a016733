"""BPMN XML, read with suspicion: what a file means, and what is wrong with it.

`read` takes XML of anybody: no DTD, at most a megabyte, elements of a list alone. What comes out is a Definition: the
elements with Okno's own extensions as plain data, and SpiffWorkflow's specification of who follows whom. SpiffWorkflow
gets a copy that is bare of all else, and evaluates nothing itself (crm.processes.walk).

The extensions are elements in the namespace `urn:okno:process` inside of `extensionElements`, so that a file opens in
any modeler and comes back unchanged. docs/processes.md lists them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flask_babel import gettext as _
from lxml import etree
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException

from core.errors import Refusal
from crm.processes.walk import Specs, specified

Node = Any  # lxml's element, which has no useful type

LARGEST = 1024 * 1024  # bytes of XML
MOST = 200  # elements that a run can be in
DEEPEST = 30  # elements within elements
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DMN = ("https://www.omg.org/spec/DMN/20191111/MODEL/", "http://www.omg.org/spec/DMN/20180521/MODEL/")
OKNO = "urn:okno:process"
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")

USER = ("userTask", "manualTask")
SERVICE = ("serviceTask", "sendTask", "businessRuleTask")
GATEWAYS = ("exclusiveGateway", "parallelGateway", "eventBasedGateway")
EVENTS = ("startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent", "receiveTask")
FLOW_NODES = (*USER, *SERVICE, *GATEWAYS, *EVENTS, "subProcess")
DEFINITIONS = {
    "timerEventDefinition": "timer",
    "messageEventDefinition": "message",
    "errorEventDefinition": "error",
    "escalationEventDefinition": "escalation",
    "terminateEventDefinition": "terminate",
}
# What stands around the elements: read, drawn or passed over, and never a reason to refuse a file.
AROUND = (
    "definitions", "process", "sequenceFlow", "incoming", "outgoing", "extensionElements", "documentation",
    "conditionExpression", "timeDuration", "timeDate", "timeCycle", "message", "error", "escalation", "collaboration",
    "participant", "laneSet", "lane", "flowNodeRef", "textAnnotation", "text", "association", "group", "category",
    "categoryValue", "childLaneSet",
)  # fmt: skip
KNOWN = frozenset((*FLOW_NODES, *DEFINITIONS, *AROUND))


class Unreadable(Refusal):
    """This is no BPMN that can run here; `problems` say why."""

    status = 422

    def __init__(self, *problems: "Problem"):
        super().__init__(" ".join(problem.words for problem in problems[:5]), problems=[vars(one) for one in problems])
        self.problems = list(problems)


@dataclass(frozen=True)
class Problem:
    """What is wrong, in words, and with which element (its id; empty where it is the whole); `field` is which part of
    its work, and which argument of that: "0.stage_id"."""

    element: str
    words: str
    field: str = ""


@dataclass(frozen=True)
class Extension:
    """One of Okno's own elements: `<okno:due after="PT15M"/>`."""

    name: str
    given: Mapping[str, str]
    text: str = ""
    inner: tuple["Extension", ...] = ()

    def get(self, name: str) -> str:
        return self.given.get(name, "").strip()


@dataclass(frozen=True)
class Timer:
    """`what` is duration, date or cycle; `value` an ISO 8601 text, or CEL for one; `hours` is working or always."""

    what: str
    value: str
    hours: str


@dataclass(frozen=True)
class Element:
    """A place in the diagram. `event` is what it waits for or throws (timer, message, error, ...), `code` of an error
    or escalation, the name of a message. `host` is what a boundary event sits on, `inside` the subprocess around it."""

    id: str
    tag: str
    name: str
    inside: str = ""
    event: str = ""
    code: str = ""
    host: str = ""
    interrupts: bool = True
    default: str = ""
    timer: Timer | None = None
    extensions: tuple[Extension, ...] = ()

    @property
    def title(self) -> str:
        return self.name or self.id

    def all(self, name: str) -> list[Extension]:
        return [one for one in self.extensions if one.name == name]

    def own(self, name: str) -> Extension | None:
        return next(iter(self.all(name)), None)


@dataclass(frozen=True)
class Flow:
    id: str
    source: str
    target: str
    condition: str


@dataclass(frozen=True)
class Definition:
    """A process as it was written. `subject` is the kind of record that it is about, or nothing."""

    key: str
    name: str
    subject: str
    elements: Mapping[str, Element]
    flows: tuple[Flow, ...]
    settings: Extension
    specs: Specs = field(repr=False, compare=False)

    @property
    def start(self) -> Element:
        return next(one for one in self.elements.values() if one.tag == "startEvent" and not one.inside)

    def outgoing(self, element: str) -> list[Flow]:
        return [flow for flow in self.flows if flow.source == element]

    def boundaries(self, element: str) -> list[Element]:
        return [one for one in self.elements.values() if one.host == element]


def read(xml: str | bytes) -> Definition:
    """What the XML says. The same text is read once in a process of the server. Raises Unreadable."""
    content = xml.encode() if isinstance(xml, str) else xml
    if len(content) > LARGEST:
        raise Unreadable(Problem("", _("The file is too large: at most 1 MB.")))
    return read_once(hashlib.sha256(content).digest(), content)


def sketched(xml: str) -> tuple[str, str]:
    """The key and name of a process that may be half drawn still: without a start, with arrows that are missing. What
    does not run here at all is refused. Raises Unreadable."""
    content = xml.encode()
    if len(content) > LARGEST:
        raise Unreadable(Problem("", _("The file is too large: at most 1 MB.")))
    root = parsed(content)
    problems = list(unsupported(root))
    if problems:
        raise Unreadable(*problems)
    found = root.findall(f"{{{BPMN}}}process")
    if not found:
        raise Unreadable(Problem("", _("There is no process in this file.")))
    process = next((one for one in found if len(one)), found[0])
    return process.get("id"), (process.get("name") or process.get("id"))[:200]


@lru_cache(maxsize=256)
def read_once(_hash: bytes, content: bytes) -> Definition:
    root = parsed(content)
    problems = list(unsupported(root))
    if problems:
        raise Unreadable(*problems)
    process = the_process(root)
    settings = next((one for one in extensions(process) if one.name == "process"), Extension("process", {}))
    elements = {one.id: one for one in elements_of(root, process)}
    return Definition(
        key=process.get("id"),
        name=(process.get("name") or process.get("id"))[:200],
        subject=settings.get("subject"),
        elements=elements,
        flows=tuple(flows_of(process)),
        settings=settings,
        specs=spec_of(root, process),
    )


def parsed(content: bytes) -> Node:
    """The tree of a text without a DTD. Raises Unreadable."""
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE) or b"\0" in content:
        raise Unreadable(Problem("", _("The file has a document type of its own (DTD), which is not taken.")))
    reader = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, reader)
    except (etree.XMLSyntaxError, ValueError) as error:
        where = getattr(error, "lineno", None) or 0
        raise Unreadable(Problem("", _("This is no XML that can be read (line %(line)s).", line=where))) from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable(Problem("", _("The file has a document type of its own (DTD), which is not taken.")))
    return root


def unsupported(root: Node) -> Iterator[Problem]:
    """Elements that do not run here, each by its name and id."""
    if root.tag != f"{{{BPMN}}}definitions":
        yield Problem("", _("This is no BPMN 2.0 file."))
        return
    seen: set[str] = set()
    count = 0
    for node in root.iter():
        space, name = split(node)
        if sum(1 for _one in node.iterancestors()) > DEEPEST:
            yield Problem("", _("Elements are nested too deeply."))
            return
        if space != BPMN or inside_extensions(node):
            continue
        node_id = node.get("id") or ""
        if name not in KNOWN:
            yield Problem(node_id[:100], _("%(name)s is not supported (%(id)s).", name=name, id=node_id[:100] or "?"))
        elif name == "subProcess" and node.get("triggeredByEvent") == "true":
            yield Problem(node_id[:100], _("%(name)s is not supported (%(id)s).", name="event sub-process", id=node_id))
        if name in (*FLOW_NODES, "process", "sequenceFlow"):
            if not NAME.match(node_id):
                yield Problem(node_id[:100], _("An element has no proper identifier: %(id)s", id=node_id[:100] or name))
            if node_id in seen:
                yield Problem(node_id[:100], _("Two elements have the identifier %(id)s.", id=node_id[:100]))
            seen.add(node_id)
        count += name in FLOW_NODES
        if count > MOST:
            yield Problem("", _("Too many elements: at most %(most)s.", most=MOST))
            return


def split(node: Node) -> tuple[str, str]:
    name = etree.QName(node)
    return name.namespace or "", name.localname


def inside_extensions(node: Node) -> bool:
    return any(split(above) == (BPMN, "extensionElements") for above in node.iterancestors())


def the_process(root: Node) -> Node:
    found = [one for one in root.findall(f"{{{BPMN}}}process") if one.find(f"{{{BPMN}}}startEvent") is not None]
    if len(found) != 1:
        words = _("A file holds one process with a start; this one has %(number)s.", number=len(found))
        raise Unreadable(Problem("", words))
    starts = found[0].findall(f"{{{BPMN}}}startEvent")
    if len(starts) != 1:
        raise Unreadable(Problem(starts[1].get("id"), _("A process has one start; it may have several triggers.")))
    return found[0]


def elements_of(root: Node, process: Node) -> Iterator[Element]:
    named = {
        one.get("id"): (one.get("name") or "", one.get("errorCode") or one.get("escalationCode") or "")
        for tag in ("message", "error", "escalation")
        for one in root.findall(f"{{{BPMN}}}{tag}")
    }
    for node in process.iter(f"{{{BPMN}}}*"):
        name = split(node)[1]
        if name in FLOW_NODES and not inside_extensions(node):
            yield element_of(node, process, named)


def element_of(node: Node, process: Node, named: Mapping[str, tuple[str, str]]) -> Element:
    tag, above = split(node)[1], node.getparent()
    kinds = [one for one in node if split(one)[0] == BPMN and split(one)[1] in DEFINITIONS]
    if len(kinds) > 1:
        raise Unreadable(Problem(node.get("id"), _("An event waits for one thing: %(id)s", id=node.get("id"))))
    event = DEFINITIONS[split(kinds[0])[1]] if kinds else "message" if tag == "receiveTask" else ""
    inner = kinds[0] if kinds else node
    said = named.get(inner.get(f"{event}Ref") or "", ("", "")) if event else ("", "")
    return Element(
        id=node.get("id"),
        tag=tag,
        name=(node.get("name") or "").strip()[:200],
        inside="" if above is process else above.get("id") or "",
        event=event,
        code=said[0] if event == "message" else said[1],
        host=node.get("attachedToRef") or "",
        interrupts=node.get("cancelActivity", "true") == "true",
        default=node.get("default") or "",
        timer=timer_of(inner) if event == "timer" else None,
        extensions=tuple(extensions(node)),
    )


def timer_of(node: Node) -> Timer | None:
    for what in ("duration", "date", "cycle"):
        value = node.findtext(f"{{{BPMN}}}time{what.title()}")
        if value and value.strip():
            return Timer(what, value.strip(), node.get(f"{{{OKNO}}}hours") or "always")
    return None


def extensions(node: Node) -> Iterator[Extension]:
    """Okno's elements of this node; those of other programs are passed over."""
    for holder in node.findall(f"{{{BPMN}}}extensionElements"):
        for one in holder:
            if split(one)[0] == OKNO or (split(one)[0] in DMN and split(one)[1] == "decisionTable"):
                yield extension(one)


def extension(node: Node) -> Extension:
    given = {etree.QName(name).localname: value for name, value in node.attrib.items()}
    inner = tuple(extension(one) for one in node if isinstance(one.tag, str))
    return Extension(split(node)[1], given, (node.text or "").strip(), inner)


def flows_of(process: Node) -> Iterator[Flow]:
    for node in process.iter(f"{{{BPMN}}}sequenceFlow"):
        condition = (node.findtext(f"{{{BPMN}}}conditionExpression") or "").strip()
        yield Flow(node.get("id"), node.get("sourceRef") or "", node.get("targetRef") or "", condition)


def spec_of(root: Node, process: Node) -> Specs:
    """SpiffWorkflow's specifications, made of the elements alone. Raises Unreadable."""
    bare = etree.fromstring(etree.tostring(root))
    for node in list(bare.iter()):
        space, name = split(node)
        foreign = space != BPMN or name in ("extensionElements", "documentation", "laneSet", "collaboration")
        if foreign and node.getparent() is not None:
            node.getparent().remove(node)
    try:
        return specified(bare, process.get("id"))
    except ValidationException as error:
        raise Unreadable(
            Problem(error.id or "", _("The flow cannot be followed: %(why)s", why=str(error)[:300]))
        ) from None
    except (RecursionError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise Unreadable(Problem("", _("The flow cannot be followed: %(why)s", why=str(error)[:300]))) from None
