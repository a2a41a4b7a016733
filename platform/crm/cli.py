"""`okno`: the command line of the installed product. Each command explains itself with --help.

It finds the embedded servers of a running `make run` by OKNO_HOME, or those that DATABASE_URL and REDIS_URL name.
Exit codes: 0 done, 1 refused or failed (one line on standard error), 2 wrong use.
"""

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
from flask.cli import FlaskGroup

from config.settings import SettingsError, settings
from crm.backups.commands import backup, backups
from crm.plan.commands import limits_group, payments, plan
from crm.processes.commands import process
from crm.setups.commands import setup
from crm.terminal import fail, known, show
from crm.work_cli import jobs
from crm.work_cli import status as work_status

if TYPE_CHECKING:
    from flask import Flask
    from redis import Redis

    from tenants.models import Person


class Commands(FlaskGroup):
    """The group, which turns what the house refuses into one line and exit code 1."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except Exception as error:
            line = told(error)
            if line is None:
                raise
            fail(line)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All there are: the application adds none, and need not be loaded for --help."""
        return sorted(self.commands)


def told(error: Exception) -> str | None:
    """What was refused in one line; None for what nobody meant to happen."""
    from sqlalchemy.exc import OperationalError

    from core.errors import Invalid, Refusal

    match error:
        case Invalid():
            return "; ".join(f"{name}: {message}" if name else str(message) for name, message in error.fields)
        case Refusal():
            return f"{error.title}. {error.detail}"
        case SettingsError() | ValueError():
            return str(error)
        case OperationalError():
            return f"the database does not answer: {str(error.orig).strip().splitlines()[0]}"
    return None


def application() -> "Flask":
    from crm.app import create_app

    return create_app()


cli = Commands(
    name="okno",
    create_app=application,
    add_default_commands=False,
    add_version_option=False,
    set_debug_flag=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (plan, payments, limits_group, backup, backups, process, setup, jobs, work_status):
    cli.add_command(command)
cli.params.clear()  # Flask's own --app, --debug and --env-file


def main() -> None:
    """The console script."""
    cli(prog_name="okno")


# Required, so that whoever types the command knows what it waits for.
password_from_input = click.option(
    "--password-stdin", is_flag=True, required=True, expose_value=False, help="Read the password from standard input."
)


def secret_from_input() -> str:
    """One line of standard input, so that no secret stands in the list of processes."""
    value = sys.stdin.readline().rstrip("\r\n")
    if not value:
        raise click.UsageError("give the password as one line on standard input")
    return value


@cli.group()
def db() -> None:
    """The database: shape and state."""


@db.command(with_appcontext=False)
@click.option("--pool", default=20, show_default=True, help="How many workspaces wait ready for a sign-up.")
def upgrade(pool: int) -> None:
    """Bring the shared tables and every workspace to this release."""
    from crm.models import METADATA
    from migrations import runner

    here = settings()
    urls = runner.Urls(here.database_url, here.workspace_database_url, here.control_database_url)
    report = runner.upgrade(urls, METADATA, pool=pool, say=click.echo)
    if report.failed:
        fail(f"{report.failed} workspaces were not upgraded; see okno db status, mend and run this again")


@db.command(with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def status(as_json: bool) -> None:
    """How many workspaces stand at which version, and what failed."""
    from sqlalchemy import text

    from core.db import database

    with database().controlling() as control:
        rows = control.execute(
            text("""
            select version, state, count(*) as workspaces, count(migration_error) as failed,
                max(migration_error) as error
            from control.workspace group by version, state order by version, state
            """)
        ).mappings()
        show([dict(row) for row in rows], as_json)


class Industry(click.ParamType[str]):
    """The key of a ready-made workspace."""

    name = "key"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from crm.industries import industries

        if value not in industries():
            self.fail(f"{value} is none of {', '.join(industries())}", param, ctx)
        return value


@cli.group()
def workspace() -> None:
    """Workspaces: one for each business."""


@workspace.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_workspaces(as_json: bool) -> None:
    """Every workspace in use."""
    from core.db import database
    from tenants.directory import catalogue

    with database().controlling() as control:
        rows = [
            {"slug": row.slug, "name": row.name, "state": row.state, "schema": row.schema_name, "since": row.taken_at}
            for row in catalogue(control)
        ]
    show(rows, as_json)


@workspace.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="The business's name.")
@click.option("--owner", required=True, metavar="EMAIL", help="Who owns it; made where there is no such account yet.")
@password_from_input
@click.option("--industry", type=Industry(), default="general", show_default=True)
@click.option("--language", type=click.Choice(["en", "cs"]), default="en", show_default=True)
@click.option("--time-zone", default="Europe/Prague", show_default=True)
def create_workspace(slug: str, name: str, owner: str, industry: str, language: str, time_zone: str) -> None:
    """Open the workspace SLUG for a business and print its address."""
    from crm.accounts import opening

    given = {"business": name, "slug": slug, "industry": industry, "name": owner.partition("@")[0], "email": owner}
    password = secret_from_input()
    data = opening.read_sign_up({**given, "language": language, "time_zone": time_zone}, password)
    person = enrolled(data.email, data.name, password, language, time_zone)
    click.echo(f"{settings().url}/{opening.open_for(person, data).slug}/")


def typed_again(slug: str, what: str) -> None:
    """A person must write the address once more."""
    if click.prompt(f"{what} Write its address to go on", err=True).strip() != slug:
        fail("that is not the address; nothing has happened")


def in_state(slug: str, *states: str) -> Any:
    from sqlalchemy import select

    from core.db import database
    from tenants.models import WorkspaceRow

    with database().controlling() as control:
        row = control.scalar(select(WorkspaceRow).where(WorkspaceRow.slug == slug, WorkspaceRow.state.in_(states)))
    if row is None:
        fail(f"there is no workspace {slug} that is {' or '.join(states)}; see okno workspace list")
    return row


@workspace.command("close")
@click.argument("slug")
def close_workspace(slug: str) -> None:
    """Close the workspace SLUG: nobody works in it, its owners can bring it back for 30 days, then it is erased."""
    from core.db import database
    from tenants import closing

    row = in_state(slug, "open")
    typed_again(slug, f"{row.name} will be closed for everybody.")
    with database().controlling() as control:
        closing.begin(control, row.id, "Okno")


@workspace.command("reopen")
@click.argument("slug")
def reopen_workspace(slug: str) -> None:
    """Bring the closed workspace SLUG back as it was."""
    from core.db import database
    from tenants import closing

    with database().controlling() as control:
        closing.bring_back(control, in_state(slug, "closing").id)


@workspace.command("erase")
@click.argument("slug")
@click.option("--now", is_flag=True, required=True, expose_value=False, help="Do not wait for the 30 days to end.")
def erase_workspace(slug: str) -> None:
    """Erase the closed workspace SLUG and everything in it at once. Prints the certificate's number."""
    from sqlalchemy import select

    import crm.features  # noqa: F401 (declares what each room erases)
    from core.db import database
    from tenants import erasure
    from tenants.models import Certificate, WorkspaceRow

    row = in_state(slug, "closing", "erasing")
    if row.state == "closing":
        typed_again(slug, f"{row.name} will be erased with everything in it. Nobody can undo that.")
        with database().controlling() as control:
            control.get_one(WorkspaceRow, row.id, with_for_update=True).state = "erasing"
    erasure.erase(database(), row.id)
    with database().controlling() as control:
        click.echo(control.scalar(select(Certificate.id).where(Certificate.workspace_id == row.id)))


@cli.group()
def member() -> None:
    """Members: who works in a workspace."""


@member.command("add")
@click.argument("slug")
@click.argument("email")
@click.option("--role", required=True, help="What the member may do: owner, admin, head, sales, field, reader.")
@click.option("--name", default="", help="The member's name; what stands before the @, when left out.")
@password_from_input
def add_member(slug: str, email: str, role: str, name: str) -> None:
    """Let EMAIL into the workspace SLUG. An account that is there keeps its own password."""
    from core.access import ROLES
    from core.db import database
    from core.limits import check_room
    from core.people import checked_email
    from tenants import members

    if role not in ROLES:
        raise click.BadParameter(f"{role} is none of {', '.join(ROLES)}", param_hint="--role")
    place, address = known(slug), checked_email(email).lower()
    with database().workspace(place, reading=True) as session:
        check_room(session, "users")
    said = name or address.partition("@")[0]
    person = enrolled(address, said, secret_from_input(), place.language, place.time_zone)
    with database().workspace(place) as session, session.begin():
        if members.of_identity(session, person.id):
            fail(f"{address} is a member of {slug} already")
        members.join(session, person.id, person.name, person.email, role, place.language, place.time_zone)
    with database().controlling() as control:
        members.enter_directory(control, person.id, place.id)


def enrolled(email: str, name: str, password: str, language: str, time_zone: str) -> "Person":
    from core.db import database
    from tenants import identities

    with database().controlling() as control:
        return identities.enrol(
            control, email=email, name=name, password=password, language=language, time_zone=time_zone
        )


@cli.group()
def token() -> None:
    """Tokens: keys to the API."""


@token.command("create")
@click.argument("slug")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
def create_token(slug: str, email: str, name: str) -> None:
    """Make a token of the member EMAIL in the workspace SLUG and print it alone."""
    from core.db import database
    from tenants import members, tokens

    with members.acting_email(database(), known(slug), email, "cli") as actor:
        click.echo(tokens.create(actor, tokens.create.parse({"name": name}))[1])


@cli.group()
def access() -> None:
    """Rights: who may do what, and why."""


@access.command("explain")
@click.argument("slug")
@click.argument("email")
@click.argument("right")
@click.argument("record_id", required=False, type=click.UUID)
def explain_access(slug: str, email: str, right: str, record_id: UUID | None) -> None:
    """Why the member EMAIL may or may not use the RIGHT, such as deal.edit, on the record RECORD_ID.

    Exit code 0 when they may, 1 when they may not.
    """
    from core.access import VERBS
    from core.db import database
    from tenants import explain, members
    from tenants.models import Member

    kind, _dot, verb = right.partition(".")
    if verb not in VERBS.get(kind, ()):
        known_rights = ", ".join(f"{kind}.{verb}" for kind, verbs in VERBS.items() for verb in verbs)
        raise click.BadParameter(f"{right} is none of {known_rights}", param_hint="RIGHT")
    with database().workspace(known(slug), reading=True) as session:
        member = session.query(Member).filter(Member.email == email.strip().lower()).first()
        owner = session.query(Member).filter(Member.role.has(key="owner"), Member.state == "active").first()
    if member is None or owner is None:
        fail(f"{email} is no member of {slug}; see the people of the workspace")
    with members.acting_member(database(), known(slug), owner.id, "cli") as actor:
        answer = explain.explain(actor, member.id, kind, verb, record_id)
    for reason in answer.reasons:
        click.echo(reason)
    sys.exit(0 if answer.allowed else 1)


@cli.command("demo")
@click.argument("slug")
@click.option("--contacts", type=click.IntRange(0, 5_000_000), default=400, show_default=True)
@click.option("--deals", type=click.IntRange(0, 1_000_000), default=120, show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same people.")
@click.option(
    "--language", type=click.Choice(["en", "cs"]), default="cs", show_default=True, help="Of a new workspace."
)
def fill_with_demo(slug: str, contacts: int, deals: int, seed: int, language: str) -> None:
    """Put realistic people, companies, deals, tasks, notes and calls into the workspace SLUG; or, as `okno demo
    windows`, open a workspace in which a windows shop has worked for ninety days, and print who can log in.

    What is there stays, and each run adds other people. Stopped with Ctrl-C, what is stored by then stays.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from core.db import database
    from crm import demo
    from tenants.directory import locate

    if slug == "windows" and locate(database(), slug) is None:
        build_demo_shop(language, seed)
        return
    workspace = known(slug)
    demo.check_room(database(), workspace, contacts)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("Contacts and deals", total=contacts + deals)
        try:
            made = demo.fill(
                database(),
                workspace,
                contacts=contacts,
                deals=deals,
                seed=seed,
                advance=lambda stored: progress.advance(bar, stored),
            )
        except KeyboardInterrupt:
            progress.stop()
            fail(f"stopped; {progress.tasks[0].completed:,.0f} contacts and deals are stored")
    click.echo(
        f"{made['contact']:,} contacts, {made['company']:,} companies, {made['deal']:,} deals, {made['task']:,} tasks, "
        f"{made['note']:,} notes and calls"
    )


def build_demo_shop(language: str, seed: int) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from core.db import database
    from crm import demo_shop

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} days"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("Ninety days of work", total=demo_shop.DAYS)
        made = demo_shop.build(database(), language, seed, lambda days: progress.advance(bar, days))
    click.echo(f"{settings().url}/{made.workspace.slug}/")
    for name, does, email in made.people:
        click.echo(f"{name:<18} {does:<20} {email}")
    click.echo(f"Everybody's password: {made.password}")


def until_stopped() -> Callable[[], bool]:
    """A question that turns true at SIGTERM or Ctrl-C."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return lambda: bool(asked)


@cli.command()
def relay() -> None:
    """Hand work from the outbox to the workers and ring the open pages, until stopped."""
    import crm.features  # noqa: F401 (declares who hears of events)
    from core import outbox
    from core.db import database

    outbox.relay(database(), redis_for_work(), until_stopped())


@cli.group("mail")
def mail_group() -> None:
    """Mail that we sent."""


@mail_group.command()
def bounced() -> None:
    """Read a returned mail on standard input, as the mail server hands it over for OKNO_BOUNCES_TO. Where it came back
    for good, mail to that member stops until they have a new address or somebody tries again. Exit code 75 asks the
    mail server to come again later."""
    from sqlalchemy.exc import OperationalError

    import crm.features  # noqa: F401 (declares every table before the first query)
    from core.db import database
    from crm.notifications import bounces

    try:
        click.echo(bounces.take(settings(), database(), sys.stdin.buffer.read()))
    except OperationalError as error:
        click.echo(f"okno: {told(error)}", err=True)
        sys.exit(75)


@mail_group.command()
def stray() -> None:
    """List what lies in the mailbox of replies and belongs to no thread, the newest first."""
    from sqlalchemy import select

    import crm.features  # noqa: F401 (declares every table before the first query)
    from core.db import database
    from crm.mails.models import StrayMail

    with database().controlling() as control:
        for one in control.scalars(select(StrayMail).order_by(StrayMail.at.desc()).limit(1000)):
            click.echo(f"{one.at:%Y-%m-%d %H:%M}  UID {one.uid} in {one.mailbox}: {one.why}")


@cli.command("clock")
def tick() -> None:
    """Ask for periodic work when its time comes, until stopped. Two clocks at once do no harm."""
    from config.cron import TASKS
    from core import clock
    from core.db import database

    clock.run(database(), TASKS, until_stopped())


@cli.command()
@click.argument("queues", nargs=-1, type=click.Choice(["urgent", "default", "bulk"]))
@click.option("--burst", is_flag=True, help="Stop when no work is left.")
def worker(queues: tuple[str, ...], burst: bool) -> None:
    """Do the work of these QUEUES, or of all, one job at a time, in children of its own.

    At least one worker leaves out bulk, so that what takes long keeps nobody waiting.
    """
    from core import outbox
    from core import worker as work

    memory = settings().worker_memory * 1024 * 1024
    work.work(list(queues or outbox.QUEUES), redis_for_work(), memory, burst=burst)


def redis_for_work() -> "Redis":
    from redis import Redis

    return Redis.from_url(settings().redis_url, socket_connect_timeout=2, health_check_interval=10)
