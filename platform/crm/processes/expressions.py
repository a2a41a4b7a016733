"""Conditions and values in CEL (cel.dev), the expressions of those who draw processes.

CEL has no loops but its macros, no assignments, no way out. What is left to an attacker is cost, so each evaluation has
a budget: a short text, flat brackets, a count of evaluated nodes and of the items they hold, small values. It is
counted and not timed, so that the same expression is refused on every machine; the clock only ends what no count
foresaw. Nothing here ever reaches Python's eval.
"""

import re
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import Activation, CELEvalError, Evaluator, base_functions
from flask_babel import gettext as _
from lark import Token, Tree

from core.errors import Refusal
from core.pages import money, number, written_day

LONGEST = 2000  # characters of an expression
DEEPEST = 20  # brackets within brackets, and nodes of the parsed text within nodes times ten
NODES = 5_000  # evaluated for one expression, and items of the lists that come of them
LARGEST = 20_000  # characters of a text, items of a list
SECONDS = 5.0
NAMES = ("record", "deal", "contact", "company", "steps", "data", "event", "now", "today", "started_by")
# What may be called, by itself and after a dot: the standard's own, three that write values as people do, and days.
FUNCTIONS = frozenset(
    (
        "has size int uint double string bool timestamp duration type dyn matches contains day money number days_after"
    ).split()
)
MACROS = frozenset({"map", "filter", "all", "exists", "exists_one"})
METHODS = MACROS | frozenset(
    "size contains startsWith endsWith matches getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getMonth "
    "getHours getMinutes getSeconds getMilliseconds".split()
)


class Wrong(Refusal):
    """An expression that cannot be read or computed; `detail` says why, to whoever wrote it."""


def checked(text: str, names: tuple[str, ...] = NAMES) -> None:
    """Refuse what cannot be read, or names what there is not. Raises Wrong."""
    tree = parsed(text)
    unknown = [name for name in free_names(tree) if name not in names]
    if unknown:
        raise Wrong(_("%(name)s is not known here. There are: %(names)s.", name=unknown[0], names=", ".join(names)))


def evaluate(text: str, context: Mapping[str, Any]) -> Any:
    """The value, in Python's plain types. Raises Wrong."""
    values = {name: known(context[name]) for name in used(text) if name in context}
    evaluator = Thrifty(parsed(text), Activation(vars=values, functions=OPERATORS))
    try:
        return plain(evaluator.evaluate())
    except CELEvalError as error:
        raise Wrong(_("%(text)s cannot be computed: %(why)s", text=text[:100], why=reason(error))) from None
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Wrong(_("%(text)s cannot be computed: %(why)s", text=text[:100], why=reason(error))) from None


def holds(text: str, context: Mapping[str, Any]) -> bool:
    """Whether a condition is true. What is neither true nor false is wrong. Raises Wrong."""
    value = evaluate(text, context)
    if not isinstance(value, bool):
        raise Wrong(_("%(text)s is neither true nor false.", text=text[:100]))
    return value


def equal(one: Any, other: Any) -> Any:
    """As CEL has it for values whose types are not known before: 1 equals 1.0, and nothing equals null but null."""
    if is_number(one) and is_number(other):
        return (
            celtypes.BoolType(float(one) == float(other)) if type(one) is not type(other) else base("_==_", one, other)
        )
    if one is None or other is None or not (isinstance(one, type(other)) or isinstance(other, type(one))):
        failed = one if isinstance(one, CELEvalError) else other if isinstance(other, CELEvalError) else None
        return failed if failed is not None else celtypes.BoolType(one is None and other is None)
    return base("_==_", one, other)


def unequal(one: Any, other: Any) -> Any:
    found = equal(one, other)
    return found if isinstance(found, CELEvalError) else celtypes.BoolType(not found)


def compared(name: str) -> Callable[[Any, Any], Any]:
    """Whole numbers and those with a fraction compare with each other."""

    def compare(one: Any, other: Any) -> Any:
        if is_number(one) and is_number(other) and type(one) is not type(other):
            one, other = celtypes.DoubleType(float(one)), celtypes.DoubleType(float(other))
        return base(name, one, other)

    return compare


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool | celtypes.BoolType)


def base(name: str, one: Any, other: Any) -> Any:
    operator: Any = base_functions[name]
    return operator(one, other)


def written_money(amount: Any, currency: Any) -> Any:
    """ "148 900 Kč", in the language of the workspace; nothing where there is no amount."""
    return celtypes.StringType(money(None if amount is None else float(amount), str(currency)))


def day(value: Any) -> Any:
    """ "26. 11. 2026" of "2026-11-26"."""
    return celtypes.StringType(written_day(str(value)))


def written_number(value: Any) -> Any:
    """ "1 200,5" of 1200.5, in the language of the workspace; nothing of nothing."""
    return celtypes.StringType("" if value is None else number(float(value)))


def days_after(value: Any, days: Any) -> Any:
    """The day so many days after another, as CEL has days: "2026-12-29" of "2026-12-26" and 3. Negative ones before."""
    return celtypes.StringType((date.fromisoformat(str(value)[:10]) + timedelta(days=int(days))).isoformat())


OPERATORS: dict[str, Any] = {
    "day": day, "money": written_money, "number": written_number, "days_after": days_after,
    "_==_": equal, "_!=_": unequal, **{name: compared(name) for name in ("_<_", "_<=_", "_>_", "_>=_")},
}  # fmt: skip


class Thrifty(Evaluator):
    """An evaluator with a budget, which those of its macros share."""

    def __init__(self, ast: Tree[Token], activation: Activation, budget: list[float] | None = None):
        super().__init__(ast, activation)
        self.budget = budget if budget is not None else [NODES, time.monotonic() + SECONDS]

    def sub_evaluator(self, ast: Tree[Token]) -> Evaluator:
        return Thrifty(ast, self.activation, self.budget)

    def visit(self, tree: Tree[Token]) -> Any:
        self.spend(1)
        value = super().visit(tree)
        if isinstance(value, list):
            self.spend(len(value))
        if isinstance(value, str | bytes | list | dict) and len(value) > LARGEST:
            raise Wrong(_("This expression makes too large a value."))
        return value

    def spend(self, cost: int) -> None:
        self.budget[0] -= cost
        if self.budget[0] < 0 or time.monotonic() > self.budget[1]:
            raise Wrong(_("This expression takes too long."))


@cache
def environment() -> celpy.Environment:
    return celpy.Environment()


@lru_cache(maxsize=2000)
def parsed(text: str) -> Tree[Token]:
    """The tree of an expression that is small enough. Raises Wrong."""
    if not text.strip():
        raise Wrong(_("Write a condition or a value here."))
    if len(text) > LONGEST:
        raise Wrong(_("Too long: at most %(max_length)s characters.", max_length=LONGEST))
    if nesting(text) > DEEPEST:
        raise Wrong(_("Too many brackets within brackets."))
    try:
        tree = environment().compile(text)
    except CELParseError as error:
        where = f" ({error.column})" if getattr(error, "column", None) else ""
        raise Wrong(_("%(text)s cannot be read as an expression.", text=text[:100]) + where) from None
    except RecursionError:
        raise Wrong(_("Too many brackets within brackets.")) from None
    check_calls(tree, "member_dot_arg", 1, METHODS)
    check_calls(tree, "ident_arg", 0, FUNCTIONS)
    check_calls(tree, "dot_ident_arg", 0, FUNCTIONS)
    return tree


@lru_cache(maxsize=2000)
def used(text: str) -> frozenset[str]:
    """The names in an expression; only these are looked up."""
    return frozenset(str(node.children[0]) for node in parsed(text).find_data("ident"))


def check_calls(tree: Tree[Token], rule: str, at: int, known_ones: frozenset[str]) -> None:
    """Refuse a call of what the standard does not have. Raises Wrong."""
    for node in tree.find_data(rule):
        name = str(node.children[at])
        if name not in known_ones:
            names = ", ".join(sorted(known_ones))
            raise Wrong(_("%(name)s is not known here. There are: %(names)s.", name=name, names=names))


QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


def nesting(text: str) -> int:
    """How deep brackets stand in brackets; and signs that each nest, one after the other."""
    bare = QUOTED.sub("''", text)
    depth = deepest = 0
    for sign in bare:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    runs = [len(run) for run in re.findall(r"[!\-\s]{3,}|[?]", bare)]
    return max(deepest, *runs, bare.count("?"), 0) if runs else deepest


def free_names(tree: Tree[Token]) -> list[str]:
    """The names that an expression reads and no macro of its own binds."""
    bound = set()
    for node in tree.find_data("member_dot_arg"):
        if len(node.children) > 2 and str(node.children[1]) in MACROS:
            args = node.children[2]
            first = args.children[0] if isinstance(args, Tree) and args.children else None
            if isinstance(first, Tree):
                bound |= {str(ident.children[0]) for ident in first.find_data("ident")}
    return [name for node in tree.find_data("ident") if (name := str(node.children[0])) not in bound]


def reason(error: Exception) -> str:
    """Why, in our words; the library's own speak of its types and show values."""
    said = str(error.args[0] if error.args else "")
    if "no matching overload" in said or "does not support" in said:
        return str(_("its values do not go together"))
    if "no such member" in said or "undeclared reference" in said or isinstance(error, KeyError):
        return str(_("it names what is not there"))
    if "divide by zero" in said:
        return str(_("it divides by zero"))
    return str(_("its values do not fit"))


def known(value: Any) -> Any:
    """A value of ours as CEL has it: numbers with a fraction are doubles, days are texts, moments timestamps."""
    match value:
        case None | bool() | int() | float() | str() | datetime() | UUID() | Decimal() | date():
            return one(value)
        case Mapping():
            return celtypes.MapType({celtypes.StringType(str(key)): known(item) for key, item in value.items()})
        case list() | tuple() | set() | frozenset():
            return celtypes.ListType([known(item) for item in value])
    return celtypes.StringType(str(value))


def one(value: Any) -> Any:
    match value:
        case None:
            return None
        case bool():
            return celtypes.BoolType(value)
        case int() if abs(value) < 2**63:
            return celtypes.IntType(value)
        case int() | float() | Decimal():
            return celtypes.DoubleType(float(value))
        case datetime():
            return celtypes.TimestampType(value)
    return celtypes.StringType(value.isoformat() if isinstance(value, date) else str(value))


def plain(value: Any) -> Any:
    """A value of CEL as Python and JSON have it; moments as datetimes, spans as seconds."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        raise Wrong(_("A value of bytes is of no use here."))
    for ours, ways in PLAIN.items():
        if isinstance(value, ours):
            return ways(value)
    return value if value is None else str(value)


PLAIN: dict[Any, Callable[[Any], Any]] = {
    bool | celtypes.BoolType: bool,
    int: int,
    float: float,
    celtypes.TimestampType: lambda value: datetime.fromtimestamp(value.timestamp(), value.tzinfo),
    celtypes.DurationType: lambda value: value.total_seconds(),
}
