"""Currencies, and sums of money that never mix two of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from babel.core import get_global
from babel.numbers import get_territory_currencies
from flask_babel import format_decimal
from flask_babel import gettext as _

from core.pages import NBSP, priced

# ISO 4217 codes in use somewhere today.
CURRENCIES = frozenset(
    code for territory in get_global("territory_currencies") for code in get_territory_currencies(territory)
)


@dataclass(frozen=True)
class Sums:
    """Amounts by currency, those of nothing left out."""

    amounts: dict[str, Decimal] = field(default_factory=dict)

    @classmethod
    def of(cls, amounts: Iterable[tuple[str, Decimal | None]]) -> "Sums":
        sums: dict[str, Decimal] = {}
        for currency, amount in amounts:
            if amount:
                sums[currency] = sums.get(currency, Decimal()) + amount
        return cls(sums)

    def __bool__(self) -> bool:
        return bool(self.amounts)

    def __str__(self) -> str:
        """ "CZK 1.48 m + EUR 12,000", by the alphabet of the codes, so that nothing jumps as amounts change."""
        return " + ".join(rounded(amount, currency) for currency, amount in sorted(self.amounts.items()))


def rounded(amount: Decimal, currency: str) -> str:
    """An amount as a sum shows it: whole units, and "CZK 1.48 m" from a million on."""
    for size, words in ((10**9, _("%(number)s bn")), (10**6, _("%(number)s m"))):
        if amount >= size:
            return priced(words.replace(" ", NBSP) % {"number": format_decimal(amount / size, "#,##0.##")}, currency)
    return priced(format_decimal(amount, "#,##0"), currency)
