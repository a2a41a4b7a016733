"""A workspace's plan: what is in use, what there is to be had, what it costs, and the bills."""

from datetime import datetime
from typing import Any

from flask import flash, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from billing import accounts, buying
from billing.errors import CardRefused, CustomerGone, NoAnswer, NotSetUp
from billing.models import Account
from config.plans import CURRENCIES, PERIODS, Limit, Plan, plans
from core import limits
from core.actor import Actor
from core.db import database
from core.errors import Busy, Invalid, Refusal
from core.ids import new_id
from core.limits import InUse
from core.pages import Answer, Pages, came_from, form_values, in_czech, refused, render, see, url_with, zone_of
from crm.accounts.again import when_fresh
from crm.plan import words

pages = Pages("plan", __name__)

SHOWN: tuple[Limit, ...] = ("contacts", "users", "storage", "mails", "api_calls")


@pages.get("/settings/plan")
def index(actor: Actor) -> Answer:
    account = buying.present(actor)
    period = request.args.get("period", "")
    used = in_use(actor)
    values = shown(actor, account)
    return render(
        actor,
        "plan/index.html",
        full=full(values["standing"].plan, used),
        period=period if period in PERIODS else account.period or "year",
        seats=wanted_seats(account, used),
        chosen=request.args.get("plan", ""),
        to=came_from(""),
        limits=[used[name] for name in SHOWN],
        addons=plans().addons.values(),
        **values,
    )


@pages.get("/settings/plan/review")
def review(actor: Actor) -> Answer:
    """What was chosen and what it will cost, before anything is done."""
    actor.require(("billing", "edit"))
    return show_review(actor, {**form_values(request.args, "addons"), "next": came_from("")})


def show_review(actor: Actor, typed: dict[str, Any], refusal: Refusal | None = None) -> Answer:
    """The review of a choice; with what stood in the way of it, if something did."""
    named = ("plan", "period", "seats", "addons")
    try:
        choice = buying.Choice.model_validate({name: typed[name] for name in named if name in typed})
    except ValueError:
        return see(url_for("plan.index"))
    account, used = buying.present(actor), in_use(actor)
    values = shown(actor, account)
    plan = plans().of(choice.plan)
    cost, same = None, False
    if buying.is_living(account):
        try:
            cost, now = buying.preview(actor, choice)
            same = now == buying.wanted_of(actor, account, choice)
        except (NoAnswer, NotSetUp, CustomerGone, Busy) as error:
            refusal = refusal or error
    price = plan.price(choice.period, values["currency"])
    beside = [plans().addons[key].prices[choice.period][values["currency"]] for key in choice.addons]
    counts = {name: one.value for name, one in used.items()}
    page = render(
        actor,
        "plan/review.html",
        plan=plan,
        choice=choice,
        cost=cost,
        same=same,
        price=price,
        total=price * choice.seats + sum(beside),
        losses=words.losses(values["standing"].plan, plan, choice.seats, counts),
        next=typed.get("next", ""),
        order=new_id(),
        refusal=refusal,
        living=buying.is_living(account),
        may_try=account.tried_at is None and account.subscription_id is None,
        trial_days=plans().trial_days,
        **values,
    )
    return page if refusal is None else (page, refusal.status)


@pages.post("/settings/plan/buy")
def buy(actor: Actor) -> Answer:
    values = form_values(request.form, "addons")
    try:
        return leave(actor, buying.checkout(actor, buying.checkout.parse(values)))
    except (NoAnswer, NotSetUp, CustomerGone, Busy) as refusal:
        return show_review(actor, values, refusal)


@pages.post("/settings/plan/try")
def begin_trial(actor: Actor) -> Answer:
    values = form_values(request.form, "addons")
    try:
        account = buying.begin_trial(actor, buying.begin_trial.parse(values))
    except (NoAnswer, NotSetUp, CustomerGone, Busy) as refusal:
        return show_review(actor, values, refusal)
    plan, day = plans().of(account.plan).name, day_of(actor, account.trial_end)
    flash(_("You have %(plan)s until %(day)s", plan=plan, day=day))
    return see(came_from(url_for("plan.index")))


@pages.post("/settings/plan/change")
@when_fresh
def change(actor: Actor) -> Answer:
    """A bank that asks for its customer gets them: on a page of the payment service, with the same change."""
    values = form_values(request.form, "addons")
    data = buying.change.parse({name: value for name, value in values.items() if name != "next"})
    try:
        account = buying.change(actor, data)
    except CardRefused as refusal:
        if refusal.confirm:
            return leave(actor, buying.confirm_page(actor, data))
        return show_review(actor, values, refusal)
    except (NoAnswer, NotSetUp, CustomerGone, Busy) as refusal:
        return show_review(actor, values, refusal)
    flash(_("You have %(plan)s for %(seats)s now", plan=plans().of(account.plan).name, seats=account.seats))
    return see(came_from(url_for("plan.index")))


@pages.get("/settings/plan/ending")
def ending(actor: Actor) -> Answer:
    """What ending the plan will change, before it is ended."""
    actor.require(("billing", "edit"))
    account = buying.present(actor)
    if not buying.is_living(account):
        return see(url_for("plan.index"))
    values = shown(actor, account)
    counts = {name: one.value for name, one in in_use(actor).items()}
    losses = words.losses(values["standing"].plan, plans().free, 0, counts)
    return render(actor, "plan/ending.html", losses=losses, ends=account.trial_end or account.period_end, **values)


@pages.post("/settings/plan/end")
@when_fresh
def end(actor: Actor) -> Answer:
    account = buying.end(actor, buying.end.parse(form_values(request.form)))
    flash(_("The plan ends on %(day)s", day=day_of(actor, account.cancel_at)))
    return see(url_for("plan.index"))


@pages.post("/settings/plan/go-on")
def go_on(actor: Actor) -> Answer:
    buying.go_on(actor, buying.go_on.parse(form_values(request.form)))
    flash(_("The plan goes on"))
    return see(url_for("plan.index"))


@pages.post("/settings/plan/card")
@when_fresh
def card(actor: Actor) -> Answer:
    return leave(actor, buying.card_page(actor, buying.CardPage(next=came_from(""))))


@pages.post("/settings/plan/portal")
@when_fresh
def portal(actor: Actor) -> Answer:
    return leave(actor, buying.portal(actor, buying.CardPage(next=came_from(""))))


@pages.get("/settings/plan/done")
def done(actor: Actor) -> Answer:
    """Back from the payment service. Its answer is asked for now; when there is none, the page asks again by itself."""
    to = came_from(url_for("plan.index"))
    try:
        account = buying.returned(actor)
    except (NoAnswer, NotSetUp) as refusal:
        return render(actor, "plan/waiting.html", refusal=refusal, here=url_with())
    if "session" in request.args and buying.is_living(account):
        flash(_("Thank you. You have %(plan)s now", plan=plans().of(account.plan).name))
    return see(to)


@pages.get("/settings/plan/invoices")
def invoices(actor: Actor) -> Answer:
    account = buying.present(actor)
    bills, refusal = [], None
    if account.customer_id:
        try:
            bills = buying.gateway().bills(account.customer_id)
        except (NoAnswer, NotSetUp, CustomerGone) as error:
            refusal = error
    return render(actor, "plan/invoices.html", bills=bills, refusal=refusal, date=lambda moment: day_of(actor, moment))


@pages.get("/settings/plan/tax-number")
def tax_number(actor: Actor) -> Answer:
    actor.require(("billing", "edit"))
    account, number, refusal = buying.present(actor), "", None
    if account.customer_id:
        try:
            number = next(iter(buying.gateway().tax_ids(account.customer_id)), "")
        except (NoAnswer, NotSetUp, CustomerGone) as error:
            refusal = error
    return render(actor, "plan/tax_number.html", number=number, order=new_id(), errors={}, refusal=refusal)


@pages.post("/settings/plan/tax-number")
def set_tax_number(actor: Actor) -> Answer:
    values = form_values(request.form)
    try:
        buying.set_tax_number(actor, buying.set_tax_number.parse(values))
    except Invalid as error:
        typed = {"number": values.get("number", ""), "order": new_id(), "refusal": None}
        return refused(actor, "plan/tax_number.html", error, **typed)
    except (NoAnswer, NotSetUp, CustomerGone) as refusal:
        page = render(actor, "plan/tax_number.html", **values, errors={}, refusal=refusal)
        return page, refusal.status
    flash(_("Saved"))
    return see(url_for("plan.index"))


def leave(actor: Actor, url: str) -> Answer:
    """Go on to the payment service: by a page of ours, since forms may lead nowhere else."""
    return render(actor, "plan/leaving.html", url=url)


def shown(actor: Actor, account: Account) -> dict[str, Any]:
    """What every page about the plan needs."""
    with database().controlling() as control:
        now = accounts.time_of(control, account)
    known = account.currency or actor.workspace.currency
    return {
        "account": account,
        "standing": accounts.standing_of(account, now),
        "plans": plans(),
        "words": words,
        "currency": known if known in CURRENCIES else "EUR",
        "date": lambda moment: day_of(actor, moment),
        "new_order": new_id,
        "period_url": lambda period: url_with(period=period),
        "grace_end": accounts.grace_end(account) if account.unpaid_since else None,
    }


def in_use(actor: Actor) -> dict[Limit, InUse]:
    return {one.name: one for one in limits.usage(actor)}


def full(plan: Plan, used: dict[Limit, InUse]) -> list[InUse]:
    """The limits that keep people from adding. That all paid seats are taken is as it should be."""
    watched: tuple[Limit, ...] = ("contacts", "storage") if plan.prices else ("contacts", "storage", "users")
    return [used[name] for name in watched if used[name].room == 0]


def wanted_seats(account: Account, used: dict[Limit, InUse]) -> int:
    """As typed, else as many as are paid for, else one for each who works here."""
    typed = request.args.get("seats", "")
    if typed.isascii() and typed.isdigit() and 1 <= int(typed[:6]) <= buying.MOST_SEATS:
        return int(typed)
    return account.seats if buying.is_living(account) else max(1, used["users"].value)


def day_of(actor: Actor, moment: datetime | None) -> str:
    """ "1 April 2027", "1. dubna 2027": the member's day, always with its year."""
    if moment is None:
        return ""
    pattern = "d. MMMM y" if in_czech() else "d MMMM y"
    return str(format_date(moment.astimezone(zone_of(actor)), pattern, rebase=False))
