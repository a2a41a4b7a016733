"""How members want to be told: by which channel of what, a digest in the morning, quiet hours.

Everybody has what the workspace chose for all, and that is what each kind declares, until they choose for themselves.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import AfterValidator
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import events
from core.actions import Input, action
from core.actor import Actor
from core.db import Workspace
from core.errors import Invalid
from core.outbox import wake
from crm.notifications.kinds import KINDS
from crm.notifications.models import Choice
from crm.tasks.actions import checked_hour
from crm.tasks.due import instant


@dataclass(frozen=True)
class Wish:
    """What holds for one member. `digest` is an hour of their day, `quiet` from which hour to which."""

    kinds: Mapping[str, Collection[str]] = field(default_factory=dict)
    digest: time | None = None
    quiet: tuple[time, time] | None = None

    def channels(self, kind: str) -> frozenset[str]:
        said = self.kinds.get(kind, KINDS[kind].channels)
        return frozenset(said).intersection(KINDS[kind].offers)

    def speaks_at(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The earliest moment from now on that is not in the quiet hours."""
        if self.quiet is None:
            return now
        today = now.astimezone(zone).date()
        return max(
            (end for day in (today - timedelta(days=1), today) for end in [self.quiet_end(day, now, zone)] if end),
            default=now,
        )

    def quiet_end(self, day: date, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet that begins on this day ends, if it is now."""
        start, end = self.quiet or (time(), time())
        last = day if start < end else day + timedelta(days=1)
        begins, ends = instant(day, start, zone), instant(last, end, zone)
        return ends if begins <= now < ends else None


def whole(hour: str) -> str:
    return checked_hour(hour) if hour else ""


Hour = Annotated[str, AfterValidator(whole)]


class Said(Input):
    """A form of choices: kind -> channels; the hour of the digest or ""; quiet from and to, or "" both."""

    kinds: dict[str, list[str]]
    digest: Hour = ""
    quiet_from: Hour = ""
    quiet_to: Hour = ""

    def stored(self) -> dict[str, Any]:
        """As the row keeps it. Raises Invalid."""
        if bool(self.quiet_from) != bool(self.quiet_to):
            raise Invalid(("quiet_to" if self.quiet_from else "quiet_from", _("Say from when to when.")))
        kinds = {
            name: [channel for channel in kind.offers if channel in self.kinds.get(name, ())]
            for name, kind in KINDS.items()
        }
        quiet = [self.quiet_from, self.quiet_to] if self.quiet_from != self.quiet_to else []
        return {"kinds": kinds, "digest": self.digest, "quiet": quiet}


def wishes(session: Session, workspace: Workspace, members: Collection[UUID]) -> dict[UUID, Wish]:
    """What holds for each of these members."""
    ours = everybody(workspace)
    rows = session.execute(select(Choice.whose, Choice.said).where(Choice.whose.in_([ours, *members])))
    said: dict[UUID, dict[str, Any]] = {row.whose: row.said for row in rows}
    return {member: read({**said.get(ours, {}), **said.get(member, {})}, said.get(ours, {})) for member in members}


def read(said: Mapping[str, Any], default: Mapping[str, Any]) -> Wish:
    """A kind that was declared after somebody chose is told as the workspace has it."""
    quiet = [time.fromisoformat(hour) for hour in said.get("quiet") or ()]
    return Wish(
        {**default.get("kinds", {}), **said.get("kinds", {})},
        time.fromisoformat(said["digest"]) if said.get("digest") else None,
        (quiet[0], quiet[1]) if quiet else None,
    )


def everybody(workspace: Workspace) -> UUID:
    """The workspace has no row of its own inside itself, so its number stands for it."""
    return UUID(int=workspace.id)


def of_actor(actor: Actor) -> Wish:
    return wishes(actor.db, actor.workspace, [actor.member.id])[actor.member.id]


def of_workspace(actor: Actor) -> Wish:
    ours = everybody(actor.workspace)
    return wishes(actor.db, actor.workspace, [ours])[ours]


def has_chosen(actor: Actor) -> bool:
    return actor.db.get(Choice, actor.member.id) is not None


def choose(actor: Actor, data: Said) -> None:
    """The actor's own choice, which wins over the workspace's from now on. Raises Invalid."""
    with actor.transaction():
        store(actor.db, actor.member.id, data.stored())


def follow_workspace(actor: Actor) -> None:
    """Be told as the workspace has it again."""
    with actor.transaction():
        actor.db.execute(delete(Choice).where(Choice.whose == actor.member.id))
        look_soon(actor.db)


@action("settings.notify", right=("settings", "edit"))
def choose_for_all(actor: Actor, data: Said) -> None:
    """What holds for everybody who has not chosen. Raises Invalid."""
    ours, after = everybody(actor.workspace), data.stored()
    known = actor.db.get(Choice, ours)
    before = known.said if known else {}
    changed = {name for name in after if after[name] != before.get(name)}
    store(actor.db, ours, after)
    if changed:
        events.note(
            actor, "settings.notify", "settings", ours, actor.workspace.name, change="changed",
            before={name: before.get(name) for name in changed}, after={name: after[name] for name in changed},
        )  # fmt: skip


def leave_channel(
    session: Session, workspace: Workspace, member_id: UUID, kinds: Collection[str], channel: str
) -> None:
    """This member does not want these kinds by this channel any more; all else stays as it was. "digest" is none."""
    wish = wishes(session, workspace, [member_id])[member_id]
    said = dict(session.scalar(select(Choice.said).where(Choice.whose == member_id)) or {})
    left = {kind: sorted(wish.channels(kind) - {channel}) for kind in kinds if kind in KINDS}
    said["kinds"] = {**said.get("kinds", {}), **left}
    if "digest" in kinds:
        said["digest"] = ""
    store(session, member_id, said)


def store(session: Session, whose: UUID, said: dict[str, Any]) -> None:
    row = insert(Choice).values(whose=whose, said=said)
    session.execute(row.on_conflict_do_update(index_elements=[Choice.whose], set_={"said": said}))
    look_soon(session)


def look_soon(session: Session) -> None:
    """The next digest may come sooner than the clock knows of."""
    wake(session, session.execute(select(func.now())).scalar_one())
