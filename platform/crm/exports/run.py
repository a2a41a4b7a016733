"""The job that makes an export, in steps: which rows belong to it, then the rows, then the file.

The ids of all rows are written down by one statement, so at one moment: what is deleted afterwards is counted as gone,
what is made afterwards does not come in, and nothing appears twice or is left out, however long it takes. Each step
gathers some thousand rows into a file of its own and notes how far it came, in one transaction that holds the export;
so a job that was killed, or an export that was stopped, goes on after its last step, and two workers never do the same
step. At the end the numbers must add up, or there is no file.
"""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import Select, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core import events
from core.actor import Actor
from core.copyout import copy_csv
from core.db import plan_for_values
from core.errors import Forbidden
from core.events import announce
from core.files import Stored, files, put
from core.jobs import Place, job
from core.listing import Ask
from crm.exports.actions import check_standing
from crm.exports.kept import kept_files
from crm.exports.kinds import KINDS, Kind, kinds_in
from crm.exports.models import KEPT, Export, NoLongerOurs
from crm.exports.own import all_columns, own_of
from crm.exports.write import file_name_of, style_of, tables_of, write_file
from tenants.directory import catalogue, on_its_own
from tenants.members import NotAMember, acting_member

log = logging.getLogger(__name__)

STEP = 10_000  # rows
ID = 16  # bytes
RING_EVERY = 1.0  # seconds between two live refreshes of open pages


class NumbersDiffer(Exception):
    """What was gathered and what is gone are not together what was written down."""


@job("export.run", queue="bulk")
def run(place: Place, export_id: str, member_id: str) -> None:
    run_export(place, UUID(export_id), UUID(member_id))


@job("export.forget", queue="bulk")
def forget(place: Place, export_id: str) -> None:
    """Delete the files of an export that was thrown away."""
    with place.database.workspace(place.here()) as session, session.begin():
        found = session.get(Export, UUID(export_id), with_for_update=True)
        if found and found.deleted_at:
            drop_files(found)


@job("export.tidy", queue="bulk")
def tidy(place: Place) -> None:
    """Delete the files whose time is over, and what exports that were never finished have left."""
    with place.database.controlling() as control:
        rows = [row for row in catalogue(control) if row.state in ("open", "closing")]
    for row in rows:
        with on_its_own(row) as workspace, place.database.workspace(workspace) as session, session.begin():
            unfinished = Export.state.in_(("stopped", "failed")) & (Export.updated_at < func.now() - KEPT)
            over = select(Export).where(or_(Export.expires_at < func.now(), unfinished)).with_for_update()
            for found in session.scalars(over.where(Export.state != "expired")):
                drop_files(found)


def drop_files(found: Export) -> None:
    """Delete every file of an export, in the transaction that holds it."""
    for key in found.stored:
        files().delete(key)
    found.list_key, found.file_key, found.parts, found.state = None, None, [], "expired"


@dataclass
class Run:
    place: Place
    export_id: UUID
    member_id: UUID
    rung: float = 0.0

    @contextmanager
    def acting(self) -> Iterator[tuple[Actor, Export]]:
        """The actor with the rights the member has now, and the export, held and still to be gone on with."""
        mark = f"export-{self.export_id}"
        with (
            acting_member(self.place.database, self.place.here(), self.member_id, "job", mark) as actor,
            force_locale(actor.member.language),
        ):
            found = actor.db.get(Export, self.export_id, with_for_update=True)
            if found is None or found.deleted_at or found.state not in ("waiting", "running"):
                raise NoLongerOurs()
            check_standing(actor, found)
            yield actor, found

    def commit(self, actor: Actor) -> None:
        """Store the step, and refresh the open pages, at most once a second."""
        if not self.place.still_ours():
            raise NoLongerOurs()
        if time.monotonic() - self.rung > RING_EVERY:
            self.rung = time.monotonic()
            announce(actor, "export.run", [], ["export"])
        actor.db.commit()


def run_export(place: Place, export_id: UUID, member_id: UUID) -> None:
    """Make what is left of an export that waits or runs, as this member.

    Returns when it is done, stopped or failed; the export's state and `error` say which. Raises when the database is
    away, so that the work is tried again.
    """
    made = Run(place, export_id, member_id)
    try:
        begin(made)
        while gather(made):
            pass
        finish(made)
    except NoLongerOurs:
        log.info("export %s is no longer ours", export_id)
    except NotAMember:
        fail(place, export_id, "")
    except Forbidden as refusal:
        fail(place, export_id, str(refusal.detail))
    except (NumbersDiffer, FileNotFoundError) as error:
        log.exception("export %s", export_id)
        said = _("The numbers do not add up. Export anew; if it comes back, write to us.")
        fail(place, export_id, said if isinstance(error, NumbersDiffer) else _("A part was lost. Export anew."))


def fail(place: Place, export_id: UUID, said: str) -> None:
    """What trying again by itself would not mend."""
    with place.database.workspace(place.here()) as session, session.begin():
        found = session.get(Export, export_id, with_for_update=True)
        if found and found.state in ("waiting", "running"):
            found.state, found.error = "failed", said


@contextmanager
def kept_if_stored(stored: Stored) -> Iterator[None]:
    """A file whose row could not be stored is deleted again."""
    try:
        yield
    except BaseException:
        files().delete(stored.key)
        raise


def begin(made: Run) -> None:
    """Write down which rows belong to it, once."""
    with made.acting() as (actor, found):
        found.state, found.started_at = "running", found.started_at or actor.db.scalar(text("select now()"))
        if found.rows is not None:
            made.commit(actor)
            return
        if found.what == "files":
            found.rows = found.done = len(kept_files(actor))
            made.commit(actor)
            return
        listed = list_rows(actor, found)
        with tempfile.TemporaryFile(prefix="okno-") as local:
            for _what, ids in listed:
                local.write(ids)
            local.seek(0)
            stored = put(actor.workspace, local)
        found.plan = [
            {"what": what, "rows": len(ids) // ID, "own": own_of(actor, KINDS[what].model)} for what, ids in listed
        ]
        found.rows, found.list_key = sum(part["rows"] for part in found.plan), stored.key
        with kept_if_stored(stored):
            made.commit(actor)


def list_rows(actor: Actor, found: Export) -> list[tuple[str, bytes]]:
    """(what, the ids of its rows in order) of each kind, all as they are at one moment."""
    asked = [(what, ids_of(actor, KINDS[what], found.ask)) for what in kinds_in(found.what)]
    if found.ask.get("q"):
        plan_for_values(actor.db)
    row = actor.db.connection().execute(select(*(query.scalar_subquery() for _what, query in asked))).one()
    return [(what, bytes(ids or b"")) for (what, _query), ids in zip(asked, row, strict=True)]


def ids_of(actor: Actor, kind: Kind, said: dict[str, Any]) -> Select[Any]:
    """SELECT of one value: the ids of all rows that the actor sees, may export and asks for, in the order asked for."""
    listing, model = kind.resource.listing, kind.model
    name, down = listing.sort_asked(said.get("sort", ""))
    ask = Ask(said.get("q", ""), filters=said.get("filters", {}))
    query = listing.query(actor, ask, model.id.label("id"), listing.sorts[name].column.label("place"))
    if kind.right:
        query = query.where(actor.reach(model, "export"))
    rows = query.subquery()
    order = (rows.c.place.desc(), rows.c.id.desc()) if down else (rows.c.place, rows.c.id)
    return select(func.string_agg(func.uuid_send(rows.c.id), aggregate_order_by(literal(b""), *order)))


def gather(made: Run) -> bool:
    """One more step of the rows. False where all are gathered."""
    with made.acting() as (actor, found):
        if found.done == found.rows:
            return False
        what, count = next_step(found)
        with files().open(found.list_key or "") as listed, tempfile.TemporaryFile(prefix="okno-") as local:
            listed.seek(found.done * ID)
            there = gather_rows(actor, found, KINDS[what], listed.read(count * ID), local)
            local.seek(0)
            stored = put(actor.workspace, local)
        found.parts = [*found.parts, {"what": what, "key": stored.key, "rows": there}]
        found.done += count
        found.gone += count - there
        with kept_if_stored(stored):
            made.commit(actor)
        return True


def next_step(found: Export) -> tuple[str, int]:
    """Which kind is next, and how many rows of it."""
    before = 0
    for part in found.plan:
        before += part["rows"]
        if found.done < before:
            return part["what"], min(STEP, before - found.done)
    raise NumbersDiffer()


def gather_rows(actor: Actor, found: Export, kind: Kind, ids: bytes, file: IO[bytes]) -> int:
    """The rows with these ids that are still there, in their order. Returns how many."""
    listed = "{" + ",".join(ids[at : at + ID].hex() for at in range(0, len(ids), ID)) + "}"
    array: Any = text("cast(:ids as uuid[])").bindparams(ids=listed)
    wanted = func.unnest(array).table_valued("id", with_ordinality="place", name="wanted").render_derived()
    rows = actor.visible(kind.model).join(wanted, kind.model.id == wanted.c.id)
    if found.format == "json":
        json = kind.resource.selected_for(actor)[-1]
        return write_json(actor, rows.with_only_columns(json).order_by(wanted.c.place), file)
    style = style_of(found.format, actor.member.language)
    columns = all_columns(actor, kind.model, next(part["own"] for part in found.plan if KINDS[part["what"]] is kind))
    table = style.table(columns, rows, wanted.c.place)
    return copy_csv(actor.db, table, cast("Any", file), style.separator)


def write_json(actor: Actor, query: Select[Any], file: IO[bytes]) -> int:
    count = 0
    for row in actor.db.execute(query, execution_options={"yield_per": 1_000}):
        file.write((b",\n" if count else b"") + row[0].encode())
        count += 1
    return count


def finish(made: Run) -> None:
    """The file itself, if the numbers add up."""
    with made.acting() as (actor, found):
        if sum(part["rows"] for part in found.parts) + found.gone != found.rows and found.what != "files":
            raise NumbersDiffer()
        found.written = 0
        tables, workspace = tables_of(actor, found), actor.workspace
        kept = kept_files(actor) if found.what == "files" else []
        style, name = style_of(found.format, actor.member.language), file_name_of(actor, found)
        made.commit(actor)

    def wrote(rows: int) -> None:
        with made.acting() as (actor, found):
            found.written = min(rows, found.rows or 0)
            made.commit(actor)

    with tempfile.TemporaryFile(prefix="okno-") as local:
        write_file(found, tables, kept, style, workspace, cast("Any", local), wrote)
        local.seek(0)
        stored = put(workspace, local)
    with kept_if_stored(stored):
        store(made, stored, name)


def store(made: Run, stored: Stored, name: str) -> None:
    """The file is there: note it, tell of it, and drop what it was made from."""
    with made.acting() as (actor, found):
        used = found.stored
        found.file_key, found.file_size, found.file_hash, found.file_name = stored.key, stored.size, stored.sha256, name
        found.list_key, found.parts, found.state, found.written = None, [], "done", found.rows or 0
        found.finished_at = actor.db.scalar(text("select now()"))
        found.expires_at = found.finished_at + KEPT if found.finished_at else None
        told = {
            "what": found.what,
            "format": found.format,
            "rows": (found.rows or 0) - found.gone,
            "tell": found.owner_id,
        }
        told |= found.ask
        actor.db.flush()
        events.note(actor, "export.done", "export", found.id, name, after=told)
        made.commit(actor)
    for key in used:
        files().delete(key)
