"""Attacks on the log-in with more than a password. After each refusal the database is looked at, too."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from config.settings import settings
from core.db import database
from core.errors import Invalid
from tenants import factors, locks, totp
from tests.phone import APP, PRESENT, App, Key, by_password, confirmed, second
from tests.visitor import PASSWORD, Visitor

HOME = "/account/second-factor"
NEW = "jiné dlouhé heslo tady"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return confirmed(app)


def sessions(visitor: Visitor) -> int:
    return int(visitor.one("select count(*) from control.sign_in where identity_id = :me"))


def outside(visitor: Visitor, other: Visitor, before: int) -> None:
    """The other browser has no session, and none was begun."""
    assert other.client.get_cookie("okno") is None
    assert other.get("/account/").location == "/login?next=/account/"
    assert sessions(visitor) == before


def together(count: int, act: Callable[[], Any]) -> list[Any]:
    """Do it so many times at once."""
    barrier, results = threading.Barrier(count), []

    def run() -> None:
        barrier.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# ---- between the password and the second factor ----


def test_the_password_alone_begins_no_session(visitor: Visitor) -> None:
    App.set_up(visitor)
    before = sessions(visitor)
    other = by_password(visitor)
    outside(visitor, other, before)
    for code in ("", "000000", "abcde-fghjk", "0" * 4000, "１２３４５６", "\0"):
        other.change("delete from control.failed_code where identity_id = :me")
        assert second(other, code).status_code == 422
        outside(visitor, other, before)


def test_the_cookie_of_who_waits_is_no_session_and_ends_with_its_use(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    other = by_password(visitor)
    waiting = other.client.get_cookie("okno-second")
    assert waiting
    assert waiting.http_only
    kept = visitor.one("select string_agg(key::text, '') from control.waiting_sign_in where identity_id = :me")
    assert waiting.value not in kept
    copied = visitor.fresh()
    copied.client.set_cookie("okno", waiting.value)
    assert copied.get("/account/").status_code == 303
    copied = visitor.fresh()
    copied.client.set_cookie("okno-second", waiting.value)
    assert copied.get("/login/second").status_code == 200
    token = form_token(copied)
    assert second(other, app.new_code()).location == "/"
    before = sessions(visitor)
    assert copied.get("/login/second").location == "/login"
    answer = copied.client.post("/login/second", data={"csrf_token": token, "code": app.new_code()})
    assert answer.location == "/login"
    outside(visitor, copied, before)
    assert visitor.one("select count(*) from control.waiting_sign_in where identity_id = :me") == 0


def form_token(visitor: Visitor) -> str:
    page = visitor.get("/login/second").text
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def test_after_five_minutes_the_password_is_asked_for_again(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    other = by_password(visitor)
    token, before = form_token(other), sessions(visitor)
    visitor.change(
        "update control.waiting_sign_in set created_at = now() - interval '301 seconds' where identity_id = :me"
    )
    answer = other.client.post("/login/second", data={"csrf_token": token, "code": app.new_code()})
    assert answer.location == "/login"
    outside(visitor, other, before)


@pytest.mark.parametrize("by", ["reset", "change"])
def test_a_new_password_sends_away_who_waits_with_the_old_one(visitor: Visitor, by: str) -> None:
    app = App.set_up(visitor)
    other = by_password(visitor)
    token = form_token(other)
    if by == "reset":
        visitor.post("/forgot", form_at="/account/", email=visitor.email)
        visitor.post(visitor.link(), password=NEW)
    else:
        visitor.post("/account/password", form_at="/account/", present=PASSWORD, password=NEW)
    before = sessions(visitor)
    answer = other.client.post("/login/second", data={"csrf_token": token, "code": app.new_code()})
    assert answer.location == "/login"
    outside(visitor, other, before)


def test_the_session_that_begins_has_a_name_of_its_own(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    other = by_password(visitor)
    planted = "A" * 43
    other.client.set_cookie("okno", planted)
    waiting = other.client.get_cookie("okno-second")
    second(other, app.new_code())
    begun = other.client.get_cookie("okno")
    assert begun
    assert waiting
    assert begun.value not in (planted, waiting.value)
    assert other.client.get_cookie("okno-second") is None


# ---- codes ----


def test_a_code_is_taken_once(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    code = app.new_code()
    assert second(by_password(visitor), code).location == "/"
    before = sessions(visitor)
    other = by_password(visitor)
    assert second(other, code).status_code == 422
    outside(visitor, other, before)
    visitor.change("update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :me")
    answer = visitor.post("/account/again", **{"again-code": code})
    assert answer.status_code == 422
    assert visitor.one("select max(proven_at) < now() - interval '50 minutes' from control.sign_in "
                       "where identity_id = :me")  # fmt: skip


def test_the_code_that_set_the_app_up_does_not_log_in(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    step = visitor.one("select last_step from control.totp where identity_id = :me")
    other = by_password(visitor)
    assert second(other, app.code(step - int(time.time()) // 30)).status_code == 422
    assert visitor.one("select last_step from control.totp where identity_id = :me") == step


@pytest.mark.parametrize(("steps", "taken"), [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (3, False)])
def test_only_codes_of_about_now_are_taken(visitor: Visitor, steps: int, taken: bool) -> None:
    app = App.set_up(visitor)
    app.new_code()
    while time.time() % 30 > 27:
        time.sleep(0.5)
    answer = second(by_password(visitor), app.code(steps))
    assert (answer.status_code == 303) == taken
    assert bool(visitor.one("select last_step from control.totp where identity_id = :me")) == taken


def test_an_older_code_is_worth_nothing_after_a_newer_one(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    app.new_code()
    older, newer = app.code(), app.code(1)
    assert second(by_password(visitor), newer).status_code == 303
    assert second(by_password(visitor), older).status_code == 422


def test_a_code_used_twice_at_once_is_taken_once(app: Flask, visitor: Visitor) -> None:
    phone = App.set_up(visitor)
    me, code = visitor.one("select id from control.identity where id = :me"), phone.new_code()
    assert together(5, lambda: taken(app, me, code)).count(True) == 1
    assert visitor.one("select last_step from control.totp where identity_id = :me") > 0


def test_a_recovery_code_used_twice_at_once_is_taken_once(app: Flask, visitor: Visitor) -> None:
    phone = App.set_up(visitor)
    me = visitor.one("select id from control.identity where id = :me")
    assert together(4, lambda: taken(app, me, phone.codes[0])).count(True) == 1
    assert visitor.one("select count(*) from control.recovery_code where identity_id = :me") == 9


def taken(app: Flask, me: Any, code: str) -> bool:
    with app.test_request_context("/"):
        try:
            factors.check_code(database(), settings(), me, code, "code")
        except (Invalid, locks.TooMany):
            return False
        return True


def test_one_wait_used_twice_at_once_begins_one_session(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    other = by_password(visitor)
    cookie, before = other.client.get_cookie("okno-second"), sessions(visitor)
    assert cookie
    copies = [visitor.fresh() for _ in range(2)]
    for one in copies:
        one.client.set_cookie("okno-second", cookie.value)
    codes = iter([(copies[0], app.codes[0]), (copies[1], app.codes[1])])
    lock = threading.Lock()

    def go() -> str:
        with lock:
            one, code = next(codes)
        return str(second(one, code).location)

    assert sorted(together(2, go)) == ["/", "/login"]
    assert sessions(visitor) == before + 1


def test_the_sixth_wrong_code_waits_wherever_it_is_asked_and_even_the_right_one_with_it(visitor: Visitor) -> None:
    app, key = App.set_up(visitor), Key.added(visitor)
    others = [by_password(visitor) for _ in range(4)]
    assert second(others[0], "000000").status_code == 422
    assert second(others[1], "abcde-fghjk").status_code == 422
    visitor.change("update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :me")
    assert visitor.post("/account/again", **{"again-code": "000000"}).status_code == 422
    assert visitor.post("/account/again", **{"again-password": PASSWORD}).status_code == 303
    page = visitor.get(APP).text
    kept = page.split('name="kept" value="')[1].split('"')[0]
    for _ in range(2):
        assert visitor.post(APP, kept=kept, code="000000").status_code == 422
    before, codes = sessions(visitor), visitor.one("select count(*) from control.recovery_code where identity_id = :me")
    for code in (app.new_code(), app.codes[0]):
        answer = second(others[2], code)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 300
        outside(visitor, others[2], before)
    assert visitor.post(APP, kept=kept, code=app.code()).status_code == 429
    assert visitor.one("select last_step from control.totp where identity_id = :me") == 0
    assert visitor.one("select count(*) from control.recovery_code where identity_id = :me") == codes
    told = others[3].ask("/login/second/passkey", form_at="/login/second")
    assert others[3].post("/login/second", passkey=key.sign(told)).location == "/"  # nobody guesses a passkey


@pytest.mark.parametrize(("count", "ago"), [(20, "59 minutes"), (50, "23 hours")])
def test_slow_guessing_is_locked_for_an_hour_and_a_day(visitor: Visitor, count: int, ago: str) -> None:
    app = App.set_up(visitor)
    visitor.change(
        "insert into control.failed_code (id, identity_id, at) select gen_random_uuid(), :me, "
        f"now() - interval '{ago}' from generate_series(1, {count})"
    )
    assert second(by_password(visitor), app.new_code()).status_code == 429
    visitor.change("update control.failed_code set at = at - interval '62 minutes' where identity_id = :me")
    assert second(by_password(visitor), app.new_code()).status_code == 303


def test_a_right_code_takes_its_own_note_away_and_no_other(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    second(by_password(visitor), "000000")
    second(by_password(visitor), app.new_code())
    assert visitor.one("select count(*) from control.failed_code where identity_id = :me") == 1


def test_a_code_of_another_person_is_wrong(visitor: Visitor) -> None:
    App.set_up(visitor)
    stranger = App.set_up(confirmed(visitor.app))
    before, other = sessions(visitor), by_password(visitor)
    for code in (stranger.new_code(), stranger.codes[0]):
        assert second(other, code).status_code == 422
        outside(visitor, other, before)
    assert stranger.owner.one("select count(*) from control.recovery_code where identity_id = :me") == 10


def test_nothing_that_opens_stands_in_the_database(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    everything = visitor.one("select string_agg(t::text, '') from control.totp t where identity_id = :me")
    everything += visitor.one("select string_agg(c::text, '') from control.recovery_code c where identity_id = :me")
    secret = app.secret.encode()
    assert secret.hex() not in everything
    for code in app.codes:
        assert code.replace("-", "") not in everything


def test_a_secret_moved_to_another_account_makes_no_codes(app: Flask, visitor: Visitor) -> None:
    mine, theirs = App.set_up(visitor), App.set_up(confirmed(app))
    with database().controlling() as control:
        control.execute(
            text(
                "update control.totp set secret = (select secret from control.totp t join control.identity i on "
                "i.id = t.identity_id where i.email = :from) where identity_id = (select id from control.identity "
                "where email = :to)"
            ),
            {"from": visitor.email, "to": theirs.owner.email},
        )
    before, other = sessions(theirs.owner), by_password(theirs.owner)
    for code in (mine.new_code(), theirs.new_code()):
        assert second(other, code).status_code == 422
        outside(theirs.owner, other, before)


def test_codes_are_taken_after_a_change_of_the_secret_key_and_then_without_the_former(
    app: Flask, visitor: Visitor
) -> None:
    phone = App.set_up(visitor)
    me, here = visitor.one("select id from control.identity where id = :me"), settings()
    changed = replace(here, secret_key="another key, also long enough to be one")
    code = phone.new_code()
    with database().controlling() as control:
        assert not totp.accept(control, changed, me, code)
        assert totp.accept(control, replace(changed, secret_key_fallbacks=(here.secret_key,)), me, code)
    code = phone.new_code()
    with database().controlling() as control:
        assert totp.accept(control, changed, me, code)


# ---- passkeys ----


def refused(visitor: Visitor, key: Key, **lies: Any) -> None:
    """A log-in by the key, with some lies, begins no session and leaves no trace in the passkey's row."""
    before = sessions(visitor)
    row = visitor.one("select string_agg(p::text, '') from control.passkey p where identity_id = :me")
    other, truth = visitor.fresh(), {name: getattr(key, name) for name in lies}
    for name, value in lies.items():
        setattr(key, name, value)
    answer = key.log_in(other)
    for name, value in truth.items():
        setattr(key, name, value)
    assert answer.status_code == 422
    outside(visitor, other, before)
    assert visitor.one("select string_agg(p::text, '') from control.passkey p where identity_id = :me") == row


@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:8000", "http://localhost", "http://localhost:8001", "http://evil.example",
        "http://localhost:8000.evil.example", "http://LOCALHOST:8000", "null", "",
    ],
)  # fmt: skip
def test_a_passkey_used_on_another_site_is_refused(visitor: Visitor, origin: str) -> None:
    refused(visitor, Key.added(visitor), origin=origin)


def test_a_passkey_of_another_host_is_refused(visitor: Visitor) -> None:
    refused(visitor, Key.added(visitor), host="evil.example")


@pytest.mark.parametrize("flags", [0, PRESENT])
def test_a_passkey_that_asked_for_no_finger_or_pin_is_refused(visitor: Visitor, flags: int) -> None:
    refused(visitor, Key.added(visitor), flags=flags)


@pytest.mark.parametrize("lie", [{"origin": "http://evil.example"}, {"host": "evil.example"}, {"flags": PRESENT}])
def test_a_passkey_made_elsewhere_or_without_a_pin_is_not_added(visitor: Visitor, lie: dict[str, Any]) -> None:
    assert Key(**lie).add(visitor).status_code == 422
    assert visitor.one("select count(*) from control.passkey where identity_id = :me") == 0
    assert visitor.one("select count(*) from control.recovery_code where identity_id = :me") == 0


def test_another_key_under_the_same_name_is_refused(visitor: Visitor) -> None:
    key = Key.added(visitor)
    refused(visitor, Key(credential=key.credential, owner=key.owner, count=key.count))


def test_a_copied_passkey_whose_counter_went_back_is_refused(visitor: Visitor) -> None:
    key = Key.added(visitor, count=5)
    assert key.log_in(visitor.fresh()).status_code == 303
    refused(visitor, key, count=3)


def test_a_passkey_that_names_another_owner_is_refused(visitor: Visitor) -> None:
    refused(visitor, Key.added(visitor), owner=Key.added(confirmed(visitor.app)).owner)


def test_the_passkey_of_somebody_else_cannot_be_taken_over(visitor: Visitor) -> None:
    key = Key.added(visitor)
    stranger = confirmed(visitor.app)
    assert Key(credential=key.credential).add(stranger).status_code == 422
    assert stranger.one("select count(*) from control.passkey where identity_id = :me") == 0
    assert key.log_in(visitor.fresh()).status_code == 303


def test_an_answer_is_taken_once_and_in_its_own_browser_alone(visitor: Visitor) -> None:
    key = Key.added(visitor)
    other = visitor.fresh()
    told = other.ask("/login/passkey/ask", form_at="/login")
    answer = key.sign(told)
    cookie = other.client.get_cookie("okno-form")
    assert cookie
    before = sessions(visitor)
    stolen = visitor.fresh()
    stolen.ask("/login/passkey/ask", form_at="/login")
    assert stolen.post("/login/passkey", form_at="/login", passkey=answer).status_code == 422
    outside(visitor, stolen, before)
    assert other.post("/login/passkey", form_at="/login", passkey=answer).status_code == 303
    again = visitor.fresh()
    again.client.set_cookie("okno-form", cookie.value)  # the browser's own cookie of then, challenge and all
    before = sessions(visitor)
    assert again.post("/login/passkey", form_at="/login", passkey=answer).status_code == 422
    outside(visitor, again, before)


def test_a_challenge_is_used_up_by_a_wrong_answer_too(visitor: Visitor) -> None:
    key = Key.added(visitor)
    other = visitor.fresh()
    told = other.ask("/login/passkey/ask", form_at="/login")
    cookie = other.client.get_cookie("okno-form")
    assert cookie
    assert other.post("/login/passkey", form_at="/login", passkey="{}").status_code == 422
    other.client.set_cookie("okno-form", cookie.value)
    before = sessions(visitor)
    assert other.post("/login/passkey", form_at="/login", passkey=key.sign(told)).status_code == 422
    outside(visitor, other, before)


def test_a_challenge_is_good_for_five_minutes_and_one_purpose(visitor: Visitor) -> None:
    key = Key.added(visitor)
    other, before = visitor.fresh(), sessions(visitor)
    told = other.ask("/login/passkey/ask", form_at="/login")
    visitor.change(
        "update control.passkey_challenge set created_at = now() - interval '301 seconds' where identity_id is null "
        "and :me is not null"
    )
    assert other.post("/login/passkey", form_at="/login", passkey=key.sign(told)).status_code == 422
    told = visitor.ask("/account/again/passkey", form_at="/account/")
    assert visitor.post("/login/passkey", form_at="/account/", passkey=key.sign(told)).status_code == 422
    outside(visitor, other, before)


def test_anothers_passkey_is_no_second_factor(visitor: Visitor) -> None:
    Key.added(visitor)
    stranger = Key.added(confirmed(visitor.app))
    before, other = sessions(visitor), by_password(visitor)
    told = other.ask("/login/second/passkey", form_at="/login/second")
    assert other.post("/login/second", passkey=stranger.sign(told)).status_code == 422
    outside(visitor, other, before)


HOSTILE = [
    "", "{}", "[]", "null", "0", '"x"', "[" * 100_000, '{"id": 1}', '{"id": null}', '{"id": "é"}', '{"id": "a"}',
    '{"id": []}', '{"id": "====", "rawId": "x"}', "\ud83d", "x" * 1_000_000,
]  # fmt: skip


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda value: value[:12])
def test_a_hostile_answer_is_refused_without_a_crash(visitor: Visitor, answer: str) -> None:
    before = sessions(visitor)
    for told_at, sent_to, page in (
        ("/login/passkey/ask", "/login/passkey", "/login"),
        ("/account/passkeys/ask", "/account/passkeys", "/account/passkeys/new"),
    ):
        who = visitor if page.startswith("/account") else visitor.fresh()
        who.ask(told_at, form_at=page)
        sent = answer.encode("utf-8", "replace").decode()
        assert who.post(sent_to, form_at=page, name="x", passkey=sent).status_code == 422
    assert sessions(visitor) == before
    assert visitor.one("select count(*) from control.passkey where identity_id = :me") == 0


def test_an_answer_broken_anywhere_is_refused(visitor: Visitor) -> None:
    key = Key.added(visitor)
    before = sessions(visitor)
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for broken in (None, "", "AAAA", 7, ["x"], "A" * 100_000):
            other = visitor.fresh()
            answer = json.loads(key.sign(other.ask("/login/passkey/ask", form_at="/login")))
            answer["response"][part] = broken
            sent = other.post("/login/passkey", form_at="/login", passkey=json.dumps(answer))
            assert sent.status_code == 422, (part, broken)
            outside(visitor, other, before)


# ---- factors that are gone, and that somebody else prepared ----


def test_a_removed_factor_opens_nothing(visitor: Visitor) -> None:
    app, gone, kept = App.set_up(visitor), Key.added(visitor, "Gone"), Key.added(visitor, "Kept")
    path = next(
        part.split('"')[0]
        for part in visitor.get(HOME).text.split('href="')[1:]
        if part.startswith("/account/passkeys/") and "Change: Gone" in part.split("</a>")[0]
    )
    visitor.post(f"{path}/remove", form_at=path)
    visitor.post(f"{APP}/remove", form_at=HOME)
    refused(visitor, gone)
    before, other = sessions(visitor), by_password(visitor)
    assert second(other, app.code(1)).status_code == 422
    outside(visitor, other, before)
    assert kept.log_in(visitor.fresh()).status_code == 303


def test_nobody_changes_or_removes_anothers_passkey(visitor: Visitor) -> None:
    Key.added(visitor)
    passkey = visitor.one("select id from control.passkey where identity_id = :me")
    stranger = confirmed(visitor.app)
    assert stranger.get(f"/account/passkeys/{passkey}").status_code == 404
    for path in (f"/account/passkeys/{passkey}", f"/account/passkeys/{passkey}/remove"):
        assert stranger.post(path, form_at="/account/", name="Mine").status_code == 404
    assert visitor.one("select name from control.passkey where identity_id = :me") == "Laptop"


def test_who_takes_over_an_address_by_mail_finds_no_factor_of_whoever_claimed_it(app: Flask) -> None:
    """Somebody signs up with another's address and waits in it: with a passkey, an app, and a browser that is known."""
    attacker = Visitor(app)
    attacker.sign_up()
    App.set_up(attacker)
    key = Key.added(attacker)
    victim = attacker.fresh()
    victim.post("/forgot", email=victim.email)
    victim.post(victim.link(), password=NEW)
    for table in ("passkey", "totp", "recovery_code", "known_device"):
        assert victim.one(f"select count(*) from control.{table} where identity_id = :me") == 0, table
    assert key.log_in(attacker.fresh()).status_code == 422
    assert victim.log_in(NEW).location == "/"
    assert attacker.get("/account/").status_code == 303
