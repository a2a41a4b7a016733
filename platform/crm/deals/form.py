"""The form of a deal: what is stored as its fields show it, and what was typed as actions take it."""

from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _

from core.actor import Actor
from core.edits import as_shown, meanwhile
from core.errors import Invalid
from core.numbers import number_text, written_number
from core.pages import blank_to_none, day, form_values
from crm.absences.queries import to_choose
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals import queries
from crm.deals.models import Deal, Pipeline
from crm.deals.money import CURRENCIES
from crm.fields.form import own_given, own_stored
from tenants.models import Member

# Facts edited in place -> the fields of each.
FACTS = {
    "amount": ("amount", "currency"),
    "expected_close": ("expected_close",),
    "probability": ("probability",),
    "owner": ("owner_id",),
    "contact": ("contact_id",),
    "company": ("company_id",),
    "source": ("source",),
    "about": ("about",),
}
FIELDS = ("name", *(field for fields in FACTS.values() for field in fields))
BLANKS = ("id", "version", "stage_id", *(field for field in FIELDS if field not in ("name", "source", "about")))
USUAL_CURRENCIES = ("CZK", "EUR", "USD", "GBP", "PLN", "HUF")


def typed_form() -> dict[str, Any]:
    """The form as it was typed, to be shown again as it is."""
    return {name: value for name, value in form_values(request.form).items() if name not in ("next", "was")}


def given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as an action's input. Raises Invalid."""
    values = own_given(blank_to_none(typed, *BLANKS))
    if values.get("amount"):
        values["amount"] = written_number(values["amount"], "amount")
    return values


def stored(actor: Actor, deal: Deal) -> dict[str, str]:
    """A deal as its form shows it."""
    values = {name: getattr(deal, name) for name in ("version", *FIELDS)} | {"amount": number_text(deal.amount)}
    shown = {name: "" if value is None else str(value) for name, value in values.items()}
    return shown | own_stored(actor, "deal", deal.custom)


def theirs(actor: Actor, typed: dict[str, Any], deal: Deal) -> dict[str, str]:
    """Of a conflict: what is stored now, for each field where something else was typed."""
    try:
        amount = given(typed).get("amount", deal.amount)
    except Invalid:
        amount = None
    same = {"amount": number_text(amount)} if "amount" in typed else {}
    return meanwhile({**typed, **same}, stored(actor, deal))


def filled(
    actor: Actor, typed: dict[str, Any], deal: Deal | None = None, meantime: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the form needs: the values, the choices, and of a conflict what somebody else stored in the meantime."""
    meantime = meantime or {}
    typed = {**dict.fromkeys((*FIELDS, "stage_id"), ""), **typed}
    chosen = {name: (typed[name], meantime.get(name, "")) for name in ("contact_id", "company_id", "owner_id")}
    members = [(str(member_id), name) for member_id, name in to_choose(actor)]
    choices = {
        "contact_id": queries.named(actor, Contact, *chosen["contact_id"]),
        "company_id": queries.named(actor, Company, *chosen["company_id"]),
        "owner_id": members + [one for one in queries.named(actor, Member, *chosen["owner_id"]) if one not in members],
        "currency": currencies(actor),
        "stage_id": [] if deal else stage_choices(queries.pipelines(actor)),
    }
    said = {name: dict(choices.get(name, ())).get(value, value) or _("nothing") for name, value in meantime.items()}
    if meantime.get("expected_close"):
        said["expected_close"] = day(date.fromisoformat(meantime["expected_close"]))
    was = as_shown(stored(actor, deal)) if deal else ""
    usual = deal.stage.probability if deal else None
    return {"typed": typed, "deal": deal, "was": was, "theirs": said, "choices": choices, "usual": usual}


def currencies(actor: Actor) -> list[tuple[str, str]]:
    """The workspace's own first, then those of its neighbours, then all others."""
    first = dict.fromkeys((actor.workspace.currency, *USUAL_CURRENCIES))
    return [(code, code) for code in (*first, *sorted(CURRENCIES - first.keys()))]


def stage_choices(pipelines: list[Pipeline], but: Pipeline | None = None) -> list[tuple[str, str]]:
    """Every stage, with its pipeline's name where there are several; none of the pipeline `but`."""
    alone = len(pipelines) == 1
    return [
        (str(stage.id), stage.name if alone else f"{pipeline.name}: {stage.name}")
        for pipeline in pipelines
        if pipeline is not but
        for stage in pipeline.stages
    ]
