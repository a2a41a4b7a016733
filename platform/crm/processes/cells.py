"""A cell of a decision table as people write it, and as DMN has it.

    > 100 000        > 100000              CZ, SK        "CZ", "SK"
    10 - 20          [10..20]              not CZ        not("CZ")
    anything, empty  -                     nothing       null
    yes              true                  = deal.amount > 1.0 (a condition or value in CEL, as it is)

What a DMN editor wrote and no such words say comes with the "=" before it.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import pgettext

TYPES = {"text": "string", "number": "number", "yesno": "boolean", "date": "date"}  # by ours, those of DMN
SIGNS = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<="}
SIGN = re.compile(r"^(<=|>=|=>|=<|≥|≤|<|>)\s*(.+)$", re.DOTALL)
NUMBER = re.compile(r"^-?\d{1,3}(?:[\s\u00a0\u202f]\d{3})+(?:[.,]\d{1,6})?$|^-?\d{1,15}(?:[.,]\d{1,6})?$")
RANGE = re.compile(r"^(.+?)\s*(?:\.\.|–|\s-\s)\s*(.+)$")
QUOTED = re.compile(r'^"((?:[^"\\]|\\.)*)"$|^\'((?:[^\'\\]|\\.)*)\'$')
LIST = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|date\(\s*"[0-9-]{10}"\s*\)|[^,"]+?)\s*(?:,|$)""")
INTERVAL = re.compile(r"^\[\s*([^\[\]]+?)\s*\.\.\s*([^\[\]]+?)\s*\]$")
DAY = re.compile(r'^(?:date\(\s*)?"(\d{4}-\d\d-\d\d)"\s*\)?$')
CZECH_DAY = re.compile(r"^(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})$")


class Unclear(ValueError):
    """What was typed says nothing; the words say what would."""


def words() -> dict[str, tuple[str, ...]]:
    """What may be typed for anything, nothing, not, yes and no; the first of each is what is shown."""
    return {
        "any": (pgettext("decision", "anything"), "anything", "-", "–", "*"),
        "null": (pgettext("decision", "nothing"), "nothing", "null"),
        "not": (pgettext("decision", "not"), "not"),
        "true": (pgettext("decision", "yes"), "yes", "true", "1"),
        "false": (pgettext("decision", "no"), "no", "false", "0"),
    }


def is_word(key: str, text: str) -> bool:
    return text.strip().casefold() in {one.casefold() for one in words()[key]}


# From what is typed


def condition_of(kind: str, typed: str) -> str:
    """A cell of an input as DMN has it. Raises Unclear."""
    said = typed.strip()
    if not said or is_word("any", said):
        return "-"
    if said.startswith("=") and not said.startswith("=>") and not said.startswith("=<"):
        return said[1:].strip()
    first, _space, rest = said.partition(" ")
    if is_word("not", first) and rest:
        return f"not({tests_of(kind, rest.strip())})"
    return tests_of(kind, said)


def tests_of(kind: str, said: str) -> str:
    compared = SIGN.match(said)
    if compared:
        if kind not in ("number", "date"):
            raise Unclear(_("Only numbers and days are larger or smaller."))
        return f"{SIGNS.get(compared[1], compared[1])} {literal(kind, compared[2])}"
    between = RANGE.match(said) if kind in ("number", "date") else None
    if between and not (kind == "number" and NUMBER.match(said)):
        return f"[{literal(kind, between[1])}..{literal(kind, between[2])}]"
    return ", ".join(literal(kind, one) for one in parts_of(kind, said))


def parts_of(kind: str, said: str) -> list[str]:
    """ "CZ, SK"; a comma in a number is one of a fraction, unless a space follows."""
    parts = re.split(r";|,\s+|,$" if kind == "number" else r"[;,]", said)
    if '"' in said:
        found = list(LIST.finditer(said))
        if "".join(one[0] for one in found) != said:
            raise Unclear(_("Put each text that has quotation marks or commas in quotation marks of its own."))
        parts = [one[1] for one in found]
    return [one.strip() for one in parts if one.strip()]


def literal(kind: str, said: str) -> str:
    """One value. Raises Unclear."""
    said = said.strip()
    if is_word("null", said):
        return "null"
    match kind:
        case "number":
            return number_of(said)
        case "date":
            return f'date("{day_of(said)}")'
        case "yesno":
            return yes_or_no(said)
    quoted = QUOTED.match(said)
    return in_quotes(plain_text(quoted) if quoted else said)


def number_of(said: str) -> str:
    if not NUMBER.match(said):
        raise Unclear(_("Write a number, such as 100 000, > 100 000 or 10 - 20."))
    return re.sub(r"[\s\u00a0\u202f]", "", said).replace(",", ".")


def day_of(said: str) -> str:
    czech = CZECH_DAY.match(said)
    try:
        return (
            date(int(czech[3]), int(czech[2]), int(czech[1])) if czech else date.fromisoformat(said.strip('"'))
        ).isoformat()
    except ValueError:
        raise Unclear(_("Write a day as 2026-12-31 or 31. 12. 2026.")) from None


def yes_or_no(said: str) -> str:
    for key in ("true", "false"):
        if is_word(key, said):
            return key
    raise Unclear(_("Write yes or no."))


def in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def plain_text(found: re.Match[str]) -> str:
    text = found[1] if found[1] is not None else found[2]
    return re.sub(r"\\(.)", lambda sign: "\n" if sign[1] == "n" else sign[1], text)


def outcome_of(kind: str, typed: str) -> str:
    """A cell of an output: one value, nothing, or an expression behind "=". Raises Unclear."""
    said = typed.strip()
    if not said:
        return ""
    return said[1:].strip() if said.startswith("=") else literal(kind, said)


# To what is shown


def shown_condition(kind: str, cell: str) -> str:
    """A cell of DMN as it would be typed."""
    cell = cell.strip()
    if cell in ("", "-"):
        return ""
    negated = re.match(r"^not\s*\((.*)\)$", cell, re.DOTALL)
    said = shown_tests(kind, negated[1].strip() if negated else cell)
    if said is None:
        return f"= {cell}"
    return f"{words()['not'][0]} {said}" if negated else said


def shown_tests(kind: str, cell: str) -> str | None:
    compared = re.match(r"^(<=|>=|<|>)\s*(.+)$", cell, re.DOTALL)
    if compared and kind in ("number", "date"):
        value = shown(kind, compared[2])
        return value and f"{compared[1].replace('>=', '≥').replace('<=', '≤')} {value}"
    between = INTERVAL.match(cell)
    if between and kind in ("number", "date"):
        low, high = shown(kind, between[1]), shown(kind, between[2])
        return f"{low} – {high}" if low and high else None
    found = list(LIST.finditer(cell))
    if "".join(one[0] for one in found) != cell:
        return None
    values = [shown(kind, one[1]) for one in found]
    return (("; " if kind == "number" else ", ").join(filter(None, values))) if all(values) else None


def shown(kind: str, value: str) -> str | None:
    """One value as it would be typed; None for what is no plain value of the kind."""
    value = value.strip()
    if value == "null":
        return words()["null"][0]
    if kind == "number":
        return spaced(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else None
    if kind == "yesno":
        return words()[value][0] if value in ("true", "false") else None
    if kind == "date":
        day = DAY.match(value)
        return day[1] if day else None
    quoted = QUOTED.match(value)
    if not quoted:
        return None
    text = plain_text(quoted)
    awkward = re.search(r"[,;\"'()=<>≥≤\n]", text) or text != text.strip() or not text or is_a_word(text)
    return value if awkward else text


def is_a_word(text: str) -> bool:
    """What would be read as a word of the table."""
    first = text.partition(" ")[0]
    return is_word("any", text) or is_word("null", text) or is_word("not", first)


def spaced(number: str) -> str:
    """ "100 000" of "100000", with no-break spaces."""
    whole, _point, rest = number.partition(".")
    return f"{int(whole):,}".replace(",", "\u00a0") + (f".{rest}" if rest else "")


def shown_outcome(kind: str, cell: str) -> str:
    cell = cell.strip()
    said = shown(kind, cell) if cell else ""
    return f"= {cell}" if said is None else said


def kind_of(type_ref: str, cells: list[str]) -> str:
    """The type of a column, by what DMN calls it, else by its cells."""
    for ours, theirs in TYPES.items():
        if type_ref == theirs:
            return ours
    if type_ref in ("integer", "long", "double"):
        return "number"
    told = [cell for cell in cells if cell.strip() not in ("", "-")]
    for kind in ("number", "yesno", "date"):
        if told and all(shown_tests(kind, cell) is not None for cell in told):
            return kind
    return "text"


def value_typed(kind: str, typed: str) -> Any:
    """A value to try the table with, as a run would have it. Raises Unclear."""
    if not typed.strip():
        return None
    match kind:
        case "number":
            return float(Decimal(number_of(typed.strip())))
        case "yesno":
            return yes_or_no(typed) == "true"
        case "date":
            return day_of(typed.strip())
    return typed.strip()
