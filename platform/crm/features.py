"""The features of the product, in one list: each brings its pages and its resources."""

from pathlib import Path

from flask import Flask

import crm.models  # noqa: F401 (declares every table before the first query)
import tenants.housekeeping  # noqa: F401 (declares its jobs)
from crm.contacts import api as contacts_api
from crm.tasks import api as tasks_api
from crm.tasks.pages import pages as tasks_pages
from crm.today.pages import pages as today_pages

TRANSLATIONS = str(Path(__file__).parent / "translations")

RESOURCES = (contacts_api.RESOURCE, tasks_api.RESOURCE)
PAGES = (tasks_pages, today_pages)


def register(app: Flask) -> None:
    """Add every feature's pages."""
    for pages in PAGES:
        app.register_blueprint(pages)
