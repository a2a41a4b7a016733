"""People: invitations bound to one address, roles nobody gives beyond their own, the last owner, leaving."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid
from core.jobs import Place
from tenants import departments, explain, invitations, roles, staff, tokens
from tenants.directory import workspaces_of
from tenants.links import StaleLink
from tenants.models import Invitation, Member, Role
from tests.shop import Shop, new_person


def role_id(actor: Actor, key: str) -> UUID:
    return next(role.id for role in roles.all_roles(actor) if role.key == key)


def member_of(actor: Actor, identity_id: UUID) -> Member:
    return actor.db.query(Member).filter(Member.identity_id == identity_id).one()


def invited(shop: Shop, email: str = "", role: str = "sales") -> tuple[Invitation, str]:
    """An invitation and the link in its mail."""
    email = email or f"{shop.workspace.slug}@example.com"
    with shop.acting() as actor:
        values = {"emails": [email], "role_id": role_id(actor, role)}
        (made,) = invitations.invite(actor, invitations.invite.parse(values))
        url = invitations.address(shop.app.config["OKNO"], shop.workspace, made)
    return made, url.rsplit("/", 1)[1]


def opened(shop: Shop, link: str) -> invitations.Opened:
    return invitations.find(shop.base, link, shop.app.config["OKNO"])


def matrix(**scopes: Any) -> dict[str, Any]:
    return {"contact": scopes}


# ---- roles ----


def test_nobody_gives_a_right_that_they_lack(shop: Shop) -> None:
    with shop.acting() as owner:
        values = {"name": "Office", "matrix": matrix(view="own"), "special": ["members"]}
        office = roles.create(owner, roles.create.parse(values))
        values = {"name": "Sellers", "matrix": matrix(view="all"), "special": []}
        sellers = roles.create(owner, roles.create.parse(values))
        clerk = member_of(owner, shop.member("reader", "Clerk"))
        staff.give_role(owner, staff.GivenRole(id=clerk.id, role_id=office.id))
        reader = member_of(owner, shop.member("field", "Other"))
    before = shop.rows("select id, rights, role.name from role order by id")
    with shop.acting(clerk.identity_id) as actor:
        for attempt in (
            lambda: roles.create(actor, roles.create.parse({"name": "X", "matrix": matrix(view="team")})),
            lambda: roles.create(actor, roles.create.parse({"name": "X", "matrix": {}, "special": ["audit"]})),
            lambda: roles.change(actor, roles.change.parse({"id": office.id, "matrix": matrix(view="all")})),
            lambda: roles.change(actor, roles.change.parse({"id": sellers.id, "matrix": matrix(view="own")})),
            lambda: roles.delete(actor, roles.DeletedRole(id=sellers.id)),
            lambda: staff.give_role(actor, staff.GivenRole(id=reader.id, role_id=sellers.id)),
            lambda: staff.give_role(actor, staff.GivenRole(id=clerk.id, role_id=role_id(actor, "owner"))),
            lambda: invitations.invite(
                actor, invitations.invite.parse({"emails": ["a@example.com"], "role_id": sellers.id})
            ),
        ):
            with pytest.raises(Forbidden):
                attempt()
        roles.create(actor, roles.create.parse({"name": "Less", "matrix": matrix(view="own")}))
    assert shop.rows("select id, rights, role.name from role where name <> 'Less' order by id") == before
    assert shop.rows("select count(*) as n from invitation")[0].n == 0


def test_the_owners_role_stays_as_it_is(shop: Shop) -> None:
    with shop.acting() as owner:
        one = role_id(owner, "owner")
        with pytest.raises(Busy):
            roles.change(owner, roles.change.parse({"id": one, "matrix": {}}))
        with pytest.raises(Busy):
            roles.delete(owner, roles.DeletedRole(id=one))


def test_a_role_that_goes_hands_its_people_on(shop: Shop) -> None:
    invited(shop)
    with shop.acting() as owner:
        seller = member_of(owner, shop.member("sales"))
        sales = role_id(owner, "sales")
        with pytest.raises(Invalid):
            roles.delete(owner, roles.DeletedRole(id=sales))
        roles.delete(owner, roles.DeletedRole(id=sales, to_role_id=role_id(owner, "reader")))
        reader = role_id(owner, "reader")
    assert shop.rows("select role_id from member where id = :id", id=seller.id)[0].role_id == reader
    assert shop.rows("select role_id from invitation")[0].role_id == reader


@pytest.mark.parametrize(
    "values",
    [
        {"name": "X", "matrix": {"token": {"view": "all"}}},
        {"name": "X", "matrix": {"contact": {"fly": "all"}}},
        {"name": "X", "matrix": {"contact": {"view": "galaxy"}}},
        {"name": "X", "matrix": {}, "special": ["billing of others"]},
        {"name": "", "matrix": {}},
        {"name": "X", "matrix": {}, "rights": {"contact": {"view": "all"}}},
        {"name": "X", "matrix": {}, "key": "owner"},
    ],
)
def test_a_role_takes_declared_rights_alone(shop: Shop, values: dict[str, Any]) -> None:
    with shop.acting(), pytest.raises(Invalid):
        roles.create.parse(values)


def test_two_roles_cannot_have_one_name(shop: Shop) -> None:
    with shop.acting() as owner, pytest.raises(Invalid):
        roles.create(owner, roles.create.parse({"name": "sales", "matrix": {}}))


# ---- owners ----


def test_the_last_owner_can_neither_leave_nor_be_demoted(shop: Shop) -> None:
    with shop.acting() as owner:
        me = owner.member.id
        with pytest.raises(Busy):
            staff.leave(owner, staff.OneMember(id=me))
        with pytest.raises(Busy):
            staff.give_role(owner, staff.GivenRole(id=me, role_id=role_id(owner, "admin")))
    with shop.acting(shop.member("admin")) as admin:
        with pytest.raises(Forbidden):
            staff.leave(admin, staff.OneMember(id=me))
        with pytest.raises(Forbidden):
            staff.give_role(admin, staff.GivenRole(id=me, role_id=role_id(admin, "reader")))
        with pytest.raises(Forbidden):
            staff.give_role(admin, staff.GivenRole(id=admin.member.id, role_id=role_id(admin, "owner")))
        with pytest.raises(Forbidden):
            staff.hand_over(admin, staff.OneMember(id=admin.member.id))
    state = shop.rows("select state, role.key from member join role on role.id = role_id where member.id = :id", id=me)
    assert state == [("active", "owner")]


def test_two_owners_who_demote_each_other_leave_one(app: Flask, shop: Shop) -> None:
    second = shop.member("admin")
    with shop.acting() as owner:
        staff.give_role(owner, staff.GivenRole(id=member_of(owner, second).id, role_id=role_id(owner, "owner")))
    ready, ended = threading.Barrier(2), []

    def demote(actor_id: UUID, other_id: UUID) -> None:
        with shop.acting(actor_id) as actor:
            values = staff.GivenRole(id=member_of(actor, other_id).id, role_id=role_id(actor, "reader"))
            ready.wait(10)
            try:
                staff.give_role(actor, values)
                ended.append("done")
            except (Busy, Forbidden) as refusal:
                ended.append(type(refusal).__name__)

    threads = [
        threading.Thread(target=demote, args=pair) for pair in ((shop.owner_id, second), (second, shop.owner_id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    owners = "select count(*) as n from member join role on role.id = role_id where key = 'owner' and state = 'active'"
    assert shop.rows(owners)[0].n == 1
    assert sorted(ended) == ["Busy", "done"]


def test_the_workspace_is_handed_over(shop: Shop) -> None:
    second = shop.member("reader")
    with shop.acting() as owner:
        staff.hand_over(owner, staff.OneMember(id=member_of(owner, second).id))
    rows = shop.rows("select identity_id, key from member join role on role.id = role_id")
    assert {row.identity_id: row.key for row in rows} == {shop.owner_id: "admin", second: "owner"}


# ---- leaving ----


def test_who_leaves_is_let_in_nowhere_from_the_next_request(shop: Shop) -> None:
    leaving = shop.member("sales")
    api, browser = shop.api(leaving), shop.browser(leaving)
    assert api.get("/contacts").status_code == 200
    with shop.acting() as owner:
        member = staff.leave(owner, staff.OneMember(id=member_of(owner, leaving).id))
    assert api.get("/contacts").status_code == 401
    assert browser.get(shop.path("/today")).status_code == 403
    assert (
        shop.rows("select count(*) as n from token where member_id = :id and deleted_at is null", id=member.id)[0].n
        == 0
    )
    place = Place(shop.base, shop.workspace, 0, lambda: True)
    staff.shut_out(place, str(leaving))
    with shop.base.controlling() as control:
        assert workspaces_of(control, leaving) == []
    assert browser.get("/account/").status_code == 303
    with shop.acting() as owner:
        staff.come_back(owner, staff.OneMember(id=member.id))
    staff.let_in(place, str(leaving))
    with shop.base.controlling() as control:
        assert [one.id for one in workspaces_of(control, leaving)] == [shop.workspace.id]
    assert api.get("/contacts").status_code == 401, "a token that was taken away stays away"


def test_only_who_manages_people_changes_them(shop: Shop) -> None:
    head = shop.member("head")
    with shop.acting(head) as actor:
        me = actor.member.id
        for attempt in (
            lambda: staff.change(actor, staff.change.parse({"id": me, "position": "Boss"})),
            lambda: staff.give_role(actor, staff.GivenRole(id=me, role_id=role_id(actor, "admin"))),
            lambda: staff.leave(actor, staff.OneMember(id=me)),
            lambda: departments.create(actor, departments.create.parse({"name": "Mine"})),
            lambda: explain.look_as(actor, explain.Looked(id=me)),
        ):
            with pytest.raises(Forbidden):
                attempt()
    assert shop.rows("select position from member where id = :id", id=me)[0].position == ""


@pytest.mark.parametrize("hours", [{"mon": ["8", "16"]}, {"xxx": ["08:00", "16:00"]}, {"mon": ["16:00", "08:00"]}])
def test_wrong_hours_are_refused(shop: Shop, hours: dict[str, list[str]]) -> None:
    with shop.acting(), pytest.raises(Invalid):
        staff.change.parse({"id": shop.owner_id, "working_hours": hours})


# ---- departments ----


def test_departments_close_no_circle(shop: Shop) -> None:
    with shop.acting() as actor:
        top = departments.create(actor, departments.create.parse({"name": "Top"})).id
        low = departments.create(actor, departments.create.parse({"name": "Low", "parent_id": top})).id
        for parent in (top, low):
            with pytest.raises(Invalid):
                departments.change(actor, departments.change.parse({"id": top, "parent_id": parent}))
    assert [row.parent_id for row in shop.rows("select parent_id from department order by id")] == [None, top]


def test_a_department_that_goes_leaves_its_people_above(shop: Shop) -> None:
    with shop.acting() as actor:
        top = departments.create(actor, departments.create.parse({"name": "Top"}))
        low = departments.create(actor, departments.create.parse({"name": "Low", "parent_id": top.id}))
        deep = departments.create(actor, departments.create.parse({"name": "Deep", "parent_id": low.id}))
        staff.change(actor, staff.change.parse({"id": actor.member.id, "department_id": low.id}))
        departments.delete(actor, departments.One(id=low.id))
    assert shop.rows("select department_id from member")[0].department_id == top.id
    assert shop.rows("select path from department where id = :id", id=deep.id)[0].path == [top.id, deep.id]


# ---- invitations ----


def test_one_joins_with_a_new_account_and_the_role_of_the_invitation(shop: Shop) -> None:
    _made, link = invited(shop)
    with shop.app.test_request_context("/"):
        person = invitations.enrol(shop.base, opened(shop, link), "Petr Malý", "three words in a row")
        invitations.accept(shop.base, opened(shop, link), person, "10.0.0.1")
        with pytest.raises(StaleLink):
            opened(shop, link)
    assert person.confirmed_at
    row = shop.rows(
        "select member.name, email, key, state from member join role on role.id = role_id where identity_id = :id",
        id=person.id,
    )
    assert row == [("Petr Malý", f"{shop.workspace.slug}@example.com", "sales", "active")]
    events = shop.rows("select action, address, kind from event where action = 'member.join' order by kind")
    assert {(row.action, row.address) for row in events} == {("member.join", "10.0.0.1")}
    with shop.base.controlling() as control:
        assert [one.slug for one in workspaces_of(control, person.id)] == [shop.workspace.slug]


def test_an_invitation_is_for_its_address_its_workspace_and_once(shop: Shop, other: Shop) -> None:
    _made, link = invited(shop)
    stranger = new_person(shop.base, "Eva")
    with shop.app.test_request_context("/"):
        with pytest.raises(Forbidden):
            invitations.accept(shop.base, opened(shop, link), stranger, "")
        forged = link.replace(f"{shop.workspace.id}-", f"{other.workspace.id}-", 1)
        for wrong in (forged, link[:-1] + ("A" if link[-1] != "A" else "B"), f"{link}x", "1-2"):
            with pytest.raises(StaleLink):
                opened(shop, wrong)
        found = opened(shop, link)
        person = invitations.enrol(shop.base, found, "Petr", "three words in a row")
        results: list[str] = []

        def accept() -> None:
            try:
                invitations.accept(shop.base, found, person, "")
                results.append("in")
            except StaleLink:
                results.append("stale")

        threads = [threading.Thread(target=accept) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(results) == ["in", "stale", "stale", "stale"]
    assert shop.rows("select count(*) as n from member")[0].n == 2
    assert other.rows("select count(*) as n from member")[0].n == 1


def test_an_invitation_withdrawn_too_old_or_of_somebody_who_left_opens_nothing(shop: Shop) -> None:
    admin = shop.member("admin")
    with shop.acting(admin) as actor:
        values = {"emails": ["a@example.com", "b@example.com", "c@example.com"], "role_id": role_id(actor, "reader")}
        made = invitations.invite(actor, invitations.invite.parse(values))
        links = [invitations.address(shop.app.config["OKNO"], shop.workspace, one).rsplit("/", 1)[1] for one in made]
        invitations.withdraw(actor, invitations.OneInvitation(id=made[0].id))
        actor.db.get_one(Invitation, made[1].id).expires_at = datetime.now(UTC) - timedelta(minutes=1)
        actor.db.commit()
    opened(shop, links[2])
    with shop.acting() as owner:
        staff.leave(owner, staff.OneMember(id=member_of(owner, admin).id))
    for link in links:
        with pytest.raises(StaleLink):
            opened(shop, link)


def test_inviting_again_renews_and_somebody_here_is_not_invited(shop: Shop) -> None:
    invited(shop)
    invited(shop, role="reader")
    rows = shop.rows("select sent, key from invitation join role on role.id = role_id")
    assert rows == [(2, "reader")]
    with shop.acting() as owner:
        here = owner.member.email
        values = {"emails": [here.upper()], "role_id": role_id(owner, "reader")}
        with pytest.raises(Invalid):
            invitations.invite(owner, invitations.invite.parse(values))
        owner.confirmed = False
        with pytest.raises(Forbidden):
            invitations.invite(owner, invitations.invite.parse({**values, "emails": ["d@example.com"]}))


def test_who_left_comes_back_by_an_invitation(shop: Shop) -> None:
    leaving = shop.member("sales")
    with shop.acting() as owner:
        member = staff.leave(owner, staff.OneMember(id=member_of(owner, leaving).id))
    with shop.base.controlling() as control:
        from tenants.models import Person

        person = control.get_one(Person, leaving)
    _made, link = invited(shop, person.email, "reader")
    with shop.app.test_request_context("/"):
        invitations.accept(shop.base, opened(shop, link), person, "")
    rows = shop.rows("select state, key from member join role on role.id = role_id where member.id = :id", id=member.id)
    assert rows == [("active", "reader")]


def test_a_workspace_sends_so_many_invitations_a_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "DAILY", 3)
    invited(shop, "a@example.com")
    with shop.acting() as owner:
        values = {"emails": [f"{n}@example.com" for n in range(3)], "role_id": role_id(owner, "reader")}
        with pytest.raises(Busy):
            invitations.invite(owner, invitations.invite.parse(values))
    assert shop.rows("select count(*) as n from invitation")[0].n == 1


# ---- why ----


def test_the_reasons_end_in_what_is_true(shop: Shop) -> None:
    from crm.deals import actions as deals

    with shop.acting() as owner:
        deal = deals.create(owner, deals.create.parse({"name": "Windows"}))
        for key in ("owner", "head", "sales", "field", "reader"):
            identity = shop.owner_id if key == "owner" else shop.member(key, key)
            who = member_of(owner, identity)
            for verb in ("view", "edit", "delete", "assign"):
                answer = explain.explain(owner, who.id, "deal", verb, deal.id)
                with shop.acting(identity) as actor:
                    assert answer.allowed == actor.may("deal", verb, deal), (key, verb)
                assert len(answer.reasons) >= 2
    assert tokens.LIFE


def test_looking_with_wider_eyes_is_refused(shop: Shop) -> None:
    with shop.acting() as owner:
        values = {"name": "People alone", "matrix": {}, "special": ["members"]}
        narrow = roles.create(owner, roles.create.parse(values))
        clerk = member_of(owner, shop.member("reader", "Clerk"))
        staff.give_role(owner, staff.GivenRole(id=clerk.id, role_id=narrow.id))
        head = member_of(owner, shop.member("head", "Head"))
    with shop.acting(clerk.identity_id) as actor, pytest.raises(Forbidden):
        explain.look_as(actor, explain.Looked(id=head.id))
    assert shop.rows("select count(*) as n from event where action = 'member.see_as'")[0].n == 0
    with shop.base.workspace(shop.workspace) as session:
        assert session.query(Role).count() == 7
