"""Pages of deals: the board and the list, the card, the forms, and every step a deal takes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.api import answer
from core.db import as_uuid
from core.edits import settled
from core.errors import Busy, Conflict, Invalid, NotFound
from core.ids import new_id
from core.listing import Ask
from core.listpage import asked, list_page
from core.pages import Answer, Pages, came_from, day, refused, render, say, see, today_of, written_day, zone_of
from crm.absences.queries import notice_of
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals import actions, lane, queries
from crm.deals.actions import OneDeal
from crm.deals.cards import Teller
from crm.deals.form import FACTS, filled, given, stage_choices, stored, theirs, typed_form
from crm.deals.items import totals
from crm.deals.models import Deal, Pipeline
from crm.documents.making import documents_of
from crm.documents.making import templates as document_templates
from crm.fields.filters import asked_for
from crm.fields.form import parts_of
from crm.processes.following import runs_about
from crm.quotes.queries import of_deal
from crm.tasks.queries import of_subject
from crm.timeline.queries import timeline_of
from tenants.members import colleagues
from tenants.models import Department

pages = Pages("deals", __name__)

FILTERS = ("owner_id", "mine", "contact_id", "company_id", "no_next_step", "closes_before")
IN_LIST = ("stage_id", "status")
# What the numbers of reports lead to.
OF_REPORTS = (
    "department_id", "nobodys", "created_from", "created_to", "closed_from", "closed_to", "expected_from",
    "expected_to", "no_expected", "currency", "lost_reason", "no_reason", "source", "no_source", "reached",
)  # fmt: skip
COUNTED_STEPS = 2_000  # open deals up to which the board says how many of them have no next step


@pages.get("/deals/")
def index(actor: Actor) -> str:
    actor.require(("deal", "view"))
    pipelines = queries.pipelines(actor)
    pipeline = chosen(pipelines)
    members = colleagues(actor)
    named = [
        *members,
        *((stage.id, stage.name) for stage in pipeline.stages),
        *queries.named(actor, Contact, request.args.get("contact_id", "")),
        *queries.named(actor, Company, request.args.get("company_id", "")),
    ]
    common = {
        "pipelines": pipelines,
        "pipeline": pipeline,
        "members": members,
        "periods": periods(today_of(actor)),
        "teller": Teller(actor),
        "names": {str(key): name for key, name in named},
    }
    if request.args.get("view") == "list":
        return listed(actor, pipeline, common)
    ask = asked((*FILTERS, *asked_for(actor, "deal")), sort="")
    more = [found for found in map(as_uuid, request.args.getlist("more")) if found]
    lanes = queries.board(actor, pipeline, ask, more)
    here = queries.in_pipeline(pipeline, ask)
    total = queries.total(lane.totals for lane in lanes)
    return render(
        actor,
        "deals/board.html",
        ask=ask,
        here=here,
        lanes=lanes,
        total=total,
        owners={card.owner for lane in lanes for card in lane.cards if card.owner},
        without_step=without_step(actor, here, total.count),
        **common,
    )


def listed(actor: Actor, pipeline: Pipeline, common: dict[str, Any]) -> str:
    ask = asked((*FILTERS, *IN_LIST, *OF_REPORTS, *asked_for(actor, "deal")), sort="-created")
    status = ask.filters.get("status", "open")
    here = queries.in_pipeline(pipeline, ask, "" if status == "any" else status)
    found = list_page(actor, queries.LISTING, here, (Deal.id,), lambda row: row.id)
    totals = queries.totals_by_stage(actor, here, pipeline.stages)
    total = queries.total(totals.values())
    return render(
        actor,
        "deals/list.html",
        ask=ask,
        here=here,
        found=found,
        cards=queries.cards(actor, found.rows),
        total=total,
        status=status,
        narrowed=told_filters(actor, ask, pipeline),
        of_reports=OF_REPORTS,
        stages={stage.id: stage for stage in pipeline.stages},
        without_step=without_step(actor, here, total.count),
        **common,
    )


def told_filters(actor: Actor, ask: Ask, pipeline: Pipeline) -> list[tuple[str, str, str]]:
    """(name, label, value) of the filters on, of those that reports lead to."""
    words = {
        "department_id": _("Department"), "created_from": _("Created from"), "created_to": _("Created to"),
        "closed_from": _("Closed from"), "closed_to": _("Closed to"), "expected_from": _("Expected from"),
        "expected_to": _("Expected to"), "currency": _("Currency"), "lost_reason": _("Lost"), "source": _("Source"),
        "reached": _("Came to"), "nobodys": _("Owner"), "no_expected": _("Closes"), "no_reason": _("Lost"),
        "no_source": _("Source"),
    }  # fmt: skip
    unknown = {
        "nobodys": _("nobody"), "no_expected": _("no day given"), "no_reason": _("no reason given"),
        "no_source": _("not known"),
    }  # fmt: skip
    names = {str(stage.id): stage.name for stage in pipeline.stages}
    names |= dict(queries.named(actor, Department, ask.filters.get("department_id", "")))
    told = []
    for name, label in words.items():
        if value := ask.filters.get(name):
            known = unknown.get(name) or names.get(value)
            told.append((name, label, known or (written_day(value) if name.endswith(("_from", "_to")) else value)))
    return told


def chosen(pipelines: list[Pipeline]) -> Pipeline:
    """The pipeline that the URL names, or the first."""
    wanted = request.args.get("pipeline_id")
    for pipeline in pipelines:
        if not wanted or str(pipeline.id) == wanted:
            return pipeline
    raise NotFound()


def without_step(actor: Actor, ask: Ask, count: int) -> int | None:
    """How many of so many deals have no next step; None where counting them would take longer than it is worth."""
    if count > COUNTED_STEPS:
        return None
    return queries.LISTING.count(actor, replace(ask, filters={**ask.filters, "no_next_step": "true"}))


def periods(today: date) -> list[tuple[str, str]]:
    """(day, words): expected before that day are the deals that are late, or due this month, this quarter or year."""
    month, quarter = today.month % 12, -(-today.month // 3) * 3 % 12
    return [
        (today.isoformat(), _("late")),
        (date(today.year + (month == 0), month + 1, 1).isoformat(), _("by the end of the month")),
        (date(today.year + (quarter == 0), quarter + 1, 1).isoformat(), _("by the end of the quarter")),
        (date(today.year + 1, 1, 1).isoformat(), _("by the end of the year")),
    ]


@pages.get("/deals/new")
def new(actor: Actor) -> str:
    actor.require(("deal", "create"))
    typed = {name: request.args.get(name, "") for name in ("name", "contact_id", "company_id", "stage_id")}
    typed |= {"id": str(new_id()), "owner_id": str(actor.member.id), "currency": actor.workspace.currency}
    return render(actor, "deals/form.html", errors={}, back=back(), **filled(actor, typed))


@pages.post("/deals/")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    try:
        deal = actions.create(actor, actions.create.parse(given(typed)))
    except Invalid as error:
        return refused(actor, "deals/form.html", error, back=back(), **filled(actor, typed))
    say(_("%(name)s is stored", name=deal.name))
    return see(url_for("deals.show", deal_id=deal.id))


@pages.get("/deals/<uuid:deal_id>")
def show(actor: Actor, deal_id: UUID) -> Answer:
    deal = queries.known(actor, deal_id)
    if deal.deleted_at:
        return render(actor, "deals/deleted.html", deal=deal), 410
    pipelines = queries.pipelines(actor)
    here = next(pipeline for pipeline in pipelines if pipeline.id == deal.pipeline_id)
    stages = told_stages(actor, deal, here, queries.time_in_stages(actor, deal))
    at = [stage.id for stage in here.stages].index(deal.stage_id)
    return render(
        actor,
        "deals/show.html",
        deal=deal,
        subject=deal,
        around=queries.around(actor, deal),
        pipeline=here,
        stages=stages,
        at=at,
        others=stage_choices(pipelines, but=here),
        today=today_of(actor),
        tasks=of_subject(actor, deal),
        feed=timeline_of(actor, deal=deal),
        sums=totals(deal.items),
        offered=of_deal(actor, deal),
        runs=runs_about(actor, deal),
        papers=documents_of(actor, deal),
        paper_templates=document_templates(actor),
        notice=notice_of(actor, deal),
    )


def told_stages(
    actor: Actor, deal: Deal, pipeline: Pipeline, spent: dict[UUID, timedelta]
) -> list[tuple[UUID, str, str]]:
    """(id, name, how long the deal has been there) of each stage."""
    told = []
    for stage in pipeline.stages:
        note = lasting(spent[stage.id]) if stage.id in spent else ""
        if stage.id == deal.stage_id and deal.status == "open":
            since = day(deal.stage_since.astimezone(zone_of(actor)).date())
            note = _("since %(day)s, %(time)s", day=since, time=note) if note else _("since %(day)s", day=since)
        told.append((stage.id, stage.name, note))
    return told


def lasting(time: timedelta) -> str:
    """ "18 min", "3 h", "5 days"; nothing for less than a minute."""
    minutes = int(time.total_seconds() // 60)
    if not minutes:
        return ""
    if minutes < 60:
        return str(_("%(num)s min", num=minutes))
    if minutes < 48 * 60:
        return str(_("%(num)s h", num=minutes // 60))
    return str(ngettext("%(num)s day", "%(num)s days", time.days))


@pages.get("/deals/<uuid:deal_id>/edit")
def edit(actor: Actor, deal_id: UUID) -> str:
    deal = editable(actor, deal_id)
    return render(actor, "deals/form.html", errors={}, back=back(deal), **filled(actor, stored(actor, deal), deal))


@pages.post("/deals/<uuid:deal_id>/edit")
def change(actor: Actor, deal_id: UUID) -> Answer:
    return changed(actor, deal_id, "deals/form.html", typed_form())


@pages.get("/deals/<uuid:deal_id>/facts/<fact>")
def edit_fact(actor: Actor, deal_id: UUID, fact: str) -> str:
    parts_of(actor, "deal", FACTS, fact)
    deal = editable(actor, deal_id)
    return render(
        actor, "deals/fact.html", fact=fact, errors={}, back=back(deal), **filled(actor, stored(actor, deal), deal)
    )


@pages.post("/deals/<uuid:deal_id>/facts/<fact>")
def change_fact(actor: Actor, deal_id: UUID, fact: str) -> Answer:
    parts = (*parts_of(actor, "deal", FACTS, fact), "version")
    typed = {name: value for name, value in typed_form().items() if name in parts}
    return changed(actor, deal_id, "deals/fact.html", typed, fact)


def changed(actor: Actor, deal_id: UUID, template: str, typed: dict[str, Any], fact: str | None = None) -> Answer:
    """Stored; or shown again with what is wrong, or with what somebody else stored in the meantime."""
    try:
        deal = actions.change(actor, actions.change.parse({**given(typed), "id": deal_id}))
    except Invalid as error:
        deal = editable(actor, deal_id)
        return refused(actor, template, error, fact=fact, back=back(deal), **filled(actor, typed, deal))
    except Conflict as conflict:
        deal = editable(actor, deal_id)
        typed = {**settled(typed, stored(actor, deal)), "version": conflict.current}
        meantime = theirs(actor, typed, deal)
        if meantime:
            again = filled(actor, typed, deal, meantime)
            return render(actor, template, fact=fact, errors={}, back=back(deal), **again), conflict.status
        deal = actions.change(actor, actions.change.parse({**given(typed), "id": deal_id}))
    return see(back(deal))


@pages.post("/deals/<uuid:deal_id>/move")
def move(actor: Actor, deal_id: UUID) -> Answer:
    """From the board by drag or keys (answered in JSON), from the card by a button, and back again by Undo."""
    deal = actor.find(Deal, deal_id)
    below, above = lane.neighbours(actor, deal)
    came = came_from(url_for("deals.show", deal_id=deal_id))
    undo = url_for("deals.move", deal_id=deal_id, stage=deal.stage_id, before=below, after=above, undo="1", next=came)
    from_stage = deal.stage_id
    wanted = {"stage_id": "stage", "before": "before", "after": "after"}
    values = {name: request.values.get(field) or None for name, field in wanted.items()}
    try:
        deal = actions.move(actor, actions.move.parse({"id": deal_id, **values}))
    except Invalid as error:
        raise Busy(error.fields[0][1]) from None
    stage = queries.stage_name(actor, deal.stage_id)
    said = _("%(name)s moved to %(stage)s", name=queries.called(actor, deal), stage=stage)
    if "application/json" in request.headers.get("Accept", ""):
        return answer({"text": said, "undo": undo})
    if deal.stage_id != from_stage and not request.args.get("undo"):
        say(said, undo)
    return see(came)


@pages.post("/deals/<uuid:deal_id>/win")
def win(actor: Actor, deal_id: UUID) -> Answer:
    deal = actions.win(actor, OneDeal(id=deal_id))
    undo = url_for("deals.reopen", deal_id=deal.id, next=back(deal))
    say(_("%(name)s is won", name=deal.name), undo)
    return see(back(deal))


@pages.get("/deals/<uuid:deal_id>/lose")
def ask_why_lost(actor: Actor, deal_id: UUID) -> str:
    deal = editable(actor, deal_id)
    return render(
        actor, "deals/lose.html", deal=deal, reasons=reasons(actor, deal), typed={}, errors={}, back=back(deal)
    )


@pages.post("/deals/<uuid:deal_id>/lose")
def lose(actor: Actor, deal_id: UUID) -> Answer:
    typed = typed_form()
    reason = typed.get("other", "") if typed.get("reason") in (None, "other") else typed["reason"]
    values = {"id": deal_id, "reason": reason, "about": typed.get("about", "")}
    try:
        deal = actions.lose(actor, actions.lose.parse(values))
    except Invalid as error:
        deal = editable(actor, deal_id)
        if typed.get("reason") == "other":
            error = Invalid(*(("other" if name == "reason" else name, why) for name, why in error.fields))
        values = {"deal": deal, "reasons": reasons(actor, deal), "typed": typed, "back": back(deal)}
        return refused(actor, "deals/lose.html", error, **values)
    undo = url_for("deals.reopen", deal_id=deal.id, next=back(deal))
    say(_("%(name)s is lost", name=deal.name), undo)
    return see(back(deal))


def reasons(actor: Actor, deal: Deal) -> list[str]:
    """Those of its pipeline, else the usual ones in the workspace's language, so that all members count the same."""
    own = actor.db.scalar(select(Pipeline.lost_reasons).where(Pipeline.id == deal.pipeline_id))
    if own:
        return list(own)
    with force_locale(actor.workspace.language):
        return [
            _("Too expensive"),
            _("Chose another firm"),
            _("Delivery too late"),
            _("No longer wants it"),
            _("We did not answer in time"),
        ]


@pages.post("/deals/<uuid:deal_id>/reopen")
def reopen(actor: Actor, deal_id: UUID) -> Answer:
    deal = actions.reopen(actor, OneDeal(id=deal_id))
    say(_("%(name)s is open again", name=deal.name))
    return see(back(deal))


@pages.post("/deals/<uuid:deal_id>/delete")
def delete(actor: Actor, deal_id: UUID) -> Answer:
    deal = actions.delete(actor, OneDeal(id=deal_id))
    undo = url_for("deals.restore", deal_id=deal.id)
    say(_("%(name)s deleted", name=deal.name), undo)
    return see(url_for("deals.index"))


@pages.post("/deals/<uuid:deal_id>/restore")
def restore(actor: Actor, deal_id: UUID) -> Answer:
    deal = actions.restore(actor, OneDeal(id=deal_id))
    say(_("%(name)s is back", name=deal.name))
    return see(back(deal))


def editable(actor: Actor, deal_id: UUID) -> Deal:
    deal = actor.find(Deal, deal_id)
    actor.require(("deal", "edit"), deal)
    return deal


def back(deal: Deal | None = None) -> str:
    """Where the person was, else the deal's card, else the board."""
    return came_from(url_for("deals.show", deal_id=deal.id) if deal else url_for("deals.index"))
