"""What holds for every form and page of the application: tokens on forms, no change by GET, headers, hosts."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule

from core.db import database
from core.ids import new_id
from core.pages import Pages
from crm.app import FRONT
from tenants.signup import RESERVED
from tests.shop import Shop, csrf
from tests.visitor import PASSWORD, Visitor, body

# What others send, with a signature of their own or of ours in place of a form's token; web forms know no cookies.
SIGNED = ("/stripe/", "/unsubscribe/", "/quote/", "/f/", "/telephone/")


def pages(app: Flask, method: str) -> Iterator[Rule]:
    """Every route that is a page: the API and SCIM take tokens and no cookies, Stripe's events a signature."""
    for rule in app.url_map.iter_rules():
        if (
            method in (rule.methods or ())
            and not rule.rule.startswith(("/api/", "/scim/", "/stripe/", "/telephone/"))
            and rule.endpoint != "static"
        ):
            yield rule


def path_of(app: Flask, shop: Shop, rule: Rule) -> str:
    """The route with something in each gap, under the workspace's address where it belongs there."""
    filled = re.sub(r"<(?:uuid:)(\w+)>", str(new_id()), rule.rule)
    filled = re.sub(r"<int:[^>]*>", str(shop.workspace.id), filled)
    filled = re.sub(r"<[^>]*>", "something", filled)
    blueprint = app.blueprints.get(rule.endpoint.split(".")[0])
    return shop.path(filled) if isinstance(blueprint, Pages) else filled


def test_every_form_without_its_token_is_refused(app: Flask, shop: Shop) -> None:
    client = shop.browser()
    forms = [rule for rule in pages(app, "POST") if not rule.rule.startswith(SIGNED)]
    assert len(forms) > 25
    for rule in forms:
        path = path_of(app, shop, rule)
        answer = client.post(path, data={"name": "x"})
        assert answer.status_code == 400, path
        assert "too old" in answer.text
        wrong = client.post(path, data={"name": "x", "csrf_token": csrf(client, "/account/") + "x"})
        assert wrong.status_code == 400, path


def test_a_token_of_another_browser_is_refused(app: Flask, shop: Shop, other: Shop) -> None:
    token = csrf(other.browser(), "/account/")
    client = shop.browser()
    csrf(client, "/account/")
    answer = client.post("/account/sessions/end-others", data={"csrf_token": token})
    assert answer.status_code == 400


def test_no_page_changes_anything_by_being_looked_at(app: Flask, shop: Shop) -> None:
    client = shop.browser()
    before = state(shop)
    for rule in pages(app, "GET"):
        answer = client.get(path_of(app, shop, rule))
        assert answer.status_code < 500, rule.rule
    assert state(shop) == before


def state(shop: Shop) -> dict[str, int]:
    """How many rows there are of what belongs to this workspace and its owner."""
    own = {
        "sessions": "select count(*) from control.sign_in where identity_id = :owner",
        "waiting": "select count(*) from control.waiting_sign_in where identity_id = :owner",
        "challenges": "select count(*) from control.passkey_challenge where identity_id = :owner",
        "factors": "select (select count(*) from control.totp where identity_id = :owner) "
        "+ (select count(*) from control.recovery_code where identity_id = :owner)",
        "links": "select count(*) from control.mailed_link where identity_id = :owner",
        "memberships": "select count(*) from control.membership where identity_id = :owner",
        "work": "select count(*) from bus.outbox where role = :role",
        "confirmed": "select count(confirmed_at) from control.identity where id = :owner",
    }
    with database().controlling() as control:
        values = {"owner": shop.owner_id, "role": shop.workspace.role}
        found = {name: int(control.scalar(text(sql), values) or 0) for name, sql in own.items()}
    (events,) = shop.rows("select count(*) from event")
    return {**found, "events": int(events[0])}


def test_every_page_carries_the_headers_that_keep_it_to_itself(app: Flask, shop: Shop) -> None:
    client = shop.browser()
    for path in (
        "/",
        "/login",
        "/signup",
        "/forgot",
        "/account/",
        "/account/second-factor",
        "/account/second-factor/app",
        "/account/passkeys/new",
        "/dev/mail/",
        shop.path("/settings/tokens"),
        "/nothing/here",
    ):
        answer = client.get(path)
        rules = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in rules
        assert "script-src 'self';" in rules
        assert "frame-ancestors 'none'" in rules
        assert "unsafe-inline" not in rules
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "<script>" not in answer.text
        assert " style=" not in answer.text
        assert not re.search(r"\son[a-z]+=", answer.text)


def test_links_in_mail_come_from_the_settings_whatever_host_is_asked(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_up()
    token = csrf(visitor.client, "/account/")
    for headers in ({"Host": "127.0.0.1"}, {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}):
        visitor.client.post("/account/confirm", data={"csrf_token": token}, headers=headers)
    for letter in visitor.letters():
        assert "http://localhost:8000/confirm/" in body(letter)
        assert "evil" not in letter.as_string()
        assert "127.0.0.1" not in body(letter)
    assert visitor.client.get("/login", headers={"Host": "evil.example"}).status_code == 400


def test_no_workspace_can_take_the_address_of_a_page_of_ours() -> None:
    assert FRONT <= RESERVED


def test_a_password_is_in_no_page_no_cookie_and_no_row(app: Flask) -> None:
    visitor = Visitor(app)
    answer = visitor.sign_up()
    assert PASSWORD not in answer.text + str(answer.headers)
    page = visitor.post("/account/password", form_at="/account/", present=PASSWORD, password="short")
    assert PASSWORD not in page.text
    with database().controlling() as control:
        row = control.execute(text("select * from control.identity where email = :e"), {"e": visitor.email}).one()
        assert PASSWORD not in str(row)
        cookie = visitor.client.get_cookie("okno")
        assert cookie
        kept = control.execute(text("select * from control.sign_in where identity_id = :i"), {"i": row.id}).one()
        assert cookie.value not in str(kept)


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 4000, "é", "' or 1=1 --", "../../etc"])
def test_a_cookie_that_is_not_ours_is_nobody(app: Flask, shop: Shop, value: str) -> None:
    client = app.test_client()
    client.set_cookie("okno", value)
    assert client.get(shop.path("/settings/")).status_code == 303
    assert client.get("/account/").status_code == 303


def test_a_form_of_ten_megabytes_and_zero_bytes_do_no_harm(app: Flask) -> None:
    visitor = Visitor(app)
    token = csrf(visitor.client, "/login")
    big = visitor.client.post("/login", data={"csrf_token": token, "email": "a" * 10_000_000, "password": "x"})
    assert big.status_code == 413
    for value in ("a\0b@example.com", "\0", "🦄@🦄.cz", "\u202e@example.com", "'; drop table x; --"):
        for path in ("/login", "/forgot"):
            answer = visitor.fresh().post(path, email=value, password="\0")
            assert answer.status_code in (303, 422), (path, value)
