"""Pages of quotes for those who work here: the list, one quote, and what is done with it."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Busy, Conflict, Invalid
from core.letters import here
from core.listpage import asked, list_page
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.deals.items import totals
from crm.deals.models import Deal
from crm.payments.models import Payment
from crm.quotes import actions, links, paper, queries
from crm.quotes.front import as_file
from crm.quotes.models import STATES, Quote

pages = Pages("quotes", __name__)

COLUMNS = (
    Quote.id, Quote.number, Quote.name, Quote.state, Quote.gross, Quote.currency, Quote.valid_until, Quote.client,
)  # fmt: skip
TONES = {"draft": "", "sent": "accent", "accepted": "good", "declined": "late", "expired": "soon", "withdrawn": ""}


def state_words() -> dict[str, str]:
    return {
        "draft": _("Draft"), "sent": _("Sent"), "accepted": _("Accepted"), "declined": _("Declined"),
        "expired": _("Expired"), "withdrawn": _("Withdrawn"),
    }  # fmt: skip


pages.add_app_template_global(state_words, "quote_states")
pages.add_app_template_global(TONES.get, "quote_tone")


@pages.get("/quotes/")
def index(actor: Actor) -> str:
    actor.require(("quote", "view"))
    ask = asked(("state", "deal_id"), sort="-created")
    found = list_page(actor, queries.LISTING, ask, COLUMNS, lambda row: row)
    return render(actor, "quotes/index.html", ask=ask, found=found, states=STATES)


@pages.post("/quotes/")
def create(actor: Actor) -> Answer:
    values = blank_to_none(form_values(request.form), "id")
    try:
        quote = actions.create(actor, actions.create.parse(values))
    except Invalid as error:
        raise Busy(error.fields[0][1]) from None
    return see(url_for("quotes.show", quote_id=quote.id))


@pages.get("/quotes/<uuid:quote_id>")
def show(actor: Actor, quote_id: UUID) -> Answer:
    quote = queries.known(actor, quote_id)
    if quote.deleted_at:
        return render(actor, "quotes/deleted.html", quote=quote), 410
    return render(actor, "quotes/show.html", errors={}, typed=stored(quote), **shown(actor, quote))


@pages.post("/quotes/<uuid:quote_id>")
def change(actor: Actor, quote_id: UUID) -> Answer:
    typed = form_values(request.form)
    try:
        actions.change(actor, actions.change.parse({**blank_to_none(typed, "version", "valid_until"), "id": quote_id}))
    except Invalid as error:
        return refused(actor, "quotes/show.html", error, typed=typed, **shown(actor, queries.known(actor, quote_id)))
    except Conflict as conflict:
        quote = actor.find(Quote, quote_id)
        say(_("Somebody else changed this meanwhile. Look at it and save again."))
        typed = {**typed, "version": conflict.current}
        return render(actor, "quotes/show.html", errors={}, typed=typed, **shown(actor, quote)), conflict.status
    say(_("Saved"))
    return see(url_for("quotes.show", quote_id=quote_id))


@pages.get("/quotes/<uuid:quote_id>/send")
def ask_to_send(actor: Actor, quote_id: UUID) -> Answer:
    quote = actor.find(Quote, quote_id)
    actor.require(("quote", "edit"), quote)
    typed = {"to": quote.sent_to or quote.client["email"], "message": ""}
    return render(actor, "quotes/send.html", quote=quote, typed=typed, errors={})


@pages.post("/quotes/<uuid:quote_id>/send")
def send(actor: Actor, quote_id: UUID) -> Answer:
    typed = form_values(request.form)
    try:
        given = blank_to_none({"to": "", **typed}, "to")
        quote = actions.send(actor, actions.send.parse({**given, "id": quote_id}))
    except Invalid as error:
        quote = actor.find(Quote, quote_id)
        return refused(actor, "quotes/send.html", error, quote=quote, typed={"to": "", "message": "", **typed})
    said = {"number": quote.number, "to": quote.sent_to}
    say(_("Quote %(number)s goes to %(to)s", **said) if given["to"] else _("Quote %(number)s is issued", **said))
    return see(url_for("quotes.show", quote_id=quote_id))


@pages.post("/quotes/<uuid:quote_id>/withdraw")
def withdraw(actor: Actor, quote_id: UUID) -> Answer:
    quote = actions.withdraw(actor, actions.OneQuote(id=quote_id))
    say(_("Quote %(number)s is withdrawn", number=quote.number))
    return see(url_for("quotes.show", quote_id=quote_id))


@pages.post("/quotes/<uuid:quote_id>/relink")
def relink(actor: Actor, quote_id: UUID) -> Answer:
    actions.relink(actor, actions.OneQuote(id=quote_id))
    say(_("There is a new link; the former ones open nothing any more"))
    return see(url_for("quotes.show", quote_id=quote_id))


@pages.post("/quotes/<uuid:quote_id>/delete")
def delete(actor: Actor, quote_id: UUID) -> Answer:
    quote = actions.delete(actor, actions.OneQuote(id=quote_id))
    say(_("%(name)s deleted", name=_("The draft")), url_for("quotes.restore", quote_id=quote.id))
    return see(url_for("deals.show", deal_id=quote.deal_id))


@pages.post("/quotes/<uuid:quote_id>/restore")
def restore(actor: Actor, quote_id: UUID) -> Answer:
    actions.restore(actor, actions.OneQuote(id=quote_id))
    return see(url_for("quotes.show", quote_id=quote_id))


@pages.get("/quotes/<uuid:quote_id>/pdf")
def pdf(actor: Actor, quote_id: UUID) -> Answer:
    quote = actor.find(Quote, quote_id)
    content = paper.pdf_of(actor.db, actor.workspace, quote)
    return as_file(content, paper.file_name(quote))


def stored(quote: Quote) -> dict[str, Any]:
    return {
        "version": quote.version, "valid_until": quote.valid_until.isoformat(), "language": quote.language,
        "note": quote.note,
    }  # fmt: skip


def shown(actor: Actor, quote: Quote) -> dict[str, Any]:
    """What the page of a quote needs. The deal is None for who may not see it."""
    payments = actor.visible(Payment).where(Payment.quote_id == quote.id).order_by(Payment.paid_on, Payment.id)
    return {
        "quote": quote,
        "deal": actor.db.scalar(actor.visible(Deal).where(Deal.id == quote.deal_id)),
        "sums": totals(quote.items),
        "client": paper.lines_of(quote.client),
        "link": links.address(here(), actor.workspace, quote) if quote.state != "draft" else "",
        "payments": list(actor.db.scalars(payments)),
        "paid": queries.paid_by(actor, quote),
        "may_edit": actor.may("quote", "edit", quote),
    }
