"""How a program, a role and the API's document are told of the limits."""

from typing import Any

import crm.features  # noqa: F401 (declares the resources)
from core.access import ROLES
from core.openapi import document
from tenants import members, roles
from tests.crm.limits.paying import cap, create, live
from tests.shop import Shop


def test_a_program_is_told_which_limit_how_many_and_what_to_do(shop: Shop) -> None:
    cap(shop, contacts=1)
    create(shop)
    body = {"last_name": "Beneš"}
    owners = shop.api().post("/contacts", body, Idempotency_Key="one")
    assert (owners.status_code, owners.content_type) == (402, "application/problem+json")
    assert {name: owners.json[name] for name in ("limit", "used", "cap")} == {"limit": "contacts", "used": 1, "cap": 1}
    assert owners.json["detail"] == (
        "The one contact of your plan is in use. Choose a larger plan in Settings, and go on."
    )
    sellers = shop.api(shop.member("sales")).post("/contacts", body)
    assert sellers.json["detail"].endswith("Ask an owner of the workspace for a larger plan.")
    assert live(shop) == 1
    cap(shop, contacts=2)
    assert shop.api().post("/contacts", body, Idempotency_Key="one").status_code == 201


def test_the_key_of_a_refused_call_is_free_for_the_next_attempt(shop: Shop) -> None:
    cap(shop, contacts=0)
    api = shop.api()
    assert api.post("/contacts", {"last_name": "Beneš"}, Idempotency_Key="k").status_code == 402
    cap(shop, contacts=1)
    again = api.post("/contacts", {"last_name": "Beneš"}, Idempotency_Key="k")
    assert (again.status_code, live(shop)) == (201, 1)
    assert "Idempotent-Replayed" not in again.headers


def test_the_document_says_where_a_plan_may_be_full() -> None:
    paths: dict[str, Any] = document("http://localhost:8000")["paths"]
    full = {path for path, item in paths.items() for operation in item.values() if "402" in responses(operation)}
    # What clients send and quotes come with files, which take up room.
    assert full == {"/contacts", "/imports", "/quotes", "/requests"}


def responses(operation: Any) -> dict[str, Any]:
    return operation.get("responses", {}) if isinstance(operation, dict) else {}


def test_owners_change_the_plan_and_administrators_look(shop: Shop) -> None:
    assert ROLES["owner"]["billing"] == {"view": "all", "edit": "all"}
    with shop.acting(shop.member("admin", "Iva")) as admin:
        assert admin.may("billing", "view")
        assert not admin.may("billing", "edit")
        assert [owner.name for owner in members.owners(admin.db)] == ["Jana Dvořáková"]
        assert "usage" in roles.special_of(admin.rights)
        assert "billing" not in roles.special_of(admin.rights)
    with shop.acting(shop.member("sales")) as seller:
        assert not seller.may("billing", "view")


def test_a_role_of_ones_own_may_get_the_plan_too(shop: Shop) -> None:
    with shop.acting() as owner:
        made = roles.create(owner, roles.create.parse({"name": "Accountant", "matrix": {}, "special": ["billing"]}))
        assert roles.special_of(made.rights) == ["usage", "billing"]
