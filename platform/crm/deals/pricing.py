"""Working out the price of a deal: its items, from the price list or written freely. Its amount follows them."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import select

from core.actions import Input, action
from core.actor import Actor
from core.errors import Forbidden, Invalid
from crm.deals.items import MOST, Discount, Item, Quantity, totals
from crm.deals.models import Deal
from crm.products.actions import Price
from crm.products.models import Product
from crm.products.vat import Rate, usual_rate

HIGHEST = Decimal(10) ** 12


class GivenItem(Input):
    """What is left out comes from the product. `currency` need not be given; if it is, it must be the deal's."""

    product_id: UUID | None = None
    name: Annotated[str | None, Field(max_length=300)] = None
    quantity: Quantity = Decimal(1)
    unit: Annotated[str | None, Field(max_length=20)] = None
    unit_price: Annotated[Price | None, Field(description="Without VAT.")] = None
    discount: Discount = Decimal(0)
    vat_rate: Rate | None = None
    currency: Annotated[str, AfterValidator(str.upper), Field(max_length=3)] | None = None


class PricedDeal(Input):
    """All items of the deal, in their order; none makes its amount free again."""

    id: UUID
    version: int | None = None
    items: Annotated[list[GivenItem], Field(max_length=MOST)]


@action("deal.price", right=("deal", "edit"))
def price(actor: Actor, data: PricedDeal) -> Deal:
    """The deal's amount becomes what the items come to without VAT."""
    if "amount" in actor.locked("deal"):
        raise Forbidden(_("Your role may not change amounts."))
    deal = actor.take(Deal, data.id, "edit", data.version)
    items = whole_items(actor, deal, data.items)
    if items == deal.items:
        return deal
    deal.items = items
    if items:
        deal.amount = totals(items).net
        if deal.amount >= HIGHEST:
            raise Invalid(("items", _("This comes to more than can be counted here.")))
    return deal


def whole_items(actor: Actor, deal: Deal, given: list[GivenItem]) -> list[dict[str, Any]]:
    """The items as the deal keeps them. Raises Invalid at "items.2.unit_price" and the like."""
    ids = {item.product_id for item in given if item.product_id}
    products: dict[UUID, Product] = {}
    if ids:
        found = actor.db.scalars(select(Product).where(Product.id.in_(ids), actor.reach(Product)))
        products = {product.id: product for product in found}
    wrong: list[tuple[str, Any]] = []
    items = []
    for at, item in enumerate(given):
        refused = why_not(deal, item, products)
        wrong += [(f"items.{at}.{name}", words) for name, words in refused]
        if not refused:
            items.append(whole(actor, item, products).model_dump())
    if wrong:
        raise Invalid(*wrong)
    return items


def why_not(deal: Deal, item: GivenItem, products: dict[UUID, Product]) -> list[tuple[str, Any]]:
    product = products.get(item.product_id) if item.product_id else None
    if item.product_id and product is None:
        return [("product_id", _("There is no such product."))]
    wrong: list[tuple[str, Any]] = []
    if item.currency and item.currency != deal.currency:
        said = _("The deal is in %(currency)s, and so are all its items.", currency=deal.currency)
        wrong.append(("currency", said))
    if not item.name and product is None:
        wrong.append(("name", _("Fill this in.")))
    if item.unit_price is None and product is None:
        wrong.append(("unit_price", _("Fill this in.")))
    elif item.unit_price is None and product is not None and product.currency != deal.currency:
        currencies = {"theirs": product.currency, "currency": deal.currency}
        said = _("The price list has it in %(theirs)s, the deal is in %(currency)s. Write its price.", **currencies)
        wrong.append(("unit_price", said))
    return wrong


def whole(actor: Actor, item: GivenItem, products: dict[UUID, Product]) -> Item:
    given = item.model_dump(exclude_none=True, exclude={"currency"})
    product = products.get(item.product_id) if item.product_id else None
    if product is None:
        return Item(**{"vat_rate": usual_rate(actor.workspace.country), **given})
    listed = {"name": product.name, "unit": product.unit, "unit_price": product.price, "vat_rate": product.vat_rate}
    return Item(**{**listed, **given})
