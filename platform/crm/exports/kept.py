"""The files that people have brought into a workspace: tables that were imported, and photos."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import select

from core.actor import Actor
from crm.imports.models import Import
from tenants.models import Member


@dataclass(frozen=True)
class Kept:
    """`name` is its path in an archive, made of our words and the identifier alone but for the file's own ending."""

    key: str
    name: str


def kept_files(actor: Actor) -> list[Kept]:
    return [*imported(actor), *photos(actor)]


def imported(actor: Actor) -> Iterator[Kept]:
    query = actor.visible(Import, Import.id, Import.file_key, Import.file_name).order_by(Import.id)
    for row in actor.db.execute(query):
        ending = PurePosixPath(row.file_name).suffix.lower()
        yield Kept(row.file_key, f"imports/{row.id}{ending if ending in ('.csv', '.xlsx', '.txt', '.tsv') else ''}")


def photos(actor: Actor) -> Iterator[Kept]:
    for row in actor.db.execute(select(Member.id, Member.photo_key).where(Member.photo_key.is_not(None))):
        yield Kept(row.photo_key, f"photos/{row.id}.jpg")
