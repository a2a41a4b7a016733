"""Scopes: whose records a right reaches, in WHERE and of one record in hand alike; and nothing wider may be given."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.access import (
    EVERYBODY,
    OWN,
    ROLES,
    SCOPES,
    SPECIAL,
    VERBS,
    WORK,
    Rights,
    Scope,
    covers,
    rights_of,
    wider,
    within,
)
from core.actor import Actor
from core.errors import Forbidden, Invalid
from core.ids import new_id
from crm.contacts.models import Contact
from tenants import departments, shares
from tenants.models import Member, Share
from tests.shop import Shop


def member_id(shop: Shop, identity_id: UUID) -> UUID:
    found = shop.rows("select id from member where identity_id = :id", id=identity_id)
    return UUID(str(found[0].id))


@pytest.fixture
def staffed(shop: Shop) -> dict[str, UUID]:
    """identity ids: a head above two departments, somebody in each, a team mate elsewhere, somebody in none."""
    people = {name: shop.member("sales", name) for name in ("head", "north", "deep", "south", "mate", "nowhere")}
    ids = {name: member_id(shop, one) for name, one in people.items()}
    with shop.acting() as actor:

        def department(name: str, **values: object) -> UUID:
            return departments.create(actor, departments.create.parse({"name": name, **values})).id

        top = department("Sales", head_id=ids["head"])
        north, south = department("North", parent_id=top), department("South", parent_id=top)
        deep = department("Far north", parent_id=north)
        for name, where in (("north", north), ("deep", deep), ("south", south), ("mate", south)):
            actor.db.get_one(Member, ids[name]).department_id = where
        team = {"name": "Fairs", "member_ids": [ids["north"], ids["mate"]]}
        departments.create_team(actor, departments.create_team.parse(team))
        actor.db.commit()
        for owner in (*ids.values(), None):
            contact = Contact(first_name="Jan", name="Jan", owner_id=owner)
            actor.db.add(contact)
        actor.db.commit()
    return people


def give(shop: Shop, scope: Scope, verb: str = "view") -> None:
    """Everybody who sells gets the scope for contacts."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        role = session.query(Member).filter(Member.name == "north").one().role
        role.rights = {**role.rights, "contact": {**role.rights["contact"], verb: scope}}
        role.scopes = sorted({*role.scopes, scope})


def seen(shop: Shop, identity_id: UUID) -> set[str]:
    """The names of the owners whose contacts somebody sees; "" for the contact of nobody."""
    with shop.acting(identity_id) as actor:
        rows = actor.db.execute(
            actor.visible(Contact, Member.name).select_from(Contact).outerjoin(Member, Member.id == Contact.owner_id)
        ).scalars()
        found = {name or "" for name in rows}
        agree(actor)
    return found


def agree(actor: Actor) -> None:
    """The condition and the answer about one record are the same for every record and scope."""
    visible = set(actor.db.scalars(actor.visible(Contact, Contact.id)))
    for contact in actor.db.scalars(select(Contact)):
        assert (contact.id in visible) == actor.may("contact", "view", contact)
        for scope in SCOPES:
            assert covers(scope, contact, actor.circle) == bool(
                actor.db.scalar(
                    select(Contact.id).where(Contact.id == contact.id, within(scope, Contact, actor.circle))
                )
            )


@pytest.mark.parametrize(
    ("scope", "who", "whose"),
    [
        ("none", "north", set()),
        ("own", "north", {"north"}),
        ("team", "north", {"north", "mate"}),
        ("team", "south", {"south"}),
        ("department", "north", {"north", "deep"}),
        ("department", "deep", {"deep"}),
        ("department", "south", {"south", "mate"}),
        ("department", "head", {"head", "north", "deep", "south", "mate"}),
        ("department", "nowhere", {"nowhere", "head", "Jana Dvořáková"}),
        ("all", "nowhere", {"nowhere", "head", "north", "deep", "south", "mate", ""}),
    ],
)
def test_a_scope_reaches_just_whom_it_says(
    shop: Shop, staffed: dict[str, UUID], scope: Scope, who: str, whose: set[str]
) -> None:
    give(shop, scope)
    found = seen(shop, staffed[who])
    assert found | {"Jana Dvořáková"} == whose | {"Jana Dvořáková"}


def test_a_change_of_rights_counts_from_the_next_request(shop: Shop, staffed: dict[str, UUID]) -> None:
    api = shop.api(staffed["north"])
    give(shop, "own")
    assert len(api.get("/contacts").json["data"]) == 1
    give(shop, "all")
    assert len(api.get("/contacts").json["data"]) == 7
    give(shop, "none")
    assert api.get("/contacts").status_code == 403


def test_moving_a_department_moves_what_is_below(shop: Shop, staffed: dict[str, UUID]) -> None:
    give(shop, "department")
    with shop.acting() as actor:
        tree = {one.name: one for one, _depth in departments.tree(actor)}
        change = {"id": tree["North"].id, "parent_id": tree["South"].id}
        departments.change(actor, departments.change.parse(change))
    assert seen(shop, staffed["south"]) == {"south", "mate", "north", "deep"}


def test_what_is_shared_is_seen_and_edited_beyond_the_role(shop: Shop, staffed: dict[str, UUID]) -> None:
    give(shop, "own")
    give(shop, "own", "edit")
    mine = member_id(shop, staffed["north"])
    with shop.acting() as actor:
        others = {name: actor.db.query(Contact).join(Member, Member.id == Contact.owner_id)
                  .filter(Member.name == name).one() for name in ("south", "deep")}  # fmt: skip
        for name, may_edit in (("south", True), ("deep", False)):
            given = {"kind": "contact", "record_id": others[name].id, "member_id": mine, "may_edit": may_edit}
            shares.share(actor, shares.share.parse(given))
    assert seen(shop, staffed["north"]) == {"north", "south", "deep"}
    api = shop.api(staffed["north"])
    assert api.patch(f"/contacts/{others['south'].id}", {"position": "x"}).status_code == 200
    assert api.patch(f"/contacts/{others['deep'].id}", {"position": "x"}).status_code == 403
    assert api.delete(f"/contacts/{others['south'].id}").status_code == 403
    with shop.acting() as actor:
        for share in actor.db.query(Share):
            shares.unshare(actor, shares.OneShare(id=share.id))
    assert seen(shop, staffed["north"]) == {"north"}
    assert shop.rows("select count(*) as n from contact where position = 'x'")[0].n == 1


def test_sharing_needs_the_right_to_edit_and_a_known_member(shop: Shop, staffed: dict[str, UUID]) -> None:
    with shop.acting() as owner:
        contact = owner.db.query(Contact).first()
        assert contact
    with shop.acting(shop.member("reader")) as reader:
        given = {"kind": "contact", "record_id": contact.id, "member_id": reader.member.id}
        with pytest.raises(Forbidden):
            shares.share(reader, shares.share.parse(given))
    with shop.acting() as owner, pytest.raises(Invalid):
        shares.share(owner, shares.share.parse({**given, "member_id": new_id()}))
    assert shop.rows("select count(*) as n from share")[0].n == 0


# ---- what is declared ----

scopes = st.sampled_from(SCOPES)
matrices = st.fixed_dictionaries({kind: st.fixed_dictionaries(dict.fromkeys(VERBS[kind], scopes)) for kind in WORK})
specials = st.sets(st.sampled_from(sorted(SPECIAL))).map(sorted)


@given(matrices, specials)
def test_rights_are_made_of_what_is_declared(matrix: Rights, special: list[str]) -> None:
    rights = rights_of(matrix, special)
    assert all(verb in VERBS[kind] for kind, verbs in rights.items() for verb in verbs)
    assert all(rights[kind][verb] == "all" for kind, verb in EVERYBODY)
    assert wider(rights, rights) == []
    assert wider(rights, ROLES["owner"]) == []


@given(matrices, matrices)
def test_what_is_wider_is_what_somebody_would_gain(one: Rights, other: Rights) -> None:
    gained = wider(one, other)
    for kind, verb in product(WORK, VERBS["contact"]):
        if verb in VERBS[kind]:
            beyond = SCOPES.index(one[kind][verb]) > SCOPES.index(other[kind][verb])
            assert ((kind, verb) in gained) == beyond


def test_every_special_right_is_declared() -> None:
    for parts in (*SPECIAL.values(), EVERYBODY, OWN):
        for kind, verb in parts:
            assert verb in VERBS[kind]
    reachable = {(kind, verb) for parts in (*SPECIAL.values(), EVERYBODY, OWN) for kind, verb in parts}
    reachable |= {(kind, verb) for kind in WORK for verb in VERBS[kind]}
    assert reachable == {(kind, verb) for kind, verbs in VERBS.items() for verb in verbs}
