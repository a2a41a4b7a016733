"""The features of the product, in one list: each brings its pages and its resources."""

from pathlib import Path

from flask import Flask

import crm.models  # noqa: F401 (declares every table before the first query)
import tenants.housekeeping  # noqa: F401 (declares its jobs)
from crm.contacts import api as contacts_api

TRANSLATIONS = str(Path(__file__).parent / "translations")

RESOURCES = (contacts_api.RESOURCE,)


def register(app: Flask) -> None:
    """Add every feature's pages."""
