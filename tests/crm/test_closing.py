"""A workspace is closed, brought back, and in the end erased: what stays, what goes, and who is told."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text

from billing.care import forget
from config.settings import settings
from core.db import database
from core.files import files
from core.jobs import Place
from core.mail import local_mailbox
from crm.cli import cli
from tenants import erasure
from tenants.directory import directory
from tests.crm.exports.test_export import exported
from tests.crm.imports.importing import brought
from tests.crm.people import Desk, contact
from tests.factories import one_of_each
from tests.shop import Shop, csrf, open_shop
from tests.visitor import body


def place() -> Place:
    return Place(database(), None, 0, lambda: True)


def close(shop: Shop) -> None:
    answer = Desk.of(shop).send("/settings/close", address=shop.workspace.slug)
    assert answer.status_code == 303, answer.get_data(as_text=True)


def state(shop: Shop) -> Any:
    return control("select * from control.workspace where id = :id", id=shop.workspace.id)[0]


def control(sql: str, **values: Any) -> list[Any]:
    with database().controlling() as session:
        return list(session.execute(text(sql), values).all())


def time_over(shop: Shop) -> None:
    with database().controlling() as session:
        said = "update control.workspace set erase_at = now() - interval '1 second' where id = :id"
        session.execute(text(said), {"id": shop.workspace.id})


@pytest.fixture
def owner_of_all() -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(settings().database_url, autocommit=True) as connection:
        yield connection


def test_its_address_must_be_typed_by_an_owner_who_has_proven_it(shop: Shop) -> None:
    desk = Desk.of(shop)
    assert desk.send("/settings/close", address="another").status_code == 422
    admin = Desk.of(shop, shop.member("admin"))
    assert admin.get("/settings/close").status_code == 403
    assert admin.send("/settings/close", address=shop.workspace.slug).status_code == 403
    with database().controlling() as session:
        stale = "update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :id"
        session.execute(text(stale), {"id": shop.owner_id})
    assert desk.send("/settings/close", address=shop.workspace.slug).status_code == 401
    assert (state(shop).state, state(shop).erase_at) == ("open", None)
    assert shop.rows("select count(*) as n from event where action = 'settings.close'")[0].n == 0


def test_closed_nobody_works_in_it_and_every_page_says_until_when(shop: Shop) -> None:
    api = shop.api()
    made = contact(shop, last_name="Novák")
    sales = shop.member("sales")
    desks = [Desk.of(shop), Desk.of(shop, sales)]
    tokens = [csrf(desk.client, shop.path("/find")) for desk in desks]
    close(shop)
    found = state(shop)
    assert (found.state, found.closed_by, (found.erase_at - found.closed_at).days) == ("closing", "Jana Dvořáková", 30)
    assert api.get("/contacts").status_code == 401
    for desk, token in zip(desks, tokens, strict=True):
        for path in ("/today", "/contacts/", f"/contacts/{made.id}", "/settings/", "/settings/close"):
            assert desk.get(path).location.endswith("/closing"), path
        sent = desk.client.post(shop.path("/contacts/"), data={"csrf_token": token, "last_name": "Late"})
        assert sent.location.endswith("/closing")
    assert shop.rows("select count(*) as n from contact")[0].n == 1
    page = Desk.of(shop).page("/closing")
    assert "Bring it back" in page
    theirs = Desk.of(shop, sales).page("/closing")
    assert "Bring it back" not in theirs
    assert "Jana Dvořáková" in theirs
    assert Desk.of(shop, sales).get("/exports/").location.endswith("/closing")


def test_owners_take_everything_along_from_a_closed_one_and_bring_it_back_as_it_was(shop: Shop) -> None:
    contact(shop, last_name="Novák")
    api = shop.api()
    sales = shop.browser(shop.member("sales"))
    forged = csrf(sales, shop.path("/find"))
    close(shop)
    found = exported(shop, what="everything", format="json")
    assert (found.state, found.rows) == ("done", 1)
    desk = Desk.of(shop)
    assert desk.get(f"/exports/{found.id}/file").status_code == 200
    form = desk.page("/closing")
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    refused = sales.post(shop.path("/closing/back"), data={"csrf_token": forged})
    assert refused.location.endswith("/closing")
    assert state(shop).state == "closing"
    assert desk.client.post(shop.path("/closing/back"), data={"csrf_token": token}).status_code == 303
    assert (state(shop).state, state(shop).erase_at, state(shop).closed_by) == ("open", None, "")
    assert api.get("/contacts").json["data"][0]["last_name"] == "Novák"
    assert [one.action for one in shop.rows("select action from event where kind = 'settings' order by id")] == [
        "settings.close",
        "settings.reopen",
    ]


def test_the_owners_are_written_to(shop: Shop) -> None:
    close(shop)
    run_job("closing.letter", shop)
    letter = letters_to(shop)[-1]
    assert "Jana Dvořáková has closed the workspace" in body(letter)
    assert f"/{shop.workspace.slug}/closing" in body(letter)


def run_job(name: str, shop: Shop) -> None:
    from core.jobs import JOBS

    with shop.app.app_context():
        JOBS[name](place(), workspace_id=shop.workspace.id)


def letters_to(shop: Shop) -> list[Any]:
    from email import message_from_bytes, policy
    from email.message import EmailMessage

    email = control("select email from control.identity where id = :id", id=shop.owner_id)[0].email
    box = local_mailbox(settings())
    found = [
        message_from_bytes(box.get_bytes(key), _class=EmailMessage, policy=policy.default) for key in box.iterkeys()
    ]
    return [one for one in found if one["To"] == email]


def test_before_its_time_nothing_is_erased_and_afterwards_everything(
    app: Flask, shop: Shop, owner_of_all: "psycopg.Connection[Any]"
) -> None:
    with shop.acting() as actor:
        one_of_each(actor, "Tajemníček")
    brought(shop, b"Name\nJan\n")
    resident = alone_in(shop)
    close(shop)
    erasure.erase_one(place(), shop.workspace.id)
    assert state(shop).state == "closing"
    time_over(shop)
    with database().controlling() as session:
        rows = session.execute(text("select count(*) from bus.outbox where role = :r"), {"r": shop.workspace.role})
        assert rows.scalar_one() > 0
    erasure.erase_due(place())
    erasure.erase_one(place(), shop.workspace.id)
    schema, role = shop.workspace.schema, shop.workspace.role
    assert owner_of_all.execute("select count(*) from pg_namespace where nspname = %s", (schema,)).fetchone() == (0,)
    assert owner_of_all.execute("select count(*) from pg_roles where rolname = %s", (role,)).fetchone() == (0,)
    for table in ("membership", "proven_domain", "sign_on_trip", "drift", "billing_account", "erased"):
        left = control(f"select count(*) as n from control.{table} where workspace_id = :id", id=shop.workspace.id)
        assert left[0].n == 0, table
    assert control("select count(*) as n from control.workspace where id = :id", id=shop.workspace.id)[0].n == 0
    assert control("select count(*) as n from control.identity where id = :id", id=resident)[0].n == 0
    assert control("select count(*) as n from control.identity where id = :id", id=shop.owner_id)[0].n == 1
    assert control("select count(*) as n from bus.outbox where role = :role", role=role)[0].n == 0
    assert list(files().under(f"{schema}/")) == []
    with app.test_request_context("/"):
        assert open_shop(app).workspace.slug != shop.workspace.slug


def alone_in(shop: Shop) -> Any:
    said = """
    insert into control.identity (id, email, name, password_hash, workspace_id)
    values (gen_random_uuid(), 'alone@example.com', 'Alone', '', :id) returning id
    """
    return control(said, id=shop.workspace.id)[0].id


def test_the_certificate_says_what_was_erased_and_is_mailed_to_the_owners(shop: Shop) -> None:
    for number in range(3):
        contact(shop, last_name=f"N{number}")
    brought(shop, "Name\nJan Tajemníček\n".encode())
    close(shop)
    time_over(shop)
    erasure.erase_one(place(), shop.workspace.id)
    found = control("select * from control.certificate where workspace_id = :id", id=shop.workspace.id)[0]
    assert (found.address, found.closed_by) == (shop.workspace.slug, "Jana Dvořáková")
    assert found.finished_at is not None
    assert (found.said["tables"]["contact"], found.said["files"], found.said["shared"]["memberships"]) == (4, 1, 1)
    assert "Tajemníček" not in str(found)
    from crm.closing.jobs import mail_certificate

    with shop.app.app_context():
        mail_certificate(place(), str(found.id))
    link = re.search(r"http://localhost:8000(/certificate/\S+)", body(letters_to(shop)[-1]))
    assert link
    stranger = shop.app.test_client()
    assert "Certificate of erasure" in stranger.get(link[1]).get_data(as_text=True)
    kept = stranger.get(f"{link[1]}.json").json
    assert kept is not None
    assert (kept["tables"]["contact"], kept["address"]) == (4, shop.workspace.slug)
    for wrong in (link[1][:-4] + "AAAA", re.sub(r"[0-9a-f]{12}/", "0" * 12 + "/", link[1])):
        assert stranger.get(wrong).status_code == 404
    assert control("select owners from control.certificate where id = :id", id=found.id)[0].owners == []


@pytest.mark.parametrize("broken", ["files", "eraser", "schema"])
def test_an_erasure_that_broke_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    contact(shop, last_name="Novák")
    brought(shop, b"Name\nJan\n")
    close(shop)
    time_over(shop)

    def fails(*_values: Any) -> Any:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        if broken == "files":
            patched.setattr("tenants.erasure.files", fails)
        elif broken == "eraser":
            patched.setitem(erasure.ERASERS, "broken", fails)
        else:
            patched.setattr("tenants.erasure.of_workspace", fails)
        with pytest.raises(OSError, match="gone"):
            erasure.erase_one(place(), shop.workspace.id)
    assert state(shop).state == "erasing"
    directory.forget()
    assert Desk.of(shop).get("/closing").status_code == 404
    erasure.erase_one(place(), shop.workspace.id)
    found = control("select * from control.certificate where workspace_id = :id", id=shop.workspace.id)[0]
    assert found.finished_at is not None
    assert found.said["tables"]["contact"] == 2
    assert control("select count(*) as n from control.workspace where id = :id", id=shop.workspace.id)[0].n == 0


def test_only_one_that_is_being_erased_can_be_dropped(shop: Shop) -> None:
    with pytest.raises(Exception, match="query returned no rows"), database().controlling() as session:
        session.execute(text("select control.drop_workspace(:id)"), {"id": shop.workspace.id})
    assert shop.rows("select 1")


def test_what_stripe_sent_about_it_goes_with_it(shop: Shop, other: Shop) -> None:
    customers = {one.workspace.id: f"cus_{one.workspace.id}" for one in (shop, other)}
    with database().controlling() as session:
        for number, customer in customers.items():
            session.execute(text("insert into control.billing_account (workspace_id, customer_id) values (:n, :c)"),
                            {"n": number, "c": customer})  # fmt: skip
            event = "insert into control.stripe_event (id, type, customer_id, body) values (:c, 'x', :c, '{}')"
            session.execute(text(event), {"c": customer})
    assert forget(database(), shop.workspace) == 1
    assert forget(database(), shop.workspace) == 0
    left = control(
        "select customer_id from control.stripe_event where customer_id = any(:all)", all=[*customers.values()]
    )
    assert [one.customer_id for one in left] == [customers[other.workspace.id]]


def test_the_operator_closes_and_erases_only_after_writing_the_address(shop: Shop) -> None:
    slug = shop.workspace.slug
    run = CliRunner()
    assert run.invoke(cli, ["workspace", "close", slug], input="another\n").exit_code == 1
    assert state(shop).state == "open"
    assert run.invoke(cli, ["workspace", "erase", slug, "--now"], input=f"{slug}\n").exit_code == 1, "it is open"
    assert run.invoke(cli, ["workspace", "close", slug], input=f"{slug}\n").exit_code == 0
    assert state(shop).state == "closing"
    assert run.invoke(cli, ["workspace", "erase", slug, "--now"], input="another\n").exit_code == 1
    assert run.invoke(cli, ["workspace", "reopen", slug]).exit_code == 0
    assert state(shop).state == "open"
    assert run.invoke(cli, ["workspace", "close", slug], input=f"{slug}\n").exit_code == 0
    done = run.invoke(cli, ["workspace", "erase", slug, "--now"], input=f"{slug}\n")
    assert done.exit_code == 0, done.output
    assert control("select count(*) as n from control.workspace where slug = :slug", slug=slug)[0].n == 0
