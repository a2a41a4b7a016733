"""Who does a step, by the rules in the drawing; the first rule that finds somebody holds.

    <okno:assignee role="sales" how="round robin" if="deal.amount &lt; 50000.0"/>
    <okno:assignee step="call"/>       whoever did that step
    <okno:assignee who="owner"/>       the owner of the record; or starter, head (of the owner's department), publisher
    <okno:assignee member="petr@okna.cz"/>, department="Montage", head="Montage", value="CEL for a member's id"

Of several people the one is taken whose last turn is longest ago ("round robin"), or who has the fewest open tasks
("least"). Who is away is stood in for; who works here no more is passed over; at the end there is always the publisher.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from core.actor import Actor
from core.db import as_uuid
from crm.absences.models import Absence
from crm.processes.bpmn import Extension
from crm.processes.expressions import evaluate, holds
from crm.processes.models import Instance, Step
from crm.tasks.models import Task
from crm.tasks.telling import AWAY
from tenants.models import Department, Member, Role

RULES = ("member", "role", "department", "head", "step", "who", "value")
WHO = ("owner", "starter", "head", "publisher")
ACTIVE = and_(Member.state == "active", Member.deleted_at.is_(None))


@dataclass(frozen=True)
class Working:
    """When a member works, by their own hours if they have said any, and in which zone."""

    hours: dict[str, Any] | None
    zone: str


@dataclass(frozen=True)
class Asked:
    """What a rule may look at: the run, the element it is for, the record's owner, and what expressions see."""

    actor: Actor
    instance: Instance
    element: str
    owner_id: UUID | None
    context: Callable[[], Mapping[str, Any]]
    people: dict[UUID, Working]


def whoever(asked: Asked, rules: Collection[Extension], *, default: bool = True) -> UUID | None:
    """The member whom these rules name now; with `default`, somebody always."""
    for rule in rules:
        if rule.get("if") and not holds(rule.get("if"), asked.context()):
            continue
        chosen = choose(asked, here(asked, candidates(asked, rule)), rule.get("how"))
        if chosen:
            return chosen
    if not default:
        return None
    return choose(asked, here(asked, [asked.owner_id] if asked.owner_id else []), "") or asked.actor.member.id


def candidates(asked: Asked, rule: Extension) -> list[UUID]:
    """Whom a rule names, whether they are here or not."""
    name = next((name for name in RULES if name in rule.given), "")
    given = rule.get(name)
    db = asked.actor.db
    if name == "step":
        did = select(Step).where(Step.instance_id == asked.instance.id, Step.element == given)
        step = db.scalars(did.order_by(Step.began_at.desc()).limit(1)).first()
        return [one for one in (step.done_by_id, step.assignee_id) if one][:1] if step else []
    if name == "who":
        return one_of(asked, given)
    if name == "value":
        given, name = str(evaluate(given, asked.context()) or ""), "member"
    found = select(Member.id).where(named(name, given)).order_by(Member.id)
    return list(db.scalars(found))


def one_of(asked: Asked, who: str) -> list[UUID]:
    match who:
        case "owner":
            found = asked.owner_id
        case "starter":
            found = asked.instance.started_by_id
        case "head":
            heads = (
                select(Department.head_id)
                .join(Member, Member.department_id == Department.id)
                .where(Member.id == asked.owner_id, Department.deleted_at.is_(None))
            )
            found = asked.actor.db.scalar(heads)
        case _:
            found = asked.actor.member.id
    return [found] if found else []


def named(name: str, given: str) -> ColumnElement[bool]:
    """The members that a rule names by `given`, an identifier or what people call it."""
    known, plain = as_uuid(given), func.lower(given)  # by the database on both sides: it may not know Ž
    match name:
        case "role":
            role = Role.id == known if known else or_(Role.key == plain, func.lower(Role.name) == plain)
            return Member.role_id.in_(select(Role.id).where(role, Role.deleted_at.is_(None)))
        case "department" | "head":
            about = Department.id == known if known else func.lower(Department.name) == plain
            own = select(Department).where(about, Department.deleted_at.is_(None))
            if name == "head":
                return Member.id.in_(own.with_only_columns(Department.head_id))
            return Member.department_id.in_(own.with_only_columns(Department.id))
    return Member.id == known if known else func.lower(Member.email) == plain


def unknown_people(actor: Actor, rule: Extension) -> bool:
    """Whether a rule names nobody that there is: a role or department may be empty, but must be there."""
    name = next((name for name in RULES if name in rule.given), "")
    given = rule.get(name)
    known, plain = as_uuid(given), func.lower(given)  # by the database on both sides: it may not know Ž
    if name in ("step", "value"):
        return False
    if name == "who":
        return given not in WHO
    if name == "role":
        role = Role.id == known if known else or_(Role.key == plain, func.lower(Role.name) == plain)
        return actor.db.scalar(select(Role.id).where(role, Role.deleted_at.is_(None)).limit(1)) is None
    if name in ("department", "head"):
        about = Department.id == known if known else func.lower(Department.name) == plain
        found = select(Department.id).where(about, Department.deleted_at.is_(None))
        return actor.db.scalar(found.limit(1)) is None
    return actor.db.scalar(select(Member.id).where(named(name, given), ACTIVE).limit(1)) is None


def here(asked: Asked, people: list[UUID]) -> list[UUID]:
    """Those of them who work here, without those away where others are left, else who stands in for them."""
    if not people:
        return []
    db = asked.actor.db
    active, absences = set[UUID](), dict[UUID, dict[str, list[str]]]()
    rows = db.execute(
        select(Member.id, Member.working_hours, Member.time_zone, Absence.takers)
        .outerjoin(Absence, and_(Absence.member_id == Member.id, AWAY))
        .where(Member.id.in_(people), ACTIVE)
    )
    for member_id, hours, zone, takers in rows:
        active.add(member_id)
        asked.people[member_id] = Working(hours, zone)
        if takers is not None:
            absences[member_id] = takers
    present = [one for one in people if one in active and one not in absences]
    if present or not absences:
        return present
    named = [UUID(taker) for one in absences.values() for ids in one.values() for taker in ids]
    standing = list(db.scalars(select(Member.id).where(Member.id.in_(named), ACTIVE).order_by(Member.id)))
    return standing or [one for one in people if one in active]


def choose(asked: Asked, people: list[UUID], how: str) -> UUID | None:
    if len(people) < 2:
        return people[0] if people else None
    db = asked.actor.db
    if how == "least":
        counted = select(Task.assignee_id, func.count()).where(
            Task.assignee_id.in_(people), Task.done_at.is_(None), Task.deleted_at.is_(None)
        )
        loads = {row[0]: row[1] for row in db.execute(counted.group_by(Task.assignee_id))}
        return min(people, key=lambda one: (loads.get(one, 0), str(one)))
    turns = (
        select(Step.assignee_id, func.max(cast(Step.id, Text)))
        .join(Instance, Instance.id == Step.instance_id)
        .where(Instance.process_id == asked.instance.process_id, Step.element == asked.element)
        .where(Step.assignee_id.in_(people))
    )
    last = {row[0]: row[1] for row in db.execute(turns.group_by(Step.assignee_id))}
    return min(people, key=lambda one: (last.get(one, ""), str(one)))
