"""An installation that sells, for the tests of payments and of the pages about plans.

A plugin: tests/conftest.py names it in `pytest_plugins`. Its servers are its own, since a comparison with Stripe goes
over all workspaces there are.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.billing.till import Till
from tests.servers import installation

KEPT = ("DATABASE_URL", "REDIS_URL", "OKNO_HOME", "OKNO_PAYMENTS", "OKNO_SECRET_KEY", "OKNO_ENV", "OKNO_URL")


@pytest.fixture(scope="session")
def till_servers() -> Iterator[dict[str, str]]:
    with installation("till", 20, OKNO_PAYMENTS="test") as environ:
        yield environ


@pytest.fixture
def till(till_servers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """The installation, with a stand-in that nobody has used yet."""
    from billing.gateway import gateway_of
    from billing.standin import StandInClient
    from billing.standin.embedded import standin_of
    from config.settings import settings
    from core.db import database, database_of
    from crm.app import create_app
    from tenants.directory import directory

    for name, value in till_servers.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OKNO_HOME", str(tmp_path))
    forget = (settings.cache_clear, database_of.cache_clear, directory.forget)
    for each in forget:
        each()
    config = settings()
    gateway = gateway_of(config)
    wire = gateway.client._requestor._client
    assert isinstance(wire, StandInClient)
    with database().controlling() as control:  # of the test before, whose stand-in is gone
        control.execute(text("delete from control.billing_account"))
    start = datetime.now(UTC)
    start = start.replace(year=start.year + 1, month=3, day=1, hour=12, minute=0, second=0)
    standin_of(config).webhook_url = ""  # the tests take its events when they want to
    standin_of(config).advance(int(start.timestamp()))  # months of known lengths follow
    yield Till(create_app(config), config, database(), standin_of(config), wire, gateway)
    database().dispose()
    monkeypatch.undo()
    for each in forget:
        each()
