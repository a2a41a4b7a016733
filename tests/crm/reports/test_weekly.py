"""The weekly report: at its hour, once, with the numbers of the dashboard, and as easily stopped as other mail."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from pypdf import PdfReader
from sqlalchemy import text

from config.settings import Smtp
from core import jobs
from core.days import midnight
from crm.deals import actions as deals
from crm.reports import queries, subscribing, weekly
from crm.reports.subscribing import Wish
from crm.reports.view import view_of
from tests.crm.notifications.office import Office
from tests.crm.people import Desk
from tests.shop import Shop
from tests.smtp import inbox

NEW_YORK = ZoneInfo("America/New_York")


def asked(office: Office) -> list[tuple[UUID, str]]:
    """(member, day) of the reports asked for, which are then forgotten."""
    found = [row for row in office.rows("job") if row.payload["job"] == "report.weekly"]
    with office.shop.base.controlling() as control:
        control.execute(text("delete from bus.outbox where id = any(:ids)"), {"ids": [row.id for row in found]})
    given = [row.payload["arguments"] for row in found]
    return [(UUID(one["member_id"]), one["day"]) for one in given]


def test_it_is_asked_for_once_a_week_at_the_members_own_hour(shop: Shop) -> None:
    office = Office(shop)
    eva = office.person("Eva Nová")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set time_zone = 'America/New_York' where id = :id"), {"id": eva})
    with office.acting("Eva Nová") as actor:
        subscribing.choose(actor, Wish(weekday=6, hour="07:30"))
    for day in (date(2027, 3, 7), date(2027, 3, 14)):  # the clocks change on the 14th
        morning = datetime.combine(day, time(7, 30), NEW_YORK)
        office.look(morning - timedelta(minutes=1))
        assert asked(office) == []
        for minutes in (0, 0, 1, 60):
            office.look(morning + timedelta(minutes=minutes))
        assert asked(office) == [(eva, day.isoformat())]
        with office.acting("Eva Nová") as actor:  # another day of the same week brings no second one
            subscribing.choose(actor, Wish(weekday=5, hour="07:30"))
        office.look(morning)
        assert asked(office) == []
        with office.acting("Eva Nová") as actor:
            subscribing.choose(actor, Wish(weekday=6, hour="07:30"))
    office.look(datetime.combine(date(2027, 3, 21), time(20), NEW_YORK))  # a clock that was away lets it pass
    assert asked(office) == []


def test_a_role_has_it_until_a_member_chooses_and_only_admins_say_so(shop: Shop) -> None:
    office = Office(shop)
    petr, eva = office.person("Petr Malý"), office.person("Eva Nová")
    role = shop.rows("select id from role where key = 'sales'")[0].id
    assert (
        Desk.of(shop, office.people["Eva Nová"]).send(f"/reports/mail/{role}", weekday="0", hour="08:00").status_code
        == 403
    )
    assert shop.rows("select 1 from weekly_report") == []
    assert Desk.of(shop).send(f"/reports/mail/{role}", weekday="0", hour="08:00").status_code == 303
    desk = Desk.of(shop, office.people["Eva Nová"])
    assert "Your role has: Monday 08:00" in desk.page("/reports/mail")
    monday = datetime.combine(date(2027, 3, 15), time(8), ZoneInfo("Europe/Prague"))
    office.look(monday)
    assert {who for who, _day in asked(office)} == {petr, eva}
    assert desk.send("/reports/mail", weekday="none", hour="08:00").status_code == 303
    office.look(monday + timedelta(days=7))
    assert {who for who, _day in asked(office)} == {petr}
    assert desk.send("/reports/mail", weekday="", hour="08:00").status_code == 303
    office.look(monday + timedelta(days=14))
    assert {who for who, _day in asked(office)} == {petr, eva}
    for wrong in ({"weekday": "7", "hour": "08:00"}, {"weekday": "0", "hour": "8 am"}):
        assert desk.send("/reports/mail", **wrong).status_code == 422
    assert len(shop.rows("select 1 from weekly_report")) == 1


def test_its_numbers_are_the_dashboards_and_its_link_stops_it(shop: Shop) -> None:
    office = Office(shop)
    eva = office.person("Eva Nová")
    with shop.acting() as actor:
        today = datetime.now(ZoneInfo(actor.workspace.time_zone)).date()
        last_week = midnight(actor, today - timedelta(days=3)) + timedelta(hours=9)
        for number in range(5):
            owner = eva if number < 3 else actor.member.id
            made = deals.create(
                actor, deals.create.parse({"name": "Okna", "amount": 10_000 + number, "owner_id": owner})
            )
            if number % 2 == 0:
                deals.win(actor, deals.win.parse({"id": made.id}))
        actor.db.execute(
            text("update deal set created_at = :at, closed_at = closed_at - interval '3 days'"), {"at": last_week}
        )
        actor.db.commit()
    with inbox() as server:
        before = shop.app.config["OKNO"]
        shop.app.config["OKNO"] = replace(before, smtp=Smtp("127.0.0.1", server.port, "none"))
        try:
            with shop.app.app_context():
                for _again in range(2):
                    jobs.JOBS["report.weekly"](office.place(), member_id=str(eva), day=today.isoformat())
                yesterday = (today - timedelta(days=1)).isoformat()
                jobs.JOBS["report.weekly"](office.place(), member_id=str(eva), day=yesterday)
        finally:
            shop.app.config["OKNO"] = before
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]
    with office.acting("Eva Nová") as actor, force_locale("en"):
        view = view_of(actor, {"from": str(today - timedelta(days=7)), "to": str(today - timedelta(days=1))})
        won = queries.outcomes(actor, view).total
        week = weekly.week_of(actor, today)
    assert (won.won, week.total, week.paths[0].made) == (won.won, won, queries.made(actor, view))
    assert (won.won, str(won.sums)) == (3, "CZK\N{NO-BREAK SPACE}30,006")  # everybody here is of one department
    plain = (first.get_body(("plain",)) or first).get_content().replace("\N{NO-BREAK SPACE}", " ")
    assert "Won: CZK 30,006 (3 deals)" in plain
    assert "New deals: 5" in plain
    (file,) = first.iter_attachments()
    words = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(file.get_content())).pages)
    words = re.sub(r"\s+", " ", words)
    assert re.search(r"Won CZK 30,006 3 deals", words) or "CZK 30,006" in words
    assert re.search(r"Eva Nová 0 0 0 0 0 2 0", words)
    assert re.search(r"Jana Dvořáková 0 0 0 0 0 1 0", words)
    link = re.search(r"/unsubscribe/[^\s>]+", first["List-Unsubscribe"])
    assert link
    stopped = shop.app.test_client().post(link[0], data={"List-Unsubscribe": "One-Click"})
    assert stopped.status_code == 200
    assert "The weekly report" in stopped.get_data(as_text=True)
    assert [(row.whose, row.weekday) for row in shop.rows("select whose, weekday from weekly_report")] == [(eva, None)]


def test_who_may_see_no_deals_gets_none(shop: Shop) -> None:
    office = Office(shop)
    eva = office.person("Eva Nová")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("update role set rights = jsonb_set(rights, '{deal,view}', '\"none\"') where key = 'sales'")
        )
    with inbox() as server, shop.app.app_context():
        before = shop.app.config["OKNO"]
        shop.app.config["OKNO"] = replace(before, smtp=Smtp("127.0.0.1", server.port, "none"))
        try:
            today = datetime.now(UTC).astimezone(ZoneInfo("Europe/Prague")).date()
            jobs.JOBS["report.weekly"](office.place(), member_id=str(eva), day=today.isoformat())
        finally:
            shop.app.config["OKNO"] = before
        assert server.got == []
    assert Desk.of(shop, office.people["Eva Nová"]).get("/reports/mail").status_code == 403
