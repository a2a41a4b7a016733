"""`okno process`: files in and out, and what is wrong with one."""

from pathlib import Path

import click

from crm.terminal import as_json, fail, known, show


@click.group("process")
def process() -> None:
    """Business processes of a workspace, as BPMN files."""


@process.command("list")
@click.argument("slug")
@click.argument("email")
@as_json
def list_all(slug: str, email: str, as_json: bool) -> None:
    """Every process: its key, whether it is on, and how many runs are under way or failed."""
    from sqlalchemy import func, select

    from core.db import database
    from crm.processes.models import Instance, Process
    from tenants.members import acting_email

    with acting_email(database(), known(slug), email, "cli") as actor:
        runs = select(func.count()).where(Instance.process_id == Process.id).correlate(Process)
        counts = [
            runs.where(Instance.status == state).scalar_subquery().label(state) for state in ("running", "failed")
        ]
        rows = actor.db.execute(actor.visible(Process, Process.key, Process.name, Process.enabled, *counts))
        show([dict(row._mapping) for row in rows.all()], as_json)


@process.command("check")
@click.argument("slug")
@click.argument("email")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(slug: str, email: str, path: Path) -> None:
    """What is wrong with a file, one line for each problem with the element's id. Exit code 1 where there is any."""
    from core.db import database
    from crm.processes.bpmn import Unreadable, read
    from crm.processes.checks import problems
    from tenants.members import acting_email

    with acting_email(database(), known(slug), email, "cli") as actor:
        try:
            found = problems(actor, read(path.read_bytes()))
        except Unreadable as error:
            found = error.problems
    for problem in found:
        click.echo(f"{problem.element or '-':<24} {problem.words}")
    if found:
        raise SystemExit(1)
    click.echo("nothing is wrong with it")


@process.command("import")
@click.argument("slug")
@click.argument("email")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--publish", is_flag=True, help="Let it run at once, with this member's rights.")
def bring_in(slug: str, email: str, path: Path, publish: bool) -> None:
    """A file as a new process."""
    from core.db import database
    from core.errors import Invalid
    from crm.processes import actions
    from tenants.members import acting_email

    with acting_email(database(), known(slug), email, "cli") as actor:
        try:
            made = actions.create(actor, actions.create.parse({"xml": path.read_text(encoding="utf-8")}))
            if publish:
                actions.publish(actor, actions.OneProcess(id=made.id))
        except Invalid as error:
            fail("; ".join(f"{name}: {words}" for name, words in error.fields))
        click.echo(f"{made.key} {made.id}")


@process.command("export")
@click.argument("slug")
@click.argument("email")
@click.argument("key")
def take_out(slug: str, email: str, key: str) -> None:
    """The draft of a process, as it was written or drawn."""
    from core.db import database
    from crm.processes.models import Process
    from tenants.members import acting_email

    with acting_email(database(), known(slug), email, "cli") as actor:
        xml = actor.db.scalar(actor.visible(Process, Process.draft).where(Process.key == key))
    if xml is None:
        fail(f"there is no process {key}")
    click.echo(xml)
