"""Settings of the workspace and API tokens by the page."""

import re

from sqlalchemy import text

from core.db import database
from core.jobs import deliver
from core.text import sort_key
from crm.contacts import actions as contacts
from tests.shop import Api, Shop, csrf

PATH = "/settings/workspace"


def catalogue(shop: Shop) -> tuple[str, ...]:
    with database().controlling() as control:
        row = control.execute(
            text("select name, language, time_zone, currency from control.workspace where id = :id"),
            {"id": shop.workspace.id},
        ).one()
    return tuple(row)


def save(shop: Shop, who: object = None, **changed: str) -> int:
    client = shop.browser(who)  # type: ignore[arg-type]
    fields = {"name": "Okna Horák", "language": "en", "time_zone": "Europe/Prague", "currency": "CZK"}
    fields |= {"second_factor": "nobody", **changed}
    return client.post(shop.path(PATH), data={"csrf_token": csrf(client, "/account/"), **fields}).status_code


def test_the_workspace_is_renamed_and_the_event_says_by_whom(shop: Shop) -> None:
    assert save(shop, name="Okna Nová", currency="EUR") == 303
    assert catalogue(shop) == ("Okna Nová", "en", "Europe/Prague", "EUR")
    assert "Okna Nová" in shop.browser().get(shop.path(PATH)).text
    (row,) = shop.rows("select before, after from event where action = 'settings.edit'")
    assert row.before == {"name": "Okna Horák", "currency": "CZK"}
    assert row.after == {"name": "Okna Nová", "currency": "EUR"}
    assert save(shop, name="Okna Nová", currency="EUR") == 303
    assert len(shop.rows("select 1 from event where action = 'settings.edit'")) == 1


def test_wrong_settings_are_refused_and_change_nothing(shop: Shop) -> None:
    for changed in (
        {"name": ""},
        {"language": "xx"},
        {"time_zone": "Mars/Base"},
        {"currency": "XXX"},
        {"slug": "other"},
    ):
        assert save(shop, **changed) == 422
    assert catalogue(shop) == ("Okna Horák", "en", "Europe/Prague", "CZK")


def test_only_owner_and_admin_change_settings(shop: Shop) -> None:
    for role, may in (("admin", True), ("head", False), ("sales", False), ("field", False), ("reader", False)):
        member = shop.member(role)
        assert save(shop, member, name=f"By {role}") == (303 if may else 403)
        assert (catalogue(shop)[0] == f"By {role}") == may


def test_another_language_sorts_every_name_again_and_changes_nothing_else(shop: Shop) -> None:
    with shop.acting() as actor:
        for name in ("Chalupa", "Cibulka", "Čapek", "Hájek"):
            contacts.create(actor, contacts.create.parse({"last_name": name}))
    before = shop.rows("select id, version, updated_at from contact order by id")
    assert save(shop, language="cs") == 303
    with database().controlling() as control:
        work = control.scalar(
            text("select id from bus.outbox where role = :r and payload->>'job' = 'settings.sort_again'"),
            {"r": shop.workspace.role},
        )
    assert work
    deliver(work)
    names = [row.last_name for row in shop.rows("select last_name from contact order by sort_key")]
    assert names == ["Cibulka", "Čapek", "Hájek", "Chalupa"]
    assert shop.rows("select id, version, updated_at from contact order by id") == before
    (row,) = shop.rows("select sort_key from contact where last_name = 'Chalupa'")
    assert bytes(row.sort_key) == sort_key("Chalupa", "cs")


def test_a_token_is_shown_once_works_and_is_revoked(shop: Shop) -> None:
    client, path = shop.browser(), shop.path("/settings/tokens")
    answer = client.post(path, data={"csrf_token": csrf(client, path), "name": "Web <form>"})
    found = re.search(r"okno_\d+_[\w-]{49}", answer.text)
    assert found
    assert "Web &lt;form&gt;" in answer.text
    api = Api(shop.app.test_client(), found[0])
    assert api.get("/contacts").status_code == 200
    page = client.get(path).text
    assert found[0] not in page
    assert found[0][-4:] in page
    revoke = re.search(r'action="([^"]*/revoke)"', page)
    assert revoke
    assert client.post(revoke[1], data={"csrf_token": csrf(client, path)}).status_code == 303
    assert api.get("/contacts").status_code == 401
    assert "Web &lt;form&gt;" not in re.sub(r'<div class="toasts".*', "", client.get(path).text, flags=re.DOTALL)


def test_a_token_needs_a_name_and_a_right(shop: Shop) -> None:
    client, path = shop.browser(), shop.path("/settings/tokens")
    for name in ("", " ", "x" * 81, "a\0b"):
        assert client.post(path, data={"csrf_token": csrf(client, path), "name": name}).status_code == 422
    reader = shop.browser(shop.member("reader"))
    assert reader.get(path).status_code == 403
    assert reader.post(path, data={"csrf_token": csrf(reader, "/account/"), "name": "x"}).status_code == 403
    assert shop.rows("select 1 from token") == []


def test_nobody_sees_or_revokes_anothers_token(shop: Shop, other: Shop) -> None:
    api = shop.api()
    (row,) = shop.rows("select id from token")
    colleague, outsider = shop.browser(shop.member("sales")), other.browser()
    for stranger, home in ((colleague, shop.path("/settings/tokens")), (outsider, other.path("/settings/tokens"))):
        assert str(row.id) not in stranger.get(home).text
        stranger.post(shop.path(f"/settings/tokens/{row.id}/revoke"), data={"csrf_token": csrf(stranger, "/account/")})
        stranger.post(other.path(f"/settings/tokens/{row.id}/revoke"), data={"csrf_token": csrf(stranger, "/account/")})
    assert api.get("/contacts").status_code == 200


def test_the_settings_page_offers_only_what_one_may(shop: Shop) -> None:
    owner, reader = shop.browser(), shop.browser(shop.member("reader"))
    path = shop.path("/settings/")
    assert "API tokens" in owner.get(path).text
    assert "API tokens" not in reader.get(path).text
    assert "Your account" in reader.get(path).text
