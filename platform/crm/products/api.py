"""The price list in the API."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.products import actions
from crm.products.models import Product
from crm.products.queries import LISTING


class ProductOut(BaseModel):
    """`price` is of one unit, without VAT; `vat_rate` in percent."""

    id: UUID
    version: int
    name: str
    code: str
    unit: str
    price: Decimal
    currency: str
    vat_rate: Decimal
    active: bool
    about: str
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="products",
    model=Product,
    out=ProductOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore},
    example={"name": "Wooden window 120 x 150", "unit": "pcs", "price": "27820.00", "vat_rate": "21"},
)
