"""What people may ask for about their plan: try it, buy it, change it, end it.

Each request has an id that its form chose. However often the form is sent, Stripe does it once: the id is the key
under which it is asked, and what came of it is kept. While nobody knows what came of it (no answer), asking again with
the same form finds out. Whatever was asked, the account is fetched anew before the answer is given.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from stdnum.eu import vat
from stdnum.exceptions import ValidationError as WrongNumber

from billing import accounts
from billing.errors import CardRefused, CustomerGone, NotSetUp
from billing.gateway import BillingGateway, gateway_of
from billing.models import Account, Order
from billing.subscriptions import Preview, Subscription, Wanted
from config.plans import CURRENCIES, Period, plans
from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import database
from core.errors import Busy, Forbidden, Invalid, Refusal
from core.letters import here

MOST_SEATS = 1000


def sold(key: str) -> str:
    if key not in {plan.key for plan in plans().paid}:
        raise ValueError(_("There is no such plan."))
    return key


def known_addons(keys: list[str]) -> list[str]:
    if not set(keys) <= plans().addons.keys():
        raise ValueError(_("There is no such thing to be had."))
    return sorted(set(keys))


def tax_number(value: str) -> str:
    """A VAT number of the European Union as VIES writes it, or nothing. Raises ValueError."""
    if not value:
        return ""
    try:
        return str(vat.validate(value))
    except WrongNumber:
        raise ValueError(_("Write the number with its country, such as CZ25596641.")) from None


class Choice(Input):
    plan: Annotated[str, AfterValidator(sold)]
    period: Period = "year"
    seats: Annotated[int, Field(ge=1, le=MOST_SEATS)]
    addons: Annotated[list[str], AfterValidator(known_addons)] = []


class Purchase(Choice):
    """`order` is the form's own id. `next` is where the person was, a path of the workspace."""

    order: UUID
    next: Annotated[str, Field(max_length=2000)] = ""


class Change(Choice):
    """`at` is the second whose amounts were shown."""

    order: UUID
    at: int


class OneOrder(Input):
    order: UUID


class TaxNumber(Input):
    order: UUID
    number: Annotated[str, Field(max_length=30), AfterValidator(tax_number)]


class CardPage(Input):
    next: Annotated[str, Field(max_length=2000)] = ""


@action("billing.try", right=("billing", "edit"))
def begin_trial(actor: Actor, data: Purchase) -> Account:
    """The plan for some days without a card, once in a workspace's life. Then all is as before, unless one is added."""
    check_confirmed(actor)

    def begin(control: Session, gateway: BillingGateway, account: Account, key: str) -> dict[str, Any]:
        accounts.refresh(control, gateway, account)
        begun = account.tried_at is None and account.status == "trialing"  # by an earlier sending, its answer lost
        if (account.tried_at or account.subscription_id) and not begun:
            raise Busy(_("The trial was used already. Choose a plan to go on."))
        customer_id = customer_of(control, gateway, account, actor)
        wanted = wanted_of(actor, account, data)
        account.tried_at = control.scalar(select(func.now()))
        if begun:
            return {"subscription": account.subscription_id}
        if account.checkout_id:
            gateway.close_checkout(account.checkout_id)
        return {"subscription": gateway.begin_trial(customer_id, wanted, plans().trial_days, key=key)}

    ordered(actor, data.order, "try", asked_of(data), begin)
    tell(actor, "billing.try", after=asked_of(data))
    return present(actor)


@action("billing.buy", right=("billing", "edit"))
def checkout(actor: Actor, data: Purchase) -> str:
    """The address of the page where the plan is paid for. One such page is open at a time, so nobody pays on two."""
    check_confirmed(actor)

    def open_page(control: Session, gateway: BillingGateway, account: Account, key: str) -> dict[str, Any]:
        accounts.refresh(control, gateway, account)
        if is_living(account):
            raise Busy(_("This workspace has a plan already. Change that one."))
        if account.checkout_id:
            gateway.close_checkout(account.checkout_id)
        customer_id = customer_of(control, gateway, account, actor)
        place = place_of(actor)
        account.checkout_id, url = gateway.checkout(
            customer_id,
            wanted_of(actor, account, data),
            success=f"{place}/done?next={quote(data.next)}&session={{CHECKOUT_SESSION_ID}}",
            cancel=f"{place}?plan={data.plan}&period={data.period}&seats={data.seats}&next={quote(data.next)}",
            language=actor.member.language,
            key=key,
        )
        return {"url": url}

    answer = ordered(actor, data.order, "buy", asked_of(data), open_page)
    tell(actor, "billing.buy", after=asked_of(data))
    return str(answer["url"])


@action("billing.change", right=("billing", "edit"))
def change(actor: Actor, data: Change) -> Account:
    """Another plan, number of seats or period, from now on; the difference is settled at once. Raises CardRefused."""
    before: dict[str, Any] = {}

    def settle(control: Session, gateway: BillingGateway, account: Account, key: str) -> dict[str, Any]:
        now = living(control, gateway, account)
        before.update(plan=now.wanted.plan, period=now.wanted.period, seats=now.wanted.seats)
        wanted = wanted_of(actor, account, data)
        if now.wanted != wanted:  # else an earlier sending, whose answer was lost, has done it
            gateway.change(now, wanted, data.at, key=key)
        return {"changed": True}

    ordered(actor, data.order, "change", {**asked_of(data), "at": data.at}, settle)
    tell(actor, "billing.change", before=before, after=asked_of(data))
    return present(actor)


@action("billing.end", right=("billing", "edit"))
def end(actor: Actor, data: OneOrder) -> Account:
    """Let the plan end with what is paid for. Until then nothing changes."""
    return end_or_go_on(actor, data.order, "end", really=True)


@action("billing.go_on", right=("billing", "edit"))
def go_on(actor: Actor, data: OneOrder) -> Account:
    """Let a plan that was to end go on."""
    return end_or_go_on(actor, data.order, "go_on", really=False)


def end_or_go_on(actor: Actor, order: UUID, kind: Literal["end", "go_on"], *, really: bool) -> Account:
    def ask(control: Session, gateway: BillingGateway, account: Account, key: str) -> dict[str, Any]:
        gateway.end_later(living(control, gateway, account).id, really=really, key=key)
        return {"done": True}

    ordered(actor, order, kind, {}, ask)
    tell(actor, f"billing.{kind}")
    return present(actor)


@action("billing.set_tax_number", right=("billing", "edit"))
def set_tax_number(actor: Actor, data: TaxNumber) -> None:
    """The business's VAT number, which stands on its invoices and decides about VAT."""
    check_confirmed(actor)

    def put(control: Session, gateway: BillingGateway, account: Account, key: str) -> dict[str, Any]:
        gateway.set_tax_id(customer_of(control, gateway, account, actor), data.number, key=key)
        return {"number": data.number}

    ordered(actor, data.order, "tax_number", {"number": data.number}, put)
    tell(actor, "billing.set_tax_number", after={"number": data.number})


@action("billing.portal", right=("billing", "edit"))
def portal(actor: Actor, data: CardPage) -> str:
    """The address of Stripe's own page for cards, invoices and the address on them."""
    return gateway().portal(paying(actor), back=back_of(actor, data.next), language=actor.member.language)


@action("billing.card", right=("billing", "edit"))
def card_page(actor: Actor, data: CardPage) -> str:
    """The address of the page where a card is added or changed."""
    return gateway().card_page(paying(actor), back=back_of(actor, data.next), language=actor.member.language)


def paying(actor: Actor) -> str:
    """The customer that the workspace is. Raises Busy where it was never at the till."""
    customer_id = present(actor).customer_id
    if customer_id is None:
        raise Busy(_("There is nothing to pay yet. Choose a plan first."))
    return customer_id


def preview(actor: Actor, data: Choice) -> tuple[Preview, Wanted]:
    """What a change would cost at once, and what there is now. Raises Busy where there is nothing to change."""
    actor.require(("billing", "edit"))
    with database().controlling() as control:
        account = accounts.locked(control, actor.workspace.id)
        now = living(control, gateway(), account)
        wanted = wanted_of(actor, account, data)
        at = int((accounts.time_of(control, account)).timestamp())
        customer_id = account.customer_id or ""
    return gateway().preview(customer_id, now, wanted, at), now.wanted


def confirm_page(actor: Actor, data: Choice) -> str:
    """The address of the page where the holder of the card confirms a change that the bank did not pay by itself."""
    actor.require(("billing", "edit"))
    with database().controlling() as control:
        account = accounts.locked(control, actor.workspace.id)
        now = living(control, gateway(), account)
        wanted = wanted_of(actor, account, data)
    return gateway().confirm_page(
        account.customer_id or "", now, wanted, back=f"{place_of(actor)}/done", language=actor.member.language
    )


def returned(actor: Actor) -> Account:
    """Somebody comes back from a page of Stripe: ask now, rather than wait for the event. Raises NoAnswer."""
    actor.require(("billing", "view"))
    return accounts.sync(database(), gateway(), actor.workspace.id)


def present(actor: Actor) -> Account:
    """The account as it is kept here; an empty one where the workspace was never at the till."""
    actor.require(("billing", "view"))
    with database().controlling() as control:
        return control.get(Account, actor.workspace.id) or Account(
            workspace_id=actor.workspace.id, status="", plan="", period="", currency="", seats=0, addons=[], told=[],
            card="", discount="", given_seats=0,
        )  # fmt: skip


Ask = Callable[[Session, BillingGateway, Account, str], dict[str, Any]]


def ordered(actor: Actor, order_id: UUID, kind: str, asked: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """Ask it once, holding the account, and keep the answer; then let the account and the plan follow.

    A refusal is an answer too: nothing was done, and the same form may be sent again. Without an answer the order stays
    open, and the same form asks under the same key.
    """
    base = database()
    with base.controlling() as control:
        new = insert(Order).values(id=order_id, workspace_id=actor.workspace.id, kind=kind, asked=asked)
        control.execute(new.on_conflict_do_nothing())
    try:
        with base.controlling() as control:
            account = accounts.locked(control, actor.workspace.id)
            check_mode(account)
            order = control.get_one(Order, order_id)
            if (order.workspace_id, order.kind, order.asked) != (actor.workspace.id, kind, asked):
                raise Busy(_("This form was sent with something else already. Load the page again."))
            if order.answer is None:
                order.answer = ask(control, gateway(), account, f"{order_id}-{order.refusals}")
            answer = order.answer
    except CustomerGone:
        accounts.sync(base, gateway(), actor.workspace.id)
        raise
    except Refusal as refusal:
        if isinstance(refusal, CardRefused | Invalid | Busy):
            with base.controlling() as control:
                again = update(Order).where(Order.id == order_id, Order.answer.is_(None))
                control.execute(again.values(refusals=Order.refusals + 1))
        raise
    accounts.sync(base, gateway(), actor.workspace.id)
    return answer


def check_mode(account: Account) -> None:
    """A customer of test keys is nobody to live ones, and the other way round. Raises NotSetUp."""
    if account.customer_id and account.live != gateway().live:
        raise NotSetUp()


def check_confirmed(actor: Actor) -> None:
    if not actor.confirmed:
        raise Forbidden(_("Confirm your e-mail address first: bills go there."))


def customer_of(control: Session, gateway: BillingGateway, account: Account, actor: Actor) -> str:
    """The customer that the workspace is at Stripe, made where it is none yet. Known here before anything else is done,
    so that a second try finds it."""
    if account.customer_id is None:
        account.customer_id = gateway.new_customer(
            workspace_id=actor.workspace.id,
            name=actor.workspace.name,
            email=actor.member.email,
            language=actor.member.language,
            key=f"customer {actor.workspace.id} {account.fetched_at or ''}",
        )
        account.live = gateway.live
        control.flush()
    return account.customer_id


def living(control: Session, gateway: BillingGateway, account: Account) -> Subscription:
    """The subscription that can be changed, as Stripe has it this moment. Raises Busy where there is none."""
    if account.customer_id:
        found = gateway.fetch(account.customer_id)
        accounts.store(account, found, control.scalar(select(func.now())) or datetime.now(UTC))
        if found.subscription and is_living(account):
            return found.subscription
    raise Busy(_("There is no plan to change. Choose one first."))


def is_living(account: Account) -> bool:
    return account.status in (*accounts.PAID_FOR, *accounts.LATE)


def wanted_of(actor: Actor, account: Account, data: Choice) -> Wanted:
    """What is asked for, in the money that the customer pays in already, else the workspace's, else euros."""
    known = account.currency or actor.workspace.currency
    currency = known if known in CURRENCIES else "EUR"
    return Wanted(data.plan, data.period, currency, data.seats, frozenset(data.addons))


def asked_of(data: Choice) -> dict[str, Any]:
    return {"plan": data.plan, "period": data.period, "seats": data.seats, "addons": data.addons}


def place_of(actor: Actor) -> str:
    return f"{here().url}/{actor.workspace.slug}/settings/plan"


def back_of(actor: Actor, to: str) -> str:
    return f"{place_of(actor)}/done?next={quote(to)}"


def tell(actor: Actor, name: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None) -> None:
    """The audit log's line: who asked for what. The workspace's number stands for the record."""
    record_id = UUID(int=actor.workspace.id)
    events.note(
        actor,
        name,
        "billing",
        record_id,
        actor.workspace.name,
        change="changed",
        before=before or {},
        after=after or {},
    )


def gateway() -> BillingGateway:
    return gateway_of(here())
