"""`okno jobs` and `okno status`: is everything done in time, and what failed?"""

import click
import orjson

from crm.terminal import as_json, fail, show


@click.group("jobs")
def jobs() -> None:
    """Work of the background: what waits, what failed, run it again."""


@jobs.command("waiting")
@as_json
def list_waiting(as_json: bool) -> None:
    """Rows by queue and workspace: due, with the age of the oldest in seconds, in hand, and for a later time."""
    from core.db import database
    from tenants import backlog

    with database().controlling() as control:
        show(backlog.waiting(control), as_json)


@jobs.command("failed")
@as_json
def list_failed(as_json: bool) -> None:
    """Work that was given up after its last attempt, the newest first."""
    from core.db import database
    from tenants import backlog

    with database().controlling() as control:
        show(backlog.failed(control), as_json)


@jobs.command("show")
@click.argument("work_id", metavar="ID", type=int)
@as_json
def show_failed(work_id: int, as_json: bool) -> None:
    """Everything about one that failed, with its trace."""
    from core.db import database
    from tenants import backlog

    with database().controlling() as control:
        found = backlog.failed_one(control, work_id)
    if found is None:
        fail(f"nothing that failed has the number {work_id}; see okno jobs failed")
    if as_json:
        show([found], as_json=True)
        return
    found["payload"] = orjson.dumps(found["payload"]).decode()
    trace = found.pop("trace")
    for name, value in found.items():
        click.echo(f"{name:<10} {value}")
    click.echo(f"\n{trace.rstrip()}")


@jobs.command("retry")
@click.argument("work_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="All that failed.")
def retry(work_id: int | None, everything: bool) -> None:
    """Do it again: one by its ID, or --all. What it has done already is not done twice."""
    from core.db import database
    from tenants import backlog

    if (work_id is None) != everything:
        raise click.UsageError("name one ID, or write --all")
    with database().controlling() as control:
        number = backlog.retry(control, work_id)
    if not number and not everything:
        fail(f"nothing that failed has the number {work_id}; see okno jobs failed")
    click.echo(f"{number} will be done again")


@jobs.command("drop")
@click.argument("work_id", metavar="ID", type=int)
def drop(work_id: int) -> None:
    """Forget one that failed, for good."""
    from core.db import database
    from tenants import backlog

    with database().controlling() as control:
        known = backlog.drop(control, work_id)
    if not known:
        fail(f"nothing that failed has the number {work_id}; see okno jobs failed")
    click.echo("dropped")


@click.command("status")
@as_json
def status(as_json: bool) -> None:
    """Whether work is done in time: how many rows of each queue are due, and the age of the oldest in seconds.

    Exit code 1 when one has waited for more than a minute: then the relay or a worker stands still.
    """
    from core.db import database
    from tenants import backlog

    with database().controlling() as control:
        found, failed = backlog.lag(control), len(backlog.failed(control))
    show(found, as_json)
    late = [row["queue"] for row in found if row["oldest"] > backlog.TOO_OLD]
    if failed and not as_json:
        click.echo(f"{failed} failed; see okno jobs failed")
    if late:
        fail(f"work waits for more than a minute: {', '.join(late)}; look at the relay and the workers")
