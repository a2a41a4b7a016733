"""Who would take what over: worked out for the preview, and in the same way when it begins.

What belongs to one client stays together, so that nobody has to ask a colleague about the other half: clients are dealt
out, the largest first, each to whoever has the fewest records so far.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import func, select

from core.actor import Actor
from core.errors import Invalid
from crm.absences.duties import BY_KIND, DUTIES, KEYS, Duty
from crm.absences.models import Absence, Handover
from tenants.models import Department, Member

Names = dict[UUID, str]


@dataclass(frozen=True)
class Open:
    """A record that waits for somebody to take it over."""

    kind: str
    id: UUID
    name: str
    client_id: UUID


@dataclass(frozen=True)
class Plan:
    """Each record with who gets it; by kind, how many stay since the actor may not give them; the takers' names."""

    given: list[tuple[Open, UUID]]
    beyond: dict[str, int]
    takers: Names
    shares: dict[UUID, Counter[str]] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Two plans with the same mark give the same records to the same people."""
        said = sorted(f"{one.id}>{to_id}" for one, to_id in self.given)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


def today_in(zone: str) -> date:
    """The day it is in the workspace."""
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()


def plan_of(actor: Actor, absence: Absence) -> Plan:
    """What would happen now. Raises Invalid where nobody is there to take over."""
    takers = takers_of(actor, absence)
    found = [one for duty in duties_of(absence) for one in open_work(actor, absence, duty)]
    given: list[tuple[Open, UUID]] = []
    loads: Counter[UUID] = Counter()
    for key, ids in takers.items():
        given += dealt([one for one in found if key in ("all", BY_KIND[one.kind].key)], ids, loads)
    shares: dict[UUID, Counter[str]] = {to_id: Counter() for ids in takers.values() for to_id in ids}
    for one, to_id in given:
        shares[to_id][one.kind] += 1
    return Plan(given, beyond(actor, absence, found), names_of(actor, shares), shares)


def duties_of(absence: Absence) -> list[Duty]:
    return [duty for duty in DUTIES if absence.hands_clients_over or not duty.lasting]


def open_work(actor: Actor, absence: Absence, duty: Duty) -> list[Open]:
    """What is open with the member and may be given to others by this actor; what a takeover has named already is not
    named twice."""
    known = select(Handover.record_id).where(Handover.absence_id == absence.id)
    query = actor.visible(duty.model, duty.model.id, duty.name, duty.client.label("client_id")).where(
        duty.holder == absence.member_id, duty.open(), actor.reach(duty.model, "assign"), duty.model.id.not_in(known)
    )
    return [Open(duty.kind, row.id, row.name, row.client_id) for row in actor.db.execute(query.order_by(duty.model.id))]


def beyond(actor: Actor, absence: Absence, found: Iterable[Open]) -> dict[str, int]:
    """By kind, how many of the member's open records the actor may not give to others."""
    reached = Counter(one.kind for one in found)
    named = select(Handover.record_id).where(Handover.absence_id == absence.id)
    left = {}
    for duty in duties_of(absence):
        query = select(func.count()).where(
            duty.model.deleted_at.is_(None),
            duty.holder == absence.member_id,
            duty.open(),
            duty.model.id.not_in(named),
        )
        left[duty.kind] = (actor.db.scalar(query) or 0) - reached[duty.kind]
    return {kind: number for kind, number in left.items() if number > 0}


def dealt(found: Sequence[Open], takers: Sequence[UUID], loads: Counter[UUID]) -> list[tuple[Open, UUID]]:
    """Client by client, the largest first, to the one with the fewest so far; the same input gives the same result."""
    clients: dict[UUID, list[Open]] = {}
    for one in found:
        clients.setdefault(one.client_id, []).append(one)
    given = []
    for _client, work in sorted(clients.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        to_id = min(takers, key=lambda taker: (loads[taker], takers.index(taker)))
        loads[to_id] += len(work)
        given += [(one, to_id) for one in work]
    return given


def takers_of(actor: Actor, absence: Absence) -> dict[str, list[UUID]]:
    """By key ("all", or a kind's), who takes over. Raises Invalid, with the field of the form, where somebody named
    cannot, or where nobody is named."""
    if absence.rule == "department":
        return {"all": department_mates(actor, absence)}
    chosen = {key: [UUID(taker) for taker in ids] for key, ids in absence.takers.items()}
    keys = ["all"] if absence.rule != "kind" else [key for key in KEYS if key in keys_of(absence)]
    fields = {key: field_of(absence.rule, key) for key in keys}
    missing = [(name, _("Choose who takes over.")) for key, name in fields.items() if not chosen.get(key)]
    if missing:
        raise Invalid(*missing)
    active = set(actor.db.scalars(select(Member.id).where(Member.state == "active", Member.deleted_at.is_(None))))
    away = away_between(actor, absence.starts_on, absence.starts_on)
    for key, name in fields.items():
        for taker in chosen[key]:
            if taker == absence.member_id:
                raise Invalid((name, _("Nobody takes over from themselves. Choose somebody else.")))
            if taker not in active:
                raise Invalid((name, _("There is no such member here any more. Choose somebody else.")))
            if taker in away:
                who = names_of(actor, [taker])[taker]
                said = _("%(name)s is away then. Choose somebody else.", name=who)
                raise Invalid((name, said))
    return {key: list(dict.fromkeys(chosen[key])) for key in keys}


def keys_of(absence: Absence) -> set[str]:
    return {duty.key for duty in duties_of(absence)}


def field_of(rule: str, key: str) -> str:
    """The field of the form where takers are chosen."""
    return {"one": "taker", "several": "takers"}.get(rule, f"taker-{key}")


def department_mates(actor: Actor, absence: Absence) -> list[UUID]:
    """The active colleagues of the member's department who are there when it begins, by name. People in no department
    are one department together. Raises Invalid where there are none."""
    home = absence.member.department_id
    query = select(Member.id).where(
        Member.state == "active",
        Member.deleted_at.is_(None),
        Member.id != absence.member_id,
        Member.department_id == home if home else Member.department_id.is_(None),
    )
    away = away_between(actor, absence.starts_on, absence.starts_on)
    found = [one for one in actor.db.scalars(query.order_by(func.lower(Member.name), Member.id)) if one not in away]
    if not found:
        said = _("Nobody else is there without a department. Choose who takes over.")
        if home:
            name = actor.db.scalar(select(Department.name).where(Department.id == home)) or ""
            said = _("Nobody else is there in the department %(name)s. Choose who takes over.", name=name)
        raise Invalid(("rule", said))
    return found


def away_between(actor: Actor, first: date, last: date) -> dict[UUID, date]:
    """Who is away on some of these days, and until when. Their reasons are for those who decide."""
    query = select(Absence.member_id, func.max(Absence.ends_on).label("until")).where(
        Absence.deleted_at.is_(None),
        Absence.state.in_(("planned", "taking", "away")),
        Absence.starts_on <= last,
        Absence.ends_on >= first,
    )
    return {row.member_id: row.until for row in actor.db.execute(query.group_by(Absence.member_id))}


def names_of(actor: Actor, ids: Iterable[UUID]) -> Names:
    rows = actor.db.execute(actor.visible(Member, Member.id, Member.name).where(Member.id.in_(list(ids))))
    return {row.id: row.name for row in rows}
