"""The operator's commands about plans, payments and limits."""

import click
from flask.cli import AppGroup

from config.settings import settings
from crm.terminal import fail, known, show


@click.group(cls=AppGroup)
def plan() -> None:
    """Plans: what a workspace may use."""


@plan.command("give")
@click.argument("slug")
@click.argument("key")
@click.option("--seats", type=click.IntRange(1, 100_000), default=10, show_default=True)
def give_plan(slug: str, key: str, seats: int) -> None:
    """Give the workspace SLUG the plan KEY (such as business) for nothing; KEY free takes the gift back."""
    from billing import accounts
    from config.plans import plans
    from core.db import database

    if key not in plans().plans:
        raise click.BadParameter(f"{key} is none of {', '.join(plans().plans)}", param_hint="KEY")
    with database().controlling() as control:
        account = accounts.locked(control, known(slug).id)
        account.given_plan, account.given_seats = (key, seats) if plans().of(key).prices else (None, 0)
        accounts.settle(database(), control, account)


@click.group(cls=AppGroup)
def payments() -> None:
    """Payments: what Stripe says, and what we made of it."""


@payments.command("events")
@click.option("--waiting", is_flag=True, help="Only those nothing was done about yet.")
@click.option("--most", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_events(waiting: bool, most: int, as_json: bool) -> None:
    """The newest events of Stripe."""
    from billing import events
    from core.db import database

    with database().controlling() as control:
        found = events.newest(control, most, waiting=waiting)
        rows = [
            {
                "id": one.id, "type": one.type, "customer": one.customer_id or "", "received": one.received_at,
                "handled": one.handled_at or "", "outcome": one.outcome,
            }
            for one in found
        ]  # fmt: skip
    show(rows, as_json)


@payments.command("replay")
@click.argument("event_id")
def replay_event(event_id: str) -> None:
    """Handle the stored event EVENT_ID once more."""
    from billing import events
    from core.db import database

    if not events.replay(database(), event_id):
        fail(f"there is no event {event_id}; see okno payments events")


@payments.command("notices")
@click.option("--most", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_notices(most: int, as_json: bool) -> None:
    """Disputes, refunds, and differences from Stripe that were mended, newest first."""
    from billing import accounts
    from core.db import database

    with database().controlling() as control:
        rows = [
            {"at": one.at, "kind": one.kind, "workspace": one.workspace_id or "", "said": one.said}
            for one in accounts.notices(control, most)
        ]
    show(rows, as_json)


@payments.command("reconcile")
def reconcile_payments() -> None:
    """Compare every workspace with Stripe now, and mend what differs here."""
    from rich.progress import Progress

    from billing import care
    from billing.gateway import gateway_of
    from core.db import database

    if settings().payments is None:
        fail("this installation has no payments; see OKNO_PAYMENTS")
    with Progress(transient=True) as progress:
        bar = progress.add_task("Comparing", total=None)
        found = care.reconcile(
            database(), gateway_of(settings()), lambda done, of: progress.update(bar, completed=done, total=of)
        )
    for said in found:
        click.echo(said)


@click.group("limits", cls=AppGroup)
def limits_group() -> None:
    """The limits of plans: what is counted, and whether rightly."""


@limits_group.command("check", with_appcontext=False)
def check_limits() -> None:
    """Compare every counter with the rows it counts, mend it, and say what was wrong; the clock does so each night."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    import crm.models  # noqa: F401 (declares what is counted)
    from core.db import database
    from tenants import counting

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("Workspaces", total=None)
        found = counting.check_all(database(), lambda done, all_: progress.update(bar, completed=done, total=all_))
    for one in found:
        click.echo(f"{one.workspace}: {one.name} was {one.was}, in truth {one.truth}; mended")


@limits_group.command("drift", with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_drift(as_json: bool) -> None:
    """Counters that were found wrong and mended, the newest first."""
    from core.db import database
    from tenants import counting

    with database().controlling() as control:
        show(counting.drifted(control), as_json)
