"""Every change of the price list. What was sold or quoted keeps the price it had."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import select, text

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from crm.products.models import Product
from crm.products.vat import Rate, usual_rate

Price = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class ProductFields(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one product.")] = None
    name: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(max_length=60, description="Your own; no two products have the same.")] = ""
    unit: Annotated[str, Field(max_length=20)] = ""
    price: Annotated[Price, Field(description="Of one unit, without VAT, in the workspace's currency.")]
    vat_rate: Annotated[Rate | None, Field(description="Percent; the usual one of the country, when left out.")] = None
    active: bool = True
    about: Annotated[str, Field(max_length=10_000)] = ""


class NewProduct(ProductFields):
    pass


ChangedProduct = changes_of(ProductFields, "ChangedProduct")


class OneProduct(Input):
    id: UUID
    version: int | None = None


@action("product.create")
def create(actor: Actor, data: NewProduct) -> Product:
    known = actor.repeated(Product, data.id)
    if known:
        return known
    product = Product(**data.model_dump(exclude_none=True), currency=actor.workspace.currency)
    if data.vat_rate is None:
        product.vat_rate = usual_rate(actor.workspace.country)
    check_code(actor, product)
    product.index(actor.workspace.language)
    actor.db.add(product)
    return product


@action("product.edit", takes=ChangedProduct)
def change(actor: Actor, data: Changes) -> Product:
    """A new price is in the currency that the workspace has now."""
    product = actor.take(Product, data.id, "edit", data.version)
    given = data.given()
    if "price" in given:
        given["currency"] = actor.workspace.currency
    if given.get("vat_rate", 0) is None:
        given["vat_rate"] = usual_rate(actor.workspace.country)
    for name, value in given.items():
        if getattr(product, name) != value:
            setattr(product, name, value)
    check_code(actor, product)
    product.index(actor.workspace.language)
    return product


@action("product.delete")
def delete(actor: Actor, data: OneProduct) -> Product:
    """Into the bin; deals and quotes keep what they have of it."""
    product = actor.take(Product, data.id, "delete", data.version)
    product.deleted_at = datetime.now(UTC)
    return product


@action("product.restore", right=("product", "delete"))
def restore(actor: Actor, data: OneProduct) -> Product:
    product = actor.take(Product, data.id, "delete", deleted=True)
    product.deleted_at = None
    check_code(actor, product)
    return product


def check_code(actor: Actor, product: Product) -> None:
    """No two products in use have the same code. Raises Invalid."""
    if not product.code:
        return
    with actor.db.no_autoflush:
        actor.db.execute(text("select pg_advisory_xact_lock(hashtext(current_schema() || 'product code'))"))
        same = select(Product.name).where(
            Product.code == product.code, Product.id != product.id, Product.deleted_at.is_(None)
        )
        taken = actor.db.scalar(same.limit(1))
    if taken is not None:
        raise Invalid(("code", _("%(name)s has this code already.", name=taken)))
