"""One's own account: particulars, password, e-mail, sessions."""

import pytest
from flask import Flask

from tests.visitor import PASSWORD, Visitor

NEW = "jiné dlouhé heslo tady"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody with a confirmed account, logged in."""
    known = Visitor(app)
    known.sign_up()
    known.post(known.link())
    return known


def elsewhere(visitor: Visitor) -> Visitor:
    other = visitor.fresh()
    assert other.log_in().status_code == 303
    return other


def test_nothing_of_it_is_seen_without_a_session(app: Flask) -> None:
    stranger = Visitor(app)
    for path in ("/account/", "/account/workspaces"):
        assert stranger.get(path).location == f"/login?next={path}"
    for path in ("/account/password", "/account/email", "/account/confirm", "/account/sessions/end-others"):
        assert stranger.post(path, form_at="/login").status_code == 303


def test_name_language_and_zone_change_everywhere(visitor: Visitor) -> None:
    fields = {"name": "Petr Nový", "language": "cs", "time_zone": "Europe/London"}
    assert visitor.post("/account/", **fields).status_code == 303
    page = visitor.get("/account/").text
    assert '<html lang="cs"' in page
    assert 'value="Petr Nový"' in page
    assert '<option value="Europe/London" selected>' in page
    slug = visitor.get("/").location.split("/")[1]
    assert "Petr Nový" in visitor.get(f"/{slug}/settings/").text


def test_a_name_is_needed_and_what_was_typed_stays(visitor: Visitor) -> None:
    answer = visitor.post("/account/", name="", language="cs", time_zone="Europe/London")
    assert answer.status_code == 422
    assert '<option value="Europe/London" selected>' in answer.text
    assert 'value="Petr Horák"' in visitor.get("/account/").text


def test_a_new_password_takes_the_present_one_and_ends_other_sessions(visitor: Visitor) -> None:
    other = elsewhere(visitor)
    assert visitor.post("/account/password", form_at="/account/", present="wrong", password=NEW).status_code == 422
    assert visitor.post("/account/password", form_at="/account/", present=PASSWORD, password="short").status_code == 422
    assert other.get("/account/").status_code == 200
    assert visitor.post("/account/password", form_at="/account/", present=PASSWORD, password=NEW).status_code == 303
    assert visitor.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 303
    assert visitor.letters()[-1]["Subject"] == "Your password was changed"
    assert visitor.fresh().log_in(PASSWORD).status_code == 422
    assert visitor.fresh().log_in(NEW).status_code == 303


def test_a_password_of_the_workspaces_name_is_refused(visitor: Visitor) -> None:
    answer = visitor.post("/account/password", form_at="/account/", present=PASSWORD, password="okna-horak-2026")
    assert answer.status_code == 422
    assert "Too easy to guess" in answer.text


def test_guessing_the_present_password_is_locked_as_a_log_in_is(visitor: Visitor) -> None:
    statuses = [
        visitor.post("/account/password", form_at="/account/", present="wrong words", password=NEW).status_code
        for _ in range(11)
    ]
    assert statuses == [422] * 10 + [429]


def test_a_new_address_is_confirmed_by_its_own_mail_and_the_old_one_is_told(visitor: Visitor) -> None:
    other, wanted = elsewhere(visitor), Visitor(visitor.app).email
    form = {"form_at": "/account/", "email": wanted}
    assert visitor.post("/account/email", **form, proof="wrong words").status_code == 422
    assert visitor.letters(wanted) == []
    assert visitor.post("/account/email", **form, proof=PASSWORD).status_code == 303
    assert f"You log in with {visitor.email}" in visitor.get("/account/").text
    link = visitor.link(wanted)
    assert visitor.get(link).status_code == 200
    assert visitor.post(link).location == "/account/"
    assert f"You log in with {wanted}" in visitor.get("/account/").text
    assert other.get("/account/").status_code == 303
    assert visitor.letters()[-1]["Subject"] == "Your e-mail address was changed"
    assert Visitor(visitor.app, wanted).log_in().status_code == 303
    assert visitor.fresh().log_in().status_code == 422


def test_an_address_with_an_account_is_answered_alike_and_only_its_mail_tells(visitor: Visitor) -> None:
    theirs = Visitor(visitor.app)
    theirs.sign_up()
    theirs.post(theirs.link())
    answer = visitor.post("/account/email", form_at="/account/", email=theirs.email, proof=PASSWORD)
    assert answer.status_code == 303
    letter = theirs.letters()[-1]
    assert letter["Subject"] == "This address has an Okno account already"
    assert "/email/" not in str(letter)


def test_who_mistyped_their_address_at_the_sign_up_changes_it(app: Flask) -> None:
    mistyped, right = Visitor(app), Visitor(app).email
    mistyped.sign_up()
    mistyped.post("/account/email", form_at="/account/", email=right, proof=PASSWORD)
    mistyped.post(mistyped.link(right))
    assert f"You log in with {right}" in mistyped.get("/account/").text
    assert "not confirmed" not in mistyped.get("/account/").text
    assert [letter["Subject"] for letter in mistyped.letters()] == []  # a stranger may read that address


def test_the_link_is_sent_again_three_times_in_six_hours(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.sign_up()
    statuses = [visitor.post("/account/confirm", form_at="/account/").status_code for _ in range(4)]
    assert statuses == [303, 303, 303, 429]
    assert len(visitor.letters()) == 4
    assert visitor.post(visitor.link()).status_code == 303


def test_sessions_are_listed_and_ended_one_by_one_and_all_others_at_once(visitor: Visitor) -> None:
    others = [elsewhere(visitor) for _ in range(3)]
    page = visitor.get("/account/").text
    ends = [part.split('"', 1)[0] for part in page.split('action="/account/sessions/')[1:]]
    assert len(ends) == 4
    assert ends[-1] == "end-others"
    visitor.post(f"/account/sessions/{ends[0]}", form_at="/account/")
    assert [one.get("/account/").status_code for one in others].count(200) == 2
    visitor.post("/account/sessions/end-others", form_at="/account/")
    assert [one.get("/account/").status_code for one in others] == [303] * 3
    assert visitor.get("/account/").status_code == 200


def test_nobody_ends_anothers_session(visitor: Visitor, app: Flask) -> None:
    other = elsewhere(visitor)
    page = visitor.get("/account/").text
    session = page.split('action="/account/sessions/')[1].split('"', 1)[0]
    stranger = Visitor(app)
    stranger.sign_up()
    stranger.post(f"/account/sessions/{session}", form_at="/account/")
    assert other.get("/account/").status_code == 200


def test_a_further_workspace_is_open_at_once_and_the_switcher_shows_both(visitor: Visitor) -> None:
    answer = visitor.post("/account/workspaces", business="Druhá firma", slug="", industry="b2b")
    assert answer.status_code == 303
    page = visitor.get("/account/workspaces").text
    assert "Druhá firma" in page
    assert "Okna Horák" in page
    assert visitor.post("/account/workspaces", business="", slug="", industry="b2b").status_code == 422
