"""Every resource, every right, every scope: what a member reaches by the API is just what the declaration says.

For records of their own, of a team mate, of the department, of others and of nobody. After a refusal the row is
compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

import crm.features  # noqa: F401 (declares the resources)
from core.access import SCOPES, VERBS, Scope, scopes_in
from core.actions import ACTIONS
from core.api import RESOURCES, Resource
from core.ids import new_id
from tenants.models import Department, Member, Role, Team
from tests.factories import FACTORIES
from tests.shop import Api, Shop, open_shop

OWNERS = ("me", "mate", "colleague", "stranger", "nobody")
REACHED: dict[Scope, set[str]] = {
    "none": set(),
    "own": {"me"},
    "team": {"me", "mate"},
    "department": {"me", "colleague"},
    "all": set(OWNERS),
}
OWNED = sorted(path for path, resource in RESOURCES.items() if resource.model.owner_column)


@dataclass
class House:
    shop: Shop
    api: Api
    role_id: UUID
    members: dict[str, UUID | None]

    def give(self, kind: str, **scopes: Scope) -> None:
        """The member's role has these rights for the kind, and no others."""
        rights: dict[str, dict[str, Scope]] = {kind: scopes, "pipeline": {"view": "all"}, "member": {"view": "all"}}
        with self.shop.base.workspace(self.shop.workspace) as session, session.begin():
            role = session.get_one(Role, self.role_id)
            role.rights, role.scopes = rights, scopes_in(rights)


@pytest.fixture(scope="module")
def house(app: Flask) -> House:
    with app.test_request_context("/"):
        shop = open_shop(app)
    identities = {name: shop.member("sales", name) for name in ("me", "mate", "colleague", "stranger")}
    api = shop.api(identities["me"])
    with shop.base.workspace(shop.workspace) as session, session.begin():
        ours, theirs = new_id(), new_id()
        session.add_all(Department(id=one, name=str(one), path=[one]) for one in (ours, theirs))
        role = Role(name="The one tried", rights={}, scopes=[])
        session.add(role)
        session.flush()
        found = {one.name: one for one in session.query(Member)}
        for name, where in (("me", ours), ("colleague", ours), ("mate", theirs), ("stranger", theirs)):
            found[name].department_id = where
        found["me"].role_id = role.id
        session.add(Team(name="Fairs", member_ids=[found["me"].id, found["mate"].id]))
        return House(shop, api, role.id, {**{name: found[name].id for name in identities}, "nobody": None})


def records(house: House, resource: Resource) -> Iterator[tuple[str, UUID]]:
    """A fresh record of each owner the column admits."""
    model = resource.model
    column = model.owner_column
    assert column
    for owner in OWNERS:
        if owner == "nobody" and not model.__table__.columns[column].nullable:
            continue
        with house.shop.acting() as actor:
            made = FACTORIES[model.kind](actor, "Record")
            setattr(made, column, house.members[owner])
            actor.db.commit()
            yield owner, made.id


def row(house: House, resource: Resource, record_id: UUID) -> Any:
    return house.shop.rows(f"select * from {resource.model.__tablename__} where id = :id", id=record_id)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("path", OWNED)
def test_who_may_look_sees_just_what_the_scope_reaches(house: House, path: str, scope: Scope) -> None:
    resource = RESOURCES[path]
    kind, verb = ("contact", "import") if path == "imports" else (resource.model.kind, "view")
    house.give(kind, **{verb: scope})
    made = dict(records(house, resource))
    answer = house.api.get(f"/{path}?limit=200")
    listed = {row["id"] for row in answer.json["data"]} if answer.status_code == 200 else set()
    for owner, record_id in made.items():
        expected = owner in REACHED[scope]
        assert (str(record_id) in listed) == expected, (owner, "in the list")
        assert (house.api.get(f"/{path}/{record_id}").status_code == 200) == expected, owner


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("path", [path for path in OWNED if path not in ("imports", "exports")])
def test_who_may_look_at_all_changes_just_what_the_scope_reaches(house: House, path: str, scope: Scope) -> None:
    resource = RESOURCES[path]
    kind = resource.model.kind
    for verb, method, action in (("edit", "PATCH", resource.update), ("delete", "DELETE", resource.delete)):
        if action is None:
            continue
        house.give(kind, **{"view": "all", verb: scope})
        for owner, record_id in records(house, resource):
            before = row(house, resource, record_id)
            options: dict[str, Any] = {"If_Match": "*"} if method == "PATCH" else {}
            example = {name: value for name, value in resource.example.items() if not name.endswith("_id")}
            body = example if method == "PATCH" else None
            answer = house.api.call(method, f"/{path}/{record_id}", body, **options)
            if owner in REACHED[scope]:
                assert answer.status_code in (200, 204), (owner, verb, answer.json)
            else:
                assert answer.status_code == 403, (owner, verb)
                assert row(house, resource, record_id) == before


@pytest.mark.parametrize("path", OWNED)
def test_without_a_right_nothing_is_told_or_done(house: House, path: str) -> None:
    resource = RESOURCES[path]
    house.give("task" if resource.model.kind != "task" else "note", view="all")
    for _owner, record_id in records(house, resource):
        before = row(house, resource, record_id)
        for method in ("GET", "PATCH", "DELETE"):
            body: dict[str, Any] | None = {} if method == "PATCH" else None
            answer = house.api.call(method, f"/{path}/{record_id}", body, If_Match="*")
            assert answer.status_code in (403, 404, 405), (method, path)
        for verb in resource.verbs:
            assert house.api.post(f"/{path}/{record_id}/{verb}", {}).status_code in (403, 404), verb
        assert row(house, resource, record_id) == before
    assert house.api.get(f"/{path}").status_code == 403


def test_every_action_names_a_right_that_a_role_can_be_given() -> None:
    """An action whose right stands in no matrix and in no special right could be given to nobody but owners."""
    from core.access import EVERYBODY, OWN, SPECIAL, WORK

    given = {(kind, verb) for kind in WORK for verb in VERBS[kind]}
    given |= {right for parts in (*SPECIAL.values(), EVERYBODY, OWN) for right in parts}
    for action in ACTIONS.values():
        assert action.right in given, action.name
