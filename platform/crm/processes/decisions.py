"""Decision tables of DMN, computed with CEL.

`<dmn:decisionTable>` inside of a businessRuleTask's extensions, as a DMN editor writes it. A cell is "-" for whatever,
a comparison (`>= 1000`), a list (`"a", "b"`), an interval (`[1..5]`), one of these in `not(...)`, or a condition in
CEL. A day is `date("2026-12-24")` or its text alone. What is not known fits "-" and `null`, and nothing that compares.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask_babel import gettext as _

from core.errors import Refusal
from crm.processes.bpmn import Extension
from crm.processes.expressions import Wrong, evaluate, holds, is_number

# COLLECT with an aggregation is one number of all that fit.
POLICIES = (
    "UNIQUE", "FIRST", "ANY", "COLLECT", "RULE ORDER", "COLLECT SUM", "COLLECT MIN", "COLLECT MAX", "COLLECT COUNT",
)  # fmt: skip
RULES = 500
COMPARED = re.compile(r"^(<=|>=|<|>)\s*(.+)$", re.DOTALL)
INTERVAL = re.compile(r"^([\[\](])\s*(.+?)\s*\.\.\s*(.+?)\s*([\])\[])$", re.DOTALL)
NEGATED = re.compile(r"^not\s*\((.*)\)$", re.DOTALL)
DAY = re.compile(r"date\(\s*(\"[0-9-]{10}\"|'[0-9-]{10}')\s*\)")
LISTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|-?[0-9]+(?:\.[0-9]+)?|true|false|null")


@dataclass(frozen=True)
class Table:
    policy: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    def expressions(self) -> list[str]:
        """Every expression in it, to be checked."""
        tests = [
            condition(given, cell) for when, _then in self.rules for given, cell in zip(self.inputs, when, strict=True)
        ]
        return [*self.inputs, *filter(None, tests), *(cell for _when, then in self.rules for cell in then if cell)]


def read_table(table: Extension) -> Table:
    """Raises Refusal for a table that is none."""
    policy = policy_of(table)
    if policy not in POLICIES:
        raise Refusal(_("A table cannot choose by %(policy)s.", policy=policy[:40]))
    inputs = tuple(text_in(one) for one in table.inner if one.name == "input")
    outputs = tuple(one.get("name") or f"output_{at}" for at, one in enumerate(of(table, "output"), 1))
    rules = tuple(
        (
            tuple(text_in(one) for one in of(rule, "inputEntry")),
            tuple(plain_days(text_in(one)) for one in of(rule, "outputEntry")),
        )
        for rule in of(table, "rule")
    )
    if not inputs or not outputs or not rules or len(rules) > RULES:
        raise Refusal(_("The decision table is empty, or too large."))
    if any(len(when) != len(inputs) or len(then) != len(outputs) for when, then in rules):
        raise Refusal(_("A row of the decision table has not as many cells as the table has columns."))
    return Table(policy, inputs, outputs, rules)


def policy_of(table: Extension) -> str:
    return f"{table.get('hitPolicy') or 'UNIQUE'} {table.get('aggregation')}".upper().strip()


def decide(table: Table, context: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of the rule that fits, by name; with COLLECT, lists of those of all that fit. Raises Wrong where none
    fits, or several do and may not."""
    return decided(table, [table.rules[at][1] for at in hit(table, context)], context)


def hit(table: Table, context: Mapping[str, Any]) -> list[int]:
    """Which rules fit, counted from 0; where the first one decides, that one alone. Raises Wrong."""
    given = [evaluate(one, context) for one in table.inputs]
    fitting = (at for at, (when, _then) in enumerate(table.rules) if fits(table, when, given, context))
    return list(islice(fitting, 1) if table.policy == "FIRST" else fitting)


def decided(table: Table, fitting: list[tuple[str, ...]], context: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        {name: evaluate(cell, context) if cell else None for name, cell in zip(table.outputs, then, strict=True)}
        for then in fitting
    ]
    if table.policy in ("COLLECT", "RULE ORDER"):
        return {name: [one[name] for one in found] for name in table.outputs}
    if table.policy.startswith("COLLECT "):
        how = table.policy.partition(" ")[2]
        return {name: together(how, [one[name] for one in found]) for name in table.outputs}
    if not found:
        raise Wrong(_("No row of the decision table fits."))
    if any(one != found[0] for one in found[1:]) or (table.policy == "UNIQUE" and len(found) > 1):
        raise Wrong(_("Several rows of the decision table fit."))
    return found[0]


def together(how: str, values: list[Any]) -> Any:
    """Many outcomes as one number. Raises Wrong where one of them is none."""
    if how == "COUNT":
        return len(values)
    numbers = [one for one in values if one is not None]
    if not all(is_number(one) for one in numbers):
        raise Wrong(_("Only numbers can be summed or compared."))
    if how == "SUM":
        return sum(numbers)
    return (min if how == "MIN" else max)(numbers, default=None)


def fits(table: Table, when: tuple[str, ...], given: list[Any], context: Mapping[str, Any]) -> bool:
    return all(
        fits_cell(cell, expression, value, context)
        for cell, expression, value in zip(when, table.inputs, given, strict=True)
    )


def fits_cell(cell: str, expression: str, value: Any, context: Mapping[str, Any]) -> bool:
    test = condition(expression, cell)
    if not test:
        return True
    if value is None and test != cell.strip():
        listed = LISTED.findall(plain_days(NEGATED.sub(r"\1", cell.strip())))
        return ("null" in listed) != bool(NEGATED.match(cell.strip()))
    return holds(test, context)


def condition(given: str, cell: str) -> str:
    """A cell of the input column as a condition in CEL, or nothing where anything will do."""
    cell = plain_days(cell.strip())
    if cell in ("", "-"):
        return ""
    negated = NEGATED.match(cell)
    if negated and (inner := simple(given, negated[1].strip())):
        return f"!({inner})"
    return simple(given, cell) or cell


def simple(given: str, cell: str) -> str:
    """A comparison, an interval or a list as a condition; nothing, where it is none of them."""
    compared = COMPARED.match(cell)
    if compared:
        return f"({given}) {compared[1]} ({compared[2]})"
    interval = INTERVAL.match(cell)
    if interval:
        low = ">=" if interval[1] == "[" else ">"
        high = "<=" if interval[4] == "]" else "<"
        return f"({given}) {low} ({interval[2]}) && ({given}) {high} ({interval[3]})"
    items = LISTED.findall(cell)
    if items and not re.sub(r"[\s,]", "", LISTED.sub("", cell)):
        known = [one for one in items if one != "null"]  # what is not known never comes this far
        return f"({given}) in [{', '.join(known)}]" if known else "false"
    return ""


def plain_days(cell: str) -> str:
    return DAY.sub(r"\1", cell)


def of(holder: Extension, name: str) -> list[Extension]:
    return [one for one in holder.inner if one.name == name]


def text_in(cell: Extension) -> str:
    """The text of a cell, wherever DMN puts it: in `text`, or in an input's `inputExpression`."""
    if cell.name == "text":
        return cell.text
    return next(
        (found for one in cell.inner if one.name in ("text", "inputExpression") and (found := text_in(one))), ""
    )
