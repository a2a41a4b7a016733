"""SCIM: a provider keeps the list of members by its key, as RFC 7643 and 7644 have it, and reaches nothing else."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from core.access import ROLES
from core.errors import Forbidden
from crm.accounts.limits import limiter
from crm.scim.shapes import ERROR, LIST, PATCH, USER
from tenants import provisioning, roles, staff, tokens
from tenants.sign_on_models import Connection, Domain
from tests.shop import Shop

SCIM = "application/scim+json"


@dataclass
class Provider:
    """Who calls with a key."""

    shop: Shop
    key: str

    @classmethod
    def of(cls, shop: Shop, member: UUID | None = None) -> "Provider":
        with shop.acting(member) as actor:
            actor.rights = ROLES["owner"]
            return cls(shop, provisioning.create_token(actor, provisioning.NewToken(name="Entra"))[1])

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        given = {} if body is None else {"json": body, "content_type": SCIM}
        return self.shop.app.test_client().open(f"/scim/v2{path}", method=method, headers=headers, **given, **options)

    def make(self, who: str, /, **more: Any) -> dict[str, Any]:
        answer = self.call("POST", "/Users", self.user(who, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def user(self, who: str, /, **more: Any) -> dict[str, Any]:
        return {"schemas": [USER], "userName": f"{who}@{domain_of(self.shop)}", **more}

    def patch(self, identifier: str, *operations: dict[str, Any]) -> Any:
        return self.call("PATCH", f"/Users/{identifier}", {"schemas": [PATCH], "Operations": list(operations)})


def domain_of(shop: Shop) -> str:
    return f"{shop.workspace.slug}.example.org"


@pytest.fixture
def provider(shop: Shop) -> Provider:
    """A key of the owner, in a workspace with a proven domain and a role for who comes."""
    ready(shop)
    return Provider.of(shop)


def ready(shop: Shop) -> None:
    with shop.acting() as actor:
        reader = next(role.id for role in roles.all_roles(actor) if role.key == "reader")
        actor.db.add(Domain(name=domain_of(shop), code="x", proven_at=actor.db.scalar(text("select now()"))))
        actor.db.add(
            Connection(issuer="https://x", client_id="x", secret=b"", button="x", default_role_id=reader, role_map=[])
        )
        actor.db.commit()


def refused(answer: Any, status: int, kind: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == SCIM
    assert answer.json["schemas"] == [ERROR]
    assert answer.json["status"] == str(status)
    assert answer.json["detail"]
    assert answer.json.get("scimType") == kind


def rows(shop: Shop) -> list[Any]:
    return shop.rows("select member.*, role.key from member join role on role.id = member.role_id order by member.id")


def test_a_user_is_made_with_a_role_and_lives_in_the_workspace_alone(provider: Provider, shop: Shop) -> None:
    made = provider.make(
        "petr", externalId="abc-1", name={"givenName": "Petr", "familyName": "Nový"}, roles=[{"value": "sales"}]
    )
    assert made["userName"] == f"petr@{domain_of(shop)}"
    assert (made["displayName"], made["active"], made["externalId"]) == ("Petr Nový", True, "abc-1")
    assert made["roles"][0]["value"] == "sales"
    assert made["meta"]["location"] == f"http://localhost:8000/scim/v2/Users/{made['id']}"
    assert provider.call("GET", f"/Users/{made['id']}").json == made
    row = rows(shop)[-1]
    assert (str(row.id), row.key, row.state) == (made["id"], "sales", "active")
    with shop.base.controlling() as control:
        person = control.execute(text("select * from control.identity where id = :id"), {"id": row.identity_id}).one()
    assert (person.workspace_id, person.password_hash, person.name) == (shop.workspace.id, "", "Petr Nový")
    (event,) = shop.rows("select * from event where action = 'member.provision'")
    assert (event.via, event.kind, event.change) == ("scim", "member", "created")


def test_the_role_is_the_default_one_or_as_named_and_never_the_owners(provider: Provider, shop: Shop) -> None:
    assert provider.make("a")["roles"][0]["value"] == "reader"
    assert provider.make("b", roles=["Sales"])["roles"][0]["value"] == "sales"
    entra = [{"value": "reader"}, {"value": "head", "primary": True}]
    assert provider.make("c", roles=entra)["roles"][0]["value"] == "head"
    before = rows(shop)
    refused(provider.call("POST", "/Users", provider.user("d", roles=[{"value": "owner"}])), 403)
    refused(provider.call("POST", "/Users", provider.user("e", roles=[{"value": "nobody"}])), 400, "invalidValue")
    assert rows(shop) == before


def test_an_address_comes_once_and_of_a_proven_domain_alone(provider: Provider, shop: Shop) -> None:
    provider.make("petr")
    before = rows(shop)
    refused(provider.call("POST", "/Users", provider.user("PETR")), 409, "uniqueness")
    for address in ("petr@elsewhere.example", "nonsense", "", f"petr@sub.{domain_of(shop)}"):
        refused(provider.call("POST", "/Users", {"schemas": [USER], "userName": address}), 400, "invalidValue")
    refused(provider.call("POST", "/Users", {"schemas": [USER]}), 400, "invalidValue")
    assert rows(shop) == before


def test_the_list_is_filtered_and_paged(provider: Provider, shop: Shop) -> None:
    made = [provider.make(name, externalId=f"id-{name}") for name in ("a", "b", "c")]
    everybody = provider.call("GET", "/Users").json
    assert everybody["schemas"] == [LIST]
    assert everybody["totalResults"] == 4
    page = provider.call("GET", "/Users?startIndex=2&count=2").json
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (4, 2, 2)
    assert [one["id"] for one in page["Resources"]] == [made[0]["id"], made[1]["id"]]
    assert provider.call("GET", "/Users?count=0").json["Resources"] == []
    for asked in (
        f'userName eq "b@{domain_of(shop)}"', f'USERNAME EQ "B@{domain_of(shop)}"', 'externalId eq "id-b"',
    ):  # fmt: skip
        found = provider.call("GET", "/Users", query_string={"filter": asked}).json
        assert [one["id"] for one in found["Resources"]] == [made[1]["id"]], asked
    nobody = provider.call("GET", "/Users", query_string={"filter": 'userName eq "x@y.z"'})
    assert (nobody.status_code, nobody.json["totalResults"]) == (200, 0)
    for asked in ('userName sw "a"', 'userName eq "a" or active eq true', "nonsense", "userName eq 'a'", '"' * 300):
        refused(provider.call("GET", "/Users", query_string={"filter": asked}), 400, "invalidFilter")
    for injected in ("' or 1=1 --", '\\"; drop table member; --', "%", "\\u0000"):
        assert provider.call("GET", "/Users", query_string={"filter": f'userName eq "{injected}"'}).status_code < 500


def test_name_role_and_leaving_are_changed_as_providers_write_it(provider: Provider, shop: Shop) -> None:
    one = provider.make("petr")["id"]
    okta = {"op": "replace", "value": {"active": False}}
    entra = {"op": "Replace", "path": "active", "value": "True"}
    assert provider.patch(one, okta).json["active"] is False
    assert provider.patch(one, entra).json["active"] is True
    renamed = provider.patch(one, {"op": "replace", "path": "displayName", "value": "Petr Starý"}).json
    assert (renamed["displayName"], renamed["active"]) == ("Petr Starý", True)
    named = provider.patch(one, {"op": "replace", "value": {"name.formatted": "Petr Mladý"}}).json
    assert named["displayName"] == "Petr Mladý"
    role: dict[str, Any] = {"op": "replace", "path": 'roles[primary eq "True"].value', "value": "sales"}
    assert provider.patch(one, role).json["roles"][0]["value"] == "sales"
    role = {"op": "add", "path": f"{USER}:roles", "value": [{"value": "head"}]}
    assert provider.patch(one, role).json["roles"][0]["value"] == "head"
    unknown = {"op": "replace", "path": 'addresses[type eq "work"].country', "value": "CZ"}
    assert provider.patch(one, unknown, okta).json["active"] is False
    actions = [row.action for row in shop.rows("select action from event where via = 'scim' order by id")]
    assert actions.count("member.keep") == 7
    assert shop.rows("select name from member where id = :id", id=one)[0].name == "Petr Mladý"


def test_put_takes_the_whole_user_and_keeps_what_is_left_out(provider: Provider, shop: Shop) -> None:
    made = provider.make("petr", roles=["sales"])
    answer = provider.call("PUT", f"/Users/{made['id']}", provider.user("petr", displayName="Petr II", active=False))
    assert answer.status_code == 200
    assert (answer.json["displayName"], answer.json["active"]) == ("Petr II", False)
    assert answer.json["roles"][0]["value"] == "sales"
    before = rows(shop)
    refused(provider.call("PUT", f"/Users/{made['id']}", provider.user("pavel")), 400, "mutability")
    refused(provider.patch(made["id"], {"op": "replace", "path": "userName", "value": "x@y.z"}), 400, "mutability")
    refused(provider.patch(made["id"], {"op": "remove", "path": "active"}), 400, "mutability")
    refused(provider.patch(made["id"], {"op": "fly", "path": "active"}), 400, "invalidSyntax")
    refused(provider.call("PATCH", f"/Users/{made['id']}", {"Operations": []}), 400, "invalidSyntax")
    refused(provider.patch(made["id"], {"op": "replace", "path": "active", "value": "perhaps"}), 400, "invalidValue")
    assert rows(shop) == before


def test_delete_ends_the_work_and_the_tokens_and_keeps_the_member(provider: Provider, shop: Shop) -> None:
    made = provider.make("petr", roles=["sales"])
    (row,) = shop.rows("select identity_id from member where id = :id", id=made["id"])
    token = shop.token(row.identity_id)
    assert provider.call("DELETE", f"/Users/{made['id']}").status_code == 204
    assert provider.call("GET", f"/Users/{made['id']}").json["active"] is False
    answer = shop.app.test_client().get("/api/v1/contacts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert provider.call("DELETE", f"/Users/{made['id']}").status_code == 204


def test_an_owner_is_never_touched(provider: Provider, shop: Shop) -> None:
    (owner,) = rows(shop)
    before = rows(shop)
    for attempt in (
        provider.patch(str(owner.id), {"op": "replace", "value": {"active": False}}),
        provider.patch(str(owner.id), {"op": "replace", "value": {"displayName": "X"}}),
        provider.patch(str(owner.id), {"op": "replace", "value": {"roles": ["reader"]}}),
        provider.call("PUT", f"/Users/{owner.id}", {"userName": owner.email, "active": False}),
        provider.call("DELETE", f"/Users/{owner.id}"),
    ):
        refused(attempt, 403)
    assert rows(shop) == before
    assert provider.call("GET", f"/Users/{owner.id}").status_code == 200


def test_a_key_of_another_workspace_reaches_nobody_here(provider: Provider, shop: Shop, other: Shop) -> None:
    made = provider.make("petr")
    ready(other)
    stranger = Provider.of(other)
    before = rows(shop), rows(other)
    for method, body in (
        ("GET", None), ("DELETE", None), ("PUT", provider.user("petr", active=False)),
        ("PATCH", {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}),
    ):  # fmt: skip
        refused(stranger.call(method, f"/Users/{made['id']}", body), 404)
    assert made["userName"] not in stranger.call("GET", "/Users").text
    found = stranger.call("GET", "/Users", query_string={"filter": f'userName eq "{made["userName"]}"'})
    assert found.json["totalResults"] == 0
    refused(stranger.call("POST", "/Users", provider.user("pavel")), 400, "invalidValue")
    assert (rows(shop), rows(other)) == before
    _okno, _scim, number, secret = stranger.key.split("_", 3)
    assert number == str(other.workspace.id)
    forged = Provider(shop, f"okno_scim_{shop.workspace.id}_{secret}")
    refused(forged.call("GET", "/Users"), 401)


def test_without_a_living_key_nothing_is_said(provider: Provider, shop: Shop) -> None:
    for key in ("", "x", "okno_scim_1_x", shop.token(), provider.key[:-1], provider.key + "0"):
        for path in ("/Users", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes"):
            refused(Provider(shop, key).call("GET", path), 401)
    answer = shop.app.test_client().get("/api/v1/contacts", headers={"Authorization": f"Bearer {provider.key}"})
    assert answer.status_code == 401
    browser = shop.browser().get("/scim/v2/Users")
    refused(browser, 401)
    with shop.acting() as actor:
        (made,) = provisioning.tokens(actor)
        provisioning.revoke_token(actor, provisioning.OneToken(id=made.id))
    refused(provider.call("GET", "/Users"), 401)


def test_a_key_has_the_rights_of_who_made_it_and_ends_with_them(shop: Shop) -> None:
    ready(shop)
    admin = shop.member("admin")
    provider = Provider.of(shop, admin)
    made = provider.make("petr")
    with shop.acting() as owner:
        (row,) = [one for one in rows(shop) if one.identity_id == admin]
        values = {"name": "Office", "matrix": {}, "special": ["members"]}
        office = roles.create(owner, roles.create.parse(values))
        staff.give_role(owner, staff.GivenRole(id=row.id, role_id=office.id))
    refused(provider.patch(made["id"], {"op": "replace", "path": "roles", "value": ["head"]}), 403)
    with shop.acting() as owner:
        staff.leave(owner, staff.OneMember(id=row.id))
    refused(provider.call("GET", "/Users"), 401)
    assert [one.key for one in rows(shop) if str(one.id) == made["id"]] == ["reader"]


def test_a_key_is_made_by_who_may_manage_people_and_kept_as_a_hash(shop: Shop) -> None:
    with shop.acting() as owner:
        values = {"name": "Technician", "matrix": {}, "special": ["settings"]}
        technician = roles.create(owner, roles.create.parse(values))
        clerk = shop.member("reader")
        (row,) = [one for one in rows(shop) if one.identity_id == clerk]
        staff.give_role(owner, staff.GivenRole(id=row.id, role_id=technician.id))
    for member in (clerk, shop.member("sales")):
        with shop.acting(member) as actor, pytest.raises(Forbidden):
            provisioning.create_token(actor, provisioning.NewToken(name="x"))
    key = Provider.of(shop).key
    (kept,) = shop.rows("select * from scim_token")
    assert key not in str(kept)
    assert bytes(kept.hash) == tokens.hash_of(key)
    assert key not in str(shop.rows("select before, after from event"))


def test_it_says_what_it_can(provider: Provider) -> None:
    config = provider.call("GET", "/ServiceProviderConfig").json
    assert config["patch"]["supported"] is True
    assert config["bulk"]["supported"] is False
    assert config["filter"]["supported"] is True
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    types = provider.call("GET", "/ResourceTypes").json
    assert [one["endpoint"] for one in types["Resources"]] == ["/Users"]
    assert provider.call("GET", "/ResourceTypes/User").json == types["Resources"][0]
    schemas = provider.call("GET", "/Schemas").json["Resources"]
    assert provider.call("GET", f"/Schemas/{USER}").json == schemas[0]
    assert {one["name"] for one in schemas[0]["attributes"]} >= {"userName", "active", "roles", "displayName"}


def test_errors_have_scims_form_whatever_goes_wrong(provider: Provider) -> None:
    for method, path in (("GET", "/Users/nonsense"), ("GET", "/Groups"), ("POST", "/Bulk"), ("PUT", "/Users")):
        refused(provider.call(method, path, {} if method != "GET" else None), 404)
    refused(provider.call("POST", "/Users", data="{", content_type=SCIM), 400, "invalidSyntax")
    refused(provider.call("POST", "/Users", data="[]", content_type=SCIM), 400, "invalidSyntax")
    refused(provider.call("POST", "/Users", data="x", content_type="text/plain"), 400, "invalidSyntax")
    refused(provider.call("POST", "/Users", data=b" " * 2_000_000, content_type=SCIM), 413)
    for body in (provider.user("a\0b"), provider.user("x", displayName=7), provider.user("x", name="y")):
        refused(provider.call("POST", "/Users", body), 400, "invalidValue")


def test_a_flood_is_told_to_wait(provider: Provider, app: Flask, other: Shop) -> None:
    ready(other)
    patient = Provider.of(other)
    limiter.reset()
    found = {provider.call("GET", "/ResourceTypes/none").status_code for _ in range(601)}
    assert found == {404, 429}
    refused(provider.call("GET", "/Users"), 429)
    assert patient.call("GET", "/Users").status_code == 200
    limiter.reset()
