"""Items: what a deal or a quote is made of, and what they come to. All arithmetic is decimal and exact.

Rounding, declared here once: the net amount of each line is rounded to the cent, half up; VAT is computed once for each
rate, from the sum of that rate's lines, and rounded to the cent, half up. So says EN 16931-1, the European standard of
invoices (lines: BR-DEC-23; VAT by rate: BR-CO-17), and the Czech VAT Act (235/2004 Sb., § 37) leaves it open. What is
to be paid is therefore the sum of what stands on the paper, to the cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, field_serializer

from core.actions import Input
from crm.products.actions import Price
from crm.products.vat import Rate

CENT = Decimal("0.01")
MOST = 200

Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]
Discount = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Rows = Sequence[Mapping[str, Any]]  # items as rows keep them: decimals are texts


class Item(Input):
    """One line. `unit_price` is without VAT, in the currency of its deal; `discount` and `vat_rate` are in percent."""

    product_id: Annotated[UUID | None, Field(description="Of the price list; a free line has none.")] = None
    name: Annotated[str, Field(min_length=1, max_length=300)]
    quantity: Quantity = Decimal(1)
    unit: Annotated[str, Field(max_length=20)] = ""
    unit_price: Price
    discount: Discount = Decimal(0)
    vat_rate: Rate

    @field_serializer("quantity", "unit_price", "discount", "vat_rate")
    def as_text(self, number: Decimal) -> str:
        """Without trailing zeros, so that the same number is always the same text."""
        return f"{number.normalize():f}"

    @field_serializer("product_id")
    def id_as_text(self, product_id: UUID | None) -> str | None:
        return str(product_id) if product_id else None


@dataclass(frozen=True)
class VatLine:
    """What is taxed by one rate, and the tax."""

    rate: Decimal
    net: Decimal
    vat: Decimal


@dataclass(frozen=True)
class Totals:
    """`lines` are the net amounts of the items in their order; `rates` from the highest."""

    lines: tuple[Decimal, ...]
    rates: tuple[VatLine, ...]

    @property
    def net(self) -> Decimal:
        return sum((rate.net for rate in self.rates), Decimal(0))

    @property
    def vat(self) -> Decimal:
        return sum((rate.vat for rate in self.rates), Decimal(0))

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


def totals(items: Rows) -> Totals:
    lines = tuple(net_of(item) for item in items)
    by_rate: dict[Decimal, Decimal] = {}
    for item, net in zip(items, lines, strict=True):
        rate = Decimal(item["vat_rate"])
        by_rate[rate] = by_rate.get(rate, Decimal(0)) + net
    rates = (VatLine(rate, net, rounded(net * rate / 100)) for rate, net in sorted(by_rate.items(), reverse=True))
    return Totals(lines, tuple(rates))


def net_of(item: Mapping[str, Any]) -> Decimal:
    whole = Decimal(item["quantity"]) * Decimal(item["unit_price"])
    return rounded(whole * (100 - Decimal(item["discount"])) / 100)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
