"""A workspace asks its members for a second factor: who has none comes in nowhere until they have set one up."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from core.db import database
from core.sealing import seal
from crm import stream
from tenants.directory import directory
from tenants.models import Totp
from tests.shop import Shop, csrf

PATH = "/settings/workspace"
LED = "/account/second-factor?next="


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    directory.forget()
    yield
    directory.forget()


def ask(shop: Shop, whom: str, who: UUID | None = None) -> int:
    """Say in the settings who must have a second factor."""
    client = shop.browser(who)
    fields = {"name": "Okna Horák", "language": "en", "time_zone": "Europe/Prague", "currency": "CZK"}
    return client.post(
        shop.path(PATH), data={"csrf_token": csrf(client, "/account/"), **fields, "second_factor": whom}
    ).status_code


def asked(shop: Shop) -> str:
    with database().controlling() as control:
        return str(
            control.scalar(
                text("select second_factor from control.workspace where id = :id"), {"id": shop.workspace.id}
            )
        )


def equip(shop: Shop, identity_id: UUID) -> None:
    """Give the person an app."""
    config = shop.app.config["OKNO"]
    with database().controlling() as control:
        sealed = seal(config, "totp", b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", identity_id.bytes)
        control.add(Totp(identity_id=identity_id, secret=sealed, last_step=0))


def test_nobody_must_until_the_workspace_says_so(shop: Shop) -> None:
    assert asked(shop) == "nobody"
    assert shop.browser().get(shop.path("/today")).status_code == 200


def test_only_who_may_change_settings_says_so_and_the_event_is_kept(shop: Shop) -> None:
    sales = shop.member("sales")
    assert ask(shop, "everybody", sales) == 403
    assert asked(shop) == "nobody"
    assert ask(shop, "somebody") == 422
    assert ask(shop, "everybody") == 303
    assert asked(shop) == "everybody"
    (row,) = shop.rows("select before, after from event where action = 'settings.edit'")
    assert (row.before, row.after) == ({"second_factor": "nobody"}, {"second_factor": "everybody"})


@pytest.mark.parametrize(
    ("whom", "roles"), [("admins", {"owner", "admin"}), ("everybody", {"owner", "admin", "sales"})]
)
def test_who_has_none_is_led_to_set_it_up_and_comes_in_then(shop: Shop, whom: str, roles: set[str]) -> None:
    people = {"owner": shop.owner_id, "admin": shop.member("admin"), "sales": shop.member("sales")}
    assert ask(shop, whom) == 303
    for role, person in people.items():
        client = shop.browser(person)
        answer = client.get(shop.path("/contacts/?q=x"))
        if role not in roles:
            assert answer.status_code == 200
            continue
        assert answer.location == f"{LED}{shop.path('/contacts/')}%3Fq%3Dx"
        page = client.get(answer.location)
        assert "This workspace asks you for a second factor." in page.text
        equip(shop, person)
        assert client.get(shop.path("/contacts/?q=x")).status_code == 200
        assert f'href="{shop.path("/contacts/")}?q=x"' in client.get(answer.location).text


def test_nothing_is_changed_without_it(shop: Shop) -> None:
    client = shop.browser()
    token = csrf(client, "/account/")
    ask(shop, "everybody")
    answer = client.post(shop.path("/contacts/"), data={"csrf_token": token, "last_name": "Novák"})
    assert answer.location.startswith(LED)
    assert shop.rows("select 1 from contact") == []
    answer = client.post(
        shop.path("/contacts/"),
        data={"csrf_token": token, "last_name": "Novák"},
        headers={"Accept": "application/json"},
    )
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert shop.rows("select 1 from contact") == []
    assert ask(shop, "nobody") == 303
    assert asked(shop) == "everybody"


def test_a_token_of_who_has_none_is_refused_and_says_what_to_do(shop: Shop) -> None:
    sales = shop.member("sales")
    owner_api, api = shop.api(), shop.api(sales)
    ask(shop, "everybody")
    equip(shop, shop.owner_id)
    answer = api.post("/contacts", {"last_name": "Novák"})
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert "second factor" in answer.json["title"]
    assert "in your account" in answer.json["detail"]
    assert shop.rows("select 1 from contact") == []
    assert owner_api.get("/contacts").status_code == 200
    equip(shop, sales)
    assert api.get("/contacts").status_code == 200


def test_the_live_stream_is_closed_to_them_too(shop: Shop) -> None:
    headers = {"cookie": f"okno={shop.session()}"}
    assert stream.place(f"/live/{shop.workspace.slug}", headers) is not None
    ask(shop, "everybody")
    assert stream.place(f"/live/{shop.workspace.slug}", headers) is None
    equip(shop, shop.owner_id)
    assert stream.place(f"/live/{shop.workspace.slug}", headers) is not None
