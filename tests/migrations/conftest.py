"""A cluster of their own for the migrations' tests, since roles are shared by all databases of a cluster."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from config.embedded import start_throwaway, stop_throwaway
from migrations.runner import Urls


@pytest.fixture(scope="module")
def urls() -> Iterator[Urls]:
    home = Path(tempfile.mkdtemp(prefix="okno-migrations-"))
    owner = make_url(start_throwaway(home).database_url)

    def login(name: str) -> str:
        return owner.set(username=name, password="for-this-test").render_as_string(hide_password=False)

    yield Urls(owner.render_as_string(hide_password=False), login("okno_ws"), login("okno_control"))
    stop_throwaway(home)


@pytest.fixture
def owner(urls: Urls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        yield connection
