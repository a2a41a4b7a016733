"""Setting single sign-on up: who may, what is stored and how, domains proven by the DNS, and who comes in otherwise."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from config.settings import settings
from core.errors import Busy, Forbidden, Invalid
from core.sealing import Unreadable
from crm.sso import connections, domains
from tenants import arrivals, entitlements, invitations, roles, staff
from tenants.directory import directory
from tests.crm.sso.office import Office, role_id, send, went
from tests.idp import CLIENT, SECRET
from tests.visitor import PASSWORD, Visitor

PAGE = "/settings/single-sign-on"


def form(office: Office, **values: str) -> dict[str, str]:
    return {"issuer": office.idp.issuer, "client_id": CLIENT, "secret": SECRET, "button": "Log in", **values}


def save(office: Office, client: Any = None, **values: str) -> Any:
    client = client or office.shop.browser()
    answer = send(client, office.shop.path(PAGE), office.shop.path("/find"), **form(office, **values))
    directory.forget()
    return answer


def stored(office: Office) -> list[Any]:
    return office.shop.rows("select * from connection where deleted_at is null")


# ---- the provider ----


def test_the_secret_is_sealed_for_this_workspace_and_shown_to_nobody(office: Office, another: Office) -> None:
    went(save(office), office.shop.path(PAGE))
    (row,) = stored(office)
    assert SECRET.encode() not in bytes(row.secret)
    assert SECRET not in office.shop.browser().get(office.shop.path(PAGE)).text
    assert SECRET not in str(office.shop.rows("select before, after from event"))
    way = arrivals.way(office.shop.base, office.shop.workspace)
    assert way
    config = office.shop.app.config["OKNO"]
    assert way.open_secret(config, office.shop.workspace) == SECRET
    with pytest.raises(Unreadable):
        way.open_secret(config, another.shop.workspace)


def test_it_is_stored_only_when_the_provider_answers_for_itself(office: Office) -> None:
    for issuer in (
        "http://login.example.com", "https://", "login.example.com", "https://127.0.0.1", "https://localhost",
        "https://localhost:1", f"{office.idp.issuer}/elsewhere", f"{office.idp.issuer}?x=1", "https://a@localhost",
        "https://no-such-host.invalid", "javascript:alert(1)",
    ):  # fmt: skip
        answer = save(office, issuer=issuer)
        assert answer.status_code == 422, issuer
        assert stored(office) == []
    office.idp.metadata = {"issuer": "https://evil.example"}
    assert save(office).status_code == 422
    office.idp.straight()
    office.idp.metadata = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    assert save(office).status_code == 422
    office.idp.straight()
    went(save(office), office.shop.path(PAGE))
    assert len(stored(office)) == 1


def test_a_secret_is_not_sent_to_another_provider(office: Office) -> None:
    went(save(office), office.shop.path(PAGE))
    went(save(office, secret="", button="Other words"), office.shop.path(PAGE))
    assert stored(office)[0].button == "Other words"
    assert save(office, secret="", client_id="another").status_code == 422
    assert stored(office)[0].client_id == CLIENT


def test_only_who_may_edit_settings_and_proved_lately_sets_it_up(office: Office) -> None:
    seller = office.shop.browser(office.shop.member("sales"))
    assert seller.get(office.shop.path(PAGE)).status_code == 403
    assert save(office, seller).status_code == 403
    owner = office.shop.browser()
    office.control(
        "update control.sign_in set proven_at = now() - interval '20 minutes' where identity_id = :me",
        me=office.shop.owner_id,
    )
    answer = save(office, owner)
    assert answer.status_code == 401
    assert 'name="issuer"' in answer.text
    assert stored(office) == []


def test_no_role_beyond_ones_own_and_no_owner_comes_of_a_provider(office: Office) -> None:
    with office.shop.acting() as actor:
        values = {"name": "Clerk", "matrix": {}, "special": ["settings", "members"]}
        clerk = roles.create(actor, roles.create.parse(values))
        values = {"name": "Technician", "matrix": {}, "special": ["settings"]}
        technician = roles.create(actor, roles.create.parse(values))
        owner, head = role_id(actor, "owner"), role_id(actor, "head")
    base = {"issuer": office.idp.issuer, "client_id": CLIENT, "secret": SECRET, "button": "Log in"}
    for role, refusal in ((clerk, Forbidden), (technician, Forbidden)):
        member = office.shop.member("reader")
        with office.shop.acting() as actor:
            (row,) = [one for one in office.members() if one.identity_id == member]
            staff.give_role(actor, staff.GivenRole(id=row.id, role_id=role.id))
        with office.shop.acting(member) as actor:
            for given in (
                {"default_role_id": head},
                {"role_claim": "g", "role_map": [{"value": "x", "role_id": head}]},
            ):
                with pytest.raises(refusal):
                    connections.save(actor, connections.save.parse({**base, **given}))
            connections.save(actor, connections.save.parse(base))
    with office.shop.acting() as actor:
        for given in ({"default_role_id": owner}, {"role_claim": "g", "role_map": [{"value": "x", "role_id": owner}]}):
            with pytest.raises(Invalid):
                connections.save(actor, connections.save.parse({**base, **given}))
    assert [(row.role_map, row.default_role_id) for row in stored(office)] == [([], None)]


def test_roles_come_from_the_forms_lines_and_one_more_is_a_line_more(office: Office) -> None:
    with office.shop.acting() as actor:
        reader = str(role_id(actor, "reader"))
    lines = {"role_claim": "groups", "role_map-0-value": "g1", "role_map-0-role_id": reader, "role_map-1-value": ""}
    more = save(office, **lines, more="1")
    assert more.status_code == 200
    assert 'name="role_map-2-value"' in more.text
    went(save(office, **lines), office.shop.path(PAGE))
    assert stored(office)[0].role_map == [{"value": "g1", "role_id": reader}]
    assert save(office, **(lines | {"role_claim": ""})).status_code == 422
    unchosen = save(office, **(lines | {"role_map-0-role_id": ""}))
    assert (unchosen.status_code, "Choose a role." in unchosen.text) == (422, True)


def test_a_plan_without_it_refuses_to_set_it_up_and_locks_nobody_out(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ready(only=True)
    monkeypatch.setattr(entitlements, "settings", lambda: replace(settings(), payments="test"))
    with office.shop.base.controlling() as control:
        control.execute(text("update control.workspace set plan = 'free' where id = :id"), {"id": office.number})
    directory.forget()
    refused = save(office)
    assert (refused.status_code, "Business" in refused.text) == (403, True)
    begun = office.stranger().get(f"/sso/{office.number}/begin")
    assert (begun.status_code, begun.location.startswith(office.idp.issuer)) == (303, True)


# ---- domains ----


def test_a_domain_is_proven_by_its_record_and_by_nothing_else(office: Office, another: Office) -> None:
    with office.shop.acting() as actor:
        mine = domains.add(actor, domains.NewDomain(name=office.domain))
        assert domains.check(actor, domains.OneDomain(id=mine.id)).proven_at is None
    with another.shop.acting() as actor:
        theirs = domains.add(actor, domains.NewDomain(name=office.domain))
    name = domains.record_name(mine)
    office.names.records[name] = ["v=spf1 -all", domains.record_text(theirs)]
    with office.shop.acting() as actor:
        assert domains.check(actor, domains.OneDomain(id=mine.id)).proven_at is None
    office.names.records = {office.domain: [domains.record_text(mine)]}
    with office.shop.acting() as actor:
        assert domains.check(actor, domains.OneDomain(id=mine.id)).proven_at is None
    assert proven(office) == []
    office.names.records = {name: ["something else", domains.record_text(mine)]}
    with office.shop.acting() as actor:
        assert domains.check(actor, domains.OneDomain(id=mine.id)).proven_at
    assert proven(office) == [office.domain]


def test_a_domain_whose_record_is_gone_is_proven_no_more_but_a_silent_dns_changes_nothing(office: Office) -> None:
    domain = office.prove()
    office.names.broken.add(domains.record_name(domain))
    with office.shop.acting() as actor, pytest.raises(Busy):
        domains.check(actor, domains.OneDomain(id=domain.id))
    assert proven(office) == [office.domain]
    office.names.broken.clear()
    office.names.records.clear()
    with office.shop.acting() as actor:
        domains.check(actor, domains.OneDomain(id=domain.id))
    assert proven(office) == []


def proven(office: Office) -> list[str]:
    rows = office.control("select name from control.proven_domain where workspace_id = :me", me=office.number)
    inside = office.shop.rows("select name from domain where proven_at is not null and deleted_at is null")
    assert [row.name for row in rows] == [row.name for row in inside]
    return [row.name for row in rows]


@pytest.mark.parametrize(
    "name", ["", "com", "localhost", "127.0.0.1", "a b.com", "-a.com", "exa_mple.com", "x" * 64 + ".com", "a..com", "*"]
)
def test_what_is_no_domain_is_refused(office: Office, name: str) -> None:
    with office.shop.acting(), pytest.raises(Invalid):
        domains.add.parse({"name": name})


def test_domains_are_claimed_checked_and_removed_on_the_page(office: Office) -> None:
    client, path = office.shop.browser(), office.shop.path(PAGE)
    office.connect()
    send(client, f"{path}/domains", path, domain="Háčky.example.CZ")
    (row,) = office.shop.rows("select * from domain")
    assert row.name == "xn--hky-ela4t.example.cz"
    page = client.get(path).text
    assert f"_okno.{row.name}" in page
    assert f"okno-domain={row.code}" in page
    assert send(client, f"{path}/domains", path, domain=row.name).status_code == 422
    office.names.records[f"_okno.{row.name}"] = [f"okno-domain={row.code}"]
    went(send(client, f"{path}/domains/{row.id}/check", path), path)
    assert proven(office) == [row.name]
    went(send(client, f"{path}/domains/{row.id}/remove", path), path)
    assert proven(office) == []


# ---- only by single sign-on ----


def test_where_it_is_the_only_way_no_other_session_opens_the_workspace(office: Office) -> None:
    """Whatever began it: each kind of proof, and sessions that are older than the switch."""
    seller = office.shop.member("sales")
    old = office.shop.browser(seller)
    assert old.get(office.shop.path("/today")).status_code == 200
    office.ready(only=True)
    went(old.get(office.shop.path("/today")), f"/sso/{office.number}")
    for proof in ("password", "second factor", "passkey"):
        client = office.shop.browser(seller)
        office.control("update control.sign_in set proof = :proof where identity_id = :me", proof=proof, me=seller)
        for path in ("/today", "/contacts/", "/settings/"):
            went(client.get(office.shop.path(path)), f"/sso/{office.number}")
        refused = client.get(office.shop.path("/today"), headers={"Accept": "application/json"})
        assert refused.status_code == 403
    assert office.shop.browser().get(office.shop.path("/today")).status_code == 200
    page = old.get(f"/sso/{office.number}?next={office.shop.path('/deals/')}")
    assert "Log in with Pilot" in page.text


def test_password_reset_and_invitation_do_not_get_around_it(office: Office) -> None:
    office.ready(only=True)
    visitor = Visitor(office.shop.app)
    with office.shop.acting() as actor:
        values = {"emails": [visitor.email], "role_id": role_id(actor, "sales")}
        (made,) = invitations.invite(actor, invitations.invite.parse(values))
        link = urlsplit(invitations.address(office.shop.app.config["OKNO"], office.shop.workspace, made)).path
    went(visitor.post(link, name="Petr", password=PASSWORD), office.shop.path("/today"))
    went(visitor.get(office.shop.path("/today")), f"/sso/{office.number}")
    fresh = visitor.fresh()
    fresh.log_in()
    went(fresh.get(office.shop.path("/today")), f"/sso/{office.number}")
    again = visitor.fresh()
    again.post("/forgot", email=visitor.email)
    again.post(again.link(), password="uplne jine dlouhe heslo")
    again.log_in("uplne jine dlouhe heslo")
    went(again.get(office.shop.path("/today")), f"/sso/{office.number}")
    office.idp.user("invited", email="whoever@example.net")
    went(office.come(again.client, "invited"), f"/sso/{office.number}/link")
    went(send(again.client, f"/sso/{office.number}/link"), office.shop.path("/today"))
    assert again.get(office.shop.path("/today")).status_code == 200


def test_the_live_stream_asks_the_same(office: Office) -> None:
    from crm import stream

    seller = office.shop.member("sales")
    cookie = {"cookie": f"okno={office.shop.session(seller)}"}
    path = f"/live/{office.shop.workspace.slug}"
    assert stream.place(path, cookie)
    office.ready(only=True)
    assert stream.place(path, cookie) is None


def test_whom_the_provider_vouches_for_needs_no_second_factor_of_ours(office: Office) -> None:
    office.ready()
    office.control("update control.workspace set second_factor = 'everybody' where id = :me", me=office.number)
    directory.forget()
    office.idp.user("s1", email=office.address())
    client = office.stranger()
    went(office.come(client, "s1"), office.shop.path("/today"))
    assert client.get(office.shop.path("/today")).status_code == 200
    (row,) = [one for one in office.members() if one.email == office.address()]
    token = office.shop.token(row.identity_id)
    answer = office.stranger().get("/api/v1/contacts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
