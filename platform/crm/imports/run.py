"""The job that brings a file in: batch by batch, each one transaction with its rows, its refusals and the numbers.

A batch is stored only if the import still runs, still stands at the line the batch begins after, and the lease of the
work is still ours; so a job that was killed is taken up after its last batch, and two workers never both advance.
While one batch is stored, the next is parsed.
"""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import insert, select, text

from core import limits
from core.actor import Actor
from core.errors import Forbidden
from core.events import Event, announce, describe, note_by_itself
from core.files import files
from core.full import LimitReached
from core.ids import new_id
from core.jobs import TRY_AGAIN, Place, job
from tenants.members import acting_member

from . import undo
from .actions import require_rights
from .batches import Batch, batches
from .check import check_all
from .matching import prepare_transaction, take_turn
from .models import Import, NoLongerOurs
from .opening import opened, parser_of, setting_of
from .rows import RowParser, is_blank
from .sheet import SheetError
from .store import new_ones, store
from .values import Setting

log = logging.getLogger(__name__)

RING_EVERY = 1.0  # seconds between two live refreshes of open pages


@job("import.run", queue="bulk")
def run(place: Place, import_id: str, member_id: str) -> None:
    run_import(place, UUID(import_id), UUID(member_id))


@job("import.check", queue="bulk")
def check_file(place: Place, import_id: str, member_id: str) -> None:
    """The numbers of a large file, for the page where its columns are matched."""
    with acting_member(place.database, place.here(), UUID(member_id), "import") as actor:
        found = actor.db.get(Import, UUID(import_id))
        if found is None or found.deleted_at or found.state != "draft" or found.checked.get("done"):
            return
        try:
            check_all(actor, found)
        except (SheetError, FileNotFoundError):
            log.info("import %s cannot be read to its end", import_id)


@job("import.undo", queue="bulk")
def undo_import(place: Place, import_id: str, member_id: str) -> None:
    undo.undo_import(place, UUID(import_id), UUID(member_id))


@job("import.forget", queue="bulk")
def forget(place: Place, import_id: str) -> None:
    """Delete the file of a draft that was thrown away."""
    with place.database.workspace(place.here()) as session:
        key = session.scalar(
            select(Import.file_key).where(Import.id == UUID(import_id), Import.deleted_at.is_not(None))
        )
    if key:
        files().delete(key)


def run_import(place: Place, import_id: UUID, member_id: UUID) -> None:
    """Bring in what is left of an import that waits or runs, as this member, and see that the numbers add up.

    Returns when it is done, stopped or failed; the import's state and `error` say which. Raises when the database is
    away, so that the work is tried again.
    """
    try:
        with refusing(place, import_id, member_id):
            bring_in(Run(place, import_id, member_id))
    except NoLongerOurs:
        log.info("import %s is no longer ours", import_id)


@contextmanager
def refusing(place: Place, import_id: UUID, member_id: UUID) -> Any:
    """Turn what cannot be mended by trying again into a state and a sentence of the import."""
    try:
        yield
    except (NoLongerOurs, *TRY_AGAIN):
        raise
    except LimitReached:
        halt(place, import_id, member_id, "full", lambda: "")
    except Forbidden:
        halt(
            place,
            import_id,
            member_id,
            "stopped",
            lambda: _("The member who started it may no longer bring contacts in."),
        )
    except SheetError as error:
        detail = error.detail
        halt(place, import_id, member_id, "failed", lambda: str(detail))
    except FileNotFoundError:
        halt(place, import_id, member_id, "failed", lambda: _("The file is no longer there. Bring it in anew."))
    except Exception:
        log.exception("import %s failed", import_id)
        halt(
            place,
            import_id,
            member_id,
            "failed",
            lambda: _("Something went wrong here, not with your file. Go on, or write to us."),
        )


def halt(place: Place, import_id: UUID, member_id: UUID, state: str, sentence: Any) -> None:
    with place.database.workspace(place.here()) as session:
        language = session.scalar(text("select language from member where id = :id"), {"id": member_id}) or "en"
        with force_locale(language):
            said = str(sentence())
        halted = session.execute(
            text("""
            update import set state = :state, error = :error, version = version + 1, updated_at = now()
            where id = :id and state in ('waiting', 'running') returning file_name
            """),
            {"id": import_id, "state": state, "error": said},
        ).first()
        if halted:
            # Whoever began it has to hear that it goes no further.
            ended = {"state": state, "tell": member_id}
            happened = [(import_id, halted.file_name, ended)]
            note_by_itself(session, "import.run", "import", happened, change="changed", via="import")
        session.commit()


@dataclass
class Run:
    """One run of the job over one import."""

    place: Place
    import_id: UUID
    member_id: UUID
    companies: dict[str, UUID] = field(default_factory=dict)
    rung: float = 0.0

    @contextmanager
    def acting(self) -> Any:
        """The actor with the rights the member has now, in a session of its own."""
        with acting_member(
            self.place.database, self.place.here(), self.member_id, "import", f"import-{self.import_id}"
        ) as actor:
            yield actor

    def ring(self, actor: Actor) -> None:
        """Refresh the open pages, at most once a second; the import's own is among them."""
        if time.monotonic() - self.rung > RING_EVERY:
            self.rung = time.monotonic()
            announce(actor, "import.run", [], ["import", "contact", "company"])

    def commit(self, actor: Actor) -> None:
        if not self.place.still_ours():
            raise NoLongerOurs()
        actor.db.commit()


def bring_in(run: Run) -> None:
    with run.acting() as actor:
        found = begin(run, actor)
        setting, parser = setting_of(actor, found), parser_of(actor, found)
        if found.rows is None:
            count_rows(run, actor, found)
    with opened(found) as sheet, ThreadPoolExecutor(1) as database:
        stored: Future[None] | None = None
        for batch in batches(sheet.rows(), parser, setting, found.line):
            if stored:
                stored.result()
            stored = database.submit(store_or_fill, run, setting, batch, parser)
        if stored:
            stored.result()
    finish(run)


def begin(run: Run, actor: Actor) -> Import:
    found = actor.db.scalar(select(Import).where(Import.id == run.import_id).with_for_update())
    if found is None or found.state not in ("waiting", "running"):
        raise NoLongerOurs()
    require_rights(actor, found)
    found.state = "running"
    announce(actor, "import.run", [], ["import"])
    run.commit(actor)
    return found


def count_rows(run: Run, actor: Actor, found: Import) -> None:
    """Read the whole file once before anything is stored: how many rows its numbers must add up to, and whether it can
    be read to its end."""
    with opened(found) as sheet:
        found.rows = sum(not is_blank(row) for row in sheet.rows())
    run.commit(actor)


ADVANCE = text("""
update import set line = :line, created = created + :created, changed = changed + :changed,
    skipped = skipped + :skipped, refused = refused + :refused, blank = blank + :blank,
    version = version + 1, updated_at = now()
where id = :id and state = 'running' and line = :after returning id
""")


def store_or_fill(run: Run, setting: Setting, batch: Batch, parser: RowParser) -> None:
    """One batch; where not all of it fits into the plan, its rows up to the one where the plan is full. Raises
    LimitReached then, with everything before that row stored."""
    try:
        store_batch(run, setting, batch)
    except LimitReached as full:
        while True:
            run.companies.clear()  # some may have been made by the transaction that was rolled back
            fitting = part_that_fits(run, setting, batch, parser)
            if fitting is None:
                raise full from None
            with suppress(LimitReached):  # somebody else took a place meanwhile: look again
                store_batch(run, setting, fitting)
                break
        if fitting.line < batch.line:
            raise


def part_that_fits(run: Run, setting: Setting, batch: Batch, parser: RowParser) -> Batch | None:
    """The rows of the batch before the first new contact beyond the room there is now; None for no row at all. They are
    read from the file again, since a later row may have become part of an earlier one."""
    with run.acting() as actor:
        prepare_transaction(actor)
        room = limits.room(actor.db, "contacts") or 0
        beyond = new_ones(actor, batch)[room : room + 1]
        found = actor.db.get_one(Import, run.import_id)
    last = beyond[0].rows[0].number - 1 if beyond else batch.line
    with opened(found) as sheet:
        rows = takewhile(lambda row: row.number <= last, sheet.rows())
        return next(batches(rows, parser, setting, batch.after), None)


def store_batch(run: Run, setting: Setting, batch: Batch) -> None:
    """One batch in one transaction, with the rights the member has now."""
    with run.acting() as actor:
        take_turn(actor)
        found = actor.db.get(Import, run.import_id)
        if found is None or (found.state, found.line) != ("running", batch.after):
            raise NoLongerOurs()
        require_rights(actor, found)
        counts = store(actor, setting, batch, run.companies)
        place = {"id": run.import_id, "line": batch.line, "after": batch.after}
        if actor.db.execute(ADVANCE, {**place, **vars(counts)}).first() is None:
            raise NoLongerOurs()
        run.ring(actor)
        run.commit(actor)


def finish(run: Run) -> None:
    """Done, if every row of the file is accounted for; and the one event that tells of all new contacts."""
    with run.acting() as actor:
        found = actor.db.scalar(select(Import).where(Import.id == run.import_id).with_for_update())
        if found is None or found.state != "running":
            raise NoLongerOurs()
        before = {**found.values(), **dict.fromkeys(("created", "changed", "skipped", "refused", "blank"), 0)}
        whole = found.taken == found.rows
        found.state, found.finished_at = ("done" if whole else "failed"), actor.db.scalar(text("select now()"))
        if not whole:
            log.error("import %s: %s rows of %s accounted for", found.id, found.taken, found.rows)
            with force_locale(actor.member.language):
                found.error = _("The numbers do not add up to the rows of the file. Undo the import and write to us.")
        told = describe(found, before)
        if told:
            event_id = new_id()
            common = {"action": "import.run", "member_id": actor.member.id, "via": "import", "request_id": found.mark}
            actor.db.execute(insert(Event), [{"id": event_id, **common, **told}])
            announce(actor, "import.run", [event_id], ["import", "contact", "company"], news=True)
        run.commit(actor)
