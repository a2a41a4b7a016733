"""Pages of companies: the list, the card, the form, and each fact edited where it stands."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.api import answer
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.listpage import asked, list_page
from core.pages import Answer, Pages, came_from, refused, render, say, see
from core.peopleform import given, reach_stored, typed_form
from crm.absences.queries import notice_of, to_choose
from crm.bulk import bulk_page, undo_page
from crm.companies import actions, queries
from crm.companies.models import Company
from crm.contacts.queries import of_company, owner_name
from crm.deals.models import Deal
from crm.fields.filters import asked_for
from crm.fields.form import own_given, own_stored, parts_of
from crm.related import deals_of
from crm.tasks.queries import of_subject
from crm.timeline.queries import timeline_of

pages = Pages("companies", __name__)

FILTERS = ("owner_id", "label", "city", "mine")

# Facts edited in place -> the fields of each.
FACTS = {
    "reg_no": ("reg_no",),
    "vat_no": ("vat_no",),
    "phones": ("phones",),
    "emails": ("emails",),
    "website": ("website",),
    "addresses": ("addresses",),
    "labels": ("labels",),
    "owner": ("owner_id",),
    "about": ("about",),
}


@pages.get("/companies/")
def index(actor: Actor) -> str:
    actor.require(("company", "view"))
    ask = asked((*FILTERS, *asked_for(actor, "company")), sort="name")
    found = list_page(
        actor, queries.LISTING, ask, queries.listed_columns(actor), lambda row: queries.listed(actor, row)
    )
    return render(actor, "companies/index.html", found=found, ask=ask, members=to_choose(actor))


@pages.get("/companies/options")
def options(actor: Actor) -> Response:
    """What a picker of companies offers for `?q=`."""
    rows = queries.found_by(actor, request.args.get("q", ""))
    return answer([{"value": str(row.id), "text": row.name, "sub": row.city} for row in rows])


@pages.get("/companies/new")
def new(actor: Actor) -> str:
    actor.require(("company", "create"))
    typed = {"id": new_id(), "owner_id": actor.member.id, "name": request.args.get("name", "").strip()}
    return render(actor, "companies/form.html", errors={}, **filled(actor, typed))


@pages.post("/companies/")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    if "more" in typed:
        return render(actor, "companies/form.html", errors={}, **filled(actor, typed)), 422
    try:
        company = actions.create(actor, actions.create.parse(own_given(given(typed, "owner_id"))))
    except Invalid as error:
        return refused(actor, "companies/form.html", error, **filled(actor, typed))
    say(_("%(name)s is stored", name=company.name))
    return see(url_for("companies.show", company_id=company.id))


@pages.get("/companies/<uuid:company_id>")
def show(actor: Actor, company_id: UUID) -> Answer:
    company = known(actor, company_id)
    if company.deleted_at:
        return render(actor, "companies/deleted.html", company=company), 410
    return render(
        actor,
        "companies/show.html",
        company=company,
        subject=company,
        owner=owner_name(actor, company.owner_id),
        people=of_company(actor, company.id),
        deals=deals_of(actor, Deal.company_id == company.id),
        tasks=of_subject(actor, company),
        feed=timeline_of(actor, company=company),
        notice=notice_of(actor, company),
    )


@pages.get("/companies/<uuid:company_id>/edit")
def edit(actor: Actor, company_id: UUID) -> str:
    company = editable(actor, company_id)
    return render(actor, "companies/form.html", errors={}, **filled(actor, stored(actor, company), company))


@pages.post("/companies/<uuid:company_id>/edit")
def change(actor: Actor, company_id: UUID) -> Answer:
    return changed(actor, company_id, "companies/form.html")


@pages.get("/companies/<uuid:company_id>/facts/<fact>")
def edit_fact(actor: Actor, company_id: UUID, fact: str) -> str:
    parts_of(actor, "company", FACTS, fact)
    company = editable(actor, company_id)
    return render(actor, "companies/fact.html", fact=fact, errors={}, **filled(actor, stored(actor, company), company))


@pages.post("/companies/<uuid:company_id>/facts/<fact>")
def change_fact(actor: Actor, company_id: UUID, fact: str) -> Answer:
    parts_of(actor, "company", FACTS, fact)
    return changed(actor, company_id, "companies/fact.html", fact)


@pages.post("/companies/<uuid:company_id>/delete")
def delete(actor: Actor, company_id: UUID) -> Answer:
    company = actions.delete(actor, actions.OneCompany(id=company_id))
    undo = url_for("companies.restore", company_id=company.id)
    say(_("%(name)s deleted", name=company.name), undo)
    return see(url_for("companies.index"))


@pages.post("/companies/<uuid:company_id>/restore")
def restore(actor: Actor, company_id: UUID) -> Answer:
    company = actions.restore(actor, actions.OneCompany(id=company_id))
    say(_("%(name)s is back", name=company.name))
    return see(came_from(url_for("companies.show", company_id=company.id)))


@pages.post("/companies/bulk")
def bulk(actor: Actor) -> Answer:
    return bulk_page(actor, "companies", Company, actions.delete, actions.change)


@pages.post("/companies/undo")
def undo(actor: Actor) -> Answer:
    return undo_page(actor, "companies", Company, actions.restore, actions.change)


def known(actor: Actor, company_id: UUID) -> Company:
    """The company, though it be in the bin. Raises NotFound."""
    query = select(Company).where(Company.id == company_id, actor.reach(Company))
    company = actor.db.scalar(query)
    if company is None:
        raise NotFound()
    return company


def editable(actor: Actor, company_id: UUID) -> Company:
    company = actor.find(Company, company_id)
    actor.require(("company", "edit"), company)
    return company


def changed(actor: Actor, company_id: UUID, template: str, fact: str | None = None) -> Answer:
    """The form or the one fact, stored; or shown again with what is wrong, or with what was stored meanwhile."""
    typed = typed_form()
    try:
        if "more" in typed:
            company = editable(actor, company_id)
            return render(actor, template, fact=fact, errors={}, **filled(actor, typed, company)), 422
        if fact:
            parts = (*parts_of(actor, "company", FACTS, fact), "version")
            typed = {name: value for name, value in typed.items() if name in parts}
        actions.change(actor, actions.change.parse({**own_given(given(typed, "owner_id")), "id": company_id}))
    except Invalid as error:
        company = actor.find(Company, company_id)
        return refused(actor, template, error, fact=fact, **filled(actor, typed, company))
    except Conflict as conflict:
        company = actor.find(Company, company_id)
        now = stored(actor, company)
        typed = {**settled(typed, now), "version": conflict.current}
        theirs = meanwhile(typed, now)
        if theirs:
            form = filled(actor, typed, company, theirs)
            return render(actor, template, fact=fact, errors={}, **form), conflict.status
        actions.change(actor, actions.change.parse({**own_given(given(typed, "owner_id")), "id": company_id}))
    return see(url_for("companies.show", company_id=company_id))


def stored(actor: Actor, company: Company) -> dict[str, Any]:
    """A company as its form shows it."""
    names = ("version", "name", "reg_no", "vat_no", "website", "about", "owner_id")
    plain = {name: getattr(company, name) for name in names}
    shown = {name: "" if value is None else value for name, value in plain.items()}
    return shown | reach_stored(company) | own_stored(actor, "company", company.custom)


def filled(
    actor: Actor, typed: dict[str, Any], company: Company | None = None, theirs: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the form needs: the values, the choices, and of a conflict what is stored now (`theirs`)."""
    members = to_choose(actor)
    names = {str(key): name for key, name in members}
    theirs = {name: names.get(text, text) or _("nothing") for name, text in (theirs or {}).items()}
    was = as_shown(stored(actor, company)) if company else ""
    return {"typed": typed, "company": company, "was": was, "theirs": theirs, "members": members}
