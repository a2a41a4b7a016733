"""Pages of tasks: the list, the form, the tick and the quick postponing."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.db import as_uuid
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid
from core.ids import new_id
from core.listing import Ask
from core.listpage import asked
from core.pages import (
    Answer,
    Pages,
    blank_to_none,
    came_from,
    day,
    form_values,
    refused,
    render,
    say,
    see,
    today_of,
    written_day,
    zone_of,
)
from core.records import Record
from crm.absences.queries import to_choose
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.tasks import actions, queries
from crm.tasks.actions import OneTask
from crm.tasks.due import Due, instant
from crm.tasks.models import Task
from tenants.models import Department, Member

pages = Pages("tasks", __name__)

LINKS: dict[str, type[Record]] = {"contact_id": Contact, "company_id": Company, "deal_id": Deal}
BLANKS = ("due_on", "due_time", "assignee_id", "version", "tell_id", "tell_at", *LINKS)
PAGE = 100
# What the numbers of reports lead to.
OF_REPORTS = ("assignee_id", "department_id", "nobodys", "done_from", "done_to", "done_late", "overdue")


@pages.get("/tasks/")
def index(actor: Actor) -> str:
    mine, done = request.args.get("who") != "all", request.args.get("done") == "true"
    narrowed = asked(OF_REPORTS, "").filters
    filters = {**narrowed, "done": str(done), **({"mine": "true"} if mine else {})}
    ask = Ask(sort="-created" if done else "due", cursor=request.args.get("cursor", ""), limit=PAGE, filters=filters)
    page = queries.LISTING.page(actor, ask, *queries.shown(actor))
    groups = queries.grouped(queries.items(actor, page.rows))
    if not done and not page.next and not narrowed:
        groups["done"] = queries.lately_done(actor, mine)
    return render(
        actor,
        "tasks/index.html",
        groups=groups,
        ask=ask,
        page=page,
        mine=mine,
        done=done,
        narrowed=told_filters(actor, narrowed),
        count=queries.LISTING.count(actor, ask),
        today=today_of(actor),
        after=finished(actor),
    )


def told_filters(actor: Actor, filters: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(name, label, value) of the filters that a report's number has led to."""
    words = {
        "assignee_id": _("Assignee"), "department_id": _("Department"), "nobodys": _("Assignee"),
        "done_from": _("Done from"), "done_to": _("Done to"), "done_late": _("Done"), "overdue": _("Due"),
    }  # fmt: skip
    said = {"nobodys": _("nobody"), "done_late": _("late"), "overdue": _("late")}
    names = {
        str(row.id): row.name
        for model, name in ((Member, "assignee_id"), (Department, "department_id"))
        for row in actor.db.execute(
            actor.visible(model, model.id, model.name).where(model.id == as_uuid(filters.get(name, "")))
        )
    }
    return [
        (
            name,
            label,
            said.get(name) or names.get(value) or (written_day(value) if name in ("done_from", "done_to") else value),
        )
        for name, label in words.items()
        if (value := filters.get(name))
    ]


@pages.get("/tasks/new")
def new(actor: Actor) -> str:
    wanted = {name: request.args.get(name, "") for name in (*LINKS, "name", "due_on", "todo")}
    typed = {**wanted, "todo": wanted["todo"] or "task", "assignee_id": str(actor.member.id)}
    return render(actor, "tasks/form.html", errors={}, **filled(actor, typed))


@pages.post("/tasks/")
def create(actor: Actor) -> Answer:
    typed = form_values(request.form)
    try:
        task = actions.create(actor, actions.create.parse(given(actor, typed)))
    except Invalid as error:
        return refused(actor, "tasks/form.html", error, **filled(actor, typed))
    say(_("Added: %(name)s", name=task.name))
    return see(back())


@pages.get("/tasks/<uuid:task_id>")
def edit(actor: Actor, task_id: UUID) -> str:
    task = actor.find(Task, task_id)
    return render(actor, "tasks/form.html", errors={}, **filled(actor, stored(actor, task), task))


@pages.post("/tasks/<uuid:task_id>")
def change(actor: Actor, task_id: UUID) -> Answer:
    typed = form_values(request.form)
    try:
        task = actor.find(Task, task_id)
        task = actions.change(actor, actions.change.parse({**given(actor, typed, task), "id": task_id}))
    except Invalid as error:
        return refused(actor, "tasks/form.html", error, **filled(actor, typed, actor.find(Task, task_id)))
    except Conflict:
        task = actor.find(Task, task_id)
        now = stored(actor, task)
        typed = {**settled(typed, now), "version": str(task.version)}
        theirs = meanwhile(typed, now)
        if theirs:
            return render(actor, "tasks/form.html", errors={}, **filled(actor, typed, task, theirs)), 412
        task = actions.change(actor, actions.change.parse({**given(actor, typed, task), "id": task_id}))
    say(_("Saved: %(name)s", name=task.name))
    return see(back())


@pages.post("/tasks/<uuid:task_id>/done")
def done(actor: Actor, task_id: UUID) -> Answer:
    """Ticked; where that leaves a deal without a next step, the page that follows asks for one. After a step of a
    process the process does, and it cannot be undone."""
    step = queries.step_of(actor, task_id)
    if step is not None and step.asks:
        return see(url_for("steps.show", task_id=task_id, next=back()))
    task = actions.done(actor, OneTask(id=task_id))
    undo = url_for("tasks.reopen", task_id=task.id, next=back())
    say(_("Done: %(name)s", name=task.name), undo if step is None else None)
    return see(back(after=str(task.id)) if step is None else back())


@pages.post("/tasks/<uuid:task_id>/reopen")
def reopen(actor: Actor, task_id: UUID) -> Answer:
    actions.reopen(actor, OneTask(id=task_id))
    return see(back())


@pages.post("/tasks/<uuid:task_id>/postpone")
def postpone(actor: Actor, task_id: UUID) -> Answer:
    """To today, tomorrow or a week from today, or (to undo it) to the day in `day`; at the hour it had."""
    days = {"today": 0, "tomorrow": 1, "week": 7}.get(request.form.get("until", ""))
    task = actor.find(Task, task_id)
    before = Due.seen(task.due_on, task.due_at, zone_of(actor)).day
    undoing = days is None
    wanted = request.args.get("day") or None if days is None else today_of(actor) + timedelta(days=days)
    task = actions.change(actor, actions.change.parse({"id": task_id, "due_on": wanted}))
    if not undoing:
        undo = url_for("tasks.postpone", task_id=task.id, day=before, next=back())
        say(_("%(name)s: %(day)s", name=task.name, day=day(task.due_on)), undo)
    return see(back())


@pages.post("/tasks/<uuid:task_id>/delete")
def delete(actor: Actor, task_id: UUID) -> Answer:
    task = actions.delete(actor, OneTask(id=task_id))
    undo = url_for("tasks.restore", task_id=task.id, next=back())
    say(_("Deleted: %(name)s", name=task.name), undo)
    return see(back())


@pages.post("/tasks/<uuid:task_id>/restore")
def restore(actor: Actor, task_id: UUID) -> Answer:
    actions.restore(actor, OneTask(id=task_id))
    return see(back())


def back(**more: str) -> str:
    """Where the person was, without an offer made there before; with `more` in its query."""
    parts = urlsplit(came_from(url_for("tasks.index")))
    query = {name: value for name, value in parse_qsl(parts.query) if name != "after"}
    return parts._replace(query=urlencode({**query, **more})).geturl()


def finished(actor: Actor) -> queries.FollowUp | None:
    """What the task just ticked (`?after=`) was about, where nothing more is planned for it."""
    task_id = as_uuid(request.args.get("after", ""))
    return queries.follow_up(actor, task_id) if task_id else None


def given(actor: Actor, typed: dict[str, Any], task: Task | None = None) -> dict[str, Any]:
    """The form's values as the action takes them; of `task`, without a time to tell that was left as it was, since the
    form shows no seconds."""
    if task and typed.get("tell_at") == stored(actor, task)["tell_at"]:
        typed = {name: value for name, value in typed.items() if name != "tell_at"}
    values = blank_to_none({name: value for name, value in typed.items() if name not in ("next", "was")}, *BLANKS)
    if values.get("tell_at"):
        values["tell_at"] = with_zone(values["tell_at"], zone_of(actor))
    return values


def with_zone(local: str, zone: ZoneInfo) -> Any:
    """The moment that a field of a day and an hour means where the member is; what is none stays, to be refused."""
    try:
        typed = datetime.fromisoformat(local)
    except ValueError:
        return local
    return instant(typed.date(), typed.time(), zone)


def stored(actor: Actor, task: Task) -> dict[str, str]:
    """A task as its form shows it to this member."""
    due = Due.seen(task.due_on, task.due_at, zone_of(actor))
    values = {
        "version": task.version,
        "name": task.name,
        "todo": task.todo,
        "about": task.about,
        "due_on": due.day,
        "due_time": due.clock,
        "assignee_id": task.assignee_id,
        "tell_id": task.tell_id,
        "tell_at": f"{task.tell_at.astimezone(zone_of(actor)):%Y-%m-%dT%H:%M}" if task.tell_at else None,
        **{name: getattr(task, name) for name in LINKS},
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


def filled(
    actor: Actor, typed: dict[str, Any], task: Task | None = None, theirs: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the form needs: values, choices, and of a conflict what somebody else stored meanwhile (`theirs`)."""
    theirs = theirs or {}
    typed = {"id": str(new_id()), "todo": "task", **dict.fromkeys(("name", "about", *BLANKS), ""), **typed}
    choices = {
        "assignee_id": [(str(member_id), name) for member_id, name in to_choose(actor)],
        "todo": [
            ("task", _("Task")),
            ("call", _("Call")),
            ("meeting", _("Meeting")),
            ("email", _("E-mail")),
            ("visit", _("Visit")),
        ],
        **{name: named(actor, model, typed.get(name, ""), theirs.get(name, "")) for name, model in LINKS.items()},
    }
    choices["tell_id"] = [(member_id, name) for member_id, name in choices["assignee_id"]]
    for field in ("assignee_id", "tell_id"):
        if typed.get(field) not in dict(choices[field]):
            choices[field] += named(actor, Member, typed.get(field, ""))
    said = {name: dict(choices.get(name, ())).get(value, value) or _("nothing") for name, value in theirs.items()}
    if theirs.get("due_on"):
        said["due_on"] = day(date.fromisoformat(theirs["due_on"]))
    was = as_shown(stored(actor, task)) if task else ""
    return {"task": task, "typed": typed, "was": was, "theirs": said, "choices": choices, "next": back()}


def named(actor: Actor, model: Any, *values: str) -> list[tuple[str, str]]:
    """(id, name) of those records that are there and visible."""
    ids = [found for found in map(as_uuid, values) if found]
    rows = actor.db.execute(actor.visible(model, model.id, model.name).where(model.id.in_(ids))) if ids else ()
    return [(str(row.id), row.name) for row in rows]
