"""A business signs up."""

import pytest
from flask import Flask
from sqlalchemy import text

from core.db import database
from core.ids import new_id
from tests.visitor import PASSWORD, Visitor, body

OTHER = "jiné dlouhé heslo tady"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def workspace(slug: str) -> tuple[object, ...]:
    with database().controlling() as control:
        row = control.execute(
            text(
                "select name, state, language, time_zone, country, currency, industry "
                "from control.workspace where slug = :s"
            ),
            {"s": slug},
        ).first()
    return tuple(row) if row else ()


def people(email: str) -> int:
    with database().controlling() as control:
        return int(control.scalar(text("select count(*) from control.identity where email = :e"), {"e": email}) or 0)


def slug_of(answer: object) -> str:
    return str(getattr(answer, "location")).split("/")[1]  # noqa: B009


def test_the_workspace_is_open_at_once_with_the_pipeline_of_the_trade(visitor: Visitor) -> None:
    answer = visitor.sign_up(business="Skrýš Žluťoučká", slug="", language="cs")
    assert answer.status_code == 303
    slug = slug_of(answer)
    assert slug.startswith("skrys-zlutoucka")
    assert answer.location == f"/{slug}/today"
    assert workspace(slug) == ("Skrýš Žluťoučká", "open", "cs", "Europe/Prague", "CZ", "CZK", "windows")
    page = visitor.get(f"/{slug}/settings/")
    assert page.status_code == 200
    assert "Skrýš Žluťoučká" in page.text


def test_the_zone_and_the_language_say_the_country_and_its_money(visitor: Visitor) -> None:
    assert workspace(slug_of(visitor.sign_up(time_zone="Europe/Bratislava")))[4:6] == ("SK", "EUR")
    assert workspace(slug_of(Visitor(visitor.app).sign_up(time_zone="UTC", language="cs")))[4:6] == ("CZ", "CZK")


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    cookies = [value for value in visitor.sign_up().headers.getlist("Set-Cookie") if value.startswith("okno=")]
    assert len(cookies) == 1
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    assert "Max-Age=2592000" in cookies[0]


def test_a_confirming_link_comes_by_mail_and_the_page_says_so_until_it_is_opened(visitor: Visitor) -> None:
    slug = slug_of(visitor.sign_up())
    assert "Confirm your e-mail address" in visitor.get(f"/{slug}/settings/").text
    (letter,) = visitor.letters()
    assert letter["Subject"] == "Confirm your e-mail address"
    assert "Okna Horák" not in body(letter)
    link = visitor.link()
    assert visitor.get(link).status_code == 200
    assert "Confirm your e-mail address" in visitor.get(f"/{slug}/settings/").text
    answer = visitor.post(link)
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Confirm your e-mail address." not in visitor.get(f"/{slug}/settings/").text
    assert visitor.get(link).status_code == 410


def test_elsewhere_the_link_asks_for_the_password_of_the_sign_up(visitor: Visitor) -> None:
    visitor.sign_up()
    link, elsewhere = visitor.link(), visitor.fresh()
    assert 'name="password"' in elsewhere.get(link).text
    refused = elsewhere.post(link, password="some other words here")
    assert refused.status_code == 422
    answer = elsewhere.post(link, password=PASSWORD)
    assert answer.status_code == 303
    assert elsewhere.get("/account/").status_code == 200
    assert visitor.get("/account/").status_code == 303  # the session of before has ended


def test_a_known_address_is_answered_as_a_new_one_and_only_the_mail_tells(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.post(visitor.link())
    again, newcomer = visitor.fresh(), Visitor(visitor.app)
    answers = [again.sign_up(password=OTHER), newcomer.sign_up(password=OTHER)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert [slug_of(answer) in str(answer.location) for answer in answers] == [True, True]
    pages = [one.get(f"/{slug_of(answer)}/settings/") for one, answer in zip((again, newcomer), answers, strict=True)]
    shapes = [page.text.count("<") for page in pages]
    assert shapes[0] == shapes[1]
    assert again.letters()[-1]["Subject"] == "You have an Okno account already"
    assert newcomer.letters()[-1]["Subject"] == "Confirm your e-mail address"
    logins = [again.fresh().log_in(OTHER), newcomer.fresh().log_in(OTHER)]
    assert [answer.status_code for answer in logins] == [303, 303]


def test_the_second_sign_up_is_moved_into_the_account_by_mail_and_password(visitor: Visitor) -> None:
    first = slug_of(visitor.sign_up())
    visitor.post(visitor.link())
    again = visitor.fresh()
    second = slug_of(again.sign_up(password=OTHER))
    link = again.link()
    assert "Move the workspace into your account" in again.get(link).text
    answer = again.post(link)
    assert answer.location.startswith("/login?email=")
    assert again.get(f"/{second}/settings/").status_code == 303
    assert visitor.get(f"/{second}/settings/").status_code == 200
    assert visitor.get(f"/{first}/settings/").status_code == 200
    assert people(visitor.email) == 1


def test_whoever_signs_up_with_their_own_password_gets_one_more_workspace(visitor: Visitor) -> None:
    visitor.sign_up()
    again = visitor.fresh()
    assert again.sign_up().status_code == 303
    assert people(visitor.email) == 1
    assert again.get("/account/workspaces").text.count("/today") >= 2


def test_the_form_sent_twice_opens_one_workspace(visitor: Visitor) -> None:
    slug = f"okna-{new_id().hex[-10:]}"
    again = visitor.fresh()
    assert visitor.sign_up(slug=slug).location == again.sign_up(slug=slug).location
    assert people(visitor.email) == 1


def test_an_address_of_their_own_that_is_taken_is_refused_with_a_free_one(visitor: Visitor) -> None:
    slug = slug_of(visitor.sign_up())
    newcomer = Visitor(visitor.app)
    answer = newcomer.sign_up(slug=slug)
    assert answer.status_code == 422
    assert f"{slug} is taken. {slug}-2 is free." in answer.text
    assert newcomer.email in answer.text
    assert PASSWORD not in answer.text
    assert people(newcomer.email) == 0


def test_an_address_that_we_proposed_is_numbered(visitor: Visitor) -> None:
    business = f"Firma {new_id().hex[-8:]}"
    first = slug_of(visitor.sign_up(business=business, slug=""))
    assert slug_of(Visitor(visitor.app).sign_up(business=business, slug=first)) == f"{first}-2"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "Fill this in"), ("name", "x" * 101, "at most 100"), ("name", "a\0b", "zero bytes"),
        ("email", "petr", "not an e-mail"), ("email", "a" * 300 + "@example.com", "at most 254"),
        ("email", "a@b.cz\r\nBcc: x@y.cz", "not an e-mail"), ("email", "", "not an e-mail"),
        ("password", "", "at least 12"), ("password", "short", "5 characters"), ("password", "x" * 129, "at most 128"),
        ("business", "", "Fill this in"), ("business", "…", "three letters"), ("business", "x" * 101, "at most 100"),
        ("slug", "admin", "reserved"), ("slug", "ab", "three letters"), ("slug", "../..", "three letters"),
        ("industry", "nonsense", "what you do"), ("language", "xx", "Choose one"),
        ("time_zone", "Mars/Base", "time zone"),
        ("business", "\u202eevil", ""),
    ],
    ids=lambda value: repr(value)[:16],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(
    visitor: Visitor, field: str, value: str, said: str
) -> None:
    slug = {} if field != "business" else {"slug": ""}
    answer = visitor.sign_up(**{field: value, **slug})
    if not said:
        assert answer.status_code == 303
        return
    assert answer.status_code == 422
    assert said in answer.text
    assert people(visitor.email) == 0


def test_all_that_is_wrong_is_said_at_once(visitor: Visitor) -> None:
    answer = visitor.sign_up(name="", email="x", password="short", slug="admin")
    assert "4 things to correct" in answer.text


def test_unknown_fields_and_missing_ones_do_no_harm(visitor: Visitor) -> None:
    assert visitor.sign_up(confirmed_at="2020-01-01").status_code == 422
    assert visitor.post("/signup").status_code == 422
    assert visitor.post("/account/", form_at="/signup").status_code == 303


def test_the_fourth_sign_up_with_one_address_waits_and_says_for_how_long(visitor: Visitor) -> None:
    answers = [visitor.fresh().sign_up(password=f"{OTHER} {n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]
    assert int(answers[3].headers["Retry-After"]) > 80_000
    assert "Too many attempts" in answers[3].text
    assert people(visitor.email) == 3


def test_who_is_logged_in_is_led_to_their_workspaces(visitor: Visitor) -> None:
    visitor.sign_up()
    assert visitor.get("/signup").location == "/account/workspaces"
    assert visitor.get("/").location.endswith("/today")
