"""What the owners of a workspace are written about money: a trial that ends, a payment that failed, a plan that lapsed.

Each letter is asked for in the transaction that notes it in the account (`told`), so each comes once. A new trouble
begins with nothing told.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import force_locale, format_date
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import Account
from config.plans import plans
from core import letters, mail
from core.jobs import Place, job, later
from core.letters import Letter, here
from tenants.directory import locate_number
from tenants.models import Member, Role

TRIAL_ENDS = timedelta(days=3)


def tell(control: Session, account: Account, now: datetime) -> None:
    """Ask for the letters that are due and were not asked for yet."""
    due = letters_due(account, now)
    for name in due:
        if name not in account.told:
            later(control, "billing.letter", workspace_id=account.workspace_id, name=name, key=key_of(account, name))
    account.told = due


def letters_due(account: Account, now: datetime) -> list[str]:
    """The letters that the present state asks for, those told already among them. Those of a trouble that is over fall
    out, so that the next one begins anew."""
    if account.status == "trialing" and account.trial_end:
        near = account.trial_end - now <= TRIAL_ENDS and not account.card
        return [f"trial {account.trial_end:%Y-%m-%d}"] if near else []
    if account.unpaid_since is None:
        lapsed = any(name.startswith("lapsed") for name in account.told)
        return [f"restored {now:%Y-%m-%d}"] if lapsed and account.status == "active" else []
    late = now - account.unpaid_since
    due = [f"unpaid {day}" for day in plans().reminders if late >= timedelta(days=day)]
    # After an outage only the last of what was missed is written; the others count as told.
    missed = [name for name in due if name not in account.told]
    if len(missed) > 1:
        account.told = [*account.told, *missed[:-1]]
    return due + (["lapsed"] if late >= timedelta(days=plans().grace_days) else [])


def key_of(account: Account, name: str) -> str:
    """The same for the same letter, so that a repeat has the same Message-ID."""
    since = account.unpaid_since or account.trial_end or account.period_end
    return f"billing-{account.workspace_id}-{name.replace(' ', '-')}-{since:%Y%m%d}" if since else f"billing-{name}"


@job("billing.letter", mail.PAUSES)
def send(place: Place, workspace_id: int, name: str, key: str) -> None:
    """To every owner, in their language. Which one already has it is not known after a crash: the Message-ID is."""
    workspace = locate_number(place.database, workspace_id)
    if workspace is None:
        return
    with place.database.controlling() as control:
        account = control.get(Account, workspace_id)
    with place.database.workspace(workspace, reading=True) as session:
        owners = session.scalars(
            select(Member).join(Role).where(Role.key == "owner", Member.state == "active", Member.deleted_at.is_(None))
        ).all()
    for owner in owners if account else ():
        with force_locale(owner.language):
            letter = written(name, account, workspace.name, f"{here().url}/{workspace.slug}/settings/plan", owner)
            letters.send(letter, owner.email, f"{key}-{owner.id.hex}")


def written(name: str, account: Account | None, business: str, url: str, owner: Member) -> Letter:
    def day(moment: datetime | None) -> str:
        return str(format_date(moment.astimezone(ZoneInfo(owner.time_zone)), "long", rebase=False)) if moment else ""

    plan = plans().of(account.plan if account else "").name
    end_of_trial = day(account.trial_end if account else None)
    kind = name.partition(" ")[0]
    if kind == "trial":
        return Letter(
            _("Your trial of Okno %(plan)s ends soon", plan=plan),
            (
                _("The trial of %(business)s ends on %(day)s.", business=business, day=end_of_trial),
                _("Add a card and everything goes on. Without one you are on the free plan again: nothing is lost, "
                  "and everything that is there can be read, edited and exported."),
            ),
            _("Add a card"),
            url,
        )  # fmt: skip
    if kind == "unpaid":
        end = account.unpaid_since + timedelta(days=plans().grace_days) if account and account.unpaid_since else None
        return Letter(
            _("The payment for Okno did not go through"),
            (
                _("The bank did not pay for the plan %(plan)s of %(business)s.", plan=plan, business=business),
                _("It is tried again in some days. Until %(day)s nothing changes for you.", day=day(end)),
            ),
            _("Look at the card"),
            url,
        )
    if kind == "lapsed":
        return Letter(
            _("%(business)s is on the limits of the free plan", business=business),
            (
                _("The plan %(plan)s was not paid for.", plan=plan),
                _("Nothing is lost: everything can be read, edited and exported, and everybody can log in. Only adding "
                  "waits. When the payment comes, all is as before."),
            ),
            _("Pay now"),
            url,
        )  # fmt: skip
    return Letter(
        _("Thank you: everything is as before"),
        (_("The payment came, and %(business)s has the plan %(plan)s again.", business=business, plan=plan),),
        _("See the plan"),
        url,
    )
