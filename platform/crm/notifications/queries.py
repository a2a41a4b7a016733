"""Reads over notifications: how many are unread, and the list by days and records."""

from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from uuid import UUID

from flask import g
from sqlalchemy import func, literal, select, update

from core.actor import Actor
from core.pages import zone_of
from crm.notifications.lines import Line, lines
from crm.notifications.models import Notification

MOST = 99  # so many are counted
PAGE = 50


@dataclass
class Group:
    """Lines of one day about one record, the newest first."""

    lines: list[Line] = field(default_factory=list)

    @property
    def unread(self) -> bool:
        return any(not line.read for line in self.lines)


def unread(actor: Actor) -> int:
    """How many lines the member has not read, 100 for any more. Who looks with their eyes is told nothing of it."""
    if g.get("seen_by"):
        return 0
    counted = (
        select(literal(1))
        .where(Notification.member_id == actor.member.id, Notification.in_app, Notification.read_at.is_(None))
        .limit(MOST + 1)
        .subquery()
    )
    return actor.db.scalar(select(func.count()).select_from(counted)) or 0


def listed(actor: Actor, only_unread: bool, before: UUID | None) -> tuple[list[tuple[date, list[Group]]], UUID | None]:
    """The member's lines by the days of their calendar and then by records, the newest first; and where the page after
    this one begins."""
    query = select(Notification).where(Notification.member_id == actor.member.id, Notification.in_app)
    if only_unread:
        query = query.where(Notification.read_at.is_(None))
    if before:
        query = query.where(Notification.id < before)
    rows = list(actor.db.scalars(query.order_by(Notification.id.desc()).limit(PAGE + 1)))
    found, zone = lines(actor, rows[:PAGE]), zone_of(actor)
    days = [
        (day, by_record(list(of_day)))
        for day, of_day in groupby(found, key=lambda line: line.at.astimezone(zone).date())
    ]
    return days, rows[PAGE - 1].id if len(rows) > PAGE else None


def by_record(found: list[Line]) -> list[Group]:
    groups: dict[UUID, Group] = {}
    for line in found:
        groups.setdefault(line.record_id or line.id, Group()).lines.append(line)
    return list(groups.values())


def mark(actor: Actor, read: bool = True, ids: list[UUID] | None = None, records: list[UUID] | None = None) -> int:
    """Mark the member's own lines as read or unread: all, some by id, or all of some records. Returns how many."""
    change = update(Notification).where(Notification.member_id == actor.member.id, Notification.in_app)
    change = change.where(Notification.read_at.is_(None) if read else Notification.read_at.is_not(None))
    if ids is not None:
        change = change.where(Notification.id.in_(ids))
    if records is not None:
        change = change.where(Notification.record_id.in_(records))
    with actor.transaction():
        return len(
            actor.db.scalars(change.values(read_at=func.now() if read else None).returning(Notification.id)).all()
        )
