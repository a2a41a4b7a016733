"""How commands speak: a table or JSON lines on standard output, one line on standard error when they cannot."""

import sys
from typing import Any, NoReturn

import click
import orjson


def fail(line: str) -> NoReturn:
    click.echo(f"okno: {line}", err=True)
    sys.exit(1)


def show(rows: list[dict[str, Any]], as_json: bool) -> None:
    """A table for people, or JSON lines for programs."""
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(row, default=str).decode())
        return
    if not rows:
        return
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in rows[0]}
    click.echo("  ".join(key.ljust(width) for key, width in widths.items()).rstrip())
    for row in rows:
        click.echo("  ".join(str(row[key]).ljust(width) for key, width in widths.items()).rstrip())


def known(slug: str) -> Any:
    from core.db import database
    from tenants.directory import locate

    workspace = locate(database(), slug)
    if workspace is None:
        fail(f"there is no workspace {slug}; see okno workspace list")
    return workspace
