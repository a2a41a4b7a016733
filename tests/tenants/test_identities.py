"""Whose an address is: claims, the account, confirming, and what an attacker gets of it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from config.settings import settings
from core.db import database
from core.errors import Invalid
from core.ids import new_id
from tenants import credentials, identities, links, sessions, tokens
from tenants.models import MailedLink, Member, Person
from tests.shop import Shop
from tests.visitor import PASSWORD

OTHER = "jiné dlouhé heslo tady"


@pytest.fixture(autouse=True)
def _texts(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def email() -> str:
    return f"{new_id().hex}@example.com"


def claim(address: str, password: str = PASSWORD) -> Person:
    with database().controlling() as control:
        return identities.sign_up(
            control, email=address, name="Petr", password=password, language="cs", time_zone="Europe/Prague"
        )


def link_for(person: Person, purpose: links.Purpose = "confirm", address: str | None = None) -> MailedLink:
    with database().controlling() as control:
        return links.make(control, purpose, person, address or person.email, new_id())


def confirmed(address: str, password: str = PASSWORD) -> Person:
    return identities.confirm(database(), link_for(claim(address, password)), None)


def sign_in(address: str, password: str) -> Person:
    return identities.sign_in(database(), address, password, "192.0.2.1-" + new_id().hex)


def test_an_address_may_be_claimed_many_times_and_confirmed_once() -> None:
    address = email()
    first, second = claim(address), claim(address, OTHER)
    with database().controlling() as control:
        assert identities.account_of(control, address) is None
    assert identities.confirm(database(), link_for(second), None).id == second.id
    with database().controlling() as control:
        account = identities.account_of(control, address.upper())
        assert account
        assert account.id == second.id
    assert identities.confirm(database(), link_for(first), None).id == second.id
    with database().controlling() as control:
        assert control.get(Person, first.id) is None


def test_each_claim_logs_in_with_its_own_password() -> None:
    address = email()
    account, later = confirmed(address), claim(address, OTHER)
    assert sign_in(address, PASSWORD).id == account.id
    assert sign_in(address.upper(), OTHER).id == later.id
    with pytest.raises(identities.WrongPassword):
        sign_in(address, PASSWORD + " ")
    with pytest.raises(identities.WrongPassword):
        sign_in(email(), PASSWORD)


def test_the_same_number_of_hashes_is_computed_for_every_email(monkeypatch: pytest.MonkeyPatch) -> None:
    from tenants import passwords

    counted: list[str] = []
    fits = passwords.fits

    def counting(password: str, kept: str) -> bool:
        counted.append(kept)
        return fits(password, kept)

    monkeypatch.setattr(passwords, "fits", counting)
    known, claimed = email(), email()
    confirmed(known)
    claim(claimed), claim(claimed, OTHER)
    numbers = []
    for address in (known, claimed, email()):
        counted.clear()
        identities.recognise(database(), address, "wrong password it is")
        numbers.append(len(counted))
        counted.clear()
        identities.returning(database(), address, "wrong password it is", new_id().hex)
        numbers.append(len(counted))
    assert numbers == [identities.TRIED] * 6


def test_confirming_ends_other_sessions_and_links() -> None:
    person = claim(email())
    with database().controlling() as control:
        here, elsewhere = (sessions.start(control, person.id, "", "") for _ in range(2))
        mine = sessions.find(control, here)
        assert mine
    older, newer = link_for(person), link_for(person)
    identities.confirm(database(), newer, mine.id)
    with database().controlling() as control:
        found = sessions.find(control, here)
        assert found
        assert found.confirmed
        assert sessions.find(control, elsewhere) is None
    with pytest.raises(links.StaleLink):
        identities.confirm(database(), older, None)


def test_confirming_a_second_sign_up_moves_its_workspaces_into_the_account(shop: Shop) -> None:
    """The claim is a member of a workspace; afterwards the account is, and the claim is no more."""
    address = email()
    account, later = confirmed(address), claim(address, OTHER)
    make_member(shop, later)
    with database().controlling() as control:
        cookie = sessions.start(control, later.id, "", "")
    assert identities.confirm(database(), link_for(later), None).id == account.id
    assert roles(shop, account) == ["owner"]
    assert roles(shop, later) == []
    with database().controlling() as control:
        assert sessions.find(control, cookie) is None
        rows = control.execute(
            text("select identity_id from control.membership where workspace_id = :w"), {"w": shop.workspace.id}
        )
        assert account.id in {row.identity_id for row in rows}
    with pytest.raises(identities.WrongPassword):
        sign_in(address, OTHER)


def test_who_is_a_member_already_becomes_owner_by_a_second_sign_up(shop: Shop) -> None:
    address = email()
    account, later = confirmed(address), claim(address, OTHER)
    make_member(shop, later)
    make_member(shop, account, "reader")
    identities.confirm(database(), link_for(later), None)
    assert roles(shop, account) == ["owner"]
    assert shop.rows("select state from member where identity_id = :i", i=later.id) == [("left",)]


def test_who_prepares_an_account_on_anothers_address_keeps_nothing_of_it(shop: Shop) -> None:
    """Pre-hijacking: the attacker signs up first, with a session, a token, and links; the owner resets the password."""
    address = email()
    attacker = claim(address)
    make_member(shop, attacker)
    with database().controlling() as control:
        cookie = sessions.start(control, attacker.id, "", "")
        changing = credentials.ask_for_email(control, attacker, email())
    with shop.acting(attacker.id) as actor:
        secret = tokens.create(actor, tokens.NewToken(name="back door"))[1]
    reset = link_for(attacker, "reset")
    credentials.reset_password(database(), reset, OTHER)
    with pytest.raises(identities.WrongPassword):
        sign_in(address, PASSWORD)
    with database().controlling() as control:
        assert sessions.find(control, cookie) is None
    with pytest.raises(tokens.NotSignedIn), tokens.acting_token(database(), secret, ""):
        pass
    with pytest.raises(links.StaleLink):
        credentials.change_email(database(), changing, None)
    assert sign_in(address, OTHER).id == attacker.id


def test_a_reset_means_the_account_and_not_a_later_claim() -> None:
    address = email()
    account, later = confirmed(address), claim(address, OTHER)
    with database().controlling() as control:
        owner = identities.owner_of(control, address)
    assert owner
    assert owner.id == account.id
    with pytest.raises(links.StaleLink):
        credentials.reset_password(database(), link_for(later, "reset"), "třetí heslo na řadě")
    assert sign_in(address, OTHER).id == later.id


def test_enrolling_makes_a_confirmed_account_and_finds_it_again() -> None:
    address = email()
    claimed = claim(address)
    given = {"email": address.upper(), "name": "Jana", "language": "cs", "time_zone": "Europe/Prague"}
    with database().controlling() as control:
        with pytest.raises(Invalid):
            identities.enrol(control, password="short", **given)
        person = identities.enrol(control, password=OTHER, **given)
        assert identities.enrol(control, password="whatever", **given).id == person.id
    assert person.id != claimed.id
    assert sign_in(address, OTHER).id == person.id


def test_a_changed_address_is_told_to_every_workspace_and_the_old_one_logs_in_no_more(shop: Shop) -> None:
    person = confirmed(email())
    make_member(shop, person)
    wanted = email()
    with database().controlling() as control:
        link = credentials.ask_for_email(control, person, wanted.upper())
    changed, former = credentials.change_email(database(), link, None)
    assert (changed.email, former) == (wanted, person.email)
    assert shop.rows("select email from member where identity_id = :i", i=person.id) == [(wanted,)]
    assert sign_in(wanted, PASSWORD).id == person.id
    with pytest.raises(identities.WrongPassword):
        sign_in(former, PASSWORD)


def test_an_address_that_has_an_account_cannot_be_taken_over(shop: Shop) -> None:
    person, theirs = confirmed(email()), confirmed(email())
    make_member(shop, person)
    with database().controlling() as control:
        link = credentials.ask_for_email(control, person, theirs.email)
    with pytest.raises(Invalid):
        credentials.change_email(database(), link, None)
    assert shop.rows("select email from member where identity_id = :i", i=person.id) == [(person.email,)]
    assert sign_in(person.email, PASSWORD).id == person.id


def test_particulars_reach_every_workspace(shop: Shop, other: Shop) -> None:
    person = confirmed(email())
    make_member(shop, person)
    make_member(other, person)
    identities.describe(database(), person.id, name="Petr Novák", language="en", time_zone="Europe/London")
    for place in (shop, other):
        rows = place.rows("select name, language, time_zone from member where identity_id = :i", i=person.id)
        assert [tuple(row) for row in rows] == [("Petr Novák", "en", "Europe/London")]


def test_a_link_must_be_exactly_as_it_was_sent() -> None:
    person = claim(email())
    sent = links.address(link_for(person), settings()).rpartition("/")[2]
    other = "A" if sent[40] != "A" else "B"
    spoiled = [
        "", sent[:-1], sent + "A", sent + "\n", sent.upper(), sent[:32], "0" * 32 + sent[32:], "é" + sent[1:],
        sent[:40] + other + sent[41:],
    ]  # fmt: skip
    with database().controlling() as control:
        assert links.find(control, "confirm", sent, settings()).identity_id == person.id
        for link in spoiled:
            with pytest.raises(links.StaleLink):
                links.find(control, "confirm", link, settings())
        with pytest.raises(links.StaleLink):
            links.find(control, "reset", sent, settings())


def test_a_link_that_is_too_old_or_used_opens_nothing() -> None:
    person = claim(email())
    for ruin in ("expires_at = now()", "used_at = now()"):
        link = link_for(person)
        sent = links.address(link, settings()).rpartition("/")[2]
        with database().controlling() as control:
            control.execute(text(f"update control.mailed_link set {ruin} where id = :id"), {"id": link.id})
        with database().controlling() as control, pytest.raises(links.StaleLink):
            links.find(control, "confirm", sent, settings())


def test_a_link_used_by_two_at_once_works_for_one() -> None:
    person = claim(email())
    link = link_for(person, "reset")
    with database().controlling() as first:
        links.use(first, link)
    with pytest.raises(links.StaleLink):
        credentials.reset_password(database(), link, OTHER)
    assert sign_in(person.email, PASSWORD).id == person.id


def make_member(shop: Shop, person: Person, role: str = "owner") -> None:
    from tenants import members

    with database().controlling() as control:
        members.enter_directory(control, person.id, shop.workspace.id)
    with database().workspace(shop.workspace) as session, session.begin():
        members.join(session, person.id, person.name, person.email, role, "cs", "Europe/Prague")


def roles(shop: Shop, person: Person) -> list[str | None]:
    with database().workspace(shop.workspace) as session:
        rows = session.query(Member).filter(Member.identity_id == person.id, Member.state == "active")
        return [member.role.key for member in rows]
