"""Who is offered behind an @: the colleagues whom what is written there would reach."""

import re
from typing import NamedTuple
from uuid import UUID

from core.actor import Actor
from core.errors import NotFound
from core.records import KINDS, Record
from core.text import plain, sort_key
from crm.notifications.kinds import subject_of
from crm.notifications.mentions import callable_names
from crm.notifications.telling import may_see
from crm.notifications.watching import WATCHED
from crm.timeline.models import Note
from tenants.members import asked_of
from tenants.models import Member

SHOWN = 8
AT_ONCE = 20  # whose rights are asked together


class Colleague(NamedTuple):
    """`name` is written behind the @, in the form that `mentions.named` knows."""

    id: UUID
    name: str
    position: str
    photo_key: str | None


def mentionable(actor: Actor, kind: str, record_id: UUID, begun: str) -> list[Colleague]:
    """The first colleagues with a word of their name that begins so, accents aside, for a note being written on a
    record or for one that is corrected. Those who may not see it, or share their name with somebody, hear nothing of a
    mention and are left out. Raises NotFound, or Forbidden for who may not write there."""
    seen = about(actor, kind, record_id)
    start = plain(" ".join(begun.split()))
    word = re.compile(rf"(?<!\w){re.escape(start)}")
    matching = [one for one in colleagues(actor) if word.search(plain(one.name))]
    matching.sort(key=lambda one: (not plain(one.name).startswith(start), sort_key(one.name, actor.member.language)))
    found: list[Colleague] = []
    while matching and len(found) < SHOWN:
        some, matching = matching[:AT_ONCE], matching[AT_ONCE:]
        people = asked_of(actor.db, actor.workspace, [one.id for one in some])
        found += [one for one in some if one.id in people and all(may_see(people[one.id], part) for part in seen)]
    return found[:SHOWN]


def about(actor: Actor, kind: str, record_id: UUID) -> list[Record]:
    """What somebody must be able to see to hear of the mention: the note and what it stands on."""
    if kind == "note":
        note = actor.find(Note, record_id)
        actor.require(("note", "edit"), note)
        return [part for part in (note, subject_of(actor.db, note)) if part is not None]
    if kind not in WATCHED:
        raise NotFound()
    subject = actor.find(KINDS[kind], record_id)
    actor.require(("note", "create"))
    return [Note(author_id=actor.member.id), subject]


def colleagues(actor: Actor) -> list[Colleague]:
    """The others who work here and have a name of their own."""
    query = actor.visible(Member, Member.id, Member.name, Member.position, Member.photo_key)
    rows = actor.db.execute(query.where(Member.state == "active")).all()
    whose = callable_names({row.id: row.name for row in rows})
    called = [Colleague(row.id, " ".join(row.name.split()), row.position, row.photo_key) for row in rows]
    return [one for one in called if one.id == whose.get(one.name.casefold()) and one.id != actor.member.id]
