"""Seats: members come in by every door only while one is free, and leaving frees it."""

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import text

from core.full import LimitReached
from core.ids import new_id
from tenants import invitations, roles, staff
from tenants.models import Member
from tests.crm.limits.paying import cap, value
from tests.crm.scim.test_scim import Provider, ready
from tests.crm.scim.test_scim import refused as refused_by_scim
from tests.crm.test_demo import OKNO, environ, okno
from tests.shop import Shop, csrf, new_person
from tests.tenants.test_people import invited, opened


def active(shop: Shop) -> int:
    return int(shop.rows("select count(*) from member where state = 'active' and deleted_at is null")[0].count)


def member_of(shop: Shop, identity_id: UUID) -> staff.OneMember:
    found = shop.rows("select id from member where identity_id = :id", id=identity_id)
    return staff.OneMember(id=found[0].id)


def test_leaving_frees_a_seat_and_coming_back_needs_one(shop: Shop) -> None:
    seller = shop.member("sales")
    cap(shop, users=2)
    with shop.acting() as actor:
        staff.leave(actor, member_of(shop, seller))
    assert (active(shop), value(shop, "users")) == (1, 1)
    shop.member("sales", "Iva")
    with shop.acting() as actor, pytest.raises(LimitReached) as refused:
        staff.come_back(actor, member_of(shop, seller))
    assert refused.value.limit == "users"
    assert (active(shop), value(shop, "users")) == (2, 2)


def test_who_works_here_and_who_is_invited_count_before_somebody_is_invited(shop: Shop) -> None:
    shop.member("sales")
    cap(shop, users=3)
    invited(shop)
    with shop.acting() as actor:
        role = next(role.id for role in roles.all_roles(actor) if role.key == "sales")
        wanted = invitations.invite.parse({"emails": ["one@example.com"], "role_id": role})
        with pytest.raises(LimitReached) as refused:
            invitations.invite(actor, wanted)
    said = str(refused.value.detail)
    assert said.startswith("2 people work here and 1 is invited; your plan has 3 seats.")
    assert len(shop.rows("select id from invitation")) == 1
    again = f"{shop.workspace.slug}@example.com"
    with shop.acting() as actor:
        invitations.invite(actor, invitations.invite.parse({"emails": [again], "role_id": role}))
    browser = shop.browser()
    form = {"csrf_token": csrf(browser, shop.path("/people/invite")), "emails": "two@example.com", "role_id": str(role)}
    answer = browser.post(shop.path("/people/invite"), data=form)
    assert answer.status_code == 402
    assert "two@example.com" in answer.get_data(as_text=True)
    assert "1 is invited" in answer.get_data(as_text=True)


def test_the_link_of_an_invitation_waits_for_a_seat_and_makes_no_account_before(shop: Shop) -> None:
    _made, link = invited(shop)
    cap(shop, users=1)
    visitor = shop.app.test_client()
    form = {"csrf_token": csrf(visitor, f"/invite/{link}"), "name": "Petr", "password": "three words in a row"}
    answer = visitor.post(f"/invite/{link}", data=form)
    assert answer.status_code == 402
    assert "Every seat of Okna Horák is taken. Ask Jana Dvořáková for one" in answer.get_data(as_text=True)
    with shop.base.controlling() as control:
        query = text("select count(*) from control.identity where email = :email")
        assert control.scalar(query, {"email": f"{shop.workspace.slug}@example.com"}) == 0
    cap(shop, users=2)
    assert visitor.post(f"/invite/{link}", data=form).status_code == 303
    assert (active(shop), value(shop, "users")) == (2, 2)


def test_many_invited_race_for_the_last_seat_and_one_gets_it(shop: Shop) -> None:
    links = [invited(shop, f"{shop.workspace.slug}-{number}@example.com")[1] for number in range(6)]
    cap(shop, users=2)
    people = []
    for number in range(6):
        person = new_person(shop.base, f"Person {number}")
        person.email = f"{shop.workspace.slug}-{number}@example.com"
        with shop.base.controlling() as control:
            control.execute(
                text("update control.identity set email = :email, confirmed_at = now() where id = :id"),
                {"email": person.email, "id": person.id},
            )
            person.confirmed_at = control.scalar(text("select now()"))
        people.append(person)

    def accept(at: int) -> bool:
        try:
            invitations.accept(shop.base, opened(shop, links[at]), people[at], "127.0.0.1")
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(accept, range(6))) == [False] * 5 + [True]
    assert (active(shop), value(shop, "users")) == (2, 2)


def test_provisioning_is_told_in_its_own_words(shop: Shop) -> None:
    ready(shop)
    provider = Provider.of(shop)
    made = provider.make("petr")
    cap(shop, users=2)
    refused_by_scim(provider.call("POST", "/Users", provider.user("iva")), 402)
    assert provider.call("POST", "/Users", provider.user("ota", active=False)).status_code == 201
    off = {"op": "replace", "path": "active", "value": False}
    assert provider.patch(made["id"], off).status_code == 200
    shop.member("sales")
    refused_by_scim(provider.patch(made["id"], {**off, "value": True}), 402)
    assert (active(shop), value(shop, "users")) == (2, 2)


def test_the_command_line_says_it_in_one_line(shop: Shop) -> None:
    cap(shop, users=1)
    said = add_by_command(shop, "new@example.com")
    assert said.returncode == 1
    assert said.stderr.strip().splitlines() == [
        "okno: Your plan is full. The one seat of your plan is taken. Ask an owner of the workspace for a larger plan."
    ]
    assert (active(shop), value(shop, "users")) == (1, 1)


def add_by_command(shop: Shop, email: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*OKNO, "member", "add", shop.workspace.slug, email, "--role", "sales", "--password-stdin"],
        capture_output=True, text=True, timeout=60, check=False, env=environ(), input="three words in a row\n",
    )  # fmt: skip


def test_letters_of_invitations_are_counted_by_the_month(shop: Shop) -> None:
    cap(shop, mails=1)
    made, _link = invited(shop)
    with shop.acting() as actor, pytest.raises(LimitReached) as refused:
        invitations.resend(actor, invitations.OneInvitation(id=made.id))
    assert refused.value.limit == "mails"
    assert shop.rows("select sent from invitation")[0].sent == 1
    assert value(shop, "mails") == 1


def photo(shop: Shop, **fields: Any) -> Any:
    member_id = shop.rows("select id from member")[0].id
    browser = shop.browser()
    token = csrf(browser, shop.path(f"/people/{member_id}"))
    return browser.post(shop.path(f"/people/{member_id}/photo"), data={"csrf_token": token, **fields})


def picture() -> tuple[io.BytesIO, str]:
    file = io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(file, "PNG")
    file.seek(0)
    return file, "me.png"


def test_photos_take_up_room_and_give_it_back(shop: Shop) -> None:
    assert photo(shop, photo=picture()).status_code == 303
    size = value(shop, "storage")
    assert size == shop.rows("select photo_size from member")[0].photo_size > 1_000
    cap(shop, storage=size)
    photo(shop)
    assert value(shop, "storage") == 0
    cap(shop, storage=10)
    photo(shop, photo=picture())
    assert (value(shop, "storage"), shop.rows("select photo_key from member")[0].photo_key) == (0, None)


def test_a_demo_without_room_is_refused_before_anything(shop: Shop) -> None:
    cap(shop, contacts=100)
    said = okno("demo", shop.workspace.slug)
    assert said.returncode == 1
    assert f"okno plan give {shop.workspace.slug} business" in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
    assert shop.rows("select id from company") == []
    cap(shop, contacts=None)
    assert okno("demo", shop.workspace.slug, "--contacts", "30", "--deals", "5").returncode == 0
    assert value(shop) == 30


def test_a_seat_is_one_of_the_members(shop: Shop) -> None:
    """A member made without saying that they are active is, and counts."""
    with shop.acting() as actor:
        role_id = actor.db.get_one(Member, actor.member.id).role_id
        actor.db.add(
            Member(identity_id=new_id(), name="Petr", email="p@example.com", role_id=role_id, language="cs",
                   time_zone="UTC")
        )  # fmt: skip
        actor.db.commit()
    assert (active(shop), value(shop, "users")) == (2, 2)
