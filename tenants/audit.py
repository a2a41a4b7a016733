"""The audit log: what happened in a workspace, by whom, from where, before and after. It reads the events, to which a
workspace's role can add and which it can neither change nor delete."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session

from core import events
from core.access import VERBS
from core.actions import Input, action
from core.actor import Actor
from core.events import Event
from core.jobs import Place, job, later
from tenants.directory import workspaces_of
from tenants.members import NotAMember, acting_identity
from tenants.models import Member, Person

PAGE = 50
CHUNK = 1_000


class Question(Input):
    """What the log is asked: everything given must hold. `text` is looked for in what the record is called and in the
    action's name; days are days of the member's zone."""

    member: UUID | None = None
    kind: str = Field("", max_length=40)
    text: str = Field("", max_length=100)
    since: date | None = None
    until: date | None = None
    record: UUID | None = None


@dataclass(frozen=True)
class Entry:
    """One event as the log shows it. `changes` are (field, before, after)."""

    id: UUID
    at: datetime
    who: str
    action: str
    kind: str
    title: str
    via: str
    address: str
    changes: list[tuple[str, Any, Any]]


def page(actor: Actor, question: Question, before: UUID | None = None, most: int = PAGE) -> tuple[list[Entry], bool]:
    """The newest events older than the event `before`, and whether there are more."""
    actor.require(("audit", "view"))
    query = asked(actor, question)
    if before:
        query = query.where(Event.id < before)
    rows = actor.db.connection().execute(query.order_by(Event.id.desc()).limit(most + 1)).all()
    return [entry(row) for row in rows[:most]], len(rows) > most


@action("audit.export")
def export(actor: Actor, data: Question) -> None:
    """That the log is taken out is an event of the log. What was asked is read by `every`, in the same transaction."""
    said = {name: str(value) for name, value in data.model_dump(exclude_defaults=True).items()}
    events.note(actor, "audit.export", "audit", UUID(int=actor.workspace.id), actor.workspace.name, after=said)


def every(actor: Actor, question: Question) -> Iterator[Entry]:
    """All that was asked, the newest first."""
    query = asked(actor, question).order_by(Event.id.desc())
    yield from map(entry, actor.db.connection().execution_options(yield_per=CHUNK).execute(query))


def asked(actor: Actor, question: Question) -> Select[Any]:
    columns = (
        Event.id, Event.at, Event.action, Event.kind, Event.title, Event.via, Event.address, Event.before, Event.after,
        Event.record_id, func.coalesce(Member.name, "").label("who"),
    )  # fmt: skip
    query = select(*columns).outerjoin(Member, Member.id == Event.member_id)
    if question.member:
        query = query.where(Event.member_id == question.member)
    if question.record:
        query = query.where(Event.record_id == question.record)
    if question.kind:
        query = query.where(Event.kind == question.kind)
    if question.text:
        query = query.where(
            or_(
                Event.title.icontains(question.text, autoescape=True),
                Event.action.icontains(question.text, autoescape=True),
            )
        )
    zone = ZoneInfo(actor.member.time_zone)
    if question.since:
        query = query.where(Event.id >= first_id(midnight(question.since, zone)))
    if question.until:
        query = query.where(Event.id < first_id(midnight(question.until + timedelta(days=1), zone)))
    return query


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def first_id(moment: datetime) -> UUID:
    """The least identifier made at that moment: identifiers are UUIDs of version 7, which begin with their time."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def entry(row: Row[Any]) -> Entry:
    before, after = apart(row.before), apart(row.after)
    changes = [(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    changes = [change for change in changes if "." not in change[0] or change[1] != change[2]]
    return Entry(row.id, row.at, row.who, row.action, row.kind, row.title, row.via, row.address, changes)


def apart(values: dict[str, Any]) -> dict[str, Any]:
    """With each of the business's own fields by itself."""
    own = {f"custom.{key}": value for key, value in (values.get("custom") or {}).items()}
    return {name: value for name, value in values.items() if name != "custom"} | own


def kinds() -> list[str]:
    return sorted(VERBS)


def note_sign_in(control: Session, person: Person, address: str, device: str, workspace_id: int | None = None) -> None:
    """Keep the sign-in in the log of each of the person's workspaces, or of the one that it is for."""
    later(
        control, "member.signed_in",
        identity_id=person.id, address=address, device=device, workspace_id=workspace_id or 0,
    )  # fmt: skip


@job("member.signed_in")
def signed_in(place: Place, identity_id: str, address: str, device: str, workspace_id: int) -> None:
    known = UUID(identity_id)
    with place.database.controlling() as control:
        workspaces = workspaces_of(control, known)
    for workspace in workspaces:
        if workspace_id not in (0, workspace.id):
            continue
        try:
            with (
                acting_identity(place.database, workspace, known, "page", address=address) as actor,
                actor.transaction(),
            ):
                events.note(
                    actor, "member.sign_in", "member", actor.member.id, actor.member.name, after={"device": device}
                )
        except NotAMember:
            continue
