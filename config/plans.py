"""The plans as config/plans.toml says: what each costs, how much fits into it, what it includes.

A file that cannot be right stops the start with one line that names the place.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

Limit = Literal["users", "contacts", "storage", "mails", "api_calls", "processes"]
Feature = Literal["field_rights", "single_sign_on"]
Period = Literal["month", "year"]
Currency = Literal["CZK", "EUR", "USD"]
LIMITS: tuple[Limit, ...] = get_args(Limit)
FEATURES: tuple[Feature, ...] = get_args(Feature)
PERIODS: tuple[Period, ...] = get_args(Period)
CURRENCIES: tuple[Currency, ...] = get_args(Currency)
SEATS = "seats"
SIZE = re.compile(r"(\d+) ([MGT])B")
UNITS = {"M": 10**6, "G": 10**9, "T": 10**12}
Prices = Mapping[Period, Mapping[Currency, Decimal]]


class PlansError(Exception):
    """plans.toml cannot be right. The text names the place."""


@dataclass(frozen=True)
class Backups:
    """How often the service makes one by itself ("" for never), and for how many days each is kept."""

    every: Literal["", "day", "hour"] = ""
    days: int = 0


@dataclass(frozen=True)
class Plan:
    """`limits` has None for what is not limited and SEATS for as many as are paid for. Without prices it is free."""

    key: str
    name: str
    limits: Mapping[Limit, int | Literal["seats"] | None]
    features: frozenset[Feature]
    backups: Backups
    prices: Prices = field(default_factory=dict)

    def cap(self, limit: Limit, seats: int) -> int | None:
        """How many fit in when this many seats are paid for; None for any number."""
        most = self.limits[limit]
        return seats if isinstance(most, str) else most

    def price(self, period: Period, currency: Currency) -> Decimal:
        return self.prices[period][currency] if self.prices else Decimal(0)


@dataclass(frozen=True)
class Addon:
    """Something to be had beside a paid plan, once for the whole workspace."""

    key: str
    backups: Backups
    prices: Prices


@dataclass(frozen=True)
class Plans:
    """All of them, cheapest first; the first is the free one, where everybody begins and nobody pays."""

    plans: Mapping[str, Plan]
    addons: Mapping[str, Addon]
    trial_days: int
    grace_days: int
    reminders: tuple[int, ...]

    @property
    def free(self) -> Plan:
        return next(iter(self.plans.values()))

    @property
    def paid(self) -> list[Plan]:
        return [plan for plan in self.plans.values() if plan.prices]

    def of(self, key: str) -> Plan:
        """The plan of this key; the free one where it is not sold any more."""
        return self.plans.get(key, self.free)

    def cheapest_with(self, feature: Feature) -> Plan | None:
        return next((plan for plan in self.paid if feature in plan.features), None)


@cache
def plans() -> Plans:
    """The plans of this process, read at the first call. Raises PlansError."""
    return read((Path(__file__).parent / "plans.toml").read_text())


def read(text: str) -> Plans:
    """The plans that a file says. Raises PlansError."""
    try:
        told = tomllib.loads(text)
        found = {key: plan_of(key, values) for key, values in told["plans"].items()}
        addons = {key: addon_of(key, values) for key, values in told.get("addons", {}).items()}
        known = Plans(found, addons, told["trial_days"], told["grace_days"], tuple(told["reminders"]))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise PlansError(f"plans.toml: {error!r}") from None
    if not found or known.free.prices or any(not plan.prices for plan in list(found.values())[1:]):
        raise PlansError("plans.toml: the first plan costs nothing, and every other has prices")
    return known


def plan_of(key: str, values: Mapping[str, Any]) -> Plan:
    limits, features = values["limits"], values["features"]
    unknown = (set(limits) - set(LIMITS)) | (set(features) - set(FEATURES))
    if unknown:
        raise PlansError(f"plans.toml: {key} has {', '.join(sorted(unknown))}, which nothing in Okno asks for")
    most = {name: amount(limits[name]) if name in limits else None for name in LIMITS}
    return Plan(key, values["name"], most, frozenset(features), Backups(**values["backups"]), prices_of(key, values))


def addon_of(key: str, values: Mapping[str, Any]) -> Addon:
    return Addon(key, Backups(**values["backups"]), prices_of(key, values))


def amount(value: int | str) -> int | Literal["seats"]:
    if isinstance(value, int):
        return value
    if value == SEATS:
        return "seats"
    size = SIZE.fullmatch(value)
    if size is None:
        raise PlansError(f'plans.toml: {value!r} is no number, no "seats" and no size such as "10 GB"')
    return int(size[1]) * UNITS[size[2]]


def prices_of(key: str, values: Mapping[str, Any]) -> Prices:
    given = {period: values[period] for period in PERIODS if period in values}
    if given and (set(given) != set(PERIODS) or any(set(prices) != set(CURRENCIES) for prices in given.values())):
        raise PlansError(f"plans.toml: {key} needs a price for each of {', '.join(PERIODS)} in {', '.join(CURRENCIES)}")
    return {
        period: {currency: Decimal(str(prices[currency])) for currency in CURRENCIES}
        for period, prices in given.items()
    }
