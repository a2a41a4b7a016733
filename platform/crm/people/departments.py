"""Pages of departments and teams."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from tenants import departments, members, staff
from tenants.models import Department, Team

pages = Pages("departments", __name__)


@pages.get("/people/departments")
def index(actor: Actor) -> str:
    actor.require(("department", "view"))
    people = [person for person in staff.directory(actor) if person.state == "active"]
    counts: dict[str | None, int] = {}
    for person in people:
        counts[person.department] = counts.get(person.department, 0) + 1
    return render(
        actor,
        "people/departments.html",
        tree=departments.tree(actor),
        counts=counts,
        names={person.id: person.name for person in people},
        teams=departments.teams(actor),
    )


@pages.get("/people/departments/new")
def new(actor: Actor) -> str:
    actor.require(("department", "create"))
    return render(actor, "people/department.html", errors={}, typed=dict(request.args), **choices(actor))


@pages.post("/people/departments")
def create(actor: Actor) -> Answer:
    typed = form_values(request.form)
    try:
        department = departments.create(actor, departments.create.parse(blank_to_none(typed, "parent_id", "head_id")))
    except Invalid as error:
        return refused(actor, "people/department.html", error, typed=typed, **choices(actor))
    say(_("%(name)s is stored", name=department.name))
    return see(url_for("departments.index"))


@pages.get("/people/departments/<uuid:department_id>")
def edit(actor: Actor, department_id: UUID) -> str:
    actor.require(("department", "edit"))
    department = actor.find(Department, department_id)
    typed = {name: getattr(department, name) for name in departments.DepartmentFields.model_fields}
    return render(actor, "people/department.html", errors={}, typed=typed, **choices(actor, department))


@pages.post("/people/departments/<uuid:department_id>")
def change(actor: Actor, department_id: UUID) -> Answer:
    typed = form_values(request.form)
    actor.require(("department", "edit"))
    department = actor.find(Department, department_id)
    try:
        values = blank_to_none({**typed, "id": department_id}, "parent_id", "head_id", "version")
        departments.change(actor, departments.change.parse(values))
    except Invalid as error:
        return refused(actor, "people/department.html", error, typed=typed, **choices(actor, department))
    say(_("%(name)s is stored", name=department.name))
    return see(url_for("departments.index"))


@pages.post("/people/departments/<uuid:department_id>/delete")
def delete(actor: Actor, department_id: UUID) -> Answer:
    department = departments.delete(actor, departments.One(id=department_id))
    say(_("%(name)s deleted; its people are in the department above", name=department.name))
    return see(url_for("departments.index"))


@pages.get("/people/teams/new")
def new_team(actor: Actor) -> str:
    actor.require(("team", "create"))
    return render(actor, "people/team.html", errors={}, typed={}, team=None, colleagues=members.colleagues(actor))


@pages.post("/people/teams")
def create_team(actor: Actor) -> Answer:
    typed = form_values(request.form, "member_ids")
    try:
        team = departments.create_team(actor, departments.create_team.parse(typed))
    except Invalid as error:
        return refused(actor, "people/team.html", error, typed=typed, team=None, colleagues=members.colleagues(actor))
    say(_("%(name)s is stored", name=team.name))
    return see(url_for("departments.index"))


@pages.get("/people/teams/<uuid:team_id>")
def edit_team(actor: Actor, team_id: UUID) -> str:
    actor.require(("team", "edit"))
    team = actor.find(Team, team_id)
    typed = {"name": team.name, "member_ids": team.member_ids}
    return render(actor, "people/team.html", errors={}, typed=typed, team=team, colleagues=members.colleagues(actor))


@pages.post("/people/teams/<uuid:team_id>")
def change_team(actor: Actor, team_id: UUID) -> Answer:
    typed = form_values(request.form, "member_ids")
    actor.require(("team", "edit"))
    team = actor.find(Team, team_id)
    try:
        values = blank_to_none({"member_ids": [], **typed, "id": team_id}, "version")
        departments.change_team(actor, departments.change_team.parse(values))
    except Invalid as error:
        return refused(actor, "people/team.html", error, typed=typed, team=team, colleagues=members.colleagues(actor))
    say(_("%(name)s is stored", name=team.name))
    return see(url_for("departments.index"))


@pages.post("/people/teams/<uuid:team_id>/delete")
def delete_team(actor: Actor, team_id: UUID) -> Answer:
    team = departments.delete_team(actor, departments.One(id=team_id))
    say(_("%(name)s deleted", name=team.name))
    return see(url_for("departments.index"))


def choices(actor: Actor, department: Department | None = None) -> dict[str, Any]:
    """Where a department may stand, which is not below itself, and who may lead it."""
    tree = departments.tree(actor)
    above = [(one, depth) for one, depth in tree if department is None or department.id not in one.path]
    return {
        "department": department,
        "parents": [(one.id, "\N{NO-BREAK SPACE}" * 3 * depth + one.name) for one, depth in above],
        "colleagues": members.colleagues(actor),
    }
