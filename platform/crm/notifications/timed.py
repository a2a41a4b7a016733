"""What the clock tells: tasks that are due or late, deals that go stale, the digest, and mail and push that waited.

`bus.wake` has one row for each workspace that expects anything, with the earliest moment. Whatever makes such a moment
(a task gets a day, a line waits for its mail) writes it into the outbox in its own transaction, and the relay keeps
the earlier one; so the clock reads one index each minute, whether there are ten workspaces or thousands, and goes only
into those where something is due. A row of the outbox for each task, waiting for months until its hour, would have to
be found and moved whenever the task is. What has come is told once by the unique key of its line.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from core.db import Workspace
from core.ids import new_id
from core.jobs import Place, job, later, once
from core.outbox import wake
from crm.deals.models import Deal, Pipeline
from crm.notifications.choices import everybody, wishes
from crm.notifications.kinds import KINDS, Kind
from crm.notifications.models import Choice, Notification
from crm.notifications.telling import News, tell
from crm.tasks.due import instant
from crm.tasks.models import Task
from crm.today.queries import last_activity
from tenants.backups.after import HOOKS
from tenants.models import Member

BEGINS = time(8)  # when a day's task is due, where its assignee is, and when a late one is told of
LATE_AFTER = timedelta(hours=1)  # an hour that passed
BACK = timedelta(days=7)  # what the clock missed longer ago is not told any more
LOOK_AGAIN = timedelta(days=1)  # at the latest, where there is anything to look at
HOLD = "15 minutes"  # until a look that was asked for and did not come is asked for again


@job("notifications.wake")
def wake_up(place: Place) -> None:
    """Ask for a look at every workspace whose moment has come."""
    with place.database.controlling() as control:
        control.execute(CLAIM)


CLAIM = text(f"""
with due as (update bus.wake set at = now() + interval '{HOLD}' where at <= now() returning role)
insert into bus.outbox (role, topic, payload)
select due.role, 'job', '{{"job": "notifications.look", "arguments": {{}}}}'
from due join control.workspace on workspace.role_name = due.role and workspace.state = 'open'
""")  # noqa: S608 (constants of this module)


@job("notifications.look")
def look(place: Place) -> None:
    """Tell what has come in this workspace, and note when to look again."""
    look_at(place, datetime.now(UTC))


def look_at(place: Place, now: datetime) -> None:
    workspace = place.here()
    with place.database.controlling() as control:
        stamp = control.scalar(text("select stamp from bus.wake where role = :role"), {"role": workspace.role})
    with place.database.workspace(workspace) as session, session.begin():
        coming = [*tasks(session, now), *stale_deals(session, now)]
        tell(session, workspace, untold(session, [one.news for one in coming if one.at <= now]), now)
        next_letters = [at for ask in LETTERS for at in ask(session, workspace, now)]
        release(session, now)
        waits = [one.at for one in coming if one.at > now]
        next_at = min(waits + next_letters + next_release(session), default=None)
    with place.database.controlling() as control:
        values = {"role": workspace.role, "stamp": stamp or 0, "at": min(next_at or now + LOOK_AGAIN, now + LOOK_AGAIN)}
        control.execute(SET, values)


# A wish that came during the look is not overwritten: its reason may not have been seen.
SET = text("""
insert into bus.wake (role, at) values (:role, :at)
on conflict (role) do update set at = case when wake.stamp = :stamp then :at else least(wake.at, :at) end
""")


def untold(session: Session, news: list[News]) -> list[News]:
    """Without what whoever it concerns was told already, so that a look costs little for what is long late."""
    query = select(Notification.event_id, Notification.member_id)
    told = {tuple(row) for row in session.execute(query.where(Notification.event_id.in_([one.cause for one in news])))}
    return [one for one in news if not {(one.cause, member) for member in one.to} <= told]


class Coming:
    """Something to tell at a moment."""

    def __init__(self, at: datetime, kind: Kind, record: Any, to: UUID, cause: str, **data: Any):
        self.at = at
        self.news = News(kind, uuid5(record.id, f"{kind.name} {cause}"), [to], record, data=data)


# Tasks


def tasks(session: Session, now: datetime) -> Iterable[Coming]:
    """Open tasks of the days around now: each is due once and late once, for every day and hour it is given. Of one
    that is late already only that is told."""
    today = now.date()
    query = (
        select(Task, Task.due_on, Task.due_at, Member.id, Member.time_zone)
        .join(Member, Member.id == Task.assignee_id)
        .where(
            Task.done_at.is_(None),
            Task.deleted_at.is_(None),
            Member.state == "active",
            Task.due_on.between(today - BACK, today + LOOK_AGAIN * 2),
        )
    )
    for task, due_on, due_at, assignee, zone in session.execute(query).all():
        due, late = moments(due_on or today, due_at, ZoneInfo(zone))
        cause = (due_at or due_on or today).isoformat()
        if due > now or (late > now and due >= task.created_at):
            yield Coming(due, KINDS["task_due"], task, assignee, cause)
        if late >= task.created_at:
            yield Coming(late, KINDS["task_overdue"], task, assignee, cause)


def moments(due_on: date, due_at: datetime | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a task is due and when it is late, where its assignee is: an hour then and one after it, a day at its
    beginning and at the next one's."""
    if due_at is not None:
        return due_at, due_at + LATE_AFTER
    return instant(due_on, BEGINS, zone), instant(due_on + timedelta(days=1), BEGINS, zone)


# Deals


def stale_deals(session: Session, now: datetime) -> Iterable[Coming]:
    """Open deals in which nothing happened for the days of their pipeline, told their owners once for each silence, at
    the beginning of a working day."""
    last = last_activity()
    limit = func.make_interval(0, 0, 0, Pipeline.stale_days)
    query = (
        select(Deal, Member.id, Pipeline.stale_days, last.label("last"), Member.time_zone)
        .join(Pipeline, Pipeline.id == Deal.pipeline_id)
        .join(Member, Member.id == Deal.owner_id)
        .where(
            Deal.status == "open",
            Deal.deleted_at.is_(None),
            Member.state == "active",
            last + limit <= now + LOOK_AGAIN,
            last + limit > now - BACK,
        )
    )
    for deal, owner, days, since, zone in session.execute(query).all():
        begins = next_begin(since + timedelta(days=days or 0), ZoneInfo(zone))
        yield Coming(begins, KINDS["deal_stale"], deal, owner, since.isoformat(), n=days)


def next_begin(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first beginning of a day there that is not before the moment."""
    day = moment.astimezone(zone).date()
    begins = instant(day, BEGINS, zone)
    return begins if begins >= moment else instant(day + timedelta(days=1), BEGINS, zone)


# The digest


def ask_digests(session: Session, workspace: Workspace, now: datetime) -> list[datetime]:
    """Ask for every digest whose hour has come today, once for each member and day; returns when the next ones come. A
    clock that was away longer than half a day lets the morning pass."""
    people = session.execute(select(Member.id, Member.time_zone).where(Member.state == "active")).all()
    chosen = wishes(session, workspace, [person.id for person in people])
    coming = []
    for person in people:
        hour = chosen[person.id].digest
        if hour is None:
            continue
        zone = ZoneInfo(person.time_zone)
        today = now.astimezone(zone).date()
        moment = instant(today, hour, zone)
        if moment <= now < moment + timedelta(hours=12) and once(session, "digest", f"{person.id} {today}"):
            later(session, "notifications.digest", member_id=person.id, day=today.isoformat())
        coming.append(moment if moment > now else instant(today + timedelta(days=1), hour, zone))
    return coming


# Each asks for the letters whose hour has come, and says when the next ones do.
LETTERS: list[Callable[[Session, Workspace, datetime], list[datetime]]] = [ask_digests]


# After a restore


def begin_anew(session: Session, workspace: Workspace, _pasts: Collection[int]) -> None:
    """Nothing of an older state is mailed or pushed any more; what is to come the clock sees when it looks. What the
    workspace chose for all stands under the number that it has now."""
    session.execute(update(Notification).where(Notification.mail_id.is_(None)).values(mail_at=None))
    session.execute(update(Notification).where(Notification.pushed_at.is_(None)).values(push_at=None))
    ours = list(session.scalars(select(Choice.whose).where(Choice.whose.not_in(select(Member.id)))))
    session.execute(update(Choice).where(Choice.whose.in_(ours[:1])).values(whose=everybody(workspace)))
    session.execute(delete(Choice).where(Choice.whose.in_(ours[1:])))
    wake(session, datetime.now(UTC))


HOOKS.append(begin_anew)


# Mail and push that waited


def release(session: Session, now: datetime) -> None:
    """Bind the mail of each member whose moment has come into one letter, and let what was quiet be pushed."""
    ready = select(Notification.member_id).where(Notification.mail_at <= now, Notification.mail_id.is_(None)).distinct()
    for member_id in session.scalars(ready).all():
        mail_id = new_id()
        session.execute(BIND, {"member": member_id, "mail": mail_id})
        later(session, "notifications.mail", mail_id=mail_id, member_id=member_id)
    quiet = update(Notification).where(Notification.push_at <= now, Notification.pushed_at.is_(None))
    for notification_id in session.scalars(quiet.values(pushed_at=now).returning(Notification.id)).all():
        later(session, "notifications.push", notification_id=notification_id)


# All that waits for this member goes along, also what came a moment ago.
BIND = text("""
update notification set mail_id = :mail where member_id = :member and mail_at is not null and mail_id is null
""")


def next_release(session: Session) -> list[datetime]:
    mail = select(func.min(Notification.mail_at)).where(Notification.mail_id.is_(None))
    push = select(func.min(Notification.push_at)).where(Notification.pushed_at.is_(None))
    return [at for at in (session.scalar(mail), session.scalar(push)) if at]
