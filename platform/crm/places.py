"""Time zones, countries and currencies as people choose them, and what one says of another."""

from functools import cache
from zoneinfo import available_timezones

import icu
from babel.core import get_global
from babel.numbers import get_currency_name, get_territory_currencies
from flask_babel import get_locale

AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Where a zone is in no country (UTC), the language says which country is meant.
COUNTRIES = {"cs": "CZ", "en": "GB"}


@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    """(key, text) of every zone that is a place, and UTC: "Europe/Prague"."""
    named = sorted(zone for zone in available_timezones() if zone.partition("/")[0] in AREAS)
    return ("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in named)


def country_of(time_zone: str, language: str) -> str:
    """The country (ISO 3166) in which the clocks show this zone."""
    try:
        region = icu.TimeZone.getRegion(time_zone)
    except icu.ICUError:
        region = ""
    return region if len(region) == 2 and region.isalpha() else COUNTRIES.get(language, "GB")


def currency_of(country: str) -> str:
    """The currency (ISO 4217) people pay with in the country today."""
    return next(iter(get_territory_currencies(country)), "EUR")


def currencies() -> list[tuple[str, str]]:
    """(code, "CZK Czech Koruna") of every currency in use, in the reader's language."""
    return [(code, f"{code} {get_currency_name(code, locale=get_locale())}") for code in currency_codes()]


@cache
def currency_codes() -> tuple[str, ...]:
    used = {code for country in get_global("territory_currencies") for code in get_territory_currencies(country)}
    return tuple(sorted(used))
