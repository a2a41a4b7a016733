"""Workspaces full of everything, and another installation to move them to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask

from core.db import Database
from tests.factories import one_of_each
from tests.servers import installation
from tests.shop import Shop


@pytest.fixture
def full(shop: Shop) -> Shop:
    """A workspace with a record of each kind, a photo, and a row in every table."""
    from tests.backups.holding import fill

    with shop.acting() as actor:
        one_of_each(actor, "Růžička")
    fill(shop)
    return shop


@dataclass
class Elsewhere:
    """Another installation: a cluster, a key and a folder of its own."""

    base: Database
    app: Flask
    environ: dict[str, str]


@pytest.fixture(scope="session")
def elsewhere_servers() -> Iterator[dict[str, str]]:
    with installation("elsewhere", 3, OKNO_SECRET_KEY="the key of somebody else's server, long enough") as environ:
        yield environ


@pytest.fixture
def elsewhere(elsewhere_servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Elsewhere]]:
    """Moves this process to the other installation when it is called; back with the end of the test."""
    from config.settings import settings
    from core.db import database, database_of
    from core.files import files
    from tenants.backups import vault
    from tenants.directory import directory

    def forget() -> None:
        for each in (settings.cache_clear, database_of.cache_clear, directory.forget, files.cache_clear):
            each()
        vault.store.cache_clear()

    def move() -> Elsewhere:
        from crm.app import create_app

        for name, value in elsewhere_servers.items():
            monkeypatch.setenv(name, value)
        forget()
        return Elsewhere(database(), create_app(settings()), elsewhere_servers)

    yield move
    monkeypatch.undo()
    forget()
