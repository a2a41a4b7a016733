"""`okno backup` makes and restores one, `okno backups` looks after all there are."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
from flask.cli import AppGroup

from crm.terminal import fail, known, show

if TYPE_CHECKING:
    from tenants.backups.contents import Contents


@contextlib.contextmanager
def bar(said: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of progress on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(said, total=None)
        yield lambda done, all_: progress.update(task, completed=done, total=all_)


@click.group(cls=AppGroup)
def backup() -> None:
    """One backup: make it, restore it."""


@backup.command("create")
@click.argument("slug")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a plain zip here instead.")
def create_backup(slug: str, out: Path | None) -> None:
    """Make a backup of the workspace SLUG and print its number, or with --out, its size and SHA-256.

    Stopped with Ctrl-C, nothing of it stays.
    """
    from core.db import database
    from core.ids import new_id
    from crm.backups import jobs, schedule
    from tenants.backups import making
    from tenants.backups.models import Backup

    workspace = known(slug)
    if out is not None:
        write_zip(workspace.id, out)
        return
    with database().controlling() as control:
        row = Backup(id=new_id(), workspace_id=workspace.id, kind="by hand", state="making")
        control.add(row)
    try:
        with bar("Rows") as advance:
            made = making.make(database(), row.id, advance)
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | making.Stopped)
        making.fail(
            database(), row.id, "" if stopped else jobs.in_words(error, "en"), "stopped" if stopped else "failed"
        )
        raise refusal(error) from error
    schedule.rotate(database(), workspace.id)
    click.echo(f"{made.id}  {made.size:,} bytes  {sum(made.counts.values()):,} rows")


def write_zip(workspace_id: int, out: Path) -> None:
    """Under another name until it is whole."""
    from core.db import database
    from tenants.backups import contents, making

    part = out.with_name(f"{out.name}.part")
    try:
        with (
            bar("Rows") as advance,
            os.fdopen(os.open(part, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600), "w+b") as file,
        ):
            made, zipped = making.write(database(), workspace_id, file, making.Quiet(advance))
            file.flush()
            os.fsync(file.fileno())
            making.check_same(contents.opened(file, zipped.size), made)
        part.rename(out)
    except BaseException as error:
        part.unlink(missing_ok=True)
        raise refusal(error) from error
    click.echo(f"{zipped.size:,} bytes  {sum(made.counts.values()):,} rows  sha256 {zipped.sha256}")


@backup.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--slug", required=True, help="The address of the new workspace.")
@click.option("--owner", required=True, metavar="EMAIL", help="Whose it is: somebody with an account here.")
@click.option("--name", default="", help="Its name; as in the backup, when left out.")
def restore_backup(file: Path, slug: str, owner: str, name: str) -> None:
    """Restore the zip FILE into a new workspace, from this installation or another, and print its address.

    The file is checked before anything is touched. Stopped with Ctrl-C, nothing of it stays; run it again then.
    """
    from config.settings import settings
    from core.db import database
    from tenants import identities
    from tenants.backups import making, restoring

    with database().controlling() as control:
        person = identities.account_of(control, owner.strip().lower())
    if person is None:
        fail(f"there is no account of {owner}; okno workspace create and sign-up make them")
    try:
        with checked(file) as opened, bar("Rows") as advance:
            made = restoring.beside(database(), opened, person, slug, name, making.Quiet(advance))
    except BaseException as error:
        raise refusal(error) from error
    click.echo(f"{settings().url}/{made.slug}/")


@contextlib.contextmanager
def checked(file: Path) -> "Iterator[Contents]":
    from tenants.backups import contents

    with file.open("rb") as content, bar("Checking") as advance:
        opened = contents.opened(content, file.stat().st_size)
        read, all_ = [0], sum(one.size for one in opened.manifest.members_of_zip)

        def step(more: int) -> None:
            read[0] += more
            advance(read[0], all_)

        opened.verify(step)
    with file.open("rb") as content:
        yield contents.opened(content, file.stat().st_size)


@backup.command("unseal", with_appcontext=False)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the plain zip goes.")
def unseal_backup(file: Path, out: Path) -> None:
    """Decrypt a backup's FILE as it is kept in the folder or bucket, when the database that listed it is lost.

    It needs OKNO_BACKUP_KEY, or OKNO_SECRET_KEY, as they were. DATABASE_URL and REDIS_URL must be set, too, but nothing
    is asked there.
    """
    import io
    import shutil

    from config.settings import settings
    from core.sealing import Unreadable
    from tenants.backups import vault

    config, size = settings(), vault.plain_size(file.stat().st_size)
    try:
        with file.open("rb") as sealed, out.open("wb") as plain:
            shutil.copyfileobj(io.BufferedReader(vault.Unsealed(sealed, size, config)), plain, vault.CHUNK)
    except (vault.Damaged, Unreadable) as error:
        out.unlink(missing_ok=True)
        raise refusal(error) from error
    click.echo(f"{size:,} bytes")


@click.group("backups", cls=AppGroup)
def backups() -> None:
    """All backups: what there is, and whether it is good."""


@backups.command("list")
@click.option("--slug", help="Of one workspace alone.")
@click.option("--failed", is_flag=True, help="Only those that failed, or whose trial did.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_backups(slug: str | None, failed: bool, as_json: bool) -> None:
    """Every backup, the newest first, with its last trial."""
    from sqlalchemy import or_, select

    from core.db import database
    from tenants.backups.models import Backup
    from tenants.models import WorkspaceRow

    query = select(Backup, WorkspaceRow.slug).join(WorkspaceRow, WorkspaceRow.id == Backup.workspace_id)
    if slug:
        query = query.where(WorkspaceRow.id == known(slug).id)
    if failed:
        query = query.where(or_(Backup.state == "failed", Backup.drill_error != ""))
    with database().controlling() as control:
        rows = [
            {
                "id": one.id, "workspace": name or "", "made": one.made_at, "kind": one.kind, "state": one.state,
                "bytes": one.size, "rows": sum(one.counts.values()), "verified": one.verified_at or "",
                "trial": (one.drill_error or "equal") if one.drilled_at else "", "expires": one.expires_at or "",
                "error": one.error,
            }
            for one, name in control.execute(query.order_by(Backup.made_at.desc(), Backup.id.desc()))
        ]  # fmt: skip
    show(rows, as_json)


@backups.command("verify")
@click.argument("backup_id", type=click.UUID)
def verify_backup(backup_id: UUID) -> None:
    """Read the kept file of the backup BACKUP_ID, all of it, and compare it with what it says of itself."""
    from core.db import database
    from tenants.backups import keeping

    found = of(backup_id)
    try:
        keeping.verify(database(), found.id)
    except Exception as error:
        raise refusal(error) from error
    click.echo(f"whole: {found.size:,} bytes, {sum(found.counts.values()):,} rows")


@backups.command("drill")
@click.argument("backup_id", type=click.UUID, required=False)
def drill_backup(backup_id: UUID | None) -> None:
    """Restore a backup, or any of them, into a scratch workspace and compare it table by table; nothing of it stays.

    The clock does so each week. Exit code 1 where a table is not equal.
    """
    from core.db import database
    from tenants.backups import drill

    if backup_id is None:
        with database().controlling() as control:
            found = drill.one_of_them(control)
    else:
        found = of(backup_id)
    if found is None:
        fail("there is no backup yet")
    try:
        with bar("Rows") as advance:
            compared = drill.drill(database(), found.id, advance)
    except BaseException as error:
        raise refusal(error) from error
    show([{"table": one.table, "rows": one.rows, "equal": "yes" if one.equal else "NO"} for one in compared], False)
    if not all(one.equal for one in compared):
        fail(f"backup {found.id} is not equal to what came out of it")


@backups.command("sweep")
def sweep_backups() -> None:
    """Do away with what has expired; the clock does so each hour."""
    from core.db import database
    from tenants.backups import keeping

    click.echo(f"{keeping.sweep(database())} gone")


def of(backup_id: UUID) -> Any:
    from core.db import database
    from tenants.backups.models import Backup

    with database().controlling() as control:
        found = control.get(Backup, backup_id)
    if found is None or found.state != "kept":
        fail(f"there is no backup {backup_id}; see okno backups list")
    return found


def refusal(error: BaseException) -> BaseException:
    """What a person can do something about as one line; anything else as it is."""
    from core.errors import Refusal
    from core.sealing import Unreadable
    from crm.backups import jobs
    from tenants.backups import vault

    if isinstance(error, KeyboardInterrupt):
        fail("stopped; nothing of it stays")
    if isinstance(error, OSError | vault.Damaged | Unreadable) and not isinstance(error, Refusal):
        fail(f"{jobs.in_words(error, 'en')} ({error})")
    return error
