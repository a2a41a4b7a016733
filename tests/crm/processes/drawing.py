"""Drawing processes in a line each: an element is a tag with a name, and arrows join them in the order given."""

import itertools
import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:okno="urn:okno:process"
  xmlns:dmn="https://www.omg.org/spec/DMN/20191111/MODEL/" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
  id="definitions" targetNamespace="urn:okno:process">
"""


def process(*parts: str, subject: str = "deal", name: str = "Windows", before: str = "", **settings: Any) -> str:
    """A whole file. Parts are elements (below) and arrows, "a -> b -> c" or "a -> b ? condition"."""
    said = "".join(f" {key}={quoteattr(str(value))}" for key, value in settings.items())
    inner = "".join(arrows(part) if is_arrow(part) else part for part in parts)
    about = f'<bpmn:extensionElements><okno:process subject="{subject}"{said}/></bpmn:extensionElements>'
    whole = f'<bpmn:process id="windows" name="{name}" isExecutable="true">{about}{inner}</bpmn:process>'
    return f"{HEAD}{before}{whole}</bpmn:definitions>"


def is_arrow(part: str) -> bool:
    return not part.startswith("<")


def arrows(part: str) -> str:
    path, _mark, condition = part.partition(" ? ")
    ids = [one.strip() for one in path.split("->")]
    inner = f"<bpmn:conditionExpression>{escape(condition)}</bpmn:conditionExpression>" if condition else ""
    return "".join(
        f'<bpmn:sequenceFlow id="f_{a}_{b}" sourceRef="{a}" targetRef="{b}">{inner}</bpmn:sequenceFlow>'
        for a, b in itertools.pairwise(ids)
    )


def element(tag: str, element_id: str, *extensions: str, inner: str = "", **given: str) -> str:
    said = "".join(f" {key}={quoteattr(value)}" for key, value in given.items())
    own = f"<bpmn:extensionElements>{''.join(extensions)}</bpmn:extensionElements>" if extensions else ""
    return f'<bpmn:{tag} id="{element_id}"{said}>{own}{inner}</bpmn:{tag}>'


def start(*on: str, element_id: str = "start") -> str:
    """on: "deal.created", or with attributes "deal.stage to=Quote"."""
    return element("startEvent", element_id, *(trigger(one) for one in on))


def trigger(said: str) -> str:
    event, _space, rest = said.partition(" ")
    return f"<okno:on event={quoteattr(event)} {attributes(rest)}/>"


def attributes(said: str) -> str:
    """`to=Quote if=(a > 1)` -> XML attributes; what has spaces stands in brackets."""
    found = re.findall(r"(\w+)=(\((?:[^()]|\([^()]*\))*\)|\S+)", said)
    return " ".join(f"{key}={quoteattr(value[1:-1] if value.startswith('(') else value)}" for key, value in found)


def end(element_id: str = "end", inner: str = "") -> str:
    return element("endEvent", element_id, inner=inner)


def user(
    element_id: str, who: str = "who=owner", *extensions: str, fields: str = "", due: str = "", **given: str
) -> str:
    """fields: "width:number! note" (type after the colon, ! for required)."""
    own = [f"<okno:assignee {attributes(one)}/>" for one in who.split("|") if one]
    if due:
        own.append(f"<okno:due {attributes(due)}/>")
    if fields:
        own.append("<okno:form>" + "".join(map(field, fields.split())) + "</okno:form>")
    return element("userTask", element_id, *own, *extensions, name=given.pop("name", element_id.title()), **given)


def field(said: str) -> str:
    name, _colon, kind = said.rstrip("!").partition(":")
    kind, _colon, options = kind.partition(":")
    required = ' required="true"' if said.endswith("!") else ""
    return f'<okno:field name="{name}" type="{kind or "text"}" options="{options}"{required}/>'


def service(element_id: str, action: str = "", *extensions: str, **args: str) -> str:
    """args are CEL."""
    own = "".join(f"<okno:arg name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in args.items())
    does = [f"<okno:action name={quoteattr(action)}>{own}</okno:action>"] if action else []
    return element("serviceTask", element_id, *does, *extensions)


def notify(who: str, text: str) -> str:
    return f"<okno:notify who={quoteattr(who)} text={quoteattr(text)}/>"


def put(name: str, value: str) -> str:
    return f"<okno:set name={quoteattr(name)} value={quoteattr(value)}/>"


def gateway(element_id: str, tag: str = "exclusiveGateway", default: str = "") -> str:
    return element(tag, element_id, **({"default": f"f_{element_id}_{default}"} if default else {}))


def timer(value: str, hours: str = "always", what: str = "Duration") -> str:
    return (
        f'<bpmn:timerEventDefinition okno:hours="{hours}"><bpmn:time{what}>{escape(value)}</bpmn:time{what}>'
        "</bpmn:timerEventDefinition>"
    )


def waits(element_id: str, value: str, **more: str) -> str:
    return element("intermediateCatchEvent", element_id, inner=timer(value, **more))


def beside(element_id: str, host: str, inner: str, *extensions: str, interrupts: bool = True) -> str:
    return element(
        "boundaryEvent",
        element_id,
        *extensions,
        inner=inner,
        attachedToRef=host,
        cancelActivity=str(interrupts).lower(),
    )


MESSAGE = "<bpmn:messageEventDefinition/>"


def hears(element_id: str, *on: str) -> str:
    return element("intermediateCatchEvent", element_id, *(trigger(one) for one in on), inner=MESSAGE)
