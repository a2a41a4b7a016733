"""/dev/payments: checkout, portal, invoices and the clock of the test payments. In production these do not exist."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from flask import Blueprint, Flask, current_app, request, url_for
from flask_babel import format_date, format_datetime, get_locale, lazy_pgettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from billing.standin import cards, checkout, money, portal
from billing.standin.checkout import BankAsks, Form
from billing.standin.periods import DAY, months_later
from billing.standin.server import StandIn
from billing.standin.store import Books
from billing.standin.wire import Refused, Thing
from core.pages import Answer, in_czech, render, see
from core.pages import money as written
from core.text import sort_key

pages = Blueprint("standin", __name__, url_prefix="/dev/payments", template_folder="templates")

SHOWN = 50
WHOLE = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
CARD_TEXTS = {
    "4242424242424242": lazy_pgettext("card", "pays"),
    "4000002500003155": lazy_pgettext("card", "asks its bank once, then pays"),
    "4000002760003184": lazy_pgettext("card", "asks its bank each time"),
    "4000000000000341": lazy_pgettext("card", "pays now and never again"),
    "4000000000000002": lazy_pgettext("card", "is declined"),
    "4000000000009995": lazy_pgettext("card", "has no money"),
}
COUNTRIES = "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK UA US".split()
STATUSES = {
    "trialing": lazy_pgettext("subscription", "on trial"),
    "active": lazy_pgettext("subscription", "active"),
    "past_due": lazy_pgettext("subscription", "past due"),
    "canceled": lazy_pgettext("subscription", "ended"),
    "incomplete": lazy_pgettext("subscription", "not paid yet"),
    "incomplete_expired": lazy_pgettext("subscription", "never paid"),
    "paused": lazy_pgettext("subscription", "paused"),
    "draft": lazy_pgettext("invoice", "draft"),
    "open": lazy_pgettext("invoice", "to be paid"),
    "paid": lazy_pgettext("invoice", "paid"),
    "void": lazy_pgettext("invoice", "void"),
}
STEPS = {"1d": _l("1 day"), "3d": _l("3 days"), "7d": _l("1 week"), "1m": _l("1 month")}
REASONS = {
    "card_missing": _l("Choose a card."),
    "generic_decline": _l("The card was declined. Choose another one."),
    "insufficient_funds": _l("There is not enough money on the card. Choose another one."),
}
BANK_REFUSED = _l("The bank did not get an answer. Try again, or choose another card.")


def register(app: Flask, standin: StandIn) -> None:
    """Add the pages to an application that has test payments."""
    app.extensions["okno.standin"] = standin
    app.register_blueprint(pages)


def here() -> StandIn:
    standin: StandIn = current_app.extensions["okno.standin"]
    return standin


@pages.context_processor
def words() -> dict[str, Callable[..., Any]]:
    """What the templates ask for."""
    return {
        "cents": cents,
        "card_texts": CARD_TEXTS.items,
        "countries": countries,
        "steps": STEPS.items,
        "status_text": lambda status: STATUSES.get(status, status),
        "spaced": lambda number: " ".join(number[n : n + 4] for n in range(0, 16, 4)),
        "day_of": day_of,
        "moment_of": moment_of,
    }


def countries() -> list[tuple[str, str]]:
    """Code and name of each, by name."""
    locale = get_locale() or Locale("en")
    found = [(code, locale.territories[code]) for code in COUNTRIES]
    return sorted(found, key=lambda one: sort_key(one[1], locale.language))


def cents(amount: int, currency: str) -> str:
    """An amount in the smallest unit of its currency, as people write it."""
    return written(Decimal(amount) if currency in WHOLE else Decimal(amount) / 100, currency.upper())


def day_of(moment: int) -> str:
    return str(format_date(datetime.fromtimestamp(moment, UTC), "d. M. y" if in_czech() else "d MMM y", rebase=False))


def moment_of(moment: int) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    return str(format_datetime(at, "d. M. y HH:mm 'UTC'" if in_czech() else "d MMM y HH:mm 'UTC'", rebase=False))


# ---- checkout ----


@pages.get("/checkout/<session_id>")
def checkout_page(session_id: str) -> Answer:
    return show_checkout(session_id, Form(), {})


@pages.post("/checkout/<session_id>")
def pay(session_id: str) -> Answer:
    form = filled_in()
    if request.form.get("bank") == "no":
        return show_checkout(session_id, form, {"": BANK_REFUSED})
    try:
        session = here().complete(session_id, form)
    except BankAsks:
        return ask_bank(form)
    except Refused as refusal:
        return show_checkout(session_id, form, {"": reason(refusal)})
    return see(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id))


@pages.post("/checkout/<session_id>/code")
def checkout_code(session_id: str) -> Answer:
    with here().changing() as books:
        known = checkout.apply_code(books, books.get("checkout.session", session_id), request.form.get("code", ""))
    if not known:
        return show_checkout(session_id, Form(), {"code": _("There is no such code.")})
    return see(url_for("standin.checkout_page", session_id=session_id))


def filled_in() -> Form:
    given = {name: request.form.get(name, "").strip() for name in ("card", "name", "country", "tax_id")}
    return Form(**given, proven=request.form.get("bank") == "yes")


def show_checkout(session_id: str, form: Form, errors: dict[str, Any]) -> Answer:
    with here().changing() as books:
        session = books.get("checkout.session", session_id)
        sells = session["status"] == "open" and session["mode"] == "subscription"
        customer = books.find(session["customer"]) if session["customer"] else None
        country = form.country or ((customer or {}).get("address") or {}).get("country") or "CZ"
        form = replace(form, country=country, name=form.name or (customer or {}).get("name") or "")
        asks_address = bool(session["automatic_tax"]["enabled"] or session["billing_address_collection"])
        invoice = checkout.weigh(books, session, form if asks_address else Form()) if sells else None
        code = code_of(books, session)
    page = render(
        None,
        "standin/checkout.html",
        session=session,
        invoice=invoice,
        form=form,
        errors=errors,
        code=code,
        asks_address=asks_address,
        card_optional=not checkout.needs_card(session, invoice),
    )
    return (page, 422) if errors else page


def code_of(books: Books, session: Thing) -> str:
    used = [one["promotion_code"] for one in session["discounts"] if one["promotion_code"]]
    return str(books.get("promotion_code", used[0])["code"]) if used else ""


def ask_bank(form: Form) -> Answer:
    """The page of the card's bank, which holds what was filled in."""
    fields = {name: value for name, value in asdict(form).items() if isinstance(value, str)}
    return render(None, "standin/bank.html", fields=fields)


def reason(refusal: Refused) -> Any:
    error = refusal.body["error"]
    return REASONS.get(error.get("decline_code") or error.get("code", ""), error["message"])


# ---- portal ----


@pages.get("/portal/<session_id>")
def portal_page(session_id: str) -> Answer:
    return show_portal(session_id, {})


@pages.post("/portal/<session_id>/card")
def portal_card(session_id: str) -> Answer:
    return portal_step(session_id, lambda books, session: portal.change_card(books, session, filled_in()))


@pages.post("/portal/<session_id>/confirm")
def portal_confirm(session_id: str) -> Answer:
    return portal_step(session_id, lambda books, session: portal.confirm(books, session, proven=filled_in().proven))


@pages.post("/portal/<session_id>/end")
def portal_end(session_id: str) -> Answer:
    wanted, name = bool(request.form.get("end")), request.form.get("subscription", "")
    return portal_step(session_id, lambda books, session: portal.wish_end(books, session, name, wanted))


def portal_step(session_id: str, step: Callable[[Books, Thing], None]) -> Answer:
    """Do what was asked and go where the session's flow says, or show the page again with what is wrong."""
    if request.form.get("bank") == "no":
        return show_portal(session_id, {"": BANK_REFUSED})
    try:
        with here().changing() as books:
            session = books.get("billing_portal.session", session_id)
            step(books, session)
            portal.finish(books, session)
    except BankAsks:
        return ask_bank(filled_in())
    except Refused as refusal:
        return show_portal(session_id, {"": reason(refusal)})
    after = (session["flow"] or {}).get("after_completion") or {"type": "portal_homepage"}
    if after["type"] == "redirect":
        return see(after["redirect"]["return_url"])
    return see(url_for("standin.portal_page", session_id=session_id, done=1))


def show_portal(session_id: str, errors: dict[str, Any]) -> Answer:
    invoice = None
    with here().changing() as books:
        session = books.get("billing_portal.session", session_id)
        flow = (session["flow"] or {}).get("type")
        try:
            if flow == "subscription_update_confirm":
                invoice = portal.preview(books, session["flow"]["subscription_update_confirm"])
        except Refused as refusal:
            errors = {**errors, "": reason(refusal)}
        found = portal.running(books, session)
        customer = books.get("customer", session["customer"])
        card = cards.usual_method(books, customer, found[-1] if found else None)
        bills = books.all("invoice", customer=session["customer"])[::-1]
        names = product_names(books)
    page = render(
        None,
        "standin/portal.html",
        session=session,
        flow=flow,
        invoice=invoice,
        subscriptions=found,
        card=card,
        invoices=bills,
        names=names,
        errors=errors,
        done=_("Done.") if request.args.get("done") else "",
    )
    return (page, 422) if errors else page


def product_names(books: Books) -> dict[str, str]:
    return {one["id"]: one["name"] for one in books.all("product")}


# ---- invoices ----


@pages.get("/invoices/<invoice_id>")
def invoice(invoice_id: str) -> Answer:
    return show_invoice(invoice_id, {})


@pages.get("/invoices/<invoice_id>/print")
def printed(invoice_id: str) -> Answer:
    return show_invoice(invoice_id, {}, printed=True)


@pages.post("/invoices/<invoice_id>")
def pay_invoice(invoice_id: str) -> Answer:
    form = filled_in()
    if request.form.get("bank") == "no":
        return show_invoice(invoice_id, {"": BANK_REFUSED})
    try:
        with here().changing() as books:
            portal.pay(books, books.get("invoice", invoice_id), form)
    except BankAsks:
        return ask_bank(form)
    except Refused as refusal:
        return show_invoice(invoice_id, {"": reason(refusal)})
    return see(url_for("standin.invoice", invoice_id=invoice_id))


def show_invoice(invoice_id: str, errors: dict[str, Any], *, printed: bool = False) -> Answer:
    with here().changing() as books:
        found = books.get("invoice", invoice_id)
    page = render(None, "standin/invoice.html", invoice=found, form=Form(), errors=errors, printed=printed)
    return (page, 422) if errors else page


# ---- the clock, and what happened ----


@pages.get("/")
def index() -> Answer:
    return show_index({})


def show_index(errors: dict[str, Any]) -> Answer:
    with here().changing() as books:
        known = [one for one in books.all("customer") if not one.get("deleted")][::-1]
        customers = [(one, books.all("subscription", customer=one["id"])[::-1]) for one in known]
        page = render(
            None,
            "standin/index.html",
            now=books.now,
            customers=[(customer, found) for customer, found in customers if found],
            names=product_names(books),
            charges=books.all("charge", paid=True)[: -SHOWN - 1 : -1],
            disputes=books.all("dispute", status="needs_response"),
            events=books.latest_events(SHOWN),
            errors=errors,
        )
    return (page, 422) if errors else page


@pages.post("/clock")
def move() -> Answer:
    """By a step, or to a day; what is waiting to be delivered is tried again in any case."""
    now = here().now()
    steps = {"1d": now + DAY, "3d": now + 3 * DAY, "7d": now + 7 * DAY, "1m": months_later(now, 1)}
    try:
        day = datetime.fromisoformat(request.form.get("to", "")) if "to" in request.form else None
    except ValueError:
        return show_index({"to": _("Write a date as 2026-12-31.")})
    to = int(day.replace(tzinfo=UTC).timestamp()) if day else steps.get(request.form.get("by", ""), now)
    if to < now:
        return show_index({"to": _("The clock only goes forward.")})
    here().advance(to)
    return see(url_for("standin.index"))


@pages.post("/charges/<charge_id>/refund")
def give_back(charge_id: str) -> Answer:
    return done(lambda books: money.refund(books, {"charge": charge_id}))


@pages.post("/charges/<charge_id>/dispute")
def dispute(charge_id: str) -> Answer:
    return done(lambda books: money.open_dispute(books, charge_id))


@pages.post("/disputes/<dispute_id>")
def decide(dispute_id: str) -> Answer:
    won = bool(request.form.get("won"))
    return done(lambda books: money.close_dispute(books, dispute_id, won=won))


@pages.post("/events/<event_id>/again")
def again(event_id: str) -> Answer:
    return done(lambda books: books.send_again(event_id))


def done(change: Callable[[Books], object]) -> Answer:
    try:
        with here().changing() as books:
            change(books)
    except Refused as refusal:
        return show_index({"": reason(refusal)})
    return see(url_for("standin.index"))


@pages.errorhandler(Refused)
def unknown(refusal: Refused) -> Answer:
    """An address of something that is not there."""
    return render(None, "standin/gone.html", said=refusal), 404
