"""Pages of contacts: the list, the card, the form, and each fact edited where it stands."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor
from core.api import answer
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid, NotFound
from core.full import LimitReached
from core.ids import new_id
from core.listpage import asked, list_page
from core.pages import Answer, Pages, came_from, refused, render, say, see
from core.people import address_line, shown_phone
from core.peopleform import reach_stored, typed_form
from core.waiting import how_many
from crm.absences.queries import notice_of, to_choose
from crm.bulk import bulk_page, undo_page
from crm.companies.models import Company
from crm.contacts import actions, form, queries
from crm.contacts.models import Contact
from crm.contacts.visits import visits_of
from crm.deals.models import Deal
from crm.fields.filters import asked_for
from crm.fields.form import own_stored, parts_of
from crm.limits.keeping import keep_typed
from crm.related import deals_of
from crm.tasks.queries import of_subject
from crm.timeline.queries import timeline_of

pages = Pages("contacts", __name__)
pages.add_app_template_global(shown_phone)
pages.add_app_template_global(address_line)

FILTERS = ("owner_id", "label", "city", "mine", "company_id", "import_id")

# Facts edited in place -> the fields of each.
FACTS = {
    "phones": ("phones",),
    "emails": ("emails",),
    "addresses": ("addresses",),
    "company": ("company_id", "company_name"),
    "position": ("position",),
    "labels": ("labels",),
    "source": ("source",),
    "owner": ("owner_id",),
    "about": ("about",),
}


@pages.get("/contacts/")
def index(actor: Actor) -> str:
    actor.require(("contact", "view"))
    ask = asked((*FILTERS, *asked_for(actor, "contact")), sort="name")
    found = list_page(
        actor, queries.LISTING, ask, queries.listed_columns(actor), lambda row: queries.listed(actor, row)
    )
    return render(actor, "contacts/index.html", found=found, ask=ask, members=to_choose(actor), waiting=how_many(actor))


@pages.get("/contacts/options")
def options(actor: Actor) -> Response:
    """What a picker of contacts offers for `?q=`."""
    rows = queries.found_by(actor, request.args.get("q", ""))
    return answer([{"value": str(row.id), "text": row.name, "sub": row.city} for row in rows])


@pages.get("/contacts/new")
def new(actor: Actor) -> str:
    actor.require(("contact", "create"))
    said = request.args.get("name", "").strip()
    typed: dict[str, Any] = {
        "id": new_id(),
        "owner_id": actor.member.id,
        "company_id": request.args.get("company_id", ""),
    }
    if "@" in said:
        typed["emails"] = [{"address": said}]
    elif said[:1] in "+0123456789":
        typed["phones"] = [{"number": said}] if said else []
    else:
        typed["first_name"], _space, typed["last_name"] = said.partition(" ")
    return render(actor, "contacts/form.html", errors={}, **filled(actor, typed))


@pages.post("/contacts/")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    if "more" in typed:
        return render(actor, "contacts/form.html", errors={}, **filled(actor, typed)), 422
    try:
        contact = form.store(actor, actions.create, typed)
    except Invalid as error:
        return refused(actor, "contacts/form.html", error, **filled(actor, typed))
    except LimitReached as full:
        typed = {**typed, "id": typed.get("id") or new_id()}
        kept = keep_typed(actor, full, "contact.create", typed, form.name_of(typed))
        return render(actor, "contacts/form.html", errors={}, kept=kept, **filled(actor, typed)), full.status
    say(_("%(name)s is stored", name=contact.name))
    return see(url_for("contacts.show", contact_id=contact.id))


@pages.get("/contacts/<uuid:contact_id>")
def show(actor: Actor, contact_id: UUID) -> Answer:
    contact = known(actor, contact_id)
    if contact.deleted_at:
        return render(actor, "contacts/deleted.html", contact=contact), 410
    company = actor.db.scalar(actor.visible(Company).where(Company.id == contact.company_id))
    return render(
        actor,
        "contacts/show.html",
        contact=contact,
        subject=contact,
        company=company,
        owner=queries.owner_name(actor, contact.owner_id),
        deals=deals_of(actor, Deal.contact_id == contact.id),
        tasks=of_subject(actor, contact),
        feed=timeline_of(actor, contact=contact),
        notice=notice_of(actor, contact),
        visits=visits_of(actor, contact),
    )


@pages.get("/contacts/<uuid:contact_id>/edit")
def edit(actor: Actor, contact_id: UUID) -> str:
    contact = editable(actor, contact_id)
    return render(actor, "contacts/form.html", errors={}, **filled(actor, stored(actor, contact), contact))


@pages.post("/contacts/<uuid:contact_id>/edit")
def change(actor: Actor, contact_id: UUID) -> Answer:
    return changed(actor, contact_id, "contacts/form.html")


@pages.get("/contacts/<uuid:contact_id>/facts/<fact>")
def edit_fact(actor: Actor, contact_id: UUID, fact: str) -> str:
    parts_of(actor, "contact", FACTS, fact)
    contact = editable(actor, contact_id)
    return render(actor, "contacts/fact.html", fact=fact, errors={}, **filled(actor, stored(actor, contact), contact))


@pages.post("/contacts/<uuid:contact_id>/facts/<fact>")
def change_fact(actor: Actor, contact_id: UUID, fact: str) -> Answer:
    parts_of(actor, "contact", FACTS, fact)
    return changed(actor, contact_id, "contacts/fact.html", fact)


@pages.post("/contacts/<uuid:contact_id>/delete")
def delete(actor: Actor, contact_id: UUID) -> Answer:
    contact = actions.delete(actor, actions.OneContact(id=contact_id))
    undo = url_for("contacts.restore", contact_id=contact.id)
    say(_("%(name)s deleted", name=contact.name), undo)
    return see(url_for("contacts.index"))


@pages.post("/contacts/<uuid:contact_id>/restore")
def restore(actor: Actor, contact_id: UUID) -> Answer:
    contact = actions.restore(actor, actions.OneContact(id=contact_id))
    say(_("%(name)s is back", name=contact.name))
    return see(came_from(url_for("contacts.show", contact_id=contact.id)))


@pages.post("/contacts/bulk")
def bulk(actor: Actor) -> Answer:
    return bulk_page(actor, "contacts", Contact, actions.delete, actions.change)


@pages.post("/contacts/undo")
def undo(actor: Actor) -> Answer:
    return undo_page(actor, "contacts", Contact, actions.restore, actions.change)


def known(actor: Actor, contact_id: UUID) -> Contact:
    """The contact, though it be in the bin. Raises NotFound."""
    query = select(Contact).where(Contact.id == contact_id, actor.reach(Contact))
    contact = actor.db.scalar(query)
    if contact is None or (contact.deleted_at and not contact.name and not actor.hidden("contact")):
        raise NotFound()  # or the person was erased
    return contact


def editable(actor: Actor, contact_id: UUID) -> Contact:
    contact = actor.find(Contact, contact_id)
    actor.require(("contact", "edit"), contact)
    return contact


def changed(actor: Actor, contact_id: UUID, template: str, fact: str | None = None) -> Answer:
    """The form or the one fact, stored; or shown again with what is wrong, or with what was stored meanwhile."""
    typed = typed_form()
    try:
        if "more" in typed:
            contact = editable(actor, contact_id)
            return render(actor, template, fact=fact, errors={}, **filled(actor, typed, contact)), 422
        if fact:
            parts = (*parts_of(actor, "contact", FACTS, fact), "version")
            typed = {name: value for name, value in typed.items() if name in parts}
        form.store(actor, actions.change, {**typed, "id": contact_id})
    except Invalid as error:
        contact = actor.find(Contact, contact_id)
        return refused(actor, template, error, fact=fact, **filled(actor, typed, contact))
    except Conflict as conflict:
        contact = actor.find(Contact, contact_id)
        now = stored(actor, contact)
        typed = {**settled(typed, now), "version": conflict.current}
        theirs = meanwhile(typed, now)
        if theirs:
            shown = filled(actor, typed, contact, theirs)
            return render(actor, template, fact=fact, errors={}, **shown), conflict.status
        form.store(actor, actions.change, {**typed, "id": contact_id})
    return see(url_for("contacts.show", contact_id=contact_id))


def stored(actor: Actor, contact: Contact) -> dict[str, Any]:
    """A contact as its form shows it."""
    names = (
        "version",
        "prefix",
        "first_name",
        "last_name",
        "suffix",
        "position",
        "about",
        "source",
        "company_id",
        "owner_id",
    )
    plain = {name: getattr(contact, name) for name in names}
    shown = {name: "" if value is None else value for name, value in plain.items()}
    return shown | reach_stored(contact) | own_stored(actor, "contact", contact.custom)


def filled(
    actor: Actor, typed: dict[str, Any], contact: Contact | None = None, theirs: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the form needs: the values, the names of those chosen, and of a conflict what is stored now (`theirs`)."""
    chosen = [typed.get("company_id"), (theirs or {}).get("company_id")]
    named = queries.company_names(actor, chosen)
    members = to_choose(actor)
    names = {str(key): name for key, name in (*named, *members)}
    theirs = {name: names.get(text, text) or _("nothing") for name, text in (theirs or {}).items()}
    was = as_shown(stored(actor, contact)) if contact else ""
    return {
        "typed": typed, "contact": contact, "was": was, "theirs": theirs, "companies": named, "members": members
    }  # fmt: skip
