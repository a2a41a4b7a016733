"""An import's stored file as a sheet again, and what its rows are read by."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, cast

from sqlalchemy import select

from core.actor import Actor
from core.files import files
from core.text import plain
from tenants.models import Member

from .columns import BY_KEY, REASONS, guess
from .models import Import
from .own import own_fields, takers
from .rows import RowParser
from .sheet import Sheet, open_sheet
from .values import Setting

ARGUMENTS = ("encoding", "separator", "sheet", "header_row")


@contextmanager
def opened(found: Import) -> Iterator[Sheet]:
    """The file as it was last read. Raises SheetError, FileNotFoundError."""
    with files().open(found.file_key) as file:
        yield read(file, found.format)


def read(file: IO[bytes], said: dict[str, Any]) -> Sheet:
    """The sheet in a file; what is not said is guessed. Raises SheetError."""
    return open_sheet(cast("Any", file), **{name: said[name] for name in ARGUMENTS if said.get(name) is not None})


def format_of(sheet: Sheet) -> dict[str, Any]:
    given = {name: getattr(sheet, name) for name in ARGUMENTS}
    return {"kind": sheet.kind, "sheets": sheet.sheets, **{k: v for k, v in given.items() if v is not None}}


def columns_of(sheet: Sheet, own: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each column with its heading, two of its values, and the field guessed with the reason. `own` are the headings of
    the business's own fields."""
    sample = [row.cells for row in sheet.sample()]
    described = []
    for entry in guess(sheet.headings, sample, own):
        values = (cells[entry.column].strip()[:60] for cells in sample if entry.column < len(cells))
        shown = list(dict.fromkeys(value for value in values if value))[:2]
        described.append(
            {"heading": entry.heading[:120], "values": shown, "field": entry.field, "reason": entry.reason}
        )
    return described


def reason_of(column: dict[str, Any]) -> str:
    return str(REASONS[column["reason"]])


def parser_of(actor: Actor, found: Import) -> RowParser:
    """A column whose own field was removed meanwhile stays out, as one that is no field's."""
    own = own_fields(actor)
    mapping = {column: key for column, key in found.fields.items() if key in BY_KEY or key in own}
    taking = takers(own, actor.workspace.language)
    return RowParser(mapping, width=len(found.columns), country=actor.workspace.country, own=taking)


def setting_of(actor: Actor, found: Import) -> Setting:
    return Setting(
        found.id, actor.member.id, owners(actor), actor.workspace.language, actor.workspace.time_zone, found.duplicates
    )


def owners(actor: Actor) -> dict[str, Any]:
    """Members by plain name and e-mail, for whoever may give contacts to all of them. A name of two is nobody's."""
    if actor.scope("contact", "assign") != "all":
        return {plain(actor.member.email): actor.member.id, plain(actor.member.name): actor.member.id}
    members = actor.db.execute(
        select(Member.id, Member.name, Member.email).where(Member.state == "active", Member.deleted_at.is_(None))
    ).all()
    names = [plain(member.name) for member in members]
    once = {name: member.id for name, member in zip(names, members, strict=True) if names.count(name) == 1}
    return {**once, **{plain(member.email): member.id for member in members}}
