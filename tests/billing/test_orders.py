"""What is asked of Stripe is done once, whatever happens on the way."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from billing import accounts, buying, care
from billing.errors import CustomerGone, NoAnswer, NotSetUp
from core.errors import Busy, Forbidden
from core.ids import new_id
from tests.billing.till import Till, purchase
from tests.shop import Shop


def subscriptions(till: Till, shop: Shop) -> list[str]:
    customer = till.account(shop).customer_id or ""
    return [
        one.status for one in till.gateway.client.v1.subscriptions.list({"customer": customer, "status": "all"}).data
    ]


def sessions(till: Till, shop: Shop) -> list[str]:
    customer = till.account(shop).customer_id or ""
    return [one.status or "" for one in till.gateway.client.v1.checkout.sessions.list({"customer": customer}).data]


def test_the_same_click_twice_opens_one_page_and_begins_one_trial(till: Till) -> None:
    shop = till.shop()
    order = new_id()
    with shop.acting() as actor:
        first = buying.checkout(actor, purchase(order))
        assert buying.checkout(actor, purchase(order)) == first
    assert sessions(till, shop) == ["open"]
    trial = new_id()

    def click(_number: int) -> str:
        with shop.acting() as actor:
            return buying.begin_trial(actor, purchase(trial)).status

    with ThreadPoolExecutor(4) as clicks:
        assert list(clicks.map(click, range(4))) == ["trialing"] * 4
    assert subscriptions(till, shop) == ["trialing"]


def test_a_second_tab_closes_the_page_of_the_first_and_who_has_a_plan_opens_none(till: Till) -> None:
    shop = till.shop()
    with shop.acting() as actor:
        buying.checkout(actor, purchase())
        second = buying.checkout(actor, purchase())
    assert sorted(sessions(till, shop)) == ["expired", "open"]
    till.pay(second)
    till.hear()
    with shop.acting() as actor, pytest.raises(Busy, match="has a plan already"):
        buying.checkout(actor, purchase())
    assert subscriptions(till, shop) == ["active"]


@pytest.mark.parametrize("when", ["down", "lost"])
def test_without_an_answer_nothing_is_known_and_asking_again_does_it_once(till: Till, when: str) -> None:
    shop = till.shop()
    till.buy(shop, seats=2)
    change = buying.Change(plan="business", period="month", seats=2, order=new_id(), at=till.standin.now())
    with shop.acting() as actor:
        if when == "down":
            till.wire.down = True
            with pytest.raises(NoAnswer):
                buying.change(actor, change)
            till.wire.down = False
        else:
            lose_change(till)
            with pytest.raises(NoAnswer):
                buying.change(actor, change)
        bills = len(till.gateway.bills(till.account(shop).customer_id or ""))
        assert bills == (1 if when == "down" else 2)
        assert buying.change(actor, change).plan == "business"
        assert buying.change(actor, change).plan == "business"
    assert len(till.gateway.bills(till.account(shop).customer_id or "")) == 2
    assert till.plan(shop) == ("business", 2)


def lose_change(till: Till) -> None:
    """Let the next update of a subscription be done, and its answer be lost."""
    perform = till.wire.request

    def request(method: str, url: str, headers: object, post_data: object = None) -> object:
        if method.lower() == "post" and "/v1/subscriptions/" in url:
            till.wire.request = perform  # type: ignore[method-assign]
            till.wire.lose_next_answer = True
        return perform(method, url, headers, post_data)  # type: ignore[arg-type]

    till.wire.request = request  # type: ignore[method-assign, assignment]


def test_a_trial_whose_answer_was_lost_is_begun_once(till: Till) -> None:
    shop = till.shop()
    order = new_id()
    perform = till.wire.request

    def request(method: str, url: str, headers: object, post_data: object = None) -> object:
        if method.lower() == "post" and url.endswith("/v1/subscriptions"):
            till.wire.request = perform  # type: ignore[method-assign]
            till.wire.lose_next_answer = True
        return perform(method, url, headers, post_data)  # type: ignore[arg-type]

    till.wire.request = request  # type: ignore[method-assign, assignment]
    with shop.acting() as actor:
        with pytest.raises(NoAnswer):
            buying.begin_trial(actor, purchase(order))
        assert buying.begin_trial(actor, purchase(order)).status == "trialing"
    assert subscriptions(till, shop) == ["trialing"]


def test_a_form_sent_with_something_else_and_a_stranger_are_refused(till: Till) -> None:
    shop, other = till.shop(), till.shop()
    order = new_id()
    with shop.acting() as actor:
        buying.checkout(actor, purchase(order))
        with pytest.raises(Busy, match="something else"):
            buying.checkout(actor, purchase(order, seats=4))
    with other.acting() as actor, pytest.raises(Busy, match="something else"):
        buying.checkout(actor, purchase(order))
    seller = shop.member("sales")
    with shop.acting(seller) as actor:
        for ask in (
            lambda: buying.checkout(actor, purchase()),
            lambda: buying.begin_trial(actor, purchase()),
            lambda: buying.end(actor, buying.OneOrder(order=new_id())),
            lambda: buying.preview(actor, buying.Choice(plan="team", seats=1)),
            lambda: buying.portal(actor, buying.CardPage()),
        ):
            with pytest.raises(Forbidden):
                ask()
    with till.base.controlling() as control:
        assert accounts.locked(control, other.workspace.id).customer_id is None


def test_a_customer_that_was_deleted_at_stripe_has_nothing_and_may_begin_anew(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    customer = till.account(shop).customer_id or ""
    till.gateway.client.v1.customers.delete(customer)
    change = buying.Change(plan="team", period="month", seats=9, order=new_id(), at=till.standin.now())
    with shop.acting() as actor, pytest.raises((CustomerGone, Busy)):
        buying.change(actor, change)
    till.hear()
    assert (till.plan(shop), till.account(shop).customer_id) == (("free", 0), None)
    till.buy(shop)
    assert till.plan(shop) == ("team", 3)
    assert till.account(shop).customer_id != customer


def test_a_customer_of_other_keys_is_nobody_to_these(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    with till.base.controlling() as control:
        accounts.locked(control, shop.workspace.id).live = True
    with shop.acting() as actor, pytest.raises(NotSetUp):
        buying.end(actor, buying.OneOrder(order=new_id()))
    assert till.sync(shop).status == "active"


def test_the_nightly_comparison_mends_and_tells_what_differs(till: Till) -> None:
    shop, closed = till.shop(), till.shop()
    till.buy(shop)
    till.buy(closed)
    assert care.reconcile(till.base, till.gateway) == []
    with till.base.controlling() as control:
        account = accounts.locked(control, shop.workspace.id)
        account.seats, account.status = 99, "canceled"
        control.flush()
        accounts.settle(till.base, control, account)
    assert till.plan(shop) == ("free", 0)
    till.gateway.client.v1.customers.create({"name": "A stranger"})
    found = care.reconcile(till.base, till.gateway)
    assert sorted(line.split(":")[1].split()[0] for line in found) == ["seats", "status"]
    assert till.plan(shop) == ("team", 3)
    assert {notice.kind for notice in till.notices(shop)} == {"difference"}
    with till.base.controlling() as control:
        from tenants.models import WorkspaceRow

        control.get_one(WorkspaceRow, closed.workspace.id).state = "closed"
    care.reconcile(till.base, till.gateway)
    assert subscriptions(till, closed) == ["canceled"]


def test_two_subscriptions_of_one_customer_are_shown_to_the_operator(till: Till) -> None:
    shop = till.shop()
    till.buy(shop)
    account = till.account(shop)
    wanted = till.gateway.fetch(account.customer_id or "").subscription
    assert wanted
    till.gateway.begin_trial(account.customer_id or "", wanted.wanted, 14, key="by hand")
    assert till.sync(shop).status == "active"
    assert [notice.kind for notice in till.notices(shop)] == ["two subscriptions"]


def test_a_gift_of_the_operator_holds_beside_what_is_paid_for(till: Till) -> None:
    shop = till.shop()
    with till.base.controlling() as control:
        account = accounts.locked(control, shop.workspace.id)
        account.given_plan, account.given_seats = "team", 50
        accounts.settle(till.base, control, account)
    assert (till.plan(shop), till.caps(shop)["users"]) == (("team", 50), 50)
    till.buy(shop, plan="business", seats=2)
    assert till.plan(shop) == ("business", 2)
