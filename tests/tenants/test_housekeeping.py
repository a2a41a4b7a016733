"""What is past its time is swept out, and nothing else."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from core.db import database
from core.jobs import Place
from tenants import housekeeping
from tenants.housekeeping import tidy
from tenants.models import WorkspaceRow
from tests.phone import App, confirmed
from tests.shop import Shop

# Table -> the column that says how old a row is, and from when on it goes.
KEPT = {
    "waiting_sign_in": ("created_at", "1 day"),
    "passkey_challenge": ("created_at", "1 day"),
    "known_device": ("seen_at", "1 year"),
    "failed_code": ("at", "1 day"),
    "mailed_link": ("expires_at", "30 days"),
}


def test_old_rows_of_signing_in_go_and_young_ones_stay(app: Flask) -> None:
    visitor = confirmed(app)
    App.set_up(visitor)
    me = visitor.one("select id from control.identity where id = :me")
    before = {table: add(table, me) for table in KEPT}
    tidy(Place(database(), None, 0, lambda: True))
    for table in KEPT:
        assert count(table, me) == before[table] - 1, table
    assert visitor.one("select count(*) from control.recovery_code where identity_id = :me") == 10


def add(table: str, me: Any) -> int:
    """A row just old enough to go and one that is a little younger; returns how many there are now."""
    column, age = KEPT[table]
    others = {
        "waiting_sign_in": "key, \"to\", stay) select decode(md5(:old || random()), 'hex'), '/', true",
        "passkey_challenge": "value, purpose) select decode(md5(:old || random()), 'hex'), 'add'",
        "known_device": "key) select decode(md5(:old || random()), 'hex')",
        "failed_code": "id) select gen_random_uuid()",
        "mailed_link": "id, purpose, email) select gen_random_uuid(), 'reset', 'a@example.com'",
    }[table]
    names, values = others.split(") select ")
    with database().controlling() as control:
        for old in ("+ interval '1 minute'", "- interval '1 minute'"):
            control.execute(
                text(
                    f"insert into control.{table} (identity_id, {column}, {names}) "
                    f"select :me, now() - interval '{age}' {old}, {values}"
                ),
                {"me": me} | ({"old": old} if ":old" in values else {}),
            )
    return count(table, me)


def count(table: str, me: Any) -> int:
    with database().controlling() as control:
        found = control.scalar(text(f"select count(*) from control.{table} where identity_id = :me"), {"me": me})
    return int(found or 0)


def test_trips_to_a_provider_go_after_a_day(shop: Shop) -> None:
    me = {"me": shop.workspace.id}
    with database().controlling() as control:
        for hours in (23, 25):
            control.execute(
                text(
                    'insert into control.sign_on_trip (key, workspace_id, connection_id, nonce, verifier, "to", '
                    "created_at) select decode(md5(random()::text), 'hex'), :me, gen_random_uuid(), '', '', '/', "
                    "now() - make_interval(hours => :hours)"
                ),
                {**me, "hours": hours},
            )
    tidy(Place(database(), None, 0, lambda: True))
    with database().controlling() as control:
        left = "select count(*) from control.sign_on_trip where workspace_id = :me"
        assert control.scalar(text(left), me) == 1


@pytest.mark.parametrize(("schema", "role"), [("t_gone", "t_gone_r"), ("t_gone", None)], ids=["erased", "broken"])
def test_a_workspace_that_cannot_be_entered_keeps_no_other_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, schema: str, role: str | None
) -> None:
    lost = WorkspaceRow(id=0, state="open", schema_name=schema, role_name=role or shop.workspace.role)
    with shop.base.controlling() as control:
        row = control.get_one(WorkspaceRow, shop.workspace.id)
    monkeypatch.setattr(housekeeping, "catalogue", lambda _control: [lost, row])
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("insert into done values ('test', 'old', now() - interval '31 days'), ('test', 'new', now())")
        )
    tidy(Place(shop.base, None, 0, lambda: True))
    assert [left.work_id for left in shop.rows("select work_id from done")] == ["new"]
