"""Telling: from an event, or from the clock, to the lines in the app and what must be mailed and pushed.

Everything is one transaction of the workspace: the lines, the wish to be woken for the mail, the jobs that push, the
ring for open pages. A line is unique by event, member and kind, and only for lines that are new the rest follows, so
that telling again changes nothing. Nobody is told of what they did themselves, nor of what they may not see now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.actor import Actor
from core.db import Workspace
from core.events import Event
from core.ids import new_id
from core.jobs import Place, later
from core.outbox import put, subscribe, wake
from core.records import KINDS as RECORDS
from core.records import Record
from crm.notifications.choices import Wish, wishes
from crm.notifications.kinds import APP, KINDS, MAIL, PUSH, Kind, subject_of
from crm.notifications.models import Notification, PushSubscription
from tenants.members import asked_of

GATHER = timedelta(minutes=2)  # mail waits so long for what else there is to say
MANY = 5  # more of one kind at once are one line
# What a takeover or an import hands over is told as a whole, on its own page.
SILENT = frozenset({"absence.take_over", "absence.give_back", "import.undo"})


@dataclass(frozen=True)
class News:
    """One thing that happened, and whom it may concern. `cause` is the event's id or stands for one; `record` must be
    visible to whoever is told."""

    kind: Kind
    cause: UUID
    to: Collection[UUID]
    record: Record | None = None
    by: UUID | None = None
    title: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@subscribe("notifications")
def hear(place: Place, payload: dict[str, Any]) -> None:
    """What an outbox row of news points to, told in one transaction."""
    if payload["action"] in SILENT or not payload["events"] or not payload.get("news"):
        return
    with place.database.workspace(place.here()) as session, session.begin():
        tell(session, place.here(), list(news_of(session, payload["events"])))


def news_of(session: Session, ids: Sequence[str]) -> Iterable[News]:
    events = session.execute(select(*Event.__table__.columns).where(Event.id.in_(ids)).order_by(Event.id)).all()
    ours = [(event, kind) for event in events for kind in KINDS.values() if kind.of(event)]
    records = records_of(session, {(event.kind, event.record_id) for event, _kind in ours})
    for event, kind in ours:
        record = records.get(event.record_id)
        data = {"note": str(event.record_id)} if event.kind == "note" else {}
        by = event.member_id if event.via != "process" else None
        yield News(kind, event.id, kind.to(session, event, record), record, by, event.title, data)


def records_of(session: Session, wanted: Collection[tuple[str, UUID]]) -> dict[UUID, Record]:
    by_kind: dict[str, set[UUID]] = defaultdict(set)
    for kind, record_id in wanted:
        by_kind[kind].add(record_id)
    found: dict[UUID, Record] = {}
    for kind, ids in by_kind.items():
        if kind in RECORDS:
            model = RECORDS[kind]
            found.update((record.id, record) for record in session.scalars(select(model).where(model.id.in_(ids))))
    return found


def tell_members(
    session: Session, workspace: Workspace, kind: str, cause: UUID, to: Collection[UUID], title: str = "", **data: Any
) -> None:
    """Tell members of what is no event here: in the session's transaction, once for each cause and member."""
    tell(session, workspace, [News(KINDS[kind], cause, to, title=title, data=data)])


def tell(session: Session, workspace: Workspace, news: Sequence[News], now: datetime | None = None) -> None:
    """Write the lines of everybody who wants to hear and may, and ask for their mail and push."""
    everybody = {member for one in news for member in one.to if one.kind.own or member != one.by}
    if not everybody:
        return
    people = asked_of(session, workspace, everybody)
    chosen = wishes(session, workspace, list(people))
    now = now or session.scalar(select(func.now())) or datetime.now(UTC)
    rows = [
        row_of(one, people[member], chosen[member], now)
        for member, whole in each_members(session, news, people).items()
        for one in gathered(whole)
        if chosen[member].channels(one.kind.name)
    ]
    if rows:
        write(session, rows, now)


def each_members(session: Session, news: Sequence[News], people: dict[UUID, Actor]) -> dict[UUID, list[News]]:
    """What each member is to hear, in order; one event is told them once, by the first kind that concerns them."""
    found: dict[UUID, list[News]] = defaultdict(list)
    heard: set[tuple[UUID, UUID]] = set()
    for one in news:
        parts = [part for part in (one.record, subject_of(session, one.record)) if part is not None]
        for member in dict.fromkeys(one.to):
            person = people.get(member)
            if person is None or (member == one.by and not one.kind.own) or (one.cause, member) in heard:
                continue
            if all(may_see(person, part) for part in parts):
                heard.add((one.cause, member))
                found[member].append(one)
    return found


def may_see(person: Actor, record: Record) -> bool:
    return record.deleted_at is None and person.may(record.kind, "view", record)


def gathered(news: Sequence[News]) -> Iterable[News]:
    """What one member hears at once: of more than a few of a kind only how many, by a cause that is the same again."""
    by_kind: dict[tuple[str, UUID | None], list[News]] = defaultdict(list)
    for one in news:
        by_kind[one.kind.name, one.by].append(one)
    for same in by_kind.values():
        if len(same) > MANY and same[0].kind.many:
            yield News(same[0].kind, uuid5(same[0].cause, "many"), (), by=same[0].by, data={"n": len(same)})
        else:
            yield from same


def row_of(one: News, person: Actor, wish: Wish, now: datetime) -> dict[str, Any]:
    channels = wish.channels(one.kind.name)
    zone = ZoneInfo(person.member.time_zone)
    push_at = wish.speaks_at(now, zone) if PUSH in channels else None
    subject = subject_of(person.db, one.record)
    return {
        "id": new_id(),
        "member_id": person.member.id,
        "kind": one.kind.name,
        "event_id": one.cause,
        "record_kind": subject.kind if subject else one.data.get("record_kind"),
        "record_id": subject.id if subject else one.data.get("record_id"),
        "by_id": one.by,
        "title": "" if subject else one.title[:200],
        "data": one.data,
        "at": now,
        "in_app": APP in channels,
        "mail_at": wish.speaks_at(now + GATHER, zone) if MAIL in channels else None,
        "push_at": push_at,
        "pushed_at": now if push_at == now else None,  # its job is asked for below
    }


def write(session: Session, rows: list[dict[str, Any]], now: datetime) -> None:
    new = session.execute(
        insert(Notification)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(
            Notification.id, Notification.member_id, Notification.in_app, Notification.mail_at, Notification.push_at
        )
    ).all()
    browsers = with_browsers(session, {row.member_id for row in new})
    for row in new:
        if row.push_at == now and row.member_id in browsers:
            later(session, "notifications.push", notification_id=row.id)
    waits = [at for row in new for at in (row.mail_at, row.push_at) if at and at > now]
    if waits:
        wake(session, min(waits))
    ring(session, {row.member_id for row in new if row.in_app})


def with_browsers(session: Session, members: Collection[UUID]) -> set[UUID]:
    """Who of them has a browser to push to."""
    agreed = select(PushSubscription.member_id).where(PushSubscription.member_id.in_(members))
    return set(session.scalars(agreed.distinct()))


def ring(session: Session, members: Collection[UUID]) -> None:
    """Let the open pages of these members ask how much is unread; nobody else's do."""
    if members:
        said = {"action": "notification.tell", "events": [], "kinds": ["notification"], "request": ""}
        put(session, "event", {**said, "members": sorted(members)})
