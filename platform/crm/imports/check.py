"""What a file would give under a mapping: numbers over all its rows, and some rows of each kind to look at.

A small file is checked at once, within the action that changed the mapping; a larger one by a job that notes how far
it is. Nothing of it is stored in the workspace but the numbers.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import text

from core.actor import Actor
from core.events import announce
from core.text import plain
from crm.fields.models import Field

from .columns import BY_KEY
from .matching import prepare_transaction, same_people
from .models import Import
from .opening import opened, owners, parser_of
from .own import PREFIX, written
from .rows import ParsedContact, RefusedRow
from .sheet import Sheet, SheetError
from .source import Row

AT_ONCE = {"csv": 1 << 20, "xlsx": 200_000}  # bytes that are checked while the person waits, well under a second
STEP = 5_000  # rows between two looks into the workspace
SHOWN = 20  # rows of each kind to look at
FIRST = 6
LONGEST = 80  # characters of a cell to look at

# The columns of the table "How it will look", each with the fields that fill it.
LOOKS: dict[str, tuple[str, ...]] = {
    "name": ("name", "first_name", "last_name", "prefix"),
    "phone": ("phone", "phone_mobile", "phone_work", "phone_home"),
    "email": ("email", "email_other"),
    "company": ("company",),
    "position": ("position",),
    "street": ("street", "address"),
    "zip": ("zip", "zip_city", "address"),
    "city": ("city", "zip_city", "address"),
    "country": ("country",),
    "last_contact": ("last_contact",),
    "owner": ("owner",),
    "labels": ("labels",),
    "about": ("about", "website"),
}


def signature(found: Import) -> str:
    """Of everything the numbers depend on within the import."""
    packed = orjson.dumps([found.format, found.mapping], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(packed).hexdigest()[:16]


def is_small(found: Import) -> bool:
    return found.file_size <= AT_ONCE[found.format["kind"]]


def started(found: Import, sheet: Sheet, actor: Actor) -> dict[str, Any]:
    """What can be said at once: the first rows."""
    parser = parser_of(actor, found)
    first = [look(row, parser.parse(row), found) for row in sheet.sample(FIRST)]
    return {"of": signature(found), "done": False, "first": first}


def checked(
    actor: Actor, found: Import, sheet: Sheet, note: Callable[[int], bool] = lambda _rows: True
) -> dict[str, Any]:
    """The numbers over all rows. `note` is told now and then how many there were, and says whether to go on.
    Raises SheetError, also half way."""
    parser, members = parser_of(actor, found), owners(actor)
    counts: Counter[str] = Counter()
    refused_by: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    shown: dict[str, list[dict[str, Any]]] = {"refused": [], "changed": []}
    seen: set[int] = set()
    waiting: list[list[str]] = []

    def look_for_same() -> None:
        same = same_people(actor, (key for keys in waiting for key in keys))
        for keys in waiting:
            hashes = [hash(key) for key in keys]
            if any(key in same for key in keys):
                counts["in_workspace"] += 1
            elif not seen.isdisjoint(hashes):
                counts["in_file"] += 1
            seen.update(hashes)
        waiting.clear()

    for row in sheet.rows():
        parsed = parser.parse(row)
        if parsed is None:
            counts["blank"] += 1
            continue
        counts["rows"] += 1
        if isinstance(parsed, RefusedRow):
            counts["refused"] += 1
            refused_by[parsed.field] += 1
        else:
            counts["changed"] += bool(parsed.changes)
            counts["unread_phones"] += any(phone.number is None for phone in parsed.phones)
            if parsed.owner and plain(parsed.owner) not in members:
                strangers[parsed.owner] += 1
            waiting.append(parsed.match_keys())
        kind = "refused" if isinstance(parsed, RefusedRow) else "changed" if parsed.changes else ""
        if kind and len(shown[kind]) < SHOWN:
            shown[kind].append(look(row, parsed, found))
        if len(waiting) == STEP:
            look_for_same()
        if counts["rows"] % STEP == 0 and not note(counts["rows"]):
            break
    look_for_same()
    return {
        **dict.fromkeys(("rows", "blank", "refused", "changed", "unread_phones", "in_file", "in_workspace"), 0),
        **counts, **started(found, sheet, actor), "done": True, "refused_by": refused_by,
        "owners": dict(strangers.most_common(5)), "owners_unknown": sum(strangers.values()),
        "refused_rows": shown["refused"], "changed_rows": shown["changed"],
    }  # fmt: skip


def look(row: Row, parsed: ParsedContact | RefusedRow | None, found: Import) -> dict[str, Any]:
    """A row of the table "How it will look": for each of its columns the value, what stood in the cell if that was
    something else, and the code of the reason where the cell is refused."""
    fields = found.fields
    shown = {key: look_of(key, row, parsed, fields) for key in looks_of(fields.values())}
    whole = isinstance(parsed, RefusedRow) and not any("code" in cell for cell in shown.values())
    return {
        "row": row.number,
        "cells": shown,
        "code": parsed.code if whole and isinstance(parsed, RefusedRow) else None,
    }


def looks_of(fields: Any) -> list[str]:
    wanted = set(fields)
    own = [key for key in fields if key.startswith(PREFIX)]
    return [*(key for key, members in LOOKS.items() if wanted & set(members)), *own]


def look_of(key: str, row: Row, parsed: ParsedContact | RefusedRow | None, fields: dict[int, str]) -> dict[str, str]:
    filling = LOOKS.get(key, (key,))
    if isinstance(parsed, ParsedContact):
        value = shown_value(key, parsed)
        was = [change.before for change in parsed.changes if change.field in filling]
        return {"text": cut(value), **({"was": cut(was[0])} if was and was[0] != value else {})}
    cells = [row.cells[at] for at, field in sorted(fields.items()) if field in filling and at < len(row.cells)]
    cell = {"text": cut(" ".join(cells))}
    if parsed and parsed.field in filling:
        cell |= {"text": cut(parsed.cell), "code": parsed.code}
    return cell


def cut(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def shown_value(key: str, parsed: ParsedContact) -> str:
    match key:
        case "name":
            name = " ".join(part for part in (parsed.prefix, parsed.first_name, parsed.last_name) if part)
            return f"{name}, {parsed.suffix}" if parsed.suffix else name
        case "phone":
            return ", ".join(number or typed for _kind, number, typed in parsed.phones)
        case "email":
            return ", ".join(address for _kind, address in parsed.emails)
        case "labels":
            return ", ".join(parsed.labels)
        case "last_contact":
            return parsed.last_contact.isoformat() if parsed.last_contact else ""
        case _:
            own = key.startswith(PREFIX)
            return written((parsed.custom or {}).get(key.removeprefix(PREFIX))) if own else str(getattr(parsed, key))


def look_heading(key: str, own: Mapping[str, Field]) -> str:
    if key in own:
        return own[key].label
    names = {"street": _("Street"), "zip": _("ZIP"), "city": _("City"), "country": _("Country")}
    return names.get(key) or str(BY_KEY[key].label)


NOTE = text("""
update import set checked = checked || cast(:found as jsonb), rows = coalesce(:rows, rows), updated_at = now()
where id = :id and checked ->> 'of' = :of and state = 'draft' returning id
""")


def check_all(actor: Actor, found: Import) -> bool:
    """Check a file of any length, noting how far it is; False when the mapping was changed meanwhile, or the import
    stopped, and this check is of no use any more. What is wrong with the file is noted as well, then raised."""
    of = signature(found)

    def note(news: dict[str, Any], rows: int | None = None) -> bool:
        values = {"found": orjson.dumps(news).decode(), "rows": rows, "id": found.id, "of": of}
        kept = actor.db.execute(NOTE, values).first() is not None
        if "at" not in news:
            announce(actor, "import.check", [], ["import"])
        actor.db.commit()
        prepare_transaction(actor)
        return kept

    if not note({"at": 0}):
        return False
    try:
        with opened(found) as sheet:
            numbers = checked(actor, found, sheet, lambda rows: note({"at": rows}))
    except SheetError as error:
        with force_locale(actor.member.language):
            note({"error": str(error.detail)})
        raise
    return note(numbers, numbers["rows"])
