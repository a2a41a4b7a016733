"""Reads over the price list."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from core.actor import Actor
from core.errors import NotFound
from core.listing import Filter, Listing, Sort
from crm.products.models import Product

LISTING = Listing(
    model=Product,
    sorts={
        "created": Sort(Product.id, UUID),
        "name": Sort(Product.sort_key, bytes),
        "code": Sort(Product.code, str),
        "price": Sort(Product.price, Decimal),
    },
    default_sort="name",
    filters={
        "active": Filter(bool, lambda _actor, value: Product.active == value, "true: what is offered"),
        "code": Filter(str, lambda _actor, value: Product.code == value, "exact code"),
    },
)
OFFERED = 1000


def known(actor: Actor, product_id: UUID) -> Product:
    """The product, though it be in the bin. Raises NotFound."""
    product = actor.db.scalar(select(Product).where(Product.id == product_id, actor.reach(Product)))
    if product is None:
        raise NotFound()
    return product


def offered(actor: Actor) -> list[Product]:
    """What may be put on a deal, by name."""
    query = actor.visible(Product).where(Product.active).order_by(Product.sort_key, Product.id).limit(OFFERED)
    return list(actor.db.scalars(query))
