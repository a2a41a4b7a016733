"""Pages of absences: who is away, the form, the preview and what came of it, and the briefing of who takes over."""

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from core.actor import Actor
from core.db import as_uuid
from core.errors import Conflict, Invalid
from core.listing import Ask
from core.pages import Answer, Pages, blank_to_none, day, refused, render, say, see
from crm.absences import actions, queries
from crm.absences.actions import DECIDE, OneAbsence
from crm.absences.briefing import briefing_of
from crm.absences.duties import BY_KIND, KEYS
from crm.absences.models import Absence, Handover
from crm.absences.plan import Plan, field_of, names_of, plan_of, today_in
from crm.timeline.sentences import why_away

pages = Pages("absences", __name__)


@pages.get("/people/absences/")
def index(actor: Actor) -> str:
    actor.require(DECIDE)
    ask = Ask(cursor=request.args.get("cursor", ""))
    names = ("id", "member_id", "reason", "starts_on", "ends_on", "state", "error")
    page = queries.LISTING.page(actor, ask, *(getattr(Absence, name) for name in names))
    people = queries.names_beside(actor, page.rows)
    return render(actor, "absences/index.html", page=page, people=people, **words())


@pages.get("/people/absences/new")
def new(actor: Actor) -> str:
    actor.require(DECIDE)
    given = {name: request.args.get(name, "") for name in ("member_id", "reason")}
    today = today_in(actor.workspace.time_zone).isoformat()
    typed = {**given, "reason": given["reason"] or "ill", "starts_on": today, "rule": "one"}
    return render(actor, "absences/form.html", errors={}, absence=None, **filled(actor, typed))


@pages.post("/people/absences/")
def create(actor: Actor) -> Answer:
    actor.require(DECIDE)
    try:
        absence = actions.create(actor, actions.create.parse(given(request.form)))
    except Invalid as error:
        return refused(actor, "absences/form.html", named(error), absence=None, **filled(actor, retyped()))
    return see(url_for("absences.show", absence_id=absence.id))


@pages.get("/people/absences/<uuid:absence_id>/edit")
def edit(actor: Actor, absence_id: UUID) -> Answer:
    absence = actor.find(Absence, absence_id)
    if not absence.may_change:
        return see(url_for("absences.show", absence_id=absence.id))
    return render(actor, "absences/form.html", errors={}, absence=absence, **filled(actor, stored(absence)))


@pages.post("/people/absences/<uuid:absence_id>/edit")
def change(actor: Actor, absence_id: UUID) -> Answer:
    absence = actor.find(Absence, absence_id)
    try:
        actions.change(actor, actions.change.parse({**given(request.form), "id": absence_id}))
    except Invalid as error:
        return refused(actor, "absences/form.html", named(error), absence=absence, **filled(actor, retyped()))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.get("/people/absences/<uuid:absence_id>")
def show(actor: Actor, absence_id: UUID) -> str:
    """Before it begins, what would happen; then how far it is, and what became of what."""
    absence = actor.find(Absence, absence_id)
    return preview(actor, absence) if absence.may_change else report(actor, absence)


def preview(actor: Actor, absence: Absence, changed: bool = False) -> str:
    plan, wrong = None, ""
    try:
        plan = plan_of(actor, absence)
    except Invalid as error:
        wrong = " ".join(str(message) for _name, message in error.fields)
    given = listed(plan) if plan else {}
    clients = queries.client_names(actor, (one.client_id for found in given.values() for one in found))
    return render(
        actor, "absences/preview.html", absence=absence, plan=plan, given=given, clients=clients, wrong=wrong,
        changed=changed, later=absence.starts_on > today_in(actor.workspace.time_zone), **words(),
    )  # fmt: skip


def listed(plan: Plan) -> dict[UUID, list[Any]]:
    """The first records of each taker."""
    found: dict[UUID, list[Any]] = {taker: [] for taker in plan.shares}
    for one, to_id in plan.given:
        if len(found[to_id]) < queries.SHOWN:
            found[to_id].append(one)
    return found


def report(actor: Actor, absence: Absence, errors: dict[str, str] | None = None) -> str:
    counts = queries.tally(actor, absence)
    by_state = {state: sum(n for (one, _why), n in counts.items() if one == state) for state in STATES}
    shares = queries.shares(actor, absence)
    left = queries.moved(actor, absence, Handover.state.in_(("left", "stayed")))
    given = queries.moved(actor, absence, Handover.state.in_(("waiting", "taken", "back")))
    return render(
        actor, "absences/show.html", absence=absence, counts=counts, by_state=by_state, shares=shares, left=left,
        given=given, takers=names_of(actor, shares), total=sum(by_state.values()), errors=errors or {},
        clients=queries.client_names(actor, (one.client_id for one in (*left, *given))), **words(),
    )  # fmt: skip


STATES = ("waiting", "taken", "left", "back", "stayed")


@pages.post("/people/absences/<uuid:absence_id>/confirm")
def confirm(actor: Actor, absence_id: UUID) -> Answer:
    said = {"id": absence_id, "plan": request.form.get("plan", "")}
    try:
        absence = actions.confirm(actor, actions.confirm.parse(said))
    except Conflict as conflict:
        return preview(actor, actor.find(Absence, absence_id), changed=True), conflict.status
    except Invalid as error:
        return preview(actor, actor.find(Absence, absence_id)), error.status
    if absence.state == "planned":
        say(_("It begins by itself: %(day)s", day=day(absence.starts_on)))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.post("/people/absences/<uuid:absence_id>/prolong")
def prolong(actor: Actor, absence_id: UUID) -> Answer:
    try:
        said = {"id": absence_id, "ends_on": request.form.get("ends_on", "")}
        absence = actions.prolong(actor, actions.prolong.parse(said))
    except Invalid as error:
        errors = {name: str(message) for name, message in error.fields}
        return report(actor, actor.find(Absence, absence_id), errors), error.status
    say(_("%(name)s: away until %(day)s", name=absence.member.name, day=day(absence.ends_on)))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.post("/people/absences/<uuid:absence_id>/end")
def end(actor: Actor, absence_id: UUID) -> Answer:
    actions.end(actor, OneAbsence(id=absence_id))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.post("/people/absences/<uuid:absence_id>/undo")
def undo(actor: Actor, absence_id: UUID) -> Answer:
    actions.undo(actor, OneAbsence(id=absence_id))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.post("/people/absences/<uuid:absence_id>/go-on")
def go_on(actor: Actor, absence_id: UUID) -> Answer:
    actions.go_on(actor, OneAbsence(id=absence_id))
    return see(url_for("absences.show", absence_id=absence_id))


@pages.post("/people/absences/<uuid:absence_id>/delete")
def delete(actor: Actor, absence_id: UUID) -> Answer:
    actions.delete(actor, OneAbsence(id=absence_id))
    say(_("Thrown away. Nothing was changed."))
    return see(url_for("absences.index"))


@pages.get("/people/absences/<uuid:absence_id>/briefing")
def briefing(actor: Actor, absence_id: UUID) -> str:
    number = request.args.get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    client_id = as_uuid(request.args.get("client", ""))
    found = briefing_of(actor, absence_id, client_id, page)
    return render(actor, "absences/briefing.html", found=found, absence=found.absence, one=client_id, **words())


def given(form: "MultiDict[str, str]") -> dict[str, Any]:
    """The form as the action takes it: of the fields of takers, those of the rule chosen."""
    rule = form.get("rule", "")
    keys = list(KEYS) if rule == "kind" else ["all"]
    takers = {key: [one for one in form.getlist(field_of(rule, key)) if one] for key in keys}
    values = {name: form.get(name, "") for name in ("member_id", "reason", "starts_on", "ends_on", "rule")}
    asked = {key: ids[:1] if rule == "one" else ids for key, ids in takers.items() if ids}
    blank = blank_to_none(values, "ends_on")
    return {**blank, "takers": asked if rule != "department" else {}, "with_clients": "with_clients" in form}


def retyped() -> dict[str, Any]:
    """The form as it was sent, to be shown again."""
    return {**request.form.to_dict(), "takers": request.form.getlist("takers")}


def stored(absence: Absence) -> dict[str, Any]:
    """An absence as its form shows it."""
    plain = {name: getattr(absence, name) for name in ("member_id", "reason", "starts_on", "ends_on", "rule")}
    values = {name: "" if value is None else str(value) for name, value in plain.items()}
    chosen = {field_of(absence.rule, key): ids for key, ids in absence.takers.items()}
    several = {name: ids if name == "takers" else ids[0] for name, ids in chosen.items() if ids}
    return values | several | ({"with_clients": "1"} if absence.with_clients else {})


def named(error: Invalid) -> Invalid:
    """An error inside `takers` belongs to the field where they are chosen."""
    form = request.form.get("rule", "")
    return Invalid(
        *(
            (field_of(form, name.split(".")[1] if "." in name else "all") if name.startswith("takers.") else name, said)
            for name, said in error.fields
        )
    )


def filled(actor: Actor, typed: dict[str, Any]) -> dict[str, Any]:
    """What the form needs: the values and the choices."""
    names = ("member_id", "reason", "starts_on", "ends_on", "rule", "with_clients", "taker")
    blank = dict.fromkeys((*names, *(f"taker-{key}" for key in KEYS)), "")
    members = [(str(member_id), name) for member_id, name in queries.to_choose(actor)]
    return {"typed": {**blank, "takers": [], **typed}, "members": members, "keys": list(KEYS.items()), **words()}


def words() -> dict[str, Any]:
    """What reasons, states, kinds and ends are called."""
    return {
        "reasons": {"ill": _("Ill"), "holiday": _("Holiday"), "other": _("Away"), "left": _("Leaves")},
        "states": {
            "draft": (_("Not confirmed"), "soon"), "planned": (_("Planned"), "accent"),
            "taking": (_("Being taken over"), "accent"), "away": (_("Taken over"), "good"),
            "returning": (_("Being given back"), "accent"), "ended": (_("Over"), ""),
            "undoing": (_("Being undone"), "accent"), "undone": (_("Undone"), ""),
        },
        "whys": {
            "finished": _("finished meanwhile"), "reassigned": _("given to somebody else meanwhile"),
            "gone": _("deleted meanwhile"), "forbidden": _("whoever decided may not give it to others"),
        },
        "duties": BY_KIND,
    }  # fmt: skip


def away_names() -> set[str]:
    """The names of those who are away today, for the faces on a page."""
    if "away_names" not in g:
        away = queries.away_now(g.actor)
        g.away_names = set(names_of(g.actor, away).values()) if away else set()
    return set(g.away_names)


pages.add_app_template_global(away_names)
pages.add_app_template_global(why_away, "why_away")
