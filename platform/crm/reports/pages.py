"""Pages of reports: sales, people, what goes by mail, and the notes and calls that people's numbers lead to."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.dates import get_day_names
from flask import request, url_for
from flask_babel import format_date, format_decimal, format_percent, get_locale, pgettext
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.listpage import asked, list_page
from core.pages import NBSP, Answer, Pages, render, say, see, written_day
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.deals.money import Sums, rounded
from crm.deals.pages import lasting
from crm.deals.queries import named
from crm.forms.models import Form
from crm.people.pages import role_names
from crm.reports import first_contact, periods, process_runs, queries, subscribing
from crm.reports.models import WeeklyReport
from crm.reports.paper import took
from crm.reports.queries import Due
from crm.reports.view import View, deals_link, view_of
from crm.requests.words import sources
from crm.timeline.models import Note
from crm.timeline.queries import LISTING as NOTES
from tenants.models import Department, Member

pages = Pages("reports", __name__)

STATE = ("period", "from", "to", "pipeline_id", "who")  # what the address of a report holds
NOTE_FILTERS = ("author_id", "department_id", "nobodys", "form", "on_from", "on_to")


@pages.get("/reports/")
def index(actor: Actor) -> str:
    actor.require(("deal", "view"))
    view = view_of(actor, request.args.to_dict())
    funnel, outcomes = queries.funnel(actor, view), queries.outcomes(actor, view)
    dues = queries.forecast(actor, view)
    return render(
        actor,
        "reports/sales.html",
        funnel=funnel,
        outcomes=outcomes,
        reasons=queries.reasons(actor, view),
        sources=queries.sources(actor, view),
        won_sources=queries.won_sources(actor, view),
        dues=dues,
        due_name=due_name,
        money_shown=shows_money(actor),
        expected=Sums.of((due.currency, due.expected) for due in dues),
        rounded=rounded,
        short=short,
        spans=[span for span, _outcome in outcomes.months],
        lasting=lasting,
        **common(actor, view),
    )


@pages.get("/reports/people")
def people(actor: Actor) -> str:
    actor.require(("deal", "view"))
    view = view_of(actor, request.args.to_dict())
    doings, outcomes = queries.doings(actor, view), queries.outcomes(actor, view)
    answers = first_contact.by_person(actor, view)
    members: dict[UUID | None, str] = {
        row.id: row.name for row in actor.db.execute(actor.visible(Member, Member.id, Member.name))
    }
    found = sorted(
        doings.keys() | outcomes.people.keys() | answers.keys(),
        key=lambda one: (one is None, members.get(one, "").lower(), str(one)),
    )
    return render(
        actor,
        "reports/people.html",
        rows=[(one, members.get(one), doings.get(one), outcomes.people.get(one), answers.get(one)) for one in found],
        requests_shown=actor.may("request", "view"),
        requests_of=lambda member_id, **more: requests_link(view, member_id, **more),
        took=took,
        money_shown=shows_money(actor),
        tasks_of=lambda member_id, **more: tasks_link(view, member_id, **more),
        notes_of=lambda member_id, form: notes_link(view, member_id, form),
        **common(actor, view),
    )


@pages.get("/reports/requests")
def requests(actor: Actor) -> str:
    actor.require(("request", "view"))
    view = view_of(actor, request.args.to_dict())
    rows = actor.db.execute(actor.visible(Form, Form.id, Form.name))
    forms: dict[UUID | None, str] = {row.id: row.name for row in rows}
    lines = [
        (forms.get(form_id) or sources()[source], {"source": source, **of_form(form_id)}, found)
        for source, form_id, found in first_contact.by_source(actor, view)
    ]
    return render(
        actor,
        "reports/requests.html",
        lines=lines,
        total=first_contact.altogether(actor, view),
        requests_link=lambda **more: asked_link(view, **more),
        took=took,
        **common(actor, view),
    )


def of_form(form_id: UUID | None) -> dict[str, str]:
    return {"form_id": str(form_id)} if form_id else {"no_form": "true"}


@pages.get("/reports/processes")
def processes(actor: Actor) -> str:
    actor.require(("process", "view"))
    view = view_of(actor, request.args.to_dict())
    found = process_runs.runs_of(actor, view.period)
    return render(actor, "reports/processes.html", found=found, took=took, **common(actor, view))


@pages.get("/reports/activities")
def activities(actor: Actor) -> str:
    """Notes and calls as a list, for the numbers of the people's report."""
    actor.require(("note", "view"))
    ask = asked(NOTE_FILTERS, sort="-at")
    columns = (Note.id, Note.at, Note.form, Note.text, Note.author_id, Note.deal_id, Note.contact_id, Note.company_id)
    found = list_page(actor, NOTES, ask, columns, lambda row: row)
    links = {
        "deal": dict(named(actor, Deal, *(str(row.deal_id) for row in found.rows))),
        "contact": dict(named(actor, Contact, *(str(row.contact_id) for row in found.rows))),
        "company": dict(named(actor, Company, *(str(row.company_id) for row in found.rows))),
    }
    authors = dict(named(actor, Member, *{str(row.author_id) for row in found.rows}))
    return render(
        actor, "reports/activities.html", found=found, links=links, authors=authors, narrowed=told(actor, ask.filters)
    )


# The weekly report by mail


@pages.get("/reports/mail")
def by_mail(actor: Actor) -> str:
    actor.require(("deal", "view"))
    roles = role_names(actor) if actor.may("settings", "edit") else {}
    role_id = actor.db.scalar(select(Member.role_id).where(Member.id == actor.member.id))
    return render(
        actor,
        "reports/mail.html",
        own=subscribing.chosen(actor.db, actor.member.id),
        of_role=subscribing.chosen(actor.db, role_id) if role_id else None,
        roles=[(one, name, subscribing.chosen(actor.db, one)) for one, name in roles.items()],
        none_yet=WeeklyReport(weekday=None, hour=time(8)),
        weekdays=[("none", _("No report")), *enumerate(weekday_names())],
        hours=[(f"{hour:02}:00", f"{hour:02}:00") for hour in range(24)],
        said_of=said_of,
    )


@pages.post("/reports/mail")
def choose_mail(actor: Actor) -> Answer:
    if request.form.get("weekday"):
        subscribing.choose(actor, subscribing.wished(wish_of(request.form)))
    else:
        subscribing.follow_role(actor)
    say(_("Saved"))
    return see(url_for("reports.by_mail"))


@pages.post("/reports/mail/<uuid:role_id>")
def choose_for_role(actor: Actor, role_id: UUID) -> Answer:
    action = subscribing.choose_for_role
    action(actor, action.parse({**wish_of(request.form), "role_id": role_id}))
    say(_("Saved"))
    return see(url_for("reports.by_mail"))


def wish_of(form: Mapping[str, str]) -> dict[str, Any]:
    weekday = form.get("weekday", "")
    return {"weekday": None if weekday == "none" else weekday, "hour": form.get("hour", "")}


def said_of(row: WeeklyReport | None) -> str:
    """ "Monday 08:00", or that there is none."""
    if row is None or row.weekday is None:
        return str(_("no report"))
    return f"{weekday_names()[row.weekday]} {row.hour:%H:%M}"


def weekday_names() -> list[str]:
    """From Monday on."""
    names = get_day_names("wide", context="stand-alone", locale=get_locale())
    return [names[day][0].upper() + names[day][1:] for day in range(7)]


def told(actor: Actor, filters: Any) -> list[tuple[str, str, str]]:
    """(name, label, value) of the filters on."""
    labels = {
        "author_id": _("Written by"), "department_id": _("Department"), "nobodys": _("Written by"),
        "form": _("Kind"), "on_from": pgettext("period", "From"), "on_to": pgettext("period", "To"),
    }  # fmt: skip
    names = {
        **dict(named(actor, Member, filters.get("author_id", ""))),
        **dict(named(actor, Department, filters.get("department_id", ""))),
        "true": _("nobody"), "note": _("Notes"), "call": _("Calls"),
    }  # fmt: skip
    return [
        (name, label, names.get(filters[name]) or written_day(filters[name]))
        for name, label in labels.items()
        if name in filters
    ]


def common(actor: Actor, view: View) -> dict[str, Any]:
    """What both reports show: the view and how to name and link its parts."""
    return {
        "view": view,
        "period_names": periods.names(),
        "spelled": periods.spelled,
        "part_name": periods.called,
        "deals_link": deals_link,
        "state": {name: request.args[name] for name in STATE if request.args.get(name)},
        "percent": percent,
        "zone": actor.workspace.time_zone.replace("_", " "),
    }


def shows_money(actor: Actor) -> bool:
    return "amount" not in actor.hidden("deal")


def percent(share: Decimal | None) -> str:
    return "" if share is None else str(format_percent(share))


def due_name(due: Due) -> str:
    """ "Late", "Nov 2026", "Later", "No day"."""
    if due.month:
        return str(format_date(due.month, "LLL y"))
    return str({"late": _("Late"), "later": _("Later"), "none": _("No day")}[due.key])


def short(amount: Decimal) -> str:
    """The amount as it stands at a bar: "1.48 m", "389 k"; its currency is that of the chart."""
    size, words = (10**6, _("%(number)s m")) if amount >= 10**6 else (1000, _("%(number)s k"))
    if amount < 1000:
        return str(format_decimal(amount, "#,##0"))
    number = format_decimal(amount / size, "#,##0.##" if size > 1000 else "#,##0")
    return str(words.replace(" ", NBSP)) % {"number": number}


def requests_link(view: View, member_id: UUID | None, **more: str) -> str:
    whose = {"nobodys": "true"} if member_id is None else {"assignee_id": str(member_id)}
    return asked_link(view, **more, **whose)


def asked_link(view: View, **more: str) -> str:
    values: dict[str, Any] = {**first_contact.asked(view), **more}
    return url_for("requests.index", **values)


def tasks_link(view: View, member_id: UUID | None, **more: str) -> str:
    whose = {"nobodys": "true"} if member_id is None else {"assignee_id": str(member_id)}
    values: dict[str, Any] = {**view.of("assignee_id"), **whose, **more}
    return url_for("tasks.index", who="all", **values)


def notes_link(view: View, member_id: UUID | None, form: str) -> str:
    whose = {"nobodys": "true"} if member_id is None else {"author_id": str(member_id)}
    period = {"on_from": str(view.period.first), "on_to": str(view.period.last)}
    values: dict[str, Any] = {**view.of("author_id"), **whose, **period}
    return url_for("reports.activities", form=form, **values)
