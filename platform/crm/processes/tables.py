"""The decision table of a step as a page shows it: columns in the user's words, rows of what they typed.

It stands in the draft of its process as DMN 1.3 and is published with it; `to_file` makes a file of its own of it,
which Camunda Modeler opens, and `from_file` takes one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from lxml import etree
from pydantic import AfterValidator, Field

from core.actions import Input
from core.errors import Invalid, NotFound, Refusal
from core.text import plain
from crm.processes import cells
from crm.processes.bpmn import BPMN, DMN, Extension, extension, extensions, parsed, split
from crm.processes.decisions import RULES, Table, decided, hit, plain_days, policy_of, text_in
from crm.processes.expressions import NAMES, Wrong, checked

Node = Any  # lxml's element, which has no useful type

MODEL = DMN[0]
COLUMNS = 20
Policy = Literal[
    "UNIQUE", "FIRST", "ANY", "COLLECT", "RULE ORDER", "COLLECT SUM", "COLLECT MIN", "COLLECT MAX", "COLLECT COUNT"
]
Kind = Literal["text", "number", "yesno", "date"]


def storable(typed: str) -> str:
    """Without the control characters that come along from other programs, and that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", typed)


Cell = Annotated[str, Field(max_length=2000), AfterValidator(storable)]
Label = Annotated[str, Field(max_length=200), AfterValidator(storable)]

POLICIES: dict[str, Any] = {
    "UNIQUE": _l("Exactly one row may fit"),
    "FIRST": _l("The first row that fits decides"),
    "ANY": _l("Several may fit, if they say the same"),
    "COLLECT": _l("Every row that fits adds to a list"),
    "RULE ORDER": _l("Every row that fits, in their order"),
    "COLLECT SUM": _l("The outcomes of all that fit are summed"),
    "COLLECT MIN": _l("The smallest outcome of all that fit"),
    "COLLECT MAX": _l("The largest outcome of all that fit"),
    "COLLECT COUNT": _l("How many rows fit"),
}
KINDS: dict[str, Any] = {
    "text": lazy_pgettext("column", "Text"), "number": _l("A number"), "yesno": _l("Yes or no"), "date": _l("A day"),
}  # fmt: skip


class Column(Input):
    """Of an input `expression` is what it looks at; of an output `name` is by what later steps know it."""

    label: Label = ""
    kind: Kind = "text"
    expression: Cell = ""
    name: Label = ""


class Row(Input):
    when: Annotated[list[Cell], Field(max_length=COLUMNS)]
    then: Annotated[list[Cell], Field(max_length=COLUMNS)]
    note: Cell = ""


class Sheet(Input):
    policy: Policy = "UNIQUE"
    inputs: Annotated[list[Column], Field(min_length=1, max_length=COLUMNS)]
    outputs: Annotated[list[Column], Field(min_length=1, max_length=COLUMNS)]
    rows: Annotated[list[Row], Field(min_length=1, max_length=RULES)]


@dataclass(frozen=True)
class Wrongness:
    """What is wrong with a cell: "2.when.0" is row 3, first condition; "inputs.1" a column; "row.2" the whole row."""

    at: str
    words: str


def empty() -> Sheet:
    """What a new table begins with."""
    return Sheet(
        policy="FIRST",
        inputs=[Column(label=_("Amount of the deal"), kind="number", expression="deal.amount")],
        outputs=[Column(label=_("Outcome"), name=key_of(_("Outcome")))],
        rows=[Row(when=["> 100 000"], then=[""]), Row(when=[""], then=[""])],
    )


# Reading and writing DMN


def sheet_of(table: Extension) -> Sheet:
    """Raises Refusal for a table that no page can show."""
    inputs, outputs = inner(table, "input"), inner(table, "output")
    rules = inner(table, "rule")
    when = [[text_in(one) for one in inner(rule, "inputEntry")] for rule in rules]
    then = [[text_in(one) for one in inner(rule, "outputEntry")] for rule in rules]
    if any(len(one) != len(inputs) for one in when) or any(len(one) != len(outputs) for one in then):
        raise Refusal(_("A row of the decision table has not as many cells as the table has columns."))
    ins = [input_of(one, [row[at] for row in when]) for at, one in enumerate(inputs)]
    outs = [output_of(one, at, [row[at] for row in then]) for at, one in enumerate(outputs)]
    rows = [
        Row(
            when=[cells.shown_condition(column.kind, cell) for column, cell in zip(ins, conditions, strict=True)],
            then=[cells.shown_outcome(column.kind, cell) for column, cell in zip(outs, outcomes, strict=True)],
            note=next((one.text for one in rule.inner if one.name == "description"), ""),
        )
        for rule, conditions, outcomes in zip(rules, when, then, strict=True)
    ]
    values = {"policy": policy_of(table), "inputs": ins, "outputs": outs}
    return parse({**values, "rows": rows or [Row(when=[""] * len(ins), then=[""] * len(outs))]})


def parse(values: Any) -> Sheet:
    """Raises Refusal."""
    try:
        return Sheet.model_validate(values)
    except ValueError:
        raise Refusal(_("The decision table is empty, or too large.")) from None


def inner(holder: Extension, name: str) -> list[Extension]:
    return [one for one in holder.inner if one.name == name]


def input_of(one: Extension, column: list[str]) -> Column:
    type_ref = next((it.get("typeRef") for it in one.inner if it.name == "inputExpression"), "")
    expression = text_in(one)
    return Column(label=one.get("label") or expression, kind=kind_of(type_ref, column), expression=expression)


def output_of(one: Extension, at: int, column: list[str]) -> Column:
    name = one.get("name") or f"output_{at + 1}"
    return Column(label=one.get("label") or name, kind=kind_of(one.get("typeRef"), column), name=name)


def kind_of(type_ref: str, column: list[str]) -> Kind:
    kind: Any = cells.kind_of(type_ref, column)
    return kind  # type: ignore[no-any-return]


def node_of(sheet: Sheet, key: str) -> Node:
    """As DMN 1.3. Raises cells.Unclear for what `wrong` would have named."""
    table = etree.Element(f"{{{MODEL}}}decisionTable", nsmap={"dmn": MODEL}, id=f"{key}_table")
    aggregation = sheet.policy.removeprefix("COLLECT ")
    table.set("hitPolicy", "COLLECT" if aggregation != sheet.policy else sheet.policy)
    if aggregation != sheet.policy:
        table.set("aggregation", aggregation)
    for at, column in enumerate(sheet.inputs, 1):
        made = add(table, "input", id=f"{key}_input{at}", label=column.label)
        text_of(
            add(made, "inputExpression", id=f"{key}_expression{at}", typeRef=cells.TYPES[column.kind]),
            column.expression,
        )
    for at, column in enumerate(sheet.outputs, 1):
        add(
            table,
            "output",
            id=f"{key}_output{at}",
            label=column.label,
            name=column.name,
            typeRef=cells.TYPES[column.kind],
        )
    for number, row in enumerate(sheet.rows, 1):
        rule = add(table, "rule", id=f"{key}_rule{number}")
        if row.note:
            add(rule, "description").text = row.note
        for at, (column, cell) in enumerate(zip(sheet.inputs, row.when, strict=True), 1):
            text_of(add(rule, "inputEntry", id=f"{key}_rule{number}_in{at}"), cells.condition_of(column.kind, cell))
        for at, (column, cell) in enumerate(zip(sheet.outputs, row.then, strict=True), 1):
            text_of(add(rule, "outputEntry", id=f"{key}_rule{number}_out{at}"), cells.outcome_of(column.kind, cell))
    return table


def add(holder: Node, tag: str, **given: str) -> Node:
    return etree.SubElement(holder, f"{{{MODEL}}}{tag}", {name: value for name, value in given.items() if value})


def text_of(holder: Node, text: str) -> None:
    add(holder, "text").text = text


def with_table(xml: str, element: str, sheet: Sheet) -> str:
    """The process with this table in its step. Raises NotFound, Unreadable."""
    root = parsed(xml.encode())
    step = step_of(root, element)
    holder = step.find(f"{{{BPMN}}}extensionElements")
    if holder is None:
        holder = etree.Element(f"{{{BPMN}}}extensionElements")
        step.insert(1 if len(step) and split(step[0])[1] == "documentation" else 0, holder)
    made = node_of(sheet, element)
    old = next((one for one in holder if split(one)[1] == "decisionTable"), None)
    if old is None:
        holder.append(made)
    else:
        holder.replace(old, made)
    text: str = etree.tostring(root, encoding="unicode")
    return text


def table_in(xml: str, element: str) -> tuple[str, Extension | None]:
    """The name of a step that decides, and its table, where it has one. Raises NotFound, Unreadable."""
    step = step_of(parsed(xml.encode()), element)
    found = next((one for one in extensions(step) if one.name == "decisionTable"), None)
    return (step.get("name") or "").strip() or str(_("A decision table")), found


def step_of(root: Node, element: str) -> Node:
    for one in root.iter(f"{{{BPMN}}}businessRuleTask"):
        if one.get("id") == element:
            return one
    raise NotFound()


def to_file(sheet: Sheet, key: str, name: str) -> bytes:
    """A DMN 1.3 file with the one decision, and where it stands in the diagram that editors show first."""
    di, dc = "https://www.omg.org/spec/DMN/20191111/DMNDI/", "http://www.omg.org/spec/DMN/20180521/DC/"
    spaces: Any = {None: MODEL, "dmndi": di, "dc": dc}
    given = {"id": f"{key}_definitions", "name": name, "namespace": "urn:okno:process"}
    root = etree.Element(f"{{{MODEL}}}definitions", given, nsmap=spaces)
    decision = etree.SubElement(root, f"{{{MODEL}}}decision", id=key, name=name)
    decision.append(node_of(sheet, key))
    diagram = etree.SubElement(etree.SubElement(root, f"{{{di}}}DMNDI"), f"{{{di}}}DMNDiagram")
    shape = etree.SubElement(diagram, f"{{{di}}}DMNShape", dmnElementRef=key)
    etree.SubElement(shape, f"{{{dc}}}Bounds", height="80", width="180", x="160", y="100")
    etree.cleanup_namespaces(root)
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return content


def from_file(content: str) -> Sheet:
    """The first decision table of a DMN file. Raises Refusal."""
    root = parsed(content.encode())
    tables = [one for one in root.iter() if isinstance(one.tag, str) and split(one)[1] == "decisionTable"]
    if not tables:
        raise Refusal(_("There is no decision table in this file."))
    return sheet_of(extension(tables[0]))


# Checks


def wrong(sheet: Sheet) -> Iterator[Wrongness]:
    """What is wrong, cell by cell."""
    names = [column.name for column in sheet.outputs]
    for at, column in enumerate(sheet.inputs):
        if words := wrong_expression(column.expression):
            yield Wrongness(f"inputs.{at}", words)
    for at, column in enumerate(sheet.outputs):
        if not re.fullmatch(r"[A-Za-z_]\w{0,59}", column.name, re.ASCII) or names.count(column.name) > 1:
            yield Wrongness(f"outputs.{at}", _("Give the column a name of its own."))
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(sheet.rows):
        if len(row.when) != len(sheet.inputs) or len(row.then) != len(sheet.outputs):
            words = _("A row of the decision table has not as many cells as the table has columns.")
            yield Wrongness(f"row.{number}", words)
            continue
        for at, (column, cell) in enumerate(zip(sheet.inputs, row.when, strict=True)):
            if words := wrong_cell(cells.condition_of, column, cell):
                yield Wrongness(f"{number}.when.{at}", words)
        for at, (column, cell) in enumerate(zip(sheet.outputs, row.then, strict=True)):
            if words := wrong_cell(cells.outcome_of, column, cell):
                yield Wrongness(f"{number}.then.{at}", words)
        same = seen.setdefault(tuple(cell.strip().casefold() for cell in row.when), number)
        if same != number and sheet.policy in ("UNIQUE", "FIRST"):
            yield Wrongness(f"row.{number}", _("Row %(number)s has the same conditions.", number=same + 1))


def wrong_expression(text: str) -> str:
    try:
        checked(text, NAMES)
    except Wrong as error:
        return str(error.detail)
    return ""


def wrong_cell(read: Any, column: Column, cell: str) -> str:
    """`read` is one of the two of crm.processes.cells."""
    try:
        text = read(column.kind, cell)
    except cells.Unclear as error:
        return str(error)
    return wrong_expression(text) if cell.lstrip().startswith("=") else ""


# Trying


@dataclass(frozen=True)
class Tried:
    """Which rows fit, counted from 0, and what comes of them; or why nothing does."""

    rows: list[int]
    outcome: dict[str, Any]
    words: str = ""


def tried(sheet: Sheet, typed: list[str]) -> Tried:
    """The table with these inputs. Raises Invalid at the input that is none."""
    given: dict[str, Any] = {}
    wrong_ones: list[tuple[str, Any]] = []
    for at, (column, text) in enumerate(zip(sheet.inputs, typed, strict=False)):
        try:
            given[f"i{at}"] = cells.value_typed(column.kind, text)
        except cells.Unclear as error:
            wrong_ones.append((f"try.{at}", str(error)))
    if wrong_ones:
        raise Invalid(*wrong_ones)
    table = Table(
        sheet.policy,
        tuple(f"data.i{at}" for at in range(len(sheet.inputs))),
        tuple(column.name for column in sheet.outputs),
        tuple(
            (
                tuple(
                    cells.condition_of(column.kind, cell) for column, cell in zip(sheet.inputs, row.when, strict=True)
                ),
                tuple(
                    plain_days(cells.outcome_of(column.kind, cell))
                    for column, cell in zip(sheet.outputs, row.then, strict=True)
                ),
            )
            for row in sheet.rows
        ),
    )
    context = {"data": {f"i{at}": None for at in range(len(sheet.inputs))} | given}
    rows: list[int] = []
    try:
        rows = hit(table, context)
        return Tried(rows, decided(table, [table.rules[at][1] for at in rows], context))
    except Wrong as error:
        return Tried(rows, {}, str(error.detail))


def key_of(label: str) -> str:
    """A name for an output: "Discount in %" is discount_in."""
    bare = re.sub(r"[^a-z0-9]+", "_", plain(label)).strip("_")[:40]
    return f"_{bare}" if bare[:1].isdigit() else bare or "outcome"
