"""Amounts as Stripe counts them."""

from decimal import Decimal

# https://docs.stripe.com/currencies#zero-decimal, and those of three decimals.
WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THOUSANDTHS = frozenset("BHD JOD KWD OMR TND".split())


def minor(amount: Decimal, currency: str) -> int:
    """An amount as Stripe counts it: cents, or whole units where the currency has none. Raises ValueError for one that
    cannot be paid exactly."""
    counted = amount * (1 if currency in WHOLE else 1000 if currency in THOUSANDTHS else 100)
    if counted != int(counted):
        raise ValueError(f"{amount} {currency} cannot be paid")
    return int(counted)


def major(amount: int, currency: str) -> Decimal:
    """The other way round."""
    currency = currency.upper()
    return Decimal(amount) / (1 if currency in WHOLE else 1000 if currency in THOUSANDTHS else 100)
