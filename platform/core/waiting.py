"""What a full plan refused, kept as it was typed until there is room (core.limits).

A row is the input of an action, by the id that its form chose, so that sending the form again keeps one. The job
"limits.save_waiting" saves the oldest first, each as the member who typed it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, ForeignKey, Select, func, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.settings import settings
from core.actions import Input, action
from core.actor import Actor
from core.db import Base
from core.errors import Invalid, NotFound, Refusal
from core.jobs import later
from core.limits import SAVE_WAITING

MOST = 1_000  # rows of one member, so that waiting is no store without a limit


class Waiting(Base):
    """`error` is why the row could not be saved though there was room; such a row waits for somebody's decision."""

    __tablename__ = "waiting"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    action: Mapped[str]
    input: Mapped[dict[str, Any]]
    title: Mapped[str]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    error: Mapped[str] = mapped_column(server_default="")


# How to do each action that can wait, from what was typed; features add theirs.
SAVERS: dict[str, Callable[[Actor, dict[str, Any]], Any]] = {}


def keep(actor: Actor, action_name: str, row_id: UUID, typed: Mapping[str, Any], title: str) -> bool:
    """Keep what was refused, in a transaction of its own. False where this member has too much waiting already."""
    with actor.transaction():
        waits = select(func.count()).select_from(Waiting).where(Waiting.member_id == actor.member.id)
        if (actor.db.scalar(waits) or 0) >= MOST:
            return False
        values = {"action": action_name, "input": as_json(typed), "title": title[:200], "error": ""}
        row = insert(Waiting).values(id=row_id, member_id=actor.member.id, **values)
        mine = Waiting.member_id == actor.member.id
        actor.db.execute(row.on_conflict_do_update(index_elements=[Waiting.id], set_=values, where=mine))
        later(actor.db, SAVE_WAITING)  # room may have come between the refusal and now
    return True


def hold(actor: Actor, action_name: str, row_id: UUID, typed: Mapping[str, Any], title: str, member_id: UUID) -> None:
    """Keep, in the actor's transaction, what nobody here typed and what is therefore never too much: it is saved in the
    name of this member when there is room."""
    values = {"action": action_name, "input": as_json(typed), "title": title[:200], "member_id": member_id}
    actor.db.execute(insert(Waiting).values(id=row_id, **values).on_conflict_do_nothing())
    later(actor.db, SAVE_WAITING)


def as_json(typed: Mapping[str, Any]) -> dict[str, Any]:
    return orjson.loads(orjson.dumps(typed, default=str))  # type: ignore[no-any-return]


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """One's own; who may change the plan sees all."""
    return true() if actor.may("billing", "edit") else Waiting.member_id == actor.member.id


def waiting(actor: Actor) -> list[Waiting]:
    """What waits and this actor may see, oldest first."""
    return list(actor.db.scalars(oldest_first().where(seen_by(actor)).limit(MOST)))


def oldest_first() -> Select[Waiting]:
    return select(Waiting).order_by(Waiting.created_at, Waiting.id)


def how_many(actor: Actor) -> int:
    """How much of it waits; without plans nothing does."""
    if settings().payments is None:
        return 0
    return actor.db.scalar(select(func.count()).select_from(Waiting).where(seen_by(actor))) or 0


class Gone(NotFound):
    """It was saved or thrown away already, or is somebody else's."""


def taken(actor: Actor, row_id: UUID) -> Waiting:
    """One of them, locked. Raises Gone."""
    found = actor.db.scalar(select(Waiting).where(Waiting.id == row_id, seen_by(actor)).with_for_update())
    if found is None:
        raise Gone()
    return found


def save(actor: Actor, row_id: UUID) -> Any:
    """Do what waits, as this actor, and let it wait no more: both or neither. Raises LimitReached and whatever the
    action does."""
    with actor.transaction():
        row = taken(actor, row_id)
        made = SAVERS[row.action](actor, row.input)
        actor.db.delete(row)
    return made


def note_error(actor: Actor, row_id: UUID, refusal: Refusal) -> None:
    """Why it was not saved though there is room, for whoever looks at it."""
    said = [str(refusal.detail)]
    if isinstance(refusal, Invalid):
        said = [str(message) for _field, message in refusal.fields]
    with actor.transaction():
        set_error(actor.db, row_id, " ".join(said))


def set_error(session: Session, row_id: UUID, said: str) -> None:
    session.execute(update(Waiting).where(Waiting.id == row_id).values(error=said))


class OneWaiting(Input):
    id: UUID


@action("waiting.discard", right=("contact", "create"))
def discard(actor: Actor, data: OneWaiting) -> Waiting:
    """Throw away what was typed."""
    row = taken(actor, data.id)
    actor.db.delete(row)
    return row
