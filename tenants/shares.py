"""Sharing one record with a member or a team, beyond what their roles reach. Who may edit a record may share it."""

from typing import Literal
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import func, select

from core.actions import Input, action
from core.actor import Actor
from core.errors import Invalid
from core.records import KINDS, Record
from tenants.models import Member, Share, Team

Kind = Literal["contact", "company", "deal"]
SHARED: tuple[str, ...] = ("contact", "company", "deal")


class NewShare(Input):
    """With one member, or with one team."""

    kind: Kind
    record_id: UUID
    member_id: UUID | None = None
    team_id: UUID | None = None
    may_edit: bool = False


class OneShare(Input):
    id: UUID


@action("share.create", right=("member", "view"))
def share(actor: Actor, data: NewShare) -> Share:
    """Shared already with the same, it only learns whether they may edit."""
    record = shareable(actor, data.kind, data.record_id)
    if (data.member_id is None) == (data.team_id is None):
        raise Invalid(("member_id", _("Choose a member or a team.")))
    actor.linked(Member, data.member_id, "member_id", Member.state == "active")
    actor.linked(Team, data.team_id, "team_id")
    same = select(Share).where(
        Share.record_id == record.id,
        Share.deleted_at.is_(None),
        Share.member_id == data.member_id if data.member_id else Share.team_id == data.team_id,
    )
    found = actor.db.scalar(same.with_for_update())
    if found is None:
        found = Share(record_kind=data.kind, record_id=record.id, member_id=data.member_id, team_id=data.team_id)
        actor.db.add(found)
    found.may_edit = data.may_edit
    return found


@action("share.delete", right=("member", "view"))
def unshare(actor: Actor, data: OneShare) -> Share:
    found = actor.take(Share, data.id, "view")
    shareable(actor, found.record_kind, found.record_id)
    found.deleted_at = actor.db.scalar(select(func.now()))
    return found


def shareable(actor: Actor, kind: str, record_id: UUID) -> Record:
    """The record, which the actor may edit by their role. Raises NotFound, Forbidden."""
    record: Record = actor.find(KINDS[kind], record_id)
    actor.require((kind, "edit"), record)
    return record


def of_record(actor: Actor, record_id: UUID) -> list[tuple[Share, str]]:
    """With whom a record is shared: (share, name of the member or team)."""
    query = (
        select(Share, func.coalesce(Member.name, Team.name))
        .outerjoin(Member, Member.id == Share.member_id)
        .outerjoin(Team, Team.id == Share.team_id)
        .where(Share.record_id == record_id, Share.deleted_at.is_(None))
        .order_by(Share.id)
    )
    return [(row[0], row[1]) for row in actor.db.execute(query)]
