"""Departments, as a tree, and teams across them: whose records a scope reaches (core.access)."""

from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import Select, func, select

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from core.ids import new_id
from tenants.models import Department, Invitation, Member, Team

DEEPEST = 10
MOST_IN_TEAM = 500


class DepartmentFields(Input):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    parent_id: Annotated[UUID | None, Field(description="The department above; none for a topmost one.")] = None
    head_id: Annotated[UUID | None, Field(description="The member who leads it.")] = None


ChangedDepartment = changes_of(DepartmentFields, "ChangedDepartment")


class TeamFields(Input):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    member_ids: Annotated[list[UUID], Field(max_length=MOST_IN_TEAM)] = []


ChangedTeam = changes_of(TeamFields, "ChangedTeam")


class One(Input):
    id: UUID
    version: int | None = None


@action("department.create")
def create(actor: Actor, data: DepartmentFields) -> Department:
    lock_tree(actor)
    department = Department(id=new_id(), **data.model_dump())
    check_head(actor, department)
    department.path = path_below(actor, department)
    actor.db.add(department)
    return department


@action("department.edit", takes=ChangedDepartment)
def change(actor: Actor, data: Changes) -> Department:
    """Moved elsewhere, it takes along what is below it."""
    lock_tree(actor)
    department = actor.take(Department, data.id, "edit", data.version)
    for name, value in data.given().items():
        setattr(department, name, value)
    check_head(actor, department)
    settle(actor, department)
    return department


@action("department.delete")
def delete(actor: Actor, data: One) -> Department:
    """What is below it, its people and the people invited into it go to the department above."""
    lock_tree(actor)
    department = actor.take(Department, data.id, "delete", data.version)
    department.deleted_at = actor.db.scalar(select(func.now()))
    for child in below(actor, department):
        child.parent_id = department.parent_id
        settle(actor, child)
    for model in (Member, Invitation):
        held: Any = model
        for one in actor.db.scalars(select(held).where(held.department_id == department.id)):
            one.department_id = department.parent_id
    return department


@action("team.create")
def create_team(actor: Actor, data: TeamFields) -> Team:
    team = Team(name=data.name, member_ids=known_members(actor, data.member_ids))
    actor.db.add(team)
    return team


@action("team.edit", takes=ChangedTeam)
def change_team(actor: Actor, data: Changes) -> Team:
    team = actor.take(Team, data.id, "edit", data.version)
    given = data.given()
    if "member_ids" in given:
        given["member_ids"] = known_members(actor, given["member_ids"])
    for name, value in given.items():
        setattr(team, name, value)
    return team


@action("team.delete")
def delete_team(actor: Actor, data: One) -> Team:
    team = actor.take(Team, data.id, "delete", data.version)
    team.deleted_at = actor.db.scalar(select(func.now()))
    return team


def lock_tree(actor: Actor) -> None:
    """One change of the tree at a time, or two moves could close a circle."""
    actor.db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"departments of {actor.workspace.schema}"))))


def settle(actor: Actor, department: Department) -> None:
    """Bring the path of a department and of all below it in line with where it stands now."""
    path = path_below(actor, department)
    if department.path != path:
        department.path = path
        for child in below(actor, department):
            settle(actor, child)


def path_below(actor: Actor, department: Department) -> list[UUID]:
    if department.parent_id is None:
        return [department.id]
    query = select(Department.path).where(Department.id == department.parent_id, Department.deleted_at.is_(None))
    with actor.db.no_autoflush:
        above: list[UUID] | None = actor.db.scalar(query)
    if above is None:
        raise Invalid(("parent_id", _("There is no such department. Choose another.")))
    if department.id in above:
        raise Invalid(("parent_id", _("A department cannot be below itself.")))
    if len(above) >= DEEPEST:
        raise Invalid(("parent_id", _("Departments may be %(deepest)s deep at most.", deepest=DEEPEST)))
    return [*above, department.id]


def below(actor: Actor, department: Department) -> list[Department]:
    query = select(Department).where(Department.parent_id == department.id, Department.deleted_at.is_(None))
    return list(actor.db.scalars(query))


def check_head(actor: Actor, department: Department) -> None:
    actor.linked(Member, department.head_id, "head_id", Member.state == "active")


def known_members(actor: Actor, ids: list[UUID]) -> list[UUID]:
    wanted = list(dict.fromkeys(ids))
    known = set(actor.db.scalars(select(Member.id).where(Member.id.in_(wanted), Member.state == "active")))
    if len(known) < len(wanted):
        raise Invalid(("member_ids", _("There is no such member.")))
    return wanted


def tree(actor: Actor) -> list[tuple[Department, int]]:
    """Every department with its depth, each directly below the one above it, by name."""
    found = list(actor.db.scalars(actor.visible(Department).order_by(func.lower(Department.name))))
    children: dict[UUID | None, list[Department]] = {}
    for department in found:
        children.setdefault(department.parent_id, []).append(department)

    def walk(parent_id: UUID | None, depth: int) -> list[tuple[Department, int]]:
        return [
            line
            for department in children.get(parent_id, [])
            for line in ((department, depth), *walk(department.id, depth + 1))
        ]

    return walk(None, 0)


def members_in(department_id: UUID) -> Select[UUID]:
    """SELECT of the members of a department and of all below it."""
    below = select(Department.id).where(Department.path.contains([department_id]))
    return select(Member.id).where(Member.department_id.in_(below))


def teams(actor: Actor) -> list[Team]:
    return list(actor.db.scalars(actor.visible(Team).order_by(func.lower(Team.name))))
