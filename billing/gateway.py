"""The one way to Stripe: each question and each request that Okno has, in Okno's words.

Without keys, the embedded run talks to billing.standin instead: the same client, the same requests, another place where
they go. Everything waits 10 seconds at most. Whatever may be asked twice carries a key, and is done once.

Stripe's objects: https://docs.stripe.com/api, of the version that the client pins.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import stripe
from stripe import StripeClient

from billing.amounts import major, minor
from billing.errors import CardRefused, CustomerGone, NoAnswer, NotSetUp
from billing.standin.client import API_KEY, StandInClient
from billing.standin.embedded import standin_of
from billing.subscriptions import (
    ADDON,
    LIVE,
    PLAN,
    Bill,
    Preview,
    Snapshot,
    Subscription,
    Wanted,
    bill_of,
    card_words,
    discount_words,
    moment,
    plan_item,
    product_of,
    standing,
)
from config.plans import Prices, plans
from config.settings import Settings, Stripe

log = logging.getLogger(__name__)

SECONDS = 10
CONFIRM = ("authentication_required", "subscription_payment_intent_requires_action")


@dataclass
class BillingGateway:
    client: StripeClient
    live: bool = False
    tax: bool = False
    prices: dict[str, str] = field(default_factory=dict)

    # ---- what is ----

    def fetch(self, customer_id: str) -> Snapshot:
        """The customer and what they subscribe to, now. Raises NoAnswer."""
        try:
            with asking():
                customer = self.client.v1.customers.retrieve(customer_id)
                if getattr(customer, "deleted", False):
                    return Snapshot(gone=True)
                found = list(
                    self.client.v1.subscriptions.list({
                        "customer": customer_id, "status": "all", "limit": 100,
                        "expand": ["data.default_payment_method", "data.discounts.source.coupon"],
                    }).auto_paging_iter()
                )  # fmt: skip
        except CustomerGone:
            return Snapshot(gone=True)
        ours = sorted((one for one in found if plan_item(one)), key=standing)
        alive = [one for one in ours if one.status in LIVE]
        return Snapshot(
            subscription=self.described(ours[0], customer) if ours else None,
            further=tuple(one.id for one in alive[1:]),
            now=self.time_of(customer),
        )

    def time_of(self, customer: stripe.Customer) -> datetime | None:
        """The time of the test clock that the customer lives by, if any."""
        if not isinstance(customer.test_clock, str):
            return None
        with asking():
            return moment(self.client.v1.test_helpers.test_clocks.retrieve(customer.test_clock).frozen_time)

    def described(self, found: stripe.Subscription, customer: stripe.Customer) -> Subscription:
        lines = found["items"].data
        main = plan_item(found)
        if main is None:
            raise LookupError("the subscription is of no plan")
        late = found.status in ("past_due", "unpaid")
        addons = frozenset(
            str(line.price.product).removeprefix(ADDON) for line in lines if str(line.price.product).startswith(ADDON)
        )
        end = max((line.current_period_end for line in lines), default=None)
        return Subscription(
            id=found.id,
            status=found.status,
            wanted=Wanted(
                plan=str(main.price.product).removeprefix(PLAN),
                period=main.price.recurring.interval if main.price.recurring else "",
                currency=found.currency.upper(),
                seats=main.quantity or 0,
                addons=addons,
            ),
            items={str(line.price.product): (line.id, line.quantity or 0) for line in lines},
            period_end=moment(end),
            cancel_at=moment(found.cancel_at) or (moment(end) if found.cancel_at_period_end else None),
            trial_end=moment(found.trial_end) if found.status == "trialing" else None,
            unpaid_since=self.unpaid_since(found.id) if late else None,
            card=self.card_of(found, customer),
            discount=discount_words(found.discounts),
        )

    def card_of(self, found: stripe.Subscription, customer: stripe.Customer) -> str:
        """The card that is asked for money: the subscription's own, else the customer's."""
        method: Any = found.default_payment_method
        if method is None and customer.invoice_settings and customer.invoice_settings.default_payment_method:
            with asking():
                method = self.client.v1.payment_methods.retrieve(str(customer.invoice_settings.default_payment_method))
        return card_words(method)

    def unpaid_since(self, subscription_id: str) -> datetime | None:
        with asking():
            waiting = self.client.v1.invoices.list({"subscription": subscription_id, "status": "open", "limit": 100})
            return min((moment(bill.created) for bill in waiting.auto_paging_iter()), default=None)  # type: ignore[type-var]

    def customers_with_subscriptions(self) -> Iterator[str]:
        """Every customer who subscribes to something that is not over, once for each subscription."""
        with asking():
            for found in self.client.v1.subscriptions.list({"limit": 100}).auto_paging_iter():
                yield str(found.customer)

    def bills(self, customer_id: str, most: int = 60) -> list[Bill]:
        """The newest invoices that are more than drafts. Raises NoAnswer, CustomerGone."""
        with asking():
            found = self.client.v1.invoices.list({"customer": customer_id, "limit": most})
        return [bill_of(one) for one in found.data if one.status != "draft"]

    def customer_of_charge(self, charge_id: str) -> str | None:
        with asking():
            customer = self.client.v1.charges.retrieve(charge_id).customer
        return customer if isinstance(customer, str) else None

    def tax_ids(self, customer_id: str) -> list[str]:
        with asking():
            return [one.value for one in self.client.v1.customers.tax_ids.list(customer_id).data]

    # ---- what is asked for ----

    def new_customer(self, *, workspace_id: int, name: str, email: str, language: str, key: str) -> str:
        with asking():
            made = self.client.v1.customers.create(
                {
                    "name": name, "email": email, "preferred_locales": [language],
                    "metadata": {"workspace": str(workspace_id)},
                },
                {"idempotency_key": key},
            )  # fmt: skip
        return made.id

    def checkout(
        self, customer_id: str, wanted: Wanted, *, success: str, cancel: str, language: str, key: str
    ) -> tuple[str, str]:
        """(id, address) of a page of Stripe where the plan is paid for. Stripe fills in {CHECKOUT_SESSION_ID}."""
        with asking():
            page = self.client.v1.checkout.sessions.create(
                {
                    "mode": "subscription", "customer": customer_id, "line_items": self.lines(wanted),
                    "success_url": success, "cancel_url": cancel, "locale": "cs" if language == "cs" else "en",
                    "allow_promotion_codes": True, "billing_address_collection": "required",
                    "tax_id_collection": {"enabled": True}, "automatic_tax": {"enabled": self.tax},
                    "customer_update": {"name": "auto", "address": "auto"},
                },
                {"idempotency_key": key},
            )  # fmt: skip
        return page.id, page.url or ""

    def close_checkout(self, checkout_id: str) -> None:
        """Make sure that the page cannot be paid on any more. Paid or expired already, it is closed anyway."""
        try:
            with asking():
                self.client.v1.checkout.sessions.expire(checkout_id)
        except stripe.InvalidRequestError as error:
            log.info("checkout %s is closed already: %s", checkout_id, error.code)

    def portal(self, customer_id: str, *, back: str, language: str, flow: Any = None) -> str:
        """The address of Stripe's page for cards, invoices and cancelling; `flow` leads straight to one of these."""
        asked: Any = {"customer": customer_id, "return_url": back, "locale": "cs" if language == "cs" else "en"}
        if flow:
            asked["flow_data"] = flow
        with asking():
            return self.client.v1.billing_portal.sessions.create(asked).url

    def confirm_page(self, customer_id: str, present: Subscription, wanted: Wanted, *, back: str, language: str) -> str:
        """The address of the page where a bank's holder confirms the change that could not be paid without them."""
        flow = {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {"subscription": present.id, "items": self.changed_lines(present, wanted)},
            "after_completion": {"type": "redirect", "redirect": {"return_url": back}},
        }
        return self.portal(customer_id, back=back, language=language, flow=flow)

    def card_page(self, customer_id: str, *, back: str, language: str) -> str:
        flow = {
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": back}},
        }
        return self.portal(customer_id, back=back, language=language, flow=flow)

    def begin_trial(self, customer_id: str, wanted: Wanted, days: int, *, key: str) -> str:
        """A subscription that ends by itself after so many days, unless a card is added. Returns its id."""
        with asking():
            made = self.client.v1.subscriptions.create(
                {
                    "customer": customer_id, "items": self.lines(wanted), "trial_period_days": days,
                    "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
                    "payment_settings": {"save_default_payment_method": "on_subscription"},
                    "automatic_tax": {"enabled": self.tax},
                },
                {"idempotency_key": key},
            )  # fmt: skip
        return made.id

    def preview(self, customer_id: str, present: Subscription, wanted: Wanted, at: int) -> Preview:
        """What `change` with the same arguments would take or give back."""
        with asking():
            bill = self.client.v1.invoices.create_preview({
                "customer": customer_id, "subscription": present.id,
                "subscription_details": {
                    "items": self.changed_lines(present, wanted), "proration_date": at,
                    "proration_behavior": "always_invoice", "cancel_at_period_end": False,
                },
            })  # fmt: skip
        currency = bill.currency.upper()
        lines = [line.amount for line in bill.lines.data]
        discounts = sum(one.amount for one in bill.total_discount_amounts or [])
        taxes = sum(one.amount for one in bill.total_taxes or [])
        return Preview(
            credit=major(sum(amount for amount in lines if amount < 0), currency),
            charge=major(sum(amount for amount in lines if amount > 0), currency),
            discount=major(discounts, currency),
            tax=major(taxes, currency),
            balance=major(bill.starting_balance, currency),
            due=major(bill.amount_due, currency),
            currency=currency,
            at=at,
        )

    def change(self, present: Subscription, wanted: Wanted, at: int, *, key: str) -> None:
        """Change it now and settle the difference at once; where the bank does not pay, nothing changes. What is given
        back stays with the customer for the next invoices. One that was to end goes on. Raises CardRefused."""
        with asking():
            self.client.v1.subscriptions.update(
                present.id,
                {
                    "items": self.changed_lines(present, wanted), "proration_date": at,
                    "proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete",
                    "cancel_at_period_end": False,
                },
                {"idempotency_key": key},
            )  # fmt: skip

    def end_later(self, subscription_id: str, *, really: bool, key: str) -> None:
        """Let it end with what is paid for, or, when not `really`, let it go on after all."""
        with asking():
            self.client.v1.subscriptions.update(
                subscription_id, {"cancel_at_period_end": really}, {"idempotency_key": key}
            )

    def end_now(self, subscription_id: str, *, key: str) -> None:
        """End it at once; what was paid for the rest is credited."""
        try:
            with asking():
                self.client.v1.subscriptions.cancel(
                    subscription_id, {"prorate": True, "invoice_now": True}, {"idempotency_key": key}
                )
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise

    def set_tax_id(self, customer_id: str, number: str, *, key: str) -> None:
        """The customer's VAT number instead of the former ones; none when empty."""
        with asking():
            for known in self.client.v1.customers.tax_ids.list(customer_id).data:
                if known.value == number:
                    return
                self.client.v1.customers.tax_ids.delete(customer_id, known.id)
            if number:
                self.client.v1.customers.tax_ids.create(
                    customer_id, {"type": "eu_vat", "value": number}, {"idempotency_key": key}
                )

    # ---- what things are called there ----

    def lines(self, wanted: Wanted) -> list[Any]:
        return [{"price": self.price(*thing), "quantity": count} for _product, thing, count in things(wanted)]

    def changed_lines(self, present: Subscription, wanted: Wanted) -> list[Any]:
        """The items of the subscription made into what is wanted: changed where they are there, new, or taken away."""
        lines: list[Any] = []
        left = dict(present.items)
        plan_there = next((product for product in left if not product.startswith(ADDON)), "")
        for product, thing, count in things(wanted):
            item, _count = left.pop(product if product.startswith(ADDON) else plan_there, (None, 0))
            line = {"price": self.price(*thing), "quantity": count}
            lines.append({"id": item, **line} if item else line)
        return lines + [{"id": item, "deleted": True} for item, _count in left.values()]

    def price(self, product: str, name: str, prices: Prices, period: Any, currency: Any) -> str:
        """The id of a price, made at Stripe where it is not there yet. Its name there has the amount in it, so a price
        that was changed in plans.toml is another one, and whoever has the old one keeps it."""
        amount = minor(prices[period][currency], currency)
        called = f"{product}_{period}_{currency.lower()}_{amount}"
        if called not in self.prices:
            with asking():
                found = self.client.v1.prices.list({"lookup_keys": [called], "active": True}).data
                self.prices[called] = found[0].id if found else self.new_price(called, product, name, period, currency)
        return self.prices[called]

    def new_price(self, called: str, product: str, name: str, period: Any, currency: str) -> str:
        try:
            self.client.v1.products.create({"id": product, "name": name}, {"idempotency_key": f"product {product}"})
        except stripe.InvalidRequestError as error:
            if error.code != "resource_already_exists":
                raise
        amount = int(called.rpartition("_")[2])
        made = self.client.v1.prices.create(
            {
                "product": product, "currency": currency.lower(), "unit_amount": amount, "lookup_key": called,
                "recurring": {"interval": period}, "tax_behavior": "exclusive",
            },
            {"idempotency_key": f"price {called}"},
        )  # fmt: skip
        return made.id


def things(wanted: Wanted) -> Iterator[tuple[str, tuple[Any, ...], int]]:
    """(product, arguments of `price`, how many) of the plan and of each thing beside it."""
    plan = plans().of(wanted.plan)
    product = product_of(plan)
    yield product, (product, f"Okno {plan.name}", plan.prices, wanted.period, wanted.currency), wanted.seats
    for key in sorted(wanted.addons):
        addon = plans().addons[key]
        product, name = product_of(addon), f"Okno {key.replace('_', ' ')}"
        yield product, (product, name, addon.prices, wanted.period, wanted.currency), 1


@contextmanager
def asking() -> Iterator[None]:
    """Turn what Stripe's client raises into our refusals. A wrong request goes through: it is a mistake of ours."""
    try:
        yield
    except stripe.CardError as error:
        why = error.error.decline_code if error.error else None
        raise CardRefused(why or error.code or "", confirm=error.code in CONFIRM) from None
    except (stripe.AuthenticationError, stripe.PermissionError):
        log.exception("Stripe does not take our key")
        raise NotSetUp() from None
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing" and error.param in ("customer", "id") and "customer" in str(error).lower():
            raise CustomerGone() from None
        raise
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.IdempotencyError, stripe.APIError) as error:
        log.warning("Stripe gave no answer: %s", type(error).__name__)
        raise NoAnswer() from None


@cache
def gateway_of(config: Settings) -> BillingGateway:
    """The gateway of an installation with payments."""
    match config.payments:
        case Stripe() as keys:
            http = stripe.RequestsClient(timeout=SECONDS)
            client = StripeClient(keys.secret_key, http_client=http, max_network_retries=0)
            return BillingGateway(client, keys.live, keys.tax)
        case "test":
            client = StripeClient(API_KEY, http_client=StandInClient(standin_of(config)), max_network_retries=0)
            return BillingGateway(client, live=False, tax=True)
    raise LookupError("this installation has no payments")
