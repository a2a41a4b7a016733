"""`okno setup`: the set-up of a workspace as a file, out and in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crm.terminal import fail, known

if TYPE_CHECKING:
    from core.actor import Actor

by = click.option("--as", "email", default="", metavar="EMAIL", help="The member who does it; an owner, if left out.")


@click.group("setup")
def setup() -> None:
    """Set-ups: pipelines, roles, price list, texts, web forms and processes, as one file."""


@setup.command("export")
@click.argument("slug")
@by
def take_out(slug: str, email: str) -> None:
    """The set-up of the workspace SLUG as YAML."""
    from crm.setups.exporting import export

    with acting(slug, email) as actor:
        click.echo(export(actor).decode(), nl=False)


@setup.command("apply")
@click.argument("slug")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--preview", is_flag=True, help="Say what would be added, and add nothing.")
@by
def put_in(slug: str, path: Path, preview: bool, email: str) -> None:
    """Add to the workspace SLUG what of the file PATH is not there yet. Processes act as the member who does it."""
    from core.errors import Invalid
    from crm.setups import applying
    from crm.setups.reading import read

    with acting(slug, email) as actor:
        try:
            given = read(path.read_bytes(), path.name, actor.workspace.language)
        except Invalid as error:
            fail("\n".join(f"{place}: {words}" for place, words in error.fields))
        for part in applying.preview(actor, given) if preview else applying.apply(actor, given):
            click.echo(f"{part.state:<6} {part.kind:<15} {part.name}{f': {part.words}' if part.words else ''}")


@contextmanager
def acting(slug: str, email: str) -> "Iterator[Actor]":
    from core.db import database
    from tenants import members

    workspace = known(slug)
    if not email:
        with database().workspace(workspace, reading=True) as session:
            email = members.owners(session)[0].email
    with members.acting_email(database(), workspace, email, "cli") as actor:
        yield actor
