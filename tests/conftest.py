"""What every test may ask for: the application on the run's servers, and fresh workspaces.

OKNO_TEST_SERVERS=1 uses the servers named by DATABASE_URL and REDIS_URL, for quick repeated runs by hand.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

if TYPE_CHECKING:
    from tests.shop import Shop

pytest_plugins = ["tests.servers", "tests.browser.site", "tests.billing.installation"]


@pytest.fixture(scope="session")
def installed(request: pytest.FixtureRequest) -> None:
    """Settings point at the run's servers, whose database is of this release."""
    if os.environ.get("OKNO_TEST_SERVERS") != "1":
        state = request.getfixturevalue("servers")
        os.environ.update(DATABASE_URL=state.database_url, REDIS_URL=state.redis_url)
    os.environ["OKNO_HOME"] = tempfile.mkdtemp(prefix="home-", dir=os.environ["OKNO_TEST_HOME"])
    os.environ["OKNO_SECRET_KEY"] = "a key for tests, long enough to pass as one"
    os.environ["OKNO_ENV"] = "embedded"
    os.environ["OKNO_URL"] = "http://localhost:8000"
    os.environ["OKNO_PAYMENTS"] = "off"  # as on a server of one's own; the tests of plans choose otherwise
    from config.settings import settings
    from crm.models import METADATA
    from migrations.runner import Urls, upgrade

    settings.cache_clear()
    here = settings()
    urls = Urls(here.database_url, here.workspace_database_url, here.control_database_url)
    with (Path(os.environ["OKNO_TEST_HOME"]) / "upgrade.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        upgrade(urls, METADATA, pool=20, say=lambda _line: None)


@pytest.fixture(scope="session")
def app(installed: None) -> Flask:
    """The application, CSRF protection and all."""
    from crm.app import create_app

    return create_app()


@pytest.fixture
def shop(app: Flask) -> "Iterator[Shop]":
    """A workspace of one test, with an owner and the industry "windows"."""
    yield from for_one_test(app)


@pytest.fixture
def other(app: Flask) -> "Iterator[Shop]":
    """A second workspace, of other people."""
    yield from for_one_test(app)


def for_one_test(app: Flask) -> "Iterator[Shop]":
    from tests.recycling import recycle
    from tests.shop import open_shop

    with app.test_request_context("/"):
        shop = open_shop(app)
    yield shop
    recycle(shop.workspace)
