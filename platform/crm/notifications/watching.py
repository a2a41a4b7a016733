"""Who hears of what happens with a record: whoever has to do with it, and whoever asked to."""

from uuid import UUID

from sqlalchemy import exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.actor import Actor
from core.errors import NotFound
from core.events import Event
from core.records import KINDS, Record
from crm.notifications.models import Watch
from crm.timeline.models import Note

WATCHED = ("contact", "company", "deal")


def watchers(session: Session, record: Record) -> set[UUID]:
    """Who owns it, made it or wrote on it, and who pressed Watch; without those who pressed Stop watching. Nothing is
    written down of the former, so that a change costs nothing for it."""
    made = select(Event.member_id).where(Event.record_id == record.id, Event.change == "created")
    wrote = select(Note.author_id).where(getattr(Note, f"{record.kind}_id") == record.id, Note.deleted_at.is_(None))
    found = {*session.scalars(made), *session.scalars(wrote.distinct())}
    if record.owner_column:
        found.add(getattr(record, record.owner_column))
    for member_id, watching in session.execute(
        select(Watch.member_id, Watch.watching).where(Watch.record_id == record.id)
    ):
        (found.add if watching else found.discard)(member_id)
    return {member_id for member_id in found if member_id}


def is_watching(actor: Actor, record: Record) -> bool:
    """Whether the actor is among the watchers, by one statement."""
    me = actor.member.id
    said = select(Watch.watching).where(Watch.record_id == record.id, Watch.member_id == me)
    made = exists().where(Event.record_id == record.id, Event.change == "created", Event.member_id == me)
    wrote = exists().where(
        getattr(Note, f"{record.kind}_id") == record.id, Note.deleted_at.is_(None), Note.author_id == me
    )
    owns = record.owner_column is not None and getattr(record, record.owner_column) == me
    return bool(actor.db.scalar(select(func.coalesce(said.scalar_subquery(), or_(literal(owns), made, wrote)))))


def watch(actor: Actor, kind: str, record_id: UUID | None, watching: bool) -> Record:
    """From now on hear of it, or not. Raises NotFound for what the actor may not see."""
    if kind not in WATCHED:
        raise NotFound()
    with actor.transaction():
        record = actor.find(KINDS[kind], record_id)
        row = insert(Watch).values(record_id=record.id, member_id=actor.member.id, record_kind=kind, watching=watching)
        actor.db.execute(
            row.on_conflict_do_update(index_elements=[Watch.record_id, Watch.member_id], set_={"watching": watching})
        )
    return record
