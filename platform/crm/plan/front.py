"""What stands outside of workspaces: the public prices, and the door for Stripe's events."""

from flask import Blueprint, request
from flask_babel import get_locale

from billing import events
from config.plans import CURRENCIES, PERIODS, plans
from core.db import database
from core.letters import here
from core.pages import Answer, render, url_with
from crm.doors import signed_in
from crm.plan import words

front = Blueprint("prices", __name__, template_folder="templates")
stripe = Blueprint("stripe", __name__)

LARGEST_EVENT = 1024 * 1024


@front.get("/pricing")
def pricing() -> Answer:
    period, currency = request.args.get("period", "year"), request.args.get("currency", "")
    usual = "CZK" if get_locale().language == "cs" else "EUR"
    return render(
        None,
        "plan/pricing.html",
        plans=plans(),
        words=words,
        period=period if period in PERIODS else "year",
        currency=currency if currency in CURRENCIES else usual,
        currencies=CURRENCIES,
        period_url=lambda period: url_with(period=period),
        known=signed_in() is not None,
    )


@stripe.post("/stripe/events")
def event() -> Answer:
    """Stored, then answered; the work is a job's. Stripe sends again what is not answered by 2xx."""
    request.max_content_length = LARGEST_EVENT
    events.receive(database(), here(), request.get_data(), request.headers.get("Stripe-Signature", ""))
    return "stored\n"
