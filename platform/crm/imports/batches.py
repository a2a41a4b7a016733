"""Rows of a file in batches, each ready to be stored in one transaction: parsed, checked, and written as COPY wants it.

All of it is work of the processor alone, done while the database stores the batch before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from core.ids import new_id

from .rows import ParsedContact, RowParser
from .rows import RefusedRow as Refused
from .source import Row
from .values import Setting, Values, brought, derived_of, values_of

BATCH = 5_000  # rows of the file
MOST_KEPT = 300_000  # characters of one refused row that are kept

COPIED = (
    "id", "owner_id", "import_id", "name", "prefix", "first_name", "last_name", "suffix", "position", "about", "source",
    "city", "search", "emails", "phones", "addresses", "custom", "labels", "match_keys", "last_contact_at",
    "sort_key", "company_id",
)  # fmt: skip


@dataclass(slots=True)
class Candidate:
    """One person of a batch: the row that names them, and further rows with the same e-mail or phone. If nobody in the
    workspace is the same, `line` becomes a new contact of the company named; `changed` of the further rows brought
    something to it."""

    rows: list[ParsedContact]
    keys: list[str]
    line: str = ""
    company: str = ""
    changed: int = 0


@dataclass(slots=True)
class Batch:
    """`after` is the last line of the batch before, `line` of this one; `refused` are (reason, cells)."""

    after: int
    line: int
    candidates: list[Candidate] = field(default_factory=list)
    refused: list[tuple[Refused, list[str]]] = field(default_factory=list)
    blank: int = 0


def batches(rows: Iterable[Row], parser: RowParser, setting: Setting, after: int) -> Iterator[Batch]:
    """The rows beyond the line `after`, in the order of the file."""
    batch, seen, count = Batch(after, after), dict[str, Candidate](), 0
    for row in rows:
        if row.number <= after:
            continue
        add(batch, row, parser, setting, seen)
        count += 1
        if count == BATCH:
            yield prepared(batch, setting)
            batch, seen, count = Batch(batch.line, batch.line), {}, 0
    if count:
        yield prepared(batch, setting)


def add(batch: Batch, row: Row, parser: RowParser, setting: Setting, seen: dict[str, Candidate]) -> None:
    batch.line = row.number
    parsed = parser.parse(row)
    if parsed is None:
        batch.blank += 1
        return
    if isinstance(parsed, Refused):
        batch.refused.append((parsed, kept_cells(row.cells)))
        return
    if setting.duplicates == "create":
        batch.candidates.append(Candidate([parsed], []))
        return
    keys = parsed.match_keys()
    same = next((seen[key] for key in keys if key in seen), None)
    if same is None:
        same = Candidate([], keys)
        batch.candidates.append(same)
        seen.update(dict.fromkeys(keys, same))
    elif setting.updates:
        for key in keys:
            seen.setdefault(key, same)
    same.rows.append(parsed)


def kept_cells(cells: list[str]) -> list[str]:
    """The cells word for word, but for zero bytes, which cannot be stored, and what exceeds MOST_KEPT."""
    left, kept = MOST_KEPT, []
    for cell in cells:
        kept.append(cell[:left].replace("\0", "\N{REPLACEMENT CHARACTER}"))
        left = max(0, left - len(cell))
    return kept


def prepared(batch: Batch, setting: Setting) -> Batch:
    for candidate in batch.candidates:
        values = values_of(candidate.rows[0], setting)
        if setting.updates:
            for row in candidate.rows[1:]:
                news = brought(values, row, setting)
                values.update(news)
                candidate.changed += bool(news)
        candidate.line = copy_line(values, setting)
        candidate.company = values["company"]
    return batch


def copy_line(values: Values, setting: Setting) -> str:
    """The columns COPIED in the text format of COPY, all but the last, which the company's id will be."""
    derived = derived_of(values, setting.language)
    at = values["last_contact_at"]
    cells = [
        str(new_id()), str(values["owner_id"]), str(setting.import_id), derived["name"], values["prefix"],
        values["first_name"], values["last_name"], values["suffix"], values["position"], values["about"],
        values["source"], derived["city"], derived["search"], json(values["emails"]), json(values["phones"]),
        json(values["addresses"]), orjson.dumps(values["custom"]).decode() if values["custom"] else "{}",
        array(values["labels"]), array(derived["match_keys"]),
    ]  # fmt: skip
    return f"{copy_cells(cells)}\t{at.isoformat() if at else NULL}\t{copy_bytes(derived['sort_key'])}\t"


NULL = "\\N"


def copy_cells(cells: list[str]) -> str:
    line = "\t".join(cells)
    if "\\" in line or "\n" in line or "\r" in line or line.count("\t") >= len(cells):
        return "\t".join(map(escaped, cells))
    return line


def escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def copy_bytes(value: bytes) -> str:
    return f"\\\\x{value.hex()}"


def json(value: list[dict[str, Any]]) -> str:
    return orjson.dumps(value).decode() if value else "[]"


def array(texts: list[str]) -> str:
    """A literal of text[]."""
    if not texts:
        return "{}"
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"' in text else text for text in texts)
    return '{"' + '","'.join(quoted) + '"}'


def company_line(company_id: UUID, cells: list[str], key: bytes) -> str:
    return f"{company_id}\t{copy_cells(cells)}\t{copy_bytes(key)}\n"
