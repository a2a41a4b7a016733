"""Any story of buying, changing, failing and waiting, its events late, doubled, out of order: the end is Stripe's."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import accounts, buying
from billing.models import Account
from core.errors import Refusal
from core.ids import new_id
from tests.billing.till import GOOD, LATER_BAD, Till, purchase

CARDS = st.sampled_from([GOOD, LATER_BAD])
PLANS = st.sampled_from(["team", "business"])
PERIODS = st.sampled_from(["month", "year"])
SEATS = st.integers(1, 6)


class Story(RuleBasedStateMachine):
    till: Till

    @initialize(seed=st.integers(0, 2**32))
    def open(self, seed: int) -> None:
        self.shop = self.till.shop()
        self.chance = random.Random(seed)
        self.begun = len(self.till.standin.events())
        self.unsent: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.seen = self.begun
        self.down = False

    @property
    def living(self) -> bool:
        with self.till.base.controlling() as control:
            account = control.get(Account, self.shop.workspace.id)
        return account is not None and buying.is_living(account)

    def ask(self, what: Any) -> None:
        """Do it; a refusal is an answer like any other."""
        with self.shop.acting() as actor:
            try:
                what(actor)
            except Refusal:
                actor.db.rollback()

    @rule(plan=PLANS, period=PERIODS, seats=SEATS, card=CARDS)
    def buy(self, plan: str, period: str, seats: int, card: str) -> None:
        def buy_it(actor: Any) -> None:
            url = buying.checkout(actor, purchase(plan=plan, period=period, seats=seats))
            self.till.pay(url, card)

        self.ask(buy_it)

    @rule(plan=PLANS, seats=SEATS)
    def try_it(self, plan: str, seats: int) -> None:
        self.ask(lambda actor: buying.begin_trial(actor, purchase(plan=plan, seats=seats)))

    @precondition(lambda self: self.living)
    @rule(plan=PLANS, period=PERIODS, seats=SEATS)
    def change(self, plan: str, period: str, seats: int) -> None:
        self.ask(lambda _actor: self.till.change(self.shop, plan=plan, period=period, seats=seats))

    @precondition(lambda self: self.living)
    @rule(really=st.booleans())
    def end_or_go_on(self, really: bool) -> None:
        order = buying.OneOrder(order=new_id())
        self.ask(lambda actor: (buying.end if really else buying.go_on)(actor, order))

    @precondition(lambda self: self.living)
    @rule()
    def better_card(self) -> None:
        if not self.down:
            self.till.new_card(self.shop)

    @rule(days=st.sampled_from([1, 4, 15, 32]))
    def wait(self, days: int) -> None:
        self.till.standin.advance(self.till.standin.now() + days * 86_400)

    @rule()
    def fail_or_mend(self) -> None:
        self.down = not self.down
        self.till.wire.down = self.down

    @rule()
    def hear_something(self) -> None:
        """Some of the events come: late, in any order, and some of them again."""
        known = self.till.standin.events()
        self.unsent += known[self.seen :]
        self.seen = len(known)
        self.chance.shuffle(self.unsent)
        count = self.chance.randint(0, len(self.unsent))
        now, self.unsent = self.unsent[:count], self.unsent[count:]
        for event in now + self.chance.choices(self.sent, k=min(3, len(self.sent))):
            self.send(event)
        self.sent += now
        self.till.work()

    def send(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        assert self.till.send(body, {"Stripe-Signature": self.till.standin.sign(body)}) == 200

    @invariant()
    def nobody_has_two_subscriptions(self) -> None:
        if not self.down and hasattr(self, "shop"):
            with self.till.base.controlling() as control:
                account = control.get(Account, self.shop.workspace.id)
            if account and account.customer_id:
                assert self.till.gateway.fetch(account.customer_id).further == ()

    def teardown(self) -> None:
        """All events have come, in some order, and all work is done: what we say is what Stripe says."""
        if not hasattr(self, "shop"):
            return
        self.till.wire.down = self.down = False
        self.hear_something()
        for event in self.unsent:
            self.send(event)
        self.till.sooner()
        self.till.work()
        with self.till.base.controlling() as control:
            account = control.get(Account, self.shop.workspace.id)
        if account is None or account.customer_id is None:
            return
        found = self.till.gateway.fetch(account.customer_id)
        for name, value in accounts.said(found.subscription).items():
            if not (name == "currency" and found.subscription is None):
                assert getattr(account, name) == value, name
        standing = accounts.standing_of(account, self.till.now())
        assert self.till.plan(self.shop) == (standing.plan.key, standing.seats)
        caps = self.till.caps(self.shop)
        assert caps["contacts"] == standing.plan.cap("contacts", standing.seats)
        assert caps["users"] == standing.plan.cap("users", standing.seats)


@pytest.mark.slow
def test_whatever_happens_in_whatever_order_the_end_is_stripes(till: Till) -> None:
    class Told(Story):
        pass

    Told.till = till
    often = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Told, settings=often)
