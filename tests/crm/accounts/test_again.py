"""Proving once more who one is, before what a browser that was left alone must not do."""

import html
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.phone import APP, App, Key, confirmed, token_of
from tests.shop import Shop
from tests.visitor import PASSWORD, Visitor

AGO = "update control.sign_in set proven_at = now() - interval '16 minutes' where identity_id = :me"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return confirmed(app)


def later(visitor: Visitor) -> None:
    """A quarter of an hour passes."""
    visitor.change(AGO)


def waiting(answer: TestResponse) -> dict[str, str]:
    """What waits in the page that asks, as the browser would send it."""
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    return {name: html.unescape(value) for name, value in fields}


def answered(visitor: Visitor, answer: TestResponse, **proof: str) -> TestResponse:
    """Fill in the page that asks and send it where it goes."""
    (action,) = re.findall(r'<form class="stack" method="post" action="([^"]+)"', answer.text)
    given = {name.replace("_", "-"): value for name, value in proof.items()}
    return visitor.client.post(html.unescape(action), data={**waiting(answer), **given})


def fresh_again(visitor: Visitor) -> bool:
    return bool(
        visitor.one("select proven_at > now() - interval '1 minute' from control.sign_in where identity_id = :me")
    )


PAGES = [APP, "/account/passkeys/new"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_is_asked_for_leads_back_to_itself(visitor: Visitor, path: str) -> None:
    later(visitor)
    first = visitor.get(f"{path}?next=/account/workspaces")
    assert first.status_code == 303
    answer = visitor.get(first.location)
    assert answer.status_code == 200
    answer = answered(visitor, answer, again_password=PASSWORD)
    assert answer.location == f"{path}?next=/account/workspaces"
    assert visitor.get(answer.location).status_code == 200


def test_what_was_typed_waits_for_the_proof_and_is_used_then(visitor: Visitor) -> None:
    slug = visitor.get("/").location.split("/")[1]
    path = f"/{slug}/settings/tokens"
    token = token_of(visitor, path)
    later(visitor)
    name = 'Web "form" & <more>'
    answer = visitor.client.post(path, data={"csrf_token": token, "name": name})
    assert answer.status_code == 401
    assert waiting(answer)["name"] == name
    wrong = answered(visitor, answer, again_password="not this one")
    assert wrong.status_code == 422
    assert "This is not your present password." in wrong.text
    assert waiting(wrong)["name"] == name
    assert not fresh_again(visitor)
    assert "okno_" not in wrong.text
    right = answered(visitor, wrong, again_password=PASSWORD)
    assert re.search(r"okno_\d+_[\w-]{49}", right.text)
    assert html.escape(name, quote=False) in right.text.replace("&#34;", '"')
    assert PASSWORD not in right.text
    assert fresh_again(visitor)
    assert visitor.post(path, name="second").status_code == 200


def test_nothing_given_is_no_proof(visitor: Visitor) -> None:
    later(visitor)
    page = visitor.get("/account/again")
    for proof in ({}, {"again_password": ""}, {"again_password": "", "again_code": "", "again_passkey": ""}):
        assert answered(visitor, page, **proof).status_code in (401, 422)
    assert not fresh_again(visitor)


def test_a_code_or_a_passkey_proves_it_too(visitor: Visitor) -> None:
    app, key = App.set_up(visitor), Key.added(visitor)
    later(visitor)
    answer = answered(visitor, visitor.get("/account/again?next=/account/"), again_code=app.new_code())
    assert answer.location == "/account/"
    later(visitor)
    page = visitor.get("/account/again?next=/account/")
    told = visitor.ask("/account/again/passkey", form_at="/account/again")
    assert answered(visitor, page, again_passkey=key.sign(told)).location == "/account/"
    assert fresh_again(visitor)


def test_a_challenge_of_the_log_in_proves_nothing_here(visitor: Visitor) -> None:
    key = Key.added(visitor)
    later(visitor)
    page = visitor.get("/account/again")
    told = visitor.ask("/login/passkey/ask", form_at="/account/again")
    assert answered(visitor, page, again_passkey=key.sign(told)).status_code == 422
    assert not fresh_again(visitor)


def test_anothers_passkey_proves_nothing(visitor: Visitor) -> None:
    stranger = confirmed(visitor.app)
    key = Key.added(stranger)
    Key.added(visitor)
    later(visitor)
    page = visitor.get("/account/again")
    told = visitor.ask("/account/again/passkey", form_at="/account/again")
    assert answered(visitor, page, again_passkey=key.sign(told)).status_code == 422
    assert not fresh_again(visitor)


def test_a_script_is_told_to_load_the_page_again(visitor: Visitor) -> None:
    later(visitor)
    token = token_of(visitor, "/account/")
    headers = {"Accept": "application/json"}
    answer = visitor.client.post("/account/passkeys/ask", data={"csrf_token": token}, headers=headers)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert visitor.one("select count(*) from control.passkey_challenge where identity_id = :me") == 0


def test_it_leads_nowhere_else_than_here(visitor: Visitor) -> None:
    assert visitor.get("/account/again?next=//evil.example").location == "/"
    later(visitor)
    page = visitor.get("/account/again?next=https://evil.example")
    assert answered(visitor, page, again_password=PASSWORD).location == "/"


@pytest.mark.parametrize(
    "path",
    [APP, f"{APP}/remove", "/account/second-factor/codes", "/account/passkeys", "/account/passkeys/ask"],
)
def test_all_that_adds_or_removes_a_factor_is_asked_for(visitor: Visitor, path: str) -> None:
    App.set_up(visitor)
    later(visitor)
    kept = "select string_agg(hash, ',' order by id) from control.recovery_code where identity_id = :me"
    before = visitor.one(kept)
    answer = visitor.post(path, form_at="/account/", name="x", code="000000", kept="x")
    assert answer.status_code == 401
    assert "Is it you?" in answer.text
    assert visitor.one(kept) == before
    assert visitor.one("select count(*) from control.totp where identity_id = :me") == 1


def test_a_removed_passkey_is_asked_for(visitor: Visitor) -> None:
    Key.added(visitor)
    (path,) = re.findall(r'href="(/account/passkeys/[0-9a-f-]{36})"', visitor.get("/account/second-factor").text)
    later(visitor)
    assert visitor.post(f"{path}/remove", form_at=path).status_code == 401
    assert visitor.one("select count(*) from control.passkey where identity_id = :me") == 1


def test_guessing_is_locked_here_as_at_the_log_in(shop: Shop, visitor: Visitor) -> None:
    later(visitor)
    page = visitor.get("/account/again")
    statuses = [answered(visitor, page, again_password="wrong words").status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
