"""Clients pay online at the workspace's own account: once, and only what Stripe itself says was paid is recorded."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import stripe
from flask.testing import FlaskClient
from sqlalchemy import text

from core.errors import Invalid
from crm.payments import tills
from crm.quotes import answers
from crm.quotes.models import Quote
from tests.billing.till import Till
from tests.crm.quotes.offering import page_of, sent, work
from tests.shop import Shop

GROSS = Decimal("92791.94")
SECRET, KEY = "whsec_ofthisworkspace", "sk_test_ofthisworkspace"


@pytest.fixture
def shop(till: Till) -> Shop:
    return till.shop()


@pytest.fixture
def client(till: Till) -> FlaskClient:
    return till.app.test_client()


def accepted(shop: Shop, mode: str = "test") -> UUID:
    with shop.acting() as actor:
        values = {"mode": mode, **({"secret_key": KEY, "webhook_secret": SECRET} if mode == "own" else {})}
        tills.change(actor, tills.change.parse(values))
        quote = sent(actor)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        answers.accept(session, session.get_one(Quote, quote.id), "Petr Černý", "192.0.2.1")
    return quote.id


def pay_page(client: FlaskClient, path: str) -> str:
    """The id of the page at the payments that "Pay online" leads to."""
    answer = client.post(f"{path}/pay")
    assert answer.status_code == 303
    return str(answer.location).rpartition("/")[2].partition("#")[0]


def payments(shop: Shop) -> list[Any]:
    return shop.rows("select amount, currency, how, stripe_id is not null as online from payment")


def test_what_was_paid_is_recorded_once_and_fires_its_event(till: Till, shop: Shop, client: FlaskClient) -> None:
    path = page_of(shop, accepted(shop))
    assert "Pay online" in client.get(path).get_data(as_text=True)
    checkout = pay_page(client, path)
    assert client.get(f"{path}/paid").status_code == 303
    assert payments(shop) == [], "coming back is no payment"
    till.standin.complete(checkout)
    for _time in range(2):
        assert client.get(f"{path}/paid").status_code == 303
    work(shop, "payment.settle")
    assert payments(shop) == [(GROSS, "CZK", "online", True)]
    events = shop.rows("select kind, change, via, member_id, after from event where action = 'payment.receive'")
    assert [(one.kind, one.change, one.via, one.member_id) for one in events] == [
        ("payment", "created", "client", None)
    ]
    assert events[0].after["tell"] == str(shop.rows("select id from member")[0].id)
    page = client.get(path).get_data(as_text=True)
    assert "It is paid" in page
    assert "Pay online" not in page
    assert client.post(f"{path}/pay").location.endswith(path), "nothing is left to pay"


def test_whoever_pays_and_never_comes_back_has_paid_all_the_same(till: Till, shop: Shop, client: FlaskClient) -> None:
    path = page_of(shop, accepted(shop))
    till.standin.complete(pay_page(client, path))
    work(shop, "payment.settle")
    assert payments(shop) == [(GROSS, "CZK", "online", True)]


def test_a_second_page_closes_the_first_so_that_nothing_is_paid_twice(
    till: Till, shop: Shop, client: FlaskClient
) -> None:
    path = page_of(shop, accepted(shop))
    first, second = pay_page(client, path), pay_page(client, path)
    assert first != second
    with pytest.raises(Exception, match="no longer open"):
        till.standin.complete(first)
    till.standin.complete(second)
    client.get(f"{path}/paid")
    assert payments(shop) == [(GROSS, "CZK", "online", True)]


def test_nothing_can_be_paid_before_it_is_accepted_or_where_nobody_sells_online(
    till: Till, shop: Shop, client: FlaskClient
) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
    path = page_of(shop, quote.id)
    assert client.post(f"{path}/pay").location.endswith(path)
    path = page_of(shop, accepted(shop, "off"))
    assert "Pay online" not in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/pay").location.endswith(path)
    assert till.wire.calls == []


def test_while_stripe_is_away_nothing_is_lost(till: Till, shop: Shop, client: FlaskClient) -> None:
    path = page_of(shop, accepted(shop))
    till.wire.down = False
    checkout = pay_page(client, path)
    till.standin.complete(checkout)

    def away(*_args: object, **_named: object) -> None:
        raise stripe.APIConnectionError("away")  # type: ignore[no-untyped-call]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("billing.standin.client.StandInClient.request", away)
        assert client.get(f"{path}/paid").status_code == 303
        work(shop, "payment.settle")
    assert payments(shop) == []
    work(shop, "payment.settle")
    assert payments(shop) == [(GROSS, "CZK", "online", True)]


@pytest.fixture
def own_account(till: Till, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys of one's own lead to the stand-in as well."""
    monkeypatch.setattr(stripe, "RequestsClient", lambda **_options: till.wire)
    return iter(())


def told(shop: Shop, client: FlaskClient, checkout: str, secret: str = SECRET, **values: Any) -> int:
    """Stripe's event, signed by the secret."""
    thing = {"id": checkout, "object": "checkout.session"}
    event = {"id": "evt_1", "type": "checkout.session.completed", "livemode": False, "data": {"object": thing}}
    body = json.dumps({**event, **values}).encode()
    moment = int(time.time())
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={moment},v1={signature}", "Content-Type": "application/json"}
    return client.post(f"/stripe/clients/{shop.workspace.id}", data=body, headers=headers).status_code


@pytest.mark.usefixtures("own_account")
def test_an_event_is_believed_by_its_own_secret_and_stripe_is_asked(
    till: Till, shop: Shop, client: FlaskClient
) -> None:
    path = page_of(shop, accepted(shop, "own"))
    checkout = pay_page(client, path)
    assert told(shop, client, checkout) == 200
    work(shop, "payment.settle")
    assert payments(shop) == [], "Stripe says that nothing was paid"
    till.standin.complete(checkout)
    for secret, values in (("whsec_another", {}), ("", {}), (SECRET, {"livemode": True})):
        assert told(shop, client, checkout, secret, id="evt_2", **values) == 403
    assert told(shop, client, checkout, id="evt_2") == 200
    assert told(shop, client, checkout, id="evt_2") == 200
    work(shop, "payment.settle")
    assert payments(shop) == [(GROSS, "CZK", "online", True)]
    other = till.shop()
    assert told(other, client, checkout) == 403, "another workspace, where nobody has told a secret"


@pytest.mark.usefixtures("own_account")
def test_keys_are_sealed_for_the_workspace_and_worth_nothing_elsewhere(till: Till, shop: Shop) -> None:
    with shop.acting() as actor:
        for wrong in ("pk_live_x", "x", "sk_live_ bad"):
            with pytest.raises(Invalid):
                tills.change.parse({"mode": "own", "secret_key": wrong})
        with pytest.raises(Invalid):
            tills.change(actor, tills.change.parse({"mode": "own"}))
        tills.change(actor, tills.change.parse({"mode": "own", "secret_key": KEY, "webhook_secret": SECRET}))
        assert tills.till_of(till.config, actor.db, shop.workspace)
    row = shop.rows("select secret_key, webhook_secret, ending from till")[0]
    assert KEY.encode() not in row.secret_key
    assert SECRET.encode() not in row.webhook_secret
    assert row.ending == KEY[-4:]
    assert KEY not in str(shop.rows("select before, after from event where kind = 'till'"))
    other = till.shop()
    with other.acting() as actor:
        tills.change(actor, tills.change.parse({"mode": "off"}))
    with other.base.workspace(other.workspace) as session, session.begin():
        moved = text("update till set mode = 'own', secret_key = :key, webhook_secret = :secret")
        session.execute(moved, {"key": row.secret_key, "secret": row.webhook_secret})
        assert tills.till_of(till.config, session, other.workspace) is None
        assert tills.webhook_of(till.config, session, other.workspace) is None


@pytest.mark.usefixtures("own_account")
def test_after_a_return_from_a_backup_it_is_shut_until_keys_are_given_again(till: Till, shop: Shop) -> None:
    accepted(shop, "own")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update till set deleted_at = now(), secret_key = '', webhook_secret = ''"))
        assert tills.till_of(till.config, session, shop.workspace) is None
    with shop.acting() as actor:
        tills.change(actor, tills.change.parse({"mode": "own", "secret_key": KEY}))
        assert tills.till_of(till.config, actor.db, shop.workspace)
