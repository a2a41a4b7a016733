"""Logging in by a workspace's provider: who comes in, as whom, and who does not, whatever the provider says.

The provider runs here (tests.idp). After each refusal the tests look whether anybody or anything came to be.
"""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from crm.sso import connections
from tenants import arrivals, identities, members, provider, roles, staff
from tests.crm.limits.paying import cap, value
from tests.crm.sso.office import Office, role_id, send, went
from tests.idp import past
from tests.shop import new_person


def state_of(office: Office) -> dict[str, Any]:
    """What a refused log-in must leave alone."""
    counted = {
        "identities": "select count(*) as n from control.identity where workspace_id = :me",
        "sessions": "select count(*) as n from control.sign_in where workspace_id = :me",
        "memberships": "select count(*) as n from control.membership where workspace_id = :me",
    }
    found = {name: office.control(sql, me=office.number)[0].n for name, sql in counted.items()}
    rows = office.shop.rows("select (select count(*) from member) m, (select count(*) from link) l")
    return {**found, "rows": tuple(rows[0]), "roles": [(row.email, row.key, row.state) for row in office.members()]}


def refused(office: Office, answer: Any, before: dict[str, Any], client: FlaskClient) -> None:
    assert answer.status_code == 403, (answer.status_code, answer.location)
    assert state_of(office) == before
    assert client.get(office.shop.path("/today")).status_code == 303


# ---- in ----


def test_somebody_new_is_told_when_every_seat_is_taken_and_comes_in_later(office: Office) -> None:
    office.ready()
    cap(office.shop, users=1)
    office.idp.user("u9", email=office.address("iva"), email_verified=True, name="Iva Nová")
    client = office.stranger()
    answer = office.come(client, "u9")
    assert "Every seat of the workspace is taken." in answer.text
    assert client.get(office.shop.path("/today")).status_code == 303
    assert (len(office.members()), value(office.shop, "users")) == (1, 1)
    assert office.control("select 1 from control.identity where email = :email", email=office.address("iva")) == []
    cap(office.shop, users=2)
    went(office.come(client, "u9"), office.shop.path("/today"))
    assert (len(office.members()), value(office.shop, "users")) == (2, 2)


def test_somebody_new_comes_in_with_the_role_that_the_map_gives(office: Office) -> None:
    with office.shop.acting() as actor:
        reader = role_id(actor, "reader")
    office.ready(role_claim="groups", role_map=[{"value": "auditors", "role_id": reader}])
    office.idp.user("u1", email=office.address(), email_verified=True, name="Petr Nový", groups=["all", "auditors"])
    client = office.stranger()
    went(office.come(client, "u1", "/contacts/"), office.shop.path("/contacts/"))
    assert client.get(office.shop.path("/contacts/")).status_code == 200
    (made,) = [row for row in office.members() if row.email == office.address()]
    assert (made.name, made.key, made.state) == ("Petr Nový", "reader", "active")
    (event,) = office.shop.rows("select * from event where action = 'member.join' and kind = 'member'")
    assert event.member_id == made.id
    (person,) = office.control("select * from control.identity where id = :id", id=made.identity_id)
    assert (person.workspace_id, person.password_hash) == (office.number, "")


def test_the_way_there_has_a_state_a_nonce_and_a_challenge(office: Office) -> None:
    office.ready()
    client = office.stranger()
    asked = parse_qs(urlsplit(office.leave(client)).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"http://localhost:8000/sso/{office.number}/back"]
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    other = parse_qs(urlsplit(office.leave(client)).query)
    assert not any(asked[name] == other[name] for name in ("state", "nonce", "code_challenge"))


def test_the_same_person_is_known_by_the_subject_whatever_address_they_have_now(office: Office) -> None:
    office.ready()
    office.idp.user("u2", email=office.address("first"), name="Jana")
    went(office.come(office.stranger(), "u2"), office.shop.path("/today"))
    office.idp.user("u2", email="elsewhere@example.net", name="Jana")
    went(office.come(office.stranger(), "u2"), office.shop.path("/today"))
    assert [row.email for row in office.members()][1:] == [office.address("first")]


def test_es256_is_taken_too(office: Office) -> None:
    office.ready()
    office.idp.user("u3", email=office.address())
    office.idp.signing = "ES256"
    went(office.come(office.stranger(), "u3"), office.shop.path("/today"))


def test_the_login_of_the_workspace_offers_the_button_and_that_of_others_does_not(
    office: Office, another: Office
) -> None:
    office.ready()
    client = office.stranger()
    page = client.get(f"/login?next={office.shop.path('/deals/')}").text
    assert "Log in with Pilot" in page
    assert f"/sso/{office.number}/begin" in page
    assert "Log in with Pilot" not in client.get(f"/login?next={another.shop.path('/deals/')}").text
    assert "Log in with Pilot" not in client.get("/login").text


def test_an_address_of_a_proven_domain_leads_from_the_login_to_its_workspaces(office: Office, another: Office) -> None:
    office.ready()
    another.connect()
    client = office.stranger()
    page = send(client, "/sso/find", "/login", email=office.address()).text
    assert f"/sso/{office.number}/begin" in page
    assert f"/sso/{another.number}/begin" not in page
    assert "/begin" not in send(client, "/sso/find", "/login", email=another.address()).text


def test_the_role_follows_the_map_at_each_login_but_owners_keep_theirs(office: Office) -> None:
    with office.shop.acting() as actor:
        reader, head = role_id(actor, "reader"), role_id(actor, "head")
        lines = [{"value": "boss", "role_id": head}, {"value": "look", "role_id": reader}]
    office.ready(role_claim="team", role_map=lines)
    office.idp.user("u4", email=office.address(), team="look")
    office.come(office.stranger(), "u4")
    office.idp.user("u4", email=office.address(), team="boss")
    office.come(office.stranger(), "u4")
    (made,) = [row for row in office.members() if row.email == office.address()]
    assert made.key == "head"
    assert office.shop.rows("select count(*) as n from event where action = 'member.give_role'")[0].n == 1
    with office.shop.acting() as actor:
        staff.give_role(actor, staff.GivenRole(id=made.id, role_id=role_id(actor, "owner")))
    office.come(office.stranger(), "u4")
    assert [row.key for row in office.members() if row.email == office.address()] == ["owner"]


def test_a_role_that_is_gone_gives_nothing(office: Office) -> None:
    with office.shop.acting() as actor:
        made = roles.create(actor, roles.create.parse({"name": "Fitters", "matrix": {}}))
    office.ready(role_claim="team", role_map=[{"value": "fit", "role_id": made.id}], default_role_id=None)
    with office.shop.acting() as actor:
        roles.delete(actor, roles.DeletedRole(id=made.id))
    office.idp.user("u5", email=office.address(), team="fit")
    before, client = state_of(office), office.stranger()
    refused(office, office.come(client, "u5"), before, client)
    with office.shop.acting() as actor:
        connection = arrivals.present(actor.db)
        assert connection
        connection.default_role_id = role_id(actor, "reader")
        actor.db.commit()
    went(office.come(client, "u5"), office.shop.path("/today"))
    assert office.members()[-1].key == "reader"


# ---- not in ----


@pytest.mark.parametrize(
    ("claims", "signing"),
    [
        ({"iss": "https://evil.example"}, ""),
        ({"iss": None}, ""),
        ({"aud": "somebody else"}, ""),
        ({"aud": ["somebody else", "another"]}, ""),
        ({"aud": None}, ""),
        ({"azp": "somebody else"}, ""),
        ({"exp": past(3600)}, ""),
        ({"exp": None}, ""),
        ({"iat": -past(0) + 10**11}, ""),
        ({"nbf": 10**11}, ""),
        ({"nonce": "another"}, ""),
        ({"nonce": None}, ""),
        ({"nonce": None, "nonce_supported": False}, ""),
        ({"sub": ""}, ""),
        ({"sub": None}, ""),
        ({"sub": "x" * 300}, ""),
        ({}, "none"),
        ({}, "HS256"),
        ({}, "RS512"),
        ({}, "stranger"),
    ],
)
def test_a_token_that_is_not_for_us_is_refused(office: Office, claims: dict[str, Any], signing: str) -> None:
    office.ready()
    office.idp.user("u6", email=office.address())
    before, client = state_of(office), office.stranger()
    office.idp.claims, office.idp.signing = claims, signing
    refused(office, office.come(client, "u6"), before, client)
    office.idp.straight()
    went(office.come(client, "u6"), office.shop.path("/today"))


def test_a_state_is_good_once_in_the_browser_that_began(office: Office) -> None:
    office.ready()
    office.idp.user("u7", email=office.address())
    client, thief = office.stranger(), office.stranger()
    before = state_of(office)
    back = office.idp.authorize(office.leave(client), "u7")
    office.leave(thief)
    for path in (back, back.replace("state=", "state=x"), back.split("&state")[0].split("state=")[0]):
        refused(office, thief.get(path), before, thief)
    refused(office, client.get(back.replace("state=", "state=x")), before, client)
    went(client.get(back), office.shop.path("/today"))
    client.delete_cookie("okno")
    assert client.get(back).status_code == 403


def test_a_state_of_one_workspace_is_nothing_in_another(office: Office, another: Office) -> None:
    office.ready()
    another.ready()
    office.idp.user("u8", email=office.address())
    client = office.stranger()
    back = office.idp.authorize(office.leave(client), "u8")
    before = state_of(another)
    moved = back.replace(f"/sso/{office.number}/", f"/sso/{another.number}/")
    assert client.get(moved).status_code == 403
    assert state_of(another) == before


def test_an_old_trip_is_over(office: Office) -> None:
    office.ready()
    office.idp.user("u9", email=office.address())
    client, before = office.stranger(), state_of(office)
    back = office.idp.authorize(office.leave(client), "u9")
    office.control(
        "update control.sign_on_trip set created_at = now() - interval '11 minutes' where workspace_id = :me",
        me=office.number,
    )
    refused(office, client.get(back), before, client)


def test_a_code_is_worth_nothing_without_its_verifier(office: Office) -> None:
    """The provider checks it; here, that ours is the one that belongs to the code."""
    office.ready()
    office.idp.user("u10", email=office.address())
    client, other, before = office.stranger(), office.stranger(), state_of(office)
    stolen = parse_qs(urlsplit(office.idp.authorize(office.leave(other), "u10")).query)["code"][0]
    back = urlsplit(office.idp.authorize(office.leave(client), "u10"))
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | {"code": stolen}
    refused(office, client.get(f"{back.path}?{urlencode(query)}"), before, client)


def test_the_providers_refusal_and_another_issuer_are_said(office: Office) -> None:
    office.ready()
    office.idp.user("u11", email=office.address())
    client, before = office.stranger(), state_of(office)
    refused(office, client.get(office.idp.authorize(office.leave(client), "u11", action="deny")), before, client)
    back = office.idp.authorize(office.leave(client), "u11")
    refused(office, client.get(f"{back}&iss=https://evil.example"), before, client)
    office.idp.metadata = {"authorization_response_iss_parameter_supported": True}
    provider.known.clear()
    refused(office, client.get(office.idp.authorize(office.leave(client), "u11")), before, client)


def test_an_unproven_domain_an_unconfirmed_address_and_none_bring_nobody_in(office: Office) -> None:
    office.ready()
    strays: tuple[dict[str, Any], ...] = (
        {"email": "petr@elsewhere.example"},
        {"email": f"petr@sub.{office.domain}"},
        {"email": f"petr@{office.domain}.evil.example"},
        {"email": office.address(), "email_verified": False},
        {"email": office.address(), "email_verified": "false"},
        {"email": ""},
        {},
    )
    for number, claims in enumerate(strays):
        office.idp.user(f"stray-{number}", **claims)
        before, client = state_of(office), office.stranger()
        refused(office, office.come(client, f"stray-{number}"), before, client)


def test_a_page_of_somebody_else_sends_nobody_to_a_provider(office: Office) -> None:
    """It would put them into a workspace of the attacker's, in the place of the session they have."""
    office.ready()
    client = office.shop.browser()
    for site in ("cross-site", "same-site"):
        answer = client.get(f"/sso/{office.number}/begin?next=/x", headers={"Sec-Fetch-Site": site})
        went(answer, f"/sso/{office.number}")
    for site in ("same-origin", "none"):
        answer = client.get(f"/sso/{office.number}/begin", headers={"Sec-Fetch-Site": site})
        assert answer.location.startswith(office.idp.issuer)
    assert client.get(office.shop.path("/today")).status_code == 200


# ---- whose account ----


def test_another_workspaces_provider_cannot_mean_an_owner_elsewhere(office: Office, another: Office) -> None:
    """The attack on Sentry: an IdP of one's own asserts the address of somebody in another organisation."""
    office.ready()
    another.ready()
    with office.shop.acting() as actor:
        owner = actor.member
    another.idp.user("evil", email=owner.email, email_verified=True, name="Evil")
    client, before = another.stranger(), (state_of(office), state_of(another))
    refused(another, another.come(client, "evil"), before[1], client)
    another.prove(owner.email.partition("@")[2])
    went(another.come(client, "evil"), another.shop.path("/today"))
    assert client.get(another.shop.path("/today")).status_code == 200
    for path in (office.shop.path("/today"), "/account/", "/account/workspaces", "/account/second-factor"):
        assert client.get(path).location.startswith("/login?"), path
    assert state_of(office) == before[0]
    (made,) = [row for row in another.members() if row.email == owner.email]
    assert made.identity_id != owner.identity_id
    assert office.shop.workspace.slug not in client.get(another.shop.path("/today")).text


def test_a_session_of_single_sign_on_ends_at_its_workspace_even_for_a_member_of_both(
    office: Office, another: Office
) -> None:
    office.ready()
    with another.shop.acting() as actor:
        both = staff_of(another, actor.member.identity_id, office)
    client = another.shop.browser(both)
    office.idp.user("both", email="whoever@example.net")
    went(office.come(client, "both"), f"/sso/{office.number}/link")
    went(send(client, f"/sso/{office.number}/link"), office.shop.path("/today"))
    bound = office.stranger()
    went(office.come(bound, "both"), office.shop.path("/today"))
    assert bound.get(office.shop.path("/today")).status_code == 200
    assert bound.get(another.shop.path("/today")).location.startswith("/login?")
    assert bound.get("/account/").location.startswith("/login?")
    assert another.shop.workspace.slug not in bound.get(office.shop.path("/today")).text
    assert client.get(another.shop.path("/today")).status_code == 200


def staff_of(home: Office, identity_id: Any, office: Office) -> Any:
    """The person of one workspace works in the other too."""
    with office.shop.base.controlling() as control:
        members.enter_directory(control, identity_id, office.number)
    with office.shop.base.workspace(office.shop.workspace) as session, session.begin():
        members.join(session, identity_id, "Both", f"both@{home.domain}", "sales", "en", "UTC")
    return identity_id


def test_a_member_with_the_address_links_it_from_their_own_session_alone(office: Office) -> None:
    office.ready()
    seller = office.shop.member("sales")
    (row,) = [row for row in office.members() if row.identity_id == seller]
    office.prove(row.email.partition("@")[2])
    office.idp.user("u12", email=row.email, email_verified=True)
    client, before = office.stranger(), state_of(office)
    went(office.come(client, "u12"), f"/sso/{office.number}/link")
    page = client.get(f"/sso/{office.number}/link").text
    assert "/login?" in page
    assert "Yes, link" not in page
    assert client.get(office.shop.path("/today")).status_code == 303
    assert send(client, f"/sso/{office.number}/link", "/login").status_code == 303
    assert state_of(office) == before
    client.set_cookie("okno", office.shop.session(seller))
    assert "Yes, link" in client.get(f"/sso/{office.number}/link").text
    went(send(client, f"/sso/{office.number}/link"), office.shop.path("/today"))
    (link,) = office.shop.rows("select * from link")
    assert link.member_id == row.id
    assert office.shop.rows("select member_id from event where action = 'link.create'")[0].member_id == row.id
    assert client.get(f"/sso/{office.number}/link").status_code == 403
    bound = office.stranger()
    went(office.come(bound, "u12"), office.shop.path("/today"))
    assert len(office.members()) == 2


def test_linking_asks_who_one_is_when_the_last_proof_is_old(office: Office) -> None:
    office.ready()
    seller = office.shop.member("sales")
    client = office.shop.browser(seller)
    office.idp.user("u13", email="x@example.net")
    went(office.come(client, "u13"), f"/sso/{office.number}/link")
    office.control(
        "update control.sign_in set proven_at = now() - interval '20 minutes' where identity_id = :me", me=seller
    )
    answer = send(client, f"/sso/{office.number}/link")
    assert answer.status_code == 401
    assert office.shop.rows("select count(*) as n from link")[0].n == 0


def test_an_account_of_the_provider_is_one_persons(office: Office) -> None:
    office.ready()
    first, second = office.shop.member("sales"), office.shop.member("reader")
    office.idp.user("u14", email="x@example.net")
    for member, path in ((first, f"/sso/{office.number}/link"), (second, office.shop.path("/today"))):
        client = office.shop.browser(member)
        went(office.come(client, "u14"), path)
        if member == first:
            send(client, f"/sso/{office.number}/link")
    (link,) = office.shop.rows("select identity_id from link join member on member.id = member_id")
    assert link.identity_id == first


def test_an_outsiders_own_session_is_not_linked_with_anybody(office: Office) -> None:
    office.ready()
    outsider = new_person(office.shop.base, "Outsider")
    client = office.shop.browser(outsider.id)
    office.idp.user("u15", email="x@example.net")
    before = state_of(office)
    assert office.come(client, "u15").status_code == 403
    assert state_of(office) == before


def test_who_left_does_not_come_in_and_is_thrown_out(office: Office) -> None:
    office.ready()
    office.idp.user("u16", email=office.address())
    client = office.stranger()
    office.come(client, "u16")
    (made,) = [row for row in office.members() if row.email == office.address()]
    with office.shop.acting() as actor:
        staff.leave(actor, staff.OneMember(id=made.id))
    assert client.get(office.shop.path("/today")).status_code == 403
    before, again = state_of(office), office.stranger()
    refused(office, office.come(again, "u16"), before, again)
    office.idp.user("u17", email=office.address())
    refused(office, office.come(again, "u17"), before, again)


def test_a_revoked_connection_ends_its_sessions_and_opens_nothing(office: Office) -> None:
    office.ready()
    office.idp.user("u18", email=office.address())
    client, late = office.stranger(), office.stranger()
    office.come(client, "u18")
    back = office.idp.authorize(office.leave(late), "u18")
    with office.shop.acting() as actor:
        connections.revoke(actor, connections.Nothing())
    assert client.get(office.shop.path("/today")).status_code == 303
    assert late.get(back).status_code == 404
    assert late.get(f"/sso/{office.number}/begin").status_code == 404
    office.connect()
    assert late.get(back).status_code == 403
    before = state_of(office)
    refused(office, office.come(late, "u18"), before, late)
    with office.shop.acting() as actor:
        assert arrivals.release_former(actor, arrivals.Former()) == 1
    went(office.come(late, "u18"), office.shop.path("/today"))


def test_a_released_account_waits_for_its_owner_and_nobody_else(office: Office) -> None:
    office.ready()
    office.idp.user("u19", email=office.address())
    office.come(office.stranger(), "u19")
    office.idp.user("u20", email=office.address())
    before, client = state_of(office), office.stranger()
    refused(office, office.come(client, "u20"), before, client)
    with office.shop.acting() as actor:
        ((link, _name, _email),) = arrivals.links(actor)
        arrivals.release(actor, arrivals.OneLink(id=link.id))
    went(office.come(client, "u20"), office.shop.path("/today"))
    assert len([row for row in office.members() if row.email == office.address()]) == 1


def test_whom_single_sign_on_made_has_no_password_and_no_claim_to_the_address(office: Office) -> None:
    office.ready()
    office.idp.user("u21", email=office.address())
    office.come(office.stranger(), "u21")
    with office.shop.base.controlling() as control:
        assert identities.account_of(control, office.address()) is None
        assert identities.owner_of(control, office.address()) is None
    for password in ("", "none", "zima jaro leto podzim"):
        assert identities.recognise(office.shop.base, office.address(), password) is None


def test_what_is_important_is_proven_at_the_provider_and_what_was_typed_waits(office: Office) -> None:
    with office.shop.acting() as actor:
        admin = role_id(actor, "admin")
    office.ready(default_role_id=admin)
    office.idp.user("u22", email=office.address())
    client = office.stranger()
    office.come(client, "u22")
    office.control(
        "update control.sign_in set proven_at = now() - interval '20 minutes' where workspace_id = :me",
        me=office.number,
    )
    path = office.shop.path("/settings/tokens")
    asked = send(client, path, name="Accounting")
    assert asked.status_code == 401
    assert 'value="Accounting"' in asked.text
    still = send(client, path, name="Accounting", **{"again-provider": "1"})
    assert still.status_code == 422
    assert office.shop.rows("select count(*) as n from token")[0].n == 0
    office.idp.user("u23", email=office.address("other"))
    there = {"to": "", "again": "1", "next": f"/sso/{office.number}/done"}
    assert "prompt=login" in office.leave(client, **there)
    before = state_of(office)
    assert office.come(client, "u23", **there).status_code == 403
    colleague = office.shop.member("reader")
    (row,) = [one for one in office.members() if one.identity_id == colleague]
    office.idp.user("u24", email=row.email)
    assert office.come(client, "u24", **there).status_code == 403
    assert state_of(office)["rows"] == (before["rows"][0] + 1, before["rows"][1])
    went(office.come(client, "u22", **there), f"/sso/{office.number}/done")
    done = send(client, path, name="Accounting", **{"again-provider": "1"})
    assert done.status_code == 200
    assert office.shop.rows("select name from token")[0].name == "Accounting"
