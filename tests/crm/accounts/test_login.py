"""Logging in and out, staying logged in, and the forgotten password."""

import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from redis.exceptions import ConnectionError as Gone
from werkzeug.test import TestResponse

from crm.accounts.limits import limiter
from tests.visitor import PASSWORD, Visitor, body

NEW = "jiné dlouhé heslo tady"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody with an account, logged out."""
    known = Visitor(app)
    known.sign_up()
    known.post(known.link())
    return known.fresh()


@pytest.fixture
def without_valkey(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every call of the limiter's storage fails, as when the server is away."""
    assert app.extensions["limiter"]

    def away(*_arguments: object, **_options: object) -> None:
        raise Gone("away")

    for name in ("acquire_entry", "get_moving_window", "incr", "get", "check"):
        monkeypatch.setattr(limiter.storage, name, away)
    yield
    limiter._storage_dead = False


def test_the_right_password_leads_to_where_one_wanted_to_go(visitor: Visitor) -> None:
    wanted = visitor.get("/account/workspaces")
    assert wanted.location == "/login?next=/account/workspaces"
    answer = visitor.post("/login", email=visitor.email.upper() + " ", password=PASSWORD, next="/account/workspaces")
    assert (answer.status_code, answer.location) == (303, "/account/workspaces")
    assert visitor.get("/account/workspaces").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/account\r\nSet-Cookie: a=b", "evil", "",
    ],
)  # fmt: skip
def test_a_log_in_leads_nowhere_else_than_here(visitor: Visitor, elsewhere: str) -> None:
    assert visitor.log_in(next=elsewhere).location == "/"


def test_stay_logged_in_is_a_choice(visitor: Visitor) -> None:
    def cookie(answer: TestResponse) -> str:
        return next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("okno="))

    assert "Max-Age" not in cookie(visitor.log_in())
    assert "Max-Age=2592000" in cookie(visitor.fresh().log_in(stay="1"))


def test_wrong_and_unknown_are_told_the_same_in_the_same_time(visitor: Visitor) -> None:
    stranger = Visitor(visitor.app)
    answers, times = [], []
    for one in (visitor, stranger, visitor, stranger, visitor, stranger):
        began = time.perf_counter()
        answers.append(one.log_in("wrong words in a row"))
        times.append(time.perf_counter() - began)
    assert {answer.status_code for answer in answers} == {422}
    texts = {answer.text.replace(visitor.email, "").replace(stranger.email, "") for answer in answers}
    assert len({without_tokens(page) for page in texts}) == 1
    assert min(times[0::2]) < 2 * min(times[1::2]) + 0.05
    assert min(times[1::2]) < 2 * min(times[0::2]) + 0.05


def without_tokens(page: str) -> str:
    return re.sub(r'(csrf[^>]*?(?:value|content)|nonce" content)="[^"]*"', "", page)


def test_a_log_in_ends_the_session_that_was_here_before(visitor: Visitor) -> None:
    visitor.log_in()
    former = visitor.client.get_cookie("okno")
    assert former
    visitor.post("/login", form_at="/account/", email=visitor.email, password=PASSWORD)
    present = visitor.client.get_cookie("okno")
    assert present
    assert present.value != former.value
    copied = visitor.fresh()
    copied.client.set_cookie("okno", former.value)
    assert copied.get("/account/").status_code == 303


def test_logging_out_ends_the_session_even_for_a_copied_cookie(visitor: Visitor) -> None:
    visitor.log_in()
    cookie = visitor.client.get_cookie("okno")
    assert cookie
    answer = visitor.post("/logout", form_at="/account/")
    assert answer.location == "/login"
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert visitor.client.get_cookie("okno") is None
    copied = visitor.fresh()
    copied.client.set_cookie("okno", cookie.value)
    assert copied.get("/account/").status_code == 303
    assert visitor.get("/logout").status_code == 405


def test_after_ten_wrong_passwords_even_the_right_one_waits(visitor: Visitor) -> None:
    answers = [visitor.fresh().log_in("wrong words in a row") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {422}
    answer = visitor.fresh().log_in()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 301  # the limiter tells whole seconds, rounded up
    assert "minutes" in answer.text or "a minute" in answer.text


def test_an_account_that_is_not_there_is_locked_alike(app: Flask) -> None:
    stranger = Visitor(app)
    statuses = [stranger.fresh().log_in("wrong words in a row").status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_ten_wrong_passwords_from_one_address_lock_it_for_all_accounts(visitor: Visitor) -> None:
    for _ in range(10):
        assert visitor.post("/login", email=Visitor(visitor.app).email, password="wrong").status_code == 422
    assert visitor.log_in().status_code == 429
    assert visitor.fresh().log_in().status_code == 303


def test_right_passwords_do_not_count(visitor: Visitor) -> None:
    for _ in range(12):
        assert visitor.post("/login", form_at="/account/workspaces" if visitor.client.get_cookie("okno") else "/login",
                            email=visitor.email, password=PASSWORD).status_code == 303  # fmt: skip


def test_without_valkey_one_logs_in_and_guessing_is_locked_all_the_same(visitor: Visitor, without_valkey: None) -> None:
    assert visitor.fresh().log_in().status_code == 303
    statuses = [visitor.fresh().log_in("wrong words in a row").status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_a_sign_up_is_no_way_around_the_lock(visitor: Visitor) -> None:
    for _ in range(10):
        visitor.fresh().log_in("wrong words in a row")
    answer = visitor.fresh().sign_up()
    assert answer.status_code == 303
    assert visitor.letters()[-1]["Subject"] == "You have an Okno account already"


def test_a_forgotten_password_is_set_anew_by_mail_and_everything_older_ends(visitor: Visitor) -> None:
    inside = visitor.fresh()
    inside.log_in()
    answer = visitor.post("/forgot", email=visitor.email)
    assert answer.location == "/forgot?sent"
    link = visitor.link()
    assert link.startswith("/reset/")
    assert visitor.email in visitor.get(link).text
    assert visitor.post(link, password="short").status_code == 422
    assert visitor.post(link, password=NEW).location.startswith("/login?email=")
    assert visitor.post(link, form_at="/login", password=NEW).status_code == 410
    assert inside.get("/account/").status_code == 303
    assert visitor.letters()[-1]["Subject"] == "Your password was changed"
    assert visitor.fresh().log_in(PASSWORD).status_code == 422
    assert visitor.fresh().log_in(NEW).status_code == 303


def test_an_unknown_address_is_answered_alike_and_gets_no_mail(visitor: Visitor) -> None:
    stranger = Visitor(visitor.app)
    answers = [one.post("/forgot", email=one.email) for one in (visitor, stranger)]
    assert answers[0].location == answers[1].location
    assert answers[0].text == answers[1].text
    assert stranger.letters() == []


def test_the_sixth_reset_of_a_day_waits_whether_there_is_an_account_or_not(visitor: Visitor) -> None:
    for one in (visitor, Visitor(visitor.app)):
        statuses = [one.fresh().post("/forgot", email=one.email).status_code for _ in range(6)]
        assert statuses == [303] * 5 + [429]


def test_a_reset_says_where_it_goes_and_nothing_of_the_request(visitor: Visitor) -> None:
    visitor.post("/forgot", email=visitor.email)
    letter = body(visitor.letters()[-1])
    assert "http://localhost:8000/reset/" in letter
    assert "30 minutes" in letter


def test_a_person_in_two_workspaces_goes_on_where_they_were_last(visitor: Visitor) -> None:
    visitor.log_in()
    second = visitor.post("/account/workspaces", business="Druhá firma", slug="", industry="wholesale").location
    assert visitor.get("/").location == "/account/workspaces"
    assert visitor.get(second.replace("today", "settings/")).status_code == 200
    assert visitor.get("/").location == second
