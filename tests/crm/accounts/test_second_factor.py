"""The second factor: set up, asked for, replaced, removed; and passkeys, which log in alone."""

import re

import pytest
from flask import Flask

from tests.phone import APP, App, Key, by_password, confirmed, second
from tests.visitor import PASSWORD, Visitor, body

HOME = "/account/second-factor"
NEW = "jiné dlouhé heslo tady"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return confirmed(app)


def kept(visitor: Visitor) -> tuple[int, int, int]:
    """How many apps, passkeys and recovery codes the person has."""
    return tuple(
        visitor.one(f"select count(*) from control.{table} where identity_id = :me")
        for table in ("totp", "passkey", "recovery_code")
    )


def test_the_app_is_asked_for_after_the_password_and_the_session_says_so(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    assert len(app.codes) == 10
    assert kept(visitor) == (1, 0, 10)
    other = visitor.fresh()
    answer = other.log_in(stay="1", next="/account/workspaces")
    assert answer.location == "/login/second"
    assert "Code from the app" in other.get("/login/second").text
    answer = second(other, app.code(1))
    assert answer.location == "/account/workspaces"
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("okno="))
    assert "Max-Age=2592000" in cookie
    assert "with the password and a second factor" in other.get("/account/").text


def test_a_wrong_first_code_sets_nothing_up_and_the_picture_stays_the_same(visitor: Visitor) -> None:
    page = visitor.get(APP).text
    (sealed,) = re.findall(r'name="kept" value="([^"]+)"', page)
    answer = visitor.post(APP, kept=sealed, code="000000")
    assert answer.status_code == 422
    assert f'value="{sealed}"' in answer.text
    assert re.findall(r'src="(data:[^"]+)"', page) == re.findall(r'src="(data:[^"]+)"', answer.text)
    assert kept(visitor) == (0, 0, 0)
    for forged in ("", "x", sealed[:-8], Visitor(visitor.app).email):
        assert visitor.post(APP, kept=forged, code="000000").status_code == 422
    assert kept(visitor) == (0, 0, 0)


def test_setting_up_the_first_factor_logs_other_browsers_out(visitor: Visitor) -> None:
    other = visitor.fresh()
    other.log_in()
    App.set_up(visitor)
    assert visitor.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 303


def test_another_phone_takes_the_place_of_the_former_and_recovery_codes_stay(visitor: Visitor) -> None:
    former = App.set_up(visitor)
    present = App.set_up(visitor)
    assert present.codes == []
    assert kept(visitor) == (1, 0, 10)
    other = by_password(visitor)
    assert second(other, former.code(1)).status_code == 422
    assert second(other, present.code(1)).status_code == 303


def test_a_recovery_code_is_written_as_people_write_and_works_once(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    code = f" {app.codes[3].upper().replace('-', ' ')} "
    assert second(by_password(visitor), code).status_code == 303
    assert kept(visitor) == (1, 0, 9)
    assert second(by_password(visitor), code).status_code == 422
    assert "9 codes are left" in visitor.get(HOME).text


def test_new_recovery_codes_are_shown_once_and_end_the_old_ones(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    answer = visitor.post(f"{HOME}/codes", form_at=HOME)
    codes = re.findall(r"<code>(\w{5}-\w{5})</code>", answer.text)
    assert len(set(codes) - set(app.codes)) == 10
    assert codes[0] not in visitor.get(HOME).text
    assert second(by_password(visitor), app.codes[0]).status_code == 422
    assert second(by_password(visitor), codes[0]).status_code == 303


def test_without_a_factor_there_are_no_recovery_codes(visitor: Visitor) -> None:
    assert visitor.post(f"{HOME}/codes", form_at="/account/").status_code == 404
    assert kept(visitor) == (0, 0, 0)


def test_the_last_factor_goes_with_its_recovery_codes_and_the_password_is_enough_again(visitor: Visitor) -> None:
    App.set_up(visitor)
    Key.added(visitor)
    visitor.post(f"{APP}/remove", form_at=HOME)
    assert kept(visitor) == (0, 1, 10)
    page = visitor.get(HOME).text
    (path,) = re.findall(r'href="(/account/passkeys/[0-9a-f-]{36})"', page)
    assert visitor.post(f"{path}/remove", form_at=path).status_code == 303
    assert kept(visitor) == (0, 0, 0)
    assert visitor.fresh().log_in().location == "/"


def test_a_new_password_by_mail_leaves_the_second_factor(visitor: Visitor) -> None:
    app = App.set_up(visitor)
    other = visitor.fresh()
    other.post("/forgot", email=visitor.email)
    other.post(other.link(), password=NEW)
    assert other.log_in(NEW).location == "/login/second"
    assert second(other, app.code(1)).location == "/"


def test_who_signs_up_again_or_confirms_elsewhere_is_asked_too(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_up()
    App.set_up(visitor)
    again = visitor.fresh()
    assert again.sign_up().location == "/login/second"
    assert again.get("/account/").status_code == 303
    elsewhere = visitor.fresh()
    assert elsewhere.post(elsewhere.link(), password=PASSWORD).location == "/login/second"
    assert elsewhere.get("/account/").status_code == 303


def test_a_passkey_logs_in_alone_and_is_the_second_factor_too(visitor: Visitor) -> None:
    key = Key.added(visitor, "Work <laptop>")
    assert kept(visitor) == (0, 1, 10)
    other = visitor.fresh()
    assert key.log_in(other, next="/account/workspaces", stay="1").location == "/account/workspaces"
    assert "with a passkey" in other.get("/account/").text
    third = by_password(visitor)
    told = third.ask("/login/second/passkey", form_at="/login/second")
    assert [one["id"] for one in told["allowCredentials"]]
    assert told["userVerification"] == "required"
    assert third.post("/login/second", passkey=key.sign(told)).location == "/"
    assert "Work &lt;laptop&gt;" in visitor.get(HOME).text


def test_a_passkey_is_told_what_it_is_for(visitor: Visitor) -> None:
    told = visitor.ask("/account/passkeys/ask", form_at="/account/passkeys/new")
    assert told["rp"] == {"id": "localhost", "name": "Okno"}
    assert told["user"]["name"] == visitor.email
    selection = told["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    Key.added(visitor)
    assert len(visitor.ask("/account/passkeys/ask", form_at="/account/passkeys/new")["excludeCredentials"]) == 1
    anybody = visitor.fresh().ask("/login/passkey/ask", form_at="/login")
    assert not anybody.get("allowCredentials")


def test_a_passkey_is_renamed(visitor: Visitor) -> None:
    Key.added(visitor)
    (path,) = re.findall(r'href="(/account/passkeys/[0-9a-f-]{36})"', visitor.get(HOME).text)
    assert visitor.post(path, name="Security key").status_code == 303
    assert "Security key" in visitor.get(HOME).text
    for name in ("", "x" * 81, "a\0b"):
        assert visitor.post(path, name=name).status_code == 422
    assert visitor.one("select name from control.passkey where identity_id = :me") == "Security key"


def test_a_new_browser_is_told_by_mail_once_and_the_first_one_is_not(visitor: Visitor) -> None:
    assert [letter["Subject"] for letter in visitor.letters()] == ["Confirm your e-mail address"]
    visitor.post("/logout", form_at="/account/")
    visitor.log_in()
    assert len(visitor.letters()) == 1
    other = visitor.fresh()
    other.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/140.0 <b>Buy</b>"
    other.log_in()
    letter = other.letters()[-1]
    assert letter["Subject"] == "You have logged in with a new browser"
    said = body(letter)
    assert f"Firefox, Linux · {other.client.environ_base['REMOTE_ADDR']}" in said
    assert "Buy" not in letter.as_string()
    assert "http://localhost:8000/account/#sessions" in said
    other.post("/logout", form_at="/account/")
    other.log_in()
    assert len(other.letters()) == 2


def test_a_browser_not_seen_for_a_year_is_new(visitor: Visitor) -> None:
    visitor.change("update control.known_device set seen_at = now() - interval '366 days' where identity_id = :me")
    visitor.post("/login", form_at="/account/", email=visitor.email, password=PASSWORD)
    assert visitor.letters()[-1]["Subject"] == "You have logged in with a new browser"


def test_an_address_that_is_not_confirmed_gets_no_such_mail(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_up()
    visitor.fresh().log_in()
    assert len(visitor.letters()) == 1
