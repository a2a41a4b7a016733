"""What each workspace pays for, as Stripe last said, and the plan it therefore has.

Nothing here is ever patched from what an event carries: whoever has reason to believe that something changed calls
`sync`, which asks Stripe while it holds the account, so that a later answer never gives way to an earlier one. Events
may come twice, late or in any order; the end is always what Stripe says.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import letters
from billing.gateway import BillingGateway
from billing.models import Account, Notice
from billing.subscriptions import Snapshot, Subscription
from config.plans import LIMITS, Backups, Plan, plans
from config.settings import settings
from core import limits
from core.db import Database
from tenants.directory import as_workspace, directory
from tenants.models import WorkspaceRow

PAID_FOR = ("active", "trialing")
LATE = ("past_due", "unpaid")


@dataclass(frozen=True)
class Standing:
    """What a workspace may use, and until when if money is missing."""

    plan: Plan
    seats: int
    until: datetime | None = None


def sync(base: Database, gateway: BillingGateway, workspace_id: int) -> Account:
    """Ask Stripe, keep its answer, give the workspace its plan. Raises NoAnswer."""
    with base.controlling() as control:
        account = locked(control, workspace_id)
        refresh(control, gateway, account)
        settle(base, control, account)
    return account


def locked(control: Session, workspace_id: int) -> Account:
    """The workspace's account, made where it has none, and held until the transaction ends."""
    control.execute(insert(Account).values(workspace_id=workspace_id).on_conflict_do_nothing())
    return control.scalars(
        select(Account)
        .where(Account.workspace_id == workspace_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def refresh(control: Session, gateway: BillingGateway, account: Account) -> None:
    """Ask Stripe about a customer that we hold. One that was made by the other kind of keys is nobody to these."""
    if account.customer_id is None or account.live != gateway.live:
        return
    found = gateway.fetch(account.customer_id)
    store(account, found, control.scalar(select(func.now())) or datetime.now(UTC))
    for further in found.further:
        note(
            control, f"two {further}", account.workspace_id, "two subscriptions",
            f"{further} lives beside {account.subscription_id}: cancel and refund one of them at Stripe",
        )  # fmt: skip


def store(account: Account, found: Snapshot, at: datetime) -> None:
    """Keep what Stripe says."""
    if found.gone:
        account.customer_id = None
    for name, value in said(found.subscription).items():
        setattr(account, name, value)
    account.now, account.fetched_at = found.now, at


def said(subscription: Subscription | None) -> dict[str, object]:
    """The columns of an account that a subscription fills."""
    if subscription is None:
        return {
            "subscription_id": None, "status": "", "plan": "", "period": "", "seats": 0, "addons": [],
            "period_end": None, "cancel_at": None, "trial_end": None, "unpaid_since": None, "card": "", "discount": "",
        }  # fmt: skip
    wanted = subscription.wanted
    return {
        "subscription_id": subscription.id, "status": subscription.status, "plan": wanted.plan,
        "period": wanted.period, "currency": wanted.currency, "seats": wanted.seats, "addons": sorted(wanted.addons),
        "period_end": subscription.period_end, "cancel_at": subscription.cancel_at,
        "trial_end": subscription.trial_end, "unpaid_since": subscription.unpaid_since, "card": subscription.card,
        "discount": subscription.discount,
    }  # fmt: skip


def settle(base: Database, control: Session, account: Account) -> None:
    """Give the workspace the plan it has a right to now, and write to its owners where something changed for them."""
    now = time_of(control, account)
    letters.tell(control, account, now)
    row = control.scalars(select(WorkspaceRow).where(WorkspaceRow.id == account.workspace_id).with_for_update()).one()
    standing = standing_of(account, now)
    row.plan, row.seats = standing.plan.key, standing.seats
    control.flush()
    give_room(base, row)


def give_room(base: Database, row: WorkspaceRow) -> None:
    """Let as much fit into the workspace as its plan says."""
    plan = plans().of(row.plan)
    paying = settings().payments is not None
    caps = {name: plan.cap(name, row.seats) if paying else None for name in LIMITS}
    with base.workspace(as_workspace(row)) as session, session.begin():
        limits.set_caps(session, caps)
    directory.forget()


def standing_of(account: Account, now: datetime) -> Standing:
    """The best of what was given and what is paid for. Whoever is late with money keeps the plan for some days."""
    known = plans()
    best = Standing(known.free, 0)
    if account.given_plan:
        best = better(best, Standing(known.of(account.given_plan), account.given_seats))
    if account.status in PAID_FOR:
        best = better(best, Standing(known.of(account.plan), account.seats))
    elif account.status in LATE and now < grace_end(account):
        best = better(best, Standing(known.of(account.plan), account.seats, grace_end(account)))
    return best


def better(one: Standing, other: Standing) -> Standing:
    order = list(plans().plans)
    return max(one, other, key=lambda standing: (order.index(standing.plan.key), standing.seats))


def grace_end(account: Account) -> datetime:
    since = account.unpaid_since or account.period_end or datetime.now(UTC)
    return since + timedelta(days=plans().grace_days)


def backups_of(account: Account, now: datetime) -> Backups:
    """How often the workspace is backed up and for how many days that is kept."""
    standing = standing_of(account, now)
    kept = [plans().addons[key].backups.days for key in account.addons if key in plans().addons]
    paid = bool(standing.plan.prices)
    return Backups(standing.plan.backups.every, max([standing.plan.backups.days, *(kept if paid else [])]))


def time_of(control: Session, account: Account) -> datetime:
    """Now, for this account: a test clock's time where the customer lives by one."""
    return account.now or control.scalar(select(func.now())) or datetime.now(UTC)


def note(control: Session, key: str, workspace_id: int | None, kind: str, said: str) -> None:
    """Something for the operator to look at, noted once by its key."""
    control.execute(
        insert(Notice).values(key=key, workspace_id=workspace_id, kind=kind, said=said).on_conflict_do_nothing()
    )


def notices(control: Session, most: int) -> list[Notice]:
    """What the operator should look at, newest first."""
    return list(control.scalars(select(Notice).order_by(Notice.id.desc()).limit(most)))
