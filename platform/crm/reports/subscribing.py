"""Choosing the weekly report, and the clock that asks for it.

A member's own choice wins over that of their role. It is asked for once a week (ISO 8601) and member, at the day and
hour of the member's zone; a clock that was away for more than half a day lets that week pass.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from pydantic import AfterValidator, Field, ValidationError
from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import Workspace
from core.errors import Invalid
from core.jobs import later, once
from core.outbox import wake
from crm.notifications import timed, unsubscribing
from crm.reports.models import WeeklyReport
from crm.tasks.actions import checked_hour
from crm.tasks.due import instant
from tenants.models import Member, Role

NAME = "weekly_report"  # in the links by which it is stopped
LATE = timedelta(hours=12)


class Wish(Input):
    """`weekday` is 0 for Monday to 6; None: no report."""

    weekday: Annotated[int | None, Field(ge=0, le=6)] = None
    hour: Annotated[str, AfterValidator(checked_hour)] = "08:00"


class RoleWish(Wish):
    role_id: UUID


def wished(values: Mapping[str, Any]) -> Wish:
    """From a form. Raises Invalid."""
    try:
        return Wish.model_validate(values)
    except ValidationError as error:
        raise Invalid.of(error) from None


def chosen(session: Session, whose: UUID) -> WeeklyReport | None:
    return session.get(WeeklyReport, whose)


def choose(actor: Actor, wish: Wish) -> None:
    """The actor's own choice, which wins over their role's from now on."""
    actor.require(("deal", "view"))
    with actor.transaction():
        store(actor.db, actor.member.id, wish)


def follow_role(actor: Actor) -> None:
    """Have it as the role has it again."""
    with actor.transaction():
        actor.db.execute(delete(WeeklyReport).where(WeeklyReport.whose == actor.member.id))
        look_soon(actor.db)


@action("settings.weekly", right=("settings", "edit"))
def choose_for_role(actor: Actor, data: RoleWish) -> None:
    """What holds for all of a role who have not chosen themselves."""
    role = actor.find(Role, data.role_id)
    before = chosen(actor.db, role.id)
    was = {"weekday": before.weekday, "hour": before.hour.strftime("%H:%M")} if before else {}
    now = {"weekday": data.weekday, "hour": data.hour}
    if was == now:
        return
    store(actor.db, role.id, data)
    events.note(
        actor, "settings.weekly", "settings", role.id, role.name, change="changed", before=was, after=now
    )  # fmt: skip


def store(session: Session, whose: UUID, wish: Wish) -> None:
    values = {"weekday": wish.weekday, "hour": time.fromisoformat(wish.hour)}
    row = insert(WeeklyReport).values(whose=whose, **values)
    session.execute(row.on_conflict_do_update(index_elements=[WeeklyReport.whose], set_=values))
    look_soon(session)


def look_soon(session: Session) -> None:
    """The next one may come sooner than the clock knows of."""
    wake(session, session.execute(select(func.now())).scalar_one())


def stop(session: Session, _workspace: Workspace, member_id: UUID) -> None:
    """By the link in the mail."""
    store(session, member_id, Wish(weekday=None))


def ask_reports(session: Session, _workspace: Workspace, now: datetime) -> list[datetime]:
    """Ask for every report whose hour has come; returns when the next ones come."""
    own, role = aliased(WeeklyReport), aliased(WeeklyReport)
    weekday = case((own.whose.is_not(None), own.weekday), else_=role.weekday).label("weekday")
    hour = func.coalesce(own.hour, role.hour).label("hour")
    people = (
        select(Member.id, Member.time_zone, weekday, hour)
        .outerjoin(own, own.whose == Member.id)
        .outerjoin(role, role.whose == Member.role_id)
        .where(Member.state == "active", weekday.is_not(None))
    )
    coming = []
    for person in session.execute(people).all():
        zone = ZoneInfo(person.time_zone)
        day = last_on(now.astimezone(zone).date(), person.weekday)
        moment = instant(day, person.hour, zone)
        if moment <= now < moment + LATE and once(session, NAME, f"{person.id} {day:%G-W%V}"):
            later(session, "report.weekly", member_id=person.id, day=day.isoformat())
        coming.append(moment if moment > now else instant(day + timedelta(days=7), person.hour, zone))
    return coming


def last_on(today: date, weekday: int) -> date:
    """The last such day of the week, which may be today."""
    return today - timedelta(days=(today.weekday() - weekday) % 7)


timed.LETTERS.append(ask_reports)
unsubscribing.LETTERS[NAME] = unsubscribing.ByClock(_l("The weekly report"), stop)
