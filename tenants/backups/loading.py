"""The rows of a backup into an empty workspace, in the session's transaction: all of them or none."""

from collections.abc import Iterable, Iterator

import psycopg
from flask_babel import lazy_gettext as _l
from psycopg import sql
from sqlalchemy.orm import Session

from core.db import Workspace
from core.files import files
from tenants.backups.cleaning import Cleaner
from tenants.backups.contents import Contents, Unfit
from tenants.backups.making import Noting, driver_of, unhurried
from tenants.backups.manifest import FileSaid, TableSaid
from tenants.backups.shape import Shape, Table, shape_of


def load(session: Session, contents: Contents, into: Workspace, note: Noting, *, foreign: bool = True) -> None:
    """Every table, each after those that it names. The workspace's schema has the version that the manifest names.

    With `foreign` each row is cleaned; a trial of our own file leaves that out, to compare. Raises Unfit, Stopped.
    """
    unhurried(session)
    shape = shape_of(session, into.schema)
    said = {one.name: one for one in contents.manifest.tables}
    check_shape(shape, said)
    note.begin(sum(one.rows for one in said.values()))
    postponed: list[tuple[str, list[tuple[str, str, str]]]] = []
    for table, waiting in shape.in_order():
        cleaner = Cleaner(table, said[table.name], into.schema, waiting, foreign=foreign)
        copy_in(session, contents, table, said[table.name], cleaner, note)
        postponed.append((table.name, cleaner.postponed))
    for name, told in postponed:
        tell(session, name, told)


def check_shape(shape: Shape, said: dict[str, TableSaid]) -> None:
    """The file has just the tables and columns of its release. Raises Unfit."""
    if said.keys() != shape.tables.keys():
        raise Unfit(_l("Its tables are not those of its release."))
    for name, table in shape.tables.items():
        if sorted(said[name].columns) != sorted(table.column_names):
            raise Unfit(_l("The columns of its table %(name)s are not those of its release.", name=name))


def copy_in(
    session: Session, contents: Contents, table: Table, said: TableSaid, cleaner: Cleaner, note: Noting
) -> None:
    """PostgreSQL's own words may quote a value, so they are not passed on."""
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, said.columns))
    )
    try:
        with driver_of(session).cursor() as cursor:
            with cursor.copy(statement) as sent:
                for block in cleaned_blocks(contents, said, cleaner, note):
                    sent.write(block)
            stored = cursor.rowcount
    except (psycopg.DataError, psycopg.IntegrityError):
        raise Unfit(_l("The table %(name)s holds what cannot be stored.", name=table.name)) from None
    if stored != said.rows:
        raise Unfit(_l("The table %(name)s holds what cannot be stored.", name=table.name))


def cleaned_blocks(contents: Contents, said: TableSaid, cleaner: Cleaner, note: Noting) -> Iterator[bytes]:
    if not cleaner.needed:
        for block in contents.blocks(said):
            yield block
            note.step(block.count(b"\n"))
        return
    for lines in contents.lines(said):
        if lines:
            yield b"\n".join([*cleaner.clean(lines), b""])
            note.step(len(lines))


def tell(session: Session, table: str, told: Iterable[tuple[str, str, str]]) -> None:
    """Now that what they name is there."""
    for column, row_id, value in told:
        statement = sql.SQL("update {} set {} = %s where id = %s").format(sql.Identifier(table), sql.Identifier(column))
        try:
            driver_of(session).execute(statement, (value, row_id))
        except (psycopg.DataError, psycopg.IntegrityError):
            raise Unfit(_l("The table %(name)s holds what cannot be stored.", name=table)) from None


def keep_files(contents: Contents, into: Workspace, note: Noting) -> list[str]:
    """The files that the rows name, kept as the workspace's own. Returns their keys."""
    kept = []
    for said in contents.manifest.files:
        key = f"{into.schema}/{said.id}"
        with files().writing(key) as out:
            kept.append(key)
            for block in file_blocks(contents, said, note):
                out.write(block)
    return kept


def file_blocks(contents: Contents, said: FileSaid, note: Noting) -> Iterator[bytes]:
    for block in contents.blocks(said):
        yield block
        note.step(0)
