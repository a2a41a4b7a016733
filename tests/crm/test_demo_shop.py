"""`okno demo windows`: a shop in the middle of its work, which goes on from there."""

from flask import Flask
from sqlalchemy import text

from core.db import database
from crm import demo_shop
from tests.crm.processes.works import Works
from tests.shop import Shop

PLANS = (
    ("won", 60.0),
    ("no", 50.0),
    ("declined", 40.0),
    ("stop:paid", 16.0),
    ("stop:measure", 9.0),
    ("stop:call", 0.1),
)


def test_a_shop_has_deals_in_all_states_and_goes_on_from_there(app: Flask) -> None:
    passed: list[float] = []
    with app.test_request_context("/"):
        made = demo_shop.build(database(), "cs", advance=passed.append, plans=PLANS)
    with database().controlling() as control:
        owner = control.scalar(
            text("select id from control.identity where email = :email"), {"email": made.people[0][2]}
        )
    shop = Shop(app, made.workspace, owner, database())
    assert 89 < sum(passed) <= 90

    states = shop.rows(
        "select status, lost_reason, closed_at < now() - interval '20 days' as old from deal order by id"
    )
    assert [(row.status, row.old) for row in states] == [
        ("won", True), ("lost", True), ("lost", True), ("open", None), ("open", None), ("open", None)
    ]  # fmt: skip
    assert states[1].lost_reason == "Vybral si jinou firmu"
    assert not shop.rows("select 1 from process_instance where status = 'failed'")
    assert shop.rows("select min(at) as at from event where kind = 'deal' having min(at) < now() - interval '56 days'")
    assert shop.rows("select 1 from event where at > now() + interval '1 minute'") == []
    assert len(shop.rows("select 1 from payment where paid_on < current_date - 5")) == 1
    assert {row.state for row in shop.rows("select state from quote")} == {"accepted", "declined"}

    (late,) = shop.rows("select name, due_at, due_on from task where done_at is null and name like 'Zaměřit%'")
    assert late.due_at.date() == late.due_on
    assert f"{late.due_on.day}. {late.due_on.month}. " in late.name
    assert shop.rows("select 1 from notification where kind = 'task_late' and record_id is not null")

    own = [row.custom for row in shop.rows("select custom from deal where custom <> '{}'")]
    assert own
    assert all(one["material"] in ("Plast", "Dřevo") and 2 <= one["windows"] <= 11 for one in own)

    works = Works(shop)
    (call,) = shop.rows("select task_id from process_step where element = 'call' and state = 'open'")
    works.do("process.complete", id=call.task_id, values={"outcome": "Zaměřit", "day": "2030-01-01", "hour": "09:00"})
    works.work()
    assert shop.rows(
        "select 1 from process_step where element = 'measure' and state = 'open' and due_at > '2029-12-31'"
    )
