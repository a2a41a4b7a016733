"""Pages of the price list."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.edits import as_shown, meanwhile, settled
from core.errors import Conflict, Invalid
from core.listpage import asked, list_page
from core.numbers import number_text, written_number
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.products import actions, queries
from crm.products.models import Product
from crm.products.vat import rates_of, usual_rate

pages = Pages("products", __name__)

COLUMNS = (
    Product.id, Product.name, Product.code, Product.unit, Product.price, Product.currency, Product.vat_rate,
    Product.active, Product.about,
)  # fmt: skip
FIELDS = ("name", "code", "unit", "price", "vat_rate", "active", "about")


@pages.get("/products/")
def index(actor: Actor) -> str:
    actor.require(("product", "view"))
    ask = asked(("active",), sort="name")
    found = list_page(actor, queries.LISTING, ask, COLUMNS, lambda row: row)
    return render(actor, "products/index.html", ask=ask, found=found)


@pages.get("/products/new")
def new(actor: Actor) -> str:
    actor.require(("product", "create"))
    rate = number_text(usual_rate(actor.workspace.country))
    return render(actor, "products/form.html", errors={}, **filled(actor, {"active": "1", "vat_rate": rate}))


@pages.post("/products/")
def create(actor: Actor) -> Answer:
    typed = typed_form()
    try:
        product = actions.create(actor, actions.create.parse(given(typed)))
    except Invalid as error:
        return refused(actor, "products/form.html", error, **filled(actor, typed))
    say(_("%(name)s is stored", name=product.name))
    return see(url_for("products.index"))


@pages.get("/products/<uuid:product_id>/edit")
def edit(actor: Actor, product_id: UUID) -> Answer:
    actor.require(("product", "edit"))
    product = queries.known(actor, product_id)
    if product.deleted_at:
        return render(actor, "products/deleted.html", product=product), 410
    return render(actor, "products/form.html", errors={}, **filled(actor, stored(product), product))


@pages.post("/products/<uuid:product_id>/edit")
def change(actor: Actor, product_id: UUID) -> Answer:
    actor.require(("product", "edit"))
    typed = typed_form()
    try:
        actions.change(actor, actions.change.parse({**given(typed), "id": product_id}))
    except Invalid as error:
        return refused(actor, "products/form.html", error, **filled(actor, typed, actor.find(Product, product_id)))
    except Conflict as conflict:
        product = actor.find(Product, product_id)
        typed = {**settled(typed, stored(product)), "version": conflict.current}
        theirs = meanwhile(typed, stored(product))
        if theirs:
            again = filled(actor, typed, product, theirs)
            return render(actor, "products/form.html", errors={}, **again), conflict.status
        actions.change(actor, actions.change.parse({**given(typed), "id": product_id}))
    say(_("Saved"))
    return see(url_for("products.index"))


@pages.post("/products/<uuid:product_id>/delete")
def delete(actor: Actor, product_id: UUID) -> Answer:
    product = actions.delete(actor, actions.OneProduct(id=product_id))
    say(_("%(name)s deleted", name=product.name), url_for("products.restore", product_id=product.id))
    return see(url_for("products.index"))


@pages.post("/products/<uuid:product_id>/restore")
def restore(actor: Actor, product_id: UUID) -> Answer:
    product = actions.restore(actor, actions.OneProduct(id=product_id))
    say(_("%(name)s is back", name=product.name))
    return see(url_for("products.edit", product_id=product.id))


def typed_form() -> dict[str, Any]:
    """A box that is not ticked is not sent."""
    return {"active": "", **form_values(request.form)}


def given(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as an action's input. Raises Invalid."""
    values = blank_to_none({name: value for name, value in typed.items() if name != "was"}, "id", "version", "vat_rate")
    values["active"] = bool(values["active"])
    for name in ("price", "vat_rate"):
        if values.get(name):
            values[name] = written_number(values[name], name)
    if values.get("price") == "":
        raise Invalid(("price", _("Fill this in.")))
    return values


def stored(product: Product) -> dict[str, Any]:
    """A product as its form shows it."""
    values = {name: getattr(product, name) for name in ("version", *FIELDS)}
    shown = {"price": number_text(product.price), "vat_rate": number_text(product.vat_rate)}
    return {**values, **shown, "active": "1" if product.active else ""}


def filled(
    actor: Actor, typed: dict[str, Any], product: Product | None = None, theirs: dict[str, str] | None = None
) -> dict[str, Any]:
    rates = [str(rate) for rate in rates_of(actor.workspace.country)]
    chosen = not typed.get("vat_rate") or typed["vat_rate"] in rates
    was = as_shown(stored(product)) if product else ""
    return {"typed": typed, "product": product, "was": was, "theirs": theirs or {},
            "rates": [(rate, rate) for rate in rates] if chosen else []}  # fmt: skip
