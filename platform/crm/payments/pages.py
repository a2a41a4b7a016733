"""Pages of payments: recorded from a deal or a quote, corrected and taken back."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.db import as_uuid
from core.errors import Conflict, Invalid, NotFound
from core.letters import here
from core.numbers import number_text, written_number
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see, today_of
from crm.accounts.again import when_fresh
from crm.deals.models import Deal
from crm.payments import actions, tills
from crm.payments.models import Payment
from crm.quotes.models import Quote
from crm.quotes.queries import paid_by

pages = Pages("payments", __name__)


def ways() -> dict[str, str]:
    return {
        "transfer": _("Bank transfer"), "cash": _("Cash"), "card": _("Card"), "online": _("Online"),
        "other": _("Otherwise"),
    }  # fmt: skip


pages.add_app_template_global(ways, "payment_ways")


@pages.get("/deals/<uuid:deal_id>/payments/new")
def new(actor: Actor, deal_id: UUID) -> Answer:
    """For a deal; by a quote, what is left to be paid of it."""
    actor.require(("payment", "create"))
    deal = actor.find(Deal, deal_id)
    typed = {"paid_on": today_of(actor).isoformat(), "how": "transfer", "quote_id": request.args.get("quote_id", "")}
    quote = actor.db.scalar(actor.visible(Quote).where(Quote.id == as_uuid(typed["quote_id"])))
    if quote is not None:
        typed["amount"] = number_text(max(quote.gross - paid_by(actor, quote), quote.gross * 0))
    return render(actor, "payments/form.html", errors={}, **filled(actor, typed, deal=deal))


@pages.post("/payments/")
def create(actor: Actor) -> Answer:
    typed = form_values(request.form)
    try:
        payment = actions.receive(actor, actions.receive.parse(given(typed)))
    except Invalid as error:
        deal = actor.find(Deal, as_uuid(typed.get("deal_id", "")))
        return refused(actor, "payments/form.html", error, **filled(actor, typed, deal=deal))
    say(_("The payment is recorded"))
    return see(place_of(payment))


@pages.get("/payments/<uuid:payment_id>/edit")
def edit(actor: Actor, payment_id: UUID) -> Answer:
    payment = actor.find(Payment, payment_id)
    return render(actor, "payments/form.html", errors={}, **filled(actor, stored(payment), payment=payment))


@pages.post("/payments/<uuid:payment_id>/edit")
def change(actor: Actor, payment_id: UUID) -> Answer:
    typed = form_values(request.form)
    try:
        payment = actions.change(actor, actions.change.parse({**given(typed), "id": payment_id}))
    except Invalid as error:
        payment = actor.find(Payment, payment_id)
        return refused(actor, "payments/form.html", error, **filled(actor, typed, payment=payment))
    except Conflict as conflict:
        payment = actor.find(Payment, payment_id)
        say(_("Somebody else changed this meanwhile. Look at it and save again."))
        return render(actor, "payments/form.html", errors={}, **filled(actor, stored(payment), payment=payment)), (
            conflict.status
        )
    say(_("Saved"))
    return see(place_of(payment))


@pages.post("/payments/<uuid:payment_id>/delete")
def delete(actor: Actor, payment_id: UUID) -> Answer:
    payment = actions.delete(actor, actions.OnePayment(id=payment_id))
    say(_("The payment is taken back"), url_for("payments.restore", payment_id=payment.id))
    return see(place_of(payment))


@pages.post("/payments/<uuid:payment_id>/restore")
def restore(actor: Actor, payment_id: UUID) -> Answer:
    return see(place_of(actions.restore(actor, actions.OnePayment(id=payment_id))))


@pages.get("/settings/payments")
def till(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    return render(actor, "payments/till.html", errors={}, **till_filled(actor))


@pages.post("/settings/payments")
@when_fresh
def change_till(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    typed = form_values(request.form)
    try:
        tills.change(actor, tills.change.parse(typed))
    except Invalid as error:
        return refused(actor, "payments/till.html", error, **till_filled(actor, typed.get("mode")))
    say(_("Saved"))
    return see(url_for("payments.till"))


def till_filled(actor: Actor, mode: str | None = None) -> dict[str, Any]:
    """Keys are never shown again, but for the end of one."""
    known = tills.known_till(actor.db)
    modes = [("off", _("They may not")), ("own", _("Through our Stripe account"))]
    if here().payments == "test":
        modes.append(("test", _("Test payments")))
    return {
        "mode": mode or (known.mode if known else "off"),
        "modes": modes,
        "ending": known.ending if known and known.secret_key else "",
        "signed": bool(known and known.webhook_secret),
        "events_url": f"{here().url}/stripe/clients/{actor.workspace.id}",
    }


def given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as an action's input. Raises Invalid."""
    values = blank_to_none(typed, "id", "version", "quote_id", "paid_on", "deal_id")
    if not values.get("amount"):
        raise Invalid(("amount", _("Fill this in.")))
    values["amount"] = written_number(values["amount"], "amount")
    return values


def stored(payment: Payment) -> dict[str, Any]:
    kept = {name: getattr(payment, name) for name in ("version", "how", "note")}
    return {**kept, "amount": number_text(payment.amount), "paid_on": payment.paid_on.isoformat()}


def place_of(payment: Payment) -> str:
    if payment.quote_id:
        return url_for("quotes.show", quote_id=payment.quote_id)
    return url_for("deals.show", deal_id=payment.deal_id)


def filled(
    actor: Actor, typed: dict[str, Any], deal: Deal | None = None, payment: Payment | None = None
) -> dict[str, Any]:
    """What the form needs; of a new payment the deal, of a known one itself."""
    whole = payment or deal
    if whole is None:
        raise NotFound()
    quotes = []
    if deal is not None:
        found = actor.visible(Quote).where(Quote.deal_id == deal.id, Quote.number.is_not(None))
        quotes = [(quote.id, quote.number) for quote in actor.db.scalars(found.order_by(Quote.id.desc()))]
    back = place_of(payment) if payment else url_for("deals.show", deal_id=whole.id)
    by_hand = [(way, words) for way, words in ways().items() if way != "online" or typed.get("how") == "online"]
    return {
        "typed": typed, "deal": deal, "payment": payment, "quotes": quotes, "currency": whole.currency, "ways": by_hand,
        "back": back,
    }  # fmt: skip
