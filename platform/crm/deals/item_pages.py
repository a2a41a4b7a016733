"""The page where the price of a deal is worked out: its items, line by line."""

from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.db import as_uuid
from core.errors import Conflict, Forbidden, Invalid
from core.numbers import number_text, written_number
from core.pages import Answer, Pages, form_values, refused, render, say, see
from crm.deals import pricing
from crm.deals.items import Totals, totals
from crm.deals.models import Deal
from crm.products.queries import offered
from crm.products.vat import rates_of, usual_rate

pages = Pages("items", __name__)

NUMBERS = {"quantity": 3, "unit_price": 2, "discount": 2, "vat_rate": 2}  # decimals of each
FIELDS = ("product_id", "name", "quantity", "unit", "unit_price", "discount", "vat_rate")


@pages.get("/deals/<uuid:deal_id>/items")
def edit(actor: Actor, deal_id: UUID) -> Answer:
    deal = editable(actor, deal_id)
    rows = [shown(item) for item in deal.items]
    return render(actor, "deals/items.html", errors={}, **filled(actor, deal, rows, deal.version))


@pages.post("/deals/<uuid:deal_id>/items")
def change(actor: Actor, deal_id: UUID) -> Answer:
    deal = editable(actor, deal_id)
    typed = form_values(request.form)
    rows: list[dict[str, str]] = typed.get("items", [])
    version = typed.get("version") or deal.version
    try:
        if rearranged(actor, deal, rows, typed):
            return render(actor, "deals/items.html", errors={}, **filled(actor, deal, rows, version)), 422
        values = {"id": deal_id, "version": version, "items": given(rows)}
        pricing.price(actor, pricing.price.parse(values))
    except Invalid as error:
        return refused(actor, "deals/items.html", error, **filled(actor, deal, rows, version))
    except Conflict as conflict:
        deal = editable(actor, deal_id)
        again = filled(actor, deal, rows, conflict.current, theirs=deal.items)
        return render(actor, "deals/items.html", errors={}, **again), conflict.status
    say(_("The price is stored"))
    return see(url_for("deals.show", deal_id=deal_id))


def editable(actor: Actor, deal_id: UUID) -> Deal:
    deal = actor.find(Deal, deal_id)
    actor.require(("deal", "edit"), deal)
    if "amount" in actor.locked("deal"):
        raise Forbidden(_("Your role may not change amounts."))
    return deal


def rearranged(actor: Actor, deal: Deal, rows: list[dict[str, str]], typed: dict[str, Any]) -> bool:
    """Do with the rows what a button asks that stores nothing. Returns whether one did."""
    at = int(typed["remove"]) if typed.get("remove", "").isdecimal() else None
    up = int(typed["up"]) if typed.get("up", "").isdecimal() else None
    if at is not None and at < len(rows):
        rows.pop(at)
    elif up is not None and 0 < up < len(rows):
        rows.insert(up - 1, rows.pop(up))
    elif typed.get("do") == "product":
        chosen = as_uuid(typed.get("product", ""))
        rows += [listed(deal, product) for product in offered(actor) if product.id == chosen]
    else:
        return typed.get("do") == "add"
    return True


def listed(deal: Deal, product: Any) -> dict[str, str]:
    """A row of the price list; its price only in the deal's own currency."""
    price = number_text(product.price) if product.currency == deal.currency else ""
    return {
        "product_id": str(product.id), "name": product.name, "quantity": "1", "unit": product.unit,
        "unit_price": price, "vat_rate": number_text(product.vat_rate),
    }  # fmt: skip


def given(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What was typed, as the action's input. Raises Invalid."""
    wrong: list[tuple[str, Any]] = []
    items = []
    for at, row in enumerate(rows):
        item: dict[str, Any] = {name: value for name, value in row.items() if value.strip() or name == "unit"}
        for name, decimals in NUMBERS.items():
            if name in item:
                try:
                    item[name] = written_number(item[name], f"items.{at}.{name}", decimals)
                except Invalid as error:
                    wrong += error.fields
        items.append(item)
    if wrong:
        raise Invalid(*wrong)
    return items


def shown(item: dict[str, Any]) -> dict[str, str]:
    """An item as its row of the form shows it."""
    numbers = {name: number_text(Decimal(item[name]), "0.###") for name in NUMBERS}
    if not Decimal(item["discount"]):
        numbers["discount"] = ""
    return {name: numbers.get(name) or item[name] or "" for name in FIELDS}


def filled(
    actor: Actor, deal: Deal, rows: list[dict[str, str]], version: Any, theirs: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    rates = rates_of(actor.workspace.country)
    return {
        "deal": deal,
        "rows": rows,
        "version": version,
        "theirs": theirs,
        "products": [(product.id, product.name) for product in offered(actor)],
        "rates": [str(rate) for rate in rates],
        "usual": number_text(usual_rate(actor.workspace.country)) if rates else "",
        "sums": counted(actor, deal, rows),
    }


def counted(actor: Actor, deal: Deal, rows: list[dict[str, str]]) -> Totals | None:
    """What the rows come to as they are typed, where they can be counted."""
    with suppress(Invalid):
        data = pricing.price.parse({"id": deal.id, "items": given(rows)})
        return totals(pricing.whole_items(actor, deal, data.items)) if rows else None
    return None
