"""An installation that sells, in the hands of a test: its own servers, its own stand-in for Stripe, a clock to move."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select, text

from billing import accounts, buying
from billing.gateway import BillingGateway
from billing.models import Account, Notice, StripeEvent
from billing.standin import Form, Refused, StandIn, StandInClient
from config.settings import Settings
from core import jobs
from core.actor import Actor
from core.db import Database
from core.ids import new_id
from core.jobs import later
from core.limits import InUse, usage
from tenants.models import WorkspaceRow
from tests.shop import Shop, open_shop

GOOD, LATER_BAD, DECLINED, ASKS = "4242424242424242", "4000000000000341", "4000000000000002", "4000002760003184"

WAITING = text("""
select id from bus.outbox where role = 'okno_control' and payload->>'job' like 'billing.%' and next_at <= now()
order by id
""")


@dataclass
class Till:
    app: Flask
    config: Settings
    base: Database
    standin: StandIn
    wire: StandInClient
    gateway: BillingGateway

    def shop(self) -> Shop:
        with self.app.test_request_context("/"):
            return open_shop(self.app, base=self.base, plan="free")

    def account(self, shop: Shop) -> Account:
        with self.base.controlling() as control:
            found = control.get(Account, shop.workspace.id)
            assert found
            return found

    def plan(self, shop: Shop) -> tuple[str, int]:
        """(plan, seats) that the workspace has now."""
        with self.base.controlling() as control:
            row = control.get_one(WorkspaceRow, shop.workspace.id)
            return row.plan, row.seats

    def caps(self, shop: Shop) -> dict[str, int | None]:
        return {row.name: row.cap for row in shop.rows("select name, cap from counter")}

    def used(self, shop: Shop) -> dict[str, InUse]:
        with shop.acting() as actor:
            return {one.name: one for one in usage(actor)}

    # ---- events ----

    def send(self, body: bytes, headers: dict[str, str]) -> int:
        return self.app.test_client().post("/stripe/events", data=body, headers=headers).status_code

    def hear(self) -> None:
        """Take every event that the stand-in has not got rid of, and do the work."""
        self.standin.deliver(self.send)
        self.work()

    def work(self) -> None:
        """Do the jobs of payments that wait, and those they ask for."""
        for _ in range(50):
            with self.base.controlling() as control:
                waiting = list(control.scalars(WAITING))
            if not waiting:
                return
            with self.app.app_context():
                for work_id in waiting:
                    jobs.deliver(work_id)
        raise AssertionError("the work of payments has no end")

    def pass_time(self, **time: float) -> None:
        """Move the clock, hear what happened, and let the hourly work be done."""
        self.standin.advance(self.standin.now() + int(timedelta(**time).total_seconds()))
        self.hear()
        self.hourly()

    def hourly(self) -> None:
        with self.base.controlling() as control:
            later(control, "billing.hourly")
        self.work()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.standin.now(), UTC)

    # ---- what people do ----

    def buy(self, shop: Shop, *, card: str = GOOD, **choice: Any) -> None:
        """Buy on the page of payment, as the owner."""
        with shop.acting() as actor:
            url = buying.checkout(actor, purchase(**choice))
        self.pay(url, card)
        self.hear()

    def pay(self, url: str, card: str = GOOD) -> None:
        """Fill in the page of payment at this address; a card that is declined stays there."""
        with suppress(Refused):
            self.standin.complete(url.rpartition("/")[2], Form(card=card, country="CZ", proven=True))

    def new_card(self, shop: Shop) -> None:
        """As the portal does it: the card of the subscription from now on."""
        subscription = self.account(shop).subscription_id or ""
        self.gateway.client.v1.subscriptions.update(subscription, {"default_payment_method": "pm_card_visa"})

    def pay_bills(self, shop: Shop) -> None:
        """Pay what is open, as the portal does it."""
        for bill in self.gateway.bills(self.account(shop).customer_id or ""):
            if bill.status == "open":
                self.gateway.client.v1.invoices.pay(bill.id)

    def refund(self, shop: Shop) -> str:
        """Give the last payment back; returns the charge."""
        charges = self.gateway.client.v1.charges.list({"customer": self.account(shop).customer_id or ""})
        self.gateway.client.v1.refunds.create({"charge": charges.data[0].id})
        return charges.data[0].id

    def sooner(self) -> None:
        """What waits for another attempt is due now."""
        with self.base.controlling() as control:
            control.execute(text("update bus.outbox set next_at = now()"))

    def change(self, shop: Shop, **choice: Any) -> Account:
        with shop.acting() as actor:
            wanted = buying.Choice(**{"plan": "team", "period": "month", **choice})
            cost, _now = buying.preview(actor, wanted)
            return buying.change(actor, buying.Change(**wanted.model_dump(), order=new_id(), at=cost.at))

    def ask(self, shop: Shop, what: Callable[[Actor, Any], Any]) -> Any:
        with shop.acting() as actor:
            return what(actor, buying.OneOrder(order=new_id()))

    def sync(self, shop: Shop) -> Account:
        return accounts.sync(self.base, self.gateway, shop.workspace.id)

    def notices(self, shop: Shop) -> list[Notice]:
        with self.base.controlling() as control:
            return list(control.scalars(select(Notice).where(Notice.workspace_id == shop.workspace.id)))

    def stored(self, event_id: str) -> StripeEvent | None:
        with self.base.controlling() as control:
            return control.get(StripeEvent, event_id)

    def letters(self, shop: Shop) -> list[str]:
        """The subjects of the mail that the owner got, oldest first."""
        from core.mail import local_mailbox

        with self.base.controlling() as control:
            to = control.scalar(text("select email from control.identity where id = :id"), {"id": shop.owner_id})
        box = local_mailbox(self.config)
        mails = [box[key] for key in sorted(box.iterkeys(), key=order_of)]
        return [str(make_header(decode_header(mail["Subject"]))) for mail in mails if mail["To"] == to]


def order_of(key: str) -> tuple[int, ...]:
    """Seconds, microseconds and number of a letter in the mailbox, out of the name it has there."""
    return tuple(map(int, re.findall(r"\d+", key)[:2]))


def purchase(order: UUID | None = None, **choice: Any) -> buying.Purchase:
    return buying.Purchase(**{"plan": "team", "period": "month", "seats": 3, **choice}, order=order or new_id())
