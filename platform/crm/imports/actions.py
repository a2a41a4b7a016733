"""Every change of an import: the file comes in, its columns are matched, it runs, stops, goes on, and is undone."""

import tempfile
from datetime import UTC, datetime
from typing import IO, Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import Field, field_validator

from core.actions import Input, action
from core.actor import Actor
from core.errors import Busy, Invalid, Refusal
from core.files import CHUNK, Stored, files, put
from core.jobs import later
from core.limits import check_room

from . import check
from .batches import Batch, add, prepared
from .columns import BY_KEY, is_many
from .matching import prepare_transaction, take_turn
from .models import Duplicates, Import
from .opening import columns_of, format_of, opened, parser_of, read, setting_of
from .own import PREFIX, headings_of, own_fields
from .rows import REASONS
from .sheet import ENCODINGS, SEPARATORS, Sheet
from .source import MAX_COLUMNS, Row
from .store import drop_refused, store

IMPORT = ("contact", "import")
MOST_BYTES = 50 * 1024 * 1024
# A contact is known by one of these, so a mapping without any of them would refuse every row.
KNOWN_BY = frozenset({
    "name", "first_name", "last_name", "company", "email", "email_other", "phone", "phone_mobile", "phone_work",
    "phone_home",
})  # fmt: skip


class Format(Input):
    """How the file is read. What is left out is guessed again."""

    encoding: Annotated[str | None, Field(description=f"One of {', '.join(ENCODINGS)}; CSV only.")] = None
    separator: Annotated[str | None, Field(description="A comma, a semicolon or a tab; CSV only.")] = None
    sheet: Annotated[str | None, Field(max_length=100, description="Name of the sheet; XLSX only.")] = None
    header_row: Annotated[int | None, Field(ge=0, le=10_000, description="Row of the headings, 0 for none.")] = None

    @field_validator("encoding")
    @classmethod
    def known_encoding(cls, encoding: str | None) -> str | None:
        if encoding is not None and encoding not in ENCODINGS:
            raise ValueError(_("Choose one of: %(expected)s.", expected=", ".join(ENCODINGS)))
        return encoding

    @field_validator("separator", mode="before")
    @classmethod
    def known_separator(cls, separator: Any) -> Any:
        if separator in ("\t", "tab"):
            return "tab"  # since texts of an input are trimmed
        if separator is not None and (not isinstance(separator, str) or separator not in SEPARATORS):
            raise ValueError(_("Choose a comma, a semicolon or a tab."))
        return separator


class Choices(Input):
    """What a person may say of an import before it runs."""

    format: Format | None = None
    mapping: Annotated[
        dict[str, str] | None,
        Field(
            description=f"Number of a column, from 0, to its field: {', '.join(BY_KEY)}, or custom.<key> for a field "
            "of your own. Other columns stay out."
        ),
    ] = None
    duplicates: Annotated[
        Duplicates | None,
        Field(
            description="Rows whose e-mail or phone a contact has: skip them, fill in what the contact lacks, "
            "overwrite its values, or create another contact."
        ),
    ] = None

    @field_validator("mapping")
    @classmethod
    def known_fields(cls, mapping: dict[str, str] | None) -> dict[str, str] | None:
        wanted = {column: field for column, field in (mapping or {}).items() if field}
        for column, field in wanted.items():
            if not column.isascii() or not column.isdigit() or int(column) >= MAX_COLUMNS:
                raise ValueError(_("There is no column %(column)s.", column=column[:20]))
            if field not in BY_KEY and not field.startswith(PREFIX):
                raise ValueError(
                    _("There is no field %(field)s. Known: %(known)s.", field=field[:40], known=", ".join(BY_KEY))
                )
        chosen = list(wanted.values())
        twice = next((field for field in chosen if chosen.count(field) > 1 and not is_many(field)), None)
        if twice:
            raise ValueError(
                _("Two columns cannot both be %(field)s.", field=BY_KEY[twice].label if twice in BY_KEY else twice)
            )
        return None if mapping is None else {str(int(column)): field for column, field in wanted.items()}


class NewImport(Choices):
    """A file that was received; made by `receive`, never from somebody's own values."""

    file_name: str
    file: Stored


class ChangedImport(Choices):
    id: UUID
    version: int | None = None


class OneImport(Input):
    id: UUID
    version: int | None = None


class CorrectedRow(Input):
    id: UUID
    line: Annotated[int, Field(ge=1)]
    cells: Annotated[list[Annotated[str, Field(max_length=20_000)]], Field(min_length=1, max_length=MAX_COLUMNS)]


class TooLarge(Refusal):
    status = 413
    title = _l("This is too big")


def receive(actor: Actor, content: IO[bytes], name: str, choices: Choices) -> Import:
    """Keep a file and open it as a draft. What cannot be read as a table is refused, and nothing of it stays.

    Raises Forbidden, TooLarge, LimitReached, SheetError, Invalid.
    """
    actor.require(IMPORT)
    with tempfile.TemporaryFile(prefix="okno-") as local:
        copy_limited(content, local)
        local.seek(0)
        read(local, {})
        check_room(actor.db, "storage", local.seek(0, 2))
        local.seek(0)
        stored = put(actor.workspace, local)
    try:
        return create(
            actor, NewImport(file_name=bare_name(name), file=stored, **choices.model_dump(exclude_unset=True))
        )
    except BaseException:
        files().delete(stored.key)
        raise


def copy_limited(content: IO[bytes], local: IO[bytes]) -> None:
    while chunk := content.read(CHUNK):
        if local.tell() + len(chunk) > MOST_BYTES:
            raise TooLarge(_("A file may have at most 50 MB."))
        local.write(chunk)


def bare_name(name: str) -> str:
    """The last part of a path, as browsers of old sent it whole, without what cannot be shown."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:200] or _("Table")


@action("import.create", right=IMPORT)
def create(actor: Actor, data: NewImport) -> Import:
    found = Import(
        owner_id=actor.member.id,
        file_name=data.file_name,
        file_key=data.file.key,
        file_hash=data.file.sha256,
        file_size=data.file.size,
    )
    actor.db.add(found)
    actor.db.flush()
    choose(actor, found, data)
    return found


@action("import.change", right=IMPORT)
def change(actor: Actor, data: ChangedImport) -> Import:
    """Read the file otherwise, match its columns otherwise, or decide about duplicates. Only before it runs."""
    found = actor.take(Import, data.id, "edit", data.version)
    if found.state != "draft":
        raise Busy(_("The import has begun. Undo it, and bring the file in anew."))
    choose(actor, found, data)
    return found


def choose(actor: Actor, found: Import, data: Choices) -> None:
    """Take over what was said, and check the file under it: at once if it is small, else soon, by a job."""
    if data.duplicates is not None:
        found.duplicates = data.duplicates
    format_said = data.format is not None or not found.format
    if not format_said and (data.mapping is None or data.mapping == found.mapping):
        return
    if format_said:
        found.format = {**found.format, **wanted_format(data.format)} if data.format else {}
    with opened(found) as sheet:
        if format_said:
            reread(actor, found, sheet)
        if data.mapping is not None:
            if any(int(column) >= len(found.columns) for column in data.mapping):
                raise Invalid(("mapping", _("The file has only %(num)s columns.", num=len(found.columns))))
            check_own(actor, data.mapping)
            found.mapping = data.mapping
        if check.is_small(found):
            prepare_transaction(actor)
            found.checked = check.checked(actor, found, sheet)
            found.rows = found.checked["rows"]
        else:
            found.checked, found.rows = check.started(found, sheet, actor), None
            later(actor.db, "import.check", import_id=found.id, member_id=actor.member.id)


def check_own(actor: Actor, mapping: dict[str, str]) -> None:
    """Raises Invalid for a field of the business's own that is not there, or that the actor may not change."""
    known = own_fields(actor)
    gone = next((key for key in mapping.values() if key.startswith(PREFIX) and key not in known), None)
    if gone:
        raise Invalid(("mapping", _("There is no field %(field)s now. Choose another for its column.", field=gone)))


def wanted_format(said: Format) -> dict[str, Any]:
    given = said.model_dump(exclude_unset=True)
    return {**given, **({"separator": "\t"} if given.get("separator") == "tab" else {})}


def reread(actor: Actor, found: Import, sheet: Sheet) -> None:
    """The file as it is read now; columns of the same headings keep their fields, the others are guessed."""
    before = found.columns
    found.format, found.columns = format_of(sheet), columns_of(sheet, headings_of(own_fields(actor)))
    if [column["heading"] for column in before] != [column["heading"] for column in found.columns]:
        found.mapping = {str(at): column["field"] for at, column in enumerate(found.columns) if column["field"]}


@action("import.run", right=IMPORT)
def run(actor: Actor, data: OneImport) -> Import:
    """Begin, or go on after the last row stored. The work is done by the job "import.run"."""
    found = actor.take(Import, data.id, "edit", data.version)
    if not found.may_go_on:
        raise Busy(_("The import is under way or finished."))
    require_rights(actor, found)
    if not KNOWN_BY & set(found.mapping.values()):
        raise Invalid(("mapping", _("Choose which column is the name, the company, the e-mail or the phone.")))
    check_own(actor, found.mapping)
    found.state, found.error = "waiting", ""
    found.started_at = found.started_at or datetime.now(UTC)
    later(actor.db, "import.run", import_id=found.id, member_id=actor.member.id)
    return found


def require_rights(actor: Actor, found: Import) -> None:
    """What the import does to records needs the same rights as doing it by hand."""
    actor.require(IMPORT)
    actor.require(("contact", "create"))
    if found.duplicates in ("fill", "overwrite"):
        actor.require(("contact", "edit"))
    if "company" in found.mapping.values():
        actor.require(("company", "create"))


@action("import.stop", right=IMPORT)
def stop(actor: Actor, data: OneImport) -> Import:
    """Stop after the batch that is being stored now. It can go on later."""
    found = actor.take(Import, data.id, "edit", data.version)
    if not found.may_stop:
        raise Busy(_("The import is not running."))
    found.state = "stopped" if found.line else "draft"
    return found


@action("import.undo", right=IMPORT)
def undo(actor: Actor, data: OneImport) -> Import:
    """Take away what the import brought, as the job "import.undo"; what was edited since stays."""
    found = actor.take(Import, data.id, "edit", data.version)
    if not found.may_undo:
        raise Busy(_("An import can be undone for 30 days, when it does not run."))
    actor.require(("contact", "delete"))
    found.state = "undoing"
    later(actor.db, "import.undo", import_id=found.id, member_id=actor.member.id)
    return found


@action("import.delete", right=IMPORT)
def delete(actor: Actor, data: OneImport) -> Import:
    """Throw away a draft and its file."""
    found = actor.take(Import, data.id, "edit", data.version)
    if found.state != "draft":
        raise Busy(_("Only an import that has not begun can be thrown away."))
    found.deleted_at = datetime.now(UTC)
    later(actor.db, "import.forget", import_id=found.id)
    return found


@action("import.correct", right=IMPORT)
def correct(actor: Actor, data: CorrectedRow) -> Import:
    """Take a refused row with its cells corrected. Raises Invalid with the reason when it is refused again."""
    take_turn(actor)
    found = actor.take(Import, data.id, "edit")
    if found.state not in ("done", "stopped", "full", "failed"):
        raise Busy(_("Rows can be corrected when the import does not run."))
    require_rights(actor, found)
    if not drop_refused(actor, found.id, data.line):
        raise Busy(_("This row was taken already."))
    batch, setting = Batch(data.line, data.line), setting_of(actor, found)
    add(batch, Row(data.line, data.cells), parser_of(actor, found), setting, {})
    for refused, _cells in batch.refused:
        at = next((column for column, field in sorted(found.fields.items()) if field == refused.field), None)
        raise Invalid(("" if at is None else f"cell-{at}", str(REASONS[refused.code])))
    counts = store(actor, setting, prepared(batch, setting), {})
    found.refused -= 1
    found.created += counts.created
    found.changed += counts.changed
    found.skipped += counts.skipped + counts.blank
    return found
