"""The care of money by the clock: by the hour the letters and limits that time brings, by night a comparison."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from billing import accounts
from billing.errors import NoAnswer
from billing.gateway import BillingGateway, gateway_of
from billing.models import Account, StripeEvent
from core import mail
from core.db import Database, Workspace
from core.jobs import Place, job
from core.letters import here
from tenants.directory import catalogue, on_its_own
from tenants.erasure import ERASERS
from tenants.models import WorkspaceRow

log = logging.getLogger(__name__)

Say = Callable[[int, int], None]
COMPARED = ("subscription_id", "status", "plan", "period", "seats", "addons", "period_end", "cancel_at", "unpaid_since")


@job("billing.hourly")
def hourly(place: Place) -> None:
    """Letters of a trial that ends or money that is missing, and the end of its grace, need no event to come about."""
    config = here()
    if config.payments is None:
        return
    with place.database.controlling() as control:
        timely = select(Account.workspace_id).where(
            Account.unpaid_since.is_not(None) | Account.trial_end.is_not(None) | (func.cardinality(Account.told) > 0)
        )
        workspace_ids = list(control.scalars(timely))
    for workspace_id in workspace_ids:
        with place.database.controlling() as control:
            account = accounts.locked(control, workspace_id)
            if account.now is not None:  # a test clock has moved since it was last looked at
                with suppress(NoAnswer):
                    accounts.refresh(control, gateway_of(config), account)
            accounts.settle(place.database, control, account)


@job("billing.follow", mail.PAUSES)
def follow(place: Place, workspace_id: int) -> None:
    """A workspace was closed, so what it pays for ends at once; or it was brought back, and Stripe is asked."""
    config = here()
    if config.payments is None:
        return
    with place.database.controlling() as control:
        row = control.get(WorkspaceRow, workspace_id)
        account = control.get(Account, workspace_id)
    if row is not None and account is not None:
        compare(place.database, gateway_of(config), workspace_id, closed=row.state != "open")


def forget(base: Database, workspace: Workspace) -> int:
    """The events of Stripe about a workspace that is erased; its account goes with the catalogue. What the law wants
    kept of money, Stripe keeps."""
    with base.controlling() as control:
        mine = select(Account.customer_id).where(Account.workspace_id == workspace.id)
        gone = control.execute(delete(StripeEvent).where(StripeEvent.customer_id.in_(mine)).returning(StripeEvent.id))
        return len(gone.all())


ERASERS["events of Stripe"] = forget


@job("billing.reconcile", queue="bulk")
def nightly(place: Place) -> None:
    config = here()
    if config.payments is not None:
        reconcile(place.database, gateway_of(config))
    give_room_everywhere(place.database)


def give_room_everywhere(base: Database) -> None:
    """Limits as plans.toml says today, for whoever has no account too."""
    with base.controlling() as control:
        rows = [row for row in catalogue(control) if row.state == "open"]
    for row in rows:
        with on_its_own(row):
            accounts.give_room(base, row)


def reconcile(base: Database, gateway: BillingGateway, say: Say = lambda _done, _of: None) -> list[str]:
    """Compare every account with Stripe, mend ours, and note each difference for the operator. Returns what was found.

    A workspace that is closed pays for nothing: what it still subscribes to is ended. `say` hears of the progress.
    """
    with base.controlling() as control:
        known = dict(control.execute(select(Account.customer_id, Account.workspace_id)).tuples().all())
        states = dict(control.execute(select(WorkspaceRow.id, WorkspaceRow.state)).tuples().all())
    mine = [(customer, workspace) for customer, workspace in known.items() if customer]
    found: list[str] = []
    for number, (_customer, workspace_id) in enumerate(mine, 1):
        try:
            found += compare(base, gateway, workspace_id, closed=states.get(workspace_id) != "open")
        except NoAnswer:
            log.warning("Stripe does not answer; the rest is compared next night")
            return found
        say(number, len(mine))
    for customer in sorted({*gateway.customers_with_subscriptions()} - known.keys()):
        said = f"{customer} subscribes at Stripe and is of no workspace here"
        with base.controlling() as control:
            accounts.note(control, f"unknown {customer}", None, "unknown customer", said)
        found.append(said)
    return found


def compare(base: Database, gateway: BillingGateway, workspace_id: int, *, closed: bool) -> list[str]:
    with base.controlling() as control:
        account = accounts.locked(control, workspace_id)
        before = {name: getattr(account, name) for name in COMPARED}
        accounts.refresh(control, gateway, account)
        if closed and account.subscription_id and account.status in (*accounts.PAID_FOR, *accounts.LATE):
            gateway.end_now(account.subscription_id, key=f"closed {account.subscription_id}")
            accounts.refresh(control, gateway, account)
        differences = [
            f"workspace {workspace_id}: {name} was {before[name]!r}, at Stripe {getattr(account, name)!r}"
            for name in COMPARED
            if before[name] != getattr(account, name)
        ]
        if not closed:
            accounts.settle(base, control, account)
        for said in differences:
            log.warning("payments: %s", said)
            accounts.note(control, f"{datetime.now(UTC):%Y-%m-%d} {said}", workspace_id, "difference", said)
    return differences
