"""Rates of value added tax, in percent, by country; where a country is not here, they are typed.

Czechia: Act 235/2004 Sb. on VAT, § 47, as amended by 349/2023 Sb. since 1 January 2024 (21 % standard, 12 % reduced);
0 for what is exempt, and for who pays no VAT.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

RATES: dict[str, tuple[int, ...]] = {"CZ": (21, 12, 0)}

Rate = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


def rates_of(country: str) -> tuple[int, ...]:
    """The rates to choose from, the usual one first; none where they are typed."""
    return RATES.get(country, ())


def usual_rate(country: str) -> Decimal:
    return Decimal(next(iter(rates_of(country)), 0))
