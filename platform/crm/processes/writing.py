"""Writing BPMN: a process out of a few lines of Python, for rules and examples.

Page("call", "deal", subject="deal").start(part("on", event="deal.created")).user("call", "Call", ...).end()
"""

from typing import Any

from lxml import etree

from crm.processes.bpmn import BPMN, OKNO

Node = Any  # lxml's element, which has no useful type
SPACES = {"bpmn": BPMN, "okno": OKNO}


def part(name: str, /, *inner: Node, **given: str) -> Node:
    """One of Okno's own elements; what is empty is left out. `if_` stands for the word that Python keeps for itself."""
    made = etree.Element(f"{{{OKNO}}}{name}", nsmap={"okno": OKNO})
    for key, value in given.items():
        if value:
            made.set(key.rstrip("_"), value)
    made.extend(inner)
    return made


def act(name: str, **arguments: str) -> Node:
    """An action with its arguments, each in CEL."""
    return part("action", *(part("arg", name=key, value=value) for key, value in arguments.items()), name=name)


class Writer:
    """A process that is being written: each element follows the one before unless `after` names another."""

    def __init__(self, key: str, name: str, subject: str = "deal"):
        self.root = etree.Element(f"{{{BPMN}}}definitions", nsmap=SPACES, id="definitions", targetNamespace=OKNO)
        self.process = etree.SubElement(self.root, f"{{{BPMN}}}process", id=key, name=name, isExecutable="true")
        self.extend(self.process, [part("process", subject=subject)])
        self.last = ""

    def add(
        self, tag: str, key: str, name: str = "", *parts: Node, after: str | None = None, condition: str = ""
    ) -> Node:
        made = etree.SubElement(self.process, f"{{{BPMN}}}{tag}", id=key)
        if name:
            made.set("name", name)
        if parts:
            self.extend(made, list(parts))
        before = self.last if after is None else after
        if before:
            self.arrow(before, key, condition)
        self.last = key
        return made

    def arrow(self, source: str, target: str, condition: str = "") -> str:
        key = f"{source}_{target}"
        flow = etree.SubElement(self.process, f"{{{BPMN}}}sequenceFlow", id=key, sourceRef=source, targetRef=target)
        if condition:
            etree.SubElement(flow, f"{{{BPMN}}}conditionExpression").text = condition
        return key

    def gateway(self, key: str, name: str, usual: str, tag: str = "exclusiveGateway") -> None:
        """`usual` is the element behind it that a run goes to where no condition holds."""
        self.add(tag, key, name).set("default", f"{key}_{usual}")

    def wait(self, key: str, name: str, span: str, hours: str) -> None:
        self.timer(self.add("intermediateCatchEvent", key, name), span, hours)

    def hear(self, key: str, name: str, *on: Node, after: str | None = None, condition: str = "") -> None:
        """Wait for an event."""
        made = self.add("intermediateCatchEvent", key, name, *on, after=after, condition=condition)
        etree.SubElement(made, f"{{{BPMN}}}messageEventDefinition")

    def beside(self, key: str, host: str, name: str, span: str, hours: str, *, interrupts: bool) -> None:
        """A time on the border of a step."""
        made = self.add("boundaryEvent", key, name, after="")
        made.set("attachedToRef", host)
        made.set("cancelActivity", str(interrupts).lower())
        self.timer(made, span, hours)

    def timer(self, node: Node, span: str, hours: str) -> None:
        definition = etree.SubElement(node, f"{{{BPMN}}}timerEventDefinition")
        definition.set(f"{{{OKNO}}}hours", hours)
        etree.SubElement(definition, f"{{{BPMN}}}timeDuration").text = span

    def extend(self, node: Node, parts: list[Node]) -> None:
        etree.SubElement(node, f"{{{BPMN}}}extensionElements").extend(parts)

    def xml(self) -> str:
        etree.cleanup_namespaces(self.root, keep_ns_prefixes=list(SPACES))
        return str(etree.tostring(self.root, encoding="unicode", pretty_print=True))
